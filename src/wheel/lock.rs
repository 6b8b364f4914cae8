//! `pyodide-lock.json`: the entry of an upgraded package.
//!
//! The runtime checks the `sha256` of what it fetches, so both fields change together. Everything else keeps its bytes, whatever
//! the formatting: the two values are replaced in the text, not in a parsed and reprinted tree.

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde_json::value::RawValue;

type Object<'a> = IndexMap<String, &'a RawValue>;

/// `lock_json` with the package of file `old_file_name` pointing to `new_file_name` and `sha256` (hexadecimal).
///
/// A `file_name` that is a URL or a path keeps everything up to its last `/`. Fails when no package has that file.
pub fn rewrite_lock(lock_json: &str, old_file_name: &str, new_file_name: &str, sha256: &str) -> Result<String> {
    let lock: Object = serde_json::from_str(lock_json).context("not a lock file: expected a JSON object")?;
    let packages = lock.get("packages").context("not a lock file: no `packages`")?;
    let packages: Object = serde_json::from_str(packages.get()).context("`packages` is not an object")?;
    let mut edits = Vec::new();
    for (name, package) in &packages {
        let package: Object = serde_json::from_str(package.get()).with_context(|| format!("package `{name}`"))?;
        let Some(file_name) = package.get("file_name") else { continue };
        let value: String = serde_json::from_str(file_name.get()).with_context(|| format!("`file_name` of package `{name}`"))?;
        let (directory, last) =
            value.rsplit_once('/').map_or(("", value.as_str()), |(_, last)| (&value[..value.len() - last.len()], last));
        if last != old_file_name {
            continue;
        }
        let hash = package.get("sha256").with_context(|| format!("package `{name}` has no `sha256`"))?;
        edits.push((file_name.get(), serde_json::to_string(&format!("{directory}{new_file_name}"))?));
        edits.push((hash.get(), serde_json::to_string(sha256)?));
    }
    ensure!(!edits.is_empty(), "no package of the lock file has the file `{old_file_name}`");
    Ok(splice(lock_json, edits))
}

/// Replaces slices of `text` (each borrowed from it) by other text.
fn splice(text: &str, edits: Vec<(&str, String)>) -> String {
    let start = text.as_ptr() as usize;
    let mut edits: Vec<(usize, usize, String)> =
        edits.into_iter().map(|(old, new)| (old.as_ptr() as usize - start, old.len(), new)).collect();
    edits.sort();
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, length, new) in edits {
        out.push_str(&text[copied..at]);
        out.push_str(&new);
        copied = at + length;
    }
    out.push_str(&text[copied..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_change_and_nothing_else() {
        let text = "{\"info\": {\"a\":1 },\n \"packages\": {\"b\": {\"sha256\": \"00\", \"file_name\":\n\"b-1.whl\", \"x\": [1.0, \"\\u00e9\"]}, \
                    \"c\": {\"file_name\": \"c-1.whl\", \"sha256\": \"00\"}}}\n";
        let new = rewrite_lock(text, "b-1.whl", "b-1-new.whl", "ff").unwrap();
        let expected = text.replacen("\"00\"", "\"ff\"", 1).replacen("b-1.whl", "b-1-new.whl", 1);
        assert_eq!(new, expected);
    }

    #[test]
    fn urls_keep_their_directory() {
        let text = r#"{"packages":{"b":{"file_name":"https://example.org/d/b-1.whl","sha256":"00"}}}"#;
        let new = rewrite_lock(text, "b-1.whl", "b-2.whl", "ff").unwrap();
        assert_eq!(new, r#"{"packages":{"b":{"file_name":"https://example.org/d/b-2.whl","sha256":"ff"}}}"#);
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(rewrite_lock(r#"{"packages":{}}"#, "a.whl", "b.whl", "").is_err());
        assert!(rewrite_lock(r#"{"packages":{"a":{"file_name":"a.whl"}}}"#, "a.whl", "b.whl", "").is_err());
        assert!(rewrite_lock("[]", "a.whl", "b.whl", "").is_err());
        assert!(rewrite_lock("{", "a.whl", "b.whl", "").is_err());
    }
}
