//! Manifests: the symbols that a runtime offers to side modules, read from its main module, and their compact text form.
//!
//! A main module offers its wasm exports and, through the table in its JavaScript, library functions written in JavaScript
//! (`mergeLibSymbols` and `resolveGlobalSymbol` of Emscripten's `libdylink.js`; the table wins). Exact types of JavaScript functions
//! come from the imports of the main module, the others from the annotations in the text.
//!
//! Whether an exported global is data is told as the loader does it (`relocateExports`, `updateGOT`): an immutable i32 is an
//! address, a mutable one is a real global such as `__stack_pointer`.
//!
//! The text form is one line per symbol, sorted by name: `name provider kind [type]`. Types are one letter per value (`i` i32,
//! `j` i64, `f` f32, `d` f64, `V` v128, `e` externref, `a` funcref), results after a colon; `?` is an unknown type. A name that ends
//! in `*` is a family of functions that the loader makes on demand, and `?` in place of a kind stands for what is not known at all. Lines
//! `# key: value` right behind the first are facts about the runtime, for those who read them ([`super::file`]).
//!
//! Refuses anything that is no core module or has no exports, and JavaScript that lacks an import of the module.

use super::Target;
use super::javascript::{self, Library, Value};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wasm_pyfix_passes::{Environment, Item, Offer, Provider};
use wasmparser::{CompositeInnerType, Encoding, ExternalKind, FuncType, Import, Parser, Payload, SubType, TypeRef, ValType};

/// What stands behind the name of a symbol that not all runtimes of a target offer alike.
const SOMETIMES: &str = "sometimes";

/// First line of the text form.
const HEADER: &str = "# wasm-pyfix manifest 1";

/// Import modules whose names side modules share with the main module.
const SHARED_MODULES: [&str; 2] = ["env", "wasi_snapshot_preview1"];

/// Exported constants that are not addresses of data (`isInternalSym` in `libdylink.js`).
const CONSTANTS: [&str; 4] = ["__memory_base", "__table_base", "__tls_size", "__tls_align"];

/// Reads what the runtime made of these files offers: a main module, and optionally its JavaScript library.
pub fn from_files(files: &[PathBuf]) -> Result<Environment> {
    let mut main = None;
    let mut javascript = None;
    for file in files {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let slot = if bytes.starts_with(b"\0asm") { &mut main } else { &mut javascript };
        ensure!(slot.is_none(), "{}: give one main module and at most one file of JavaScript", file.display());
        *slot = Some((file, bytes));
    }
    let (main, wasm) = main.context("none of the files is a WebAssembly module: give the .wasm file of the main module")?;
    let libraries = javascript.map(|(file, bytes)| read_javascript(file, &bytes)).transpose()?;
    from_main(&wasm, libraries).with_context(|| main.display().to_string())
}

/// Reads what the files given as `--main` offer. For a main module alone, the JavaScript of `target` is assumed, where it has any.
pub fn of_main(files: &[PathBuf], target: &Target) -> Result<Environment> {
    let names = || files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let mut environment = from_files(files).with_context(names)?;
    // Loaders allocate the memory of a side module with the one or the other.
    let allocates = |name: &&str| environment.symbols.get(*name).is_some_and(|offer| offer.provider == Provider::MainModule);
    if !["malloc", "calloc"].iter().any(allocates) {
        bail!("{}: it does not export `malloc`, so it is not the main module of a runtime that loads side modules", names());
    }
    if files.len() == 1 && target.has_manifest() {
        let manifest = target.manifest()?;
        for (name, offer) in manifest.symbols {
            if offer.provider != Provider::MainModule {
                environment.symbols.entry(name).or_insert(offer);
            }
        }
        environment.sometimes = manifest.sometimes;
    }
    Ok(environment)
}

/// Reads what the Pyodide runtime in `directory`, an unpacked npm package `pyodide`, offers.
pub fn from_pyodide(directory: &Path) -> Result<Environment> {
    // The JavaScript is a module since Pyodide 314.
    let names = ["pyodide.asm.mjs", "pyodide.asm.js"];
    let javascript = names.iter().map(|name| directory.join(name)).find(|path| path.is_file());
    let javascript = javascript.with_context(|| format!("{} has neither {} nor {}", directory.display(), names[0], names[1]))?;
    from_files(&[directory.join("pyodide.asm.wasm"), javascript])
}

/// Reads what all the Pyodide runtimes in `directories` offer alike.
pub fn from_runtimes(directories: &[PathBuf]) -> Result<Environment> {
    let (first, others) = directories.split_first().context("no runtime is given")?;
    let mut environment = from_pyodide(first)?;
    for other in others {
        environment.keep_common(&from_pyodide(other)?);
    }
    Ok(environment)
}

fn read_javascript(file: &Path, bytes: &[u8]) -> Result<Vec<Library>> {
    let text = std::str::from_utf8(bytes).context("neither a WebAssembly module nor text");
    text.and_then(javascript::scan).with_context(|| file.display().to_string())
}

/// The parts of a main module that matter here.
#[derive(Default)]
struct Main {
    /// The types; `None` stands for one that is no function type.
    types: Vec<Option<FuncType>>,
    /// Type indices of functions and tags, and the types of globals; imported ones first.
    functions: Vec<u32>,
    tags: Vec<u32>,
    globals: Vec<wasmparser::GlobalType>,
    /// What is imported from the modules whose names are shared.
    imports: BTreeMap<String, Item>,
    exports: Vec<(String, ExternalKind, u32)>,
}

impl Main {
    fn read(wasm: &[u8]) -> Result<Self> {
        let mut main = Main::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::Version { encoding: Encoding::Component, .. } => bail!("a component, not a main module"),
                Payload::TypeSection(section) => {
                    for group in section {
                        main.types.extend(group?.into_types().map(func_type));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        main.import(import?)?;
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        main.functions.push(ty?);
                    }
                }
                Payload::TagSection(section) => {
                    for tag in section {
                        main.tags.push(tag?.func_type_idx);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        main.globals.push(global?.ty);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        main.exports.push((export.name.to_string(), export.kind, export.index));
                    }
                }
                _ => {}
            }
        }
        ensure!(!main.exports.is_empty(), "the module exports nothing, so it is no main module");
        Ok(main)
    }

    fn import(&mut self, import: Import<'_>) -> Result<()> {
        let item = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                Item::Function(Some(self.func_type(ty)?.clone()))
            }
            TypeRef::Tag(tag) => {
                self.tags.push(tag.func_type_idx);
                Item::Tag(self.func_type(tag.func_type_idx)?.clone())
            }
            TypeRef::Global(global) => {
                self.globals.push(global);
                Item::Global { value: global.content_type, mutable: global.mutable }
            }
            TypeRef::Table(_) => Item::Table,
            TypeRef::Memory(_) => Item::Memory,
        };
        if SHARED_MODULES.contains(&import.module) {
            self.imports.insert(import.name.to_string(), item);
        }
        Ok(())
    }

    fn func_type(&self, index: u32) -> Result<&FuncType> {
        let ty = self.types.get(index as usize).and_then(Option::as_ref);
        ty.with_context(|| format!("there is no function type {index}"))
    }

    fn item(&self, name: &str, kind: ExternalKind, index: u32) -> Result<Item> {
        let what = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => "function",
            ExternalKind::Tag => "tag",
            _ => "global",
        };
        let out_of_range = || format!("export `{name}`: there is no {what} {index}");
        let at = index as usize;
        Ok(match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                Item::Function(Some(self.func_type(*self.functions.get(at).with_context(out_of_range)?)?.clone()))
            }
            ExternalKind::Tag => Item::Tag(self.func_type(*self.tags.get(at).with_context(out_of_range)?)?.clone()),
            ExternalKind::Global => {
                let global = self.globals.get(at).with_context(out_of_range)?;
                if global.content_type == ValType::I32 && !global.mutable && !CONSTANTS.contains(&name) {
                    Item::Data
                } else {
                    Item::Global { value: global.content_type, mutable: global.mutable }
                }
            }
            ExternalKind::Table => Item::Table,
            ExternalKind::Memory => Item::Memory,
        })
    }
}

fn func_type(ty: SubType) -> Option<FuncType> {
    match ty.composite_type.inner {
        CompositeInnerType::Func(ty) => Some(ty),
        _ => None,
    }
}

/// Reads what a main module and its JavaScript library offer. Without the library, what the main module itself imports stands for it.
/// Of several libraries, those count that have all functions which the main module imports.
pub fn from_main(wasm: &[u8], libraries: Option<Vec<Library>>) -> Result<Environment> {
    let main = Main::read(wasm)?;
    let mut exported = Environment::default();
    for (name, kind, index) in &main.exports {
        let item = main.item(name, *kind, *index)?;
        exported.add(name, Provider::MainModule, item);
    }
    alias_main(&mut exported);
    let mut environment = match libraries {
        Some(libraries) => with_libraries(&exported, &main, libraries)?,
        None => {
            let mut environment = exported;
            for (name, item) in main.imports {
                environment.add(name, Provider::JavaScript, item);
            }
            environment
        }
    };
    for name in ["__memory_base", "__table_base"] {
        environment.add(name, Provider::Loader, Item::Global { value: ValType::I32, mutable: false });
    }
    Ok(environment)
}

/// What the exports of a main module and all libraries that fit it best offer alike.
fn with_libraries(exported: &Environment, main: &Main, libraries: Vec<Library>) -> Result<Environment> {
    let lacks = |library: &Library, name: &str| !library.values.contains_key(name);
    let functions = || main.imports.iter().filter(|(_, item)| matches!(item, Item::Function(_))).map(|(name, _)| name);
    // The others are not always in the table: a program may add the memory later.
    let lacking = |library: &Library| main.imports.keys().filter(|name| lacks(library, name)).count();
    let lacked = libraries.iter().find_map(|library| functions().find(|name| lacks(library, name))).cloned();
    let mut fitting: Vec<Library> = libraries;
    fitting.retain(|library| !functions().any(|name| lacks(library, name)));
    let least = fitting.iter().map(lacking).min();
    let best = fitting.into_iter().filter(|library| Some(lacking(library)) == least);
    let environments = best.map(|library| {
        let mut environment = exported.clone();
        add_library(&mut environment, main, library);
        environment
    });
    let common = environments.reduce(|mut common, other| {
        common.keep_common(&other);
        common
    });
    common.with_context(|| {
        let name = lacked.unwrap_or_default();
        format!("the JavaScript lacks `{name}`, which the main module imports: do the two files belong together?")
    })
}

/// The two spellings of the C entry point stand for each other (`mergeLibSymbols`).
fn alias_main(environment: &mut Environment) {
    let spellings = ["main", "__main_argc_argv"];
    for (name, alias) in [(spellings[0], spellings[1]), (spellings[1], spellings[0])] {
        if let Some(offer) = environment.symbols.get(name).cloned() {
            environment.symbols.entry(alias.to_string()).or_insert(offer);
        }
    }
}

fn add_library(environment: &mut Environment, main: &Main, library: Library) {
    for (name, value) in library.values {
        let imported = || main.imports.get(&name).cloned();
        let item = match value {
            Value::Stub => continue,
            Value::Function(annotated) => match imported() {
                Some(Item::Function(ty)) => Item::Function(ty),
                _ => Item::Function(annotated),
            },
            Value::Number => Item::Data,
            Value::Global { value, mutable } => Item::Global { value, mutable },
            Value::Tag(ty) => Item::Tag(ty),
            Value::Table => Item::Table,
            Value::Memory => Item::Memory,
            // The main module would not run with anything else.
            Value::Unknown => imported().unwrap_or(Item::Unknown),
        };
        environment.add(name, Provider::JavaScript, item);
    }
    for (new, old) in library.aliases {
        if let Some(offer) = environment.symbols.get(&old).cloned() {
            environment.symbols.insert(new, offer);
        }
    }
    environment.families = library.families;
}

/// Writes the text form of an environment; the same environment always gives the same text.
pub fn to_text(environment: &Environment) -> Result<String> {
    let mut lines = vec![HEADER.to_string()];
    lines.extend(environment.families.iter().map(|family| format!("{family}* js func ?")));
    for name in environment.symbols.keys().chain(&environment.sometimes) {
        let plain = !name.is_empty() && !name.starts_with('#') && !name.ends_with('*') && !name.contains(char::is_whitespace);
        ensure!(plain, "the name {name:?} cannot be written into a manifest");
    }
    for (name, offer) in &environment.symbols {
        lines.push(format!("{name} {}", offer_text(offer).with_context(|| format!("symbol `{name}`"))?));
    }
    lines.extend(environment.sometimes.iter().map(|name| format!("{name} {SOMETIMES}")));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn offer_text(offer: &Offer) -> Result<String> {
    let provider = match offer.provider {
        Provider::MainModule => "wasm",
        Provider::JavaScript => "js",
        Provider::Loader => "loader",
    };
    Ok(format!("{provider} {}", item_text(&offer.item)?))
}

/// The kind and the type of a symbol as manifests have them.
pub fn item_text(item: &Item) -> Result<String> {
    Ok(match item {
        // A type that has no letters is as good as unknown.
        Item::Function(ty) => format!("func {}", ty.as_ref().and_then(type_text).unwrap_or("?".to_string())),
        Item::Data => "data".to_string(),
        Item::Global { value, mutable } => {
            let letter = letter(*value).context("the type of a global cannot be written into a manifest")?;
            format!("global {letter}{}", if *mutable { " mutable" } else { "" })
        }
        Item::Tag(ty) => format!("tag {}", type_text(ty).context("the type of a tag cannot be written into a manifest")?),
        Item::Table => "table".to_string(),
        Item::Memory => "memory".to_string(),
        Item::Unknown => "?".to_string(),
    })
}

fn type_text(ty: &FuncType) -> Option<String> {
    let letters = |types: &[ValType]| types.iter().map(|ty| letter(*ty)).collect::<Option<String>>();
    Some(format!("{}:{}", letters(ty.params())?, letters(ty.results())?))
}

fn letter(ty: ValType) -> Option<char> {
    LETTERS.iter().find(|(_, known)| *known == ty).map(|(letter, _)| *letter)
}

/// The letters of value types in manifests.
const LETTERS: [(char, ValType); 7] = [
    ('i', ValType::I32),
    ('j', ValType::I64),
    ('f', ValType::F32),
    ('d', ValType::F64),
    ('V', ValType::V128),
    ('e', ValType::EXTERNREF),
    ('a', ValType::FUNCREF),
];

/// Reads the text form.
pub fn from_text(text: &str) -> Result<Environment> {
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().context("a manifest is empty")?;
    ensure!(header == HEADER, "not a manifest of this version: it begins with {:?} instead of {HEADER:?}", shortened(header));
    let mut environment = Environment::default();
    for (index, line) in lines.skip(facts(text).count()) {
        read_line(&mut environment, line).with_context(|| format!("line {} of a manifest: {:?}", index + 1, shortened(line)))?;
    }
    Ok(environment)
}

/// The facts about the runtime: number of the line from 0, key and value.
pub fn facts(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let lines = text.lines().enumerate().skip(1);
    let parts = lines.map_while(|(index, line)| Some((index, line.strip_prefix("# ")?.split_once(": ")?)));
    parts.map(|(index, (key, value))| (index, key, value))
}

/// The beginning of a line, as much of it as tells which it is.
fn shortened(line: &str) -> &str {
    const LONGEST: usize = 100;
    line.char_indices().nth(LONGEST).map_or(line, |(end, _)| &line[..end])
}

fn read_line(environment: &mut Environment, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    if let Some(name) = words.first() {
        let listed = environment.symbols.contains_key(*name) || environment.sometimes.contains(*name);
        ensure!(!listed, "a symbol stands there twice");
    }
    if let [name, SOMETIMES] = words[..] {
        environment.sometimes.insert(name.to_string());
        return Ok(());
    }
    let [name, provider, item @ ..] = words.as_slice() else { bail!("expected `name provider kind [type]`") };
    if let Some(family) = name.strip_suffix('*') {
        environment.families.insert(family.to_string());
        return Ok(());
    }
    let provider = match *provider {
        "wasm" => Provider::MainModule,
        "js" => Provider::JavaScript,
        "loader" => Provider::Loader,
        _ => bail!("unknown provider `{provider}`"),
    };
    let item = match item {
        ["func", "?"] => Item::Function(None),
        ["func", ty] => Item::Function(Some(read_type(ty)?)),
        ["data"] => Item::Data,
        ["global", ty] => Item::Global { value: read_value_type(ty)?, mutable: false },
        ["global", ty, "mutable"] => Item::Global { value: read_value_type(ty)?, mutable: true },
        ["tag", ty] => Item::Tag(read_type(ty)?),
        ["table"] => Item::Table,
        ["memory"] => Item::Memory,
        ["?"] => Item::Unknown,
        _ => bail!("unknown kind of symbol"),
    };
    environment.add(*name, provider, item);
    Ok(())
}

fn read_type(text: &str) -> Result<FuncType> {
    let (params, results) = text.split_once(':').context("a function type has a colon")?;
    Ok(FuncType::new(read_value_types(params)?, read_value_types(results)?))
}

fn read_value_types(letters: &str) -> Result<Vec<ValType>> {
    let value = |letter: char| LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, ty)| *ty);
    letters.chars().map(|letter| value(letter).with_context(|| format!("unknown type letter `{letter}`"))).collect()
}

fn read_value_type(letter: &str) -> Result<ValType> {
    match read_value_types(letter)?.as_slice() {
        [ty] => Ok(*ty),
        _ => bail!("expected one type letter"),
    }
}
