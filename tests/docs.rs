//! The pages for people: links lead somewhere, every page is part of the site, command lines are ones that the program takes, and codes are ones
//! that it knows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use clap::error::{ContextKind, ErrorKind};
use support::modules::files_below;
use wasm_pyfix::codes::{self, Severity};
use wasm_pyfix::report::PassReport;
use wasm_pyfix::topics::TOPICS;
use wasm_pyfix_passes::{Kept, Left, Notice, Outcome};

/// Pages beside those of the site.
const OTHERS: [&str; 4] = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "passes/README.md"];

/// What the site consists of.
const SUMMARY: &str = "docs/SUMMARY.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages of the site, as paths in the repository.
fn site() -> BTreeSet<String> {
    let files = files_below(&root().join("docs")).unwrap_or_else(|error| panic!("{error:#}"));
    let names = files.iter().map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"));
    names.filter(|name| name.ends_with(".md") && name != SUMMARY).collect()
}

/// All pages with their texts.
fn pages() -> BTreeMap<String, String> {
    let others = OTHERS.into_iter().chain([SUMMARY]).map(str::to_string);
    site().into_iter().chain(others).map(|path| (path.clone(), read(&path))).collect()
}

/// A line of a page, and whether it is code: fenced, or indented without being part of a list.
fn lines(page: &str) -> Vec<(bool, &str)> {
    let (mut fenced, mut in_list, mut lines) = (false, false, Vec::new());
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !line.is_empty() && !line.starts_with(' ') {
            in_list = line.starts_with("- ") || line.starts_with("* ");
        }
        lines.push((fenced || line.starts_with("    ") && !in_list, line));
    }
    lines
}

/// The running text of a page, and what stands between backticks in it.
fn prose(page: &str) -> (String, Vec<String>) {
    let text: Vec<&str> = lines(page).into_iter().filter(|(is_code, _)| !is_code).map(|(_, line)| line).collect();
    let (mut plain, mut spans) = (String::new(), Vec::new());
    for paragraph in text.join("\n").split("\n\n") {
        for (number, part) in paragraph.split('`').enumerate() {
            match number % 2 {
                0 => plain.push_str(part),
                _ => spans.push(part.replace('\n', " ")),
            }
        }
        plain.push_str("\n\n");
    }
    (plain, spans)
}

/// What GitHub and mdBook call a heading in addresses.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.flat_map(char::to_lowercase).map(|character| if character == ' ' { '-' } else { character }).collect()
}

/// The anchors of a page.
fn anchors(page: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    for (_, line) in lines(page).into_iter().filter(|(is_code, line)| !is_code && line.starts_with('#')) {
        let name = anchor(line.trim_start_matches('#'));
        let free = (0..).map(|count| if count == 0 { name.clone() } else { format!("{name}-{count}") });
        found.insert(free.into_iter().find(|name| !found.contains(name)).unwrap());
    }
    found
}

/// Where the links of a page lead.
fn links(page: &str) -> Vec<String> {
    let (plain, _) = prose(page);
    plain.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.replace('\n', ""))).collect()
}

/// `path`, which is relative to the page `from`, as a path in the repository.
fn resolved(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => assert!(parts.pop().is_some(), "{from}: {path} leaves the repository"),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let site = site();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (from, text) in &pages {
        for link in links(text).iter().filter(|link| !link.contains("://")) {
            count += 1;
            let (path, place) = link.split_once('#').map_or((&**link, None), |(path, place)| (path, Some(place)));
            let to = if path.is_empty() { from.clone() } else { resolved(from, path) };
            let has_place = |place: &str| pages.get(&to).is_some_and(|page| anchors(page).contains(place));
            if !root().join(&to).exists() || !place.is_none_or(has_place) {
                wrong.push(format!("{from}: {link}"));
            }
            // What is not in `docs` is not on the site.
            if from.starts_with("docs/") && !site.contains(&to) {
                wrong.push(format!("{from}: {link} leaves the site"));
            }
        }
    }
    assert!(wrong.is_empty() && count > 300, "{count} links, and {wrong:#?}");
}

#[test]
fn every_page_is_on_the_site() {
    let summary = read(SUMMARY);
    let listed: Vec<String> = links(&summary).iter().map(|link| resolved(SUMMARY, link)).collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), once.len(), "{listed:?}");
    assert_eq!(once, site());
    let book = read("book.toml");
    assert!(book.contains("src = \"docs\"") && book.contains("create-missing = false"));
    let workflow = read(".github/workflows/site.yml");
    assert!(
        book.contains("build-dir = \"target/book\"") && workflow.contains("path: target/book") && workflow.contains("mdbook build")
    );
    // The first page leads to one for each kind of reader.
    let first: HashSet<String> = links(&read("docs/introduction.md")).into_iter().collect();
    for page in ["authors.md", "distributions.md", "pages.md", "engine.md", "migrate.md", "troubleshooting.md"] {
        assert!(first.contains(page), "{page}");
    }
}

/// What README says that the example fetches: nothing but packages of the tests, in the same versions.
#[test]
fn the_example_runs_what_tests_run() {
    let packages = |path: &str| serde_json::from_str::<serde_json::Value>(&read(path)).unwrap()["packages"].clone();
    let all = packages("tests/npm/package-lock.json");
    for (name, package) in packages("tests/npm/demo/package-lock.json").as_object().unwrap() {
        assert!(name.is_empty() || all[name] == *package, "{name}: {package} and {}", all[name]);
    }
    assert!(read("examples/upgrade_pymupdf.rs").contains("npm::packages_of_the_demo()"));
}

/// A command line of a shell in words, up to where another command or a comment begins; `None` where a quote does not end.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match quote {
            Some(end) if character == end => quote = None,
            Some(_) => word.get_or_insert_default().push(character),
            None => match character {
                '\'' | '"' => {
                    quote = Some(character);
                    word.get_or_insert_default();
                }
                ' ' => words.extend(word.take()),
                '#' if word.is_none() => break,
                '|' | ';' | '>' => break,
                _ => word.get_or_insert_default().push(character),
            },
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// What in a line of code is a command line of the program, and whether it is whole: a message quotes the beginning of one, and `xargs` adds to it.
fn command_of(line: &str) -> Option<(String, bool)> {
    let line = line.trim();
    let begins = [" wasm-pyfix ", "\"wasm-pyfix ", "`wasm-pyfix "];
    let at = if line.starts_with("wasm-pyfix ") { 0 } else { 1 + begins.iter().find_map(|begin| line.find(begin))? };
    let (before, rest) = line.split_at(at);
    let end = before.chars().next_back().filter(|character| "\"`".contains(*character));
    let is_fed = before.contains("xargs ");
    let command = end.map_or(rest, |end| rest.split(end).next().unwrap_or_default());
    let is_command = before.is_empty() || before.ends_with("$ ") || before.ends_with("; do ") || end.is_some() || is_fed;
    is_command.then(|| (command.to_string(), !is_fed && end != Some('`')))
}

/// The command lines of a page, and whether each is whole. What a synopsis may have is there once.
fn command_lines(page: &str) -> Vec<(String, bool)> {
    let code: Vec<&str> = lines(page).into_iter().filter(|(is_code, _)| *is_code).map(|(_, line)| line).collect();
    let code = code.join("\n").replace("\\\n", "");
    let spans = prose(page).1.into_iter().filter(|span| span.starts_with("wasm-pyfix ")).map(|span| (span, false));
    let all = code.lines().filter_map(command_of).chain(spans);
    all.map(|(line, is_whole)| (line.replace(['[', ']', '…'], "").replace("...", ""), is_whole)).collect()
}

/// Why the program does not take a command line, in which words in capitals stand for others.
fn rejected(line: &str) -> Option<clap::Error> {
    let words = words(line).unwrap_or_else(|| panic!("a quote does not end: {line}"));
    let error = wasm_pyfix::cli::parse(words).err().filter(clap::Error::use_stderr)?;
    let value = error.get(ContextKind::InvalidValue).map(|value| value.to_string());
    let is_placeholder = value.is_some_and(|value| value.chars().all(|character| character.is_ascii_uppercase()));
    (!is_placeholder).then_some(error)
}

#[test]
fn command_lines_are_taken() {
    let incomplete = [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    let (mut count, mut wrong) = (0, Vec::new());
    for (path, text) in &pages() {
        for (line, is_whole) in command_lines(text) {
            count += 1;
            if let Some(error) = rejected(&line).filter(|error| is_whole || !incomplete.contains(&error.kind())) {
                wrong.push(format!("{path}: {line}\n{error}"));
            }
        }
    }
    assert!(wrong.is_empty() && count > 150, "{count} command lines, and {}", wrong.join("\n"));
}

#[test]
fn words_are_those_of_a_shell() {
    let of = |line: &str| command_of(line).and_then(|(line, _)| words(&line)).unwrap_or_default();
    assert_eq!(of("    wasm-pyfix check a.whl   # why"), ["wasm-pyfix", "check", "a.whl"]);
    assert_eq!(of("$ wasm-pyfix 'a b' --map \"\" > x"), ["wasm-pyfix", "a b", "--map", ""]);
    assert_eq!(of("command = \"wasm-pyfix {wheel} -o {dir}\""), ["wasm-pyfix", "{wheel}", "-o", "{dir}"]);
    assert!(of("# wasm-pyfix manifest 1").is_empty() && of("cargo run -p wasm-pyfix x").is_empty());
}

/// The codes that a page names as messages do: `error[code]`.
fn named_codes(text: &str) -> Vec<&str> {
    let labels = ["error[", "warning[", "note[", "refused["];
    let behind = labels.iter().flat_map(|label| text.split(label).skip(1));
    behind.filter_map(|rest| Some(rest.split_once(']')?.0)).filter(|name| *name != "…").collect()
}

#[test]
fn codes_are_known() {
    let check = anchors(&read("docs/check.md"));
    for code in codes::all() {
        assert!(check.contains(code.name), "docs/check.md has no section on {}", code.name);
    }
    let mut count = 0;
    for (path, text) in &pages() {
        let explained =
            text.split("wasm-pyfix explain ").skip(1).map(|rest| rest.split(['`', '\n', ' ']).next().unwrap_or_default());
        let explained = explained.filter(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase()));
        for name in named_codes(text).into_iter().chain(explained) {
            count += 1;
            assert!(codes::find(name).is_some(), "{path}: there is no code `{name}`");
        }
    }
    assert!(count > 20, "{count}");
}

/// Whoever looks for the words of a runtime finds all that `check` quotes as an error.
#[test]
fn troubleshooting_has_every_error() {
    let linked: HashSet<String> = links(&read("docs/troubleshooting.md")).into_iter().collect();
    let families =
        codes::FAMILIES.iter().filter(|family| !["Said by `upgrade` only", "The command line"].contains(&family.heading));
    let errors = families.flat_map(|family| family.codes).filter(|code| code.severity == Severity::Error);
    let missing: Vec<&str> = errors.map(|code| code.name).filter(|name| !linked.contains(&format!("check.md#{name}"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What no run at hand reports: passes that leave something and tell something.
#[test]
fn members_of_passes_are_documented() {
    let left = Left { what: Kept::Import, why: "no type".to_string(), count: 1 };
    let notices = vec![Notice::note("never-caught", "nobody catches")];
    let outcome = Outcome { left: vec![left], notices, ..Outcome::new("exceptions") };
    let value = serde_json::to_value(PassReport::from(&outcome)).unwrap();
    let page = read("docs/report.md");
    for part in [&value, &value["left"][0], &value["notices"][0]] {
        for member in part.as_object().unwrap().keys() {
            assert!(page.contains(&format!("| `{member}` |")), "`{member}` is not in docs/report.md");
        }
    }
}

#[test]
fn every_topic_is_a_page() {
    let found: BTreeSet<String> = site().into_iter().filter(|page| page.starts_with("docs/topics/")).collect();
    let topics = TOPICS.iter().map(|topic| format!("docs/topics/{}.md", topic.name));
    assert_eq!(found, topics.collect());
    let index = read("docs/topics.md");
    for topic in &TOPICS {
        let row = format!("- [{0}](topics/{0}.md): {1}\n", topic.name, topic.summary());
        assert!(index.contains(&row), "{row}");
    }
}

#[test]
fn nothing_is_missed() {
    let page = "# A `b` c: d!\n\n[x](#a-b-c-d) `[y](z)`\n\n    [no](code)\n\n```\n# not a heading\n```\n# A b c d\n\n- item\n    [in](list.md)\n";
    assert_eq!(anchors(page), ["a-b-c-d", "a-b-c-d-1"].map(str::to_string).into());
    assert_eq!(links(page), ["#a-b-c-d", "list.md"]);
    assert_eq!(resolved("docs/topics/a.md", "../b.md"), "docs/b.md");
}
