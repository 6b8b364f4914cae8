//! Exception instructions of one kind: `try`, `catch`, `catch_all`, `delegate` and `rethrow`, or `try_table` and `throw_ref`.
//!
//! **Idea.** Engines know the first kind, the second, or both, and refuse a module that mixes them. So all bodies with exception
//! instructions of the other kind are written anew with those that are asked for: [`tabled`] makes `try_table` of `try`, and
//! [`legacy`] goes back. All other instructions stay as they are, and so do tags, which are the same for both kinds: modules of different
//! kinds throw to each other.
//!
//! **When it refuses.** `try` becomes `try_table` wherever engines allow as many handlers, locals and values as that takes, but not
//! always the other way round: a reference of an exception is a value, of which legacy instructions have none ([`legacy`] tells what it
//! recognises). Then the whole module keeps `try_table`, and what it has of `try` becomes that, too.
//!
//! **Relies on** the legacy exception handling proposal for `delegate`, whose exceptions go where those of the named block's own
//! instructions would; on the bodies being valid, as [`Module::read`] makes sure; and on `__wasm_setjmp` and `__wasm_setjmp_test` throwing
//! nothing (compiler-rt's `emscripten_setjmp.c` of Emscripten 4.0.9). What LLVM 22, Binaryen 132 and this pass write as `try_table` is
//! recognised: the reference of an exception goes from the block behind which its handler stands to a local or stays on the stack, and
//! is thrown on.

mod legacy;
mod references;
mod shape;
mod tabled;
mod tidy;

use crate::body::code::{Code, Instruction, Op};
use crate::body::facts;
use crate::body::list::List;
use crate::linking::code_offsets::drop_code_offsets;
use crate::linking::harmless;
use crate::module::{FunctionId, Item, Module, Origin, TypeId};
use crate::parallel::prelude::*;
use crate::{Error, Kept, Notice, Outcome, Result, code};
use indexmap::IndexSet;
use std::collections::HashSet;
use wasmparser::{AbstractHeapType, BinaryReader, BlockType, FuncType, FunctionBody, HeapType, Operator, ValType};

/// Name of this pass.
pub const PASS: &str = "handlers";

/// Which instructions handle exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `try`, `catch`, `catch_all`, `delegate`, `rethrow`.
    Legacy,
    /// `try_table`, `throw_ref`.
    Exnref,
}

impl Kind {
    /// That of `module`: `try_table` if it has any.
    ///
    /// # Errors
    /// [`Error::Malformed`] for code that cannot be decoded.
    pub fn of(module: &Module<'_>) -> Result<Self> {
        Ok(if functions_of(module, Kind::Exnref)?.is_empty() { Kind::Legacy } else { Kind::Exnref })
    }
}

/// So many bodies are lists at a time.
const AT_A_TIME: usize = 256;

const TOO_LARGE: &str = "engines allow fewer locals and values than its handlers would take";

/// Writes all exception handlers of `module` with the instructions of `kind`.
///
/// # Errors
/// [`Error::Malformed`] for code that cannot be decoded.
pub fn run(module: &mut Module<'_>, kind: Kind) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    let done = rewrite(module, kind, &mut outcome)?;
    if !done && kind == Kind::Legacy {
        let mixed = !functions_of(module, Kind::Legacy)?.is_empty();
        if mixed && rewrite(module, Kind::Exnref, &mut outcome)? {
            let message = "some of its `try_table` cannot become `try`, so all of its handlers are `try_table` now";
            outcome.notices.push(Notice::note(code::MIXED_HANDLERS, message));
        }
    }
    if !outcome.is_unchanged() {
        drop_code_offsets(module, &mut outcome);
        // Blocks that take values, or give several, are part of multivalue.
        module.add_target_features(&["exception-handling", "multivalue"]);
    }
    Ok(outcome)
}

/// The functions that have exception instructions of `kind`.
fn functions_of(module: &Module<'_>, kind: Kind) -> Result<Vec<FunctionId>> {
    let bodies = module.bodies_that(|facts| match kind {
        Kind::Legacy => facts.legacy_try,
        Kind::Exnref => facts.try_table || facts.throw_ref,
    })?;
    Ok(bodies.into_iter().map(|(function, _)| function).collect())
}

/// Why the handlers of `module` cannot all become those of `kind`, if that is so. Changes nothing.
///
/// # Errors
/// [`Error::Malformed`] for code that cannot be decoded.
pub fn obstacle(module: &Module<'_>, kind: Kind) -> Result<Option<&'static str>> {
    let functions = match functions_to_convert(module, kind)? {
        Ok(functions) => functions,
        Err(why) => return Ok(Some(why)),
    };
    let harmless = harmless(module)?;
    let obstacles = functions.par_iter().map(|function| Ok(converted(module, *function, kind, &harmless)?.err()));
    Ok(obstacles.collect::<Result<Vec<_>>>()?.into_iter().flatten().next())
}

/// The functions whose bodies must be written anew so that all handlers are of `kind`, or why that cannot be.
fn functions_to_convert(module: &Module<'_>, kind: Kind) -> Result<std::result::Result<Vec<FunctionId>, &'static str>> {
    let mut functions = functions_of(module, if kind == Kind::Legacy { Kind::Exnref } else { Kind::Legacy })?;
    if kind == Kind::Legacy && !functions.is_empty() {
        let others = if passes_references(module) { None } else { functions_with_references(module)? };
        let Some(others) = others else { return Ok(Err(legacy::STORED)) };
        functions.extend(others);
    }
    Ok(Ok(functions))
}

/// Writes the exception handlers that are not of `kind` anew. If one of them cannot be, none is; tells whether they could.
fn rewrite(module: &mut Module<'_>, kind: Kind, outcome: &mut Outcome) -> Result<bool> {
    let functions = match functions_to_convert(module, kind)? {
        Ok(functions) => functions,
        Err(why) => {
            outcome.leave(Kept::Module, why);
            return Ok(false);
        }
    };
    if functions.is_empty() {
        return Ok(true);
    }
    let harmless = harmless(module)?;
    let mut bodies = Vec::with_capacity(functions.len());
    for some in functions.chunks(AT_A_TIME) {
        let shared = &*module;
        let converted: Vec<_> =
            some.par_iter().map(|function| converted(shared, *function, kind, &harmless)).collect::<Result<_>>()?;
        let converted: Vec<Converted> = match converted.into_iter().collect::<std::result::Result<_, &str>>() {
            Ok(converted) => converted,
            Err(why) => {
                outcome.leave(Kept::Module, why);
                return Ok(false);
            }
        };
        let types = |one: &Converted| one.types.wanted.iter().map(|ty| module.type_id(ty).0).collect();
        let types: Vec<Vec<u32>> = converted.iter().map(types).collect();
        let shared = &*module;
        let encoded: Vec<_> = (some.par_iter().zip(converted).zip(types))
            .map(|((function, converted), types)| Ok((*function, encoded(shared, *function, converted, &types)?)))
            .collect::<Result<_>>()?;
        bodies.extend(encoded);
    }
    module.define_functions(bodies);
    if kind == Kind::Legacy {
        remove_reference_types(module)?;
    }
    outcome.count(if kind == Kind::Legacy { "functions_with_try" } else { "functions_with_try_table" }, functions.len());
    Ok(true)
}

/// The functions that throw nothing.
fn harmless(module: &Module<'_>) -> Result<HashSet<u32>> {
    const KNOWN: [&str; 2] = ["__wasm_setjmp", "__wasm_setjmp_test"];
    let known = module.imports().iter().filter_map(|import| match import.item {
        Item::Function(id) if import.module == "env" && KNOWN.contains(&&*import.field) => Some(id.0),
        _ => None,
    });
    let known: HashSet<u32> = known.collect();
    let facts = module.facts()?;
    let called: Vec<(u32, bool, Vec<u32>)> = (facts.iter())
        .map(|(id, facts)| {
            let calls = facts.calls().map(|callee| module.resolved(FunctionId(callee)).0).collect();
            (id.0, facts.throws || facts.indirect_calls, calls)
        })
        .collect();
    let functions = called.iter().map(|(id, throws, calls)| harmless::Function { id: *id, throws: *throws, calls });
    let mut found = harmless::find(functions, &known);
    found.extend(known);
    Ok(found)
}

/// The functions without exception instructions that declare locals for references of exceptions; `None` if one of them has something else
/// to do with references.
fn functions_with_references(module: &Module<'_>) -> Result<Option<Vec<FunctionId>>> {
    let bodies = module.bodies_that(|facts| !facts.try_table && !facts.throw_ref)?;
    let mut found = Vec::new();
    for (function, body) in bodies {
        let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
        while !operators.eof() {
            if names_reference(module, &operators.read()?) {
                return Ok(None);
            }
        }
        if !Code::new(module, function, body)?.locals_of(is_reference)?.is_empty() {
            found.push(function);
        }
    }
    Ok(Some(found))
}

/// Whether the type of a block, of a call through a table or of another instruction has a reference of an exception.
fn names_reference(module: &Module<'_>, operator: &Operator<'_>) -> bool {
    match operator {
        Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
            block_has_reference(module, *blockty)
        }
        Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
            has_reference(&module.types()[*type_index as usize])
        }
        Operator::RefNull { hty } => is_exception(*hty),
        Operator::TypedSelect { ty } => is_reference(ty),
        _ => false,
    }
}

/// Whether a value is a reference of an exception.
fn is_reference(ty: &ValType) -> bool {
    if let ValType::Ref(ty) = ty { is_exception(ty.heap_type()) } else { false }
}

fn is_exception(ty: HeapType) -> bool {
    let kind = |kind| HeapType::Abstract { shared: false, ty: kind };
    ty == kind(AbstractHeapType::Exn) || ty == kind(AbstractHeapType::NoExn)
}

/// Whether a function of the type takes or gives a reference of an exception.
fn has_reference(ty: &FuncType) -> bool {
    ty.params().iter().chain(ty.results()).any(is_reference)
}

/// Whether a block of the type takes or gives a reference of an exception.
fn block_has_reference(module: &Module<'_>, ty: BlockType) -> bool {
    match ty {
        BlockType::Empty => false,
        BlockType::Type(ty) => is_reference(&ty),
        BlockType::FuncType(ty) => has_reference(&module.types()[ty as usize]),
    }
}

/// What an exception of the tag carries.
fn carried(module: &Module<'_>, tag: u32) -> Vec<ValType> {
    module.types()[module.tags()[tag as usize].ty.0 as usize].params().to_vec()
}

/// Whether references of exceptions go from function to function, or are kept. What other passes removed does not count.
fn passes_references(module: &Module<'_>) -> bool {
    let in_type = |ty: TypeId| has_reference(&module.types()[ty.0 as usize]);
    module.functions().iter().any(|function| is_there(&function.origin) && in_type(function.ty))
        || module.tags().iter().any(|tag| is_there(&tag.origin) && in_type(tag.ty))
        || module.globals().iter().any(|global| is_there(&global.origin) && is_reference(&global.ty.content_type))
        || module.tables().iter().any(|table| is_there(&table.origin) && is_reference(&ValType::Ref(table.ty.element_type)))
}

fn is_there<D>(origin: &Origin<D>) -> bool {
    !matches!(origin, Origin::Dead)
}

/// Engines that know only legacy instructions know no references of exceptions either: types with them go, unless something uses them.
fn remove_reference_types(module: &mut Module<'_>) -> Result<()> {
    let tags = module.tags().iter().filter(|tag| is_there(&tag.origin)).map(|tag| tag.ty.0);
    let functions = module.functions().iter().filter(|function| is_there(&function.origin)).map(|function| function.ty.0);
    let mut used: HashSet<u32> = tags.chain(functions).collect();
    for (_, facts) in module.facts()? {
        let types =
            facts.immediates.iter().filter(|immediate| matches!(immediate.kind, facts::Kind::BlockType | facts::Kind::Type));
        used.extend(types.map(|immediate| immediate.id));
    }
    for id in 0..module.types().len() as u32 {
        if has_reference(&module.types()[id as usize]) && !used.contains(&id) && module.has_type(TypeId(id)) {
            module.remove_type(TypeId(id));
        }
    }
    Ok(())
}

/// What became of one body.
struct Converted {
    list: Vec<Instruction>,
    types: Types,
    /// How many locals for references were added.
    added: u32,
    kind: Kind,
}

impl Converted {
    /// Whether engines would refuse a body with so many locals, or its blocks, which take or give too much (WebAssembly JavaScript
    /// interface, implementation limits).
    fn exceeds(&self, locals: u32) -> bool {
        const LOCALS: u32 = 50_000;
        const VALUES: usize = 1000;
        let wide = |ty: &FuncType| ty.params().len() > VALUES || ty.results().len() > VALUES;
        (self.added > 0 && locals > LOCALS) || self.types.wanted.iter().any(wide)
    }
}

/// Types of blocks that only the module can give.
#[derive(Debug, Default)]
struct Types {
    wanted: IndexSet<FuncType>,
}

impl Types {
    /// The type of a block; one that takes or gives more than a block type can say is the number of a wanted one, counted down from the
    /// largest number.
    fn block(&mut self, takes: &[ValType], gives: Vec<ValType>) -> BlockType {
        match (takes, gives.as_slice()) {
            ([], []) => BlockType::Empty,
            ([], [one]) => BlockType::Type(*one),
            _ => {
                let (place, _) = self.wanted.insert_full(FuncType::new(takes.to_vec(), gives));
                BlockType::FuncType(u32::MAX - place as u32)
            }
        }
    }
}

/// The body of `function` with exception instructions of `kind`, or why that cannot be.
fn converted(
    module: &Module<'_>,
    function: FunctionId,
    kind: Kind,
    harmless: &HashSet<u32>,
) -> Result<std::result::Result<Converted, &'static str>> {
    let mut code = code_of(module, function)?;
    code.read_exactly(module)?;
    let before = code.locals;
    let ops: Vec<Op> = std::mem::take(&mut code.list).into_vec().into_iter().map(|instruction| instruction.op).collect();
    let live = tidy::live(&ops);
    let ops: Vec<Op> = live.iter().map(|at| ops[*at].clone()).collect();
    let result = match kind {
        Kind::Exnref => {
            let ops = tidy::with_needed_tries(&code, ops, harmless);
            let ops = tidy::with_late_tries(module, &code, ops, harmless);
            let ops = tidy::with_shared_ends(&code, ops);
            tabled::convert(module, &mut code, &ops)?
        }
        Kind::Legacy => {
            let references = code.locals_of(is_reference)?.into_iter().collect();
            let positions = code.positions()?;
            let positions: Vec<usize> = live.iter().map(|at| positions[*at]).collect();
            legacy::convert(module, function, &mut code, &ops, &positions, references)?
        }
    };
    Ok(result.and_then(|(list, types)| {
        let converted = Converted { list, types, added: code.locals - before, kind };
        if converted.exceeds(code.locals) { Err(TOO_LARGE) } else { Ok(converted) }
    }))
}

fn code_of<'m>(module: &'m Module<'_>, function: FunctionId) -> Result<Code<'m>> {
    let body = module.function(function).origin.defined().ok_or_else(|| Error::Internal("an import has no body".into()))?;
    Code::new(module, function, body)
}

/// The bytes of a body; `types` are those that it wanted.
fn encoded(module: &Module<'_>, function: FunctionId, converted: Converted, types: &[u32]) -> Result<Vec<u8>> {
    let Converted { mut list, added, kind, .. } = converted;
    let mut code = code_of(module, function)?;
    if kind == Kind::Legacy {
        code.retire_locals_of(is_reference)?;
    }
    for _ in 0..added {
        code.new_local(ValType::EXNREF)?;
    }
    for instruction in &mut list {
        if let Op::Block(_, BlockType::FuncType(ty)) | Op::Try(_, BlockType::FuncType(ty)) = &mut instruction.op
            && let Some(wanted) = types.get((u32::MAX - *ty) as usize)
        {
            *ty = *wanted;
        }
    }
    code.list = List::from(list);
    code.encode()
}
