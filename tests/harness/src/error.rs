//! The one error of the library, and the server's errors as text.

use std::any::Any;
use std::fmt::{self, Display, Formatter};

/// The reason why a run cannot give a verdict, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotRun(pub String);

impl Display for CannotRun {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for CannotRun {}

/// A server's error in one line: message, SQLSTATE, detail and hint. An error that is not the
/// server's is described by its own text.
pub fn describe(error: &tokio_postgres::Error) -> String {
    let Some(error) = error.as_db_error() else {
        return error.to_string();
    };
    let mut text = format!("{} (SQLSTATE {})", error.message(), error.code().code());
    for (name, part) in [("detail", error.detail()), ("hint", error.hint())] {
        if let Some(part) = part {
            text += &format!("; {name}: {part}");
        }
    }
    text
}

/// What a panic said, as the reason why there is no outcome.
pub fn of_panic(panic: &(dyn Any + Send)) -> CannotRun {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    CannotRun(format!("the harness itself failed, which is a bug of it: {text}"))
}
