//! Padding: a module in which every number that linkers pad is padded comes out as if none ever was.

use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::{encode, validate};

/// `value` as an unsigned LEB, padded to five bytes or as short as it can be.
fn unsigned(mut value: u32, padded: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f || (padded && bytes.len() < 4) {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// `value`, which takes one byte, as a signed LEB.
fn signed(value: i8, padded: bool) -> Vec<u8> {
    let (first, filler, last) = if value < 0 { (value as u8 | 0x80, 0xff, 0x7f) } else { (value as u8 | 0x80, 0x80, 0) };
    if padded { vec![first, filler, filler, filler, last] } else { vec![value as u8 & 0x7f] }
}

fn section(id: u8, payload: &[u8], padded: bool) -> Vec<u8> {
    [&[id][..], &unsigned(payload.len() as u32, padded), payload].concat()
}

/// A module that loads, stores, calls, reads a global and has constants, with or without padding.
fn module(padded: bool) -> Vec<u8> {
    let leb = |value| unsigned(value, padded);
    let number = |value| signed(value, padded);
    let body = [
        &b"\x00\x41"[..], // no locals; i32.const
        &number(-3),
        b"\x41",
        &number(5),
        b"\x28\x02", // i32.load, aligned to 4
        &leb(300),
        b"\x36\x02", // i32.store
        &leb(4),
        b"\x23", // global.get
        &leb(0),
        b"\x1a\x10", // drop; call
        &leb(0),
        b"\x0b",
    ]
    .concat();
    let imports = b"\x02\x03env\x06memory\x02\x00\x01\x03env\x0d__memory_base\x03\x7f\x00";
    let code = [&leb(1)[..], &leb(body.len() as u32), &body].concat();
    let custom = [&leb(4)[..], b"notecustom"].concat();
    [
        &b"\0asm\x01\0\0\0"[..],
        &section(0, b"\x08dylink.0\x01\x04\0\0\0\0", false),
        &section(1, b"\x01\x60\0\0", padded),
        &section(2, imports, padded),
        &section(3, &[&leb(1)[..], &leb(0)].concat(), padded),
        &section(7, b"\x01\x04main\x00\x00", padded),
        &section(10, &code, padded),
        &section(0, &custom, padded),
    ]
    .concat()
}

#[test]
fn padding_goes() {
    let padded = module(true);
    validate(&padded).expect("a valid module");
    let mut module = Module::read(&padded).expect("a side module");
    let outcome = encode::run(&mut module).expect("it can be shortened");
    let short = self::module(false);
    assert_eq!(outcome.changed.get("bytes_of_padding_removed"), Some(&(padded.len() - short.len())));
    assert_eq!(module.write().expect("it can be written"), short);
}

#[test]
fn what_has_no_padding_is_left_alone() {
    let short = module(false);
    let mut module = Module::read(&short).expect("a side module");
    assert!(encode::run(&mut module).expect("it can be shortened").is_unchanged());
    assert_eq!(module.write().expect("it can be written"), short);
}
