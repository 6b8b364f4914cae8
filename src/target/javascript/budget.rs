//! A bound for the work on one text, and for what is kept of it.
//!
//! A text can name one object in many places, and so say in a few bytes that a name is in many tables, or that a long type belongs to many
//! names. Whatever is looked at or kept is therefore paid for, from one amount for the whole text that grows with its length.

/// What may be spent for one byte of text. Emscripten's output needs less than a tenth.
const PER_BYTE: usize = 8;

/// What an entry of a table costs, which takes more memory than anything else.
pub const ENTRY: usize = 8;

pub struct Budget {
    whole: usize,
    left: Option<usize>,
}

impl Budget {
    pub fn new(text: &str) -> Self {
        let whole = text.len().saturating_mul(PER_BYTE);
        Budget { whole, left: Some(whole) }
    }

    /// Takes so much away, or says that there is no more.
    pub fn spend(&mut self, amount: usize) -> bool {
        self.left = self.left.and_then(|left| left.checked_sub(amount));
        self.left.is_some()
    }

    /// Whether more was wanted than there was.
    pub fn is_exceeded(&self) -> bool {
        self.left.is_none()
    }

    /// What was spent so far.
    pub fn spent(&self) -> usize {
        self.whole - self.left.unwrap_or(0)
    }
}
