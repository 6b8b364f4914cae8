//! Symbols that a module defines itself, and weak ones.

use super::{Code, Severity, Upgrade};

pub static SYMBOL_CLASH: Code = Code {
    name: "symbol-clash",
    severity: Severity::Error,
    summary: "the runtime, or another module, has something else under a name of the module",
    explanation: "The module defines a symbol and refers to it through the loader, which takes the runtime's of that name: one of another \
                  kind or type. A function that is called by its address fails with `RuntimeError: null function or function signature \
                  mismatch` or `table index is out of bounds`, one that is called by its name keeps the module from being loaded \
                  (`LinkError`), and data are read from somewhere else, without a message.\n\n\
                  Between modules that are checked together it is a warning: both define a symbol, each for itself, and one takes its \
                  address from the loader or calls it by its name. There is one table of addresses for all modules, so everybody gets that \
                  of the module which was loaded first, those with a definition of their own included; a call means, of several \
                  libraries that the module needs, the last one. Whoever reads the other's data, or hands its own to the \
                  other's function, may compute nonsense without a message, as h5py and netCDF4 do, each with its own HDF5.",
    remedy: "where the runtime has the name, `wasm-pyfix upgrade` fixes it; between modules, rename the symbol or hide it \
             (`-fvisibility=hidden`, `static`), or let the modules share one library",
    upgrade: Upgrade::Leaves,
};

pub static FORGOTTEN_WEAK_SYMBOL: Code = Code {
    name: "forgotten-weak-symbol",
    severity: Severity::Error,
    summary: "the loader takes a weak symbol that nobody offers for one that must be there",
    explanation: "The module takes the address of a weak symbol, which may be missing, and needs a library. Loaders of Emscripten before \
                  4.0.15 forget which symbols are weak when they load that library on the way, and then fail: `Error: bad export type \
                  for '…': undefined`. After that no other library loads any more. Thread-local variables of other libraries have such \
                  symbols, `_ZTH…`.",
    remedy: "load the needed library before, or link without the weak reference",
    upgrade: Upgrade::Fixes,
};

pub static LOAD_RACE: Code = Code {
    name: "load-race",
    severity: Severity::Warning,
    summary: "loading it beside another module fails",
    explanation: "The module takes the addresses of symbols that it defines itself from the global offset table, which is one for all \
                  modules. While it is being compiled, they are missing there; when another module gets ready at that time, the loader \
                  finds that and fails: `Error: bad export type for '…': undefined`. Pyodide loads one library after the other. Others \
                  may not, as with `Promise.all`.",
    remedy: "load it when no other load is under way, or use `wasm-pyfix upgrade --bsymbolic` if no other module defines these symbols",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 3] = [&SYMBOL_CLASH, &FORGOTTEN_WEAK_SYMBOL, &LOAD_RACE];
