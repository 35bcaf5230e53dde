//! This file is family R: reading what is somebody else's.

use crate::harness::CannotRun;
use crate::harness::attack::scene::VICTIM;
use crate::harness::attack::{Attack, Kind, Probe, Scene};

/// The family.
pub(crate) const ATTACKS: [Attack; 1] = [Attack {
    id: "R01",
    title: "plain select by key, and over the whole table",
    remedy: "give the table a select policy that compares the owner with (select auth.uid())",
    references: &["CWE-639", "CWE-863"],
    unless: "no table or view has owners",
    kind: Kind::Probes(plain_select),
}];

fn plain_select(scene: &Scene<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for subject in scene.owned_relations() {
        let (columns, table) = (subject.select_list(), subject.relation.qualified());
        let key = scene.aim(subject.name, VICTIM)?;
        for (part, statement) in [
            ("by key", format!("select {columns} from {table} where {key}")),
            ("whole table", format!("select {columns} from {table}")),
        ] {
            probes.push(scene.probe(&subject, part, vec![statement])?);
        }
    }
    Ok(probes)
}
