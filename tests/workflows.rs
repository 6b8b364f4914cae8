//! The files in `.github`: they are what their readers expect, and they run what `.ci/run` and CONTRIBUTING.md say, so that nobody learns only
//! after a push what a change must pass.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use yaml_rust2::{Yaml, YamlLoader};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The one document of a file.
fn yaml(path: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let [document] = <[Yaml; 1]>::try_from(documents).unwrap_or_else(|all| panic!("{path} has {} documents", all.len()));
    document
}

/// The files of a directory, by their names.
fn files(directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.iter().map(|path| format!("{directory}/{}", path.file_name().unwrap().to_str().unwrap())).collect()
}

fn text<'y>(yaml: &'y Yaml, what: &str) -> &'y str {
    yaml.as_str().unwrap_or_else(|| panic!("{what} is no text: {yaml:?}"))
}

/// All steps of a workflow, each with the name of its job.
fn steps(workflow: &Yaml) -> Vec<(String, Yaml)> {
    let jobs = workflow["jobs"].as_hash().expect("a workflow has jobs");
    let of_job = |(name, job): (&Yaml, &Yaml)| {
        let name = text(name, "the name of a job").to_string();
        assert!(!text(&job["runs-on"], &name).is_empty());
        let steps = job["steps"].as_vec().unwrap_or_else(|| panic!("{name} has no steps")).clone();
        steps.into_iter().map(move |step| (name.clone(), step))
    };
    jobs.iter().flat_map(of_job).collect()
}

/// The commands that a workflow runs, a line each.
fn commands(path: &str) -> Vec<String> {
    let runs = steps(&yaml(path)).into_iter().filter_map(|(_, step)| Some(step["run"].as_str()?.to_string()));
    runs.collect::<Vec<_>>().iter().flat_map(|run| run.lines()).map(|line| line.trim().to_string()).collect()
}

/// The commands of cargo in a text, without comments behind them.
fn cargo_commands(text: &str) -> HashSet<String> {
    let lines = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split("&&"));
    let plain = |line: &str| line.trim().replace("cargo +1.90 ", "cargo ");
    lines.map(plain).filter(|line| line.starts_with("cargo ")).collect()
}

#[test]
fn workflows_are_well_formed_and_need_no_secrets() {
    let workflows = files(".github/workflows");
    assert!(workflows.len() >= 2, "{workflows:?}");
    for path in workflows {
        let workflow = yaml(&path);
        text(&workflow["name"], &path);
        assert!(workflow["on"].as_hash().is_some() && workflow["permissions"].as_hash().is_some(), "{path}");
        assert!(!read(&path).contains("secrets."), "{path}");
        for (job, step) in steps(&workflow) {
            let (uses, run) = (step["uses"].as_str(), step["run"].as_str());
            assert!(uses.is_some() != run.is_some(), "{path}, {job}: {step:?}");
            let Some((_, version)) = uses.map(|uses| uses.rsplit_once('@').unwrap_or_else(|| panic!("{path}: {uses}"))) else {
                continue;
            };
            let is_tag = version.strip_prefix('v').is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()));
            // Toolchains are named by the action's branches.
            let is_toolchain = uses.is_some_and(|uses| uses.starts_with("dtolnay/rust-toolchain@"));
            assert!(is_tag || is_toolchain, "{path}: {uses:?} has no version");
        }
    }
}

#[test]
fn workflows_run_what_a_change_must_pass() {
    let run: HashSet<String> = commands(".github/workflows/ci.yml").into_iter().collect();
    let required = cargo_commands(&read(".ci/run"));
    assert!(required.len() >= 3 && required.is_subset(&run), "of {required:?} only {run:?} are run");
    let documented = cargo_commands(&read("CONTRIBUTING.md"));
    let undocumented: Vec<&String> = run.difference(&documented).collect();
    assert!(undocumented.is_empty(), "CONTRIBUTING.md does not have {undocumented:?}");
    let oldest =
        read("Cargo.toml").lines().find_map(|line| Some(line.strip_prefix("rust-version = \"")?.trim_end_matches('"').to_string()));
    let toolchain = format!("dtolnay/rust-toolchain@{}", oldest.unwrap());
    let used: Vec<Yaml> = steps(&yaml(".github/workflows/ci.yml")).into_iter().map(|(_, step)| step["uses"].clone()).collect();
    assert!(used.iter().any(|uses| uses.as_str() == Some(&toolchain)), "{toolchain} is not in {used:?}");
    let text = read(".github/workflows/ci.yml");
    assert!(["ubuntu", "macos", "windows"].iter().all(|system| text.contains(system)));
}

/// What is packed is there, under these names.
#[test]
fn releases_have_what_they_pack() {
    let commands = commands(".github/workflows/release.yml");
    let packed = commands.iter().find_map(|line| line.strip_prefix("cp ")?.strip_suffix(" \"$name\"")).unwrap();
    assert!(packed.split(' ').count() > 2 && packed.split(' ').all(|file| root().join(file).is_file()), "{packed}");
    let binary = Path::new(env!("CARGO_BIN_EXE_wasm-pyfix")).file_stem().unwrap().to_str().unwrap();
    assert!(commands.iter().any(|line| line.contains(&format!("/release/{binary}$"))), "{commands:?}");
    assert!(commands.iter().any(|line| line.starts_with("cargo build --release --locked")), "{commands:?}");
}

#[test]
fn templates_and_updates_are_well_formed() {
    let templates: Vec<String> =
        files(".github/ISSUE_TEMPLATE").into_iter().filter(|path| !path.ends_with("/config.yml")).collect();
    assert_eq!(templates.len(), 3, "{templates:?}");
    for path in templates {
        let template = yaml(&path);
        assert!(!text(&template["name"], &path).is_empty() && !text(&template["description"], &path).is_empty());
        let mut ids = HashSet::new();
        for field in template["body"].as_vec().unwrap_or_else(|| panic!("{path} asks nothing")) {
            assert!(["input", "textarea"].contains(&text(&field["type"], &path)), "{path}: {field:?}");
            assert!(ids.insert(text(&field["id"], &path).to_string()), "{path}: {field:?}");
            text(&field["attributes"]["label"], &path);
        }
    }
    assert!(yaml(".github/ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"].as_bool().is_some());
    let updates = yaml(".github/dependabot.yml");
    let ecosystems: Vec<&str> =
        updates["updates"].as_vec().unwrap().iter().map(|update| text(&update["package-ecosystem"], "an update")).collect();
    assert_eq!((updates["version"].as_i64(), ecosystems), (Some(2), vec!["cargo", "github-actions"]));
}
