//! Partitions and inheritance children that are named directly: what the parent's grid says holds
//! for them, too.

use crate::catalog::{Catalog, Relation};
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract::grid::{Command, Whose};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows::compose::Draft;

/// What is tried on a child: the command, its name, the administrator's statements, and the
/// client's.
struct Attempt {
    command: Command,
    part: &'static str,
    setup: Vec<String>,
    statement: String,
}

/// R11: reads, changes, deletes and inserts rows of the victim's in each child, as everybody who
/// may not in the parent.
pub(super) fn children(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let declared = context.contract.personas.iter().map(|it| it.persona);
    let others = declared.filter(|it| it.account() != VICTIM);
    let clients: Vec<Persona> =
        [ATTACKER, Persona::Guest, Persona::NoToken].into_iter().chain(others).collect();
    let mut probes = Vec::new();
    for parent in context.owned_tables() {
        for child in descendants(context.catalog, parent.relation) {
            // A partition by itself takes any row, and keeps its policies.
            let alone = child.is_partition().then(|| {
                let of = child.parents.first().map_or("", String::as_str);
                format!("alter table {of} detach partition {}", child.qualified())
            });
            let draft = context.draft(parent.name, VICTIM)?;
            let insert = draft.insert(child);
            let made = draft.setup.iter().cloned().chain(alone);
            let there: Vec<String> = made.chain([insert]).collect();
            for attempt in attempts(context, &parent, child, draft)? {
                let whose = Whose::Anothers(None);
                let is_refused =
                    |it: &&Persona| !parent.declared.grid.permits(**it, &whose, attempt.command);
                for (nth, client) in clients.iter().filter(is_refused).enumerate() {
                    let arrival = context.factory().arrival(*client)?;
                    let control = match nth {
                        0 => Control::By(Persona::ServiceRole.identity()),
                        _ => Control::Nobody("the first client has shown that it has an effect"),
                    };
                    probes.push(Probe {
                        object: child.declared_name(),
                        part: attempt.part.to_owned(),
                        setup: [attempt.setup.as_slice(), &arrival].concat(),
                        attacker: context.contract.identity(*client),
                        script: vec![attempt.statement.clone()],
                        worlds: match attempt.command {
                            Command::Insert => Vec::new(),
                            _ => vec![("there", there.clone())],
                        },
                        control,
                    });
                }
            }
        }
    }
    Ok(probes)
}

/// What is tried on a child; `draft` is of a row of the victim's.
fn attempts(
    context: &Context<'_>,
    parent: &Subject<'_>,
    child: &Relation,
    mut draft: Draft,
) -> Result<Vec<Attempt>, CannotRun> {
    let (list, table) = (parent.select_list(), child.qualified());
    let update = context.author(parent.name).plain_update("true")?;
    let name = child.declared_name();
    for (column, value) in &mut draft.values {
        // The bounds of a partition.
        let accepted = context.world.accepted(&name, column);
        if !accepted.is_empty() && !accepted.contains(value) {
            value.clone_from(&accepted[0]);
        }
    }
    let insert = draft.insert(child);
    let attempt = |command, part, setup, statement| Attempt { command, part, setup, statement };
    Ok(vec![
        attempt(Command::Select, "read", Vec::new(), format!("select {list} from {table}")),
        attempt(
            Command::Select,
            "read only",
            Vec::new(),
            format!("select {list} from only {table}"),
        ),
        attempt(
            Command::Update,
            "update",
            Vec::new(),
            update.replacen(&parent.relation.qualified(), &table, 1),
        ),
        attempt(Command::Delete, "delete", Vec::new(), format!("delete from {table}")),
        attempt(Command::Insert, "insert", draft.setup, insert),
    ])
}

/// Its children, and theirs.
fn descendants<'a>(catalog: &'a Catalog, parent: &Relation) -> Vec<&'a Relation> {
    let plain = |name: &String| name.replace('"', "");
    let names = [parent.qualified(), parent.declared_name()].map(|name| plain(&name));
    let is_child = |it: &&Relation| it.parents.iter().map(plain).any(|it| names.contains(&it));
    let children = catalog.relations.iter().filter(is_child);
    children.flat_map(|it| [vec![it], descendants(catalog, it)].concat()).collect()
}
