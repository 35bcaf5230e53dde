//! Progress of long work: one line on a terminal that is overwritten.

use indicatif::ProgressBar;

/// A progress line on standard error, shown only on a terminal.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Shows nothing: tests that run at the same time would share one line.
    pub fn silent() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Shows the line if standard error is a terminal.
    pub fn on_terminal() -> Self {
        Self(ProgressBar::new_spinner())
    }

    /// Whether the line is shown.
    pub fn is_seen(&self) -> bool {
        !self.0.is_hidden()
    }

    /// Replaces the line by `text`.
    pub fn show(&self, text: impl FnOnce() -> String) {
        if self.is_seen() {
            self.0.set_message(text());
        }
    }

    /// Removes the line.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
