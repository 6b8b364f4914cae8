//! `check` over real wheels and under real runtimes. The findings of each code are in `cli/check-*.wat`.

#[test]
fn pinned_wheels_can_be_had() {
    for name in support::pypi::names().unwrap() {
        let wheel = support::pypi::wheel(&name).unwrap();
        let stem = wheel.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(stem.starts_with(&name) && stem.ends_with("-pyemscripten_2025_0_wasm32"), "{stem}");
    }
}
