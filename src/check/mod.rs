//! `check`: what keeps a module, a wheel or an archive from loading and running on a target, told before anyone loads it.
//!
//! Nothing is changed here and nothing is run. Every [`Finding`] has a code of the table in [`codes`], which says what it means, what
//! the runtime would say or do, and the remedy; the files beside it each look for one family of them.

pub mod codes;
pub mod explain;
pub mod report;
pub mod run;

use codes::{Code, Severity};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: &'static Code,
    /// Entry of the archive that it is about; `None` for the input itself.
    pub path: Option<String>,
    /// The symbol that it is about.
    pub symbol: Option<String>,
    /// What is wrong, a clause whose subject is the module or file.
    pub message: String,
    /// What the runtime would say.
    pub prevents: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding about the input as a whole, without a message of the runtime or a remedy of its own.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Finding { code, path: None, symbol: None, message: message.into(), prevents: None, remedy: None }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity
    }
}
