//! How a command ended: its exit status, and what it prints.

use crate::source::mistake::count;

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// 0 proved or done, 1 findings, 2 could not run, 3 the harness is broken.
    pub status: u8,
    /// What goes to standard output.
    pub output: String,
    /// What goes to standard error.
    pub error: String,
}

impl Ended {
    pub(super) fn done(status: u8, mut output: String) -> Self {
        if !output.ends_with('\n') {
            output.push('\n');
        }
        Self { status, output, error: String::new() }
    }

    /// A message of several lines has the verdict at its end, where one looks for it.
    pub(super) fn could_not_run(why: &str) -> Self {
        let error = match count(why) {
            0 if !why.contains('\n') => format!("COULD NOT RUN: {why}\n"),
            0 => format!("{why}\n\nCOULD NOT RUN, see above\n"),
            1 => format!("{why}\n\nCOULD NOT RUN: 1 mistake, see above\n"),
            many => format!("{why}\n\nCOULD NOT RUN: {many} mistakes, see above\n"),
        };
        Self { status: 2, output: String::new(), error }
    }
}
