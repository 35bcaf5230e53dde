//! The path from a row to its owner, as a file writes it.

use super::file::OneOrMany;
use super::membership::Members;
use super::model::Owner;
use super::tenant::Tenant;
use crate::source::mistake::Wrong;

/// The owner that a path, or several, lead to.
pub(super) fn owner(paths: &OneOrMany) -> Result<Owner, Wrong> {
    let step = |path: &str| {
        let (column, table) = path.split_once("->").ok_or_else(|| {
            Wrong::new(format!("`{path}` is no path"))
                .help("say `column`, `column -> table` or, by itself, `column <- table.column`")
        })?;
        Ok((column.trim().to_owned(), table.trim().to_owned()))
    };
    Ok(match paths {
        OneOrMany::One(none) if none == "none" => Owner::None,
        OneOrMany::One(expression) if expression.contains('(') => {
            Owner::Expression(expression.clone())
        }
        OneOrMany::One(members) if members.contains("<-") => {
            Owner::Members(Members::parse(members)?)
        }
        OneOrMany::One(tenant) if tenant.contains(" = ") => Owner::Tenant(Tenant::parse(tenant)?),
        OneOrMany::One(column) if !column.contains("->") => Owner::Column(column.clone()),
        OneOrMany::One(path) => Owner::Through(vec![step(path)?]),
        OneOrMany::Many(paths) => {
            Owner::Through(paths.iter().map(|path| step(path)).collect::<Result<_, Wrong>>()?)
        }
    })
}
