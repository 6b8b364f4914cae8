//! Function pointers that are called under another type.

use super::{Code, Severity, Upgrade};

pub static POINTER_TYPE_MISMATCH: Code = Code {
    name: "pointer-type-mismatch",
    severity: Severity::Error,
    summary: "a function pointer is called under another type than the function has",
    explanation: "C lets a function of two parameters stand where one of three is called; an engine of WebAssembly compares the types at each \
                  call through a pointer. The module loads. The first such call ends the whole runtime: `RuntimeError: null function or \
                  function signature mismatch`. The finding tells where the pointer stands: a slot of a type, an entry of a table of \
                  methods, an argument of `qsort`; see [pointers.md](pointers.md).",
    remedy: "give the function the parameters and the result with which it is called, and leave out the cast",
    upgrade: Upgrade::Fixes,
};

pub static STUB_CALLED: Code = Code {
    name: "stub-called",
    severity: Severity::Error,
    summary: "a function is called under another type than the one it is defined with",
    explanation: "Two object files do not agree on the type of a function: one calls it by a declaration that is not that of its definition. \
                  wasm-ld warned of that (`function signature mismatch`) and had the call go to a stub, `signature_mismatch:…`, that does \
                  nothing but end the whole runtime: `RuntimeError: unreachable`.",
    remedy: "include the same declaration in both source files",
    upgrade: Upgrade::Leaves,
};

pub static POINTER_TYPE_FORGIVEN: Code = Code {
    name: "pointer-type-forgiven",
    severity: Severity::Note,
    summary: "a method or attribute has another type than it is called with, and Python makes up for that",
    explanation: "On Emscripten, CPython calls methods with `METH_VARARGS`, `METH_NOARGS` and `METH_O`, with `METH_KEYWORDS` or without, the \
                  getters and setters of attributes, and `tp_call` by a trampoline. It passes as many arguments as the function takes, up \
                  to three, if the function returns a pointer or an `int`; what becomes of others is [pointer-type-refused]\
                  (#pointer-type-refused). `METH_FASTCALL` has no trampoline, nor has `tp_call` where it is called as `__call__`: `upgrade` gives that an adapter.",
    remedy: "nothing must be done; give the function the parameters with which it is called",
    upgrade: Upgrade::Leaves,
};

pub static POINTER_TYPE_REFUSED: Code = Code {
    name: "pointer-type-refused",
    severity: Severity::Warning,
    summary: "a method or attribute has a type that Python does not make up for on all engines",
    explanation: "Python calls the method or attribute by the trampoline of [pointer-type-forgiven](#pointer-type-forgiven), and the function \
                  has more than three parameters, one that is neither a pointer nor an `int`, or another result than one of these. Where \
                  the engine has garbage collection, each call raises `SystemError: Handler takes too many arguments`. Elsewhere \
                  JavaScript calls the function, with 0 for what is missing; a method that returns nothing then has no result, which \
                  is a `SystemError`, too.",
    remedy: "give the function the parameters and the result with which it is called",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 4] = [&POINTER_TYPE_MISMATCH, &STUB_CALLED, &POINTER_TYPE_REFUSED, &POINTER_TYPE_FORGIVEN];
