//! What the code beside modules says: which libraries it opens, and which names occur in it.
//!
//! Planning asks again whenever modules have changed, and the code has not. So it is unpacked and looked through for openers once, and once
//! for each name: after the first time only for names that are new. The same goes for the data of modules, which few passes change.

pub mod openers;
pub mod sources;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use anyhow::{Context, Result};
use openers::{Opens, Search};
use rayon::prelude::*;
use sources::Sources;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

/// The code beside modules, and what was found in it so far.
pub struct Code<'a> {
    sources: Sources<'a>,
    /// What each file opens, with its path.
    opens: Option<Vec<(String, Opens)>>,
    /// Names that were looked for, and whether they occur.
    names: HashMap<String, bool>,
    /// Names that were looked for in the data of modules, and whether they occur.
    in_data: HashMap<String, bool>,
    /// A hash of that data.
    data: u64,
    /// The automaton that was made last, with its names: one is wanted for the code and for the data of modules.
    automaton: Option<(Vec<String>, AhoCorasick)>,
}

impl<'a> Code<'a> {
    pub fn new(sources: Sources<'a>) -> Self {
        Code { sources, opens: None, names: HashMap::new(), in_data: HashMap::new(), data: 0, automaton: None }
    }

    /// What each file opens, with its path.
    ///
    /// # Errors
    /// For a file that cannot be unpacked.
    pub fn opens(&mut self) -> Result<&[(String, Opens)]> {
        if self.opens.is_none() {
            let searches = self.sources.map(openers::LONGEST, |piece, search: &mut Search| search.look(piece))?;
            self.opens = Some(searches.into_iter().map(Search::found).collect());
        }
        Ok(self.opens.as_deref().unwrap_or_default())
    }

    /// Looks for those of `names` that were not looked for yet.
    ///
    /// # Errors
    /// For a file that cannot be unpacked, or when there are too many names.
    pub fn look_for(&mut self, names: &[&str]) -> Result<()> {
        let new: Vec<&str> = names.iter().copied().filter(|name| !self.names.contains_key(*name)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let automaton = self.automaton(&new)?;
        // Flags, for lists of what each file has would take memory in the product of files and names.
        let found: Vec<AtomicBool> = new.iter().map(|_| AtomicBool::new(false)).collect();
        let longest = new.iter().map(|name| name.len()).max().unwrap_or(0);
        self.sources.map(longest, |piece, ()| search(&automaton, &found, piece.text))?;
        self.names.extend(new.iter().zip(found).map(|(name, found)| (name.to_string(), found.into_inner())));
        Ok(())
    }

    /// Whether each of `names` occurs in `data`, that of all modules.
    ///
    /// # Errors
    /// When there are too many names.
    pub fn occur_in_data(&mut self, names: &[&str], data: &[&[u8]]) -> Result<Vec<bool>> {
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        let hash = hasher.finish();
        if self.data != hash {
            self.in_data.clear();
            self.data = hash;
        }
        let new: Vec<&str> = names.iter().copied().filter(|name| !self.in_data.contains_key(*name)).collect();
        if !new.is_empty() {
            let automaton = self.automaton(&new)?;
            let found: Vec<AtomicBool> = new.iter().map(|_| AtomicBool::new(false)).collect();
            data.par_iter().for_each(|data| search(&automaton, &found, data));
            self.in_data.extend(new.iter().zip(found).map(|(name, found)| (name.to_string(), found.into_inner())));
        }
        Ok(names.iter().map(|name| self.in_data.get(*name).is_some_and(|occurs| *occurs)).collect())
    }

    /// What finds `names`.
    ///
    /// # Errors
    /// When there are too many.
    fn automaton(&mut self, names: &[&str]) -> Result<AhoCorasick> {
        if let Some((_, automaton)) = self.automaton.as_ref().filter(|(known, _)| known == names) {
            return Ok(automaton.clone());
        }
        let automaton = AhoCorasick::new(names).context("too many exports")?;
        self.automaton = Some((names.iter().map(ToString::to_string).collect(), automaton.clone()));
        Ok(automaton)
    }

    /// Whether `name`, which was looked for, occurs.
    pub fn mentions(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|occurs| *occurs)
    }
}

/// Names that are looked for in many places. Flags are set in the places of those that occur.
pub struct Names {
    automaton: AhoCorasick,
    longest: usize,
}

impl Names {
    /// # Errors
    /// When there are too many.
    pub fn new(names: &[&str]) -> Result<Self> {
        Names::build(names, &mut AhoCorasick::builder())
    }

    fn build(names: &[&str], builder: &mut AhoCorasickBuilder) -> Result<Self> {
        let automaton = builder.build(names).context("too many names")?;
        Ok(Names { automaton, longest: names.iter().map(|name| name.len()).max().unwrap_or(0) })
    }

    /// Looks through `files`.
    ///
    /// # Errors
    /// For a file that cannot be unpacked.
    pub fn search(&self, files: &Sources<'_>, found: &[AtomicBool]) -> Result<()> {
        files.map(self.longest, |piece, ()| self.search_text(piece.text, found)).map(|_| ())
    }

    /// Looks through `text`.
    pub fn search_text(&self, text: &[u8], found: &[AtomicBool]) {
        search(&self.automaton, found, text);
    }
}

/// Whether each of `names` occurs in `files` or in `data`, whatever the case of its letters.
///
/// # Errors
/// For a file that cannot be unpacked, or when there are too many names.
pub fn occur_in_any_case(names: &[&str], files: &Sources<'_>, data: &[&[u8]]) -> Result<Vec<bool>> {
    let wanted = Names::build(names, AhoCorasick::builder().ascii_case_insensitive(true))?;
    let found: Vec<AtomicBool> = names.iter().map(|_| AtomicBool::new(false)).collect();
    wanted.search(files, &found)?;
    data.par_iter().for_each(|data| wanted.search_text(data, &found));
    Ok(found.into_iter().map(AtomicBool::into_inner).collect())
}

/// Sets the flags of the patterns that occur in `text`.
fn search(automaton: &AhoCorasick, found: &[AtomicBool], text: &[u8]) {
    automaton.find_overlapping_iter(text).for_each(|name| found[name.pattern().as_usize()].store(true, Ordering::Relaxed));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::sources::Source;

    /// What was found once is not looked for again: the files are gone, and it is still known.
    #[test]
    fn code_is_looked_through_once() {
        let files = [Source { path: "a.py".to_string(), text: b"CDLL(name); call(\"first\", \"second\")".to_vec() }];
        let mut code = Code::new(Sources::Files(&files));
        let opens = code.opens().unwrap().to_vec();
        assert_eq!(opens, [("a.py".to_string(), Opens::Any)]);
        code.look_for(&["first", "fourth"]).unwrap();
        assert_eq!(code.automaton.as_ref().map(|(names, _)| names.len()), Some(2));
        code.sources = Sources::Files(&[]);
        code.look_for(&["first", "second", "fourth"]).unwrap();
        assert_eq!(code.opens().unwrap(), opens);
        assert_eq!(["first", "second", "third", "fourth"].map(|name| code.mentions(name)), [true, false, false, false]);
    }

    #[test]
    fn data_is_looked_through_again_when_it_has_changed() {
        let mut code = Code::new(Sources::Files(&[]));
        let data: [&[u8]; 2] = [b"one two", b"three"];
        assert_eq!(code.occur_in_data(&["one", "three", "four"], &data).unwrap(), [true, true, false]);
        assert_eq!(code.occur_in_data(&["three", "two"], &data).unwrap(), [true, true]);
        assert_eq!(code.automaton.as_ref().map(|(names, _)| names.len()), Some(1), "what is known is looked for again");
        assert_eq!(code.occur_in_data(&["three", "two"], &data[..1]).unwrap(), [false, true]);
    }
}
