//! `time_t` had 32 bits before Emscripten 3.1.16 and has 64 since: what an older module exchanges with a runtime of today does not fit.
//!
//! The runtime would write eight bytes where the module has room for four (`time(&t)`, `gettimeofday`, `stat`), and nothing would
//! report it. A module carries no version, so it is dated by marks: the legacy section `dylink` (before Emscripten 2.0.30),
//! `saveSetjmp` (up to 3.1.56), and functions that take or return a `time_t` by value as an i32. The last two do not prove an age
//! before 3.1.16; where nothing proves the opposite, they count as old.
//!
//! **Refuses** modules that may be so old and import a function that exchanges such a value.
//!
//! **Relies on** Emscripten's ChangeLog (3.1.16: `time_t` is 64 bits; 3.1.57: `__wasm_setjmp`; 2.0.30: `dylink.0`)
//! and on musl's headers for the functions.

use crate::module::{FunctionId, Item, Module};
use crate::{Error, Result, code};
use wasmparser::{FuncType, ValType};

/// C functions with a parameter or result that contains a `time_t`: itself, or `timespec`, `timeval`, `itimerval`, `stat`, `rusage`,
/// `utimbuf`, `timeb`.
const FUNCTIONS: &[&str] = &[
    "__clock_gettime",
    "__fstat",
    "__fstatat",
    "__gettimeofday",
    "__gmtime_r",
    "__localtime_r",
    "__lstat",
    "__stat",
    "__time",
    "adjtime",
    "aio_suspend",
    "clock_adjtime",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "clock_settime",
    "cnd_timedwait",
    "ctime",
    "ctime_r",
    "difftime",
    "fstat",
    "fstat64",
    "fstatat",
    "fstatat64",
    "ftime",
    "ftw",
    "ftw64",
    "futimens",
    "futimes",
    "futimesat",
    "getitimer",
    "getrusage",
    "gettimeofday",
    "gmtime",
    "gmtime_r",
    "localtime",
    "localtime_r",
    "lstat",
    "lstat64",
    "lutimes",
    "mktime",
    "mq_timedreceive",
    "mq_timedsend",
    "mtx_timedlock",
    "nanosleep",
    "nftw",
    "nftw64",
    "ppoll",
    "pselect",
    "pthread_cond_timedwait",
    "pthread_mutex_timedlock",
    "pthread_rwlock_timedrdlock",
    "pthread_rwlock_timedwrlock",
    "pthread_timedjoin_np",
    "recvmmsg",
    "sched_rr_get_interval",
    "select",
    "sem_timedwait",
    "semtimedop",
    "setitimer",
    "settimeofday",
    "sigtimedwait",
    "stat",
    "stat64",
    "stime",
    "thrd_sleep",
    "time",
    "timegm",
    "timelocal",
    "timer_gettime",
    "timer_settime",
    "timerfd_gettime",
    "timerfd_settime",
    "timespec_get",
    "utime",
    "utimensat",
    "utimes",
    "wait3",
    "wait4",
];

/// Whether the function `name` exchanges a value that contains a `time_t`.
pub fn concerns(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

/// Refuses `module` if its `time_t` may have 32 bits and it exchanges any with the runtime. `joined` are the imports whose result the
/// module demonstrably joins to 64 bits.
///
/// # Errors
/// [`Error::Refused`], with the names of the functions and what dates the module.
pub fn refuse_old(module: &Module<'_>, joined: impl Fn(FunctionId) -> bool) -> Result<()> {
    let exchanged: Vec<(&str, Option<FunctionId>)> = (module.imports().iter())
        .filter(|import| concerns(&import.field) && import.module != "GOT.mem")
        .filter_map(|import| match import.item {
            Item::Function(id) => Some((import.field.as_ref(), Some(id))),
            Item::Global(_) => Some((import.field.as_ref(), None)),
            _ => None,
        })
        .collect();
    if exchanged.is_empty() {
        return Ok(());
    }
    let by_value: Vec<(&str, Width)> = (exchanged.iter())
        .filter_map(|(name, id)| {
            let id = (*id)?;
            Some((*name, width(name, module.signature(id), joined(id))?))
        })
        .collect();
    let imports = |name: &str| module.imports().iter().any(|import| import.field == name);
    let is_new =
        by_value.iter().any(|(_, width)| *width == Width::SixtyFour) || imports("__wasm_setjmp") || imports("__wasm_setjmp_test");
    let mut marks = Vec::new();
    if module.has_legacy_dylink() {
        marks.push("the section `dylink` instead of `dylink.0`".to_string());
    }
    if imports("saveSetjmp") || imports("testSetjmp") {
        marks.push("`saveSetjmp`".to_string());
    }
    marks.extend(by_value.iter().filter(|(_, width)| *width == Width::ThirtyTwo).map(|(name, _)| format!("a `{name}` of 32 bits")));
    if is_new || marks.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = exchanged.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    Err(Error::refused(
        code::TIME_32_BIT,
        format!(
            "its `time_t` may have 32 bits (Emscripten before 3.1.16), that of the target has 64, and it exchanges such values through: {}. \
         Marks of its age: {}. Compile it anew, or give `--allow-struct-change` if it is known to be younger",
            names.join(", "),
            marks.join(", ")
        ),
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    ThirtyTwo,
    SixtyFour,
}

/// How wide the `time_t` is that the function `name` takes or returns by value, where it does. `joined` says that its result is joined
/// to 64 bits.
fn width(name: &str, ty: &FuncType, joined: bool) -> Option<Width> {
    let wide = match name {
        "time" | "mktime" | "timegm" | "timelocal" => joined || ty.results() == [ValType::I64],
        // Whole, or in halves.
        "difftime" => ty.params() == [ValType::I64; 2] || ty.params() == [ValType::I32; 4],
        _ => return None,
    };
    Some(if wide { Width::SixtyFour } else { Width::ThirtyTwo })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValType::{F64, I32, I64};

    #[test]
    fn a_time_by_value_shows_its_width() {
        let width = |name: &str, params: &[ValType], result: ValType, joined| {
            width(name, &FuncType::new(params.to_vec(), [result]), joined)
        };
        assert_eq!(width("time", &[I32], I32, false), Some(Width::ThirtyTwo));
        assert_eq!(width("time", &[I32], I32, true), Some(Width::SixtyFour));
        assert_eq!(width("mktime", &[I32], I64, false), Some(Width::SixtyFour));
        assert_eq!(width("difftime", &[I32, I32], F64, false), Some(Width::ThirtyTwo));
        assert_eq!(width("difftime", &[I32, I32, I32, I32], F64, false), Some(Width::SixtyFour));
        assert_eq!(width("localtime_r", &[I32, I32], I32, false), None);
    }

    #[test]
    fn the_list_has_no_duplicates() {
        let mut sorted = FUNCTIONS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), FUNCTIONS.len());
        assert!(concerns("gettimeofday") && !concerns("strftime"));
    }
}
