//! Tries inputs made at random for as long as asked: `cargo run --release --example fuzz -- --hours 1`. See `fuzz/properties`.
//!
//! `--target NAME` takes one target instead of all in turn, `--first N` begins at this number instead of behind those of `tests/fuzz.rs`,
//! `--input N` tries one input of a target and writes it to `target/fuzz`, as every input is written that breaks something. The table at
//! the end says how many were tried, how far they came and what they took at most. Ends with exit code 1 when anything is broken.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use peak_alloc::PeakAlloc;
use properties::property::{self, Came};
use properties::{Tally, Target};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Where inputs that break something are written.
fn directory() -> PathBuf {
    support::repository().join("target/fuzz")
}

struct Settings {
    time: Duration,
    targets: Vec<Target>,
    first: u64,
    input: Option<u64>,
}

impl Settings {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut settings = Settings { time: Duration::from_secs(60), targets: Target::ALL.to_vec(), first: 100_000, input: None };
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} wants a value"))?;
            match word.as_str() {
                "--hours" => settings.time = Duration::from_secs_f64(value.parse::<f64>()? * 3600.0),
                "--target" => settings.targets.retain(|target| target.name() == value),
                "--first" => settings.first = value.parse()?,
                "--input" => settings.input = Some(value.parse()?),
                _ => bail!("unknown option {word}"),
            }
        }
        if settings.targets.is_empty() {
            bail!("the targets are {}", Target::ALL.map(Target::name).join(", "));
        }
        Ok(settings)
    }
}

fn main() -> Result<ExitCode> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    property::prepare();
    std::fs::create_dir_all(directory())?;
    if let Some(number) = settings.input {
        return one(settings.targets[0], number);
    }
    let mut tallies: Vec<(Target, Tally)> = settings.targets.iter().map(|target| (*target, Tally::default())).collect();
    let start = Instant::now();
    let mut number = settings.first;
    while start.elapsed() < settings.time {
        for (target, tally) in &mut tallies {
            let before = tally.broken.len();
            tally.add(*target, number);
            for (number, message) in &tally.broken[before..] {
                eprintln!("{} {number}: {message}", target.name());
                save(*target, *number)?;
            }
        }
        number += 1;
    }
    print(&tallies, start.elapsed());
    let broken = tallies.iter().any(|(_, tally)| !tally.broken.is_empty());
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn save(target: Target, number: u64) -> Result<()> {
    let path = directory().join(format!("{}-{number}", target.name()));
    std::fs::write(&path, target.input(number)).with_context(|| format!("cannot write {}", path.display()))
}

fn one(target: Target, number: u64) -> Result<ExitCode> {
    save(target, number)?;
    let input = target.input(number);
    println!("{} bytes, `{}`", input.len(), property::words_of(&input));
    let (judged, taken) = target.judge_all(&input);
    println!("{judged:?}, {taken:?}");
    Ok(if judged.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(tallies: &[(Target, Tally)], elapsed: Duration) {
    println!("{:.2} hours", elapsed.as_secs_f64() / 3600.0);
    println!("| target | executions | malformed | refused | unchanged | through | broken | most time | most memory |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (target, tally) in tallies {
        let came = [Came::Malformed, Came::Refused, Came::Unchanged, Came::Through].map(|came| tally.count(came).to_string());
        println!(
            "| {} | {} | {} | {} | {:.2} s | {:.1} MiB |",
            target.name(),
            tally.executions,
            came.join(" | "),
            tally.broken.len(),
            tally.most.time.as_secs_f64(),
            tally.most.memory as f64 / f64::from(1 << 20)
        );
    }
}
