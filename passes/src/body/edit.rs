//! Changes to one body that leave every other instruction as it is.

use crate::module::{Body, FunctionId};

/// A call to be directed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// Position of the `call` instruction in the body.
    pub at: usize,
    /// Whom it calls from now on; of the same type.
    pub callee: FunctionId,
}

/// The body with every call of `redirects`, which ascend, directed to its new callee.
pub fn redirect_calls(body: &Body<'_>, redirects: &[Redirect]) -> Vec<u8> {
    let bytes = &body.bytes;
    let mut out = Vec::with_capacity(bytes.len() + redirects.len());
    let mut done = 0;
    for redirect in redirects {
        let immediate = redirect.at + 1;
        out.extend_from_slice(&bytes[done..immediate]);
        wasm_encoder::Encode::encode(&redirect.callee.0, &mut out);
        let length = bytes[immediate..].iter().take_while(|byte| **byte & 0x80 != 0).count();
        done = immediate + length + 1;
    }
    out.extend_from_slice(&bytes[done..]);
    out
}
