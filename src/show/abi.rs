//! With what a module was built, guessed from the marks that it carries; linked modules name no version of Emscripten.
//!
//! Sources: Emscripten's ChangeLog (2.0.30: `dylink.0`; 3.1.57: `__wasm_setjmp` in place of `saveSetjmp`), libc++'s ABI tags
//! (`_LIBCPP_ODR_SIGNATURE` and `_LIBCPP_VERSION` in its `__config`), the built-in manifests for which libc++ a platform has.

use super::{Abi, Handling, Instructions, Integers};
use crate::target::Target;
use wasm_pyfix_passes::linking::exception_abi;
use wasm_pyfix_passes::survey::{Kind, Survey};
use wasm_pyfix_passes::{ExceptionAbi, exceptions};
use wasmparser::{FuncType, ValType};

/// What `survey` tells about the module's ABI.
pub fn abi(survey: &Survey) -> Abi {
    let mut evidence = Vec::new();
    let exceptions = exceptions_of(survey, &mut evidence);
    let longjmp = longjmp_of(survey, &mut evidence);
    let integers = integers_of(survey, &mut evidence);
    let instructions = instructions_of(survey);
    let (emscripten_since, emscripten_before) = era(survey, &mut evidence);
    let libcxx = libcxx(survey);
    if let Some(version) = &libcxx {
        evidence.push(format!("its mangled names carry the version of libc++, {version}"));
    }
    let threads = survey.memories.iter().any(|memory| memory.shared);
    let memory64 = survey.memories.iter().any(|memory| memory.memory64);
    let asyncify = survey.exports.iter().any(|export| export.name.starts_with("asyncify_"))
        || survey.imports.iter().any(|import| ["__asyncify_state", "__asyncify_data"].contains(&&*import.field));
    let legacy = survey.linking.as_ref().is_some_and(|linking| linking.legacy);
    let unusual = threads || memory64 || asyncify || integers == Integers::Split;
    let platforms = if unusual || survey.linking.is_none() { Vec::new() } else { platforms(exceptions, longjmp, legacy) };
    Abi {
        exceptions,
        instructions,
        longjmp,
        integers,
        emscripten_since,
        emscripten_before,
        libcxx,
        threads,
        memory64,
        asyncify,
        platforms,
        evidence,
    }
}

/// The functions that the module imports to call them or for their addresses, with their types where they have one.
fn functions(survey: &Survey) -> impl Iterator<Item = (&str, Option<&FuncType>)> {
    survey.imports.iter().filter_map(|import| match &import.kind {
        Kind::Function(ty) if import.module == "env" => Some((&*import.field, Some(ty))),
        Kind::Global(_) if import.module == "GOT.func" => Some((&*import.field, None)),
        _ => None,
    })
}

/// Functions of JavaScript exception handling that the module imports, of the names for which `wanted` holds.
fn of_javascript(survey: &Survey, wanted: impl Fn(&str) -> bool) -> usize {
    let is_of_abi = |name: &str, ty: Option<&FuncType>| ty.is_none_or(|ty| exception_abi::is_of_abi(name, ty));
    functions(survey).filter(|(name, ty)| wanted(name) && is_of_abi(name, *ty)).count()
}

/// Whether it imports or defines the tag, for which only an import and an export have a name.
fn has_tag(survey: &Survey, name: &str) -> bool {
    let imported = survey.imports.iter().any(|import| import.field == name && matches!(import.kind, Kind::Tag(_)));
    imported || survey.exports.iter().any(|export| export.name == name && matches!(export.kind, Kind::Tag(_)))
}

fn handling(javascript: bool, native: bool, throws: bool) -> Handling {
    match (javascript, native) {
        (true, true) => Handling::Mixed,
        (true, false) => Handling::JavaScript,
        (false, true) => Handling::Native,
        (false, false) if throws => Handling::Throws,
        (false, false) => Handling::None,
    }
}

fn exceptions_of(survey: &Survey, evidence: &mut Vec<String>) -> Handling {
    let pads = of_javascript(survey, |name| {
        name.starts_with("__cxa_find_matching_catch_") || ["__resumeException", "llvm_eh_typeid_for"].contains(&name)
    });
    let invokes = of_javascript(survey, |name| name.starts_with("invoke_"));
    // Without a landing pad, invokes may be those of setjmp.
    let javascript = pads > 0 || (invokes > 0 && !jumps_by_javascript(survey));
    let tag = has_tag(survey, "__cpp_exception");
    let handlers = survey.legacy_handlers + survey.new_handlers;
    let native = tag || (handlers > 0 && !has_tag(survey, "__c_longjmp"));
    if invokes > 0 {
        evidence.push("it imports invoke_* functions".to_string());
    }
    if tag {
        evidence.push("it imports the tag __cpp_exception".to_string());
    }
    if handlers > 0 {
        evidence.push("its code has native exception handlers".to_string());
    }
    let throws = functions(survey).any(|(name, _)| exceptions::THROWING.contains(&name));
    handling(javascript, native, throws)
}

fn jumps_by_javascript(survey: &Survey) -> bool {
    of_javascript(survey, |name| ["emscripten_longjmp", "saveSetjmp", "testSetjmp"].contains(&name)) > 0
}

fn longjmp_of(survey: &Survey, evidence: &mut Vec<String>) -> Handling {
    let javascript = jumps_by_javascript(survey);
    let tag = has_tag(survey, "__c_longjmp");
    let native = tag || functions(survey).any(|(name, _)| name == "__wasm_longjmp");
    if javascript {
        evidence.push("it imports emscripten_longjmp or saveSetjmp".to_string());
    }
    if tag {
        evidence.push("it imports the tag __c_longjmp".to_string());
    }
    handling(javascript, native, false)
}

fn instructions_of(survey: &Survey) -> Option<Instructions> {
    match (survey.legacy_handlers, survey.new_handlers) {
        (0, 0) => None,
        (_, 0) => Some(Instructions::Legacy),
        (0, _) => Some(Instructions::New),
        _ => Some(Instructions::Both),
    }
}

fn is_wide(ty: &FuncType) -> bool {
    ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::I64)
}

fn integers_of(survey: &Survey, evidence: &mut Vec<String>) -> Integers {
    const ORIGINAL: &str = "orig$";
    let originals = survey.exports.iter().filter(|export| export.name.starts_with(ORIGINAL)).count();
    // `invoke_vj` has a 64-bit integer; linked without BIGINT, its type has not.
    let split = functions(survey).filter(|(name, ty)| {
        let wide = name.strip_prefix("invoke_").is_some_and(|letters| letters.contains('j'));
        wide && ty.is_some_and(|ty| exception_abi::is_of_abi(name, ty) && !is_wide(ty))
    });
    let split = split.count();
    if originals + split > 0 {
        evidence.push("64-bit integers cross its border in halves".to_string());
        return Integers::Split;
    }
    let imports = functions(survey).filter_map(|(_, ty)| ty);
    let exports = survey.exports.iter().filter_map(|export| if let Kind::Function(ty) = &export.kind { Some(ty) } else { None });
    if !imports.chain(exports).any(is_wide) {
        return Integers::None;
    }
    evidence.push("64-bit integers cross its border whole".to_string());
    Integers::Whole
}

/// The first version of Emscripten that can have linked the module, and the first that cannot any more.
fn era(survey: &Survey, evidence: &mut Vec<String>) -> (Option<&'static str>, Option<&'static str>) {
    let imports = |name: &str| functions(survey).any(|(import, _)| import == name);
    let legacy = survey.linking.as_ref().map(|linking| linking.legacy);
    let mut since = (legacy == Some(false)).then_some("2.0.30");
    let mut before = (legacy == Some(true)).then_some("2.0.30");
    if legacy == Some(true) {
        evidence.push("its metadata are in the section dylink, which Emscripten 2.0.30 replaced".to_string());
    }
    if imports("__wasm_setjmp") || imports("__wasm_setjmp_test") {
        evidence.push("it imports __wasm_setjmp, which came with Emscripten 3.1.57".to_string());
        since = Some("3.1.57");
    }
    if imports("saveSetjmp") || imports("testSetjmp") {
        evidence.push("it imports saveSetjmp, which Emscripten 3.1.57 replaced".to_string());
        before = before.or(Some("3.1.57"));
    }
    (since, before)
}

/// The newest version of libc++ in ABI tags such as `B8ne190106`: two digits each for major, minor and patch, behind letters for how it
/// was configured.
fn libcxx(survey: &Survey) -> Option<String> {
    let names = survey.imports.iter().map(|import| &import.field).chain(survey.exports.iter().map(|export| &export.name));
    let newest = names.filter_map(|name| libcxx_tag(name)).max()?;
    Some(format!("{}.{}.{}", newest / 10_000, newest / 100 % 100, newest % 100))
}

fn libcxx_tag(name: &str) -> Option<u32> {
    let tags = name.match_indices("B8n").filter_map(|(at, _)| name.get(at + 4..at + 10));
    tags.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())).filter_map(|digits| digits.parse().ok()).max()
}

/// The platforms whose loaders and exception ABI take such a module.
fn platforms(exceptions: Handling, longjmp: Handling, legacy: bool) -> Vec<&'static str> {
    let fits = |abi: ExceptionAbi, handling: Handling| match handling {
        Handling::None | Handling::Throws => true,
        Handling::JavaScript => abi == ExceptionAbi::JavaScript,
        Handling::Native => abi == ExceptionAbi::Native,
        Handling::Mixed => false,
    };
    let targets = Target::all().iter().filter(|target| target.has_wheels());
    // Loaders know the old section for as long as exceptions were JavaScript's: until Emscripten 4.0.5.
    let targets = targets.filter(|target| !legacy || target.exception_abi == ExceptionAbi::JavaScript);
    let targets = targets.filter(|target| fits(target.exception_abi, exceptions) && fits(target.exception_abi, longjmp));
    targets.map(|target| target.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_libcxx_is_in_its_abi_tags() {
        assert_eq!(libcxx_tag("_ZNSt3__26vectorIiE9push_backB8ne190106EOi"), Some(190_106));
        assert_eq!(libcxx_tag("_ZN3fooB8nebcdefgEv"), None);
        assert_eq!(libcxx_tag("memcpy"), None);
    }
}
