//! The evidence of this schema: its forms, its baseline, its replay, the severity of
//! findings.

mod baseline;
mod forms;
mod replay;
mod severity;
