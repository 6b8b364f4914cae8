//! Modules converted from one kind of exception instructions to the other by the tool.

use wasm_pyfix::cli;
use wasm_pyfix::run::InMemory;
use wasmparser::{Operator, Parser, Payload};

/// What `--exceptions` takes.
pub const LEGACY: &str = "legacy";
pub const EXNREF: &str = "exnref";

/// The tool with `--exceptions KIND` and more arguments.
pub struct Converter {
    tool: InMemory<'static>,
    what: String,
}

impl Converter {
    /// # Panics
    /// When the arguments make no sense.
    pub fn new(kind: &str, more: &[&str]) -> Self {
        let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "--allow-missing", "--exceptions", kind];
        let words = words.iter().chain(more).chain(&["./input"]);
        // A test has few of them.
        let args = Box::leak(Box::new(cli::upgrade_args(words).expect("the arguments are right")));
        let tool = InMemory::new(args).expect("the arguments are right");
        Converter { tool, what: format!("{kind} {}", more.join(" ")) }
    }

    /// What the tool makes of `module`. Another run has nothing to do.
    ///
    /// # Panics
    /// When the tool fails, or a second run changes the result.
    #[track_caller]
    pub fn convert(&mut self, name: &str, module: &[u8]) -> Vec<u8> {
        let Some(output) = self.run(name, module) else { return module.to_vec() };
        assert!(self.run(name, &output).is_none(), "{name} to {}: a second run changes the result", self.what);
        output
    }

    #[track_caller]
    fn run(&mut self, name: &str, module: &[u8]) -> Option<Vec<u8>> {
        let (report, output) = self.tool.upgrade("module.so", module);
        assert!(report.error.is_none(), "{name} to {}: {:?}", self.what, report.error);
        output
    }
}

/// How many instructions of the legacy and of the new kind are in `module`.
///
/// # Panics
/// When it is malformed.
pub fn instructions(module: &[u8]) -> [usize; 2] {
    let mut count = [0, 0];
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload.expect("the module is well formed") else { continue };
        for operator in body.get_operators_reader().expect("the module is well formed") {
            match operator.expect("the module is well formed") {
                Operator::Try { .. } | Operator::Rethrow { .. } => count[0] += 1,
                Operator::TryTable { .. } | Operator::ThrowRef => count[1] += 1,
                _ => {}
            }
        }
    }
    count
}
