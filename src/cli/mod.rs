//! Command-line arguments: what can be asked for, and which combinations are usage errors.
//!
//! `upgrade` is the subcommand meant when none is named. A subcommand is recognised as the first argument only; everything else is
//! a file name. The names in [`SUBCOMMANDS`] are taken wherever they stand, so that a misplaced one is no file name: a file of such
//! a name is written `./check`, or comes after an explicit `upgrade`.

mod contradictions;
mod reading;
mod recorded;
mod size;
mod targets;
mod upgrade;
mod verify;

use crate::plain::plain;
use crate::topics::{self, Topic};
use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use contradictions::{reject_contradictions, reject_second_stdin};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

pub use reading::{CheckArgs, DiffArgs, ShowArgs};
pub use size::{OrderFor, SizeArgs, StripMode};
pub use targets::{TargetArgs as TargetFileArgs, TargetsArgs};
pub use upgrade::{ModuleArgs, OutputArgs, ReportArgs, TargetArgs, UpgradeArgs, WheelArgs};
pub use verify::VerifyArgs;

/// Names of subcommands.
const SUBCOMMANDS: [&str; 10] =
    ["upgrade", "check", "show", "diff", "verify", "explain", "target", "targets", "completions", "help"];

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  an input could not be read, understood or written
  2  wrong usage
  3  an input was refused: it is in order, and upgrading it would not be sound

With several inputs a failing one does not stop the others; when some failed and some
were refused, the exit code is 1.

`wasm-pyfix help TOPIC` prints a page: targets, wheels, exceptions, exit-codes, environment.";

const CHECK_EXIT_CODES: &str = "\
Exit codes:
  0  no errors found (with --strict: no warnings either)
  1  errors found, or an input could not be read
  2  wrong usage";

const SHOW_EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  an input could not be read or understood
  2  wrong usage";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  done, whether or not they differ
  1  an input could not be read or understood
  2  wrong usage";

const VERIFY_EXIT_CODES: &str = "\
Exit codes:
  0  the upgraded wheels do what the originals did, or more
  1  one does not, or could not be tried
  2  wrong usage
  3  one is in order, and upgrading it would not be sound";

const COMPLETIONS_HELP: &str = "\
Where it goes, for example:
  bash  wasm-pyfix completions bash > ~/.local/share/bash-completion/completions/wasm-pyfix
  zsh   wasm-pyfix completions zsh > DIRECTORY-IN-FPATH/_wasm-pyfix
  fish  wasm-pyfix completions fish > ~/.config/fish/completions/wasm-pyfix.fish";

#[derive(Debug, Parser)]
#[command(
    name = "wasm-pyfix",
    version,
    about = "Upgrades the WebAssembly side modules of Pyodide wheels after linking",
    long_about = "Upgrades the WebAssembly side modules of Pyodide wheels after linking.\n\n\
        Reads side modules (.so), wheels (.whl) and Pyodide's archives of shared libraries (.zip) that were built for an older \
        Emscripten platform, and writes them so that the runtime named by --target loads and runs them. No source, compiler or \
        Emscripten is needed. What is already in order comes out byte for byte as it went in.",
    override_usage = "wasm-pyfix [upgrade] [OPTIONS] <IN>... -o <OUT>\n       wasm-pyfix [upgrade] [OPTIONS] <IN>... --in-place\n       wasm-pyfix check [OPTIONS] <FILE>...\n       wasm-pyfix show [OPTIONS] <FILE>...",
    after_long_help = EXIT_CODES,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    upgrade: UpgradeArgs,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Upgrade modules, wheels and archives; meant when no subcommand is named
    #[command(
        override_usage = "wasm-pyfix upgrade [OPTIONS] <IN>... -o <OUT>\n       wasm-pyfix upgrade [OPTIONS] <IN>... --in-place",
        after_long_help = EXIT_CODES
    )]
    Upgrade(Box<UpgradeArgs>),
    /// Tell what will not load or run, why, and what to do about it
    #[command(after_long_help = CHECK_EXIT_CODES)]
    Check(CheckArgs),
    /// Explain what a code in brackets means, of `check` and of `upgrade`
    Explain(ExplainArgs),
    /// Tell what is in modules, wheels and archives, and what `upgrade` would do with them
    #[command(after_long_help = SHOW_EXIT_CODES)]
    Show(ShowArgs),
    /// Tell what differs between two modules, wheels, archives, directories or lock files: tags, symbols, sizes
    #[command(after_long_help = DIFF_EXIT_CODES)]
    Diff(DiffArgs),
    /// Try wheels and what `upgrade` makes of them in a real Pyodide under Node.js, and compare what they do
    #[command(after_long_help = VERIFY_EXIT_CODES)]
    Verify(VerifyArgs),
    /// Write the manifest of a main module with its JavaScript, which `--target` then takes
    #[command(after_long_help = SHOW_EXIT_CODES)]
    Target(TargetFileArgs),
    /// List the platforms that `--target` knows, or compare two of them
    #[command(after_long_help = SHOW_EXIT_CODES)]
    Targets(TargetsArgs),
    /// Print what has a shell complete the command line
    #[command(after_long_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Print the help of a subcommand, or a page on a topic
    #[command(after_long_help = topics_help())]
    Help(HelpArgs),
}

/// Arguments of `help`.
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A subcommand or a topic; what `--help` prints if there is none
    #[arg(value_name = "SUBCOMMAND|TOPIC", value_parser = PossibleValuesParser::new(subjects()), hide_possible_values = true)]
    pub subject: Option<String>,
}

/// What `help` knows: topics, and subcommands but for those of the same name.
fn subjects() -> impl Iterator<Item = &'static str> {
    let subcommands = SUBCOMMANDS.into_iter().filter(|name| topics::find(name).is_none());
    topics::TOPICS.iter().map(|topic| topic.name).chain(subcommands)
}

/// The topics, with what they are about.
fn topics_help() -> String {
    let longest = topics::TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or(0);
    let line = |topic: &Topic| format!("\n  {:<longest$}  {}", topic.name, topic.summary());
    format!("Topics:{}", topics::TOPICS.iter().map(line).collect::<String>())
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Codes, such as missing-function; all of them are listed when none is given
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
    }
}

/// The command line as data, of which manual pages and completions are made.
pub fn command() -> clap::Command {
    Cli::command()
}

/// What the command line `args` asks for, the first of which is the program's name.
///
/// # Errors
/// What is wrong with it; and help and version, which are to be printed.
pub fn parse<I, T>(args: I) -> Result<Command, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    if let Some(name) = args.get(1) {
        reject_misspelt_subcommand(name)?;
    }
    let program = args.first().cloned().unwrap_or_default();
    let cli = Cli::try_parse_from(args)?;
    let command = match cli.command {
        Some(Command::Help(help)) => return topic(program, help),
        Some(command) => command,
        None => {
            reject_subcommand_names(&cli.upgrade.inputs)?;
            Command::Upgrade(Box::new(cli.upgrade))
        }
    };
    match &command {
        Command::Upgrade(args) => reject_contradictions(args)?,
        Command::Check(args) => reject_second_stdin(&args.inputs)?,
        Command::Explain(_) | Command::Completions(_) | Command::Help(_) | Command::Target(_) | Command::Targets(_) => {}
        Command::Show(args) => reject_second_stdin(&args.inputs)?,
        Command::Diff(args) => reject_second_stdin(&[args.old.clone(), args.new.clone()])?,
        Command::Verify(args) if args.upgraded.is_some() && args.inputs.len() > 1 => {
            return Err(usage("`--upgraded` names one wheel, and several are to be tried: give one"));
        }
        Command::Verify(_) => {}
    }
    Ok(command)
}

/// The command for a topic of `help`. All else is what `--help` prints, which is no command.
fn topic(program: OsString, help: HelpArgs) -> Result<Command, clap::Error> {
    let subcommand = match &help.subject {
        Some(subject) if topics::find(subject).is_some() => return Ok(Command::Help(help)),
        subject => subject.as_deref().map(OsString::from),
    };
    let words = [Some(program), subcommand, Some("--help".into())];
    Cli::try_parse_from(words.into_iter().flatten()).map(|_| Command::Help(help))
}

/// The arguments of `upgrade` that the command line `words` gives; the first word is the program's name.
///
/// # Errors
/// When they are no command line of `upgrade`, or contradict each other.
pub fn upgrade_args<I, T>(words: I) -> Result<UpgradeArgs, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    match parse(words)? {
        Command::Upgrade(args) => Ok(*args),
        _ => Err(usage("`upgrade` is missing")),
    }
}

/// Fails when the first argument, `name`, is no file and almost a subcommand.
fn reject_misspelt_subcommand(name: &OsStr) -> Result<(), clap::Error> {
    const MOST_EDITS: usize = 2;
    let is_word = |text: &&str| text.len() > MOST_EDITS && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let Some(text) = name.to_str().filter(is_word).filter(|text| !SUBCOMMANDS.contains(text) && !Path::new(text).exists()) else {
        return Ok(());
    };
    let edits = |subcommand: &&str| strsim::osa_distance(text, subcommand);
    match SUBCOMMANDS.into_iter().min_by_key(edits).filter(|nearest| edits(nearest) <= MOST_EDITS) {
        Some(nearest) => Err(usage(&format!("there is neither a subcommand nor a file `{text}`; did you mean `{nearest}`?"))),
        None => Ok(()),
    }
}

fn reject_subcommand_names(inputs: &[PathBuf]) -> Result<(), clap::Error> {
    match inputs.iter().find_map(|input| SUBCOMMANDS.iter().find(|name| input.as_os_str() == **name)) {
        None => Ok(()),
        Some(name) => Err(usage(&format!(
            "`{name}` is the name of a subcommand, of this release or a later one; for a file of that name write `./{name}` or \
             `wasm-pyfix upgrade {name}`"
        ))),
    }
}

/// A usage error in the form of clap's own, so that all of them look alike. What it quotes of the arguments is made safe to print.
pub(crate) fn usage(message: &str) -> clap::Error {
    command().error(clap::error::ErrorKind::ArgumentConflict, plain(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<UpgradeArgs, String> {
        match parse(std::iter::once("wasm-pyfix").chain(words.split(' '))) {
            Ok(Command::Upgrade(args)) => Ok(*args),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn arguments_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn upgrade_is_meant_when_no_subcommand_is_named() {
        let named = parse_words("upgrade --exnref a.so b.so -o out").unwrap();
        let meant = parse_words("--exnref a.so b.so -o out").unwrap();
        assert_eq!(format!("{named:?}"), format!("{meant:?}"));
        assert!(meant.module.exnref);
        assert_eq!(meant.inputs, ["a.so", "b.so"].map(PathBuf::from));
    }

    #[test]
    fn subcommand_names_are_taken_wherever_they_stand() {
        for words in ["-v check -o out", "-v show -o out", "a.so explain -o out", "-v upgrade a.so -o out"] {
            let error = parse_words(words).unwrap_err();
            assert!(error.contains("is the name of a subcommand"), "{words}: {error}");
        }
        assert_eq!(parse_words("./check -o out").unwrap().inputs, [PathBuf::from("./check")]);
        assert_eq!(parse_words("upgrade check -o out").unwrap().inputs, [PathBuf::from("check")]);
        assert_eq!(parse_words("upgrade upgrade -o out").unwrap().inputs, [PathBuf::from("upgrade")]);
    }

    #[test]
    fn misspelt_subcommands_are_recognised() {
        for (words, meant) in
            [("chek a.so", "check"), ("shwo --json a.so", "show"), ("upgrad a.whl -o d", "upgrade"), ("explian", "explain")]
        {
            let error = parse_words(words).unwrap_err();
            assert!(error.contains(&format!("did you mean `{meant}`?")), "{words}: {error}");
        }
        for file in ["cheque", "./chek", "shown.so", "a", "-v"] {
            let error = parse_words(file).unwrap_err();
            assert!(!error.contains("did you mean"), "{file}: {error}");
        }
    }

    #[test]
    fn levels_and_places_are_asked_for_in_words() {
        assert!(parse_words("a.so -o b.so -Oz").unwrap_err().contains("expected 0, for the upgrade and nothing else, or 1"));
        assert!(parse_words("a.so").unwrap_err().contains("where is the result to go? Give a file or a directory to `-o`"));
        assert_eq!(parse_words("a.so --in-place -O0").unwrap().size.optimize, 0);
    }

    #[test]
    fn help_is_a_subcommand() {
        for (words, same) in [("help", "--help"), ("help check", "check --help"), ("help help", "help --help")] {
            let help = parse_words(words).unwrap_err();
            assert!(help.contains("Usage: wasm-pyfix") && parse_words(same).unwrap_err() == help, "{words}: {help}");
        }
        assert!(parse_words("help targts").unwrap_err().contains("a similar value exists: 'targets'"));
    }

    /// `targets` is a subcommand, too, whose help `--help` prints.
    #[test]
    fn topics_are_named_where_help_is_asked_for() {
        let whole = parse_words("--help").unwrap_err();
        for topic in &topics::TOPICS {
            let asked = parse(["wasm-pyfix", "help", topic.name]);
            assert!(matches!(asked, Ok(Command::Help(HelpArgs { subject: Some(name) })) if name == topic.name));
            assert!(whole.contains(topic.name) && topics_help().contains(topic.summary()), "{}", topic.name);
        }
    }

    /// The page has what `--help` says.
    #[test]
    fn exit_codes_are_the_same_everywhere() {
        let page = topics::find("exit-codes").unwrap().page;
        for help in [EXIT_CODES, CHECK_EXIT_CODES, SHOW_EXIT_CODES, DIFF_EXIT_CODES, VERIFY_EXIT_CODES] {
            let codes: Vec<(&str, &str)> = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  ")).collect();
            let listed: String = codes.iter().map(|(code, meaning)| format!("- {code}: {meaning}\n")).collect();
            assert!(!codes.is_empty() && page.contains(&listed), "{listed}");
        }
    }

    #[test]
    fn runtime_paths_keep_their_order() {
        let args = parse_words("a.so -o b.so --rpath $ORIGIN/z --rpath $ORIGIN/a").unwrap();
        assert_eq!(args.module.rpath, ["$ORIGIN/z", "$ORIGIN/a"]);
    }
}
