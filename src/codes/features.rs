//! What the engines and the runtimes do not take, and structs that changed.

use super::{Code, Severity, Upgrade};

pub static SHARED_MEMORY: Code = Code {
    name: "shared-memory",
    severity: Severity::Error,
    summary: "the module is built for threads",
    explanation: "It was compiled with `-pthread` and wants a memory that threads share. No Pyodide runtime has one. Engines say \
                  `LinkError: WebAssembly.Instance(): … mismatch in shared state of memory, declared = 1, imported = 0`.",
    remedy: "build it without `-pthread`",
    upgrade: Upgrade::Refuses,
};

pub static MEMORY64: Code = Code {
    name: "memory64",
    severity: Severity::Error,
    summary: "the module is built for 64-bit memory",
    explanation: "It was compiled for wasm64. Pyodide runtimes have 32-bit memories: engines that know 64-bit ones refuse to link the two, \
                  others do not compile the module.",
    remedy: "build it for wasm32",
    upgrade: Upgrade::Refuses,
};

pub static ASYNCIFY: Code = Code {
    name: "asyncify",
    severity: Severity::Error,
    summary: "the module is instrumented by asyncify",
    explanation: "It was linked with `-sASYNCIFY`, and every call in it takes part in unwinding and rewinding that the main module must \
                  know. Pyodide's does not: it suspends by means of JavaScript Promise Integration, which needs no instrumentation.",
    remedy: "link it without `-sASYNCIFY`",
    upgrade: Upgrade::Refuses,
};

pub static LEGALIZED_I64: Code = Code {
    name: "legalized-i64",
    severity: Severity::Error,
    summary: "64-bit integers pass in halves",
    explanation: "The module was linked without `-sWASM_BIGINT`: what it exports and imports takes each 64-bit integer as two of 32 \
                  bits. The runtime passes them whole, so functions do not fit: `LinkError: … imported function does not match the \
                  expected type` for those of the main module, wrong values for those in JavaScript.",
    remedy: "link it with `-sWASM_BIGINT`, the default since Emscripten 4.0.0",
    upgrade: Upgrade::Fixes,
};

pub static TIME_32_BIT: Code = Code {
    name: "time-32-bit",
    severity: Severity::Error,
    summary: "`time_t` may have 32 bits",
    explanation: "Before Emscripten 3.1.16 `time_t` had 32 bits, since then it has 64. The module may be older, and imports functions \
                  that exchange such values. The runtime would write eight bytes where it has room for four; there is no message, only \
                  corrupted memory and wrong times.",
    remedy: "compile it with Emscripten 3.1.16 or later",
    upgrade: Upgrade::Refuses,
};

pub static STRUCT_CHANGED: Code = Code {
    name: "struct-changed",
    severity: Severity::Warning,
    summary: "a struct has another layout on the target",
    explanation: "The module imports a function that takes a struct, and the struct has another layout on the target than on the \
                  platform that the module was built for. If the module uses the struct, it reads and writes the wrong members. \
                  [targets.md](targets.md) lists the structs.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Leaves,
};

pub static EXTENDED_CONST: Code = Code {
    name: "extended-const",
    severity: Severity::Warning,
    summary: "constant expressions compute, which older engines do not know",
    explanation: "The module was compiled with `-mextended-const`: where a value must be constant, such as the place of its data, it adds \
                  numbers. Pyodide runs on engines that do not know that, such as Node 20 and older, and these do not compile the \
                  module: `CompileError: WebAssembly.Module(): …`.",
    remedy: "`wasm-pyfix upgrade --no-extended-const` writes the computations out; or compile it with `-mno-extended-const`",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 7] =
    [&SHARED_MEMORY, &MEMORY64, &ASYNCIFY, &EXTENDED_CONST, &LEGALIZED_I64, &TIME_32_BIT, &STRUCT_CHANGED];
