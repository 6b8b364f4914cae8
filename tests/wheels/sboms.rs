//! Bills of materials in wheels.

use super::*;
use serde_json::json;

const BILL: &str = "demo-1.0.dist-info/sboms/demo.cdx.json";

fn extension() -> Vec<u8> {
    module(&[], &["PyInit__ext"])
}

/// A wheel with this bill after an upgrade: its bill, and whether it is said that it may be out of date. A second run changes nothing.
fn upgraded_bill(bill: &str, more: &[(&str, &[u8])]) -> (String, bool) {
    let wheel = Wheel::new(OLD).file("demo/_ext.abi3.so", &extension()).file(BILL, bill.as_bytes());
    let wheel = more.iter().fold(wheel, |wheel, (name, contents)| wheel.file(name, contents));
    let result = run(OLD, &wheel.build(), &options());
    let new = entries(&result.bytes);
    check_record(&new);
    assert!(!run(&result.file_name, &result.bytes, &options()).changed);
    (text(&new, BILL), result.notices.iter().any(|notice| notice.code == "old-sbom"))
}

#[test]
fn hashes_of_modules_follow() {
    let (old, new) = (hex_sha256(&extension()), hex_sha256(&upgraded(&extension())));
    let other = hex_sha256(b"another file");
    let bill = |hash: &str, spaces: &str| {
        format!(
            r#"{{{spaces}"bomFormat": "CycloneDX",  "components": [{{"name": "a \"quoted\" one", "hashes": [{{"alg":"SHA-256","content":"{hash}"}}]}},
            {{"hashes": [{{"alg": "SHA-256", "content": "{other}"}}, {{"alg": "MD5", "content": "00"}}], "components": [
            {{"hashes": [{{"alg": "SHA-256", "content": "{hash}"}}]}}]}}]}}"#
        )
    };
    for spaces in ["", "\r\n\t"] {
        assert_eq!(upgraded_bill(&bill(&old, spaces), &[]), (bill(&new, spaces), false));
    }
    assert_eq!(upgraded_bill(&bill(&old.to_ascii_uppercase(), ""), &[]), (bill(&new, ""), false));
    // As auditwheel has it.
    let packages = json!({ "bomFormat": "CycloneDX", "components": [{ "type": "library", "bom-ref": format!("pkg#{old}") }] });
    assert_eq!(upgraded_bill(&packages.to_string(), &[]), (packages.to_string(), false));
}

#[test]
fn bills_that_may_mean_something_else_stay() {
    let old = hex_sha256(&extension());
    let hash = |alg: &str, content: &str| json!({ "alg": alg, "content": content });
    let of_components = |components: serde_json::Value| json!({ "bomFormat": "CycloneDX", "components": components });
    for bill in [
        json!({ "spdxVersion": "SPDX-2.3", "files": [{ "checksums": [old] }] }),
        of_components(json!([{ "hashes": [hash("SHA-256", &old), hash("SHA-512", "00")] }])),
        of_components(json!([{ "hashes": [hash("SHA-512", "00")] }])),
        of_components(
            json!([{ "hashes": [hash("SHA-256", &old)], "pedigree": { "ancestors": [{ "hashes": [hash("SHA-256", &old)] }] } }]),
        ),
        json!([]),
    ] {
        assert_eq!(upgraded_bill(&bill.to_string(), &[]), (bill.to_string(), true));
    }
    assert_eq!(upgraded_bill("{", &[]), ("{".to_string(), true));
    // Of two copies one is upgraded to something else, since it needs a library.
    let user = module(&["libx.so"], &["PyInit__ext"]);
    let bill = of_components(json!([{ "hashes": [hash("SHA-256", &hex_sha256(&user))] }])).to_string();
    let copies: [(&str, &[u8]); 3] = [("a/m.abi3.so", &user), ("b/c/m.abi3.so", &user), ("a/libx.so", &module(&[], &["x"]))];
    assert_eq!(upgraded_bill(&bill, &copies), (bill, true));
}
