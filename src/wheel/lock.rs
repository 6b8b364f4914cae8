//! `pyodide-lock.json`: the entry of an upgraded package, and the platform that the file is for.
//!
//! The runtime checks the `sha256` of what it fetches, so both fields of an entry change together. It refuses a file whose `info` names
//! another `abi_version` than its own (`initializePackageIndex` of Pyodide 0.28.3, 0.29.5 and 314.0.7). Everything else keeps its bytes,
//! whatever the formatting: values are replaced in the text, not in a parsed and reprinted tree.
//!
//! What is in the other packages is not at hand. Wheels tell by their names whether they are for the platform; `.zip` archives of
//! libraries and of modules of Python do not, and are for the platform that the file was for.

use crate::name::{WheelName, stem};
use crate::target::Target;
use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

type Object<'a> = IndexMap<String, &'a RawValue>;

/// What a package gets in the place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    pub name: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// `lock_json` in which the packages of files that are in `files`, by their names or `by_path`, point to the new ones.
///
/// A `file_name` that is a URL or a path keeps everything up to its last `/`.
pub fn rewrite_lock(lock_json: &str, files: &HashMap<String, NewFile>, by_path: bool) -> Result<String> {
    let mut edits = Vec::new();
    for Package { members: package, file_name, value, .. } in packages(lock_json)? {
        let last = base_name(&value);
        let Some(new) = files.get(if by_path { value.as_str() } else { last }) else { continue };
        let directory = &value[..value.len() - last.len()];
        if new.name == last && !package.contains_key("sha256") {
            // A file that stays as it is needs no hash that it did not have.
            continue;
        }
        let (name, hash) = (serde_json::to_string(&format!("{directory}{}", new.name))?, serde_json::to_string(&new.sha256)?);
        match package.get("sha256") {
            Some(old) => edits.extend([(file_name.get(), name), (old.get(), hash)]),
            None => edits.push((file_name.get(), format!("{name}, \"sha256\": {hash}"))),
        }
    }
    Ok(splice(lock_json, edits))
}

/// The names of the files that packages of a lock file are in; with `by_path` all that it says of them.
pub fn files(lock_json: &str, by_path: bool) -> Result<HashSet<String>> {
    let name = |package: Package<'_>| if by_path { package.value } else { base_name(&package.value).to_string() };
    Ok(packages(lock_json)?.into_iter().map(name).collect())
}

/// What an entry of a lock file says of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name of the entry.
    pub name: String,
    /// File name, path or URL of its file.
    pub file_name: String,
    /// Hash of that in hexadecimal, if it has one.
    pub sha256: Option<String>,
    /// Names of the packages that are loaded before.
    pub depends: Vec<String>,
}

/// The packages of a lock file that have a file.
pub fn listed(lock_json: &str) -> Result<Vec<Listed>> {
    let read = |package: Package<'_>| {
        let context = |member: &str| format!("`{member}` of package `{}`", package.name);
        let hash = package.members.get("sha256").map_or(Ok(None), |hash| serde_json::from_str::<Option<String>>(hash.get()));
        let sha256 = hash.with_context(|| context("sha256"))?.filter(|hash| !hash.is_empty());
        let depends = package.members.get("depends").map_or(Ok(Vec::new()), |names| serde_json::from_str(names.get()));
        let depends = depends.with_context(|| context("depends"))?;
        Ok(Listed { name: package.name, file_name: package.value, sha256, depends })
    };
    packages(lock_json)?.into_iter().map(read).collect()
}

/// The `abi_version` that a lock file is for, if it says so.
pub fn abi_version(lock_json: &str) -> Result<Option<String>> {
    let lock: Object = serde_json::from_str(lock_json).context("not a lock file: expected a JSON object")?;
    let Some(info) = lock.get("info") else { return Ok(None) };
    let info: Object = serde_json::from_str(info.get()).context("`info` is not an object")?;
    Ok(info.get("abi_version").and_then(|version| serde_json::from_str(version.get()).ok()))
}

/// `lock_json` without the packages called `dropped`.
pub fn without(lock_json: &str, dropped: &HashSet<String>) -> Result<String> {
    let lock: Object = serde_json::from_str(lock_json).context("not a lock file: expected a JSON object")?;
    let packages = lock.get("packages").context("not a lock file: no `packages`")?.get();
    let members: Object = serde_json::from_str(packages).context("`packages` is not an object")?;
    // Where each member ends; it begins behind the end of the one before, with a comma, or behind the brace.
    let start = packages.as_ptr() as usize;
    let end = |value: &&RawValue| value.get().as_ptr() as usize - start + value.get().len();
    let mut ends: Vec<(usize, &String)> = members.iter().map(|(name, value)| (end(value), name)).collect();
    ends.sort();
    let mut text = "{".to_string();
    let mut behind = 1;
    let mut is_first = true;
    for (end, name) in ends {
        let member = &packages[behind..end];
        behind = end;
        if dropped.contains(name) {
            continue;
        }
        // The first one has no comma before it.
        text.push_str(if is_first { member.trim_start().trim_start_matches(',').trim_start() } else { member });
        if is_first {
            let space = &packages[1..];
            text.insert_str(1, &space[..space.len() - space.trim_start().len()]);
        }
        is_first = false;
    }
    text.push_str(&packages[behind..]);
    Ok(splice(lock_json, vec![(packages, text)]))
}

/// `lock_json` as a lock file for `target`, and the packages in it that are for another platform or Python; the files `done` are for
/// `target`.
pub fn retarget_lock(lock_json: &str, target: &Target, done: &HashSet<String>) -> Result<(String, Vec<String>)> {
    let lock: Object = serde_json::from_str(lock_json).context("not a lock file: expected a JSON object")?;
    let info = lock.get("info").map(|info| info.get());
    let present: Object = info.map_or(Ok(Object::new()), serde_json::from_str).context("`info` is not an object")?;
    let platform = present.get("abi_version").map(|value| value.get());
    let was_for_target = platform == Some(&*serde_json::to_string(target.version)?);
    let mut edits = Vec::new();
    let mut missing = Vec::new();
    for (key, value) in target.lock_info() {
        let value = serde_json::to_string(&value)?;
        match present.get(key) {
            Some(old) => edits.push((old.get(), value)),
            None => missing.push(format!("\"{key}\": {value}")),
        }
    }
    if !missing.is_empty() {
        let inside = missing.join(", ");
        // Behind the brace that begins the object.
        let (object, members, text) = match info {
            Some(info) => (info, present.len(), inside),
            None => (lock_json.trim_start(), lock.len(), format!("\"info\": {{{inside}}}")),
        };
        edits.push((&object[1..1], if members > 0 { format!("{text}, ") } else { text }));
    }
    let mut unfit = Vec::new();
    for package in packages(lock_json)? {
        if !done.contains(base_name(&package.value)) && !fits(&package, target, was_for_target)? {
            unfit.push(package.name);
        }
    }
    Ok((splice(lock_json, edits), unfit))
}

/// Whether a package is for `target`, as far as its entry tells.
fn fits(package: &Package<'_>, target: &Target, was_for_target: bool) -> Result<bool> {
    let file = base_name(&package.value);
    if stem(file).is_none() {
        let compiled = ["shared_library", "static_library", "cpython_module"];
        let is_compiled = package
            .members
            .get("package_type")
            .is_some_and(|kind| serde_json::from_str::<String>(kind.get()).is_ok_and(|kind| compiled.contains(&kind.as_str())));
        return Ok(was_for_target || !is_compiled);
    }
    let Ok(name) = WheelName::parse(file) else { return Ok(true) };
    Ok(name.is_for(target) && name.runs_on(&target.python_tag())?)
}

/// One of the `packages`.
struct Package<'a> {
    name: String,
    members: Object<'a>,
    /// Its `file_name` in the text.
    file_name: &'a RawValue,
    /// What that says.
    value: String,
}

/// The packages that have a file.
fn packages(lock_json: &str) -> Result<Vec<Package<'_>>> {
    let lock: Object = serde_json::from_str(lock_json).context("not a lock file: expected a JSON object")?;
    let packages = lock.get("packages").context("not a lock file: no `packages`")?;
    let packages: Object = serde_json::from_str(packages.get()).context("`packages` is not an object")?;
    let mut read = Vec::with_capacity(packages.len());
    for (name, package) in packages {
        let members: Object = serde_json::from_str(package.get()).with_context(|| format!("package `{name}`"))?;
        let Some(file_name) = members.get("file_name").copied() else { continue };
        let value: String = serde_json::from_str(file_name.get()).with_context(|| format!("`file_name` of package `{name}`"))?;
        read.push(Package { name, members, file_name, value });
    }
    Ok(read)
}

/// The last part of a path or URL.
fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
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

    /// One package points to another file.
    fn rewritten(text: &str, old: &str, new: &str) -> Result<String> {
        let new = NewFile { name: new.to_string(), sha256: "ff".to_string() };
        rewrite_lock(text, &HashMap::from([(old.to_string(), new)]), false)
    }

    #[test]
    fn two_values_change_and_nothing_else() {
        let text = "{\"info\": {\"a\":1 },\n \"packages\": {\"b\": {\"sha256\": \"00\", \"file_name\":\n\"b-1.whl\", \"x\": [1.0, \"\\u00e9\"]}, \
                    \"c\": {\"file_name\": \"c-1.whl\", \"sha256\": \"00\"}}}\n";
        let new = rewritten(text, "b-1.whl", "b-1-new.whl").unwrap();
        let expected = text.replacen("\"00\"", "\"ff\"", 1).replacen("b-1.whl", "b-1-new.whl", 1);
        assert_eq!(new, expected);
    }

    #[test]
    fn a_new_file_gets_the_hash_that_the_old_one_lacked() {
        let text = r#"{"packages": {"b": {"file_name": "b-1.whl", "name": "b"}}}"#;
        let expected = text.replace(r#""b-1.whl""#, r#""b-2.whl", "sha256": "ff""#);
        assert_eq!(rewritten(text, "b-1.whl", "b-2.whl").unwrap(), expected);
    }

    /// Files of one name in several directories are several files.
    #[test]
    fn files_are_told_apart_by_their_paths() {
        let package = |name: &str, path: &str| format!(r#""{name}":{{"file_name":"{path}","sha256":"00"}}"#);
        let lock = |b: &str, c: &str| format!(r#"{{"packages":{{{},{}}}}}"#, package("b", b), package("c", c));
        let text = lock("x/a.whl", "y/a.whl");
        let new = NewFile { name: "n.whl".to_string(), sha256: "ff".to_string() };
        let expected = lock("x/a.whl", "y/n.whl").replace(r#"n.whl","sha256":"00""#, r#"n.whl","sha256":"ff""#);
        assert_eq!(rewrite_lock(&text, &HashMap::from([("y/a.whl".to_string(), new)]), true).unwrap(), expected);
        let bare = r#"{"packages":{"b":{"file_name":"b.whl"}}}"#;
        assert_eq!(rewritten(bare, "b.whl", "b.whl").unwrap(), bare);
    }

    #[test]
    fn urls_keep_their_directory() {
        let text = r#"{"packages":{"b":{"file_name":"https://example.org/d/b-1.whl","sha256":"00"}}}"#;
        let new = rewritten(text, "b-1.whl", "b-2.whl").unwrap();
        assert_eq!(new, r#"{"packages":{"b":{"file_name":"https://example.org/d/b-2.whl","sha256":"ff"}}}"#);
    }

    #[test]
    fn the_platform_becomes_that_of_the_target() {
        let target = Target::find("pyodide_2025_0").unwrap();
        let retarget = |text: &str| retarget_lock(text, target, &HashSet::new()).unwrap().0;
        let text = "{\n\"info\": {\"abi_version\": \"2024_0\", \"arch\":\"wasm32\",  \"platform\": \"emscripten_3_1_58\", \
                    \"python\": \"3.12.7\", \"version\": \"0.27.7\"},\n\"packages\": {}}\n";
        let expected =
            text.replace("2024_0", "2025_0").replace("emscripten_3_1_58", "emscripten_4_0_9").replace("3.12.7", "3.13.2");
        assert_eq!(retarget(text), expected);
        assert_eq!(retarget(&expected), expected);
        let whole = r#""abi_version": "2025_0", "arch": "wasm32", "platform": "emscripten_4_0_9", "python": "3.13.2""#;
        assert_eq!(retarget(r#" {"packages": {}}"#), format!(r#" {{"info": {{{whole}}}, "packages": {{}}}}"#));
        assert_eq!(retarget(r#"{"info":{},"packages":{}}"#), format!(r#"{{"info":{{{whole}}},"packages":{{}}}}"#));
        let some = r#"{"info":{"arch":"x", "python": ""},"packages":{}}"#;
        let expected = r#"{"info":{"abi_version": "2025_0", "platform": "emscripten_4_0_9", "arch":"wasm32", "python": "3.13.2"},"packages":{}}"#;
        assert_eq!(retarget(some), expected);
    }

    #[test]
    fn packages_of_another_platform_or_python_are_told() {
        let target = Target::find("pyodide_2025_0").unwrap();
        let files = [
            ("any", "any-1-py3-none-any.whl"),
            ("old", "old-1-cp312-abi3-pyodide_2024_0_wasm32.whl"),
            ("done", "done-1-cp312-abi3-pyodide_2024_0_wasm32.whl"),
            ("python", "https://example.org/python-1-cp312-cp312-pyodide_2025_0_wasm32.whl"),
            ("right", "right-1-cp313-cp313-pyemscripten_2025_0_wasm32.whl"),
            ("emscripten", "emscripten-1-cp313-cp313-emscripten_4_0_9_wasm32.whl"),
            ("tests", "x-tests.tar"),
        ];
        let of = |version: &str| {
            let packages: Vec<String> =
                files.iter().map(|(name, file)| format!(r#""{name}": {{"file_name": "{file}"}}"#)).collect();
            let library = r#""library": {"file_name": "l.zip", "package_type": "shared_library"}"#;
            let text = format!(r#"{{"info": {{"abi_version": "{version}"}}, "packages": {{{}, {library}}}}}"#, packages.join(", "));
            retarget_lock(&text, target, &HashSet::from([files[2].1.to_string()])).unwrap().1
        };
        assert_eq!(of("2024_0"), ["old", "python", "library"]);
        assert_eq!(of("2025_0"), ["old", "python"]);
    }

    #[test]
    fn packages_go_and_the_others_keep_their_bytes() {
        let text =
            "{\"packages\": {\n  \"a\": {\"file_name\": \"a\"},\n  \"b\" : {\"x\": [1.0, 2]},\n  \"c\": {}\n}, \"info\": {}}\n";
        let of = |names: &[&str]| without(text, &names.iter().map(|name| name.to_string()).collect()).unwrap();
        assert_eq!(of(&[]), text);
        assert_eq!(of(&["z"]), text);
        let a = "\n  \"a\": {\"file_name\": \"a\"}";
        let [b, c] = ["\n  \"b\" : {\"x\": [1.0, 2]}", "\n  \"c\": {}"];
        let whole = |packages: &str| format!("{{\"packages\": {{{packages}\n}}, \"info\": {{}}}}\n");
        assert_eq!(of(&["a"]), whole(&format!("{b},{c}")));
        assert_eq!(of(&["b"]), whole(&format!("{a},{c}")));
        assert_eq!(of(&["c"]), whole(&format!("{a},{b}")));
        assert_eq!(of(&["a", "b"]), whole(c));
        assert_eq!(of(&["a", "b", "c"]), whole(""));
        assert_eq!(without(r#"{"packages":{}}"#, &HashSet::new()).unwrap(), r#"{"packages":{}}"#);
    }

    #[test]
    fn entries_are_read() {
        let text = r#"{"info": {"abi_version": "2025_0"}, "packages": {"a": {"file_name": "a.whl", "sha256": "00", "depends": ["b"]},
            "b": {"file_name": "b.zip", "sha256": null}, "c": {}}}"#;
        let listed: Vec<_> = listed(text).unwrap().into_iter().map(|of| (of.name, of.file_name, of.sha256, of.depends)).collect();
        let string = |text: &str| text.to_string();
        let expected = [
            (string("a"), string("a.whl"), Some(string("00")), vec![string("b")]),
            (string("b"), string("b.zip"), None, Vec::new()),
        ];
        assert_eq!(listed, expected);
        assert_eq!(abi_version(text).unwrap().as_deref(), Some("2025_0"));
        assert_eq!(abi_version(r#"{"packages": {}}"#).unwrap(), None);
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for bad in ["[]", "{", "{}"] {
            assert!(rewritten(bad, "a.whl", "b.whl").is_err(), "{bad}");
        }
    }
}
