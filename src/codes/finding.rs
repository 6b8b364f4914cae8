//! One thing that is wrong: what `check` prints, and what `upgrade` refuses an input for.

use super::{Code, Severity, Upgrade};

/// Where a finding is: an entry of an archive, or the input itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    pub path: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: &'static Code,
    /// How much it matters: as the code says, but where less is certain.
    pub severity: Severity,
    /// Entry of the archive that it is about; `None` for the input itself.
    pub path: Option<String>,
    /// The symbol that it is about, or the library or struct.
    pub symbol: Option<String>,
    /// What is wrong: a predicate of which the module or file is the subject.
    pub message: String,
    /// What the runtime would say, where it says anything. `…` stands for what is not known before.
    pub prevents: Option<String>,
    /// What `upgrade` does about it.
    pub upgrade: Upgrade,
}

impl Finding {
    /// A problem at a place.
    pub fn new(code: &'static Code, place: &Place, message: impl Into<String>) -> Self {
        let (path, message) = (place.path.clone(), message.into());
        Finding { code, severity: code.severity, path, symbol: None, message, prevents: None, upgrade: code.upgrade }
    }

    /// The same about a symbol, a library or a struct.
    pub fn about(mut self, symbol: &str) -> Self {
        self.symbol = Some(symbol.to_string());
        self
    }

    /// The same with what the runtime would say.
    pub fn preventing(mut self, message: impl Into<String>) -> Self {
        self.prevents = Some(message.into());
        self
    }

    /// What `upgrade` says that does not take an input for this and so many `others`.
    pub fn sentence(&self, others: usize) -> String {
        let place = self.path.as_ref().map_or("it".to_string(), |path| format!("`{path}`"));
        let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        format!("{place} {}{more}", self.message)
    }
}
