//! Several libraries of one name in a wheel.

use super::support::*;

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// A wheel in which `c` needs a library that `a` and `b` have, `second` being that of `b`.
fn namesakes(second: &[u8]) -> Vec<u8> {
    let caller = module(&["x.so"], &["PyInit_m"]);
    let files: [(&str, &[u8]); 3] = [("c/m.abi3.so", &caller), ("a.libs/x.so", &module(&[], &["which"])), ("b.libs/x.so", second)];
    files.into_iter().fold(Wheel::new(NAME), |wheel, (name, contents)| wheel.file(name, contents)).build()
}

#[test]
fn libraries_that_differ_are_refused_where_nothing_tells_which_is_meant() {
    let input = namesakes(&module(&[], &["which", "another"]));
    let error = fail(NAME, &input, &options());
    assert!(is_refused(&error), "{error:#}");
    let message = format!("{error:#}");
    assert!(message.contains("`c/m.abi3.so` needs `x.so`, which the archive has 2 times with different contents"), "{message}");
    let mut asked = options();
    asked.module.runtime_path = vec!["$ORIGIN/../b.libs".to_string()];
    let new = entries(&run(NAME, &input, &asked).bytes);
    assert!(runtime_path(&new, "c/m.abi3.so")[0].ends_with("/b.libs"));
}

/// A package may be called otherwise than its distribution, whose libraries are where repair tools put them.
#[test]
fn the_library_of_the_distribution_is_preferred() {
    let (library, other) = (module(&[], &["which"]), module(&[], &["which", "another"]));
    for libs in ["demo.libs", "Demo.libs"] {
        let path = format!("{libs}/x.so");
        let files = [("c/m.abi3.so", &module(&["x.so"], &["PyInit_m"])), ("a.libs/x.so", &other), (&*path, &library)];
        let input = files.into_iter().fold(Wheel::new(NAME), |wheel, (name, contents)| wheel.file(name, contents)).build();
        let new = entries(&run(NAME, &input, &options()).bytes);
        assert!(runtime_path(&new, "c/m.abi3.so")[0].ends_with(&format!("/{libs}")), "{libs}");
    }
}

/// Two spellings of a package have a directory of libraries each.
#[test]
fn libraries_of_one_package_that_differ_are_refused() {
    let (library, other) = (module(&[], &["which"]), module(&[], &["which", "another"]));
    for directories in [["A-b.libs", "a_b/.libs"], ["c.libs", "c/.libs"]] {
        let [one, two] = directories.map(|directory| format!("{directory}/x.so"));
        let files = [("c/m.abi3.so", &module(&["x.so"], &["PyInit_m"])), (&*one, &library), (&*two, &other)];
        let input = files.into_iter().fold(Wheel::new(NAME), |wheel, (name, contents)| wheel.file(name, contents)).build();
        let error = fail(NAME, &input, &options());
        assert!(is_refused(&error), "{directories:?}: {error:#}");
    }
}

#[test]
fn any_of_equal_libraries_is_taken() {
    let result = run(NAME, &namesakes(&module(&[], &["which"])), &options());
    assert!(runtime_path(&entries(&result.bytes), "c/m.abi3.so")[0].ends_with("/a.libs"));
    assert!(!result.notices.iter().any(|notice| notice.message.contains("x.so")), "{:?}", result.notices);
}
