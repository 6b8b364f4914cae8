//! Smaller encodings: a module in which every number that linkers pad is padded comes out as if none ever was, and functions come in the order
//! that is best for a form.

use wasm_pyfix::pipeline::{ShrinkOptions, shrink_modules};
use wasm_pyfix::precompress::{Form, brotli_size};
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::order::For;
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

/// Pairs of functions that are alike, further apart than deflate sees.
fn pairs() -> Vec<u8> {
    const PAIRS: u32 = 120;
    let body = |pair: u32, last: u32| {
        let mut seed = pair + 1;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 6
        };
        let steps: String = (0..70).map(|_| format!("i32.const {} i32.xor ", next())).collect();
        format!("(func (param i32) (result i32) local.get 0 {steps} i32.const {last} i32.add)")
    };
    let functions: String = (0..2).flat_map(|last| (0..PAIRS).map(move |pair| body(pair, last))).collect();
    let slots: String = (0..2 * PAIRS).map(|function| format!("{function} ")).collect();
    let base = r#"(import "env" "__indirect_function_table" (table 240 funcref)) (import "env" "__table_base" (global $t i32))"#;
    let dylink = "(@dylink.0 (mem-info (memory 0 0) (table 240 0)))";
    wat::parse_str(format!("(module {dylink} {base} {functions} (elem (global.get $t) {slots}))")).unwrap()
}

#[test]
fn functions_are_ordered_for_the_form_that_is_asked_for() {
    let before = pairs();
    let ordered = |order: For| {
        let options = ShrinkOptions { encode: true, order, ..ShrinkOptions::default() };
        let run = |bytes: &[u8]| shrink_modules(&[bytes], &options, |_| unreachable!("no pass plans")).unwrap().remove(0).bytes;
        let after = run(&before);
        assert!(after.as_deref().is_none_or(|after| run(after).is_none()), "a second run changes something");
        after.unwrap_or_else(|| before.clone())
    };
    assert!(ordered(For::Nothing) == before);
    // Of two orders that are as good the present one stays.
    assert!(ordered(For::Other(|_| Ok(1))) == before);
    let sizes = |bytes: &[u8]| {
        let deflated = Form::Gz.compress(bytes).unwrap().len();
        (deflated, brotli_size(bytes).unwrap())
    };
    let (linked, deflate, brotli) = (sizes(&before), sizes(&ordered(For::Deflate)), sizes(&ordered(For::Other(brotli_size))));
    assert!(10 * deflate.0 < 7 * linked.0, "{linked:?} {deflate:?}");
    assert!(brotli.1 <= linked.1 && brotli.1 <= deflate.1 + deflate.1 / 500, "{linked:?} {deflate:?} {brotli:?}");
}
