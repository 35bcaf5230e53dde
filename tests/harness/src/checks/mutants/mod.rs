//! Mutants: for each line of the migrated database that security depends on, the statements
//! that break it.

mod bodies;
pub mod changes;
pub mod diff;
pub mod judge;
mod mutant;
mod objects;
mod platform;
mod policies;
mod privileges;
pub mod report;
pub mod run;
mod tables;

use std::collections::BTreeMap;

pub use self::mutant::{Mutant, Scope, Source};
use crate::catalog::{Catalog, Function};
use crate::contract::Contract;

/// All mutants of the declared objects, with unique ids.
pub fn all(catalog: &Catalog, contract: &Contract, sources: &[Source]) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (name, _) in contract.relations() {
        let Some(relation) = catalog.relation(name) else { continue };
        privileges::of_relation(relation, &mut mutants);
        if relation.is_table() {
            policies::of_table(relation, &mut mutants);
            tables::of_table(relation, &mut mutants);
        } else {
            objects::of_view(relation, &mut mutants);
        }
    }
    let declared = |it: &&Function| contract.functions.contains_key(&it.declared_name());
    for function in catalog.functions.iter().filter(declared) {
        privileges::of_function(function, &mut mutants);
        objects::of_function(function, &mut mutants);
    }
    for source in sources {
        bodies::of_source(source, &mut mutants);
    }
    platform::of_database(catalog, contract, &mut mutants);
    let mut seen = BTreeMap::new();
    for mutant in &mut mutants {
        let times: &mut usize = seen.entry(mutant.id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            mutant.id += &format!(" ({times})");
        }
    }
    mutants
}
