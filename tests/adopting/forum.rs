//! A forum: what the grids let others read and write is believed by every check, and nothing
//! more.

use std::sync::Arc;

use rstest::rstest;

use schema_harness::checks::attacks;
use schema_harness::checks::attacks::runner::Attack;
use schema_harness::contract::AcceptedFinding;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::report::{Evidence, Verdict};
use schema_harness::source::project;

/// The evidence of the forum with one more migration, and of these attacks.
async fn evidence_with(change: &str, attacks: Vec<&'static Attack>) -> Evidence {
    evidence_of(forum().followed_by(change), attacks).await
}

fn forum() -> Inputs {
    let forum = project().join("fixtures/examples/forum");
    let inputs = Inputs::read(&forum.join("migrations"), &forum.join("fixtures"));
    inputs.unwrap_or_else(|why| panic!("{why}"))
}

async fn evidence_of(inputs: Inputs, attacks: Vec<&'static Attack>) -> Evidence {
    let job = Job { attacks, ..Job::without_attacks(&[]) };
    let evidence = job::run(Arc::new(inputs), &job).await;
    evidence.unwrap_or_else(|why| panic!("{why}"))
}

/// Attacks on what belongs to no table.
const OF_THE_DATABASE: [&str; 2] = ["B07", "B08"];

/// Findings of attacks and cells: rule and object.
fn found(evidence: &Evidence) -> Vec<(&str, &str)> {
    let is_tried = |rule: &str| !rule.starts_with("schema.") && !rule.starts_with("lint.");
    let tried = evidence.findings.iter().filter(|finding| is_tried(&finding.rule));
    let mut found: Vec<_> =
        tried.map(|finding| (finding.rule.as_str(), finding.object.as_str())).collect();
    found.dedup();
    found
}

/// The near misses: what the contract lets everybody do is no weakness, by whatever statement or
/// function.
#[rstest]
#[case::as_it_is("select 1")]
#[case::function_that_returns_public_rows(
    "create function public.latest() returns setof text language sql stable security definer \
     set search_path = '' as 'select body from public.posts where not is_draft order by id'; \
     grant execute on function public.latest() to anon, authenticated"
)]
#[case::policy_in_other_words(
    "alter policy \"Visitors read what is no draft\" on public.posts using (is_draft is false)"
)]
#[case::guard_refuses_every_role(
    "create or replace function public.guard_profile() returns trigger language plpgsql \
     set search_path = '' as $$ begin \
     if tg_op = 'DELETE' and current_user not in ('anon', 'authenticated') then return old; end if; \
     if tg_op = 'UPDATE' and new.trust_level is not distinct from old.trust_level \
     then return new; end if; \
     raise exception 'the forum decides'; end $$"
)]
#[case::guard_asks_another_function(
    "create function public.refuse() returns void language plpgsql set search_path = '' as \
     $$ begin raise exception 'the forum decides'; end $$; \
     create or replace function public.guard_profile() returns trigger language plpgsql \
     set search_path = '' as $$ begin if current_user in ('anon', 'authenticated') \
     and (tg_op = 'DELETE' or new.trust_level is distinct from old.trust_level) \
     then perform public.refuse(); end if; return coalesce(new, old); end $$"
)]
#[case::function_that_likes(
    "create function public.like_post(post uuid) returns void language sql set search_path = '' \
     as 'insert into public.likes (post_id) values (post)'; \
     revoke all on function public.like_post(uuid) from public, anon; \
     grant execute on function public.like_post(uuid) to authenticated"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forum_is_proved(#[case] change: &str) {
    let of_tables = attacks::all().filter(|attack| !OF_THE_DATABASE.contains(&attack.id));
    let evidence = evidence_with(change, of_tables.collect()).await;
    assert_eq!(found(&evidence), []);
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
    if change == "select 1" {
        assert_eq!(evidence.verdict, Verdict::Proved);
    }
}

/// What the contract does not let others do is found: another row, column, command or role.
#[rstest]
#[case::drafts_are_public(
    "alter policy \"Users read what is no draft, and their own\" on public.posts using (true)",
    &[("attack.R01", "posts"), ("attack.R04", "posts"), ("isolation.cell", "posts")]
)]
#[case::drafts_are_public_to_visitors(
    "alter policy \"Visitors read what is no draft\" on public.posts using (true)",
    &[("attack.R02", "posts"), ("isolation.cell", "posts")]
)]
#[case::function_that_returns_drafts(
    "create function public.latest() returns setof text language sql stable security definer \
     set search_path = '' as 'select body from public.posts'; \
     grant execute on function public.latest() to anon, authenticated",
    &[("attack.B02", "latest")]
)]
#[case::column_is_granted(
    "grant select (moderation) on public.posts to authenticated",
    &[("isolation.cell", "posts.moderation")]
)]
#[case::function_that_returns_a_hidden_column(
    "create function public.moderated() returns setof text language sql stable security definer \
     set search_path = '' as 'select moderation from public.posts where not is_draft'; \
     grant execute on function public.moderated() to authenticated",
    &[("attack.B02", "moderated")]
)]
#[case::others_edit_posts(
    "alter policy \"Users edit their own posts\" on public.posts using (true) with check (true)",
    &[("attack.W02", "posts"), ("isolation.cell", "posts")]
)]
#[case::others_delete_pages(
    "grant delete on public.pages to authenticated; create policy \"Users delete pages\" \
     on public.pages for delete to authenticated using (true)",
    &[("attack.W03", "pages"), ("isolation.cell", "pages")]
)]
#[case::visitors_read_pages(
    "grant select on public.pages to anon; create policy \"Visitors read pages\" \
     on public.pages for select to anon using (true)",
    &[("attack.R02", "pages"), ("isolation.cell", "pages")]
)]
#[case::users_ask_in_anothers_name(
    "alter policy \"Users add pages\" on public.pages with check (true)",
    &[("attack.W01", "pages"), ("isolation.cell", "pages")]
)]
#[case::edit_of_a_page_edits_a_post(
    "create function public.echo() returns trigger language plpgsql security definer \
     set search_path = '' as $$ begin update public.posts set body = new.body; return new; end $$; \
     create trigger echo after update on public.pages for each row execute function public.echo()",
    &[("attack.W02", "pages"), ("isolation.state", "pages")]
)]
#[case::question_deletes_questions(
    "create function public.forget() returns trigger language plpgsql security definer \
     set search_path = '' as $$ begin delete from public.questions; return new; end $$; \
     create trigger forget before insert on public.questions \
     for each row execute function public.forget()",
    &[("isolation.state", "questions")]
)]
#[case::guard_runs_as_its_owner(
    "alter function public.guard_profile() security definer",
    &[
        ("attack.W09", "profiles"),
        ("attack.W10", "profiles"),
        ("isolation.cell", "profiles"),
        ("isolation.cell", "profiles.trust_level"),
    ]
)]
#[case::guard_keeps_nothing(
    "create or replace function public.keep_badge() returns trigger language plpgsql \
     set search_path = '' as $$ begin return new; end $$",
    &[("attack.W09", "profiles"), ("isolation.cell", "profiles.badge")]
)]
#[case::guard_breaks_down(
    "create or replace function public.guard_profile() returns trigger language plpgsql \
     set search_path = '' as $$ begin if tg_op = 'DELETE' or new.trust_level is distinct from \
     old.trust_level then perform from auth.users; end if; return coalesce(new, old); end $$",
    &[("isolation.cell", "profiles"), ("isolation.cell", "profiles.trust_level")]
)]
#[case::another_trigger_refuses(
    "create function public.refuse() returns trigger language plpgsql set search_path = '' as \
     $$ begin raise exception 'no' using errcode = '42501'; end $$; \
     create trigger a_first before update of trust_level on public.profiles for each row \
     when (new.trust_level is distinct from old.trust_level) execute function public.refuse()",
    &[("attack.W09", "profiles"), ("isolation.cell", "profiles.trust_level")]
)]
#[case::like_changes_another_column_as_well(
    "create or replace function public.count_likes() returns trigger language plpgsql \
     security definer set search_path = '' as $$ begin if tg_op = 'INSERT' then \
     update public.posts set like_count = like_count + 1, body = body || '!' where id = new.post_id; \
     end if; return null; end $$",
    &[("attack.W12", "likes")]
)]
#[case::like_changes_a_count_elsewhere(
    "create or replace function public.count_likes() returns trigger language plpgsql \
     security definer set search_path = '' as $$ begin \
     update public.profiles set trust_level = trust_level + 1; return null; end $$",
    &[("attack.W12", "likes"), ("isolation.state", "likes")]
)]
#[case::like_is_counted_by_an_edit_of_a_page(
    "create function public.count_edits() returns trigger language plpgsql security definer \
     set search_path = '' as $$ begin \
     update public.posts set like_count = like_count + 1; return new; end $$; \
     create trigger count_edits after update on public.pages for each row \
     execute function public.count_edits()",
    &[("attack.W02", "pages"), ("isolation.state", "pages")]
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_contract_gives_is_found(
    #[case] fault: &str,
    #[case] expected: &[(&str, &str)],
) {
    let is_expected = |attack: &&Attack| expected.iter().any(|(rule, _)| *rule == attack.rule());
    let evidence = evidence_with(fault, attacks::all().filter(is_expected).collect()).await;
    let found = found(&evidence);
    for one in expected {
        assert!(found.contains(one), "{one:?} in {found:?}");
    }
}

/// An entry of the contract's accepts the finding that it names, and no other; one that nothing
/// needs is a finding.
#[rstest]
#[case::of_any_part(None, None, &[])]
#[case::of_a_persona(Some("bob"), None, &[])]
#[case::of_one_part(Some("bob"), Some("by key"), &["posts"])]
#[case::of_another_persona(Some("carol"), None, &["attack.W02 of posts", "posts"])]
#[case::of_another_part(Some("bob"), Some("by name"), &["attack.W02 of posts", "posts"])]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_finding_is_none(
    #[case] persona: Option<&str>,
    #[case] part: Option<&str>,
    #[case] expected: &[&str],
) {
    let mut inputs = forum().followed_by(
        "alter policy \"Users edit their own posts\" on public.posts using (true) with check (true)",
    );
    inputs.contract.database.accepted = vec![AcceptedFinding {
        rule: "attack.W02".to_owned(),
        object: "posts".to_owned(),
        persona: persona.map(str::to_owned),
        part: part.map(str::to_owned),
        reason: "so it is".to_owned(),
    }];
    let evidence = evidence_of(inputs, attacks::all().filter(|it| it.id == "W02").collect()).await;
    let rules = ["attack.W02", "database.unneeded_acceptance"];
    let found = evidence.findings.iter().filter(|it| rules.contains(&it.rule.as_str()));
    let mut found: Vec<&str> = found.map(|finding| finding.object.as_str()).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, expected);
    assert!(evidence.accepted.iter().any(|it| it.reason == "so it is"), "it is shown");
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
}
