//! Whether the Python of the target installs a wheel, sees its modules and reads its bytecode.

use super::input::Input;
use super::report::AuditReport;
use super::{Finding, Place, Subject};
use crate::abi3::Audit;
use crate::archive::Archive;
use crate::codes;
use crate::codes::Upgrade;
use crate::codes::python::{REQUIRES_PYTHON, STALE_BYTECODE, TAGS_DIFFER};
use crate::loader::base_name;
use crate::name::{self, WheelName};
use crate::target::Target;
use crate::wheel::bytecode;
use crate::wheel::metadata::{self, Format};
use crate::wheel::rename::{self, Candidate, Fate};
use crate::wheel::suffix;
use anyhow::Result;
use std::collections::{HashMap, HashSet};
use wasm_pyfix_passes::linking::python::{is_entry, is_entry_of};

/// Checks the tags in a wheel's file name.
pub fn tags(name: &WheelName, target: &Target) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    // The runtimes take tags with their version of Emscripten, too, which was the only kind before there were platforms.
    let by_emscripten = target.emscripten_tag();
    let fits = |tag: &String| {
        tag == "any" || *tag == by_emscripten || Target::of_platform_tag(tag).is_some_and(|of| of.is_same_platform(target))
    };
    if !name.platform.iter().any(fits) {
        let tags = name.platform.join(".");
        let known = name.platform.iter().any(|tag| is_of_a_runtime(tag));
        let finding = codes::python::other_platform(&tags, known.then_some(target.name));
        let mut finding = finding.preventing(install_error(name, target));
        if name.check_platform(Some(target)).is_err() {
            finding.upgrade = Upgrade::Refuses;
        }
        findings.push(finding);
    }
    let python = target.python_tag();
    if !name.runs_on(&python)? {
        let (versions, abi) = (name.python.join("."), name.abi.join("."));
        let finding = codes::python::other_python(&versions, &abi, target.name, &python);
        findings.push(finding.preventing(install_error(name, target)));
    }
    Ok(findings)
}

/// Whether some runtime, known here or later, has this platform tag.
fn is_of_a_runtime(tag: &str) -> bool {
    // PEP 783 came after 2024_0.
    let before_pep_783 = tag.starts_with("pyemscripten_2024_");
    let by_emscripten = tag.strip_prefix("emscripten_").is_some_and(|rest| rest.ends_with("_wasm32"));
    !before_pep_783 && (["pyodide_", "pyemscripten_"].iter().any(|prefix| tag.starts_with(prefix)) || by_emscripten)
}

/// What micropip 0.11.1, of the runtimes of 2025_0 and 2026_0, says about a wheel that it does not install (`check_compatible` in its
/// `_utils.py`). It looks at any one of the tags, for what is wrong first: the platform, the ABI, the version of Python. Of tags with the
/// target's own platform it only knows those that name the version of Emscripten, and says of others that the platform is wrong.
fn install_error(name: &WheelName, target: &Target) -> String {
    let about = |platform: &String| {
        let runtime = target.emscripten;
        if !platform.contains("emscripten") {
            return Some(format!(
                "Wheel platform '{platform}' is not compatible with Pyodide's platform 'emscripten-{runtime}-wasm32'"
            ));
        }
        let version = platform.strip_prefix("emscripten_").unwrap_or(platform);
        let version = version.strip_suffix("_wasm32").unwrap_or(version).replace('_', ".");
        if version != runtime {
            return Some(format!("Wheel was built with Emscripten v{version} but Pyodide was built with Emscripten v{runtime}"));
        }
        let ([abi], [python]) = (name.abi.as_slice(), name.python.as_slice()) else { return None };
        let own = target.python_tag();
        match abi == "abi3" || *abi == own {
            false => Some(format!("Wheel abi '{abi}' is not supported. Supported abis are 'abi3' and '{own}'.")),
            true => Some(format!("Wheel interpreter version '{python}' is not supported.")),
        }
    };
    let messages: Option<HashSet<String>> = name.platform.iter().map(about).collect();
    match messages.unwrap_or_default().into_iter().collect::<Vec<_>>().as_slice() {
        [message] => format!("ValueError: {message}"),
        _ => "ValueError: Wheel …".to_string(),
    }
}

/// Checks what the files in `.dist-info` say about format, tags and Python.
pub fn metadata(archive: &Archive<'_>, dist_info: &str, name: &WheelName, target: &Target) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let read = |file: &str| -> Result<Option<(Place, Vec<u8>)>> {
        let path = format!("{dist_info}/{file}");
        let Some(index) = archive.position(&path) else { return Ok(None) };
        Ok(Some((Place { path: Some(path) }, archive.read(index)?)))
    };
    if let Some((place, text)) = read("WHEEL")? {
        let text = String::from_utf8_lossy(&text);
        if let Format::Other(version) = metadata::format(&text) {
            findings.push(codes::python::other_format(&place, &version));
        }
        let listed: HashSet<String> = metadata::wheel_tags(&text).into_iter().collect();
        if listed != name.tags().into_iter().collect() {
            let mut listed: Vec<String> = listed.into_iter().collect();
            listed.sort();
            let message = format!("lists the tags {}, the file name {}", listed.join(" "), name.tags().join(" "));
            let mut finding = Finding::new(&TAGS_DIFFER, &place, message);
            if listed.is_empty() {
                finding.upgrade = Upgrade::Refuses;
            }
            findings.push(finding);
        }
    }
    let python = target.python_tag();
    if let (Some((place, text)), Some(version)) = (read("METADATA")?, name::python_version(&python))
        && name.runs_on(&python)?
        && let Some(requires) = metadata::excluded_python(&text, version)
    {
        let message = format!("has `Requires-Python: {requires}`, and {} has Python {}", target.name, target.python);
        findings.push(Finding::new(&REQUIRES_PYTHON, &place, message));
    }
    Ok(findings)
}

/// Checks the suffixes of the modules of an input, which is called `file_name`, and notes what `upgrade` does about them.
pub fn suffixes(
    input: &Input<'_>,
    file_name: &str,
    modules: &[&Subject<'_>],
    audits: &[AuditReport],
    target: &Target,
) -> Vec<Finding> {
    let python = target.python_tag();
    let audits: HashMap<&str, &Audit> = audits.iter().map(|audit| (audit.name.as_str(), &audit.result)).collect();
    let foreign = modules.iter().filter_map(|subject| {
        let path = subject.place.path.as_deref().unwrap_or(file_name);
        let suffix = suffix::foreign_suffix(path, &[&python], |path| input.has_module(path))?;
        let exports = subject.module.exports();
        // A library is not imported.
        exports.iter().find(|export| is_entry(&export.name))?;
        let importable = exports.iter().any(|export| is_entry_of(&export.name, suffix.stem));
        let keeps_to_abi = audits.get(path).is_none_or(|audit| audit.is_abi3);
        Some((&subject.place, Candidate { suffix, importable, keeps_to_abi }))
    });
    let (places, candidates): (Vec<&Place>, Vec<Candidate<'_>>) = foreign.unzip();
    let needed = modules.iter().flat_map(|subject| &subject.module.dylink.needed).map(|name| base_name(name)).collect();
    let fates = rename::fates(&candidates, input.stable_abi, &needed, |name| input.names.contains(name));
    let found = places.into_iter().zip(&candidates).zip(fates).map(|((place, Candidate { suffix, .. }), fate)| {
        let says = format!("ModuleNotFoundError: No module named '{}'", suffix.stem);
        let mut finding = codes::python::other_suffix(place, &suffix.python(), target.python).preventing(says);
        finding.upgrade = match fate {
            Fate::Renamed(_) | Fate::Spare => Upgrade::Fixes,
            Fate::Refused => Upgrade::Refuses,
            Fate::ForOnePython | Fate::OtherModule | Fate::Kept { .. } => Upgrade::Leaves,
        };
        finding
    });
    found.collect()
}

/// Checks bytecode.
pub fn bytecode(archive: &Archive<'_>, target: &Target) -> Result<Vec<Finding>> {
    let stale = bytecode::stale(archive, &target.python_tag())?;
    let place = |index: &usize| Place { path: Some(archive.entries[*index].name.clone()) };
    let message = format!("is bytecode of another Python than {}", target.python);
    let ignored =
        stale.droppable.iter().map(|index| Finding::new(&STALE_BYTECODE, &place(index), format!("{message}, and ignored")));
    let sourceless = stale.sourceless.iter().map(|index| {
        let name = &archive.entries[*index].name;
        let module = name.rsplit('/').next().and_then(|name| name.strip_suffix(".pyc")).unwrap_or(name);
        let finding = codes::python::without_source(&place(index), target.python);
        finding.preventing(format!("ImportError: bad magic number in '{module}': …"))
    });
    Ok(sourceless.chain(ignored).collect())
}
