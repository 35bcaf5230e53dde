//! Secrets: the victim's rows and columns that the contract keeps from an attacker. What the grid
//! lets the attacker read is public, and the same in every world.

use serde_json::Value;

use super::context::{ATTACKER, Context, Subject, VICTIM};
use super::probe::{Control, Probe};
use crate::contract::grid::{Command, Whose};
use crate::contract::shape::Sharing;
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};
use crate::rows::holders::removal;
use crate::rows::{Owner, REFRESH, Row, without_triggers};

/// The name of the world in which public rows have other values in the columns that the attacker
/// may not read. An update moves rows, so that their order there says nothing.
pub const OTHER_IN_COLUMNS: &str = "other in columns that are not granted";

/// A world: its name, and the administrator's statements that make it.
pub type World = (&'static str, Vec<String>);

impl<'a> Context<'a> {
    /// Whether the grid lets the attacker read the victim's rows of that variant.
    pub fn may_read(
        &self,
        attacker: &Identity,
        subject: &Subject<'_>,
        variant: Option<&str>,
    ) -> bool {
        let whose = Whose::Anothers(variant.map(str::to_owned));
        subject.declared.grid.permits(self.persona_of(attacker), &whose, Command::Select)
    }

    /// The kinds of the victim's rows that the attacker may not read.
    fn secret_variants<'s>(
        &self,
        subject: &Subject<'s>,
        attacker: &Identity,
    ) -> Vec<Option<&'s str>> {
        variants(subject).filter(|it| !self.may_read(attacker, subject, *it)).collect()
    }

    /// The victim's rows of a table that the attacker may not read.
    pub fn secret_rows(&self, subject: &Subject<'_>, attacker: &Identity) -> Vec<&'a Row> {
        let variants = self.secret_variants(subject, attacker).into_iter();
        let rows = variants
            .flat_map(|variant| self.world.rows(subject.name, Owner::User(VICTIM), variant));
        rows.collect()
    }

    /// Whether the attacker may not read some row of the victim's.
    pub fn has_secrets(&self, subject: &Subject<'_>, attacker: &Identity) -> bool {
        if subject.is_view() {
            return !self.may_read(attacker, subject, None);
        }
        !self.secret_rows(subject, attacker).is_empty()
    }

    /// Whether the victim may read a row of the victim's own that the attacker may not.
    pub fn has_own_secrets(&self, subject: &Subject<'_>) -> bool {
        variants(subject).any(|variant| {
            let own = Whose::Own(variant.map(str::to_owned));
            !self.may_read(&self.attacker, subject, variant)
                && subject.declared.grid.permits(VICTIM, &own, Command::Select)
        })
    }

    /// The tables with rows that the attacker may not read.
    pub fn secret_tables(&self, attacker: &Identity) -> Vec<Subject<'a>> {
        let tables = self.owned_tables().into_iter();
        tables.filter(|table| self.has_secrets(table, attacker)).collect()
    }

    /// The tables and views with rows that the attacker may not read.
    pub fn secret_relations(&self, attacker: &Identity) -> Vec<Subject<'a>> {
        let relations = self.owned_relations().into_iter();
        relations.filter(|relation| self.has_secrets(relation, attacker)).collect()
    }

    /// A condition that is true for the first row of the victim's that the attacker may not read.
    ///
    /// # Errors
    /// That the world has no such row.
    pub fn aim_at_secret(
        &self,
        subject: &Subject<'_>,
        attacker: &Identity,
    ) -> Result<String, CannotRun> {
        let variant = self.secret_variants(subject, attacker).first().copied().flatten();
        self.author(subject.name).aim_at(Owner::User(VICTIM), variant)
    }

    /// A condition that is true for every row of the victim's that the attacker may not read,
    /// over the table called `r`; none if there is no such row.
    ///
    /// # Errors
    /// That the world has no such row.
    pub fn secrets(
        &self,
        subject: &Subject<'_>,
        attacker: &Identity,
    ) -> Result<Option<String>, CannotRun> {
        let [secret, _] = self.conditions(subject, attacker)?;
        Ok(secret)
    }

    /// Whether the column decides who may read a row: a variant sets it, and users may read that
    /// variant of another's rows, or the plain ones, and not both.
    pub fn publishes(&self, subject: &Subject<'_>, column: &str) -> bool {
        let reads = |variant| self.may_read(&self.attacker, subject, variant);
        let variants = subject.declared.variants.iter();
        let mut setting = variants.filter(|(_, values)| values.contains_key(column));
        setting.any(|(variant, _)| reads(Some(variant)) != reads(None))
    }

    /// Conditions over the table called `r`: for the rows of the victim's that the attacker may
    /// not read, and for those that the attacker may; none where there are no such rows.
    fn conditions(
        &self,
        subject: &Subject<'_>,
        attacker: &Identity,
    ) -> Result<[Option<String>; 2], CannotRun> {
        let victims = self.belongs_to(subject, VICTIM);
        let plain = self.may_read(attacker, subject, None);
        let mut others = Vec::new();
        for variant in variants(subject).flatten() {
            let there =
                !self.world.rows(subject.name, Owner::User(VICTIM), Some(variant)).is_empty();
            if there && self.may_read(attacker, subject, Some(variant)) != plain {
                others.push(self.author(subject.name).aim_at(Owner::User(VICTIM), Some(variant))?);
            }
        }
        if others.is_empty() {
            return Ok(if plain { [None, Some(victims)] } else { [Some(victims), None] });
        }
        let others = others.join(" or ");
        let like_plain = Some(format!("{victims} and not ({others})"));
        let unlike_plain = Some(format!("{victims} and ({others})"));
        Ok(if plain { [unlike_plain, like_plain] } else { [like_plain, unlike_plain] })
    }

    /// The worlds in which the victim's rows of a table that the attacker may not read are
    /// absent, and in which they have other values. For a view, those of all tables.
    ///
    /// # Errors
    /// Which value could not be made.
    pub fn worlds(
        &self,
        subject: &Subject<'_>,
        attacker: &Identity,
    ) -> Result<Vec<World>, CannotRun> {
        if subject.is_view() {
            return self.worlds_of_all(attacker);
        }
        let table = subject.relation.qualified();
        let [secret, _] = self.conditions(subject, attacker)?;
        let mut worlds = Vec::new();
        if let Some(secret) = secret {
            let delete = format!("delete from {table} r where {secret}");
            worlds.push(("absent", self.deletion(subject, attacker, delete)));
            let changes = self.author(subject.name).changes("another world", |_| true)?;
            if !changes.is_empty() {
                let other = format!("update {table} r set {changes} where {secret}");
                worlds.push(("other", vec![other]));
            }
        }
        Ok(worlds)
    }

    /// The same worlds for all tables at once, and the one in which public rows have other values
    /// in the columns that the attacker may not read, which a function or a view may show.
    ///
    /// # Errors
    /// Which value could not be made.
    pub fn worlds_of_all(&self, attacker: &Identity) -> Result<Vec<World>, CannotRun> {
        let names = ["absent", "other", OTHER_IN_COLUMNS];
        let mut worlds: Vec<World> = names.map(|name| (name, Vec::new())).to_vec();
        // Memberships last: without them the victim's shared rows can no longer be identified.
        let mut tables = self.owned_tables();
        tables.sort_by_key(|table| table.declared.shape.sharing == Sharing::Membership);
        for table in tables {
            let of_table = self.worlds(&table, attacker)?;
            let columns = self.other_in_columns(&table, attacker)?;
            for (name, statements) in of_table.into_iter().chain(columns) {
                let (_, all) = worlds.iter_mut().find(|(it, _)| *it == name).expect("it is named");
                all.extend(statements);
            }
        }
        worlds.retain(|(_, statements)| !statements.is_empty());
        if self.catalog.relations.iter().any(|it| it.kind == "materialized view") {
            for (_, statements) in &mut worlds {
                statements.push(REFRESH.to_owned());
            }
        }
        Ok(worlds)
    }

    fn other_in_columns(
        &self,
        table: &Subject<'_>,
        attacker: &Identity,
    ) -> Result<Option<World>, CannotRun> {
        let [_, Some(public)] = self.conditions(table, attacker)? else { return Ok(None) };
        let role = self.persona_of(attacker).role();
        let readable = table.declared.granted(role, Command::Select.name());
        let author = self.author(table.name);
        let changes = author.changes("another world", |it| !readable.contains(&it))?;
        let name = table.relation.qualified();
        let update = || vec![format!("update {name} r set {changes} where {public}")];
        Ok((!changes.is_empty()).then(|| (OTHER_IN_COLUMNS, update())))
    }

    /// The persona whose lines of the grids hold for an identity: one that the contract declares, if
    /// the token says the same.
    fn persona_of(&self, identity: &Identity) -> Persona {
        if let Some(persona) = Persona::named(&identity.name) {
            return persona;
        }
        let claims: Value = serde_json::from_str(&identity.claims).unwrap_or_default();
        let declared = self.contract.personas.iter().map(|it| it.persona);
        match identity.role.as_str() {
            "anon" => Persona::NoToken,
            _ if claims["is_anonymous"] == true => Persona::Guest,
            role => {
                let user = claims["sub"].as_str() == ATTACKER.user_id();
                let like = if user { ATTACKER } else { Persona::Carol };
                let says = |it: &Persona| it.role() == role && it.is_said_by(&claims);
                declared.into_iter().find(says).unwrap_or(like)
            }
        }
    }

    /// A deletion of secret rows. Where other rows are public, hold these, or have declared effects,
    /// it leaves those as they are: no key and no trigger reaches them.
    fn deletion(&self, subject: &Subject<'_>, attacker: &Identity, delete: String) -> Vec<String> {
        let is_public = |table: &Subject<'_>| {
            variants(table).any(|variant| self.may_read(attacker, table, variant))
        };
        let has_effects = self.contract.tables.values().any(|it| !it.effects.is_empty());
        let is_held = !removal(self.catalog, subject.relation, "true").is_empty();
        if is_held || has_effects || self.owned_tables().iter().any(is_public) {
            without_triggers(delete)
        } else {
            vec![delete]
        }
    }

    /// A probe by the attacker in all worlds of a subject, with the service role as control.
    ///
    /// # Errors
    /// Which value could not be made.
    pub fn probe(
        &self,
        subject: &Subject<'_>,
        part: &str,
        script: Vec<String>,
    ) -> Result<Probe, CannotRun> {
        self.probe_by(self.attacker.clone(), subject, part, script)
    }

    /// The same by another attacker.
    ///
    /// # Errors
    /// Which value could not be made.
    pub fn probe_by(
        &self,
        attacker: Identity,
        subject: &Subject<'_>,
        part: &str,
        script: Vec<String>,
    ) -> Result<Probe, CannotRun> {
        Ok(Probe {
            object: subject.name.to_owned(),
            part: part.to_owned(),
            setup: Vec::new(),
            worlds: self.worlds(subject, &attacker)?,
            attacker,
            script,
            control: Control::By(Persona::ServiceRole.identity()),
        })
    }
}

/// The kinds of a table's rows: plain, and each variant.
fn variants<'s>(subject: &Subject<'s>) -> impl Iterator<Item = Option<&'s str>> + use<'s> {
    let named = subject.declared.shape.variants.iter();
    [None].into_iter().chain(named.map(|variant| Some(variant.as_str())))
}
