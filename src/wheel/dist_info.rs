//! What the files in `.dist-info` say of format, tags and Python, and the tags that they get.

use super::metadata::{self, Format};
use super::{Edits, Wheel, WheelOptions, target};
use crate::archive::Archive;
use crate::codes::finding::Place;
use crate::codes::python;
use crate::codes::python::{REQUIRES_PYTHON, TAGS_DIFFER, WHEEL_VERSION};
use crate::name::{self, WheelName};
use crate::target::Target;
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use wasm_pyfix_passes::Notice;

/// Checks the wheel's name, its `.dist-info` directory, its platform and its Python.
pub(super) fn open_wheel(
    file_name: &str,
    archive: &Archive<'_>,
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<Wheel> {
    let name = WheelName::parse(file_name)?;
    let names = archive.entries.iter().map(|entry| entry.name.as_str());
    let dist_info = metadata::dist_info(names)?.context("no `.dist-info` directory inside: not a wheel")?;
    name.check_platform(target(options))?;
    let runs_on_target = name.runs_on(&options.python_tag)?;
    if !runs_on_target {
        let finding = name.other_python(target(options).map_or("the target", |target| target.name), &options.python_tag);
        let problem = finding.sentence(0);
        if !options.allow_python_mismatch {
            bail!(finding.code.refuses(format!("{problem}. {}", why_not_moved(&options.python_tag))));
        }
        notices.push(finding.code.warns(format!("{problem}; upgraded at your own risk, Python tags unchanged")));
    }
    let wheel = Wheel { name, dist_info, runs_on_target };
    for file in metadata::FILES {
        let path = format!("{}/{file}", wheel.dist_info);
        archive.position(&path).with_context(|| metadata::lacks(&path))?;
    }
    let (index, text) = read_dist_info(archive, &wheel, "WHEEL")?;
    match metadata::format(&String::from_utf8_lossy(&text)) {
        Format::Known => {}
        Format::Newer(version) => {
            let message =
                format!("WHEEL has `Wheel-Version: {version}`, of which 1.0 is known: what is new in it was not looked at");
            notices.push(WHEEL_VERSION.warns(message));
        }
        Format::Other(version) => {
            let place = Place { path: Some(archive.entries[index].name.clone()) };
            let finding = python::other_format(&place, &version);
            bail!(finding.code.fails(format!("entry {}", finding.sentence(0))));
        }
    }
    Ok(wheel)
}

pub(super) fn read_dist_info(archive: &Archive<'_>, wheel: &Wheel, file: &str) -> Result<(usize, Vec<u8>)> {
    let path = format!("{}/{file}", wheel.dist_info);
    let index = archive.position(&path).with_context(|| metadata::lacks(&path))?;
    Ok((index, archive.read(index)?))
}

/// Notices about things that stay as they are.
pub(super) fn inspect_metadata(
    archive: &Archive<'_>,
    wheel: &Wheel,
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    if !wheel.runs_on_target {
        return Ok(());
    }
    if let Some(version) = name::python_version(&options.python_tag) {
        let (_, text) = read_dist_info(archive, wheel, "METADATA")?;
        if let Some(requires) = metadata::excluded_python(&text, version) {
            notices.push(REQUIRES_PYTHON.warns(format!(
                "METADATA has `Requires-Python: {requires}`, so installers refuse this wheel on Python {}.{}",
                version.0, version.1
            )));
        }
    }
    Ok(())
}

/// Replaces the platform tags in `WHEEL`; returns the new file name. As long as no module has changed, the tag `any` stays, and so do
/// tags of platforms besides the target: then the wheel is for as many platforms as it was.
pub(super) fn retag(
    archive: &Archive<'_>,
    wheel: &Wheel,
    options: &WheelOptions,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<String> {
    let mut name = wheel.name.clone();
    let (index, text) = read_dist_info(archive, wheel, "WHEEL")?;
    let listed: HashSet<String> = metadata::wheel_tags(&String::from_utf8_lossy(&text)).into_iter().collect();
    if listed != name.tags().into_iter().collect() {
        notices.push(TAGS_DIFFER.notes("the tags in WHEEL are not those of the file name, which were taken"));
    }
    let wanted = wanted_tags(options, &name.platform);
    let unchanged = edits.replaced.is_empty() && edits.added.is_empty();
    let stays = wanted.is_empty() || (unchanged && is_for_more(&name.platform, &wanted));
    if !stays {
        name.platform = wanted;
    }
    let new = metadata::retag_wheel(&text, &name.tags()).with_context(|| format!("entry `{}/WHEEL`", wheel.dist_info))?;
    if let Some(new) = new {
        edits.replaced.insert(index, new);
    }
    Ok(name.file_name())
}

/// The platform tags of all targets that the output is for, each once and, of several, sorted. A target that the tags `present` name
/// already keeps its spellings, and a wheel without legacy tags gets none, unless others were asked for.
pub(super) fn wanted_tags(options: &WheelOptions, present: &[String]) -> Vec<String> {
    let spelled = |tags: &[String]| -> Vec<String> {
        let target = |tag: &String| name::platform_of_tag(tag).map(|target| target.name);
        let wanted = tags.iter().find_map(target);
        let own: Vec<String> = present.iter().filter(|tag| wanted.is_some() && target(tag) == wanted).cloned().collect();
        if !options.keep_spelling {
            return tags.to_vec();
        }
        let had_legacy = present.iter().any(|tag| name::is_legacy(tag));
        let fitting = tags.iter().filter(|tag| had_legacy || !name::is_legacy(tag)).cloned();
        if own.is_empty() { fitting.collect() } else { own }
    };
    let mut tags = spelled(&options.platform_tags);
    if !options.also.is_empty() {
        tags.extend(options.also.iter().flat_map(|also| spelled(&also.platform_tags)));
        tags.sort();
        tags.dedup();
    }
    tags
}

/// Whether a wheel with the platform tags `present` is for any platform, or for the `wanted` ones in this spelling and for others.
pub(super) fn is_for_more(present: &[String], wanted: &[String]) -> bool {
    let names = |tag: &String| Target::of_platform_tag(tag).map_or(tag.clone(), |target| target.name.to_string());
    let targets: Vec<String> = wanted.iter().map(names).collect();
    let listed = wanted.iter().all(|tag| present.contains(tag));
    let mut others = present.iter().filter(|tag| !wanted.contains(tag));
    present.iter().any(|tag| tag == "any") || (listed && others.all(|tag| !targets.contains(&names(tag))))
}

/// Why a wheel is not moved to another Python, and what helps.
fn why_not_moved(python: &str) -> String {
    format!(
        "Only `abi3` and pure `py3-none` wheels may move to another Python version: other extensions have the structures of their CPython \
         minor version compiled in, so under another one they refuse to load, or load and corrupt memory. Build the project for \
         `{python}`, or with Py_LIMITED_API for all versions. `--allow-python-mismatch` upgrades the modules all the same and leaves the \
         Python tags as they are, for a runtime that has this Python"
    )
}
