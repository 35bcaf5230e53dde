//! Progress of long work: one line on a terminal that is overwritten.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The shortest time between two updates of the line.
const BETWEEN: Duration = Duration::from_millis(100);

/// A progress line on standard error, shown only on a terminal.
#[derive(Debug)]
pub struct Progress {
    is_seen: bool,
    last_shown: Mutex<Option<Instant>>,
}

impl Progress {
    /// Shows nothing: tests that run at the same time would share one line.
    pub fn silent() -> Self {
        Self { is_seen: false, last_shown: Mutex::new(None) }
    }

    /// Shows the line if standard error is a terminal.
    pub fn on_terminal() -> Self {
        Self { is_seen: std::io::stderr().is_terminal(), ..Self::silent() }
    }

    /// Whether the line is shown.
    pub fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Replaces the line by `text`, unless it was replaced a moment ago.
    pub fn show(&self, text: impl FnOnce() -> String) {
        let mut last_shown = self.last_shown.lock().expect("nobody panics with the lock");
        if self.is_seen && last_shown.is_none_or(|last_shown| last_shown.elapsed() >= BETWEEN) {
            // A closed standard error is no failure of the run.
            let _ = write!(std::io::stderr().lock(), "\r{}\x1b[K", text());
            *last_shown = Some(Instant::now());
        }
    }

    /// Removes the line.
    pub fn end(&self) {
        let mut last_shown = self.last_shown.lock().expect("nobody panics with the lock");
        if last_shown.take().is_some() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
