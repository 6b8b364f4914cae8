//! Completions and manual pages: that they are made, say what `--help` says, and work where the shell is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

#[allow(dead_code, reason = "the tests need no `main`")]
#[path = "../examples/man_pages.rs"]
mod man_pages;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasm-pyfix");

fn completions(shell: &str) -> String {
    let output = Command::new(PROGRAM).args(["completions", shell]).output().unwrap();
    assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn subcommands() -> Vec<String> {
    wasm_pyfix::cli::command().get_subcommands().map(|command| command.get_name().to_string()).collect()
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = completions(shell);
        for name in subcommands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
        assert!(script.contains("one-wheel"), "{shell}");
    }
    let unknown = Command::new(PROGRAM).args(["completions", "tcsh"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(unknown.stderr.starts_with(b"error[usage]: "), "{}", String::from_utf8_lossy(&unknown.stderr));
}

/// What bash offers behind `words`, the last of which is begun.
fn offered(script: &Path, words: &[&str]) -> BTreeSet<String> {
    let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let program = format!(
        "source '{}'; COMP_WORDS=({list}); COMP_CWORD={}; registered=$(complete -p wasm-pyfix); registered=${{registered#*-F }}; \
         ${{registered%% *}} wasm-pyfix '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2]
    );
    let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect()
}

#[test]
fn bash_completes_subcommands_and_options() {
    if Command::new("bash").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("there is no bash, so that its completions were not tried");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("wasm-pyfix.bash");
    std::fs::write(&script, completions("bash")).unwrap();
    let expect = |words: &[&str], expected: &[&str]| {
        assert_eq!(offered(&script, words), expected.iter().map(|word| word.to_string()).collect(), "{words:?}");
    };
    expect(&["wasm-pyfix", "che"], &["check"]);
    expect(&["wasm-pyfix", "target"], &["target", "targets"]);
    expect(&["wasm-pyfix", "--one"], &["--one-wheel"]);
    expect(&["wasm-pyfix", "help", "e"], &["environment", "exceptions", "exit-codes", "explain"]);
    expect(&["wasm-pyfix", "check", "--aga"], &["--against-next"]);
    expect(&["wasm-pyfix", "upgrade", "--tag-style", "p"], &["pep783"]);
}

/// A page is one for `man`: its heads are those of manual pages, and its options those of the command.
#[test]
fn every_subcommand_and_topic_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    man_pages::write(directory.path()).unwrap();
    for topic in &wasm_pyfix::topics::TOPICS {
        let path = directory.path().join(format!("wasm-pyfix-{}.7", topic.name));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).replace('\\', "");
        assert!(text.contains(&format!("wasm-pyfix-{} - {}", topic.name, topic.summary())), "{text}");
        let items = topic.page.lines().filter(|line| line.starts_with("- ")).count();
        assert_eq!(text.matches(".IP - 2").count(), items, "{text}");
    }
    let page = |name: &str| {
        let path = directory.path().join(format!("{name}.1"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let whole = page("wasm-pyfix");
    let plain = |text: &str| text.replace('\\', "");
    assert!(whole.contains(".TH wasm-pyfix 1") && whole.contains(".SH SYNOPSIS") && whole.contains(".SH SUBCOMMANDS"));
    assert!(plain(&whole).contains("an input was refused: it is in order"), "the exit codes are missing");
    for command in wasm_pyfix::cli::command().get_subcommands() {
        let text = plain(&page(&format!("wasm-pyfix-{}", command.get_name())));
        let options = command.get_arguments().filter(|argument| !argument.is_hide_set()).filter_map(|argument| argument.get_long());
        for option in options {
            assert!(text.contains(&format!("--{option}")), "{}: {option}", command.get_name());
        }
    }
}
