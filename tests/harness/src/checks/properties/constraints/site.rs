//! Rows for the properties of constraints: a row of a table, with another value in one of its
//! columns.

use proptest::prelude::{Strategy, TestCaseError};
use proptest::sample::select;

use crate::catalog::{Catalog, Relation};
use crate::checks::properties::{Broken, CaseTransaction, Refused, Runner, Sender};
use crate::contract::{self, Contract};
use crate::database::batch::Answer;
use crate::platform::persona::Persona;
use crate::rows::compose::{Draft, Factory, PLAIN_ROWS, Wanted};
use crate::rows::{Owner, World};
use crate::sql::ident;

/// The command that writes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Insert,
    Update,
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    select(vec![Command::Insert, Command::Update])
}

/// The data that rows are generated from.
pub(super) struct Site<'a> {
    pub(super) contract: &'a Contract,
    pub(super) catalog: Catalog,
    pub(super) world: World,
}

impl<'a> Site<'a> {
    pub(super) fn of(runner: &'a Runner) -> Result<Self, Broken> {
        let (catalog, world) = runner.made()?;
        Ok(Self { contract: runner.contract(), catalog, world })
    }

    /// The declared tables of which there are rows.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&String, &contract::Relation)> {
        self.contract.tables.iter().filter(|(table, _)| self.world.unmade(table).is_none())
    }

    /// Who may have a row of that table.
    pub(super) fn owners(declared: &contract::Relation) -> Vec<Owner> {
        match declared.owner {
            contract::Owner::None => vec![Owner::Nobody],
            _ => Persona::OWNERS.map(Owner::User).to_vec(),
        }
    }

    /// A row of that table, not inserted yet.
    pub(super) fn row(&self, table: &str, owner: Owner) -> Result<NewRow<'_>, Broken> {
        let factory =
            Factory { catalog: &self.catalog, contract: self.contract, world: &self.world };
        let wanted = Wanted { filled: true, ..Wanted::plain(owner, PLAIN_ROWS) };
        let mut draft = factory.draft(table, wanted)?;
        let relation = self.catalog.relation(table);
        let relation = relation.ok_or_else(|| Broken::untried(format!("there is no {table}")))?;
        // The ordinals after the plain rows are those of the variants.
        let unused = Wanted { ordinal: 1000, ..wanted };
        factory.name_the_key(&mut draft, relation, unused)?;
        // Conditions name what is unique, where a default would only do for an insert.
        for column in relation.unique_keys().iter().flatten() {
            let of_column = relation.column(column).filter(|it| it.made.is_none());
            if of_column.is_some() && !draft.values.contains_key(column) {
                let value = factory.value(relation, column, "a value of its own")?;
                draft.values.insert(column.clone(), value);
            }
        }
        Ok(NewRow { relation, draft })
    }
}

/// A row that is not inserted yet.
pub(super) struct NewRow<'a> {
    pub(super) relation: &'a Relation,
    draft: Draft,
}

impl NewRow<'_> {
    /// Its literal for a column.
    pub(super) fn literal(&self, column: &str) -> &str {
        self.draft.values.get(column).map_or("default", String::as_str)
    }

    /// The type of a column.
    pub(super) fn data_type(&self, column: &str) -> &str {
        self.relation.column(column).map_or("", |column| &column.data_type)
    }

    /// A condition that is true only for it.
    pub(super) fn is_it(&self) -> String {
        let is = |column: &String| format!("{} = {}", ident(column), self.literal(column));
        self.relation.primary_key().iter().map(is).collect::<Vec<_>>().join(" and ")
    }

    /// Runs its setup.
    pub(super) async fn set_up(&self, transaction: &CaseTransaction) -> Result<(), Refused> {
        if !self.draft.setup.is_empty() {
            transaction.admin(&self.draft.setup.join("; ")).await?;
        }
        Ok(())
    }

    /// Inserts it unchanged.
    pub(super) async fn write(&self, transaction: &CaseTransaction) -> Result<(), Refused> {
        transaction.admin(&self.draft.insert(self.relation)).await.map(drop)
    }

    /// Tries to write other literals into some of its columns; returns whether the first of
    /// them is null afterwards.
    pub(super) async fn with(
        &self,
        transaction: &CaseTransaction,
        command: Command,
        values: &[(&str, &str)],
    ) -> Result<Result<Answer, Refused>, TestCaseError> {
        let statement = match command {
            Command::Insert => {
                let mut draft = self.draft.clone();
                let values = values.iter().map(|(at, value)| ((*at).into(), (*value).into()));
                draft.values.extend(values);
                draft.insert(self.relation)
            }
            Command::Update => {
                self.write(transaction).await?;
                let set = values.iter().map(|(at, value)| format!("{} = {value}", ident(at)));
                let set = set.collect::<Vec<_>>().join(", ");
                format!("update {} set {set} where {}", self.relation.qualified(), self.is_it())
            }
        };
        let first = ident(values[0].0);
        let statement = format!("{statement} returning ({first} is null)::text");
        let answer = transaction.run(&Sender::admin(), &statement).await;
        match answer {
            Ok(answer) if answer.count != 1 => {
                Err(TestCaseError::fail(format!("{} rows for {statement}", answer.count)))
            }
            answer => Ok(answer),
        }
    }
}

/// Compares the outcome of a statement with the declared one: success, or the SQLSTATE of the
/// refusal and the constraint, if it has a name.
pub(super) fn judge(
    what: &str,
    answer: &Result<Answer, Refused>,
    refusal: Option<(&str, Option<&str>)>,
) -> Result<(), TestCaseError> {
    let observed = match answer {
        Ok(_) => "accepted".to_owned(),
        Err(why) => format!("refused: {why} ({})", why.constraint()),
    };
    let is_so = match (answer, refusal) {
        (Ok(_), None) => true,
        (Err(why), Some((code, name))) => {
            why.code() == code && name.is_none_or(|name| why.constraint() == name)
        }
        _ => false,
    };
    let expected = match refusal {
        None => "accepted".to_owned(),
        Some((code, name)) => format!("refused with {code} {}", name.unwrap_or_default()),
    };
    if is_so {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{what}: {observed}; declared: {expected}")))
}
