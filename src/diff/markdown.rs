//! The differences as Markdown, for the description of a pull request or a comment on one.

use super::text::{change, counted, done, platforms};
use super::{Contents, Diff, ModuleDiff, PackageDiff, Pair, Section, Sizes, Status, both_names, growth, most};
use crate::input::Kind;
use crate::plain::{first_names, plain};
use indicatif::HumanCount;
use std::fmt::Write;

/// So many packages or modules have a row, those that changed most, and so many names of a kind are printed.
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
    let is_of_modules = diff.kinds == Pair { old: Kind::Module, new: Kind::Module };
    text += &totals(Some((diff.of_files(), &diff.file_sizes)).filter(|_| !is_of_modules), &diff.contents.sizes);
    if is_of_modules {
        diff.contents.modules.iter().for_each(|module| text += &format!("\n{}", details(module, names)));
        return text;
    }
    text += "\n";
    if let Some(platforms) = platforms(diff) {
        let _ = writeln!(text, "- platform: {}", code(&platforms));
    }
    if diff.lock_changed {
        text += "- lock file: has other contents\n";
    }
    text += &around(&diff.contents, names);
    if !diff.packages.is_empty() {
        let _ = writeln!(text, "- packages: {}", counted(&diff.package_counts));
    }
    let _ = writeln!(text, "- modules: {}", counted(&diff.contents.counts));
    text += &packages(&diff.packages, modules, names);
    text += &of_modules(&diff.contents, modules, names);
    text
}

/// A table of the packages that changed most, and what differs in each.
fn packages(packages: &[PackageDiff], shown: usize, names: usize) -> String {
    let changed: Vec<&PackageDiff> = packages.iter().filter(|package| package.status != Status::Same).collect();
    let (changed, more) = most(changed, |package| growth(&package.file_sizes), shown);
    if changed.is_empty() {
        return String::new();
    }
    let mut text = "\n| package | | file | % | raw | % | brotli | % |\n|---|---|---:|---:|---:|---:|---:|---:|\n".to_string();
    for package in &changed {
        let Sizes { raw, brotli, .. } = &package.contents.sizes;
        let cells = [&package.file_sizes, raw, brotli].map(|size| format!("{} | {}", number(size.new), change(size.old, size.new)));
        let _ = writeln!(text, "| {} | {} | {} |", code(&package.title()), word(package.status), cells.join(" | "));
    }
    text += &left_out(more);
    for package in changed.into_iter().filter(|package| package.status == Status::Changed) {
        let mut inside = item("dependencies that came", package.depends.came.iter(), names);
        inside += &item("dependencies that went", package.depends.went.iter(), names);
        inside += &around(&package.contents, names);
        let _ = writeln!(inside, "- file: {}", code(&both_names(&package.path).unwrap_or_default()));
        let _ = writeln!(inside, "- modules: {}", counted(&package.contents.counts));
        inside += &of_modules(&package.contents, shown, names);
        text += &unfolding(&package.title(), &inside);
    }
    text
}

/// A table of the modules that changed most, and what differs in each.
fn of_modules(contents: &Contents, shown: usize, names: usize) -> String {
    let changed: Vec<&ModuleDiff> = contents.modules.iter().filter(|module| module.status != Status::Same).collect();
    let (changed, more) = most(changed, |module| growth(&module.sizes.raw), shown);
    if changed.is_empty() {
        return String::new();
    }
    let mut text = "\n| module | | raw | % | brotli | % | functions |\n|---|---|---:|---:|---:|---:|---:|\n".to_string();
    changed.iter().for_each(|module| text += &row(module));
    text += &left_out(more);
    for module in changed.into_iter().filter(|module| module.status == Status::Changed) {
        text += &unfolding(&module.title().unwrap_or_default(), &details(module, names));
    }
    text
}

fn left_out(more: usize) -> String {
    if more > 0 { format!("\nand {more} more that changed less.\n") } else { String::new() }
}

/// What is not seen before it is asked for.
fn unfolding(title: &str, inside: &str) -> String {
    let title = plain(title).replace('&', "&amp;").replace('<', "&lt;");
    format!("\n<details><summary>{title}</summary>\n\n{inside}\n</details>\n")
}

/// A status in a table.
fn word(status: Status) -> &'static str {
    match status {
        Status::Same => "same",
        Status::Changed => "",
        Status::Renamed => "renamed",
        Status::Came => "came",
        Status::Went => "went",
    }
}

/// The sizes of the files, unless they are the modules, and of all modules.
fn totals(file_sizes: Option<(&str, &Pair<u64>)>, sizes: &Sizes) -> String {
    let mut text = "| | before | after | % |\n|---|---:|---:|---:|\n".to_string();
    let mut row = |name: &str, old: Option<u64>, new: Option<u64>| {
        let _ = writeln!(text, "| {name} | {} | {} | {} |", number(old), number(new), change(old, new));
    };
    if let Some((of_files, Pair { old, new })) = file_sizes {
        row(of_files, Some(*old), Some(*new));
    }
    for (name, Pair { old, new }) in sizes.rows().into_iter().filter(|(_, pair)| pair.old.is_some() || pair.new.is_some()) {
        row(&if file_sizes.is_some() { format!("modules, {name}") } else { name.to_string() }, *old, *new);
    }
    text
}

/// Tags, files, and what made them, as a list.
fn around(contents: &Contents, names: usize) -> String {
    let mut text = String::new();
    let lists = [
        ("tags that came", &contents.tags.came),
        ("tags that went", &contents.tags.went),
        ("files that came", &contents.files.came),
        ("files that went", &contents.files.went),
        ("files that changed", &contents.files.changed),
    ];
    for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        text += &item(what, list.iter(), names);
    }
    if let Some(run) = contents.audits.new.as_ref().and_then(|audit| audit.runs.last()) {
        let from = if contents.made_from_old { "" } else { ", from other modules than the old ones" };
        let _ = writeln!(text, "- made by: {}{from}", code(&run.to_string()));
    }
    text
}

fn row(module: &ModuleDiff) -> String {
    let title = code(&module.title().unwrap_or_default());
    let status = word(module.status);
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
        let _ = writeln!(text, "- done by {}: {}", code(pass), code(&done(counts).join(", ")));
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
