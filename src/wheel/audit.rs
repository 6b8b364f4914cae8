//! A record in the wheel of what was done to it (`--audit`): a file of JSON in `.dist-info` that names the tool, the targets, the options, and of
//! each module the hash of the original and what passes did.
//!
//! It has what the result depends on and nothing else, no time and no directory, so that the same input gives the same bytes. A wheel that has
//! such a file gets one more run in it whenever something changes, asked for or not: it would be wrong otherwise. One that cannot be read,
//! since a later version of the tool wrote it or it is damaged, stays as it is, with a notice. The form is an interface: `docs/wheels.md`
//! describes it.

use super::metadata::sha256_hex;
use super::modules::Module;
use super::{Edits, ModuleReport, Wheel};
use crate::archive::Archive;
use crate::codes::noted::UNREAD_AUDIT;
use crate::plain::plural;
use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::fmt;
use wasm_pyfix_passes::Notice;

/// Name of the file.
const FILE: &str = "wasm-pyfix.json";

/// Version of its form.
const SCHEMA_VERSION: u32 = 1;

/// What was done to a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub schema_version: u32,
    /// The runs that changed something, the first one first.
    pub runs: Vec<Run>,
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub tool: Tool,
    /// Names of the targets.
    pub targets: Vec<String>,
    /// The options that the result depends on, as on the command line; of files the names alone.
    pub options: Vec<String>,
    pub modules: Vec<Audited>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

/// What became of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// Name of its entry in the result.
    pub path: String,
    /// Bytes of the result.
    pub size: u64,
    pub original: Original,
    /// What each pass changed, by the keys of the report, and how many times.
    pub passes: IndexMap<String, IndexMap<String, usize>>,
}

/// What a module was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// Name of its entry, or of the file that it was grafted from.
    pub name: String,
    /// Whether it was grafted.
    pub grafted: bool,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// In a line.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} for {}", self.tool.name, self.tool.version, self.targets.join(", "))?;
        if !self.options.is_empty() {
            write!(f, ", {}", self.options.join(" "))?;
        }
        let changed = self.modules.iter().filter(|module| !module.passes.is_empty()).count();
        write!(f, "; {changed} of {} {} changed", self.modules.len(), plural(self.modules.len(), "module"))
    }
}

/// What is recorded of a run besides the modules.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Names of the targets.
    pub targets: Vec<String>,
    /// The options that the result depends on.
    pub options: Vec<String>,
    /// Whether a wheel without a record gets one.
    pub wanted: bool,
}

/// The record in a wheel, if it has one that can be read.
pub fn read(archive: &Archive<'_>, dist_info: &str) -> Option<Audit> {
    let index = archive.position(&format!("{dist_info}/{FILE}"))?;
    parse(&archive.read(index).ok()?).ok()
}

/// Parses a record.
fn parse(text: &[u8]) -> Result<Audit> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u64,
    }
    let Version { schema_version } = serde_json::from_slice(text).context("it is no record")?;
    ensure!(
        schema_version == u64::from(SCHEMA_VERSION),
        "its form has the version {schema_version}, and this version of the tool knows {SCHEMA_VERSION}"
    );
    serde_json::from_slice(text).context("it is damaged")
}

/// The originals of `modules`, in their order, if what becomes of them is to be recorded: when that is wanted, or the wheel has a record.
pub(super) fn originals(archive: &Archive<'_>, wheel: Option<&Wheel>, asked: &Asked, modules: &[Module]) -> Option<Vec<Original>> {
    let present = |wheel: &Wheel| archive.position(&path(wheel)).is_some();
    if !wheel.is_some_and(|wheel| asked.wanted || present(wheel)) {
        return None;
    }
    let original = |module: &Module| {
        let grafted =
            || module.grafted_from.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let name = module.entry.map(|entry| archive.entries[entry].name.clone()).or_else(grafted);
        Original {
            name: name.unwrap_or_default(),
            grafted: module.entry.is_none(),
            sha256: sha256_hex(&module.bytes),
            size: module.bytes.len() as u64,
        }
    };
    Some(modules.iter().map(original).collect())
}

/// Path of the record in a wheel.
pub(super) fn path(wheel: &Wheel) -> String {
    format!("{}/{FILE}", wheel.dist_info)
}

/// Puts into `edits` what this run did to a wheel. `originals` and `reports` are of the same modules.
///
/// # Errors
/// When the present record is damaged in the archive, or the new one cannot be written down.
pub(super) fn record(
    archive: &Archive<'_>,
    wheel: &Wheel,
    asked: &Asked,
    originals: Vec<Original>,
    reports: &[ModuleReport],
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    let path = path(wheel);
    let present = archive.position(&path);
    let mut audit = match present.map(|index| archive.read(index)).transpose()?.map(|text| parse(&text)) {
        Some(Ok(audit)) => audit,
        Some(Err(why)) => {
            notices.push(UNREAD_AUDIT.warns(format!("`{path}` stays as it is, and says nothing of this run: {why:#}")));
            return Ok(());
        }
        None => Audit { schema_version: SCHEMA_VERSION, runs: Vec::new() },
    };
    if let (None, Some(taken)) = (present, archive.names().in_the_way(&path)) {
        notices.push(UNREAD_AUDIT.warns(format!("there is no record of this run: `{taken}` is in the place of `{path}`")));
        return Ok(());
    }
    let audited = |(original, report): (Original, &ModuleReport)| {
        let passes = report.outcomes.iter().filter(|outcome| !outcome.changed.is_empty());
        let changed = passes.map(|outcome| {
            let counts = outcome.changed.iter().map(|(key, count)| (key.to_string(), *count)).collect();
            (outcome.pass.to_string(), counts)
        });
        Audited {
            path: report.renamed_to.clone().unwrap_or_else(|| report.path.clone()),
            size: report.output_size as u64,
            original,
            passes: changed.collect(),
        }
    };
    let modules = originals.into_iter().zip(reports).map(audited).collect();
    let tool = crate::report::TOOL;
    let run = Run {
        tool: Tool { name: tool.name.to_string(), version: tool.version.to_string() },
        targets: asked.targets.clone(),
        options: asked.options.clone(),
        modules,
    };
    audit.runs.push(run);
    let mut text = serde_json::to_vec_pretty(&audit)?;
    text.push(b'\n');
    match present {
        Some(index) => drop(edits.replaced.insert(index, text)),
        None => edits.added.push((path, text)),
    }
    Ok(())
}
