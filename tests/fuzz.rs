//! Inputs made at random, the same ones in every run, and what must hold for all of them: see `fuzz/properties`. Their number is fixed and
//! no time is; on a machine of two cores they take about a minute. `cargo run --release --example fuzz` tries others for longer.

use std::sync::{Mutex, PoisonError};

use peak_alloc::PeakAlloc;
use properties::property::{self, Came};
use properties::{Tally, Target};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Time and memory are those of the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Tries `count` inputs, of which in a hundred at least `through` must come all the way, or else the passes are hardly tried.
#[track_caller]
fn hold(target: Target, count: u64, through: u64) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    property::prepare();
    let mut tally = Tally::default();
    (0..count).for_each(|number| tally.add(target, number));
    let name = target.name();
    println!("{name}: {tally:?}");
    assert!(
        tally.broken.is_empty(),
        "{name}: `cargo run --example fuzz -- --target {name} --input NUMBER` repeats these: {:#?}",
        tally.broken
    );
    let came = tally.count(Came::Through) * 100 / count;
    assert!(came >= through, "{name}: {came} of 100 come through: {:?}", tally.came);
}

#[test]
fn what_is_read_is_written() {
    hold(Target::ReadWrite, 4000, 30);
}

#[test]
fn modules_come_out_valid_and_final() {
    hold(Target::Modules, 4000, 25);
}

#[test]
fn wheels_come_out_readable_and_final() {
    hold(Target::Wheels, 3000, 8);
}

#[test]
fn check_and_show_answer() {
    hold(Target::Look, 2000, 50);
}
