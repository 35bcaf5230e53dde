//! The context of an attack: attacker, victim and bystander, the objects of the schema, and the
//! parts from which statements are composed.

use std::collections::BTreeSet;

use crate::catalog::{self, Catalog, Relation};
use crate::checks::isolation::plan::Author;
use crate::checks::isolation::{Sandbox, reach};
use crate::contract::grid::{Command, Whose};
use crate::contract::{self, Contract};
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};
use crate::platform::{CLIENTS, SCHEMAS};
use crate::probe::Prober;
use crate::probe::digest::{BETWEEN, Changed, owner_expression};
use crate::rows::compose::{Draft, Factory, PLAIN_ROWS, Wanted};
use crate::rows::holders::removal;
use crate::rows::{Owner, Row, World};
use crate::sql::ident;

/// The attacker.
pub const ATTACKER: Persona = Persona::Bob;
/// The user whose rows must be neither read nor changed.
pub const VICTIM: Persona = Persona::Alice;

/// The data from which attacks are written.
pub struct Context<'a> {
    sandbox: &'a Sandbox,
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The contract.
    pub contract: &'a Contract,
    /// The generated rows.
    pub world: &'a World,
    /// The attacker, as the gateway presents it to the database.
    pub attacker: Identity,
    known: BTreeSet<String>,
    /// Why any leak is accepted, if the channel is inherent.
    pub(super) open_by_nature: Option<&'static str>,
}

/// A table or view that exists and is declared.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its bare name.
    pub name: &'a str,
    /// Its catalog entry.
    pub relation: &'a Relation,
    /// Its declaration.
    pub declared: &'a contract::Relation,
}

impl Subject<'_> {
    /// Whether it is a view.
    pub fn is_view(&self) -> bool {
        !self.relation.is_table()
    }

    /// Whether both the attacker and the victim are to read rows of their own.
    pub fn is_read_by_its_owners(&self) -> bool {
        let grid = &self.declared.grid;
        let reads = |it| grid.permits(it, &Whose::Own(None), Command::Select);
        reads(ATTACKER) && reads(VICTIM)
    }

    /// Its columns that a client may read; all columns if there are none.
    pub fn readable(&self) -> Vec<&str> {
        let all = || self.relation.columns.iter().map(|column| column.name.as_str());
        let readable: Vec<&str> =
            all().filter(|column| self.declared.client_may("select", column)).collect();
        if readable.is_empty() { all().collect() } else { readable }
    }

    /// The same as a select list.
    pub fn select_list(&self) -> String {
        self.readable().into_iter().map(ident).collect::<Vec<_>>().join(", ")
    }
}

impl<'a> Context<'a> {
    /// The context of attacks in that sandbox.
    ///
    /// # Errors
    /// Why the world has no rows.
    pub fn of(sandbox: &'a Sandbox) -> Result<Self, String> {
        let world = sandbox.world.as_ref().map_err(Clone::clone)?;
        let contract = &sandbox.inputs.contract;
        let users = Persona::USERS.iter().filter_map(|persona| persona.user_id());
        let known = users.map(str::to_owned).chain(world.uuids()).collect();
        let catalog = &sandbox.catalog;
        let attacker = contract.identity(ATTACKER);
        Ok(Self { sandbox, catalog, contract, world, attacker, known, open_by_nature: None })
    }

    /// The connection that probes run on.
    pub fn prober(&self) -> &Prober {
        &self.sandbox.prober
    }

    /// Uuids of the world, which transcripts show as they are.
    pub fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// Tables that have owners.
    pub fn owned_tables(&self) -> Vec<Subject<'a>> {
        self.tables().into_iter().filter(|table| table.declared.shape.owned).collect()
    }

    /// All declared tables of which there are rows.
    pub fn tables(&self) -> Vec<Subject<'a>> {
        self.contract.tables.iter().filter_map(|(n, d)| self.subject(n, d)).collect()
    }

    /// All declared views.
    pub fn views(&self) -> Vec<Subject<'a>> {
        self.contract.views.iter().filter_map(|(n, d)| self.subject(n, d)).collect()
    }

    /// Tables and views that have owners.
    pub fn owned_relations(&self) -> Vec<Subject<'a>> {
        let views = self.views().into_iter().filter(|view| view.declared.shape.owned);
        self.owned_tables().into_iter().chain(views).collect()
    }

    fn subject(&self, name: &'a str, declared: &'a contract::Relation) -> Option<Subject<'a>> {
        let relation = self.catalog.relation(name)?;
        // Of a table without rows the world itself says why.
        self.world.unmade(name).is_none().then_some(Subject { name, relation, declared })
    }

    /// Functions of every schema but the platform's that a client's role can execute.
    pub fn client_functions(&self) -> Vec<&'a catalog::Function> {
        let callable = |function: &&catalog::Function| {
            !SCHEMAS.contains(&function.schema.as_str())
                && function.grants.iter().any(|grant| CLIENTS.contains(&grant.grantee.as_str()))
        };
        self.catalog.functions.iter().filter(callable).collect()
    }

    /// The author of statements for that table or view.
    pub fn author(&self, name: &str) -> Author<'a> {
        Author::new(self.catalog, self.contract, self.world, name)
            .expect("subjects are there and declared")
    }

    /// The first plain row of a table that belongs to a user.
    pub fn row(&self, table: &str, persona: Persona) -> Option<&'a Row> {
        self.world.rows(table, Owner::User(persona), None).first().copied()
    }

    /// Whether a row of the world names the persona as a party of whatever refers to a key in
    /// that column, and the grid lets that party read it.
    pub fn reads_as_party(
        &self,
        subject: &Subject<'_>,
        (column, key): (&str, &str),
        persona: Persona,
    ) -> bool {
        let grid = &subject.declared.grid;
        subject.declared.parties.iter().any(|(word, party)| {
            let contract::Owner::Members(members) = &party.path else { return false };
            let rows = self.world.rows(&members.table, Owner::User(persona), None);
            members.column == column
                && rows.iter().any(|row| row.literal(&members.by) == Some(key))
                && grid.permits(persona, &Whose::As(word.clone()), Command::Select)
        })
    }

    /// A condition that is true for the first plain row of that user alone.
    ///
    /// # Errors
    /// That the world has no such row.
    pub fn aim(&self, name: &str, persona: Persona) -> Result<String, CannotRun> {
        self.author(name).aim_at(Owner::User(persona), None)
    }

    /// A condition that is true for every row of that user, over the table called `r`.
    pub fn belongs_to(&self, subject: &Subject<'_>, persona: Persona) -> String {
        let owner = owner_expression(self.catalog, self.contract, subject.relation, "r");
        format!("{owner}::text = '{}'", persona.user_id().unwrap_or_default())
    }

    /// A draft of a row of that table and user.
    ///
    /// # Errors
    /// Which column could not be filled.
    pub fn draft(&self, table: &str, persona: Persona) -> Result<Draft, CannotRun> {
        let owner = Owner::User(persona);
        self.factory().draft(table, Wanted::plain(owner, PLAIN_ROWS))
    }

    /// The factory of literals for columns.
    pub fn factory(&self) -> Factory<'a> {
        Factory { catalog: self.catalog, contract: self.contract, world: self.world }
    }

    /// Statements that delete the victim's account, and what forbids it.
    pub fn without_the_victim(&self) -> Vec<String> {
        let is_victim = format!("r.id = '{}'", VICTIM.user_id().unwrap_or_default());
        let accounts = self.catalog.relation("auth.users");
        let held = accounts.map(|it| removal(self.catalog, it, &is_victim)).unwrap_or_default();
        held.into_iter().chain([format!("delete from auth.users r where {is_victim}")]).collect()
    }

    /// Accepts any leak in this context, for that reason.
    pub(super) fn accept(&mut self, reason: &'static str) {
        self.open_by_nature = Some(reason);
    }

    /// Why the contract accepts what that attack finds on that object.
    pub fn accepted(&self, attack: &str, object: &str) -> Option<&'a str> {
        let accepted = &self.contract.relation(object)?.accepted;
        let of_attack = accepted.iter().find(|a| a.attacks.iter().any(|id| id == attack));
        of_attack.map(|accepted| accepted.reason.as_str())
    }

    /// Whether an attack by `attacker` on `object` may change those rows.
    pub fn may_change(&self, attacker: &Identity, object: &str, changed: &Changed) -> bool {
        const WRITES: [Command; 3] = [Command::Insert, Command::Update, Command::Delete];
        Persona::named(&attacker.name).is_some_and(|persona| {
            reach::may_change(self.contract, self.world, persona, (object, &WRITES), changed)
        })
    }

    /// Whether rows of that owner belong to the victim alone.
    pub fn is_victims(owner: &str) -> bool {
        VICTIM.user_id().is_some_and(|victim| owner.split(BETWEEN).any(|end| end == victim))
    }
}
