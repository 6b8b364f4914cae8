//! What lies ahead: what is known to go after the last platform.

use super::{Code, Severity, Upgrade};

pub static LEGACY_EXCEPTIONS: Code = Code {
    name: "legacy-exceptions",
    severity: Severity::Note,
    summary: "the module has the legacy exception instructions",
    explanation: "The standard replaced `try`, `catch` and `rethrow` by `try_table` and `throw_ref`. All engines have the legacy ones so far. \
                  Firefox warns of them, Emscripten is about to make the new ones its default (emscripten-core/emscripten#27575), and \
                  Pyodide plans them for its next platform (pyodide/pyodide#6235). Only `check --against-next` tells this.",
    remedy: "nothing yet; once all engines that matter have the new instructions, `upgrade --exceptions exnref`, or compile with \
             `-sWASM_LEGACY_EXCEPTIONS=0`",
    upgrade: Upgrade::Leaves,
};

pub static RETIRED_SYMBOL: Code = Code {
    name: "retired-symbol",
    severity: Severity::Note,
    summary: "the module imports what goes in Emscripten 6.0.6",
    explanation: "Emscripten 6.0.6 has `__gxx_wasm_personality_v0` in the place of `_Unwind_CallPersonality` \
                  (emscripten-core/emscripten#27445). A module that imports the old name will then fail at the first exception that it \
                  catches by its type. Only `check --against-next` tells this.",
    remedy: "nothing yet; `upgrade` gives the import the name that its target has",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 2] = [&LEGACY_EXCEPTIONS, &RETIRED_SYMBOL];
