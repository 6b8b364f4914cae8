//! Distributions in a directory, as archives in memory.
//!
//! Of a single distribution that nobody installed the whole directory is the wheel, as with one that was unpacked. Otherwise a distribution
//! has the files that its `RECORD` lists, and those in its `.dist-info`; what no distribution lists is nobody's. Installers write
//! `INSTALLER`, by which they are told, and rows for what they put elsewhere (`../../../bin/x`): such rows stay as they are, and so do those
//! for what is gone, since people remove tests and caches of what they installed. In a wheel that was only unpacked the latter are an error,
//! as they are in an archive.
//!
//! The entries are stored, in the order of `RECORD`, which is that of the wheel as tools write it: so RECORD, and what goes by the order
//! of the modules, comes out as with the archive.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Write};

use anyhow::{Context, Result, bail};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Changes, Kind, Tree};
use crate::codes::record::RECORD_MISMATCH;
use crate::wheel::contents::is_module_name;
use crate::wheel::metadata::{Record, Row, lacks};
use crate::wheel::naming;

/// A distribution in a directory.
#[derive(Debug)]
pub struct Distribution {
    /// Name of its `.dist-info` directory.
    pub dist_info: String,
    /// Names of its files, in the order of the archive.
    pub files: Vec<String>,
    record: Record,
    /// Rows of `RECORD` about what is elsewhere or gone, each with the path in the row before it.
    elsewhere: Vec<(Option<String>, Row)>,
}

/// The distributions in `tree`, and the files of none.
///
/// # Errors
/// When the `RECORD` of one cannot be read, two of them have the same module, or the name of a module is not UTF-8.
pub fn distributions(tree: &Tree) -> Result<(Vec<Distribution>, Vec<String>)> {
    if let Some(path) = tree.nameless().find(|path| is_module_name(&path.to_string_lossy())) {
        bail!("`{}`: its name is not UTF-8: rename it", path.display());
    }
    let files: Vec<String> = tree.names(Kind::File).collect();
    let present: HashSet<&str> = files.iter().map(String::as_str).collect();
    let is_top = |name: &String| !name.contains('/') && name.ends_with(".dist-info");
    let names: Vec<String> = tree.names(Kind::Directory).filter(is_top).collect();
    let is_installed = |dist_info: &str| present.contains(format!("{dist_info}/INSTALLER").as_str());
    let whole = names.len() == 1 && !is_installed(&names[0]);
    let mut inside: HashMap<&str, Vec<&str>> = HashMap::new();
    for (top, file) in files.iter().filter_map(|file| Some((file.split_once('/')?.0, file))) {
        inside.entry(top).or_default().push(file);
    }
    let mut found = Vec::new();
    for dist_info in &names {
        let record = format!("{dist_info}/RECORD");
        if present.contains(record.as_str()) {
            let own = inside.get(dist_info.as_str()).map(Vec::as_slice).unwrap_or_default();
            let others = if whole { files.as_slice() } else { &[] };
            found.push(distribution(tree, dist_info, own, others, &present)?);
        } else if whole {
            bail!(lacks(&record));
        }
    }
    let mut owners: HashMap<&str, &str> = HashMap::new();
    for distribution in &found {
        for file in &distribution.files {
            let other = owners.insert(file, &distribution.dist_info);
            if let Some(other) = other.filter(|_| is_module_name(file)) {
                bail!("`{file}` is listed in the RECORD of `{other}` and in that of `{}`", distribution.dist_info);
            }
        }
    }
    let loose = files.iter().filter(|file| !owners.contains_key(file.as_str())).cloned().collect();
    Ok((found, loose))
}

/// A distribution that has the files `inside` its `.dist-info` and, whether or not it lists them, the `others`.
fn distribution(tree: &Tree, dist_info: &str, inside: &[&str], others: &[String], present: &HashSet<&str>) -> Result<Distribution> {
    let path = format!("{dist_info}/RECORD");
    let mut record = Record::parse(&tree.contents(&path)?).with_context(|| RECORD_MISMATCH.fails(format!("entry `{path}`")))?;
    let installed = present.contains(format!("{dist_info}/INSTALLER").as_str());
    let leaves = |path: &str| path.starts_with('/') || path.split('/').any(|part| part == "..");
    let elsewhere = record.set_aside(|path| leaves(path) || (installed && !present.contains(path)));
    let mut seen = HashSet::new();
    let listed = record.rows().iter().map(|row| row.path.as_str()).filter(|path| present.contains(path));
    let mut own: Vec<&str> = listed.filter(|path| seen.insert(*path)).collect();
    let of_info: Vec<&str> = inside.iter().copied().filter(|file| seen.insert(file)).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).filter(|file| seen.insert(file)).collect();
    let beginning = format!("{dist_info}/");
    let at = own.iter().position(|file| file.starts_with(&beginning)).unwrap_or(own.len());
    own.splice(at..at, others);
    own.extend(of_info);
    let files = own.into_iter().map(str::to_string).collect();
    Ok(Distribution { dist_info: dist_info.to_string(), files, record, elsewhere })
}

impl Distribution {
    /// Whether there may be something to upgrade in it.
    pub fn has_modules(&self) -> bool {
        self.files.iter().any(|file| is_module_name(file))
    }

    /// What its `WHEEL` says.
    ///
    /// # Errors
    /// When it has none that can be read.
    pub fn wheel(&self, tree: &Tree) -> Result<String> {
        let wheel = format!("{}/WHEEL", self.dist_info);
        let text = if self.files.contains(&wheel) { tree.contents(&wheel)? } else { bail!(lacks(&wheel)) };
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The file name that its wheel has by its tags, and its contents.
    ///
    /// # Errors
    /// When a file cannot be read, or the tags are not those of a wheel.
    pub fn pack(&self, tree: &Tree) -> Result<(String, Vec<u8>)> {
        let name = naming::told(&self.dist_info, &self.wheel(tree)?).context("what its wheel is called is not known")?;
        Ok((name.file_name(), self.archive(tree)?))
    }

    /// Its files, as an archive.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn archive(&self, tree: &Tree) -> Result<Vec<u8>> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let options = options.last_modified_time(DateTime::default());
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let record = format!("{}/RECORD", self.dist_info);
        for file in &self.files {
            let bytes = if *file == record && !self.elsewhere.is_empty() { self.record.write()? } else { tree.contents(file)? };
            writer.start_file(file.as_str(), options).with_context(|| format!("entry `{file}`"))?;
            writer.write_all(&bytes)?;
        }
        Ok(writer.finish()?.into_inner())
    }

    /// Puts the rows about what is elsewhere into the new `RECORD`, if there is one among `changes`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn finish_record(&self, tree: &Tree, changes: &mut Changes) -> Result<()> {
        let path = format!("{}/RECORD", self.dist_info);
        let Some(changed) = changes.written.get_mut(&path).filter(|_| !self.elsewhere.is_empty()) else { return Ok(()) };
        let mut record = Record::parse(&changed.bytes)?;
        record.put_back(self.elsewhere.clone());
        changed.bytes = record.write()?;
        changed.before = Some(tree.contents(&path)?);
        Ok(())
    }
}
