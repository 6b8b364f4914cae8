//! Wheels and archives.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use properties::Target;
use properties::random::Random;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let changed = Target::Wheels.mutate(&data[..size], &mut Random::new(u64::from(seed)));
    let length = changed.len().min(max_size);
    data[..length].copy_from_slice(&changed[..length]);
    length
});

fuzz_target!(|data: &[u8]| Target::Wheels.must_hold(data));
