//! What a pass did: plain data that reports and tests read, never log text.

use indexmap::IndexMap;
use std::collections::HashMap;

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

    /// Records something left alone; equal reasons add up. For reasons without number there is [`leave_each`](Self::leave_each).
    pub fn leave(&mut self, what: &str, why: &str) {
        match self.left.iter_mut().find(|left| left.what == what && left.why == why) {
            Some(left) => left.count += 1,
            None => self.left.push(Left { what: what.to_string(), why: why.to_string(), count: 1 }),
        }
    }

    /// Records several things of a kind, by the reason of each, in one look over what is there.
    pub fn leave_each(&mut self, what: &str, reasons: impl IntoIterator<Item = String>) {
        let known = self.left.iter().enumerate().filter(|(_, left)| left.what == what);
        let mut known: HashMap<String, usize> = known.map(|(at, left)| (left.why.clone(), at)).collect();
        for why in reasons {
            let at = *known.entry(why).or_insert_with_key(|why| {
                self.left.push(Left { what: what.to_string(), why: why.clone(), count: 0 });
                self.left.len() - 1
            });
            self.left[at].count += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_reasons_add_up() {
        let mut outcome = Outcome::new("p");
        outcome.leave("import", "a");
        outcome.leave("export", "a");
        outcome.leave_each("import", ["b", "a", "b"].map(str::to_string));
        let left: Vec<_> = outcome.left.iter().map(|left| (&*left.what, &*left.why, left.count)).collect();
        assert_eq!(left, [("import", "a", 2), ("export", "a", 1), ("import", "b", 2)]);
    }
}
