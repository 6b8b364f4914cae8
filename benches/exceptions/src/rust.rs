//! Calls through `catch_unwind`, for `benches/exceptions`: every `run_*` function makes `n` of them and gives a checksum.
use std::hint::black_box;
use std::panic::{catch_unwind, resume_unwind};

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        black_box(());
    }
}

#[inline(never)]
fn may_panic(i: i32) -> i32 {
    if i > black_box(i32::MAX) {
        panic!("{i} is too large");
    }
    i ^ 1
}

#[inline(never)]
fn guarded(i: i32) -> i32 {
    let _guard = Guard;
    may_panic(i)
}

#[unsafe(no_mangle)]
pub extern "C" fn run_catch_unwind(n: i32) -> i32 {
    (0..n).fold(0, |sum: i32, i| sum.wrapping_add(catch_unwind(|| may_panic(i)).unwrap_or(-1)))
}

#[unsafe(no_mangle)]
pub extern "C" fn run_drop(n: i32) -> i32 {
    (0..n).fold(0, |sum: i32, i| sum.wrapping_add(guarded(i)))
}

/// Unwinds without the panic hook, which would print.
#[unsafe(no_mangle)]
pub extern "C" fn run_unwind(n: i32) -> i32 {
    let value = |i| catch_unwind(|| resume_unwind(Box::new(i))).map_or_else(|value| value.downcast_ref::<i32>().copied(), |()| None);
    (0..n).fold(0, |sum: i32, i| sum.wrapping_add(value(i).unwrap_or(-1)))
}
