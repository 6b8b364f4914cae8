//! Modules that are dense, with as many things in as few bytes as the format allows, take no more memory and time than any input may.

use peak_alloc::PeakAlloc;
use properties::bounds;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalType, ImportSection, Instruction, MemoryType, Module, RefType, TableType, TypeSection, ValType,
};
use wasm_pyfix::cli;
use wasm_pyfix::report::Status;
use wasm_pyfix::run::InMemory;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What the process takes is that of one input, so they are tried one after the other.
#[test]
fn dense_modules_keep_to_the_bounds() {
    let cases: [(&str, Vec<u8>); 11] = [
        ("functions with nothing in them", functions(500_000, |_| Function::new([]))),
        ("functions that call the next one", functions(300_000, calls_next)),
        ("exports", exports(150_000)),
        ("imported functions", imports(150_000, "env", EntityType::Function(0))),
        ("imported addresses", imports(150_000, "GOT.mem", EntityType::Global(got_entry()))),
        ("addresses of __threwValue and their uses", addresses_of_threw_value(50_000, 150_000)),
        ("imports of testSetjmp and their calls", setjmp_tests(20_000, 100_000)),
        ("instructions behind a call site", call_site(&[Instruction::Nop], 780_000, &[])),
        ("instructions in a function that is too large to inline", call_site(&[Instruction::Nop], 1_500_000, &[])),
        ("blocks behind a call site", call_site(&[BLOCK, Instruction::End], 250_000, &[])),
        (
            "branches out of blocks behind a call site",
            call_site(&[BLOCK, Instruction::I32Const(0), Instruction::BrIf(0)], 100_000, &[Instruction::End]),
        ),
    ];
    let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "--allow-missing", "./input"];
    let args = cli::upgrade_args(words).expect("the arguments are right");
    let mut tool = InMemory::new(&args).expect("the arguments are right");
    for (name, bytes) in cases {
        let ((report, _), taken) = bounds::measured(|| tool.upgrade("input.so", &bytes));
        assert!(matches!(report.status, Status::Upgraded | Status::Unchanged), "{name}: {:?}", report.error);
        assert_eq!(bounds::exceeded(taken, bytes.len()), None, "{name}");
    }
}

const BLOCK: Instruction<'static> = Instruction::Block(wasm_encoder::BlockType::Empty);

fn got_entry() -> GlobalType {
    GlobalType { val_type: ValType::I32, mutable: true, shared: false }
}

/// The beginning of a side module, with types of functions that take nothing: one gives nothing, the other an i32, the third takes one.
fn begin() -> Module {
    let mut module = Module::new();
    // Four bytes of memory and one slot of the table.
    module.section(&CustomSection { name: "dylink.0".into(), data: (&[1, 4, 4, 2, 1, 0][..]).into() });
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32], []);
    module.section(&types);
    module
}

fn functions(count: u32, make: impl Fn(u32) -> Function) -> Vec<u8> {
    let mut module = begin();
    let (mut declared, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for index in 0..count {
        declared.function(0);
        let mut function = make((index + 1) % count);
        code.function(function.instruction(&Instruction::End));
    }
    exports.export("PyInit_m", ExportKind::Func, 0);
    module.section(&declared).section(&exports).section(&code);
    module.finish()
}

fn calls_next(next: u32) -> Function {
    let mut function = Function::new([]);
    function.instruction(&Instruction::Call(next));
    function
}

fn exports(count: u32) -> Vec<u8> {
    let mut module = begin();
    let (mut declared, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for index in 0..count {
        declared.function(0);
        exports.export(&format!("{index:x}"), ExportKind::Func, index);
        code.function(Function::new([]).instruction(&Instruction::End));
    }
    module.section(&declared).section(&exports).section(&code);
    module.finish()
}

fn imports(count: u32, from: &str, ty: EntityType) -> Vec<u8> {
    let mut module = begin();
    let mut imports = ImportSection::new();
    for index in 0..count {
        imports.import(from, &format!("{index:x}"), ty);
    }
    module.section(&imports);
    module.finish()
}

/// A function that reads the last of `imported` addresses of `__threwValue` so many times, and calls through an invoke.
fn addresses_of_threw_value(imported: u32, reads: usize) -> Vec<u8> {
    let mut imports = ImportSection::new();
    for _ in 0..imported {
        imports.import("GOT.mem", "__threwValue", got_entry());
    }
    imports.import("env", "invoke_v", EntityType::Function(2));
    let mut function = Function::new([]);
    for _ in 0..reads {
        function.instruction(&Instruction::GlobalGet(imported - 1)).instruction(&Instruction::Drop);
    }
    function.instruction(&Instruction::I32Const(0)).instruction(&Instruction::Call(0));
    one_function(imports, 1, function)
}

/// A function that calls the last of `imported` functions `__wasm_setjmp_test` so many times, and through an invoke.
fn setjmp_tests(imported: u32, calls: usize) -> Vec<u8> {
    let mut imports = ImportSection::new();
    for _ in 0..imported {
        imports.import("env", "__wasm_setjmp_test", EntityType::Function(0));
    }
    imports.import("env", "invoke_v", EntityType::Function(2));
    let mut function = Function::new([]);
    for _ in 0..calls {
        function.instruction(&Instruction::Call(imported - 1));
    }
    function.instruction(&Instruction::I32Const(0)).instruction(&Instruction::Call(imported));
    one_function(imports, imported + 1, function)
}

/// A module with a memory whose only function is number `index`, behind the imported ones.
fn one_function(mut imports: ImportSection, index: u32, mut function: Function) -> Vec<u8> {
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", memory);
    let (mut declared, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    declared.function(0);
    exports.export("PyInit_m", ExportKind::Func, index);
    code.function(function.instruction(&Instruction::End));
    let mut module = begin();
    module.section(&imports).section(&declared).section(&exports).section(&code);
    module.finish()
}

/// A function that calls through an invoke, and does `repeated` so many times and `closed` as often before it asks what was thrown.
fn call_site(repeated: &[Instruction<'_>], count: usize, closed: &[Instruction<'_>]) -> Vec<u8> {
    const TABLE_BASE: u32 = 1;
    const THREW: u32 = 3;
    const FUNCTIONS: [(&str, u32); 4] =
        [("invoke_v", 2), ("__cxa_find_matching_catch_2", 1), ("__resumeException", 2), ("throws", 0)];
    let mut module = begin();
    let mut imports = ImportSection::new();
    let base = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    let table = TableType { element_type: RefType::FUNCREF, table64: false, minimum: 0, maximum: None, shared: false };
    imports.import("env", "memory", memory).import("env", "__indirect_function_table", table);
    imports.import("env", "__memory_base", base).import("env", "__table_base", base);
    imports.import("env", "__stack_pointer", got_entry()).import("GOT.mem", "__THREW__", got_entry());
    for (name, ty) in FUNCTIONS {
        imports.import("env", name, EntityType::Function(ty));
    }
    let (mut declared, mut exports, mut elements, mut code) =
        (FunctionSection::new(), ExportSection::new(), ElementSection::new(), CodeSection::new());
    declared.function(0);
    exports.export("run", ExportKind::Func, FUNCTIONS.len() as u32);
    elements.active(None, &ConstExpr::global_get(TABLE_BASE), Elements::Functions((&[3][..]).into()));
    let word = wasm_encoder::MemArg { offset: 0, align: 2, target: wasm_encoder::MemArgTarget::Memory(0), ordering: None };
    let mut function = Function::new([]);
    let threw = Instruction::GlobalGet(THREW);
    for instruction in [&threw, &Instruction::I32Const(0), &Instruction::I32Store(word)] {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::GlobalGet(TABLE_BASE)).instruction(&Instruction::Call(0));
    for instruction in (0..count).flat_map(|_| repeated).chain((0..count).flat_map(|_| closed)) {
        function.instruction(instruction);
    }
    for instruction in [&threw, &Instruction::I32Load(word), &Instruction::If(wasm_encoder::BlockType::Empty)] {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::Call(1)).instruction(&Instruction::Call(2));
    function.instruction(&Instruction::End).instruction(&Instruction::End);
    code.function(&function);
    module.section(&imports).section(&declared).section(&exports).section(&elements).section(&code);
    module.finish()
}
