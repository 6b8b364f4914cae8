//! Properties of every module at hand: fixtures, wheels from npm and, where there is one, the corpus.
//!
//! Reading and writing loses nothing, and an upgrade changes what it has to and nothing else. What the instructions of a body are is
//! decided by an independent reading with wasmparser, in which everything imported goes by its name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Context;
use rayon::prelude::*;
use support::{all_modules, main_modules};
use wasm_pyfix::pipeline::Plan;
use wasm_pyfix::pipeline::{ModuleOptions, ModuleResult, ShrinkOptions, shrink_modules, upgrade_module};
use wasm_pyfix_passes::handlers;
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::prune::Exports;
use wasmparser::{
    BinaryReaderError, Catch, ElementItems, ExternalKind, FuncType, FunctionBody, Operator, Parser, Payload, TypeRef,
};

fn options(exnref: bool) -> ModuleOptions {
    ModuleOptions {
        personality: "_Unwind_CallPersonality".to_string(),
        handlers: exnref.then_some(handlers::Kind::Exnref),
        ..ModuleOptions::default()
    }
}

/// What becomes of `bytes` by the passes that `passes` ask for.
fn shrink(bytes: &[u8], passes: &ShrinkOptions) -> anyhow::Result<ModuleResult> {
    let plan = |_: &[Module<'_>]| Ok(vec![Plan { exports: Exports::PruneMangled, ..Plan::keep("a plain name".to_string()) }]);
    let results = shrink_modules(&[bytes], passes, plan)?;
    results.into_iter().next().context("a result for the module")
}

/// An upgrade and everything beyond it.
fn optimize(bytes: &[u8]) -> anyhow::Result<ModuleResult> {
    let passes =
        ShrinkOptions { bind: true, prune: true, merge: true, relocations: true, encode: true, ..ShrinkOptions::default() };
    let upgraded = upgrade_module(bytes, &options(false))?;
    let shrunk = shrink(upgraded.bytes.as_deref().unwrap_or(bytes), &passes)?;
    let outcomes = upgraded.outcomes.into_iter().chain(shrunk.outcomes).collect();
    Ok(ModuleResult { bytes: shrunk.bytes.or(upgraded.bytes), outcomes })
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

/// The same with all passes that make modules smaller.
#[test]
fn optimized_modules_are_deterministic_and_final() {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for (name, bytes) in all_modules() {
        let Ok(once) = optimize(&bytes) else { continue };
        let again = one_thread.install(|| optimize(&bytes)).unwrap();
        assert!(once.bytes == again.bytes, "{name}: the result depends on the threads");
        let Some(once) = once.bytes else { continue };
        wasmparser::Validator::new_with_features(wasm_pyfix_passes::module::FEATURES)
            .validate_all(&once)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let second = optimize(&once).unwrap();
        assert!(second.bytes.is_none(), "{name}: a second run finds work: {:?}", second.outcomes);
    }
}

/// Merging, ordering and shortening change neither what is exported or in the table nor any function that it calls, however deep: what a
/// function is, is told by its instructions, by what imports are called, and by what the functions are that it calls.
#[test]
fn merged_and_ordered_functions_are_the_same_functions() {
    for_each(|bytes| {
        let passes = ShrinkOptions { merge: true, encode: true, ..ShrinkOptions::default() };
        let Some(shrunk) = shrink(bytes, &passes).map_err(|error| error.to_string())?.bytes else { return Ok(()) };
        let read = |bytes| View::read(bytes).and_then(|view| view.meanings()).map_err(|error: BinaryReaderError| error.to_string());
        let (before, after) = (read(bytes)?, read(&shrunk)?);
        if before.exports != after.exports {
            return Err("an export means another function".to_string());
        }
        if before.elements != after.elements {
            return Err("a table slot means another function".to_string());
        }
        if before.functions != after.functions { Err("there are other functions".to_string()) } else { Ok(()) }
    });
}

/// An upgrade puts its routines before and behind the functions of the module. Those keep their order; and those that call no invoke, and
/// have no handlers that are to become others, keep their locals and all their instructions, and mean the same functions and globals; where they meant something of the JavaScript
/// ABI, they mean a routine now.
#[test]
fn upgrades_keep_the_instructions_of_every_function() {
    for exnref in [false, true] {
        for_each(|bytes| {
            let Ok(result) = upgrade_module(bytes, &options(exnref)) else { return Ok(()) };
            let Some(upgraded) = result.bytes else { return Ok(()) };
            let read = |bytes| View::read(bytes).map_err(|error: BinaryReaderError| error.to_string());
            compare(&read(bytes)?, &read(&upgraded)?, exnref)
        });
    }
}

fn compare(before: &View<'_>, after: &View<'_>, exnref: bool) -> Result<(), String> {
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
    let is_rewritten = |body: &FunctionBody<'_>| -> Result<bool, BinaryReaderError> {
        for operator in body.get_operators_reader()? {
            let rewritten = match operator? {
                Operator::Call { function_index } => {
                    let import = before.imports(Kind::Function).get(function_index as usize);
                    import.is_some_and(|import| import.starts_with("env.invoke_"))
                }
                Operator::Try { .. } => exnref,
                _ => false,
            };
            if rewritten {
                return Ok(true);
            }
        }
        Ok(false)
    };
    for (index, body) in before.bodies.iter().enumerate() {
        if is_rewritten(body).map_err(|error| error.to_string())? {
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
    /// A function, told by a hash.
    Function(u64),
}

impl Meaning {
    fn hash_value(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
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
    /// Functions that element segments list.
    elements: Vec<usize>,
}

/// Hashes that tell what the functions of a module are, whatever their indices.
struct Meanings {
    exports: BTreeMap<String, u64>,
    elements: Vec<u64>,
    functions: BTreeSet<u64>,
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
                Payload::ElementSection(segments) => {
                    for segment in segments {
                        if let ElementItems::Functions(functions) = segment?.items {
                            for function in functions {
                                view.elements.push(function? as usize);
                            }
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => view.bodies.push(body),
                _ => {}
            }
        }
        Ok(view)
    }

    /// What the functions are: at first their instructions, then those and what they call, and so on.
    fn meanings(&self) -> Result<Meanings, BinaryReaderError> {
        const DEPTH: usize = 4;
        let imported = self.imports(Kind::Function);
        let names = imported.iter().map(|name| Meaning::Import(name.clone()).hash_value());
        let mut hashes: Vec<u64> = names.chain(self.bodies.iter().map(|_| 0)).collect();
        for _ in 0..DEPTH {
            let meaning = |kind, index: usize| match kind {
                Kind::Function => Meaning::Function(hashes[index]),
                _ => Meaning::Own(index),
            };
            let own: Vec<u64> = self.bodies.par_iter().map(|body| essence(body, meaning)).collect::<Result<_, _>>()?;
            hashes.truncate(imported.len());
            hashes.extend(own);
        }
        Ok(Meanings {
            exports: self.exports.iter().map(|(name, index)| (name.clone(), hashes[*index])).collect(),
            elements: self.elements.iter().map(|index| hashes[*index]).collect(),
            functions: hashes.into_iter().collect(),
        })
    }

    fn imports(&self, kind: Kind) -> &[String] {
        &self.imports[kind as usize]
    }

    /// Number of the body of the exported function `name`.
    fn own_function(&self, name: &str) -> Option<usize> {
        self.exports.get(name)?.checked_sub(self.imports(Kind::Function).len())
    }
}

/// A hash of the locals and the instructions of `body`: of their bytes, but of what indices stand for instead of the indices, and
/// of values instead of their LEBs.
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
            // Loads, stores and constants may have padding.
            match bytes[at] {
                0x28..=0x3e | 0x41 | 0x42 => format!("{operator:?}").hash(&mut hasher),
                _ => bytes[at..end].hash(&mut hasher),
            }
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
