//! The options of `upgrade` that a result depends on, as words of a command line, for the record in a wheel.
//!
//! Of files and directories the names alone: where they lie is nobody's business, and would make the same input give other bytes elsewhere.

use super::upgrade::UpgradeArgs;
use clap::ValueEnum;
use std::path::Path;

impl UpgradeArgs {
    /// The options, in the order of `--help`; what is as by default is left out, as are the targets.
    pub fn recorded(&self) -> Vec<String> {
        let mut words = Vec::new();
        self.of_target_and_modules(&mut words);
        self.of_size(&mut words);
        self.of_wheels(&mut words);
        words
    }

    fn of_target_and_modules(&self, words: &mut Vec<String>) {
        let module = &self.module;
        flag(words, "--one-wheel", self.target.one_wheel);
        files(words, "--main", &self.target.main);
        flag(words, "--exnref", module.exnref);
        flag(words, "--no-extended-const", module.no_extended_const);
        flag(words, "--bigint", module.bigint);
        if let Some(signatures) = &module.dyncalls {
            words.push(format!("--dyncalls={signatures}"));
        }
        flag(words, "--allow-struct-change", module.allow_struct_change);
        values(words, "--rpath", &module.rpath);
        values(words, "--add-needed", &module.add_needed);
        values(words, "--remove-needed", &module.remove_needed);
        words.extend(module.alias.iter().map(|alias| format!("--alias={}={}", alias.old, alias.new)));
        flag(words, "--allow-missing", module.allow_missing);
        flag(words, "--no-check", module.no_check);
    }

    fn of_size(&self, words: &mut Vec<String>) {
        let size = &self.size;
        flag(words, "-O0", size.optimize == 0);
        value(words, "--exports", size.exports);
        values(words, "--keep-export", &size.keep_export);
        files(words, "--keep-exports-from", size.keep_exports_from.as_slice());
        flag(words, "--bsymbolic", size.bsymbolic);
        flag(words, "--no-bind", size.no_bind);
        flag(words, "--no-isolate", size.no_isolate);
        flag(words, "--no-prune", size.no_prune);
        flag(words, "--no-relocations", size.no_relocations);
        flag(words, "--no-merge", size.no_merge);
        flag(words, "--no-encode", size.no_encode);
        value(words, "--strip", size.strip);
    }

    fn of_wheels(&self, words: &mut Vec<String>) {
        let wheel = &self.wheel;
        value(words, "--tag-style", wheel.tag_style);
        files(words, "--libdir", &wheel.libdir);
        values(words, "--exclude", &wheel.exclude);
        value(words, "--isolate", wheel.isolate);
        flag(words, "--allow-python-mismatch", wheel.allow_python_mismatch);
    }
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
    let last = |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    words.extend(files.iter().map(|file| format!("{name}={}", last(file.as_ref()))));
}

#[cfg(test)]
mod tests {
    use crate::cli::upgrade_args;

    #[test]
    fn options_are_recorded_without_directories() {
        let words =
            "wasm-pyfix x.whl -o dist --exnref --rpath $ORIGIN --alias a=b --exports pyinit --strip names --libdir /home/me/lib -v";
        let args = upgrade_args(words.split(' ')).unwrap();
        let expected = ["--exnref", "--rpath=$ORIGIN", "--alias=a=b", "--exports=pyinit", "--strip=names", "--libdir=lib"];
        assert_eq!(args.recorded(), expected);
        assert_eq!(upgrade_args("wasm-pyfix x.whl --in-place --json".split(' ')).unwrap().recorded(), [""; 0]);
    }
}
