//! Copies of a result as static file servers keep them beside a file, to send them instead: `x.whl.br`, `x.whl.gz`, `x.whl.zst`.
//!
//! Each is as small as its format allows within what browsers take: brotli has a window of 16 MiB at most, and Zstandard as a content coding one of
//! 8 MiB (RFC 9659), which is that of its level 19. The bytes depend on the contents alone.

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;
use clap::ValueEnum;
use libdeflater::{CompressionLvl, Compressor};

/// A format that browsers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// brotli
    Br,
    /// gzip
    Gz,
    /// Zstandard
    Zst,
}

impl Form {
    /// What is appended to the name of a file.
    pub fn suffix(self) -> &'static str {
        match self {
            Form::Br => ".br",
            Form::Gz => ".gz",
            Form::Zst => ".zst",
        }
    }

    /// `contents` in this format.
    ///
    /// # Errors
    /// When the compressor fails.
    pub fn compress(self, contents: &[u8]) -> Result<Vec<u8>> {
        match self {
            Form::Br => brotli(contents),
            Form::Gz => gzip(contents),
            Form::Zst => Ok(zstd::bulk::compress(contents, 19)?),
        }
    }
}

/// `contents` by brotli at its highest level.
///
/// # Errors
/// When the compressor fails.
pub fn brotli(contents: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let parameters = BrotliEncoderParams { quality: 11, lgwin: 24, size_hint: contents.len(), ..BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut &contents[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

/// Bytes that `contents` take by brotli, near enough to tell which of two are better: at a level that takes a tenth of the time of the highest.
///
/// # Errors
/// When the compressor fails.
pub fn brotli_size(contents: &[u8]) -> wasm_pyfix_passes::Result<u64> {
    let mut compressed = Vec::new();
    let parameters = BrotliEncoderParams { quality: 9, lgwin: 24, size_hint: contents.len(), ..BrotliEncoderParams::default() };
    let failed = |error: std::io::Error| wasm_pyfix_passes::Error::Internal(format!("the code cannot be compressed: {error}"));
    brotli::BrotliCompress(&mut &contents[..], &mut compressed, &parameters).map_err(failed)?;
    Ok(compressed.len() as u64)
}

fn gzip(contents: &[u8]) -> Result<Vec<u8>> {
    let level = CompressionLvl::new(12).ok().context("a level of libdeflate")?;
    let mut compressor = Compressor::new(level);
    let mut compressed = vec![0; compressor.gzip_compress_bound(contents.len())];
    let length = compressor.gzip_compress(contents, &mut compressed)?;
    compressed.truncate(length);
    Ok(compressed)
}
