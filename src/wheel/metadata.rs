//! The files of a wheel's `.dist-info` directory: `WHEEL`, `RECORD`, and what `METADATA` says about Python.
//!
//! `WHEEL` keeps every byte but its `Tag:` lines. `RECORD` keeps its order and its line ending; rows are added for files that had
//! none. Rules: PEP 376 and PEP 427 (RECORD: CSV, `sha256=` with URL-safe base64 without padding, size; RECORD and its signatures
//! have neither), and the PyPA specification "Recording installed projects". An entry that contradicts its row is an error, as
//! installers must refuse it too.

use crate::archive::Entry;
use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indexmap::IndexMap;
use sha2::Digest;
use sha2::digest::DynDigest;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::str::FromStr;

/// The one `.dist-info` directory among `names`, without a slash; `None` when there is none.
pub fn dist_info<'a>(names: impl Iterator<Item = &'a str>) -> Result<Option<String>> {
    let mut found: Option<String> = None;
    for name in names {
        let Some((top, _)) = name.split_once('/') else { continue };
        if !top.ends_with(".dist-info") {
            continue;
        }
        match &found {
            Some(first) => ensure!(first == top, "entry `{name}`: a second dist-info directory besides `{first}`"),
            None => found = Some(top.to_string()),
        }
    }
    Ok(found)
}

/// `WHEEL` with its `Tag:` lines replaced by `tags`; `None` when it lists exactly these already.
pub fn retag_wheel(wheel: &[u8], tags: &[String]) -> Result<Option<Vec<u8>>> {
    let text = std::str::from_utf8(wheel).context("not UTF-8")?;
    let old = wheel_tags(text);
    ensure!(!old.is_empty(), "no `Tag:` line");
    if old.iter().collect::<HashSet<_>>() == tags.iter().collect::<HashSet<_>>() {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    let mut written = false;
    for line in text.split_inclusive('\n') {
        if tag_of(line).is_none() {
            out.push_str(line);
        } else if !written {
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            tags.iter().for_each(|tag| out.extend(["Tag: ", tag, end]));
            written = true;
        }
    }
    Ok(Some(out.into_bytes()))
}

/// How a wheel's version of the format compares with the one that is known, 1.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Known,
    /// A later minor version, which may have more in it.
    Newer(String),
    /// Another major version, whose archives may mean something else.
    Other(String),
}

/// The version of the format that `WHEEL` names, as installers look at it (PEP 427).
pub fn format(wheel: &str) -> Format {
    let version = |line: &str| -> Option<String> {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case("wheel-version").then(|| value.trim().to_string())
    };
    let Some(version) = wheel.lines().find_map(version) else { return Format::Known };
    let number = |part: Option<&str>| part.map_or(Some(0), |part| part.parse::<u64>().ok());
    let mut parts = version.split('.');
    match (number(parts.next()), number(parts.next())) {
        (Some(0 | 1), Some(0)) | (Some(0), _) => Format::Known,
        (Some(1), _) => Format::Newer(version),
        _ => Format::Other(version),
    }
}

/// Files of a `.dist-info` directory beside `RECORD` without which it is none of a wheel.
pub const FILES: [&str; 2] = ["METADATA", "WHEEL"];

/// What is wrong with a wheel that has no file at `path`.
pub fn lacks(path: &str) -> String {
    format!("no `{path}` inside: not a wheel")
}

/// The tags that `WHEEL` lists.
pub fn wheel_tags(wheel: &str) -> Vec<String> {
    wheel.lines().filter_map(tag_of).map(str::to_string).collect()
}

fn tag_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    key.eq_ignore_ascii_case("tag").then(|| value.trim())
}

/// The build number and tag in `WHEEL`, which the file name has, too.
pub fn build(wheel: &str) -> Option<String> {
    let mut fields = wheel.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.eq_ignore_ascii_case("build")).map(|(_, value)| value.trim().to_string())
}

/// The `Requires-Python` of `METADATA`.
pub fn requires_python(metadata: &str) -> Option<String> {
    let header = metadata.lines().take_while(|line| !line.is_empty());
    let mut fields = header.filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.eq_ignore_ascii_case("requires-python")).map(|(_, value)| value.trim().to_string())
}

/// The `Requires-Python` of `METADATA` if it leaves out every release of Python `version` (major, minor).
pub fn excluded_python(metadata: &[u8], version: (u32, u32)) -> Option<String> {
    let value = requires_python(&String::from_utf8_lossy(metadata))?;
    let specifiers = pep440_rs::VersionSpecifiers::from_str(&value).ok()?;
    // The patch release of the target is not known; no minor version had as many.
    let release = |patch| pep440_rs::Version::new([u64::from(version.0), u64::from(version.1), patch]);
    let accepted = (0..100).any(|patch| specifiers.contains(&release(patch)));
    (!accepted).then_some(value)
}

/// Size and digest of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// Bytes.
    pub size: u64,
    /// As `RECORD` has it: algorithm, `=`, URL-safe base64 without padding.
    pub hash: String,
}

/// A hash that `RECORD` may use, while a file is written to it.
pub struct Digester {
    algorithm: &'static str,
    state: Box<dyn DynDigest>,
    size: u64,
}

impl Digester {
    /// The state for the algorithm that `hash` (as in `RECORD`) names; `sha256` when it is empty.
    pub fn for_hash(hash: &str) -> Result<Self> {
        let (algorithm, state): (_, Box<dyn DynDigest>) = match hash.split_once('=').map_or(hash, |(algorithm, _)| algorithm) {
            "sha256" | "" => ("sha256", Box::new(sha2::Sha256::new())),
            "sha384" => ("sha384", Box::new(sha2::Sha384::new())),
            "sha512" => ("sha512", Box::new(sha2::Sha512::new())),
            other => bail!("RECORD uses the hash `{other}`; wheels must use sha256, sha384 or sha512"),
        };
        Ok(Digester { algorithm, state, size: 0 })
    }

    /// Size and digest of what was written.
    pub fn finish(self) -> Digested {
        let digest = URL_SAFE_NO_PAD.encode(self.state.finalize());
        Digested { size: self.size, hash: format!("{}={digest}", self.algorithm) }
    }
}

impl Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.state.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// SHA-256 of `bytes` in the form of `RECORD`.
pub fn digest(bytes: &[u8]) -> Digested {
    let digest = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes));
    Digested { size: bytes.len() as u64, hash: format!("sha256={digest}") }
}

/// SHA-256 of `bytes` in hexadecimal, as lock files and package indexes have it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `path` is `RECORD`, or a signature of it: the files that have no hash in it.
pub fn is_record(path: &str, dist_info: &str) -> bool {
    let name = path.strip_prefix(dist_info).and_then(|rest| rest.strip_prefix('/'));
    matches!(name, Some("RECORD" | "RECORD.jws" | "RECORD.p7s"))
}

/// A parsed `RECORD`.
#[derive(Debug, Clone)]
pub struct Record {
    rows: Vec<Row>,
    crlf: bool,
}

/// One line of `RECORD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Path of the file in the wheel.
    pub path: String,
    /// `algorithm=digest`, or empty.
    pub hash: String,
    /// Size in bytes, or empty.
    pub size: String,
}

impl Record {
    /// Parses `RECORD`.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let mut rows = Vec::new();
        let mut seen = HashSet::new();
        for (index, row) in reader.records().enumerate() {
            let row = row.with_context(|| format!("line {}", index + 1))?;
            let field = |index: usize| row.get(index).unwrap_or_default().to_string();
            ensure!(row.len() == 3, "line {}: {} fields instead of 3", index + 1, row.len());
            ensure!(seen.insert(field(0)), "line {}: `{}` is listed twice", index + 1, field(0));
            rows.push(Row { path: field(0), hash: field(1), size: field(2) });
        }
        Ok(Record { rows, crlf: text.windows(2).any(|pair| pair == b"\r\n") })
    }

    /// The rows in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Positions of the files among `entries` that are not listed and should be.
    pub fn unlisted(&self, entries: &[Entry], dist_info: &str) -> Vec<usize> {
        let listed: HashSet<&str> = self.rows.iter().map(|row| row.path.as_str()).collect();
        let is_unlisted = |entry: &Entry| !entry.directory && !listed.contains(&*entry.name) && !is_record(&entry.name, dist_info);
        (0..entries.len()).filter(|index| is_unlisted(&entries[*index])).collect()
    }

    /// Positions of the files among `entries` whose contents no row vouches for: those that are not listed, and the signatures of `RECORD`.
    pub fn unproven(&self, entries: &[Entry], dist_info: &str) -> Vec<usize> {
        let mut unproven = self.unlisted(entries, dist_info);
        unproven.extend((0..entries.len()).filter(|index| is_record(&entries[*index].name, dist_info)));
        unproven
    }

    /// Lets the rows of sources that are not there, but compiled in their place (`a.py` as `a.pyc`), be those of the bytecode, without a hash.
    /// So `pyodide py-compile` leaves them. Returns the paths of the bytecode.
    pub fn follow_compiled(&mut self, is_there: impl Fn(&str) -> bool) -> Vec<String> {
        let listed: HashSet<String> = self.rows.iter().map(|row| row.path.clone()).collect();
        let compiled = |row: &Row| {
            let bytecode = format!("{}c", row.path);
            (row.path.ends_with(".py") && !is_there(&row.path) && is_there(&bytecode)).then_some(bytecode)
        };
        let mut found = Vec::new();
        self.rows.retain_mut(|row| {
            let Some(bytecode) = compiled(row) else { return true };
            let stays = !listed.contains(&bytecode);
            found.push(bytecode.clone());
            *row = Row { path: bytecode, hash: String::new(), size: String::new() };
            stays
        });
        found
    }

    /// Compares a file with its row; `found` was made with the algorithm of the row.
    pub fn verify(row: &Row, found: &Digested) -> Result<()> {
        if !row.hash.is_empty() {
            // Padding is not allowed, and some old builders wrote it.
            let expected = row.hash.trim_end_matches('=');
            ensure!(
                expected == found.hash,
                "entry `{}` has {}, RECORD says {expected}; the archive is damaged",
                row.path,
                found.hash
            );
        }
        let size = row.size.trim();
        ensure!(
            size.is_empty() || size.parse() == Ok(found.size),
            "entry `{}` has {} bytes, RECORD says {size}; the archive is damaged",
            row.path,
            found.size
        );
        Ok(())
    }

    /// Leaves out the rows of `removed`, gives the files in `changed` their new digest, and adds `added` before the rows of
    /// `dist_info` (at the end, when there are none).
    pub fn update(
        &mut self,
        removed: &HashSet<String>,
        changed: &HashMap<String, Digested>,
        added: &[(String, Digested)],
        dist_info: &str,
    ) {
        self.rows.retain(|row| !removed.contains(&row.path));
        for row in &mut self.rows {
            if let Some(digested) = changed.get(&row.path) {
                (row.hash, row.size) = (digested.hash.clone(), digested.size.to_string());
            }
        }
        let prefix = format!("{dist_info}/");
        let at = self.rows.iter().position(|row| row.path.starts_with(&prefix)).unwrap_or(self.rows.len());
        let rows = added.iter().map(|(path, digested)| Row {
            path: path.clone(),
            hash: digested.hash.clone(),
            size: digested.size.to_string(),
        });
        self.rows.splice(at..at, rows);
    }

    /// Gives the files in `renamed`, by their old paths, their new paths; their rows keep their places.
    pub fn rename(&mut self, renamed: &HashMap<String, String>) {
        for row in &mut self.rows {
            if let Some(new) = renamed.get(&row.path) {
                row.path.clone_from(new);
            }
        }
    }

    /// Takes out the rows of the paths for which `is_meant` holds. Each comes with the path of the row that stood before it and stays.
    pub fn set_aside(&mut self, is_meant: impl Fn(&str) -> bool) -> Vec<(Option<String>, Row)> {
        let mut before = None;
        let mut aside = Vec::new();
        for row in std::mem::take(&mut self.rows) {
            if is_meant(&row.path) {
                aside.push((before.clone(), row));
            } else {
                before = Some(row.path.clone());
                self.rows.push(row);
            }
        }
        aside
    }

    /// Puts rows that were set aside behind those behind which they stood, or at the end where these are gone.
    pub fn put_back(&mut self, aside: Vec<(Option<String>, Row)>) {
        let mut behind: IndexMap<Option<String>, Vec<Row>> = IndexMap::new();
        aside.into_iter().for_each(|(before, row)| behind.entry(before).or_default().push(row));
        let mut rows = behind.shift_remove(&None).unwrap_or_default();
        for row in std::mem::take(&mut self.rows) {
            let following = behind.shift_remove(&Some(row.path.clone()));
            rows.push(row);
            rows.extend(following.into_iter().flatten());
        }
        rows.extend(behind.into_values().flatten());
        self.rows = rows;
    }

    /// The text of `RECORD`.
    pub fn write(&self) -> Result<Vec<u8>> {
        let terminator = if self.crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        for row in &self.rows {
            writer.write_record([&row.path, &row.hash, &row.size])?;
        }
        writer.into_inner().context("RECORD")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tag_lines_of_wheel_change() {
        let wheel = b"Wheel-Version: 1.0\r\nRoot-Is-Purelib:false\r\nTag: a-b-c\r\nTag: a-b-d\r\nBuild: 7\r\n\r\n";
        let new = retag_wheel(wheel, &["a-b-e".to_string(), "a-b-f".to_string()]).unwrap().unwrap();
        let expected = b"Wheel-Version: 1.0\r\nRoot-Is-Purelib:false\r\nTag: a-b-e\r\nTag: a-b-f\r\nBuild: 7\r\n\r\n";
        assert_eq!(new, expected);
        assert_eq!(retag_wheel(wheel, &["a-b-d".to_string(), "a-b-c".to_string()]).unwrap(), None);
        assert!(retag_wheel(b"Wheel-Version: 1.0\n", &[]).is_err());
    }

    #[test]
    fn later_formats_are_told() {
        let of = |version: &str| format(&std::format!("Wheel-Version: {version}\nTag: a-b-c\n"));
        assert_eq!([of("1.0"), of("0.1"), format("Tag: a-b-c\n")], [Format::Known, Format::Known, Format::Known]);
        assert_eq!(of("1.7"), Format::Newer("1.7".to_string()));
        for later in ["2.0", "2", "99999999999999999999.0", "nonsense"] {
            assert_eq!(of(later), Format::Other(later.to_string()));
        }
    }

    #[test]
    fn record_keeps_quoting_and_order() {
        let text = b"b.py,sha256=x,1\n\"a,b.py\",sha256=y,2\nd.dist-info/RECORD,,\n";
        let mut record = Record::parse(text).unwrap();
        assert_eq!(record.write().unwrap(), text);
        let changed = HashMap::from([("a,b.py".to_string(), digest(b""))]);
        let removed = HashSet::from(["b.py".to_string()]);
        record.update(
            &removed,
            &changed,
            &[("z.so".to_string(), Digested { size: 3, hash: "sha256=z".to_string() })],
            "d.dist-info",
        );
        let empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(
            String::from_utf8(record.write().unwrap()).unwrap(),
            format!("\"a,b.py\",{empty},0\nz.so,sha256=z,3\nd.dist-info/RECORD,,\n")
        );
    }

    #[test]
    fn rows_of_compiled_sources_become_those_of_the_bytecode() {
        let mut record = Record::parse(b"a.py,sha256=x,1\nb.py,sha256=y,2\nc.py,sha256=z,3\nc.pyc,sha256=w,4\nd.py,,\n").unwrap();
        let there = ["a.pyc", "b.py", "b.pyc", "c.pyc"];
        assert_eq!(record.follow_compiled(|path| there.contains(&path)), ["a.pyc", "c.pyc"]);
        assert_eq!(String::from_utf8(record.write().unwrap()).unwrap(), "a.pyc,,\nb.py,sha256=y,2\nc.pyc,sha256=w,4\nd.py,,\n");
    }

    #[test]
    fn rows_that_were_set_aside_come_back_to_their_places() {
        let text = b"../x,,\na,,\n../y,,\n../z,,\nb,,\n../w,,\n";
        let mut record = Record::parse(text).unwrap();
        let aside = record.set_aside(|path| path.starts_with(".."));
        assert_eq!(record.write().unwrap(), b"a,,\nb,,\n");
        let mut same = record.clone();
        same.put_back(aside.clone());
        assert_eq!(same.write().unwrap(), text);
        record.update(&HashSet::from(["a".to_string()]), &HashMap::new(), &[("c".to_string(), digest(b""))], "d.dist-info");
        record.put_back(aside);
        let paths: Vec<&str> = record.rows().iter().map(|row| row.path.as_str()).collect();
        assert_eq!(paths, ["../x", "b", "../w", "c", "../y", "../z"]);
    }

    #[test]
    fn record_rejects_nonsense() {
        assert!(Record::parse(b"a,b\n").is_err());
        assert!(Record::parse(b"a,,\na,,\n").is_err());
        assert!(Record::parse(b"\xff,,\n").is_err());
        assert!(Digester::for_hash("md5=x").is_err());
    }

    #[test]
    fn requires_python_of_the_target() {
        let excluded =
            |value: &str| excluded_python(format!("Name: x\nRequires-Python: {value}\n\nbody").as_bytes(), (3, 13)).is_some();
        for bad in ["<3.13", ">=3.8,<3.13", ">=3.14", "!=3.13.*,>=3.8", "==3.12.*", "~=2.7"] {
            assert!(excluded(bad), "{bad}");
        }
        for good in [">=3.8", ">=3.13.1", "~=3.8", "<3.14", "<=3.13", "nonsense"] {
            assert!(!excluded(good), "{good}");
        }
        assert_eq!(excluded_python(b"Name: x\n\nRequires-Python: <3\n", (3, 13)), None);
    }
}
