//! Which arguments make no sense together.

use super::upgrade::{OutputArgs, UpgradeArgs};
use super::usage;
use crate::distribution;
use crate::exports::Mode;
use std::path::{Path, PathBuf};

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

pub(super) fn reject_second_stdin(inputs: &[PathBuf]) -> Result<(), clap::Error> {
    match inputs.iter().filter(|input| is_dash(input)).count() {
        0 | 1 => Ok(()),
        _ => Err(usage("standard input can be read once: `-` is given twice")),
    }
}

pub(super) fn reject_contradictions(args: &UpgradeArgs) -> Result<(), clap::Error> {
    reject_second_stdin(&args.inputs)?;
    reject_idle_options(args)?;
    if args.target.is_auto() {
        reject_beside_auto(args)?;
    }
    if args.target.target.len() > 1 {
        reject_several_targets(args)?;
    }
    let OutputArgs { output, in_place, dry_run, .. } = &args.output;
    if output.is_none() && !in_place && !dry_run && !args.target.list_targets {
        return Err(usage(
            "where is the result to go? Give a file or a directory to `-o`, or add `--in-place`; with `--dry-run` nothing is written",
        ));
    }
    let to_stdout = output.as_ref().is_some_and(|path| is_dash(path));
    if args.inputs.iter().any(|input| is_dash(input)) && args.output.in_place {
        return Err(usage("standard input cannot be replaced: use `-o` instead of `--in-place`"));
    }
    if to_stdout && args.inputs.len() > 1 {
        return Err(usage("several inputs cannot go to standard output: give a directory to `-o`"));
    }
    if to_stdout && !args.output.precompress.is_empty() {
        return Err(usage("`--precompress` writes beside the result, which goes to standard output: give a file to `-o`"));
    }
    if to_stdout && args.report.json {
        return Err(usage("`--json` and `-o -` both want standard output: give a file to `-o`"));
    }
    if to_stdout && args.report.summary.is_some() {
        return Err(usage("`--summary` and `-o -` both want standard output: give a file to `-o`"));
    }
    if to_stdout && args.wheel.lock.is_some() && args.wheel.lock_output.is_none() {
        return Err(usage("`--lock` writes its copy beside the wheel, which goes to standard output: add `--lock-output`"));
    }
    Ok(())
}

/// What does nothing beside other options.
fn reject_idle_options(args: &UpgradeArgs) -> Result<(), clap::Error> {
    let size = &args.size;
    let no_bind = if size.no_bind { "--no-bind" } else { "-O0" };
    if size.bsymbolic && (size.no_bind || size.optimize == 0) {
        return Err(usage(&format!("`--bsymbolic` binds more, and `{no_bind}` binds nothing: leave out one of them")));
    }
    let no_prune = if size.no_prune { "--no-prune" } else { "-O0" };
    if !size.keep_export.is_empty() && (size.no_prune || size.optimize == 0) {
        return Err(usage(&format!("`--keep-export` keeps some exports, and `{no_prune}` keeps all: leave out one of them")));
    }
    if size.closed && (size.no_prune || size.optimize == 0 || size.exports == Some(Mode::All)) {
        let keeps = if size.no_prune || size.optimize == 0 { no_prune } else { "--exports all" };
        return Err(usage(&format!(
            "`--closed` drops exports that no input needs, and `{keeps}` keeps all: leave out one of them"
        )));
    }
    if size.closed && args.inputs.iter().any(|input| is_dash(input)) {
        return Err(usage(
            "`--closed` reads all inputs before the first is upgraded, and standard input can be read once: give a file",
        ));
    }
    if size.closed && args.output.in_place && !args.wheel.package.is_empty() {
        return Err(usage(
            "`--closed` is about all packages, and with `--in-place` those stay that `--package` does not name: leave out one of them",
        ));
    }
    let no_encode = if size.no_encode { "--no-encode" } else { "-O0" };
    if size.order_for.is_some() && (size.no_encode || size.optimize == 0) {
        return Err(usage(&format!(
            "`--order-for` says which order is best, and `{no_encode}` keeps the one there is: leave out one of them"
        )));
    }
    if args.wheel.map.is_some() && (size.no_isolate || size.no_bind || size.optimize == 0) {
        let no_isolate = match (size.no_isolate, size.no_bind) {
            (true, _) => "--no-isolate",
            (false, true) => "--no-bind",
            (false, false) => "-O0",
        };
        return Err(usage(&format!("`--map` tells new names, and `{no_isolate}` gives none: leave out one of them")));
    }
    if args.target.one_wheel && args.target.target.len() < 2 {
        return Err(usage("`--one-wheel` is about several targets: give `--target` for each of them"));
    }
    Ok(())
}

/// What makes no sense where each input is for its own target.
fn reject_beside_auto(args: &UpgradeArgs) -> Result<(), clap::Error> {
    if args.target.target.len() > 1 {
        return Err(usage("`--target auto` is the platform of each input, and another one is given, too: leave out one of them"));
    }
    if !args.target.main.is_empty() {
        return Err(usage(
            "`--main` is about one runtime, and with `--target auto` each input may be for another: name its platform",
        ));
    }
    if args.wheel.lock.is_some() {
        return Err(usage(
            "a lock file is for one runtime, and with `--target auto` each wheel may be for another: name its platform",
        ));
    }
    Ok(())
}

/// What makes no sense for several targets.
fn reject_several_targets(args: &UpgradeArgs) -> Result<(), clap::Error> {
    let to_stdout = args.output.output.as_deref().is_some_and(is_dash);
    let several_results = !args.target.one_wheel;
    if !args.target.main.is_empty() {
        return Err(usage("`--main` is about one runtime, and there are several targets: run it once for each"));
    }
    if several_results && args.output.in_place {
        return Err(usage(
            "the results for several targets cannot replace one input: give a directory to `-o`, or add `--one-wheel`",
        ));
    }
    if several_results && to_stdout {
        return Err(usage(
            "the results for several targets cannot go to standard output: give a directory to `-o`, or add `--one-wheel`",
        ));
    }
    if several_results && (args.wheel.lock.is_some() || args.inputs.iter().any(|input| distribution::is_lock(input))) {
        return Err(usage("a lock file is for one runtime, and there are several targets: run it once for each"));
    }
    Ok(())
}
