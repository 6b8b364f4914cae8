//! Wheels by what is in them: a `.zip` with a `.dist-info` directory is a wheel, and what it should be called follows from that.
//!
//! Downloads and uploads rename wheels to `.zip`. Taken for an archive of libraries, such a wheel would come out with a `RECORD` that its
//! modules contradict. Its name tells the tags as that of any wheel; where it does not, `.dist-info` and `WHEEL` do, as far as the tags
//! listed there are the product of three sets: a file name cannot say anything else.

use super::metadata;
use crate::archive::Archive;
use crate::name::{WheelName, stem};
use anyhow::{Context, Result, bail};
use std::io::{Read, Seek};
use zip::ZipArchive;

/// Whether the zip archive that `reader` reads is a wheel.
pub fn is_wheel(reader: impl Read + Seek) -> bool {
    ZipArchive::new(reader).is_ok_and(|archive| archive.file_names().flatten().any(|name| is_metadata(&name)))
}

fn is_metadata(path: &str) -> bool {
    path.split_once('/').is_some_and(|(top, file)| top.ends_with(".dist-info") && file == "WHEEL")
}

/// What the wheel `bytes` is called that is in a file called `file_name`, and may end in `.zip` there.
///
/// # Errors
/// When neither the name of the file nor its contents tell.
pub fn of_wheel(file_name: &str, bytes: &[u8]) -> Result<String> {
    if stem(file_name).is_some() {
        return Ok(file_name.to_string());
    }
    let base = file_name.rsplit_once('.').map_or(file_name, |(base, _)| base);
    let renamed = format!("{base}.whl");
    if WheelName::parse(&renamed).is_ok() {
        return Ok(renamed);
    }
    let told = told_by_contents(bytes).context("is a wheel named .zip, and its own name is not known")?;
    Ok(told.file_name())
}

fn told_by_contents(bytes: &[u8]) -> Result<WheelName> {
    let archive = Archive::open(bytes)?;
    let dist_info = metadata::dist_info(archive.entries.iter().map(|entry| entry.name.as_str()))?;
    let dist_info = dist_info.context("no `.dist-info` directory inside")?;
    let path = format!("{dist_info}/WHEEL");
    let index = archive.position(&path).with_context(|| metadata::lacks(&path))?;
    told(&dist_info, &String::from_utf8_lossy(&archive.read(index)?)).context("rename it as its tags demand")
}

/// The name of the wheel with the directory `dist_info`, in which `WHEEL` is `text`.
///
/// # Errors
/// When these do not tell.
pub fn told(dist_info: &str, text: &str) -> Result<WheelName> {
    let listed = metadata::wheel_tags(text);
    let parts = |tag: &str| -> Option<[String; 3]> {
        let parts: Vec<String> = tag.splitn(3, '-').map(str::to_string).collect();
        parts.try_into().ok()
    };
    let tags: Vec<[String; 3]> = listed.iter().filter_map(|tag| parts(tag)).collect();
    let set = |part: usize| -> Vec<String> {
        let mut set: Vec<String> = tags.iter().map(|tag| tag[part].clone()).collect();
        set.sort();
        set.dedup();
        set
    };
    let (distribution, version) = dist_info.trim_end_matches(".dist-info").split_once('-').context("its name has no version")?;
    let name = WheelName {
        distribution: distribution.to_string(),
        version: version.to_string(),
        build: metadata::build(text),
        python: set(0),
        abi: set(1),
        platform: set(2),
    };
    let mut product = name.tags();
    let mut listed = listed;
    product.sort();
    listed.sort();
    if listed.is_empty() || product != listed {
        bail!("the tags in `{dist_info}/WHEEL` are not those of one file name");
    }
    WheelName::parse(&name.file_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_wheel_is_told_by_its_metadata() {
        let is = |name: &str| is_wheel(Cursor::new(archive(&[(name, "")])));
        assert!(is("demo-1.0.dist-info/WHEEL"));
        assert!(!is("demo-1.0.dist-info/METADATA") && !is("x/demo-1.0.dist-info/WHEEL") && !is("WHEEL"));
        assert!(!is_wheel(Cursor::new(b"PK\x03\x04")));
    }

    #[test]
    fn its_name_follows_from_that_of_the_file_or_from_its_tags() {
        let of = |name: &str, wheel: &str| of_wheel(name, &archive(&[("demo-1.0.dist-info/WHEEL", wheel)])).ok();
        let some = |name: &str| Some(name.to_string());
        assert_eq!(of("x.whl", ""), some("x.whl"));
        assert_eq!(of("a-2-py3-none-any.ZIP", ""), some("a-2-py3-none-any.whl"));
        let product = "Build: 3\nTag: cp312-abi3-x_wasm32\nTag: cp312-abi3-w_wasm32\n";
        assert_eq!(of("demo.zip", product), some("demo-1.0-3-cp312-abi3-w_wasm32.x_wasm32.whl"));
        for useless in ["", "Tag: cp312-abi3\n", "Tag: cp312-abi3-x\nTag: py3-none-y\n"] {
            assert_eq!(of("demo.zip", useless), None, "{useless}");
        }
    }
}
