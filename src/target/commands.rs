//! The commands `target` and `targets`.

use super::diff::Diff;
use super::{Target, diff, file, instructions, listing};
use crate::cli::{Color, TargetFileArgs, TargetsArgs};
use crate::codes::upgrading::{RUNTIME_FILES, UNWRITABLE};
use crate::exit::EXIT_DONE;
use crate::output::{self, Writer};
use crate::usage;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Writes the manifest of a runtime, and returns the exit code.
pub fn write(args: &TargetFileArgs) -> i32 {
    let like = match args.like.as_deref().map(file::built_in).transpose() {
        Ok(like) => like,
        Err(error) => return usage::cannot_begin(&error, Color::Auto, None),
    };
    match made(&args.files, like).and_then(|text| put(&text, args)) {
        Ok(code) => code,
        Err(error) => usage::cannot_begin(&error, Color::Auto, None),
    }
}

fn made(files: &[PathBuf], like: Option<&'static Target>) -> Result<String> {
    let environment = file::environment(files).map_err(|error| RUNTIME_FILES.covers(error))?;
    let like = like.or_else(|| file::closest(&environment)).context("there is no platform")?;
    let handlers = instructions::of_files(files).map_err(|error| RUNTIME_FILES.covers(error))?;
    file::text(&environment, handlers, like)
}

fn put(text: &str, args: &TargetFileArgs) -> Result<i32> {
    let Some(path) = &args.output else { return Ok(output::print_text(text)) };
    let mut writer = Writer::protecting(args.files.iter().map(PathBuf::as_path), false);
    writer.write(Path::new(path), &file::bytes(path, text)?, None).map_err(|error| UNWRITABLE.covers(error))?;
    Ok(EXIT_DONE)
}

/// Lists the platforms, or compares two targets, and returns the exit code.
pub fn targets(args: &TargetsArgs) -> i32 {
    let Some([from, to]) = args.diff.as_deref() else {
        return match args.json {
            true => output::printed(output::print_json(&super::summaries()), EXIT_DONE),
            false => output::print_text(&listing()),
        };
    };
    let compared = Target::find(from).and_then(|from| Diff::new(from, Target::find(to)?));
    match compared {
        Ok(diff) if args.json => output::printed(output::print_json(&diff), EXIT_DONE),
        Ok(diff) => output::print_text(&diff.text()),
        Err(error) => usage::cannot_begin(&error, Color::Auto, args.json.then_some(diff::SCHEMA_VERSION)),
    }
}
