//! What `upgrade` tells besides: notices about what it did, and what its passes left alone.
//!
//! A notice about a problem that `check` finds has the code of that; these are the others. Nothing of this keeps a result from being
//! written.

use super::{Code, Severity, Upgrade};

pub static WHEEL_NAME: Code = Code {
    name: "wheel-name",
    severity: Severity::Warning,
    summary: "the file has another name than its tags make",
    explanation: "`-o` gives a wheel a name that does not say what it is for. Installers read the tags from the file name.",
    remedy: "give a directory to `-o`, or the name that the notice tells",
    upgrade: Upgrade::Leaves,
};

pub static NO_MODULES: Code = Code {
    name: "no-modules",
    severity: Severity::Note,
    summary: "the archive has no side module",
    explanation: "Nothing in it is built for a platform, so there is nothing to upgrade: it comes out as it went in.",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static INSTALLERS: Code = Code {
    name: "installers",
    severity: Severity::Note,
    summary: "a wheel has both spellings of its platform",
    explanation: "Pyodide before 0.29.4 knows the platform as `pyodide_2025_0` alone. A name with both spellings is installed by all, but \
                  PyPI takes only `pyemscripten_2025_0` (pypi/warehouse #19804), and `pyodide py-compile` passes over names with two \
                  platforms.",
    remedy: "`--tag-style pep783` for PyPI, `--tag-style legacy` for Pyodide before 0.29.4",
    upgrade: Upgrade::Leaves,
};

pub static NO_EFFECT: Code = Code {
    name: "no-effect",
    severity: Severity::Warning,
    summary: "an option did nothing",
    explanation: "Nothing in the inputs is what the option is about: a glob matches nothing, a library is not needed, or there is no \
                  wheel among the inputs.",
    remedy: "look for a misspelt name, or leave the option out",
    upgrade: Upgrade::Leaves,
};

pub static NOT_IN_LOCK: Code = Code {
    name: "not-in-lock",
    severity: Severity::Warning,
    summary: "the lock file lists no package with this file",
    explanation: "The input came out as it went in, and the lock file does not know it, so nothing changes there.",
    remedy: "nothing, or give the lock file that lists the wheel",
    upgrade: Upgrade::Leaves,
};

pub static LOCK_UNFIT: Code = Code {
    name: "lock-unfit",
    severity: Severity::Warning,
    summary: "packages of the lock file do not fit the target yet",
    explanation: "The copy of the lock file is for the target, and packages that were not among the inputs are still for another \
                  platform or Python.",
    remedy: "upgrade these packages, too",
    upgrade: Upgrade::Leaves,
};

pub static LOCK_DROPPED: Code = Code {
    name: "lock-dropped",
    severity: Severity::Warning,
    summary: "packages are left out of the new lock file",
    explanation: "A lock file was the input, and these packages were refused, or depend on one that was. Loaded on the target they would fail.",
    remedy: "build these packages for the target, or keep their entries with `--keep-unfit`",
    upgrade: Upgrade::Leaves,
};

pub static LOCK_KEPT: Code = Code {
    name: "lock-kept",
    severity: Severity::Warning,
    summary: "a package that could not be upgraded stays as it is",
    explanation: "With `--keep-unfit` a package of the lock file that is refused keeps its file and its entry. It will not load on the target, \
                  for the reason that is told.",
    remedy: "build the package for the target",
    upgrade: Upgrade::Leaves,
};

pub static PRELIMINARY: Code = Code {
    name: "preliminary-target",
    severity: Severity::Note,
    summary: "the target is not released yet",
    explanation: "What is known of the target is that of a pre-release of Pyodide. Symbols, and even the name of the platform, may still \
                  change before the release.",
    remedy: "upgrade anew from the original with a version of this tool that knows the release",
    upgrade: Upgrade::Leaves,
};

pub static ONE_WHEEL: Code = Code {
    name: "one-wheel",
    severity: Severity::Note,
    summary: "one wheel is for several targets, and this is what was proven",
    explanation: "With `--one-wheel` the input is upgraded for each target, and the results have to be the same byte for byte. Each is checked \
                  as `check` does: the runtimes of each target offer what the modules import, with the same types. Python's tags are \
                  right for all of them, and an `abi3` wheel that moves to another Python uses nothing outside of the stable ABI. That \
                  the code does the same under each Python, and with each version of the libraries in the runtime, is not proven by this.",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static GRAFTED_FIRST: Code = Code {
    name: "grafted-first",
    severity: Severity::Warning,
    summary: "several directories have a library, and they differ",
    explanation: "More than one `--libdir` has a library of the needed name. The one in the directory that was given first went \
                  into the wheel.",
    remedy: "give the directory of the right one first",
    upgrade: Upgrade::Leaves,
};

pub static PLAIN_NAME: Code = Code {
    name: "plain-name",
    severity: Severity::Note,
    summary: "a library keeps its plain name",
    explanation: "A private library of a wheel gets a part of the hash of its contents into its file name, so that no other library of that \
                  name is loaded in its place. This one may be opened by its name, from code or from a module, or the new name is taken.",
    remedy: "nothing, unless a library in `/usr/lib` or site-packages has that name: it wins. `--isolate none` leaves all names",
    upgrade: Upgrade::Leaves,
};

pub static SIGNATURE_DROPPED: Code = Code {
    name: "signature-dropped",
    severity: Severity::Warning,
    summary: "the signature of the wheel is gone",
    explanation: "`RECORD.jws` and `RECORD.p7s` sign the old `RECORD`. A signature of other contents would make installers that \
                  look at it refuse the wheel.",
    remedy: "sign the new wheel, if it was signed for a reason",
    upgrade: Upgrade::Leaves,
};

pub static SYMBOLIC_LINK: Code = Code {
    name: "symbolic-link",
    severity: Severity::Warning,
    summary: "a symbolic link in a directory is named like a module, and was not followed",
    explanation: "What links in a directory lead to may be outside of it, a cache of an installer for example, or is met under its own name. \
                  They stay as they are, or are made anew with the same target.",
    remedy: "put copies of the files in the place of the links (`cp -L`, `uv pip install --link-mode copy`)",
    upgrade: Upgrade::Leaves,
};

pub static OLD_SBOM: Code = Code {
    name: "old-sbom",
    severity: Severity::Warning,
    summary: "a bill of materials may have hashes of old modules",
    explanation: "In files of `.dist-info/sboms` that are CycloneDX as JSON the SHA-256 of a module becomes that of the new one. Here there \
                  is a file of another form, with hashes by other algorithms, or with the hash of a module in other places than `hashes` of a \
                  component; or a library was grafted, which no file lists.",
    remedy: "make the bill of materials anew",
    upgrade: Upgrade::Leaves,
};

pub static UNREAD_AUDIT: Code = Code {
    name: "unread-audit",
    severity: Severity::Warning,
    summary: "the record of what was done to a wheel does not have this run",
    explanation: "A wheel with a `wasm-pyfix.json` in its `.dist-info` gets every later run that changes something recorded there. This file \
                  was written by a later version of the tool, or is damaged, or something else is in its place. It stays as it is.",
    remedy: "use a version of this tool that knows the form of the record, or take the file out of the wheel",
    upgrade: Upgrade::Leaves,
};

pub static COMPRESSED_ANEW: Code = Code {
    name: "compressed-anew",
    severity: Severity::Note,
    summary: "files with old contents were compressed anew",
    explanation: "`--compress` was given, and found a shorter form of the same contents.",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static DROPPED_SECTIONS: Code = Code {
    name: "dropped-sections",
    severity: Severity::Note,
    summary: "custom sections that are wrong for the new code were dropped",
    explanation: "Debug information (`.debug_…`, source maps) names places in the code by their offsets, which are others now. \
                  Names of functions stay, but for a section `name` that cannot be read and so not be written with new numbers.",
    remedy: "keep the old module to debug it with",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_MODULE: Code = Code {
    name: "kept-module",
    severity: Severity::Note,
    summary: "a pass leaves a module as it is",
    explanation: "Debug information points into its code, it imports what breaks the conventions of linking, or it would change \
                  with every run. What is upgraded for the target is not among it: only the module stays as large as it was.",
    remedy: "drop the debug information with `--strip debug`, if that is the reason",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_IMPORT: Code = Code {
    name: "kept-import",
    severity: Severity::Note,
    summary: "an import keeps its type",
    explanation: "`legalize` joins halves of 64-bit integers only in imports whose type is known. One with two 32-bit integers \
                  side by side that may be halves, and may be none, stays as it is where nothing proves it.",
    remedy: "give the files of the main module that offers it to `--main`",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_EXPORT: Code = Code {
    name: "kept-export",
    severity: Severity::Note,
    summary: "an export stays",
    explanation: "`prune` removes exports that nobody looks for. The reason tells who may look for this one. See \
                  [prune.md](prune.md).",
    remedy: "nothing; `--exports` and `--keep-export` say more about what is needed",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_REFERENCE: Code = Code {
    name: "kept-reference",
    severity: Severity::Note,
    summary: "a reference goes through the loader",
    explanation: "`bind` and `resolve` let references to what a module defines itself become local, unless another module may have \
                  to win. See [bind.md](bind.md).",
    remedy: "nothing; `--bsymbolic` binds more",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_CALL_SITE: Code = Code {
    name: "kept-call-site",
    severity: Severity::Note,
    summary: "a call site is not known exactly",
    explanation: "`exceptions` did not recognise all that the code around a call does. It calls a wrapper, which is slower, or \
                  catches all that JavaScript caught; the reason tells which. See [exceptions.md](exceptions.md).",
    remedy: "nothing, unless the reason says that the call traps",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_LANDING_PAD: Code = Code {
    name: "kept-landing-pad",
    severity: Severity::Note,
    summary: "a landing pad may ask late for its exception",
    explanation: "`exceptions` gives a landing pad its exception when it asks. Where it does something else before, or hands the \
                  exception on, that something may see another one. See [exceptions.md](exceptions.md).",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_SIGNATURE: Code = Code {
    name: "kept-signature",
    severity: Severity::Note,
    summary: "a `dynCall_…` export is not made",
    explanation: "JavaScript cannot pass vectors or take several results, so nobody can call such an export.",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_FUNCTION_TABLE: Code = Code {
    name: "kept-function-table",
    severity: Severity::Note,
    summary: "all slots of the function table stay",
    explanation: "`prune` frees slots that nobody names. Here code may compute the number of any slot. See [prune.md](prune.md).",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_RELOCATION_CODE: Code = Code {
    name: "kept-relocation-code",
    severity: Severity::Note,
    summary: "the relocation code stays code",
    explanation: "`relocations` makes a table of it where it only adds bases to words of data. Here it does something else, or \
                  there is no room for a table. See [relocations.md](relocations.md).",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_RELOCATION: Code = Code {
    name: "kept-relocation",
    severity: Severity::Note,
    summary: "a relocation stays code",
    explanation: "The word has no initial value in the data, is not aligned, or is written twice, so that the table cannot say the \
                  same. See [relocations.md](relocations.md).",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_POINTER: Code = Code {
    name: "kept-pointer",
    severity: Severity::Note,
    summary: "a function pointer stays as it is",
    explanation: "The pointer is called under another type than its function has, which ends the whole runtime, as \
                  [pointer-type-mismatch](#pointer-type-mismatch) says, and more than the number of arguments is wrong, or it is not known \
                  all of what the module does with it. Or the module puts it together when it runs, so that nobody looks at it. See \
                  [pointers.md](pointers.md).",
    remedy: "where `check` finds it, give the function the parameters and the result with which it is called",
    upgrade: Upgrade::Leaves,
};

pub static KEPT_NAME: Code = Code {
    name: "kept-name",
    severity: Severity::Note,
    summary: "a symbol of a private library keeps its name",
    explanation: "`isolate` gives symbols of private libraries names that no other module has. Where another module may have to be \
                  meant, or the symbol is to be one for the whole program, it keeps its own. `slots` links those with new names without \
                  any, where that is certain to work. The reason tells why not. See [isolate.md](isolate.md).",
    remedy: "nothing",
    upgrade: Upgrade::Leaves,
};

pub static NOTICES: [&Code; 18] = [
    &WHEEL_NAME,
    &INSTALLERS,
    &NO_MODULES,
    &GRAFTED_FIRST,
    &PLAIN_NAME,
    &SIGNATURE_DROPPED,
    &OLD_SBOM,
    &UNREAD_AUDIT,
    &SYMBOLIC_LINK,
    &COMPRESSED_ANEW,
    &DROPPED_SECTIONS,
    &NO_EFFECT,
    &NOT_IN_LOCK,
    &LOCK_UNFIT,
    &LOCK_DROPPED,
    &LOCK_KEPT,
    &PRELIMINARY,
    &ONE_WHEEL,
];

pub static KEPT: [&Code; 12] = [
    &KEPT_MODULE,
    &KEPT_IMPORT,
    &KEPT_EXPORT,
    &KEPT_REFERENCE,
    &KEPT_CALL_SITE,
    &KEPT_LANDING_PAD,
    &KEPT_SIGNATURE,
    &KEPT_FUNCTION_TABLE,
    &KEPT_RELOCATION_CODE,
    &KEPT_RELOCATION,
    &KEPT_POINTER,
    &KEPT_NAME,
];
