//! The options of `upgrade` that a result depends on, as words of a command line, for the record in a wheel.
//!
//! Of files and directories the names alone: where they lie is nobody's business, and would make the same input give other bytes elsewhere.

use super::size::SizeArgs;
use super::upgrade::{ModuleArgs, TargetArgs, UpgradeArgs, WheelArgs};
use clap::ValueEnum;
use std::path::Path;

impl UpgradeArgs {
    /// The options, in the order of `--help`; what is as by default is left out, as are the targets.
    pub fn recorded(&self) -> Vec<String> {
        let UpgradeArgs { inputs: _, output: _, target, module, size, wheel, report: _ } = self;
        let mut words = Vec::new();
        of_target(target, &mut words);
        of_modules(module, &mut words);
        of_size(size, &mut words);
        of_wheels(wheel, &mut words);
        words
    }
}

// Each names all members, so that none is forgotten.

fn of_target(target: &TargetArgs, words: &mut Vec<String>) {
    let TargetArgs { target: _, one_wheel, list_targets: _, main } = target;
    flag(words, "--one-wheel", *one_wheel);
    files(words, "--main", main);
}

fn of_modules(module: &ModuleArgs, words: &mut Vec<String>) {
    let ModuleArgs {
        exceptions,
        exnref,
        no_extended_const,
        bigint,
        dyncalls,
        allow_struct_change,
        no_adapters,
        rpath,
        add_needed,
        remove_needed,
        alias,
        allow_missing,
        no_check,
    } = module;
    value(words, "--exceptions", *exceptions);
    flag(words, "--exnref", *exnref);
    flag(words, "--no-extended-const", *no_extended_const);
    flag(words, "--bigint", *bigint);
    words.extend(dyncalls.as_ref().map(|signatures| format!("--dyncalls={signatures}")));
    flag(words, "--allow-struct-change", *allow_struct_change);
    flag(words, "--no-adapters", *no_adapters);
    values(words, "--rpath", rpath);
    values(words, "--add-needed", add_needed);
    values(words, "--remove-needed", remove_needed);
    words.extend(alias.iter().map(|alias| format!("--alias={}={}", alias.old, alias.new)));
    flag(words, "--allow-missing", *allow_missing);
    flag(words, "--no-check", *no_check);
}

fn of_size(size: &SizeArgs, words: &mut Vec<String>) {
    let SizeArgs {
        optimize,
        exports,
        keep_export,
        keep_exports_from,
        closed,
        bsymbolic,
        no_bind,
        no_isolate,
        no_prune,
        no_relocations,
        no_merge,
        no_encode,
        order_for,
        strip,
    } = size;
    flag(words, "-O0", *optimize == 0);
    value(words, "--exports", *exports);
    values(words, "--keep-export", keep_export);
    files(words, "--keep-exports-from", keep_exports_from.as_slice());
    flag(words, "--closed", *closed);
    flag(words, "--bsymbolic", *bsymbolic);
    flag(words, "--no-bind", *no_bind);
    flag(words, "--no-isolate", *no_isolate);
    flag(words, "--no-prune", *no_prune);
    flag(words, "--no-relocations", *no_relocations);
    flag(words, "--no-merge", *no_merge);
    flag(words, "--no-encode", *no_encode);
    value(words, "--order-for", *order_for);
    value(words, "--strip", *strip);
}

fn of_wheels(wheel: &WheelArgs, words: &mut Vec<String>) {
    let WheelArgs {
        tag_style,
        libdir,
        exclude,
        isolate,
        compress,
        audit: _,
        allow_python_mismatch,
        lock: _,
        lock_output: _,
        package: _,
        map: _,
        keep_unfit: _,
        stored,
    } = wheel;
    value(words, "--tag-style", *tag_style);
    files(words, "--libdir", libdir);
    values(words, "--exclude", exclude);
    value(words, "--isolate", *isolate);
    words.extend(compress.map(|level| format!("--compress={level}")));
    flag(words, "--stored", *stored);
    flag(words, "--allow-python-mismatch", *allow_python_mismatch);
}

fn flag(words: &mut Vec<String>, name: &str, given: bool) {
    words.extend(given.then(|| name.to_string()));
}

fn value(words: &mut Vec<String>, name: &str, value: Option<impl ValueEnum>) {
    let value = value.and_then(|value| value.to_possible_value());
    words.extend(value.map(|value| format!("{name}={}", value.get_name())));
}

fn values(words: &mut Vec<String>, name: &str, values: &[String]) {
    words.extend(values.iter().map(|value| format!("{name}={value}")));
}

fn files(words: &mut Vec<String>, name: &str, files: &[impl AsRef<Path>]) {
    words.extend(files.iter().map(|file| format!("{name}={}", last(file.as_ref()))));
}

/// The last part of a path; of one that has no name in the end, what stands there: `.`, `..` or `/`.
fn last(path: &Path) -> String {
    let last = path.components().next_back();
    last.map(|part| part.as_os_str().to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::cli::upgrade_args;

    #[test]
    fn options_are_recorded_without_directories() {
        let words = "wasm-pyfix x.whl -o dist --exnref --rpath $ORIGIN --alias a=b --exports pyinit --bsymbolic --strip names --libdir /home/me/lib -v";
        let args = upgrade_args(words.split(' ')).unwrap();
        let expected =
            ["--exnref", "--rpath=$ORIGIN", "--alias=a=b", "--exports=pyinit", "--bsymbolic", "--strip=names", "--libdir=lib"];
        assert_eq!(args.recorded(), expected);
        assert_eq!(upgrade_args("wasm-pyfix x.whl --in-place --json".split(' ')).unwrap().recorded(), [""; 0]);
    }
    #[test]
    fn every_option_that_the_result_depends_on_is_recorded() {
        let recorded =
            |words: &str| upgrade_args(format!("wasm-pyfix x.whl -o out {words}").split(' ')).unwrap().recorded().join(" ");
        for words in [
            "--main=m.wasm --exceptions=legacy --no-extended-const --bigint --dyncalls=i64 --allow-struct-change --no-adapters",
            "--add-needed=a --remove-needed=b --allow-missing --no-check --keep-export=e --keep-exports-from=names --closed --bsymbolic",
            "-O0 --no-bind --no-isolate --no-prune --no-relocations --no-merge --no-encode --strip=all",
            "--order-for=none",
            "--tag-style=pep783 --libdir=lib --exclude=g --isolate=none --compress=11 --allow-python-mismatch",
            "--stored",
        ] {
            assert_eq!(recorded(words), words);
        }
        let directories = "--libdir . --libdir .. --libdir a/.. --libdir / --libdir a/. --compress max";
        assert_eq!(recorded(directories), "--libdir=. --libdir=.. --libdir=.. --libdir=/ --libdir=a --compress=12");
    }
}
