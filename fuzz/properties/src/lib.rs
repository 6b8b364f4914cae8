//! What must hold for whatever goes into wasm-pyfix ([`property`]), inputs to try it with ([`corpus`], [`mutate`], [`smith`], [`handlers`],
//! [`wheels`]), and a runner that needs nothing but stable Rust: input number N of a target is the same everywhere.
//!
//! The targets of libFuzzer in `fuzz/fuzz_targets`, `tests/fuzz.rs` and `examples/fuzz.rs` are all thin shells around this.

pub mod bounds;
pub mod corpus;
pub mod handlers;
pub mod mutate;
pub mod property;
pub mod random;
pub mod smith;
pub mod wheels;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bounds::Taken;
use property::{Broken, Came};
use random::Random;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Reading and writing.
    ReadWrite,
    /// Every pass over a module.
    Modules,
    /// Wheels and archives.
    Wheels,
    /// `check` and `show`.
    Look,
}

impl Target {
    pub const ALL: [Target; 4] = [Target::ReadWrite, Target::Modules, Target::Wheels, Target::Look];

    pub fn name(self) -> &'static str {
        match self {
            Target::ReadWrite => "read_write",
            Target::Modules => "modules",
            Target::Wheels => "wheels",
            Target::Look => "look",
        }
    }

    /// Judges `bytes`.
    ///
    /// # Errors
    /// What does not hold.
    pub fn judge(self, bytes: &[u8]) -> Result<Came, Broken> {
        match self {
            Target::ReadWrite => property::read_write(bytes),
            Target::Modules => property::module(bytes),
            Target::Wheels => property::wheel(bytes),
            Target::Look => property::look(bytes),
        }
    }

    /// The input of this number.
    pub fn input(self, number: u64) -> Vec<u8> {
        let mut random = Random::new(number ^ (self as u64) << 56);
        match self {
            Target::Wheels => wheels::archive(&mut random),
            Target::Look if random.chance(30) => wheels::archive(&mut random),
            _ => module(&mut random),
        }
    }

    /// Other bytes for [`Target::judge`], made of `bytes`.
    pub fn mutate(self, bytes: &[u8], random: &mut Random) -> Vec<u8> {
        if bytes.starts_with(b"PK") { wheels::changed(bytes, random) } else { mutate::module(bytes, random) }
    }

    /// Judges `bytes` for libFuzzer, which knows panics and has its own bounds of time and memory.
    ///
    /// # Panics
    /// When something does not hold.
    pub fn must_hold(self, bytes: &[u8]) {
        if let Err(broken) = self.judge(bytes) {
            panic!("{broken} (with `{}`)", property::words_of(bytes));
        }
    }

    /// Judges `bytes`, and what they take; a panic is caught.
    ///
    /// # Errors
    /// What does not hold.
    pub fn judge_all(self, bytes: &[u8]) -> (Result<Came, Broken>, Taken) {
        let (judged, taken) = bounds::measured(|| catch_unwind(AssertUnwindSafe(|| self.judge(bytes))));
        let judged = judged.unwrap_or_else(|panic| Err(Broken(format!("it panics: {}", message(&*panic)))));
        match (judged, bounds::exceeded(taken, bytes.len())) {
            (Ok(_), Some(exceeded)) => (Err(Broken(exceeded)), taken),
            (judged, _) => (judged, taken),
        }
    }
}

fn module(random: &mut Random) -> Vec<u8> {
    if random.chance(20)
        && let Some(made_up) = smith::module(random)
    {
        return if random.chance(30) { mutate::module(&made_up, random) } else { made_up };
    }
    if random.chance(10) {
        let program = handlers::module(random);
        return if random.chance(30) { mutate::module(&program, random) } else { program };
    }
    let seed = random.pick(corpus::modules());
    mutate::module(&seed.bytes, random)
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// What became of many inputs.
#[derive(Debug, Default)]
pub struct Tally {
    pub executions: u64,
    pub came: BTreeMap<Came, u64>,
    /// What is broken, with the number of the input.
    pub broken: Vec<(u64, String)>,
    /// The most that an input took; memory by itself and time by itself.
    pub most: Taken,
}

impl Tally {
    /// Judges the input of this number.
    pub fn add(&mut self, target: Target, number: u64) {
        let input = target.input(number);
        let (judged, taken) = target.judge_all(&input);
        self.executions += 1;
        self.most.time = self.most.time.max(taken.time);
        self.most.memory = self.most.memory.max(taken.memory);
        match judged {
            Ok(came) => *self.came.entry(came).or_default() += 1,
            Err(broken) => self.broken.push((number, format!("{broken} (with `{}`)", property::words_of(&input)))),
        }
    }

    /// How many came this far.
    pub fn count(&self, came: Came) -> u64 {
        self.came.get(&came).copied().unwrap_or(0)
    }
}
