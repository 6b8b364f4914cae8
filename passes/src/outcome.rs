//! What a pass did: plain data that reports and tests read, never log text.

use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

/// The result of one pass over one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Name of the pass, as in the documentation: `dylink`, `exceptions`, …
    pub pass: &'static str,
    /// What was changed, by keys such as `call_sites`, and how many times. Empty when the pass found no work.
    pub changed: IndexMap<&'static str, usize>,
    /// Which ones, for those keys of `changed` where that matters.
    pub names: IndexMap<&'static str, Vec<String>>,
    /// What was left as it was because its rewrite could not be proven sound.
    pub left: Vec<Left>,
    /// What the user should know about the change.
    pub notices: Vec<Notice>,
}

/// Something a pass did not touch, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What kind of thing.
    pub what: Kept,
    /// Why it stayed.
    pub why: String,
    /// How many of them.
    pub count: usize,
}

/// What passes may leave as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// The whole module.
    Module,
    /// An import.
    Import,
    /// An export.
    Export,
    /// A reference to what the module defines itself.
    Reference,
    /// A call whose exceptions JavaScript catches.
    CallSite,
    /// Code that handles an exception.
    LandingPad,
    /// A function type that has no wrapper.
    Signature,
    /// The slots of the function table.
    FunctionTable,
    /// The code that relocates data.
    RelocationCode,
    /// One address in data.
    Relocation,
    /// A pointer that is called under another type than its function has.
    Pointer,
    /// The name of a symbol.
    Name,
}

impl Kept {
    /// All of them.
    pub const ALL: [Kept; 12] = [
        Kept::Module,
        Kept::Import,
        Kept::Export,
        Kept::Reference,
        Kept::CallSite,
        Kept::LandingPad,
        Kept::Signature,
        Kept::FunctionTable,
        Kept::RelocationCode,
        Kept::Relocation,
        Kept::Pointer,
        Kept::Name,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Kept::Module => "module",
            Kept::Import => "import",
            Kept::Export => "export",
            Kept::Reference => "reference",
            Kept::CallSite => "call site",
            Kept::LandingPad => "landing pad",
            Kept::Signature => "signature",
            Kept::FunctionTable => "function table",
            Kept::RelocationCode => "relocation code",
            Kept::Relocation => "relocation",
            Kept::Pointer => "pointer",
            Kept::Name => "name",
        }
    }

    /// The code under which it is explained.
    pub fn code(self) -> &'static str {
        match self {
            Kept::Module => "kept-module",
            Kept::Import => "kept-import",
            Kept::Export => "kept-export",
            Kept::Reference => "kept-reference",
            Kept::CallSite => "kept-call-site",
            Kept::LandingPad => "kept-landing-pad",
            Kept::Signature => "kept-signature",
            Kept::FunctionTable => "kept-function-table",
            Kept::RelocationCode => "kept-relocation-code",
            Kept::Relocation => "kept-relocation",
            Kept::Pointer => "kept-pointer",
            Kept::Name => "kept-name",
        }
    }
}

/// What the user should know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notice {
    /// The code under which it is explained.
    pub code: &'static str,
    /// Whether there may be something to do about it; otherwise it only tells what was done.
    pub warns: bool,
    /// A sentence.
    pub message: String,
}

impl Notice {
    /// Tells what was done.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Notice { code, warns: false, message: message.into() }
    }

    /// Tells what the user may have to do something about.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Notice { code, warns: true, message: message.into() }
    }
}

impl Outcome {
    /// An outcome without any change yet.
    pub fn new(pass: &'static str) -> Self {
        Outcome { pass, ..Outcome::default() }
    }

    /// Adds `count` to what was changed under the key `what`; a count of zero leaves no trace.
    pub fn count(&mut self, what: &'static str, count: usize) {
        debug_assert!(what.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'), "{what}");
        if count > 0 {
            *self.changed.entry(what).or_default() += count;
        }
    }

    /// Adds `count` to what was changed under the key `what`, and tells that it is about `name`.
    pub fn count_named(&mut self, what: &'static str, name: String, count: usize) {
        self.count(what, count);
        let names = self.names.entry(what).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// Counts each of `all` under the key `what`, in one look over the names that are there.
    pub fn count_each_named(&mut self, what: &'static str, all: impl IntoIterator<Item = String>) {
        let names = self.names.entry(what).or_default();
        let mut known: HashSet<String> = names.iter().cloned().collect();
        let mut count = 0;
        for name in all {
            count += 1;
            if known.insert(name.clone()) {
                names.push(name);
            }
        }
        self.count(what, count);
    }

    /// Records something left alone; equal reasons add up. For reasons without number there is [`leave_each`](Self::leave_each).
    pub fn leave(&mut self, what: Kept, why: &str) {
        match self.left.iter_mut().find(|left| left.what == what && left.why == why) {
            Some(left) => left.count += 1,
            None => self.left.push(Left { what, why: why.to_string(), count: 1 }),
        }
    }

    /// Records several things of a kind, by the reason of each, in one look over what is there.
    pub fn leave_each(&mut self, what: Kept, reasons: impl IntoIterator<Item = String>) {
        let known = self.left.iter().enumerate().filter(|(_, left)| left.what == what);
        let mut known: HashMap<String, usize> = known.map(|(at, left)| (left.why.clone(), at)).collect();
        for why in reasons {
            let at = *known.entry(why).or_insert_with_key(|why| {
                self.left.push(Left { what, why: why.clone(), count: 0 });
                self.left.len() - 1
            });
            self.left[at].count += 1;
        }
    }

    /// Adds what a later run of the same pass did, which says anew what is left.
    pub fn follow(&mut self, later: Outcome) {
        later.changed.iter().for_each(|(what, count)| self.count(what, *count));
        for (what, names) in later.names {
            let known = self.names.entry(what).or_default();
            let before: HashSet<String> = known.iter().cloned().collect();
            known.extend(names.into_iter().filter(|name| !before.contains(name)));
        }
        self.left = later.left;
        for notice in later.notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }

    /// Whether the pass changed nothing.
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_reasons_add_up() {
        let mut outcome = Outcome::new("p");
        outcome.leave(Kept::Import, "a");
        outcome.leave(Kept::Export, "a");
        outcome.leave_each(Kept::Import, ["b", "a", "b"].map(str::to_string));
        let left: Vec<_> = outcome.left.iter().map(|left| (left.what, &*left.why, left.count)).collect();
        assert_eq!(left, [(Kept::Import, "a", 2), (Kept::Export, "a", 1), (Kept::Import, "b", 2)]);
    }

    #[test]
    fn later_runs_add_names() {
        let run = |name: &str| {
            let mut outcome = Outcome::new("p");
            outcome.count_named("imports_renamed", name.to_string(), 2);
            outcome
        };
        let mut outcome = run("a=b");
        outcome.follow(run("c=d"));
        outcome.follow(run("a=b"));
        assert_eq!(
            (outcome.changed["imports_renamed"], outcome.names["imports_renamed"].as_slice()),
            (6, ["a=b", "c=d"].map(str::to_string).as_slice())
        );
    }
}
