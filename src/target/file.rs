//! Targets that are files: the manifest of a main module of the user's, with the platform whose other facts hold for it.
//!
//! `--target` takes a file where it would take a name, if that has a `/` in it or ends in `.target`. What the runtime offers, its exception
//! ABI and its entry point to exception matching come from the manifest, and so do its exception instructions where they are others than
//! those of the platform that the manifest says it is like; the loader, Python, tags and struct layouts are that platform's. A file is
//! read once and known by its path then.
//!
//! Refuses files that are no manifest, with the line where that shows.

use super::{Symbols, Target, known, manifest};
use crate::codes::upgrading::RUNTIME_FILES;
use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use wasm_pyfix_passes::Environment;
use wasm_pyfix_passes::handlers::Kind;

/// The end of the names of such files.
const SUFFIX: &str = ".target";

/// The fact that names a platform.
const LIKE: &str = "like";

/// The fact that tells the exception instructions of the main module, and how it spells them.
const HANDLERS: &str = "handlers";
const KINDS: [(&str, Kind); 2] = [("legacy", Kind::Legacy), ("exnref", Kind::Exnref)];

/// More than any manifest has, compressed or not.
const MOST_BYTES: u64 = 64 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Whether `name` is a file and no name of a platform.
pub fn is_file(name: &str) -> bool {
    name.contains(['/', std::path::MAIN_SEPARATOR]) || name.ends_with(SUFFIX)
}

/// The target in the file at `path`.
pub fn target(path: &str) -> Result<&'static Target> {
    static FILES: Mutex<BTreeMap<String, &'static Target>> = Mutex::new(BTreeMap::new());
    let mut files = FILES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(target) = files.get(path) {
        return Ok(target);
    }
    let target = read(path).with_context(|| path.to_string()).map_err(|error| RUNTIME_FILES.covers(error))?;
    // Targets live as long as the program does, and it is asked for few of them.
    let target: &'static Target = Box::leak(Box::new(target));
    files.insert(path.to_string(), target);
    Ok(target)
}

fn read(path: &str) -> Result<Target> {
    let file = std::fs::File::open(path).context("cannot be read")?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).context("cannot be read")?;
    if bytes.starts_with(&GZIP) {
        let compressed = std::mem::take(&mut bytes);
        let unpacked = flate2::read::GzDecoder::new(&compressed[..]).take(MOST_BYTES).read_to_end(&mut bytes);
        unpacked.context("cannot be decompressed")?;
    }
    ensure!((bytes.len() as u64) < MOST_BYTES, "is larger than any manifest");
    let text = String::from_utf8(bytes).ok().context("is no text, and so no manifest: `wasm-pyfix target` writes them")?;
    let environment = manifest::from_text(&text)?;
    let Facts { like, handlers } = facts(&text)?;
    Ok(Target {
        name: Box::leak(path.to_string().into_boxed_str()),
        like: Some(like.name),
        exception_abi: environment.exception_abi().unwrap_or(like.exception_abi),
        handlers: handlers.or(like.handlers),
        preliminary: false,
        symbols: Symbols::Text(Box::leak(text.into_boxed_str())),
        ..like.clone()
    })
}

/// What a manifest says besides the symbols.
struct Facts {
    /// The platform that it is like.
    like: &'static Target,
    handlers: Option<Kind>,
}

fn facts(text: &str) -> Result<Facts> {
    let (mut like, mut handlers) = (None, None);
    for (index, key, value) in manifest::facts(text) {
        let line = || format!("line {} of a manifest", index + 1);
        match key {
            LIKE if like.is_none() => like = Some(built_in(value).with_context(line)?),
            HANDLERS if handlers.is_none() => {
                let known = KINDS.iter().find(|(name, _)| *name == value);
                handlers = Some(known.with_context(|| format!("{}: unknown exception instructions `{value}`", line()))?.1);
            }
            LIKE | HANDLERS => bail!("{}: `# {key}:` stands there twice", line()),
            _ => bail!("{}: unknown fact `{key}`", line()),
        }
    }
    let like = like
        .with_context(|| format!("does not say which platform it is like: a line `# {LIKE}: NAME` is missing behind the first"))?;
    Ok(Facts { like, handlers })
}

/// The platform called `name`, which is no file.
pub fn built_in(name: &str) -> Result<&'static Target> {
    ensure!(!is_file(name), "`{name}` is no platform");
    Target::find(name)
}

/// The manifest of what `environment` offers, as a file for a target like `like` whose main module has these exception instructions.
pub fn text(environment: &Environment, handlers: Option<Kind>, like: &Target) -> Result<String> {
    let text = manifest::to_text(environment)?;
    let (header, symbols) = text.split_once('\n').context("a manifest has a first line")?;
    let others = KINDS.iter().find(|(_, kind)| Some(*kind) == handlers && handlers != like.handlers);
    let handlers = others.map(|(name, _)| format!("# {HANDLERS}: {name}\n")).unwrap_or_default();
    Ok(format!("{header}\n# {LIKE}: {}\n{handlers}{symbols}", like.name))
}

/// The platform that offers most of what `environment` does in the same way.
pub fn closest(environment: &Environment) -> Option<&'static Target> {
    let in_common =
        |of: &Environment| environment.symbols.iter().filter(|(name, offer)| of.item(name) == Some(&offer.item)).count();
    known().iter().max_by_key(|(_, of)| in_common(of)).map(|(target, _)| *target)
}

/// Reads what a runtime offers: its main module and its JavaScript, or unpacked npm packages `pyodide`, of which what all offer alike.
pub fn environment(files: &[PathBuf]) -> Result<Environment> {
    if files.iter().all(|path| path.is_dir()) { manifest::from_runtimes(files) } else { manifest::from_files(files) }
}

/// The bytes of the file at `path` with this text: compressed if it is named `.gz`.
pub fn bytes(path: &Path, text: &str) -> Result<Vec<u8>> {
    if path.extension().is_none_or(|end| end != "gz") {
        return Ok(text.as_bytes().to_vec());
    }
    // No name and no time in the header: the same text always gives the same file.
    let mut file = GzBuilder::new().write(Vec::new(), Compression::best());
    file.write_all(text.as_bytes())?;
    Ok(file.finish()?)
}
