//! What the benchmarks share: order statistics, the machine that results were measured on, and how they are written down.

use std::path::Path;

use anyhow::{Context, Result};

/// `values` in ascending order.
pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle of sorted values, or the mean of the two in the middle; not a number when there are none.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The machine, as far as it tells: processor, number of cores, system.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    format!("{} ({cores} cores, {system})", model.unwrap_or("an unnamed processor"))
}

/// Writes a report, and the directories that it needs.
///
/// # Errors
/// When that fails, with the path.
pub fn write(path: &Path, report: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    std::fs::write(path, report).with_context(|| format!("cannot write {}", path.display()))
}

/// Ticks of a second, as `/proc` counts them on all Linux machines at hand.
pub const TICKS: u64 = 100;

/// User and system time of the processes that this one waited for, in [`TICKS`].
///
/// # Errors
/// Where there is no `/proc`.
pub fn children_ticks() -> Result<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat tells the time on Linux alone")?;
    // Behind the name, which stands in parentheses, `cutime` and `cstime` are the 14th and 15th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut times = fields.split_whitespace().skip(13).map(|field| field.parse().context("a time is a number"));
    let mut next = || times.next().context("/proc/self/stat is too short")?;
    Ok((next()?, next()?))
}
