//! Sizes of modules as they are, and as those who carry them compress them.
//!
//! - **deflate** is what a wheel has inside, at the level that `upgrade` writes;
//! - **gzip** is what a server makes in passing, at gzip's own default;
//! - **brotli** is what a server keeps ready beside a file, at the highest level and with the window that browsers take at most.

use super::{Pair, Sizes};
use crate::archive::compress::{Level, deflate};
use crate::precompress::brotli;
use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;
use std::io::Write;

/// The sizes of one module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    raw: u64,
    /// As deflate, gzip and brotli.
    compressed: Option<[u64; 3]>,
}

/// Measures each of `contents`; `compressed` says whether what compression leaves is asked for, too.
///
/// # Errors
/// When a compressor fails.
pub fn measure(contents: &[&[u8]], compressed: bool) -> Result<Vec<Measured>> {
    let measure = |bytes: &&[u8]| -> Result<Measured> {
        if !compressed {
            return Ok(Measured { raw: bytes.len() as u64, compressed: None });
        }
        let (brotli, (deflate, gzip)) = rayon::join(|| by_brotli(bytes), || rayon::join(|| deflated(bytes), || gzipped(bytes)));
        Ok(Measured { raw: bytes.len() as u64, compressed: Some([deflate?, gzip?, brotli?]) })
    };
    contents.par_iter().map(measure).collect()
}

fn deflated(bytes: &[u8]) -> Result<u64> {
    Ok(deflate(bytes, Level::DEFAULT)?.len() as u64)
}

fn gzipped(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Counter::default(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.0)
}

fn by_brotli(bytes: &[u8]) -> Result<u64> {
    Ok(brotli(bytes)?.len() as u64)
}

/// Counts what is written.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The sizes of a module before and now.
pub fn pair(old: Option<Measured>, new: Option<Measured>) -> Sizes {
    let both = |size: fn(Measured) -> Option<u64>| Pair { old: old.and_then(size), new: new.and_then(size) };
    Sizes {
        raw: both(|of| Some(of.raw)),
        deflate: both(|of| of.compressed.map(|[deflate, ..]| deflate)),
        gzip: both(|of| of.compressed.map(|[_, gzip, _]| gzip)),
        brotli: both(|of| of.compressed.map(|[.., brotli]| brotli)),
    }
}

/// The sizes of all modules of a side, added up.
pub fn total(of: &[Measured]) -> Measured {
    let sum = |sum: Measured, of: &Measured| Measured {
        raw: sum.raw + of.raw,
        compressed: match (sum.compressed, of.compressed) {
            (Some(sum), Some(of)) => Some(std::array::from_fn(|way| sum[way] + of[way])),
            (sum, of) => sum.or(of),
        },
    };
    of.iter().fold(Measured::default(), sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_make_repetition_small() {
        let text = b"over and over again, ".repeat(1000);
        let measured = measure(&[&text, b""], true).unwrap();
        let sizes = pair(Some(measured[0]), None);
        assert_eq!((sizes.raw.old, sizes.raw.new), (Some(21_000), None));
        for (name, size) in sizes.rows().into_iter().skip(1) {
            assert!(size.old.unwrap() < 300 && size.new.is_none(), "{name}: {size:?}");
        }
        assert_eq!(
            pair(Some(total(&measured)), None).deflate.old,
            sizes.deflate.old.map(|size| size + measured[1].compressed.unwrap()[0])
        );
        assert_eq!(measure(&[&text], false).unwrap()[0].compressed, None);
    }
}
