//! Which code of [`super`] a failure has, or a notice.
//!
//! Errors that know their code carry it: those of the engine, and [`Coded`] ones. What else goes wrong before there is a result is about
//! reading the input; what is about writing is told apart where it is written.

use super::reading::{INVALID_MODULE, UNREADABLE};
use super::{Code, find};
use std::fmt;
use wasm_pyfix_passes::{Error, Notice};

/// An error, or what is said around one, that belongs to a code.
#[derive(Debug)]
pub struct Coded {
    pub code: &'static Code,
    message: String,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

impl Code {
    /// The failure of an input that has this problem.
    pub fn fails(&'static self, message: impl Into<String>) -> Coded {
        Coded { code: self, message: message.into() }
    }

    /// The refusal of an input that has this problem.
    pub fn refuses(&self, message: impl Into<String>) -> Error {
        Error::refused(self.name, message)
    }

    /// Tells what was done about this problem.
    pub fn notes(&self, message: impl Into<String>) -> Notice {
        Notice::note(self.name, message)
    }

    /// Tells what the user may have to do something about.
    pub fn warns(&self, message: impl Into<String>) -> Notice {
        Notice::warning(self.name, message)
    }

    /// `error`, as one of this problem unless it is known to be of another.
    pub fn covers(&'static self, error: anyhow::Error) -> anyhow::Error {
        if known(&error).is_some() { error } else { self.fails(format!("{error:#}")).into() }
    }
}

/// The code of `error`.
pub fn code(error: &anyhow::Error) -> &'static Code {
    known(error).unwrap_or(&UNREADABLE)
}

fn known(error: &anyhow::Error) -> Option<&'static Code> {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return Some(coded.code);
    }
    error.chain().find_map(|cause| match cause.downcast_ref::<Error>() {
        Some(error) => find(error.code()),
        None => cause.is::<wasmparser::BinaryReaderError>().then_some(&INVALID_MODULE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::python::PYTHON_TAG;
    use crate::codes::upgrading::UNWRITABLE;
    use anyhow::{Context, anyhow};

    #[test]
    fn the_innermost_error_and_what_is_said_around_it_have_codes() {
        let refused = anyhow::Error::from(PYTHON_TAG.refuses("another Python")).context("in.whl");
        assert_eq!((code(&refused).name, format!("{refused:#}").as_str()), ("python-tag", "in.whl: another Python"));
        let failed = Err::<(), _>(PYTHON_TAG.fails("inner")).context("outer").context("in.whl").unwrap_err();
        assert_eq!((code(&failed).name, format!("{failed:#}").as_str()), ("python-tag", "in.whl: outer: inner"));
        let around = Err::<(), _>(anyhow!("inner")).context(PYTHON_TAG.fails("outer")).context("in.whl").unwrap_err();
        assert_eq!((code(&around).name, format!("{around:#}").as_str()), ("python-tag", "in.whl: outer: inner"));
        let malformed = anyhow::Error::from(Error::malformed(8, "cut off")).context("entry `a.so`");
        assert_eq!([code(&malformed).name, code(&anyhow!("no idea")).name], ["invalid-module", "unreadable"]);
        assert_eq!(
            [code(&UNWRITABLE.covers(malformed)).name, code(&UNWRITABLE.covers(anyhow!("full"))).name],
            ["invalid-module", "unwritable"]
        );
    }

    #[test]
    fn the_engine_names_no_other_codes() {
        let kept = wasm_pyfix_passes::Kept::ALL.map(wasm_pyfix_passes::Kept::code);
        for name in wasm_pyfix_passes::code::ALL.into_iter().chain(kept) {
            assert!(find(name).is_some(), "{name}");
        }
    }
}
