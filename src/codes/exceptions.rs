//! Exceptions.

use super::{Code, Severity, Upgrade};

pub static JAVASCRIPT_EXCEPTIONS: Code = Code {
    name: "javascript-exceptions",
    severity: Severity::Error,
    summary: "exceptions are implemented in JavaScript, and the target's are native",
    explanation: "The module was compiled with `-fexceptions`, or with the `setjmp` of that time, or by Rust before 1.93: exceptions and \
                  `longjmp` go through functions of JavaScript such as `invoke_vi`. Platforms since 2025_0 do not have them. Where an \
                  address is taken the module does not load (`Error: bad export type for 'emscripten_longjmp': undefined`, on 2026_0 \
                  `Error: Dynamic linking error: undefined symbol 'emscripten_longjmp'`). Otherwise it loads, and the first call ends \
                  the whole runtime: `Error: Dynamic linking error: cannot resolve symbol invoke_vi`.",
    remedy: "compile all of it with `-fwasm-exceptions -sSUPPORT_LONGJMP=wasm`",
    upgrade: Upgrade::Fixes,
};

pub static NATIVE_EXCEPTIONS: Code = Code {
    name: "native-exceptions",
    severity: Severity::Error,
    summary: "exceptions are native, and the target implements them in JavaScript",
    explanation: "The module was compiled with `-fwasm-exceptions`, for 2025_0 or later. Runtimes of 2024_0, and those that \
                  `emscripten-legacy` stands for, have no tag for native exceptions: `LinkError: WebAssembly.Instance(): Import … \
                  \"__cpp_exception\": tag import requires a WebAssembly.Tag`.",
    remedy: "run it on Pyodide 0.28 or later, or compile it with `-fexceptions`",
    upgrade: Upgrade::Refuses,
};

pub static MIXED_EXCEPTIONS: Code = Code {
    name: "mixed-exceptions",
    severity: Severity::Error,
    summary: "the module mixes native exceptions and those of JavaScript",
    explanation: "Some of its objects were compiled with `-fexceptions` and others with `-fwasm-exceptions`; a Rust standard library \
                  older than 1.93 in a module that is otherwise native does that, too. One half of it fails on every platform, as \
                  [javascript-exceptions](#javascript-exceptions) and [native-exceptions](#native-exceptions) say.",
    remedy: "compile all objects with `-fwasm-exceptions`",
    upgrade: Upgrade::Fixes,
};

pub static NEW_EXCEPTIONS: Code = Code {
    name: "new-exceptions",
    severity: Severity::Warning,
    summary: "the module has the new exception instructions, which older engines do not know",
    explanation: "`try_table` and `throw_ref` replaced the legacy instructions in the standard. Pyodide runs on engines that know only \
                  the legacy ones, such as Node 20 and 22 without a switch, and these do not compile the module: `CompileError: \
                  WebAssembly.Module(): …`. Those of a module that stores or passes on \
                  references of exceptions stay.",
    remedy: "compile it with `-sWASM_LEGACY_EXCEPTIONS`, the default of Emscripten",
    upgrade: Upgrade::Fixes,
};

pub static MIXED_HANDLERS: Code = Code {
    name: "mixed-handlers",
    severity: Severity::Warning,
    summary: "the module has legacy and new exception instructions",
    explanation: "Some of its objects have the legacy exception instructions (`try`) and others the new ones (`try_table`). Engines that \
                  know only the legacy ones do not compile it, as [new-exceptions](#new-exceptions) says; of those that know both, some \
                  refuse a module that mixes them.",
    remedy: "compile all objects with the same `-sWASM_LEGACY_EXCEPTIONS`",
    upgrade: Upgrade::Fixes,
};

pub static NEVER_CAUGHT: Code = Code {
    name: "never-caught",
    severity: Severity::Warning,
    summary: "C++ exceptions are thrown, and nothing at hand can catch them",
    explanation: "The module throws C++ exceptions, and neither it nor any module that goes with it has a landing pad: they were compiled \
                  with catching disabled, which is Emscripten's default. A `catch` in the source is not there any more, destructors do \
                  not run, and the first exception ends the whole runtime, with its type and message. If what catches is in a library \
                  or wheel that is not at hand, all is well.",
    remedy: "compile and link the modules that are named with `-fwasm-exceptions` (`-fexceptions` where exceptions are JavaScript's), or give what catches to \
             `check`, too",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 6] =
    [&JAVASCRIPT_EXCEPTIONS, &NATIVE_EXCEPTIONS, &MIXED_EXCEPTIONS, &NEW_EXCEPTIONS, &MIXED_HANDLERS, &NEVER_CAUGHT];
