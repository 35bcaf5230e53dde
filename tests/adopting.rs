//! The harness on another schema: an example whose rows belong to the members of a team is
//! proved, and each planted fault is found and named.

mod forum;
mod mistakes;
#[path = "../fixtures/examples/teams/tests/properties/mod.rs"]
mod teams_properties;

use std::sync::Arc;

use rstest::rstest;

use schema_harness::checks::attacks;
use schema_harness::checks::attacks::runner::Attack;
use schema_harness::checks::mutants::judge::Which;
use schema_harness::checks::properties::Broken;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::report::{Evidence, Verdict};
use schema_harness::source::project;

/// Migrations and contract of the example.
pub(crate) fn example() -> Inputs {
    let example = project().join("fixtures/examples/teams");
    let [migrations, fixtures] = ["migrations", "fixtures"].map(|name| example.join(name));
    Inputs::read(&migrations, &fixtures).unwrap_or_else(|why| panic!("{why}"))
}

/// The evidence that the main job gives of the example with one more migration.
async fn evidence_with(fault: &str, attacks: &[&'static Attack]) -> Evidence {
    let inputs = example().followed_by(fault);
    evidence_of(inputs, attacks, None).await
}

async fn evidence_of(
    inputs: Inputs,
    attacks: &[&'static Attack],
    which: Option<Which>,
) -> Evidence {
    let attacks = attacks.to_vec();
    let job = Job { attacks, mutants: which, ..Job::without_attacks(&[]) };
    let evidence = job::run(Arc::new(inputs), &job).await;
    evidence.unwrap_or_else(|why| panic!("{why}"))
}

/// Every line that security depends on is broken, including the functions that policies call,
/// and a check catches it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mutant_of_the_example_is_caught() {
    let evidence = evidence_of(example(), &[], Some(Which::All)).await;
    let missed: Vec<&String> = evidence
        .findings
        .iter()
        .filter(|finding| finding.rule == "mutant.missed")
        .map(|finding| &finding.check)
        .collect();
    assert_eq!(missed, [""; 0]);
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
}

/// The example's property, as its own crate tries it, on a copy of the schema with a fault.
#[rstest]
#[case::owners_alone_are_in_a_team("m.user_id = private.caller() and m.role = 'owner'")]
#[case::everybody_is_in_every_team("true")]
#[case::nobody_is_in_the_teams_of_nobody(
    "m.user_id is not distinct from private.caller() \
     or private.caller() is null"
)]
#[case::a_team_of_several_comes_once_for_each(
    "m.team_id in (select o.team_id \
     from public.team_members o where o.user_id = private.caller())"
)]
fn property_notices(#[case] condition: &str) {
    let tried = property_with(condition);
    assert!(tried.is_err(), "{condition}");
}

/// The near misses: other ways to say the same.
#[rstest]
#[case::as_it_is("m.user_id = private.caller()")]
#[case::through_the_teams(
    "m.user_id = private.caller() and exists \
     (select from public.teams t where t.id = m.team_id)"
)]
#[case::with_each_role("m.user_id = private.caller() and m.role in ('owner', 'member')")]
fn property_passes_over(#[case] condition: &str) {
    let tried = property_with(condition);
    assert_eq!(tried, Ok(()), "{condition}");
}

/// What the property finds where `private.my_teams()` has that condition.
fn property_with(condition: &str) -> Result<(), Broken> {
    let fault = format!(
        "create or replace function private.my_teams() returns setof uuid language sql stable \
         security definer set search_path = '' as $$ select m.team_id from public.team_members m \
         where {condition} $$"
    );
    let [property] = teams_properties::ALL else { panic!("one property") };
    let tried = property.attempt_with(&example(), Regime::Explicit, &fault);
    tried.unwrap_or_else(|why| panic!("{why}")).result
}

/// The control: nothing is wrong, and nothing is left out. The attacks are made where the
/// example's own crate is tested.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn example_is_proved() {
    let evidence = evidence_with("select 1", &[]).await;
    assert_eq!(evidence.findings, []);
    assert_eq!(evidence.verdict, Verdict::Proved);
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
    let open = evidence.not_proved.join("\n");
    assert!(open.contains("what members do to a third member"), "{open}");
}

/// Each fault is found by a cell, not only by the text of the policy: the cell names the table,
/// the persona and the row.
#[rstest]
#[case::anybody_joins_any_team(
    "alter policy \"Owners add members to their teams\" on public.team_members \
     with check (user_id = (select auth.uid()))",
    &["insert/bob/alices-row", "insert/carol/alices-row", "insert/carol/shared-row"],
    "team_members"
)]
#[case::anybody_lets_anybody_in(
    "alter policy \"Owners add members to their teams\" on public.team_members \
     with check (true)",
    &["insert/bob/alices-row", "insert/bob/shared-row"],
    "team_members"
)]
#[case::members_let_others_in(
    "alter policy \"Owners add members to their teams\" on public.team_members \
     with check (team_id in (select private.my_teams()))",
    &["insert/bob/shared-row"],
    "team_members"
)]
#[case::projects_are_open_to_whoever_has_signed_in(
    "alter policy \"Members see their teams' projects\" on public.projects \
     using ((select auth.uid()) is not null)",
    &["select/bob/alices-row", "select/carol/shared-row", "select/guest/every-row"],
    "projects"
)]
#[case::tasks_are_joined_by_the_wrong_column(
    "alter policy \"Members see their projects' tasks\" on public.tasks \
     using (id in (select p.id from public.projects p))",
    &["select/alice/alices-row", "select/bob/shared-row"],
    "tasks"
)]
#[case::tasks_are_compared_with_themselves(
    "alter policy \"Members see their projects' tasks\" on public.tasks \
     using (exists (select from public.team_members m where m.team_id = team_id))",
    &["select/bob/alices-row"],
    "tasks"
)]
#[case::helper_does_not_ask_who_is_a_member(
    "create or replace function private.my_teams() returns setof uuid language sql stable \
     security definer set search_path = '' as 'select m.team_id from public.team_members m'",
    &["select/bob/alices-row", "select/carol/shared-row", "select/alice/every-row"],
    "teams"
)]
#[case::helper_does_not_ask_for_the_role(
    "create or replace function private.teams_i_own() returns setof uuid language sql stable \
     security definer set search_path = '' as 'select m.team_id from public.team_members m \
     where m.user_id = private.caller()'",
    &["update/bob/shared-row", "delete/bob/shared-row"],
    "teams"
)]
#[case::member_promotes_himself(
    "alter policy \"Owners change the roles in their teams\" on public.team_members \
     using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()))",
    &["update/bob/bobs-shared-row", "update/alice/shared-row"],
    "team_members"
)]
#[case::member_removes_others(
    "alter policy \"Owners remove members, and members leave\" on public.team_members \
     using (team_id in (select private.my_teams()))",
    &["delete/bob/shared-row", "delete/bob/every-row"],
    "team_members"
)]
#[case::member_cannot_leave(
    "alter policy \"Owners remove members, and members leave\" on public.team_members \
     using (team_id in (select private.teams_i_own()))",
    &["delete/bob/bobs-shared-row"],
    "team_members"
)]
#[case::shared_row_is_invisible_to_a_member(
    "alter policy \"Members see their teams' projects\" on public.projects \
     using (team_id in (select private.teams_i_own()))",
    &["select/bob/shared-row", "select/bob/every-row"],
    "projects"
)]
#[case::maker_of_a_team_is_no_member(
    "drop trigger teams_own_new on public.teams",
    &["insert/carol/carols-row"],
    "teams"
)]
#[case::maker_of_a_team_is_promoted_elsewhere(
    "create or replace function private.own_new_team() returns trigger language plpgsql \
     security definer set search_path = '' as $$ begin \
     update public.team_members set role = 'owner' where user_id = private.caller(); \
     insert into public.team_members values (new.id, private.caller(), 'owner'); \
     return null; end $$",
    &["insert/bob/bobs-row"],
    "teams"
)]
#[case::maker_of_a_team_removes_others_elsewhere(
    "create or replace function private.own_new_team() returns trigger language plpgsql \
     security definer set search_path = '' as $$ begin \
     delete from public.team_members where user_id <> private.caller() \
     and team_id in (select private.my_teams()); \
     insert into public.team_members values (new.id, private.caller(), 'owner'); \
     return null; end $$",
    &["insert/bob/bobs-row"],
    "teams"
)]
#[case::maker_of_a_team_removes_projects_elsewhere(
    "create or replace function private.own_new_team() returns trigger language plpgsql \
     security definer set search_path = '' as $$ begin \
     delete from public.projects where team_id in (select private.my_teams()); \
     insert into public.team_members values (new.id, private.caller(), 'owner'); \
     return null; end $$",
    &["insert/bob/bobs-row"],
    "teams"
)]
#[case::maker_of_a_team_lets_a_stranger_in(
    "create or replace function private.own_new_team() returns trigger language plpgsql \
     security definer set search_path = '' as $$ begin insert into public.team_members \
     select new.id, u.id, 'owner' from auth.users u; return null; end $$",
    &["insert/bob/bobs-row"],
    "teams"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_is_found(#[case] fault: &str, #[case] cells: &[&str], #[case] table: &str) {
    let evidence = evidence_with(fault, &[]).await;
    assert_eq!(evidence.verdict, Verdict::Findings, "{fault}");
    let found = |id: &str| evidence.findings.iter().find(|finding| finding.check == id);
    for cell in cells {
        let id = format!("isolation/{table}/{cell}");
        let all: Vec<&String> = evidence.findings.iter().map(|finding| &finding.check).collect();
        let finding = found(&id).unwrap_or_else(|| panic!("{fault}\nno {id} in {all:#?}"));
        assert_eq!(finding.object, table, "{fault}");
        assert_ne!(finding.location, None, "{fault}: the migration's line behind {id}");
    }
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed, "{fault}");
}

/// The attacks find by state and output what the grid finds by rows, without reading the
/// policy.
#[rstest]
#[case::by_joining(
    "alter policy \"Owners add members to their teams\" on public.team_members \
     with check (user_id = (select auth.uid()))",
    "attack/W05/team_members"
)]
#[case::by_moving_a_membership(
    "grant update (team_id) on public.team_members to authenticated; \
     alter policy \"Owners change the roles in their teams\" on public.team_members \
     with check (user_id = (select auth.uid()))",
    "attack/W05/team_members"
)]
#[case::by_renaming_a_membership(
    "grant update (user_id) on public.team_members to authenticated; \
     alter policy \"Owners change the roles in their teams\" on public.team_members \
     using (true) with check (true)",
    "attack/W04/team_members"
)]
#[case::by_moving_a_project(
    "grant update (team_id) on public.projects to authenticated; \
     alter policy \"Members rename their teams' projects\" on public.projects with check (true)",
    "attack/W05/projects"
)]
#[case::by_taking_a_project_from_the_others(
    "grant update (team_id) on public.projects to authenticated",
    "attack/W05/projects"
)]
#[case::by_planting_a_project(
    "alter policy \"Members add projects to their teams\" on public.projects with check (true)",
    "attack/W05/projects"
)]
#[case::by_removing_others(
    "alter policy \"Owners remove members, and members leave\" on public.team_members \
     using (team_id in (select private.my_teams()))",
    "attack/W03/team_members"
)]
#[case::by_looking_for_teams_that_all_have_left(
    "create function private.is_left(team uuid) returns boolean language sql stable \
     security definer set search_path = '' as \
     'select not exists (select from public.team_members m where m.team_id = team)'; \
     grant execute on function private.is_left(uuid) to authenticated; \
     alter policy \"Members see their teams\" on public.teams \
     using (id in (select private.my_teams()) or private.is_left(id))",
    "attack/R10/teams"
)]
#[case::by_calling_with_the_key_of_a_shared_row(
    "create function public.take_team(team uuid) returns void language sql security definer \
     set search_path = '' as $$ update public.team_members set role = 'owner' \
     where team_id = team and user_id = private.caller() $$; \
     grant execute on function public.take_team(uuid) to authenticated",
    "attack/B02/take_team"
)]
#[case::by_reading_projects(
    "alter policy \"Members see their teams' projects\" on public.projects \
     using ((select auth.uid()) is not null)",
    "attack/R01/projects"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_finds_the_fault(#[case] fault: &str, #[case] check: &str) {
    let id = check.split('/').nth(1).expect("the number of an attack");
    let of: Vec<&'static Attack> = attacks::all().filter(|attack| attack.id == id).collect();
    let evidence = evidence_with(fault, &of).await;
    let found: Vec<(&str, &str)> =
        evidence.findings.iter().map(|it| (it.check.as_str(), it.observed.as_str())).collect();
    assert!(found.iter().any(|(it, _)| *it == check), "{fault}\nno {check} in {found:#?}");
    let shown =
        |observed: &str| !["could not run", "the control"].iter().any(|w| observed.contains(w));
    let shown = found.iter().filter(|(it, observed)| *it == check && shown(observed)).count();
    assert_ne!(shown, 0, "{fault}\n{check} shows nothing in {found:#?}");
}

/// If an account can have only one membership, no user can have a row alone and share another:
/// that is reported, and nothing is proved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_membership_per_user_is_refused() {
    let fault = "alter table public.team_members add constraint one unique (user_id)";
    let evidence = evidence_with(fault, &[]).await;
    let said = evidence.findings.iter().filter(|it| it.rule == "rows.refused");
    let said: Vec<&String> = said.map(|finding| &finding.observed).collect();
    let why = "team_members holds one row per user, so that nobody can have something alone";
    assert!(said.iter().any(|observed| observed.contains(why)), "{said:#?}");
    assert_eq!(evidence.verdict, Verdict::Findings);
}
