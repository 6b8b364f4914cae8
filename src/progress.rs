//! What is being done with an input, and how much of that is done: a line on the terminal while it takes long, or JSON for other programs.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::plain::{plain, plural};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How it is told how far an input is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Telling {
    /// A line on standard error that comes and goes, if that is a terminal
    #[default]
    Auto,
    /// A line of JSON on standard error for each change
    Json,
}

/// How long an archive may take before anything is shown.
const DELAY: Duration = Duration::from_secs(1);

/// What is being done with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its entries are read and compared with `RECORD`.
    #[default]
    Reading,
    /// Its modules are upgraded, one by one.
    Upgrading,
    /// Its modules are made smaller, all together.
    Shrinking,
    /// The new archive is compressed.
    Compressing,
    /// The modules of the result are checked.
    Checking,
}

/// Tells how far an archive is. By default nothing is told.
#[derive(Debug, Clone, Default)]
pub struct Progress(Option<Arc<Shown>>);

#[derive(Debug)]
struct Shown {
    /// What the archive is called.
    name: String,
    state: Mutex<State>,
    /// `None` where each change is a line of JSON.
    line: Option<Line>,
}

/// A line on the terminal, which is there from [`DELAY`] on. It goes away when this is dropped.
#[derive(Debug)]
struct Line {
    bar: ProgressBar,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The state as JSON.
#[derive(Debug, Serialize)]
struct Progressed<'a> {
    input: &'a str,
    phase: Phase,
    modules: usize,
    done: usize,
    round: usize,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// How many modules there are.
    modules: usize,
    /// Paths of those that this phase is done with.
    done: HashSet<String>,
    /// How many times the modules have been upgraded: a run over what one has made proves that nothing is left to do.
    round: usize,
}

impl State {
    fn enter(&mut self, phase: Phase, modules: usize) {
        self.round += usize::from(phase == Phase::Upgrading);
        (self.phase, self.modules) = (phase, modules);
        self.done.clear();
    }

    fn text(&self) -> String {
        let modules = format!("{} {}", self.modules, plural(self.modules, "module"));
        let round = if self.round > 1 { format!(", round {}", self.round) } else { String::new() };
        match self.phase {
            Phase::Reading => "reading".to_string(),
            Phase::Upgrading => format!("upgrading, {} of {modules}{round}", self.done.len()),
            Phase::Shrinking => format!("making {modules} smaller{round}"),
            Phase::Compressing => "compressing".to_string(),
            Phase::Checking => format!("checking {modules}"),
        }
    }

    fn json(&self, input: &str) -> String {
        let (phase, modules, done, round) = (self.phase, self.modules, self.done.len(), self.round);
        serde_json::to_string(&Progressed { input, phase, modules, done, round }).unwrap_or_default()
    }
}

impl Progress {
    /// Progress of the archive called `name`. A line on the terminal is shown only if `shows_line`.
    pub fn new(name: &str, telling: Telling, shows_line: bool) -> Self {
        let state = State::default();
        let line = match telling {
            Telling::Json => None,
            Telling::Auto if shows_line && std::io::stderr().is_terminal() => Some(Line::new(name, &state)),
            Telling::Auto => return Progress::default(),
        };
        Progress(Some(Arc::new(Shown { name: name.to_string(), state: Mutex::new(state), line })))
    }

    /// From now on `phase` is under way, with so many modules.
    pub fn enter(&self, phase: Phase, modules: usize) {
        self.change(|state| state.enter(phase, modules));
    }

    /// The module at `path` is done.
    pub fn module_done(&self, path: &str) {
        self.change(|state| state.done.extend([path.to_string()]));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if let Some(shown) = &self.0
            && let Ok(mut state) = shown.state.lock()
        {
            change(&mut state);
            match &shown.line {
                Some(line) => line.bar.set_prefix(state.text()),
                // Whoever does not read it any more gets the result all the same.
                None => drop(writeln!(std::io::stderr(), "{}", state.json(&shown.name))),
            }
        }
    }
}

impl Line {
    fn new(name: &str, state: &State) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}, {elapsed}: {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(state.text());
        // Cut off where the terminal ends.
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
        Line { bar, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only draws; should it have panicked, there is nothing to clean up after it.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_phase_and_the_total() {
        let mut state = State::default();
        let mut seen = vec![state.text()];
        state.enter(Phase::Upgrading, 3);
        state.done.insert("a.so".to_string());
        state.done.insert("a.so".to_string());
        seen.push(state.text());
        state.enter(Phase::Shrinking, 3);
        seen.push(state.text());
        state.enter(Phase::Upgrading, 1);
        seen.push(state.text());
        state.enter(Phase::Compressing, 3);
        seen.push(state.text());
        state.enter(Phase::Checking, 3);
        seen.push(state.text());
        let expected = [
            "reading",
            "upgrading, 1 of 3 modules",
            "making 3 modules smaller",
            "upgrading, 0 of 1 module, round 2",
            "compressing",
            "checking 3 modules",
        ];
        assert_eq!(seen, expected);
        let json = r#"{"input":"a \"b\".whl","phase":"checking","modules":3,"done":0,"round":2}"#;
        assert_eq!(state.json("a \"b\".whl"), json);
    }
}
