//! Exit codes.

/// Exit code: everything done, or nothing to do.
pub const EXIT_DONE: i32 = 0;
/// Exit code: an input could not be read, understood or written.
pub const EXIT_ERROR: i32 = 1;
/// Exit code: the command line makes no sense.
pub const EXIT_USAGE: i32 = 2;
/// Exit code: an input is in order, and upgrading it would not be sound.
pub const EXIT_REFUSED: i32 = 3;
