//! The schema harness: proves on a disposable PostgreSQL that every user reaches their own
//! rows and nobody else's. This file is its table of contents.

/// Another schema: proved with a contract of its own, and its faults found.
mod adopting;
/// What somebody would try: the attack catalogue, one family per file.
mod attacks;
/// What a mistake gets: one message, exit status 2, nothing left behind.
mod bad_input;
/// What the schema promises, facet by facet.
mod contract;
/// Rules of style that a machine can check.
mod conventions;
/// What the machine has, which server a run would take, and what to do about the rest.
mod doctor;
/// A contract drafted from what there is, for a person to correct.
mod draft;
/// From the ledger to what a reader opens.
mod evidence;
/// What a rule means, with an example and the remedy, asked by its id.
mod explain;
/// Which family each check is of, and which requirements of others' standards it speaks to.
mod families;
/// What turns a proof red: each kind of fault, planted, is found and named.
mod faults;
/// How a test gets a database and becomes somebody; knows no table name.
mod harness;
/// Who may do what: one grid per table.
mod isolation;
/// What the platform's own linter would say, rule by rule.
mod lints;
/// The ways in, twice, half-way, and back from a dump.
mod migration;
/// Whether the proofs would notice: each line that security rests on, broken.
mod mutants;
/// The page of the evidence, as its readers have it.
mod page;
/// How the product's queries are planned: through an index, and with one look at the caller.
mod plans;
/// The imitated platform, fact by fact.
mod platform;
/// What functions, triggers and constraints keep true, whatever is done.
mod properties;
/// What a server is, and that nothing of it is left.
mod servers;
/// The main job in parts, and the parts put together again.
mod shards;
/// A user signs up, logs in and is the only one who gets in.
mod sign_up;
/// The main job: everything above in one verdict.
mod verify;
