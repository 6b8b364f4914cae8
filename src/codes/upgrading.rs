//! What only `upgrade` says: why it does not take an input, or writes no result, where that is no finding of `check`.

use super::{Code, Severity, Upgrade};

pub static UNWRITABLE: Code = Code {
    name: "unwritable",
    severity: Severity::Error,
    summary: "the result cannot be written",
    explanation: "The place that `-o` or `--in-place` asks for is an input or another result, is no file or directory as it has to be, \
                  has changed meanwhile, or the system does not let it be written. Nothing is left of the result; what was there before \
                  is as it was.",
    remedy: "give another place to `-o`, or make room at this one",
    upgrade: Upgrade::Refuses,
};

pub static LOCK_FILE: Code = Code {
    name: "lock-file",
    severity: Severity::Error,
    summary: "the lock file cannot be read, or does not fit the files",
    explanation: "The file is no `pyodide-lock.json`, or none of its packages has the file name of the wheel that is upgraded. Of a lock file \
                  that is an input, a package has no file beside it, or one with another hash. Or a package failed, and there is no new lock \
                  file without it.",
    remedy: "give the lock file of the distribution that the wheel comes from, with all its files",
    upgrade: Upgrade::Refuses,
};

pub static LOCK_TARGET: Code = Code {
    name: "lock-target",
    severity: Severity::Error,
    summary: "the lock file is for another platform than the target",
    explanation: "The `abi_version` in a lock file that is an input is not that of the default target, and no `--target` says which is meant: \
                  to move a whole distribution to another Python is not what everybody wants who names a lock file.",
    remedy: "name the platform with `--target`: that of the lock file, or the one to move to",
    upgrade: Upgrade::Refuses,
};

pub static CLOSED: Code = Code {
    name: "closed-world",
    severity: Severity::Error,
    summary: "not all inputs of a closed world are known",
    explanation: "With `--closed` exports go that no other input needs. One of the inputs cannot be read, so that nobody knows what it needs, \
                  and nothing is written. Or its upgrade imports a name that it did not import before, and that another input may \
                  have dropped.",
    remedy: "leave out the input that cannot be read, or leave out `--closed`",
    upgrade: Upgrade::Refuses,
};

pub static UNFIT_DEPENDENCY: Code = Code {
    name: "unfit-dependency",
    severity: Severity::Error,
    summary: "a package depends on one that cannot be upgraded",
    explanation: "A package of the lock file that it depends on was refused, and is left out of the new lock file. The runtime would not find it: \
                  `Error: No known package with name '…'`.",
    remedy: "see what is said of that package",
    upgrade: Upgrade::Refuses,
};

pub static RUNTIME_FILES: Code = Code {
    name: "runtime-files",
    severity: Severity::Error,
    summary: "the files of the runtime cannot be used",
    explanation: "`--main` names a file that cannot be read, or that is not what a main module and its JavaScript are: a module that \
                  exports `malloc`, and text with an import table that holds what the module imports. Or `--target` names a file that \
                  is no manifest; see [targets.md](targets.md#targets-as-files). Or `--runtime` of \
                  [`verify`](verify.md) names no npm package `pyodide`, or Node.js or npm cannot be started.",
    remedy: "give the `.wasm` file of the main module and the `.js` or `.mjs` file of the same build",
    upgrade: Upgrade::Refuses,
};

pub static MODULES_ONLY: Code = Code {
    name: "modules-only",
    severity: Severity::Error,
    summary: "the target takes no wheels or archives",
    explanation: "A target that is no platform of Pyodide has no installer, no tags and no directories in which libraries are looked up, \
                  so there is nothing that a wheel or an archive could be upgraded to.",
    remedy: "give it the modules themselves",
    upgrade: Upgrade::Refuses,
};

pub static TARGETS_DIFFER: Code = Code {
    name: "targets-differ",
    severity: Severity::Error,
    summary: "the results for several targets are not the same",
    explanation: "`--one-wheel` asks for one wheel that all targets run, and so does `--target auto` for a wheel with the tags of several \
                  platforms. What one of them needs, another would not take, so that there is no such wheel.",
    remedy: "leave out `--one-wheel`, or name targets in place of `auto`, which writes a wheel for each of them",
    upgrade: Upgrade::Refuses,
};

pub static UNUSUAL_LINKING: Code = Code {
    name: "unusual-linking",
    severity: Severity::Error,
    summary: "the module is not put together as linkers do it",
    explanation: "Its memory, its function table or an import of the dynamic-linking conventions (`__memory_base`, `__table_base`, `GOT.mem` \
                  and so on) is not what wasm-ld writes. Passes rely on these conventions, and no loader links a module that breaks \
                  those about imports.",
    remedy: "link the module again with Emscripten, and leave out other tools",
    upgrade: Upgrade::Refuses,
};

pub static NO_ROOM: Code = Code {
    name: "no-room",
    severity: Severity::Error,
    summary: "the module has no room for what is added",
    explanation: "The upgrade needs a few bytes of memory or slots of the function table, and the module asks for as much as there can be: \
                  4 GiB of memory, or ten million slots.",
    remedy: "build the module with less data",
    upgrade: Upgrade::Refuses,
};

pub static DEFECT: Code = Code {
    name: "defect",
    severity: Severity::Error,
    summary: "wasm-pyfix has made a mistake",
    explanation: "A pass broke its own rules, or its result is not valid. The result was thrown away.",
    remedy: "report it together with the input",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 11] = [
    &UNWRITABLE,
    &LOCK_FILE,
    &LOCK_TARGET,
    &CLOSED,
    &UNFIT_DEPENDENCY,
    &RUNTIME_FILES,
    &MODULES_ONLY,
    &TARGETS_DIFFER,
    &UNUSUAL_LINKING,
    &NO_ROOM,
    &DEFECT,
];
