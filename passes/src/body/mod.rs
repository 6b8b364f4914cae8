//! Function bodies: walks over their code, and changes to it.

pub mod edit;
pub mod halves;
