//! What can go wrong while a module is read or rewritten.

/// Failure of the engine. None of them leaves a partly written result behind: passes work on the model, and bytes appear only
/// when everything went well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input is not a well-formed linked side module.
    #[error("{message} (at offset {offset:#x})")]
    Malformed {
        /// Which problem it is.
        code: &'static str,
        /// Byte offset in the input.
        offset: u64,
        /// What is wrong there, and what to do about it where that helps.
        message: String,
    },
    /// The input is well formed, and rewriting it would not be sound or is not supported: the module is left alone.
    #[error("{message}")]
    Refused {
        /// Which problem it is.
        code: &'static str,
        /// What it is, and what to do about it where that helps.
        message: String,
    },
    /// A pass broke its own rules. The result is thrown away.
    #[error("defect in wasm-pyfix, please report it with the input: {0}")]
    Internal(String),
}

/// Names of problems. They are an interface: the tool explains them under the same names.
pub mod code {
    /// The bytes are no valid module, or none as linkers write them.
    pub const INVALID_MODULE: &str = "invalid-module";
    /// There is no section of linking metadata.
    pub const NO_DYLINK: &str = "no-dylink";
    /// Its memory is shared between threads.
    pub const SHARED_MEMORY: &str = "shared-memory";
    /// Its memory or table has 64-bit addresses.
    pub const MEMORY64: &str = "memory64";
    /// Binaryen's asyncify pass has instrumented it.
    pub const ASYNCIFY: &str = "asyncify";
    /// Halves of 64-bit integers cannot be joined.
    pub const LEGALIZED_I64: &str = "legalized-i64";
    /// Its `time_t` may have 32 bits.
    pub const TIME_32_BIT: &str = "time-32-bit";
    /// Constant expressions that compute cannot be written out.
    pub const EXTENDED_CONST: &str = "extended-const";
    /// It is not put together as the dynamic-linking conventions have it.
    pub const UNUSUAL_LINKING: &str = "unusual-linking";
    /// There is no memory or table left for what is added.
    pub const NO_ROOM: &str = "no-room";
    /// Nothing catches C++ exceptions.
    pub const NEVER_CAUGHT: &str = "never-caught";
    /// There are exception instructions of both kinds.
    pub const MIXED_HANDLERS: &str = "mixed-handlers";
    /// Custom sections that point into code were dropped.
    pub const DROPPED_SECTIONS: &str = "dropped-sections";
    /// A pass broke its own rules.
    pub const DEFECT: &str = "defect";

    /// All of them.
    pub const ALL: [&str; 14] = [
        INVALID_MODULE,
        NO_DYLINK,
        SHARED_MEMORY,
        MEMORY64,
        ASYNCIFY,
        LEGALIZED_I64,
        TIME_32_BIT,
        EXTENDED_CONST,
        UNUSUAL_LINKING,
        NO_ROOM,
        NEVER_CAUGHT,
        MIXED_HANDLERS,
        DROPPED_SECTIONS,
        DEFECT,
    ];
}

impl Error {
    /// A malformed input, found at byte `offset`.
    pub fn malformed(offset: u64, message: impl Into<String>) -> Self {
        Error::Malformed { code: code::INVALID_MODULE, offset, message: message.into() }
    }

    /// An input that is left alone for the problem called `code`.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Error::Refused { code, message: message.into() }
    }

    /// Which problem it is.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Malformed { code, .. } | Error::Refused { code, .. } => code,
            Error::Internal(_) => code::DEFECT,
        }
    }
}

impl From<wasmparser::BinaryReaderError> for Error {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Error::malformed(error.offset(), error.message())
    }
}

/// Result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
