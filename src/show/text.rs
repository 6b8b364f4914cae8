//! The text form.

use super::families::FAMILIES;
use super::{Abi, Found, Handling, Input, Instructions, Integers, Linking, Module, Need, Section, Symbol, Symbols, Upgrade};
use crate::input::Kind;
use crate::plain::{plain, plural};
use crate::report::{NoticeReport, PassReport, Status, sum_up};
use crate::sheet::Sheet;
use crate::target::Target;
use anstyle::{AnsiColor, Style};
use indicatif::{HumanBytes, HumanCount};
use std::io::{self, Write};

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Writes what there is to tell of one input; `whole` describes each module of an archive, too.
pub fn write(out: &mut Sheet<'_>, input: &Input, whole: bool) -> io::Result<()> {
    let name = if input.input == "-" { "standard input" } else { &input.input };
    if let Some(failure) = &input.error {
        return writeln!(out, "{ERROR}error{ERROR:#}: {}: {}", plain(name), plain(&failure.message));
    }
    out.title("", name)?;
    out.field("file", &about_file(input))?;
    if input.kind == Some(Kind::Module) {
        input.modules.iter().try_for_each(|module| write_module(out, module))?;
    } else {
        write_archive(out, input, whole)?;
    }
    match &input.upgrade {
        Some(upgrade) => write_upgrade(out, upgrade),
        None => Ok(()),
    }
}

fn about_file(input: &Input) -> String {
    let size = HumanBytes(input.size.unwrap_or(0));
    match (input.kind, &input.archive) {
        (Some(kind), Some(archive)) => format!(
            "{}, {size} ({} unpacked, {})",
            if kind == Kind::Wheel { "wheel" } else { "archive" },
            HumanBytes(archive.unpacked_size),
            counted(archive.files, "file")
        ),
        _ if input.modules.iter().all(|module| module.linking.is_some()) => format!("side module, {size}"),
        _ => format!("module without linking metadata, {size}"),
    }
}

/// `1 file`, `2 files`.
fn counted(count: usize, what: &str) -> String {
    format!("{} {}", HumanCount(count as u64), plural(count, what))
}

/// A headline within an input.
fn title(out: &mut Sheet<'_>, text: &str) -> io::Result<()> {
    writeln!(out)?;
    out.title("  ", text)
}

fn write_archive(out: &mut Sheet<'_>, input: &Input, whole: bool) -> io::Result<()> {
    if let Some(archive) = &input.archive {
        if !archive.tags.is_empty() {
            out.field("tags", &archive.tags.join(" "))?;
        }
        for name in &archive.platforms {
            let about = Target::find(name).map(|target| format!("Python {}, Emscripten {}", target.python, target.emscripten));
            out.field("platform", &format!("{name} ({})", about.unwrap_or_default()))?;
        }
        if let Some(requires) = &archive.requires_python {
            out.field("requires", &format!("Python {requires}"))?;
        }
        for run in archive.audit.iter().flat_map(|audit| &audit.runs) {
            out.field("made by", &run.to_string())?;
        }
        for notice in &archive.notices {
            out.field("note", notice)?;
        }
    }
    let size: u64 = input.modules.iter().map(|module| module.size).sum();
    title(out, &format!("{}, {}", counted(input.modules.len(), "side module"), HumanBytes(size)))?;
    write_tree(out, &input.modules)?;
    if whole {
        for module in &input.modules {
            let path = module.path.as_deref().unwrap_or_default();
            writeln!(out)?;
            out.title("", path)?;
            out.field("file", &format!("side module, {}", HumanBytes(module.size)))?;
            write_module(out, module)?;
        }
    }
    Ok(())
}

/// The modules as a tree: those that nobody needs, and below each what it needs. What needs itself in the end comes last.
fn write_tree(out: &mut Sheet<'_>, modules: &[Module]) -> io::Result<()> {
    let needed: Vec<&str> = modules.iter().flat_map(needs).filter_map(|need| need.path.as_deref()).collect();
    let is_root = |module: &&Module| !needed.contains(&module.path.as_deref().unwrap_or_default());
    let mut shown = Vec::new();
    for root in modules.iter().filter(is_root) {
        write_branch(out, modules, root, &Branch::default(), &mut shown)?;
    }
    for module in modules {
        if !shown.contains(&module.path.as_deref().unwrap_or_default()) {
            write_branch(out, modules, module, &Branch::default(), &mut shown)?;
        }
    }
    Ok(())
}

fn needs(module: &Module) -> &[Need] {
    module.linking.as_ref().map_or(&[], |linking| &linking.needed)
}

/// One line of the tree and what hangs below it.
#[derive(Clone, Default)]
struct Branch {
    /// What stands before the name.
    head: String,
    /// What stands before the names below.
    indent: String,
    /// RUNTIME_PATH of what needs it does not lead there.
    unreached: bool,
    /// How many modules are above it.
    depth: usize,
}

/// How far down what needs what is shown; deeper trees are not read by anybody.
const MOST_DEPTH: usize = 32;

/// Writes `module` and what it needs. Modules are written with what they need once.
fn write_branch<'m>(
    out: &mut Sheet<'_>,
    modules: &'m [Module],
    module: &'m Module,
    branch: &Branch,
    shown: &mut Vec<&'m str>,
) -> io::Result<()> {
    let Branch { head, indent, unreached, depth } = branch;
    let path = module.path.as_deref().unwrap_or_default();
    let above = shown.contains(&path) && !needs(module).is_empty();
    let right = if above { "(above)".to_string() } else { HumanBytes(module.size).to_string() };
    write_row(out, &format!("{head}{path}"), &right)?;
    if *unreached {
        writeln!(out, "    {indent}(RUNTIME_PATH does not lead there)")?;
    }
    if above {
        return Ok(());
    }
    shown.push(path);
    if *depth == MOST_DEPTH {
        return writeln!(out, "    {indent}…");
    }
    let needs = needs(module);
    for (index, need) in needs.iter().enumerate() {
        let (here, below) = if index + 1 == needs.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (head, indent) = (format!("{indent}{here}"), format!("{indent}{below}"));
        let library = modules.iter().find(|module| need.path.is_some() && module.path == need.path);
        let branch = Branch { unreached: need.found == Found::Unreached, head, indent, depth: depth + 1 };
        match library {
            Some(library) => write_branch(out, modules, library, &branch, shown)?,
            None => write_row(out, &format!("{}{}", branch.head, need.name), "not in the archive")?,
        }
    }
    Ok(())
}

/// A row of the tree: a name and what stands right of it.
fn write_row(out: &mut Sheet<'_>, left: &str, right: &str) -> io::Result<()> {
    let left = plain(left);
    let gap = (out.width - 4).saturating_sub(left.chars().count() + right.len()).max(2);
    writeln!(out, "    {left}{}{right}", " ".repeat(gap))
}

fn write_module(out: &mut Sheet<'_>, module: &Module) -> io::Result<()> {
    match &module.linking {
        Some(linking) => write_linking(out, linking)?,
        None => out.field("metadata", "none: not a side module, or a tool has stripped it")?,
    }
    write_abi(out, &module.abi)?;
    for producer in &module.producers {
        out.field("producer", &format!("{} {} {}", producer.field, producer.name, producer.version))?;
    }
    if !module.target_features.is_empty() {
        out.field("features", &module.target_features.join(", "))?;
    }
    out.field("imports", &summary(&module.imports, "exported"))?;
    out.field("exports", &summary(&module.exports, "imported"))?;
    let relocations = &module.relocations;
    if relocations.data_code_size + relocations.start_code_size > 0 {
        let code = format!(
            "{} bytes of code for data, {} for globals at the start",
            HumanCount(relocations.data_code_size),
            HumanCount(relocations.start_code_size)
        );
        out.field("relocations", &code)?;
    }
    write_symbols(out, "imports", &module.imports)?;
    write_symbols(out, "exports", &module.exports)?;
    write_sections(out, module)?;
    write_functions(out, module)
}

fn write_linking(out: &mut Sheet<'_>, linking: &Linking) -> io::Result<()> {
    let place = if linking.first { "" } else { ", not the first section" };
    out.field(
        "metadata",
        &format!(
            "{}{place}; {} bytes of memory aligned to {}, {}",
            linking.section,
            HumanCount(linking.memory_size.into()),
            linking.memory_alignment,
            counted(linking.table_size as usize, "table slot")
        ),
    )?;
    if !linking.needed.is_empty() {
        let names: Vec<String> = linking.needed.iter().map(describe_need).collect();
        out.field("needs", &names.join(", "))?;
    }
    if !linking.runtime_path.is_empty() {
        out.field("runtime path", &linking.runtime_path.join(" "))?;
    }
    Ok(())
}

fn describe_need(need: &Need) -> String {
    match (&need.path, need.found) {
        (Some(path), Found::Unreached) => format!("{} ({path}, to which RUNTIME_PATH does not lead)", need.name),
        (Some(path), _) => format!("{} ({path})", need.name),
        (None, _) => need.name.clone(),
    }
}

fn write_abi(out: &mut Sheet<'_>, abi: &Abi) -> io::Result<()> {
    let handling = |handling: Handling| match handling {
        Handling::None => "none",
        Handling::Throws => "thrown and not caught",
        Handling::JavaScript => "JavaScript",
        Handling::Native => "native",
        Handling::Mixed => "both JavaScript and native",
    };
    let instructions = match abi.instructions {
        None => "",
        Some(Instructions::Legacy) => ", legacy instructions",
        Some(Instructions::New) => ", new instructions (try_table)",
        Some(Instructions::Both) => ", legacy and new instructions",
    };
    out.field("exceptions", &format!("{}{instructions}; longjmp: {}", handling(abi.exceptions), handling(abi.longjmp)))?;
    let integers = match abi.integers {
        Integers::Whole => "cross the border whole (BIGINT)",
        Integers::Split => "cross the border in halves (no BIGINT)",
        Integers::None => "none cross the border",
    };
    out.field("64-bit", integers)?;
    for (what, is) in [("threads", abi.threads), ("64-bit memory", abi.memory64), ("asyncify", abi.asyncify)] {
        if is {
            out.field("built with", what)?;
        }
    }
    out.field("Emscripten", &era(abi))?;
    let platforms = if abi.platforms.is_empty() { "no platform".to_string() } else { abi.platforms.join(", ") };
    out.field("conventions", &format!("those of {platforms}"))?;
    match abi.evidence.is_empty() {
        true => Ok(()),
        false => out.field("", &format!("({})", abi.evidence.join("; "))),
    }
}

fn era(abi: &Abi) -> String {
    let versions = match (abi.emscripten_since, abi.emscripten_before) {
        (Some(since), Some(before)) => format!("{since} or later, before {before}"),
        (Some(since), None) => format!("{since} or later"),
        (None, Some(before)) => format!("before {before}"),
        (None, None) => "unknown".to_string(),
    };
    match &abi.libcxx {
        Some(version) => format!("{versions}; libc++ {version}"),
        None => versions,
    }
}

/// Counts of imports or exports by kind; `other` is what some of them are besides.
fn summary(symbols: &Symbols, other: &str) -> String {
    let kind = |(kind, count): (&&str, &usize)| match *kind {
        "GOT.func" => format!("{} by address", counted(*count, "function")),
        "GOT.mem" => format!("{} by address", counted(*count, "data symbol")),
        kind @ ("memory" | "table") => kind.to_string(),
        kind => counted(*count, kind),
    };
    let kinds: Vec<String> = symbols.kinds.iter().map(kind).collect();
    let both = match symbols.both_ways {
        0 => String::new(),
        count => format!("; {} also {other}", counted(count, "name")),
    };
    match kinds.is_empty() {
        true => "none".to_string(),
        false => format!("{}: {}{both}", HumanCount(symbols.count as u64), kinds.join(", ")),
    }
}

/// The families of imports or exports, or all of them.
fn write_symbols(out: &mut Sheet<'_>, what: &str, symbols: &Symbols) -> io::Result<()> {
    if let Some(list) = &symbols.list {
        title(out, what)?;
        return list.iter().try_for_each(|symbol| writeln!(out, "    {}", plain(&describe_symbol(symbol))));
    }
    if symbols.families.is_empty() {
        return Ok(());
    }
    title(out, &format!("{what} by family"))?;
    for family in &FAMILIES {
        if let Some(count) = symbols.families.get(family.name) {
            writeln!(out, "    {:<30}{:>12}", family.title, HumanCount(*count as u64).to_string())?;
        }
    }
    Ok(())
}

fn describe_symbol(symbol: &Symbol) -> String {
    let module = symbol.module.as_ref().map_or(String::new(), |module| format!("{module}."));
    let ty = match (&symbol.ty, symbol.kind) {
        (_, "GOT.func" | "GOT.mem") => String::new(),
        (Some(ty), kind) => format!(": {kind} {ty}"),
        (None, kind) => format!(": {kind}"),
    };
    format!("{module}{}{ty}{}", symbol.name, if symbol.weak { ", weak" } else { "" })
}

fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

fn write_sections(out: &mut Sheet<'_>, module: &Module) -> io::Result<()> {
    title(out, "sections")?;
    let mut sections: Vec<&Section> = module.sections.iter().collect();
    sections.sort_by_key(|section| std::cmp::Reverse(section.size));
    for section in sections {
        let count = section.count.map_or(String::new(), |count| HumanCount(count.into()).to_string());
        let row = format!(
            "    {:<30}{:>12}{:>9}{count:>12}",
            plain(&section.name),
            HumanCount(section.size).to_string(),
            share(section.size, module.size)
        );
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(())
}

fn write_functions(out: &mut Sheet<'_>, module: &Module) -> io::Result<()> {
    let functions = &module.functions;
    if functions.largest.is_empty() {
        return Ok(());
    }
    title(out, &format!("largest of {}", counted(functions.count, "function")))?;
    for function in &functions.largest {
        let name = function.name.clone().unwrap_or_else(|| format!("function {}", function.index));
        let size = HumanCount(function.size).to_string();
        writeln!(out, "    {size:>12}{:>9}  {}", share(function.size, functions.size), plain(&name))?;
    }
    Ok(())
}

fn write_upgrade(out: &mut Sheet<'_>, upgrade: &Upgrade) -> io::Result<()> {
    let report = &upgrade.report;
    title(out, &format!("upgrade to {}", upgrade.target))?;
    if let Some(failure) = &report.error {
        let label = if report.status == Status::Refused { "refused" } else { "error" };
        return item(out, &format!("{label}[{}]", failure.code), &failure.message);
    }
    match (report.status, &report.file_name, report.size_after) {
        (Status::Upgraded, Some(name), Some(size)) => item(out, "result", &format!("{}, {name}", HumanBytes(size)))?,
        (Status::Upgraded, None, Some(size)) => item(out, "result", &HumanBytes(size).to_string())?,
        _ => item(out, "result", "nothing to do")?,
    }
    sum_up(&report.modules).iter().try_for_each(|pass| write_pass(out, pass))?;
    report.notices.iter().try_for_each(|notice| write_notice(out, notice))
}

fn write_pass(out: &mut Sheet<'_>, pass: &PassReport) -> io::Result<()> {
    if !pass.changed.is_empty() {
        let changed: Vec<String> =
            pass.changed.iter().map(|(key, count)| format!("{} {}", HumanCount(*count as u64), pass.words(key, *count))).collect();
        item(out, &pass.pass, &changed.join(", "))?;
    }
    for left in &pass.left {
        item(out, &pass.pass, &format!("leaves {} {}: {}", left.count, left.what, left.why))?;
    }
    pass.notices.iter().try_for_each(|notice| write_notice(out, notice))
}

fn write_notice(out: &mut Sheet<'_>, notice: &NoticeReport) -> io::Result<()> {
    item(out, &notice.label(), &notice.message)
}

/// A label and its text below a title.
fn item(out: &mut Sheet<'_>, label: &str, text: &str) -> io::Result<()> {
    out.wrapped(text, &format!("    {label}: "), "      ")
}
