//! How much time and memory an input may take.
//!
//! Memory is the most that is allocated on top of what was before; it is known in programs whose global allocator is [`PeakAlloc`]. Time is
//! that of all threads of the process, so that a busy machine does not count. Both are those of the process: one input at a time.

use std::time::Duration;

use cpu_time::ProcessTime;
use peak_alloc::PeakAlloc;

/// Bytes that any input may take, and how many more for each byte of the input.
const MEMORY: (usize, usize) = (64 << 20, 64);

/// Milliseconds of processor time that any input may take, and microseconds more for each byte of the input, in unoptimised code.
const TIME: (u64, u64) = (1000, 20);

/// What one input took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    pub time: Duration,
    /// Bytes; 0 with another allocator.
    pub memory: usize,
}

/// Runs `work` and tells what it took.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Taken) {
    PeakAlloc.reset_peak_usage();
    let before = PeakAlloc.current_usage();
    let start = ProcessTime::now();
    let result = work();
    (result, Taken { time: start.elapsed(), memory: PeakAlloc.peak_usage().saturating_sub(before) })
}

/// What of `taken` is over its bound for an input of `size` bytes, in words.
pub fn exceeded(taken: Taken, size: usize) -> Option<String> {
    let memory = MEMORY.0 + MEMORY.1 * size;
    if taken.memory > memory {
        return Some(format!("{size} bytes took {} bytes of memory, more than {memory}", taken.memory));
    }
    let time = Duration::from_millis(TIME.0) + Duration::from_micros(TIME.1 * size as u64);
    (taken.time > time).then(|| format!("{size} bytes took {:?}, more than {time:?}", taken.time))
}
