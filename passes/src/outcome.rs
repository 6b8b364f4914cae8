//! What a pass did: plain data that reports and tests read, never log text.

use indexmap::IndexMap;

/// The result of one pass over one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Name of the pass, as in the documentation: `dylink`, `exceptions`, …
    pub pass: &'static str,
    /// What was changed, and how many times. Empty when the pass found no work.
    pub changed: IndexMap<String, usize>,
    /// What was left as it was because its rewrite could not be proven sound.
    pub left: Vec<Left>,
    /// What the user should know about the change, a sentence each.
    pub notices: Vec<String>,
}

/// Something a pass did not touch, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What kind of thing: `call site`, `import`, …
    pub what: String,
    /// Why it stayed.
    pub why: String,
    /// How many of them.
    pub count: usize,
}

impl Outcome {
    /// An outcome without any change yet.
    pub fn new(pass: &'static str) -> Self {
        Outcome { pass, ..Outcome::default() }
    }

    /// Adds `count` to what was changed under the name `what`; a count of zero leaves no trace.
    pub fn count(&mut self, what: &str, count: usize) {
        if count > 0 {
            *self.changed.entry(what.to_string()).or_default() += count;
        }
    }

    /// Records something left alone; equal reasons add up.
    pub fn leave(&mut self, what: &str, why: &str) {
        match self.left.iter_mut().find(|left| left.what == what && left.why == why) {
            Some(left) => left.count += 1,
            None => self.left.push(Left { what: what.to_string(), why: why.to_string(), count: 1 }),
        }
    }

    /// Adds what a later run of the same pass did, which says anew what is left.
    pub fn follow(&mut self, later: Outcome) {
        later.changed.iter().for_each(|(what, count)| self.count(what, *count));
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
