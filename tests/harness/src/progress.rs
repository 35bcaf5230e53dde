//! This file is how far long work is: on a terminal, one line that changes.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Nobody reads faster.
const BETWEEN: Duration = Duration::from_millis(100);

/// A line on standard error, where somebody looks on.
#[derive(Debug)]
pub struct Progress {
    is_seen: bool,
    told: Mutex<Option<Instant>>,
}

impl Progress {
    /// One that says nothing: several tests at once have but one line.
    pub fn silent() -> Self {
        Self { is_seen: false, told: Mutex::new(None) }
    }

    /// One that is seen if standard error is a terminal.
    pub fn on_terminal() -> Self {
        Self { is_seen: std::io::stderr().is_terminal(), ..Self::silent() }
    }

    /// Whether anybody sees it.
    pub fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Shows how far it is, where somebody looks and can read it, in place of what was shown before.
    pub fn tell(&self, text: impl FnOnce() -> String) {
        let mut told = self.told.lock().expect("nobody panics with the lock");
        if self.is_seen && told.is_none_or(|told| told.elapsed() >= BETWEEN) {
            // Whoever closed standard error does not want to know.
            let _ = write!(std::io::stderr().lock(), "\r{}\x1b[K", text());
            *told = Some(Instant::now());
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        let mut told = self.told.lock().expect("nobody panics with the lock");
        if told.take().is_some() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
