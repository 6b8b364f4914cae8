//! The stable ABI.

use super::finding::{Finding, Place};
use super::{Code, Severity, Upgrade};

pub static NON_ABI3_SYMBOL: Code = Code {
    name: "non-abi3-symbol",
    severity: Severity::Warning,
    summary: "an abi3 wheel uses what is not in the stable ABI",
    explanation: "The wheel's tag promises that it runs on every later Python 3, and a module uses a symbol of Python that is not in the \
                  stable ABI. Another Python may lack it, or mean something else by it. Where the target lacks it, there is an error \
                  besides.",
    remedy: "compile the project with `Py_LIMITED_API`, and mend what then does not compile",
    upgrade: Upgrade::Leaves,
};

pub static NEWER_ABI3_SYMBOL: Code = Code {
    name: "newer-abi3-symbol",
    severity: Severity::Warning,
    summary: "an abi3 wheel uses what is younger than its tag",
    explanation: "The symbol is in the stable ABI, since a later version of Python than the wheel's Python tag names. On the versions \
                  between, the module fails.",
    remedy: "tag the wheel with the version that it needs, or compile with the `Py_LIMITED_API` of the tag",
    upgrade: Upgrade::Leaves,
};

pub static UNPORTABLE_ABI3: Code = Code {
    name: "unportable-abi3",
    severity: Severity::Error,
    summary: "an abi3 wheel that is not of the stable ABI, on another Python than it was built for",
    explanation: "The wheel's tag promises that it runs on every later Python 3. A module of it uses symbols of Python that are not in the \
                  stable ABI, so most likely it was compiled with the structs of one version; and the platform tag tells that \
                  this was not the target's. Under the target's Python it may fail, corrupt memory or take the runtime down with \
                  `Aborted()` when it is imported, as onnx 1.22.0 does.",
    remedy: "compile the project with `Py_LIMITED_API`, or for the target's Python; `wasm-pyfix upgrade --allow-python-mismatch` upgrades \
             it nevertheless",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 3] = [&NON_ABI3_SYMBOL, &NEWER_ABI3_SYMBOL, &UNPORTABLE_ABI3];

/// The finding about a module that does what `outside` says, and was built for another Python than `python`.
pub fn unportable(place: &Place, outside: &str, built_for: &str, python: &str) -> Finding {
    Finding::new(&UNPORTABLE_ABI3, place, format!("{outside}, and was built for {built_for}, not for Python {python}"))
}
