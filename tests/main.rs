//! What is proved of the Identra schema, and that the proofs can fail: the table of contents.

/// Another schema: proved with a contract of its own, and its faults found.
mod adopting;
/// The attack catalogue on this schema, and that each attack finds its weakness.
mod attacks;
/// What a mistake gets: one message, exit status 2, nothing left behind.
mod bad_input;
/// The catalog beside the contract, facet by facet.
mod contract;
/// Rules of style that a machine can check.
mod conventions;
/// The project's Markdown pages: links lead somewhere, commands and contracts are understood.
mod docs;
/// A contract drafted from what there is, for a person to correct.
mod draft;
/// The evidence: its forms, its baseline, its replay.
mod evidence;
/// What a rule means, with an example and the remedy, asked by its id.
mod explain;
/// Which family each check is of, and which requirements of others' standards it speaks to.
mod families;
/// What turns a proof red: each kind of fault, planted, is found and named.
mod faults;
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
/// Rows of any table, and what is said where something refuses them.
mod rows;
/// What a server is, and that nothing of it is left.
mod servers;
/// The main job in parts, and the parts put together again.
mod shards;
/// A user signs up, logs in and is the only one who gets in.
mod sign_up;

/// A server's supervisor is this program once more, which runs this test alone.
#[test]
fn server_is_supervised() {
    schema_harness::server::supervisor::supervise_if_asked();
}
