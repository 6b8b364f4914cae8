//! What can go wrong while a module is read or rewritten.

/// Failure of the engine. None of them leaves a partly written result behind: passes work on the model, and bytes appear only
/// when everything went well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input is not a well-formed linked side module.
    #[error("{message} (at offset {offset:#x})")]
    Malformed {
        /// Byte offset in the input.
        offset: u64,
        /// What is wrong there, and what to do about it where that helps.
        message: String,
    },
    /// The input is well formed, and rewriting it would not be sound or is not supported: the module is left alone.
    #[error("{0}")]
    Refused(String),
    /// A pass broke its own rules. The result is thrown away.
    #[error("defect in wasm-pyfix, please report it with the input: {0}")]
    Internal(String),
}

impl Error {
    /// A malformed input, found at byte `offset`.
    pub fn malformed(offset: u64, message: impl Into<String>) -> Self {
        Error::Malformed { offset, message: message.into() }
    }
}

impl From<wasmparser::BinaryReaderError> for Error {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Error::Malformed { offset: error.offset(), message: error.message().to_string() }
    }
}

/// Result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
