//! Records in wheels of what was done, where something is there already.

use super::*;
use wasm_pyfix::wheel::audit::{Asked, Audit};

const RECORD: &str = "demo-1.0.dist-info/wasm-pyfix.json";

/// What is in the wheel after an upgrade, and the notices about records. A second run changes nothing.
fn recorded(wheel: Wheel, wanted: bool) -> (Vec<Unpacked>, Vec<String>) {
    let options = WheelOptions { asked: Asked { wanted, ..Asked::default() }, ..options() };
    let result = run(OLD, &wheel.build(), &options);
    let new = entries(&result.bytes);
    check_record(&new);
    assert!(!run(&result.file_name, &result.bytes, &options).changed);
    let about = result.notices.into_iter().filter(|notice| notice.code == "unread-audit").map(|notice| notice.message);
    (new, about.collect())
}

#[test]
fn what_cannot_be_read_stays() {
    let newer = r#"{"schema_version": 2, "runs": "elsewhere"}"#;
    let damaged = r#"{"schema_version": 1, "runs": 7}"#;
    for (present, why) in
        [(newer, "its form has the version 2"), (damaged, "it is damaged"), ("[]", "it is no record"), ("", "it is no record")]
    {
        for wanted in [false, true] {
            let (new, notices) = recorded(demo().file(RECORD, present.as_bytes()), wanted);
            assert_eq!(text(&new, RECORD), present);
            assert!(notices.len() == 1 && notices[0].contains(why), "{present}: {notices:?}");
        }
    }
    let (new, notices) = recorded(demo().file(RECORD, br#"{"schema_version": 1, "runs": []}"#), false);
    let audit: Audit = serde_json::from_str(&text(&new, RECORD)).unwrap();
    assert_eq!((audit.runs.len(), notices), (1, Vec::new()));
}

#[test]
fn no_record_is_put_in_the_place_of_something_else() {
    let (new, notices) = recorded(demo().file(&format!("{RECORD}/x"), b""), true);
    assert!(new.iter().all(|entry| entry.name != RECORD));
    assert_eq!(notices, [format!("there is no record of this run: `{RECORD}/x` is in the place of `{RECORD}`")]);
}
