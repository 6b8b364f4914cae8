//! Legalization is undone: 64-bit integers cross the border of the module whole, as a main module with BIGINT expects.
//!
//! **Idea.** Without `-sWASM_BIGINT` Binaryen split every 64-bit integer at the border into two i32, for JavaScript had nothing to
//! hold it. An export `f` became a stub, its original was exported as `orig$f`; an import was given the split type and called by a
//! wrapper. So
//! - the export `f` gives out the original again, and `orig$f` goes, with the stub if nothing else needs it;
//! - an import gets its true type back. Its wrapper becomes the import itself; where the wrapper was inlined, a function of the old
//!   type joins and splits, so that the calls stay as they are;
//! - `dynCall_*` exports go: calls through pointers no longer need them;
//! - `tempRet0`, through which the high halves of results went, moves into the module where nobody else uses it.
//!
//! Legalized `invoke_*` imports are left to the conversion of exceptions ([`crate::exceptions`]). Where exceptions stay in JavaScript, they
//! are restored like other imports: their names spell their types.
//!
//! **The true type of an import** is that of its wrapper where the wrapper is whole ([`shape`]), else of the same function exported by
//! this module or a sibling, else what the runtime offers, if its type split is the type at hand. A split type alone proves nothing:
//! two i32 may be two i32.
//!
//! **When it refuses.** When an import is demonstrably legalized and nothing tells its type, or sources contradict each other. When the
//! type of a function that returns a `time_t` would rest on the runtime's alone although the module may be older than 64-bit
//! `time_t` ([`crate::linking::time_t`]).
//!
//! **Relies on** Binaryen's `LegalizeJSInterface.cpp` (`legalize-js-interface-export-originals`, which Emscripten passes for side
//! modules) and `GenerateDynCalls.cpp`.

mod exports;
mod shape;

pub use exports::{wide_exports, wide_exports_of};

use crate::body::halves::legal_body;
use crate::linking::DYNCALL;
use crate::linking::code_offsets::drop_code_offsets;
use crate::linking::siblings::SiblingExports;
use crate::linking::signature::{has_i64, is_legalized, spelled, through_pointer};
use crate::linking::{exception_abi, time_t};
use crate::module::{FunctionId, Import, Item, Module};
use crate::{Environment, Error, Kept, Outcome, Result, code};
use shape::Shape;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasmparser::FuncType;

/// What the pass knows of the module's surroundings.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// What the runtime offers.
    pub environment: &'o Environment,
    /// Functions that sibling modules export.
    pub sibling_exports: &'o SiblingExports,
    /// Types with 64-bit integers of functions that this module or siblings export, see [`wide_exports`].
    pub sibling_types: &'o HashMap<String, FuncType>,
    /// Restore the types of `invoke_*` imports, which stay.
    pub invokes: bool,
    /// Keep `dynCall_*` exports that pass 64-bit integers whole.
    pub keep_dyncalls: bool,
    /// Accept modules whose `time_t` may have 32 bits.
    pub allow_struct_change: bool,
}

/// Undoes the legalization of `module`.
///
/// # Errors
/// [`Error::Refused`] with the names of imports whose type is not proven, or as [`time_t::refuse_old`].
pub fn run(module: &mut Module<'_>, options: &Options<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new("legalize");
    let shapes = shape::scan(module)?;
    if !options.allow_struct_change {
        let joined = joined(&shapes);
        time_t::refuse_old(module, |id| joined.contains(&id))?;
    }
    let pairs = export_pairs(module);
    let imports = true_types(module, &shapes, &pairs, options, &mut outcome)?;
    let mut candidates = restore_exports(module, &pairs, &mut outcome);
    candidates.extend(drop_dyncalls(module, options.keep_dyncalls, &mut outcome));
    let adaptors = restore_imports(module, &shapes, &imports, &mut outcome)?;
    if outcome.is_unchanged() {
        return Ok(outcome);
    }
    remove_dead(module, candidates, &adaptors, &mut outcome)?;
    drop_code_offsets(module, &mut outcome);
    Ok(outcome)
}

/// The imports whose result `module` demonstrably takes as a 64-bit integer in halves: what [`time_t::refuse_old`] wants to know.
///
/// # Errors
/// [`Error::Malformed`] for code that cannot be decoded.
pub fn joined_imports(module: &Module<'_>) -> Result<HashSet<FunctionId>> {
    Ok(joined(&shape::scan(module)?))
}

fn joined(shapes: &[(FunctionId, Shape)]) -> HashSet<FunctionId> {
    shapes.iter().flat_map(|(_, shape)| shape.wraps.into_iter().chain(shape.joins.iter().map(|id| FunctionId(*id)))).collect()
}

/// An export `f` of a split type and the original behind it, exported as `orig$f`.
#[derive(Debug)]
struct ExportPair {
    name: String,
    stub: FunctionId,
    original: FunctionId,
}

/// What the name of an original begins with.
const ORIGINAL: &str = "orig$";

fn export_pairs(module: &Module<'_>) -> Vec<ExportPair> {
    let exports: HashMap<&str, Item> = module.exports().iter().map(|export| (export.name.as_ref(), export.item)).collect();
    let pair = |(name, item): (&&str, &Item)| {
        let name = name.strip_prefix(ORIGINAL)?;
        let (Item::Function(original), Some(Item::Function(stub))) = (item, exports.get(name)) else { return None };
        let split = is_legalized(module.signature(*stub), module.signature(*original));
        // A pair that an earlier run, or another tool, has restored in part.
        let same = original == stub;
        (split || same).then(|| ExportPair { name: name.to_string(), stub: *stub, original: *original })
    };
    let mut pairs: Vec<_> = exports.iter().filter_map(pair).collect();
    pairs.sort_by(|a, b| a.name.cmp(&b.name));
    pairs
}

/// Gives each `f` its original back; returns the stubs.
fn restore_exports(module: &mut Module<'_>, pairs: &[ExportPair], outcome: &mut Outcome) -> BTreeSet<FunctionId> {
    if pairs.is_empty() {
        return BTreeSet::new();
    }
    module.redirect_exports(&pairs.iter().map(|pair| (&*pair.name, Item::Function(pair.original))).collect());
    let originals: HashSet<String> = pairs.iter().map(|pair| format!("{ORIGINAL}{}", pair.name)).collect();
    module.remove_exports(|export| originals.contains(export.name.as_ref()));
    outcome.count("exports_restored", pairs.len());
    pairs.iter().filter(|pair| pair.stub != pair.original).map(|pair| pair.stub).collect()
}

/// Drops the `dynCall_*` exports, but for those that `keep` whole 64-bit integers; returns their functions.
fn drop_dyncalls(module: &mut Module<'_>, keep: bool, outcome: &mut Outcome) -> BTreeSet<FunctionId> {
    let dropped: BTreeMap<String, FunctionId> = (module.exports().iter())
        .filter_map(|export| {
            let Item::Function(id) = export.item else { return None };
            let whole = through_pointer(&spelled(export.name.strip_prefix(DYNCALL)?)?);
            let have = module.signature(id);
            let unwanted = is_legalized(have, &whole) || (!keep && *have == whole);
            unwanted.then(|| (export.name.to_string(), id))
        })
        .collect();
    if !dropped.is_empty() {
        module.remove_exports(|export| dropped.contains_key(export.name.as_ref()));
        outcome.count("dyncall_exports_dropped", dropped.len());
    }
    dropped.into_values().collect()
}

/// What the type of an import is said to be.
enum Verdict {
    /// It is not legalized, as far as can be told.
    AsItIs,
    True(FuncType),
    /// It is given the halves of a 64-bit integer, which may be what it takes.
    Suspect,
    /// It is legalized, and this is why its type is not known.
    Unproven(&'static str),
}

/// The true types of the legalized imports.
fn true_types(
    module: &Module<'_>,
    shapes: &[(FunctionId, Shape)],
    pairs: &[ExportPair],
    options: &Options<'_>,
    outcome: &mut Outcome,
) -> Result<BTreeMap<FunctionId, FuncType>> {
    let evidence = Evidence::new(module, shapes, pairs, options);
    let mut types = BTreeMap::new();
    let (mut unproven, mut suspects) = (Vec::new(), Vec::new());
    for import in module.imports() {
        let Item::Function(id) = import.item else { continue };
        if let Some(ty) = exception_abi::legalized_invoke(&import.field, module.signature(id)).filter(|_| options.invokes) {
            types.insert(id, ty);
            continue;
        }
        if has_i64(module.signature(id)) || exception_abi::is_of_abi(&import.field, module.signature(id)) {
            continue;
        }
        match evidence.verdict(&import.field, id) {
            Verdict::AsItIs => {}
            Verdict::Suspect => suspects.push(format!(
                "`{}` is given the halves of a 64-bit integer; nothing tells whether it is to get it whole",
                import.field
            )),
            Verdict::True(ty) => drop(types.insert(id, ty)),
            Verdict::Unproven(why) => unproven.push(format!("{} ({why})", import.field)),
        }
    }
    outcome.leave_each(Kept::Import, suspects);
    if unproven.is_empty() {
        return Ok(types);
    }
    Err(Error::refused(
        code::LEGALIZED_I64,
        format!(
            "it was linked without WASM_BIGINT, and the 64-bit integers in the types of these imports are not known: {}; give the files of \
         the main module that offers them to `--main`, or link it anew with -sWASM_BIGINT",
            unproven.join(", ")
        ),
    ))
}

struct Evidence<'e, 'm, 'o> {
    module: &'e Module<'m>,
    options: &'e Options<'o>,
    /// Types of wrappers by the import that they call.
    wrappers: HashMap<FunctionId, Vec<FuncType>>,
    /// Imports whose result is joined.
    joins: HashSet<u32>,
    /// Imports that are given the halves of a 64-bit integer.
    splits: HashSet<u32>,
    /// Original types of this module's own exports.
    own: HashMap<&'e str, FuncType>,
}

impl<'e, 'm, 'o> Evidence<'e, 'm, 'o> {
    fn new(module: &'e Module<'m>, shapes: &[(FunctionId, Shape)], pairs: &'e [ExportPair], options: &'e Options<'o>) -> Self {
        let mut evidence = Evidence {
            module,
            options,
            wrappers: HashMap::new(),
            joins: HashSet::new(),
            splits: HashSet::new(),
            own: pairs.iter().map(|pair| (pair.name.as_str(), module.signature(pair.original).clone())).collect(),
        };
        for (id, shape) in shapes {
            evidence.joins.extend(&shape.joins);
            evidence.splits.extend(&shape.splits);
            if let Some(import) = shape.wraps {
                let types = evidence.wrappers.entry(import).or_default();
                if !types.contains(module.signature(*id)) {
                    types.push(module.signature(*id).clone());
                }
            }
        }
        // Halves given to a function mean something only in a module that was legalized.
        if evidence.wrappers.is_empty()
            && evidence.joins.is_empty()
            && pairs.is_empty()
            && !exception_abi::has_legalized_invoke(module)
        {
            evidence.splits.clear();
        }
        evidence
    }

    fn verdict(&self, name: &str, id: FunctionId) -> Verdict {
        let have = self.module.signature(id);
        let sibling = self.options.sibling_types.get(name).or_else(|| self.own.get(name)).filter(|ty| is_legalized(have, ty));
        let offered = match self.options.sibling_exports.contains(name) {
            true => None,
            false => self.options.environment.function(name),
        };
        match (self.wrappers.get(&id).map(Vec::as_slice), sibling, offered) {
            // The halves belong to the function after all.
            (_, _, Some(offered)) if offered == have => Verdict::AsItIs,
            (Some([ty]), _, None) => Verdict::True(ty.clone()),
            (Some([ty]), _, Some(offered)) if ty == offered => Verdict::True(ty.clone()),
            (Some(_), _, Some(_)) => Verdict::Unproven("the runtime's type is another one than the module's"),
            (Some(_), _, None) => Verdict::Unproven("the module uses it with several types"),
            (None, Some(ty), _) => Verdict::True(ty.clone()),
            (None, None, Some(offered)) if is_legalized(have, offered) => match self.is_dated(name, id) {
                true => Verdict::True(offered.clone()),
                false => Verdict::Unproven("its time_t may have 32 bits"),
            },
            _ if self.joins.contains(&id.0) => Verdict::Unproven("nothing tells its type"),
            _ if self.splits.contains(&id.0) => Verdict::Suspect,
            _ => Verdict::AsItIs,
        }
    }

    /// Whether the module is young enough for the runtime's type of this function to be the module's.
    fn is_dated(&self, name: &str, id: FunctionId) -> bool {
        let proven = |id: FunctionId| self.joins.contains(&id.0) || self.wrappers.contains_key(&id);
        !time_t::concerns(name) || proven(id) || time_t::refuse_old(self.module, proven).is_ok()
    }
}

/// Gives each import its true type; returns the functions of the split types that are to stay if anything refers to them, with the
/// import that each calls.
fn restore_imports(
    module: &mut Module<'_>,
    shapes: &[(FunctionId, Shape)],
    types: &BTreeMap<FunctionId, FuncType>,
    outcome: &mut Outcome,
) -> Result<BTreeMap<FunctionId, FunctionId>> {
    let mut adaptors = BTreeMap::new();
    let mut wrappers_of: HashMap<FunctionId, Vec<FunctionId>> = HashMap::new();
    for (id, shape) in shapes {
        if let Some(import) = shape.wraps {
            wrappers_of.entry(import).or_default().push(*id);
        }
    }
    let mut names: HashMap<FunctionId, (String, String)> = HashMap::new();
    let mut known: HashMap<(String, String, FuncType), FunctionId> = HashMap::new();
    let imported = |import: &Import<'_>| match import.item {
        Item::Function(id) => Some((id, (import.module.to_string(), import.field.to_string()))),
        _ => None,
    };
    for (id, name) in module.imports().iter().filter_map(imported).filter(|(id, _)| types.contains_key(id)) {
        names.entry(id).or_insert(name);
    }
    let wanted: HashSet<&(String, String)> = names.values().collect();
    for (id, name) in module.imports().iter().filter_map(imported).filter(|(_, name)| wanted.contains(name)) {
        known.entry((name.0, name.1, module.signature(id).clone())).or_insert(id);
    }
    for (&old, ty) in types {
        let lost = || Error::Internal("an import to restore is not in the list".into());
        let (from, field) = names.remove(&old).ok_or_else(lost)?;
        let mut wrappers = wrappers_of.remove(&old).unwrap_or_default().into_iter();
        let key = (from, field, ty.clone());
        let new = match (wrappers.next(), known.get(&key)) {
            (Some(wrapper), _) => {
                module.import_as(wrapper, &key.0, &key.1);
                wrapper
            }
            (None, Some(known)) => *known,
            (None, None) => module.add_imported_function(&key.0, &key.1, ty),
        };
        known.entry(key).or_insert(new);
        for wrapper in wrappers {
            let mut function = wasm_encoder::Function::new([]);
            for parameter in 0..ty.params().len() as u32 {
                function.instructions().local_get(parameter);
            }
            function.instructions().call(new.0).end();
            module.define_function(wrapper, function.into_raw_body());
        }
        adaptors.insert(old, new);
    }
    outcome.count("imports_restored", types.len());
    let referred = referrers(module, &adaptors.keys().map(|id| id.0).collect())?;
    let (mut bodies, mut unused) = (Vec::new(), Vec::new());
    for (&old, &new) in &adaptors {
        if referred.is_referred(old, &BTreeSet::new()) {
            let ty = module.signature(new).clone();
            let body = legal_body(module, &ty, 0, |code| {
                code.call(new.0);
            });
            bodies.push((old, body));
        } else {
            unused.push(old);
        }
    }
    module.define_functions(bodies);
    module.remove_functions(&unused);
    Ok(adaptors)
}

/// Removes those of `candidates` that nothing needs any more, and the functions of `tempRet0` if that leaves them without use.
fn remove_dead(
    module: &mut Module<'_>,
    candidates: BTreeSet<FunctionId>,
    adaptors: &BTreeMap<FunctionId, FunctionId>,
    outcome: &mut Outcome,
) -> Result<()> {
    let temp_ret: Vec<FunctionId> = (["getTempRet0", "setTempRet0"].iter())
        .filter_map(|name| match module.import("env", name) {
            Some(Item::Function(id)) => Some(id),
            _ => None,
        })
        .collect();
    let candidates: BTreeSet<FunctionId> = candidates.into_iter().filter(|id| !adaptors.contains_key(id)).collect();
    let referred = referrers(module, &candidates.iter().chain(&temp_ret).map(|id| id.0).collect())?;
    let mut dead = candidates.clone();
    let mut needed: Vec<FunctionId> = candidates.into_iter().filter(|id| referred.is_referred(*id, &dead)).collect();
    // Those that others need come back, and with them what they need.
    while let Some(id) = needed.pop() {
        if dead.remove(&id) {
            needed.extend(referred.by(id));
        }
    }
    outcome.count("functions_removed", dead.len());
    let unused = temp_ret.into_iter().filter(|id| !referred.is_referred(*id, &dead));
    let gone: Vec<FunctionId> = unused.chain(dead.iter().copied()).collect();
    module.remove_functions(&gone);
    Ok(())
}

/// Who refers to some functions.
#[derive(Default)]
struct Referrers {
    /// The functions whose bodies do, by function.
    bodies: HashMap<u32, BTreeSet<FunctionId>>,
    /// The same the other way round.
    functions: HashMap<FunctionId, HashSet<u32>>,
    /// The functions that are exported, in a segment, an initial value or the start.
    exposed: HashSet<FunctionId>,
}

impl Referrers {
    /// Whether anything but the functions `dead` refers to `id`.
    fn is_referred(&self, id: FunctionId, dead: &BTreeSet<FunctionId>) -> bool {
        let in_body = |body: &FunctionId| *body != id && !dead.contains(body);
        self.exposed.contains(&id) || self.bodies.get(&id.0).is_some_and(|bodies| bodies.iter().any(in_body))
    }

    /// The functions to which the body of `id` refers.
    fn by(&self, id: FunctionId) -> impl Iterator<Item = FunctionId> {
        self.functions.get(&id).into_iter().flatten().map(|id| FunctionId(*id))
    }
}

/// Looks through all bodies for references to `functions`.
fn referrers(module: &Module<'_>, functions: &HashSet<u32>) -> Result<Referrers> {
    if functions.is_empty() {
        return Ok(Referrers::default());
    }
    let mut referrers = Referrers { exposed: module.start().into_iter().collect(), ..Referrers::default() };
    referrers.exposed.extend(module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) => Some(id),
        _ => None,
    }));
    referrers.exposed.extend(module.listed_functions());
    let facts = module.facts()?.into_iter();
    // What was replaced is what it was replaced by.
    let meant = |function: u32| module.resolved(FunctionId(function)).0;
    let found: Vec<(FunctionId, HashSet<u32>)> =
        facts.map(|(id, facts)| (id, facts.functions().map(meant).filter(|id| functions.contains(id)).collect())).collect();
    for (id, found) in &found {
        for function in found {
            referrers.bodies.entry(*function).or_default().insert(*id);
        }
    }
    referrers.functions = found.into_iter().filter(|(_, found)| !found.is_empty()).collect();
    Ok(referrers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An export goes whose function stands for another one since `merge` ran. It stays for the callers of that one.
    #[test]
    fn callers_of_what_was_replaced_keep_what_stands_for_it() {
        let text = r#"(module (@dylink.0 (mem-info (memory 0 0)))
            (func $exported (export "dynCall_v") (param i32))
            (func $equal (param i32))
            (func (export "f") i32.const 1 call $equal))"#;
        let bytes = wat::parse_str(text).unwrap();
        let mut module = Module::read(&bytes).unwrap();
        module.replace_function(FunctionId(1), FunctionId(0));
        let options = Options {
            environment: &Environment::default(),
            sibling_exports: &SiblingExports::default(),
            sibling_types: &HashMap::new(),
            invokes: false,
            keep_dyncalls: false,
            allow_struct_change: false,
        };
        let outcome = run(&mut module, &options).unwrap();
        assert!(!outcome.is_unchanged());
        assert!(module.function(FunctionId(0)).origin.defined().is_some());
        crate::validate(&module.write().unwrap()).unwrap();
    }
}
