//! The relocations that a side module applies to itself when it is loaded.
//!
//! Position-independent data holds addresses that are known only at load time. lld (`InputChunk::generateRelocationCode` in
//! `lld/wasm/InputChunks.cpp`) writes one store for each into the function `__wasm_apply_data_relocs`, which the loader calls once
//! after instantiation, and `GlobalSection::generateRelocationCode` (`lld/wasm/SyntheticSections.cpp`) writes one `global.set` for each
//! address that a global holds into `__wasm_apply_global_relocs`, which the start function is or calls.

pub mod read;
