//! The differences as Markdown, for the description of a pull request or a comment on one.

use super::text::{change, counted};
use super::{Diff, ModuleDiff, Pair, Section, Sizes, Status};
use crate::counts::words;
use crate::plain::{first_names, plain};
use indicatif::HumanCount;
use std::fmt::Write;

/// So many modules have a row, those that changed most, and so many names of a kind are printed.
const MODULES: usize = 20;
const NAMES: usize = 10;

/// All of `diff` that a reader wants; with `verbose` all of it.
pub fn markdown(diff: &Diff, verbose: bool) -> String {
    let (modules, names) = if verbose { (usize::MAX, usize::MAX) } else { (MODULES, NAMES) };
    let mut text = format!("### {} -> {}\n\n", code(&diff.inputs.old), code(&diff.inputs.new));
    if diff.same {
        text += "The same, byte for byte.\n";
        return text;
    }
    text += &totals(diff);
    let mut changed: Vec<&ModuleDiff> = diff.modules.iter().filter(|module| module.status != Status::Same).collect();
    let more = changed.len().saturating_sub(modules);
    changed.sort_by_key(|module| std::cmp::Reverse(module.growth()));
    changed.truncate(modules);
    let around = around(diff, names);
    if !around.is_empty() {
        let _ = write!(text, "\n{around}");
    }
    if diff.modules.iter().all(|module| module.title().is_none()) {
        changed.iter().for_each(|module| text += &format!("\n{}", details(module, names)));
        return text;
    }
    if !changed.is_empty() {
        text += "\n| module | | raw | % | brotli | % | functions |\n|---|---|---:|---:|---:|---:|---:|\n";
        changed.iter().for_each(|module| text += &row(module));
    }
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more that changed less.");
    }
    for module in changed.iter().filter(|module| module.status == Status::Changed) {
        let details = details(module, names);
        let title = plain(&module.title().unwrap_or_default()).replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(text, "\n<details><summary>{title}</summary>\n\n{details}\n</details>\n");
    }
    text
}

/// The sizes of the files and of all modules.
fn totals(diff: &Diff) -> String {
    let mut text = "| | before | after | % |\n|---|---:|---:|---:|\n".to_string();
    let mut row = |name: &str, old: Option<u64>, new: Option<u64>| {
        let _ = writeln!(text, "| {name} | {} | {} | {} |", number(old), number(new), change(old, new));
    };
    let has_archive = diff.modules.iter().any(|module| module.title().is_some());
    if has_archive {
        row("file", Some(diff.file_sizes.old), Some(diff.file_sizes.new));
    }
    for (name, Pair { old, new }) in diff.sizes.rows().into_iter().filter(|(_, pair)| pair.old.is_some() || pair.new.is_some()) {
        row(&if has_archive { format!("modules, {name}") } else { name.to_string() }, *old, *new);
    }
    text
}

/// Tags, files, and how many modules there are, as a list.
fn around(diff: &Diff, names: usize) -> String {
    let mut text = String::new();
    let lists = [
        ("tags that came", &diff.tags.came),
        ("tags that went", &diff.tags.went),
        ("files that came", &diff.files.came),
        ("files that went", &diff.files.went),
        ("files that changed", &diff.files.changed),
    ];
    for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        text += &item(what, list.iter(), names);
    }
    if let Some(run) = diff.audits.new.as_ref().and_then(|audit| audit.runs.last()) {
        let from = if diff.made_from_old { "" } else { ", from other modules than the old ones" };
        let _ = writeln!(text, "- made by: {}{from}", code(&run.to_string()));
    }
    if diff.modules.iter().any(|module| module.title().is_some()) {
        let _ = writeln!(text, "- modules: {}", counted(diff));
    }
    text
}

fn row(module: &ModuleDiff) -> String {
    let title = code(&module.title().unwrap_or_default());
    let status = match module.status {
        Status::Same => "same",
        Status::Changed => "",
        Status::Renamed => "renamed",
        Status::Came => "came",
        Status::Went => "went",
    };
    let Sizes { raw, brotli, .. } = &module.sizes;
    let now = |pair: &Pair<Option<u64>>| number(pair.new);
    let functions = module.functions.new.or(module.functions.old).map(|count| count as u64);
    format!(
        "| {title} | {status} | {} | {} | {} | {} | {} |\n",
        now(raw),
        change(raw.old, raw.new),
        now(brotli),
        change(brotli.old, brotli.new),
        number(functions)
    )
}

/// What differs in a module, as a list.
fn details(module: &ModuleDiff, names: usize) -> String {
    let mut text = String::new();
    let symbols = [("imports", &module.imports), ("exports", &module.exports)];
    for (what, list) in [("needed libraries that came", &module.needed.came), ("needed libraries that went", &module.needed.went)] {
        text += &item(what, list.iter(), names);
    }
    if module.runtime_path.old != module.runtime_path.new {
        let path = |path: &[String]| if path.is_empty() { "none".to_string() } else { code(&path.join(":")) };
        let _ = writeln!(text, "- RUNTIME_PATH: {} -> {}", path(&module.runtime_path.old), path(&module.runtime_path.new));
    }
    for (what, symbols) in symbols {
        text += &item(&format!("{what} that came"), symbols.came.keys(), names);
        text += &item(&format!("{what} that went"), symbols.went.keys(), names);
        text += &item(&format!("{what} that changed"), symbols.changed.keys(), names);
    }
    let count = |count: Option<usize>| count.map(|count| count as u64);
    let functions = Pair { old: count(module.functions.old), new: count(module.functions.new) };
    for (what, Pair { old, new }) in [("functions", &functions), ("bytes of relocation code", &module.relocations)] {
        if old != new {
            let _ = writeln!(text, "- {what}: {} -> {}", number(*old), number(*new));
        }
    }
    for (pass, counts) in &module.passes {
        let counts: Vec<String> = counts.iter().map(|(key, count)| words(key, *count).into_owned()).collect();
        let _ = writeln!(text, "- done by {}: {}", code(pass), plain(&counts.join(", ")));
    }
    let sections = module.sections.iter().map(|Section { name, size }| {
        let size = format!("{} -> {}", number(size.old), number(size.new));
        format!("{} {size}", code(name))
    });
    let sections: Vec<String> = sections.collect();
    if sections.is_empty() {
        text += "- sections: all of the same size, with other contents\n";
    } else {
        let _ = writeln!(text, "- bytes of sections: {}", sections.join(", "));
    }
    text
}

/// A line of a list with names, if there are any.
fn item<'n>(what: &str, list: impl ExactSizeIterator<Item = &'n String>, names: usize) -> String {
    match list.len() {
        0 => String::new(),
        count => format!("- {what}: {count} ({})\n", first_names(list.map(|name| code(name)), names)),
    }
}

fn number(number: Option<u64>) -> String {
    number.map_or("-".to_string(), |number| HumanCount(number).to_string())
}

/// A name as code, which may stand in a table.
fn code(name: &str) -> String {
    let name = plain(name);
    // A fence of more backticks than the name has in a row; a bar ends a cell.
    let longest = name.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", name.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_code_whatever_is_in_them() {
        assert_eq!(["a_b", "a|b", "a`b", "a``"].map(code), ["`a_b`", "`a\\|b`", "`` a`b ``", "``` a`` ```"]);
    }
}
