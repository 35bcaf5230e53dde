//! The tests of the Identra schema, and of the harness: the table of contents.

/// Another schema: proved with a contract of its own, and its faults found.
mod adopting;
/// The attack catalogue on this schema, and that each attack finds its weakness.
mod attacks;
/// Mistakes in inputs: one message, exit status 2, nothing left behind.
mod bad_input;
/// Checks that break down, and what cannot be tried.
mod breakdowns;
/// Schemas of others, drafted and proved.
mod cases;
/// The catalog compared with the contract, facet by facet.
mod contract;
/// The harness can fail: weaknesses that every run plants are found.
mod controls;
/// Rules of style that a machine can check.
mod conventions;
/// The Markdown pages: links resolve, and commands and contracts are valid.
mod docs;
/// The doctor: what a machine lacks, and the remedy.
mod doctor;
/// A contract drafted from a database, for a person to correct.
mod draft;
/// The evidence: its forms, its baseline, its replay.
mod evidence;
/// The explanation of each rule, with an example and the remedy.
mod explain;
/// The family of each check, and the requirements of published standards that it relates to.
mod families;
/// Planted faults of each kind are found and named.
mod faults;
/// Findings of one root cause, folded into one.
mod folding;
/// Access matrix: one grid per table.
mod isolation;
/// Parts of the library, one by one.
mod library;
/// The rules of the platform's own linter.
mod lints;
/// The migration: by each route, repeated, interrupted, and restored from a dump.
mod migration;
/// Mutants: each line that security depends on, broken.
mod mutants;
/// The page of the evidence.
mod page;
/// Plans of the product's queries: each uses an index, and evaluates the caller's id once.
mod plans;
/// The imitated platform, fact by fact.
mod platform;
/// Properties: invariants of functions, triggers and constraints.
#[path = "properties/tests/mod.rs"]
mod properties;
/// Rows of any table, and the reason if one cannot be made.
mod rows;
/// Servers: found, started, shared and removed.
mod servers;
/// The main job in shards, and their merge.
mod shards;
/// Sign-up, login and tokens.
mod sign_up;
/// Files of the platform's storage.
mod storage;
/// The library's modules depend on each other one way.
mod structure;

/// A server's supervisor is this program once more, which runs this test alone.
#[test]
fn server_is_supervised() {
    schema_harness::server::supervisor::supervise_if_asked();
}
