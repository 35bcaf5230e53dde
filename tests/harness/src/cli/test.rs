//! The main job as a test: what `cargo test` and nextest see of the command line's program.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use super::Ended;

/// Answers a test runner: lists the one test, or runs it.
pub(super) fn run(job: impl FnOnce() -> Ended + Send + 'static) -> ExitCode {
    let test = Trial::test("schema_is_proved", move || {
        let Ended { status, output, error } = job();
        print!("{output}");
        if status == 0 { Ok(()) } else { Err(Failed::from(error + &output)) }
    });
    libtest_mimic::run(&Arguments::from_args(), vec![test]).exit_code()
}
