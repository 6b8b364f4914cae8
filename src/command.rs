//! The program: a command line is read, and what it asks for is run.

use crate::cli::{self, Command};
use crate::exit::EXIT_DONE;
use crate::plain::Paper;
use crate::target::{commands, diff as target_diff};
use crate::{check, diff, output, report, run as upgrade, show, topics, usage, verify};
use std::ffi::OsString;
use std::io::Write;

/// Runs the command line `args`, the first of which is the program's name, and returns the exit code.
pub fn run<I, T>(args: I) -> i32
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    match cli::parse(&args) {
        Ok(Command::Upgrade(args)) => upgrade::run(&args),
        Ok(Command::Check(args)) => check::run::run(&args),
        Ok(Command::Explain(args)) => check::explain::run(&args),
        Ok(Command::Show(args)) => show::run::run(&args),
        Ok(Command::Diff(args)) => diff::run::run(&args),
        Ok(Command::Verify(args)) => verify::run::run(&args),
        Ok(Command::Target(args)) => commands::write(&args),
        Ok(Command::Targets(args)) => commands::targets(&args),
        Ok(Command::Completions(args)) => complete(args.shell),
        Ok(Command::Help(args)) => page(args.subject.as_deref().unwrap_or_default()),
        Err(error) if error.use_stderr() => usage::tell(&error, asked_for_json(&args)),
        // Help and version are no failure.
        Err(error) => {
            let printed = error.print().and_then(|()| std::io::stdout().flush());
            output::printed(printed.map_err(Into::into), EXIT_DONE)
        }
    }
}

/// Prints the page on the topic `name`.
fn page(name: &str) -> i32 {
    let text = topics::find(name).map(|topic| topic.text(Paper::behind(&std::io::stdout()))).unwrap_or_default();
    let mut stdout = anstream::AutoStream::auto(std::io::stdout());
    output::printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Into::into), EXIT_DONE)
}

/// Prints the completions for `shell`.
fn complete(shell: clap_complete::Shell) -> i32 {
    let mut command = cli::command();
    let name = command.get_name().to_string();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    // For bash, clap_complete 4.6.5 to 4.6.12 spell the hyphen of a program's name in two ways, and then offer nothing behind subcommands.
    let script = String::from_utf8_lossy(&script).replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
    output::print_text(&script)
}

/// The version of the reports of the command that is meant, if they were to be in JSON.
fn asked_for_json(args: &[OsString]) -> Option<u32> {
    let mut options = args.iter().take_while(|argument| *argument != "--");
    let version = match args.get(1).and_then(|first| first.to_str()) {
        Some("check") => check::report::SCHEMA_VERSION,
        Some("show") => show::SCHEMA_VERSION,
        Some("diff") => diff::SCHEMA_VERSION,
        Some("verify") => verify::SCHEMA_VERSION,
        Some("targets") => target_diff::SCHEMA_VERSION,
        _ => report::SCHEMA_VERSION,
    };
    options.any(|argument| argument == "--json").then_some(version)
}
