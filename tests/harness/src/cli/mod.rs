//! The command line: `scripts/verify` and its subcommands, and the same main job as a test.

mod cases;
pub mod doctor;
pub mod draft;
mod ended;
pub mod explain;
mod observed;
mod options;
mod test;
mod verify;

use std::env;
use std::ffi::OsString;
use std::iter;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

pub use self::ended::Ended;
use self::options::{COMMAND_LINE, Command, Options};
use crate::checks::attacks::runner::Example;
use crate::checks::properties::Property;
use crate::error::CannotRun;
use crate::progress::Progress;
use crate::server::supervisor::supervise_if_asked;
use crate::source;

/// A project whose schema is proved: where it is, and what it adds to the checks that every
/// schema gets.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     schema_harness::Project::new(env!("CARGO_MANIFEST_DIR")).main()
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Project {
    directory: &'static str,
    properties: &'static [&'static [Property]],
    example: fn(&str) -> Option<Example>,
}

impl Project {
    /// The project in that directory; `migrations` and `fixtures` are below it.
    pub const fn new(directory: &'static str) -> Self {
        Self { directory, properties: &[], example: |_| None }
    }

    /// The same with properties of its functions, which its contract names in `proved_by`.
    pub const fn with_properties(self, properties: &'static [&'static [Property]]) -> Self {
        Self { properties, ..self }
    }

    /// The same with a fault of its schema for each attack, which `explain` shows.
    pub const fn with_examples(self, example: fn(&str) -> Option<Example>) -> Self {
        Self { example, ..self }
    }

    /// Every property of the project's own.
    fn properties(&self) -> Vec<&'static Property> {
        self.properties.iter().copied().flatten().collect()
    }

    /// Runs the command line of this process, or the main job as a test where `cargo test` or
    /// nextest calls. The exit status is the verdict.
    pub fn main(self) -> ExitCode {
        supervise_if_asked();
        source::set_project(Path::new(self.directory));
        let mut arguments = env::args_os().skip(1).peekable();
        if arguments.next_if(|it| it == COMMAND_LINE).is_none() {
            return test::run(move || run(&self, iter::empty::<&str>()));
        }
        let Ended { status, output, error } = run(&self, arguments);
        print!("{output}");
        eprint!("{error}");
        ExitCode::from(status)
    }
}

/// Runs a command line, without the program's name.
pub fn run(project: &Project, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Ended {
    let options = match Options::try_parse_from(options::current(arguments)) {
        Ok(options) => options,
        Err(error) if error.use_stderr() => {
            return Ended { status: 2, output: String::new(), error: error.to_string() };
        }
        Err(told) => return Ended::done(0, told.to_string()),
    };
    let done = match options.command {
        None => verify::prove(&project.properties(), &options.verify),
        Some(Command::Merge(merge)) => verify::merge(&merge),
        Some(Command::Draft(draft)) => draft::run(&draft).map(|text| Ended::done(0, text)),
        Some(Command::Explain(explain)) => {
            explain::answer(project.example, &explain.rule).map(|text| Ended::done(0, text))
        }
        Some(Command::Cases(cases)) => cases::run(&cases, &Progress::on_terminal()),
        Some(Command::Doctor) => Ok(doctor::run()),
    };
    done.unwrap_or_else(|CannotRun(why)| Ended::could_not_run(&why))
}
