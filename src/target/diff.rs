//! What changed between two targets: the symbols that came, went, or are something else, and the structs with another layout.
//!
//! Who offers a symbol does not count, for no module can tell. A type that is not known differs from no other.

use super::{Target, manifest};
use anyhow::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use wasm_pyfix_passes::{Environment, Item};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The differences.
#[derive(Debug, Serialize)]
pub struct Diff {
    pub schema_version: u32,
    pub from: &'static str,
    pub to: &'static str,
    /// Names and what they are.
    pub came: BTreeMap<String, String>,
    pub went: BTreeMap<String, Gone>,
    pub changed: BTreeMap<String, Change>,
    /// Structs that the second target lays out in another way.
    pub structs: BTreeSet<&'static str>,
}

/// A symbol that the second target lacks.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    pub was: String,
    /// Its name there, if it has another one.
    pub now: Option<String>,
}

/// A symbol that is something else.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub was: String,
    pub is: String,
}

impl Diff {
    /// Compares the targets.
    ///
    /// # Errors
    /// When one of them has no manifest.
    pub fn new(from: &Target, to: &Target) -> Result<Self> {
        let (old, new) = (from.manifest()?, to.manifest()?);
        let aliases = to.aliases();
        let mut diff = Diff {
            schema_version: SCHEMA_VERSION,
            from: from.name,
            to: to.name,
            came: BTreeMap::new(),
            went: BTreeMap::new(),
            changed: BTreeMap::new(),
            structs: to.struct_changes_since(from).map(|change| change.structure).collect(),
        };
        let names: BTreeSet<String> = names(&old).chain(names(&new)).collect();
        for name in names {
            match (kind(&old, &name)?, kind(&new, &name)?) {
                (None, Some(is)) => drop(diff.came.insert(name, is)),
                (Some(was), None) => {
                    let renamed = aliases.iter().find(|alias| alias.old == name && new.item(&alias.new).is_some());
                    diff.went.insert(name, Gone { was, now: renamed.map(|alias| alias.new.clone()) });
                }
                (Some(was), Some(is)) if was != is && !is_unknown(&old, &new, &name) => {
                    diff.changed.insert(name, Change { was, is });
                }
                _ => {}
            }
        }
        Ok(diff)
    }

    /// The differences for people.
    pub fn text(&self) -> String {
        let mut lines = vec![format!(
            "{} -> {}: {} went, {} changed, {} came",
            self.from,
            self.to,
            self.went.len(),
            self.changed.len(),
            self.came.len()
        )];
        section(
            &mut lines,
            "went",
            self.went.iter().map(|(name, gone)| {
                let now = gone.now.as_ref().map_or(String::new(), |now| format!(" (now {now})"));
                format!("{name}  {}{now}", gone.was)
            }),
        );
        section(
            &mut lines,
            "changed",
            self.changed.iter().map(|(name, change)| format!("{name}  {} -> {}", change.was, change.is)),
        );
        section(&mut lines, "came", self.came.iter().map(|(name, is)| format!("{name}  {is}")));
        section(&mut lines, "structs with another layout", self.structs.iter().map(|name| (*name).to_string()));
        lines.push(String::new());
        lines.join("\n")
    }
}

fn section(lines: &mut Vec<String>, title: &str, entries: impl Iterator<Item = String>) {
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        lines.push(title.to_string());
        lines.extend(entries.map(|entry| format!("  {entry}")));
    }
}

fn names(environment: &Environment) -> impl Iterator<Item = String> {
    let families = environment.families.iter().map(|family| format!("{family}*"));
    environment.symbols.keys().chain(&environment.sometimes).cloned().chain(families)
}

/// What a symbol is; `None` if the target does not have it.
fn kind(environment: &Environment, name: &str) -> Result<Option<String>> {
    let family = name.strip_suffix('*').filter(|family| environment.families.contains(*family));
    match environment.symbols.get(name) {
        Some(offer) => manifest::item_text(&offer.item).map(Some),
        None if environment.sometimes.contains(name) => Ok(Some("offered by some runtimes".to_string())),
        None => Ok(family.map(|_| "functions on demand".to_string())),
    }
}

/// Whether one of the two does not know what the symbol is, so that the other may have the same.
fn is_unknown(old: &Environment, new: &Environment, name: &str) -> bool {
    match (old.item(name), new.item(name)) {
        (Some(Item::Unknown), _) | (_, Some(Item::Unknown)) => true,
        (Some(Item::Function(old)), Some(Item::Function(new))) => old.is_none() || new.is_none(),
        _ => false,
    }
}
