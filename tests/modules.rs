//! Properties of every module at hand: fixtures, wheels from npm and, where there is one, the corpus.
//!
//! Reading and writing loses nothing, and an upgrade changes what it has to and nothing else. What the instructions of a body are is
//! decided by an independent reading with wasmparser, in which everything imported goes by its name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;
use support::{all_modules, main_modules};
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix_passes::module::{Item, Module};
use wasmparser::{BinaryReaderError, Catch, ExternalKind, FuncType, FunctionBody, Operator, Parser, Payload, TypeRef};

fn options(exnref: bool) -> ModuleOptions {
    ModuleOptions { personality: "_Unwind_CallPersonality".to_string(), exnref, ..ModuleOptions::default() }
}

/// Runs `check` over every side module, several at a time, and fails with what it says about each.
#[track_caller]
fn for_each(check: impl Fn(&[u8]) -> Result<(), String> + Sync) {
    let modules = all_modules();
    assert!(modules.len() > 20, "only {} modules were found", modules.len());
    let failures: Vec<String> =
        modules.par_iter().filter_map(|(name, bytes)| check(bytes).err().map(|error| format!("{name}: {error}"))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn untouched_modules_come_out_byte_for_byte() {
    for_each(|bytes| {
        let module = Module::read(bytes).map_err(|error| error.to_string())?;
        let written = module.write().map_err(|error| error.to_string())?;
        if written == bytes { Ok(()) } else { Err("something changed".to_string()) }
    });
}

/// Main modules are linked by the same tools and have the same metadata.
#[test]
fn main_modules_come_out_byte_for_byte() {
    for (name, bytes) in main_modules() {
        let module = Module::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(module.write().unwrap() == bytes, "{name}");
    }
}

/// Adding an import moves every function index, and removing it moves them back: what comes out must be what went in.
#[test]
fn indices_move_and_move_back() {
    for_each(|bytes| move_and_move_back(bytes).map_err(|error| error.to_string())?);
}

fn move_and_move_back(bytes: &[u8]) -> Result<Result<(), String>, wasm_pyfix_passes::Error> {
    const NAME: &str = "wasm_pyfix_test_only";
    let mut module = Module::read(bytes)?;
    // Present from the start, so that adding the import adds no type.
    module.type_id(&FuncType::new([], []));
    module.encode_everything();
    let plain = module.write()?;
    let mut module = Module::read(&plain)?;
    module.import_function("env", NAME, &FuncType::new([], []));
    let moved = module.write()?;
    let mut module = Module::read(&moved)?;
    let Some(Item::Function(added)) = module.import("env", NAME) else { return Ok(Err("the import is lost".to_string())) };
    module.remove_function(added);
    let back = module.write()?;
    // Linkers pad LEBs in code that no optimiser saw; then only the instructions are the same.
    let same = back == plain || same_code(&plain, &back)?;
    Ok(if same && moved != plain { Ok(()) } else { Err("what came back is not what was there".to_string()) })
}

/// Twice the same, on one thread as on several; valid; and final.
#[test]
fn upgrades_are_deterministic_and_final() {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let several = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (name, bytes) in all_modules() {
        for exnref in [false, true] {
            let options = options(exnref);
            let upgrade = |bytes: &[u8]| upgrade_module(bytes, &options).map(|result| result.bytes);
            let (Ok(once), Ok(again)) = (one_thread.install(|| upgrade(&bytes)), several.install(|| upgrade(&bytes))) else {
                // The only reason for which a real module may be refused.
                let refused = upgrade(&bytes).unwrap_err().to_string();
                assert!(refused.contains("WASM_BIGINT"), "{name}: {refused}");
                continue;
            };
            assert!(once == again, "{name}, exnref {exnref}: the result depends on the threads");
            let Some(once) = once else { continue };
            wasmparser::Validator::new_with_features(wasm_pyfix_passes::module::FEATURES)
                .validate_all(&once)
                .unwrap_or_else(|error| panic!("{name}, exnref {exnref}: {error}"));
            assert!(upgrade(&once).unwrap().is_none(), "{name}, exnref {exnref}: a second run finds work");
        }
    }
}

/// An upgrade puts its routines before and behind the functions of the module. Those keep their order; and those that call no invoke
/// keep their locals and all their instructions, and mean the same functions and globals; where they meant something of the JavaScript
/// ABI, they mean a routine now.
#[test]
fn upgrades_keep_the_instructions_of_every_function() {
    for exnref in [false, true] {
        for_each(|bytes| {
            let Ok(result) = upgrade_module(bytes, &options(exnref)) else { return Ok(()) };
            let Some(upgraded) = result.bytes else { return Ok(()) };
            let read = |bytes| View::read(bytes).map_err(|error: BinaryReaderError| error.to_string());
            compare(&read(bytes)?, &read(&upgraded)?)
        });
    }
}

fn compare(before: &View<'_>, after: &View<'_>) -> Result<(), String> {
    let name = |kind, name: &String| if after.imports(kind).contains(name) { Some(name.clone()) } else { None };
    let replaced_globals = before.imports(Kind::Global).iter().filter(|global| name(Kind::Global, global).is_none()).count();
    let routines = after.own_function("__wasm_call_ctors").zip(before.own_function("__wasm_call_ctors"));
    let routines =
        routines.or_else(|| before.exports.keys().find_map(|name| after.own_function(name).zip(before.own_function(name))));
    let (after_index, before_index) = routines.ok_or("no function is exported before and after")?;
    let in_front = after_index.checked_sub(before_index).ok_or("functions are gone")?;
    let meaning_before = |kind, index: usize| match before.imports(kind).get(index) {
        Some(import) => name(kind, import).map_or(Meaning::Replaced, Meaning::Import),
        None => Meaning::Own(index - before.imports(kind).len()),
    };
    let meaning_after = |kind, index: usize| {
        if let Some(import) = after.imports(kind).get(index) {
            return Meaning::Import(import.clone());
        }
        let own = index - after.imports(kind).len();
        let (in_front, count) = match kind {
            Kind::Function => (in_front, before.bodies.len()),
            Kind::Global => (replaced_globals, before.globals),
            Kind::Table | Kind::Tag => (0, usize::MAX),
        };
        if (in_front..in_front.saturating_add(count)).contains(&own) { Meaning::Own(own - in_front) } else { Meaning::Replaced }
    };
    let calls_invoke = |body: &FunctionBody<'_>| -> Result<bool, BinaryReaderError> {
        for operator in body.get_operators_reader()? {
            if let Operator::Call { function_index } = operator?
                && let Some(import) = before.imports(Kind::Function).get(function_index as usize)
                && import.starts_with("env.invoke_")
            {
                return Ok(true);
            }
        }
        Ok(false)
    };
    for (index, body) in before.bodies.iter().enumerate() {
        if calls_invoke(body).map_err(|error| error.to_string())? {
            continue;
        }
        let kept = after.bodies.get(in_front + index).ok_or("functions are gone")?;
        let same = essence(body, meaning_before).and_then(|before| Ok(before == essence(kept, meaning_after)?));
        if !same.map_err(|error| error.to_string())? {
            return Err(format!("the body at {:#x} has changed", body.range().start));
        }
    }
    Ok(())
}

/// Whether the functions are the same, however their LEBs are encoded.
fn same_code(a: &[u8], b: &[u8]) -> Result<bool, BinaryReaderError> {
    let essences = |module| -> Result<Vec<u64>, BinaryReaderError> {
        View::read(module)?.bodies.iter().map(|body| essence(body, |_, index| Meaning::Own(index))).collect()
    };
    Ok(essences(a)? == essences(b)?)
}

#[derive(Clone, Copy, Hash)]
enum Kind {
    Function,
    Table,
    Global,
    Tag,
}

/// What an index stands for.
#[derive(Hash)]
enum Meaning {
    Import(String),
    /// The module's own, counted without the imports and without what an upgrade added.
    Own(usize),
    /// An import that a routine or a private variable took the place of.
    Replaced,
}

/// A module as the properties see it.
#[derive(Default)]
struct View<'a> {
    /// Names of the imports of each kind.
    imports: [Vec<String>; 4],
    /// Number of globals that the module defines.
    globals: usize,
    bodies: Vec<FunctionBody<'a>>,
    /// Exported functions.
    exports: HashMap<String, usize>,
}

impl<'a> View<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut view = View::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        let kind = match import.ty {
                            TypeRef::Func(_) | TypeRef::FuncExact(_) => Kind::Function,
                            TypeRef::Table(_) => Kind::Table,
                            TypeRef::Global(_) => Kind::Global,
                            TypeRef::Tag(_) => Kind::Tag,
                            TypeRef::Memory(_) => continue,
                        };
                        // The one function that has another name on the other side.
                        let field = if import.name == "emscripten_longjmp" { "__wasm_longjmp" } else { import.name };
                        view.imports[kind as usize].push(format!("{}.{field}", import.module));
                    }
                }
                Payload::GlobalSection(globals) => view.globals = globals.count() as usize,
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            view.exports.insert(export.name.to_string(), export.index as usize);
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => view.bodies.push(body),
                _ => {}
            }
        }
        Ok(view)
    }

    fn imports(&self, kind: Kind) -> &[String] {
        &self.imports[kind as usize]
    }

    /// Number of the body of the exported function `name`.
    fn own_function(&self, name: &str) -> Option<usize> {
        self.exports.get(name)?.checked_sub(self.imports(Kind::Function).len())
    }
}

/// A hash of the locals and the instructions of `body`: of their bytes, but of what indices stand for instead of the indices.
fn essence(body: &FunctionBody<'_>, meaning: impl Fn(Kind, usize) -> Meaning) -> Result<u64, BinaryReaderError> {
    let mut hasher = DefaultHasher::new();
    let bytes = body.as_bytes();
    let begin = body.range().start;
    for local in body.get_locals_reader()? {
        local?.hash(&mut hasher);
    }
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let at = (operators.original_position() - begin) as usize;
        let operator = operators.read()?;
        let end = (operators.original_position() - begin) as usize;
        let indices = indices(&operator);
        if indices.is_empty() {
            bytes[at..end].hash(&mut hasher);
            continue;
        }
        bytes[at].hash(&mut hasher);
        if let Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } = operator {
            type_index.hash(&mut hasher);
        }
        if let Operator::TryTable { try_table } = &operator {
            format!("{:?}", try_table.ty).hash(&mut hasher);
        }
        for (kind, index) in indices {
            meaning(kind, index as usize).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// The indices in an instruction that an upgrade may move. Types keep theirs.
fn indices(operator: &Operator<'_>) -> Vec<(Kind, u32)> {
    match *operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } | Operator::RefFunc { function_index } => {
            vec![(Kind::Function, function_index)]
        }
        Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } => vec![(Kind::Global, global_index)],
        Operator::CallIndirect { table_index: table, .. }
        | Operator::ReturnCallIndirect { table_index: table, .. }
        | Operator::TableGet { table }
        | Operator::TableSet { table }
        | Operator::TableGrow { table }
        | Operator::TableSize { table }
        | Operator::TableFill { table } => vec![(Kind::Table, table)],
        Operator::TableCopy { dst_table, src_table } => vec![(Kind::Table, dst_table), (Kind::Table, src_table)],
        Operator::Throw { tag_index } | Operator::Catch { tag_index } => vec![(Kind::Tag, tag_index)],
        Operator::TryTable { ref try_table } => {
            let tags = try_table.catches.iter().filter_map(|catch| match *catch {
                Catch::One { tag, .. } | Catch::OneRef { tag, .. } => Some((Kind::Tag, tag)),
                Catch::All { .. } | Catch::AllRef { .. } => None,
            });
            tags.collect()
        }
        _ => Vec::new(),
    }
}
