//! The evidence of this schema: its forms, its baseline, its replay.

mod baseline;
mod forms;
mod replay;
