//! The functions of `std::filesystem` in libc++ under their names of Emscripten 3.1.58 and of 4.0.9.
//!
//! libc++ 19 dropped the inline namespace `std::__fs` from its ABI of version 2, which is Emscripten's (LLVM pull request 92971), so
//! every name of `<filesystem>` changed, and with it the numbers of repetitions in it. The functions here take and return paths, which are
//! strings, views of strings, error codes, numbers and structs of numbers, none of which changed. Directory iterators, directory entries,
//! iterators of paths and `filesystem_error` are classes whose members both sides read, of which that is not known, and are left out.

use super::Renamed;

const fn renamed(old: &'static str, new: &'static str) -> Renamed {
    Renamed { old, new, reason: "libc++ 19 has no inline namespace `__fs` any more" }
}

/// The names demangle to the same but for the namespace, and the types are the same.
pub const FILESYSTEM: &[Renamed] = &[
    renamed("_ZNKSt3__24__fs10filesystem4path10__filenameEv", "_ZNKSt3__210filesystem4path10__filenameEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path11__extensionEv", "_ZNKSt3__210filesystem4path11__extensionEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path11__root_nameEv", "_ZNKSt3__210filesystem4path11__root_nameEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path13__parent_pathEv", "_ZNKSt3__210filesystem4path13__parent_pathEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path15__relative_pathEv", "_ZNKSt3__210filesystem4path15__relative_pathEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path15__root_path_rawEv", "_ZNKSt3__210filesystem4path15__root_path_rawEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path16__root_directoryEv", "_ZNKSt3__210filesystem4path16__root_directoryEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path16lexically_normalEv", "_ZNKSt3__210filesystem4path16lexically_normalEv"),
    renamed("_ZNKSt3__24__fs10filesystem4path18lexically_relativeERKS2_", "_ZNKSt3__210filesystem4path18lexically_relativeERKS1_"),
    renamed("_ZNKSt3__24__fs10filesystem4path6__stemEv", "_ZNKSt3__210filesystem4path6__stemEv"),
    renamed(
        "_ZNKSt3__24__fs10filesystem4path9__compareENS_17basic_string_viewIcNS_11char_traitsIcEEEE",
        "_ZNKSt3__210filesystem4path9__compareENS_17basic_string_viewIcNS_11char_traitsIcEEEE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem10__absoluteERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem10__absoluteERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed("_ZNSt3__24__fs10filesystem10hash_valueERKNS1_4pathE", "_ZNSt3__210filesystem10hash_valueERKNS0_4pathE"),
    renamed(
        "_ZNSt3__24__fs10filesystem11__canonicalERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem11__canonicalERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem11__copy_fileERKNS1_4pathES4_NS1_12copy_optionsEPNS_10error_codeE",
        "_ZNSt3__210filesystem11__copy_fileERKNS0_4pathES3_NS0_12copy_optionsEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem11__file_sizeERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem11__file_sizeERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem12__equivalentERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem12__equivalentERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem12__remove_allERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem12__remove_allERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem13__fs_is_emptyERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem13__fs_is_emptyERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem13__permissionsERKNS1_4pathENS1_5permsENS1_12perm_optionsEPNS_10error_codeE",
        "_ZNSt3__210filesystem13__permissionsERKNS0_4pathENS0_5permsENS0_12perm_optionsEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem13__resize_fileERKNS1_4pathEyPNS_10error_codeE",
        "_ZNSt3__210filesystem13__resize_fileERKNS0_4pathEyPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem14__copy_symlinkERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem14__copy_symlinkERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem14__current_pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem14__current_pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem14__current_pathERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem14__current_pathERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem14__read_symlinkERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem14__read_symlinkERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem16__create_symlinkERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem16__create_symlinkERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem16__symlink_statusERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem16__symlink_statusERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem17__hard_link_countERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem17__hard_link_countERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem17__last_write_timeERKNS1_4pathENS_6chrono10time_pointINS1_16_FilesystemClockENS5_8durationInNS_5ratioILx1ELx1000000000EEEEEEEPNS_10error_codeE",
        "_ZNSt3__210filesystem17__last_write_timeERKNS0_4pathENS_6chrono10time_pointINS0_16_FilesystemClockENS4_8durationInNS_5ratioILx1ELx1000000000EEEEEEEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem17__last_write_timeERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem17__last_write_timeERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem18__create_directoryERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem18__create_directoryERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem18__create_directoryERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem18__create_directoryERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem18__create_hard_linkERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem18__create_hard_linkERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem18__weakly_canonicalERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem18__weakly_canonicalERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem20__create_directoriesERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem20__create_directoriesERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem21__temp_directory_pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem21__temp_directory_pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem26__create_directory_symlinkERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem26__create_directory_symlinkERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed("_ZNSt3__24__fs10filesystem4path17replace_extensionERKS2_", "_ZNSt3__210filesystem4path17replace_extensionERKS1_"),
    renamed(
        "_ZNSt3__24__fs10filesystem6__copyERKNS1_4pathES4_NS1_12copy_optionsEPNS_10error_codeE",
        "_ZNSt3__210filesystem6__copyERKNS0_4pathES3_NS0_12copy_optionsEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem7__spaceERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem7__spaceERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem8__removeERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem8__removeERKNS0_4pathEPNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem8__renameERKNS1_4pathES4_PNS_10error_codeE",
        "_ZNSt3__210filesystem8__renameERKNS0_4pathES3_PNS_10error_codeE",
    ),
    renamed(
        "_ZNSt3__24__fs10filesystem8__statusERKNS1_4pathEPNS_10error_codeE",
        "_ZNSt3__210filesystem8__statusERKNS0_4pathEPNS_10error_codeE",
    ),
];
