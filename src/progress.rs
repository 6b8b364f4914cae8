//! A line on the terminal while an archive takes long.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::plain::plain;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long an archive may take before anything is shown.
const DELAY: Duration = Duration::from_secs(1);

/// Shows how many modules of an archive are done, from [`DELAY`] on, and only where standard error is a terminal. The line goes away
/// when this is dropped.
pub struct Progress {
    bar: ProgressBar,
    /// Paths of the modules that are done.
    done: Mutex<HashSet<String>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Progress of the archive called `name`; none is shown unless `enabled`.
    pub fn new(name: &str, enabled: bool) -> Self {
        if !enabled {
            return Progress { bar: ProgressBar::hidden(), done: Mutex::default(), stop: None, thread: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} modules done, {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(plain(name).into_owned());
        let (stop, stopped) = channel::<()>();
        let shown = bar.clone();
        let thread = std::thread::spawn(move || {
            if stopped.recv_timeout(DELAY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            shown.set_draw_target(ProgressDrawTarget::stderr());
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                shown.tick();
            }
        });
        Progress { bar, done: Mutex::default(), stop: Some(stop), thread: Some(thread) }
    }

    /// The module at `path` is done, once more or for the first time.
    pub fn module_done(&self, path: &str) {
        if let Ok(mut done) = self.done.lock()
            && done.insert(path.to_string())
        {
            self.bar.set_position(done.len() as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only draws; should it have panicked, there is nothing to clean up after it.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
