//! The differences for people, on one screen unless everything is asked for.

use super::{Contents, Diff, ModuleDiff, Names, PackageDiff, Pair, Sizes, Status, Symbols, both_names, growth as grown, most};
use crate::counts::words;
use crate::input::Kind;
use crate::plain::{Paper, first_names, plural};
use crate::report;
use crate::report::text::growth;
use crate::sheet::{COLUMN, Sheet};
use indexmap::IndexMap;
use indicatif::{HumanBytes, HumanCount};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// So many packages and modules are told of, those that changed most, and so many names of a kind are printed, of so many characters.
const MODULES: usize = 8;
const NAMES: usize = 3;
const LONGEST: usize = 48;

/// No modules or packages.
const NONE: &str = "none";

/// Writes `diff`; `verbose` leaves nothing out.
pub fn write(out: &mut dyn Write, paper: Paper, diff: &Diff, verbose: bool) -> io::Result<()> {
    let mut told = Told { sheet: Sheet::new(out, paper), verbose };
    let Pair { old, new } = &diff.inputs;
    told.sheet.title("", &format!("{old} -> {new}"))?;
    if diff.same {
        return told.line("  ", "the same, byte for byte");
    }
    if diff.kinds == (Pair { old: Kind::Module, new: Kind::Module }) {
        return diff.contents.modules.iter().try_for_each(|module| told.module(module));
    }
    if let Some(platforms) = platforms(diff) {
        told.sheet.field("platform", &platforms)?;
    }
    if diff.lock_changed {
        told.sheet.field("lock file", "has other contents")?;
    }
    told.around(&diff.contents)?;
    if !diff.packages.is_empty() {
        told.sheet.field("packages", &counted(&diff.package_counts))?;
    }
    told.sheet.field("modules", &counted(&diff.contents.counts))?;
    told.sheet.field(diff.of_files(), &both_sizes(&diff.file_sizes))?;
    told.sizes(&diff.contents.sizes)?;
    told.items(Item::changed(&diff.packages, &diff.contents))
}

/// What lock files are for, where that differs.
pub fn platforms(diff: &Diff) -> Option<String> {
    let Pair { old, new } = &diff.abi_version;
    let name = |version: &Option<String>| version.clone().unwrap_or("none".to_string());
    (old != new).then(|| format!("{} -> {}", name(old), name(new)))
}

/// A package in one line.
fn package_in_short(package: &PackageDiff) -> String {
    let Pair { old, new } = package.file_sizes;
    let size = |size: Option<u64>| HumanBytes(size.unwrap_or(0)).to_string();
    let mut parts = match package.status {
        Status::Came => vec![format!("came, {}", size(new))],
        Status::Went => vec![format!("went, {}", size(old))],
        Status::Renamed => vec![format!("renamed, {}", size(new))],
        Status::Same | Status::Changed => vec![both_sizes(&Pair { old: old.unwrap_or(0), new: new.unwrap_or(0) })],
    };
    let sizes = &package.contents.sizes;
    let sizes = [("raw", &sizes.raw), ("brotli", &sizes.brotli)].map(|(name, size)| (name, change(size.old, size.new)));
    parts.extend(sizes.into_iter().filter(|(_, change)| !change.is_empty()).map(|(name, change)| format!("{name} {change} %")));
    let modules = counted(&package.contents.counts);
    if package.status == Status::Changed && modules != NONE {
        parts.push(format!("modules: {modules}"));
    }
    parts.join(", ")
}

/// A module in one line.
fn in_short(module: &ModuleDiff) -> String {
    let size = |size: Option<u64>| HumanCount(size.unwrap_or(0)).to_string();
    let raw = &module.sizes.raw;
    let with_sign = |Pair { old, new }: &Pair<Option<u64>>| match change(*old, *new) {
        change if change.is_empty() => change,
        change => format!(" {change} %"),
    };
    let mut parts = match module.status {
        Status::Came => vec![format!("came, raw {}", size(raw.new))],
        Status::Went => vec![format!("went, raw {}", size(raw.old))],
        Status::Renamed => vec![format!("renamed, raw {}", size(raw.new))],
        _ => vec![format!("raw {} -> {}{}", size(raw.old), size(raw.new), with_sign(raw))],
    };
    let brotli = with_sign(&module.sizes.brotli);
    if !brotli.is_empty() {
        parts.push(format!("brotli{brotli}"));
    }
    if module.status == Status::Changed {
        let lists = [
            ("needs", module.needed.came.len(), module.needed.went.len()),
            ("imports", module.imports.came.len(), module.imports.went.len()),
            ("exports", module.exports.came.len(), module.exports.went.len()),
        ];
        for (what, came, went) in lists.into_iter().filter(|(_, came, went)| came + went > 0) {
            let sides = [("+", came), ("-", went)].into_iter().filter(|(_, count)| *count > 0);
            let sides: Vec<String> = sides.map(|(sign, count)| format!("{sign}{}", HumanCount(count as u64))).collect();
            parts.push(format!("{what} {}", sides.join(" ")));
        }
    }
    parts.join(", ")
}

/// A name without its middle, if it is long.
fn shortened(name: &str) -> String {
    const END: usize = 10;
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_string();
    }
    let start: String = name.chars().take(LONGEST - END - 1).collect();
    let end: String = name.chars().skip(count - END).collect();
    format!("{start}…{end}")
}

/// How many modules or packages there are, and what became of them.
pub fn counted(counts: &BTreeMap<Status, usize>) -> String {
    let words = [
        (Status::Changed, "changed"),
        (Status::Renamed, "renamed"),
        (Status::Came, "came"),
        (Status::Went, "went"),
        (Status::Same, "the same"),
    ];
    let told = words.into_iter().filter_map(|(status, word)| {
        let count = counts.get(&status).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {word}"))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { NONE.to_string() } else { told.join(", ") }
}

/// What a pass did: `2 exports removed`.
pub fn done(counts: &IndexMap<String, usize>) -> Vec<String> {
    counts.iter().map(|(key, count)| format!("{} {}", HumanCount(*count as u64), words(key, *count))).collect()
}

/// `1.20 KiB -> 1.10 KiB (-8.3 %)`.
fn both_sizes(sizes: &Pair<u64>) -> String {
    let Pair { old, new } = *sizes;
    let change = growth(old, new).map_or(String::new(), |change| format!(" ({change} %)"));
    report::text::sizes(old, new) + &change
}

/// How much larger it is in per cent, as `+1.5`; empty if it is not, or was nothing.
pub fn change(old: Option<u64>, new: Option<u64>) -> String {
    old.zip(new).and_then(|(old, new)| growth(old, new)).unwrap_or_default()
}

/// What was before and what is now, where it differs.
fn both<T: PartialEq + Copy>(pair: &Pair<Option<T>>, show: impl Fn(T) -> String) -> Option<String> {
    match (pair.old, pair.new) {
        (old, new) if old == new => None,
        (Some(old), Some(new)) => Some(format!("{} -> {}", show(old), show(new))),
        (old, new) => Some(old.or(new).map_or(String::new(), show)),
    }
}

/// What there is to tell of: packages or modules.
#[derive(Clone, Copy)]
enum Item<'d> {
    Package(&'d PackageDiff),
    Module(&'d ModuleDiff),
}

impl<'d> Item<'d> {
    /// Everything that is not the same.
    fn changed(packages: &'d [PackageDiff], contents: &'d Contents) -> Vec<Self> {
        let items = packages.iter().map(Item::Package).chain(contents.modules.iter().map(Item::Module));
        items.filter(|item| item.status() != Status::Same).collect()
    }

    fn status(self) -> Status {
        match self {
            Item::Package(package) => package.status,
            Item::Module(module) => module.status,
        }
    }

    fn title(self) -> String {
        match self {
            Item::Package(package) => package.title(),
            Item::Module(module) => module.title().unwrap_or_default(),
        }
    }

    fn growth(self) -> u64 {
        match self {
            Item::Package(package) => grown(&package.file_sizes),
            Item::Module(module) => grown(&module.sizes.raw),
        }
    }
}

/// The text so far.
struct Told<'o> {
    sheet: Sheet<'o>,
    /// Whether all names are printed, as they are.
    verbose: bool,
}

impl Told<'_> {
    /// Things that came or went, if there are any.
    fn listed(&mut self, label: &str, what: &str, things: &[String]) -> io::Result<()> {
        if things.is_empty() {
            return Ok(());
        }
        let shown = if self.verbose { usize::MAX } else { NAMES };
        let count = HumanCount(things.len() as u64);
        self.sheet.field(label, &format!("{count} {what}: {}", first_names(things.iter(), shown)))
    }

    fn line(&mut self, indent: &str, text: &str) -> io::Result<()> {
        self.sheet.wrapped(text, indent, indent)
    }

    fn names(&mut self, label: &str, names: &Names) -> io::Result<()> {
        self.listed(label, "came", &names.came)?;
        self.listed(label, "went", &names.went)
    }

    fn symbols(&mut self, label: &str, symbols: &Symbols) -> io::Result<()> {
        let name = |name: &String| if self.verbose { name.clone() } else { shortened(name) };
        let came: Vec<String> = symbols.came.keys().map(name).collect();
        let went: Vec<String> = symbols.went.keys().map(name).collect();
        let changed = symbols.changed.iter().map(|(of, Pair { old, new })| format!("{} ({old} -> {new})", name(of)));
        let changed: Vec<String> = changed.collect();
        self.names(label, &Names { came, went })?;
        self.listed(label, "changed", &changed)
    }

    /// The sizes as columns.
    fn sizes(&mut self, sizes: &Sizes) -> io::Result<()> {
        for (name, Pair { old, new }) in sizes.rows() {
            let show = |size: Option<u64>| size.map_or("-".to_string(), |size| HumanCount(size).to_string());
            let Some(_) = old.or(*new) else { continue };
            let change = match change(*old, *new) {
                change if change.is_empty() => change,
                change => format!("{change:>8} %"),
            };
            let line = format!("  {name:<width$}{:>14}{:>14}{change}", show(*old), show(*new), width = COLUMN - 2);
            writeln!(self.sheet, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// What is beside the modules.
    fn around(&mut self, contents: &Contents) -> io::Result<()> {
        self.names("tags", &contents.tags)?;
        for (what, names) in [("came", &contents.files.came), ("went", &contents.files.went), ("changed", &contents.files.changed)]
        {
            self.listed("files", what, names)?;
        }
        let Some(run) = contents.audits.new.as_ref().and_then(|audit| audit.runs.last()) else { return Ok(()) };
        let from = if contents.made_from_old { "from the old one" } else { "from other modules than the old ones" };
        self.sheet.field("made by", &format!("{run}, {from}"))
    }

    /// Packages and modules: a single one in full, of several those that changed most in short.
    fn items(&mut self, items: Vec<Item<'_>>) -> io::Result<()> {
        if self.verbose || items.len() == 1 {
            return items.into_iter().try_for_each(|item| {
                writeln!(self.sheet)?;
                self.sheet.title("  ", &item.title())?;
                match item {
                    Item::Package(package) => self.package(package),
                    Item::Module(module) => self.module(module),
                }
            });
        }
        if items.is_empty() {
            return Ok(());
        }
        let noun = if items.iter().any(|item| matches!(item, Item::Package(_))) { "package" } else { "module" };
        let (items, more) = most(items, |item| item.growth(), MODULES);
        writeln!(self.sheet)?;
        for item in items {
            self.sheet.title("  ", &item.title())?;
            let in_short = match item {
                Item::Package(package) => package_in_short(package),
                Item::Module(module) => in_short(module),
            };
            self.line("    ", &in_short)?;
        }
        let more = if more > 0 { format!("and {more} more {} that changed less; ", plural(more, noun)) } else { String::new() };
        self.line("  ", &format!("{more}`-v` describes all"))
    }

    fn package(&mut self, package: &PackageDiff) -> io::Result<()> {
        match package.status {
            Status::Came => self.line("  ", "came")?,
            Status::Went => self.line("  ", "went")?,
            Status::Renamed => self.line("  ", "the same contents under another name")?,
            Status::Same | Status::Changed => {}
        }
        self.sheet.field("path", &both_names(&package.path).unwrap_or_default())?;
        self.names("depends", &package.depends)?;
        // Of a package that came everything did.
        if package.status == Status::Changed {
            self.around(&package.contents)?;
        }
        self.sheet.field("modules", &counted(&package.contents.counts))?;
        if let Some(sizes) = both(&package.file_sizes, |bytes| HumanBytes(bytes).to_string()) {
            self.sheet.field("file", &sizes)?;
        }
        if package.contents.modules.is_empty() {
            return Ok(());
        }
        self.sizes(&package.contents.sizes)?;
        if package.status == Status::Changed { self.items(Item::changed(&[], &package.contents)) } else { Ok(()) }
    }

    fn module(&mut self, module: &ModuleDiff) -> io::Result<()> {
        match module.status {
            Status::Came => self.line("  ", "came")?,
            Status::Went => self.line("  ", "went")?,
            Status::Same => return self.line("  ", "the same"),
            Status::Renamed => return self.line("  ", "the same contents under another name"),
            Status::Changed => {}
        }
        self.sizes(&module.sizes)?;
        // Of a module that came everything did.
        if module.status != Status::Changed {
            return Ok(());
        }
        self.names("needs", &module.needed)?;
        let Pair { old, new } = &module.runtime_path;
        if old != new {
            let path = |path: &[String]| if path.is_empty() { "none".to_string() } else { path.join(":") };
            self.sheet.field("RUNTIME_PATH", &format!("{} -> {}", path(old), path(new)))?;
        }
        self.symbols("imports", &module.imports)?;
        self.symbols("exports", &module.exports)?;
        if let Some(functions) = both(&module.functions, |count| HumanCount(count as u64).to_string()) {
            self.sheet.field("functions", &functions)?;
        }
        if let Some(relocations) = both(&module.relocations, |bytes| HumanBytes(bytes).to_string()) {
            self.sheet.field("relocations", &relocations)?;
        }
        for (pass, counts) in &module.passes {
            let counts = done(counts);
            let shown = if self.verbose { usize::MAX } else { NAMES };
            self.sheet.field("done", &format!("{pass}: {}", first_names(counts.iter(), shown)))?;
        }
        let section = |section: &super::Section| {
            let show = |size: Option<u64>| size.map_or("none".to_string(), |size| HumanBytes(size).to_string());
            format!("{} {} -> {}", section.name, show(section.size.old), show(section.size.new))
        };
        let sections: Vec<String> = module.sections.iter().map(section).collect();
        match sections.is_empty() {
            true => self.sheet.field("sections", "all of the same size, with other contents"),
            false => self.sheet.field("sections", &sections.join(", ")),
        }
    }
}
