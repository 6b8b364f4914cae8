//! What goes to crates.io: the sources, the licences and what describes them, and nothing of what tests need.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The crates that are published, with their directories.
const CRATES: [(&str, &str); 2] = [("wasm-pyfix", "."), ("wasm-pyfix-passes", "passes")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs cargo here, and gives what it prints.
#[track_caller]
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is packed of a crate, by its paths in there.
fn packed(name: &str) -> BTreeSet<String> {
    let list = cargo(&["package", "--list", "--allow-dirty", "--offline", "--package", name]);
    list.lines().map(|line| line.replace('\\', "/")).collect()
}

#[test]
fn packages_have_sources_and_licences_and_no_test_data() {
    for (name, directory) in CRATES {
        let packed = packed(name);
        let expected = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"];
        assert!(expected.iter().all(|file| packed.contains(*file)), "{name}: {packed:?}");
        let of_cargo = ["Cargo.toml.orig", ".cargo_vcs_info.json"];
        let known = |path: &str| {
            path.starts_with("src/")
                || expected.contains(&path)
                || of_cargo.contains(&path)
                || path == "CHANGELOG.md"
                || path.starts_with("docs/topics/")
        };
        let others: Vec<&String> = packed.iter().filter(|path| !known(path)).collect();
        assert!(others.is_empty(), "{name}: {others:?}");
        // What the code includes of other directories is there.
        let outside = |path: &&String| path.starts_with("docs/");
        let expected = if name == "wasm-pyfix" { wasm_pyfix::topics::TOPICS.len() } else { 0 };
        assert_eq!(packed.iter().filter(outside).count(), expected, "{name}: {packed:?}");
        let size = |path: &String| std::fs::metadata(root().join(directory).join(path)).map_or(0, |file| file.len());
        let bytes: u64 = packed.iter().map(size).sum();
        assert!(bytes < 2_000_000, "{name} has {bytes} bytes before compression");
    }
}

#[test]
fn licences_are_the_same_everywhere() {
    for name in ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert_eq!(read(name), read(&format!("passes/{name}")), "{name}");
    }
}

/// What a registry wants to know, as cargo reads it; and that nothing but the two crates can be published.
#[test]
fn manifests_describe_the_crates() {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let published: BTreeSet<&str> =
        packages.iter().filter(|package| package["publish"].is_null()).map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(published, CRATES.map(|(name, _)| name).into());
    for package in packages.iter().filter(|package| package["publish"].is_null()) {
        for key in ["description", "license", "readme", "rust_version"] {
            assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "{}: {key}", package["name"]);
        }
        let words = package["keywords"].as_array().unwrap();
        // crates.io takes no more than five, of no more than twenty characters.
        assert!((1..=5).contains(&words.len()) && words.iter().all(|word| word.as_str().unwrap().len() <= 20), "{words:?}");
        assert!(!package["categories"].as_array().unwrap().is_empty(), "{}", package["name"]);
    }
}

/// Whoever takes the engine gets no parser of command lines, and without its features no thread pool.
#[test]
fn the_engine_needs_little() {
    let tree = |options: &[&str]| {
        let all =
            [&["tree", "--package", "wasm-pyfix-passes", "--edges", "normal", "--prefix", "none", "--offline"], options].concat();
        let names = cargo(&all);
        names.lines().filter_map(|line| Some(line.split(' ').next()?.to_string())).collect::<BTreeSet<_>>()
    };
    let (whole, least) = (tree(&[]), tree(&["--no-default-features"]));
    for name in ["clap", "indicatif", "anyhow", "serde_json", "zip", "terminal_size"] {
        assert!(!whole.contains(name), "{name}");
    }
    assert!(whole.contains("rayon") && !least.iter().any(|name| name.contains("rayon") || name.contains("crossbeam")), "{least:?}");
}

/// What cargo-binstall looks for is what the release workflow makes.
#[test]
fn binaries_are_where_binstall_looks() {
    let manifest = read("Cargo.toml");
    let value = |key: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key} = \""))).unwrap();
        let filled = line.trim_end_matches('"').replace("{ name }", "wasm-pyfix").replace("v{ version }", "TAG");
        filled.replace("{ target }", "TARGET")
    };
    let workflow = read(".github/workflows/release.yml");
    let name = workflow.lines().find_map(|line| line.trim().strip_prefix("name=\"")).unwrap().trim_end_matches('"');
    let name = name.replace("${GITHUB_REF_NAME}", "TAG").replace("${{ matrix.target }}", "TARGET");
    assert_eq!(value("pkg-url"), format!("{{ repo }}/releases/download/TAG/{name}.tar.gz"));
    assert_eq!(value("bin-dir"), format!("{name}/{{ bin }}{{ binary-ext }}"));
    assert!(workflow.contains("tar -czf \"$name.tar.gz\" \"$name\""));
}
