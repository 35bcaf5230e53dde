//! Findings of one root cause are one, and those of two are two.

use std::path::Path;
use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::checks::attacks;
use schema_harness::cli::draft::write;
use schema_harness::contract::Contract;
use schema_harness::findings::ledger::Finding;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::report::fold::folds;
use schema_harness::report::{Evidence, terminal};
use schema_harness::source::project;

/// A table without a fault, and nothing of what the platform gives.
const SCHEMA: &str = "
    revoke all on all tables in schema public from public, anon, authenticated;
    alter default privileges in schema public revoke all on tables from anon, authenticated;
    alter default privileges in schema public revoke all on sequences from anon, authenticated;
    alter default privileges in schema public revoke all on functions from anon, authenticated;
    alter default privileges revoke all on functions from public;
    create table public.notes (
        id uuid primary key default gen_random_uuid(),
        user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
        body text not null,
        plan text not null default 'free'
    );
    create index notes_user_id_idx on public.notes (user_id);
    alter table public.notes enable row level security;
    create policy mine on public.notes for select to authenticated
        using (user_id = (select auth.uid()));
    create policy added on public.notes for insert to authenticated
        with check (user_id = (select auth.uid()));
    create policy changed on public.notes for update to authenticated
        using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
    create policy dropped on public.notes for delete to authenticated
        using (user_id = (select auth.uid()));
    grant select, delete, insert (user_id, body), update (body) on public.notes to authenticated;
    grant select, insert, update, delete on public.notes to service_role;
    create view public.bodies with (security_invoker = true) as select id, user_id, body from
        public.notes;
    grant select on public.bodies to authenticated, service_role;
    create function public.counted() returns bigint language sql stable set search_path = ''
        as 'select count(*) from public.notes';
    grant execute on function public.counted() to authenticated;
";

/// A schema, and the contract that is drafted of it.
async fn drafted(schema: &str) -> Inputs {
    let of_its_own = || TempDir::with_prefix("identra-folding-").expect("a directory");
    let (migrations, out) = (of_its_own(), of_its_own());
    std::fs::write(migrations.path().join("1_schema.sql"), schema).expect("a migration");
    let inputs = Inputs::without_contract(migrations.path(), &project().join("fixtures"));
    let inputs = inputs.unwrap_or_else(|why| panic!("{why}"));
    write(&inputs, out.path(), None, false).await.unwrap_or_else(|why| panic!("{why}"));
    let contract = Contract::read(out.path()).unwrap_or_else(|why| panic!("{why}"));
    Inputs { contract, ..inputs }
}

/// The evidence of every attack, or of those alone, with one more migration.
async fn evidence(inputs: &Inputs, fault: &str, only: &[&str], regime: Regime) -> Evidence {
    let attacks = attacks::all().filter(|it| only.is_empty() || only.contains(&it.id)).collect();
    let regimes = Some(vec![regime]);
    let job = Job { attacks, regimes, ..Job::without_attacks(&[]) };
    let made = job::run(Arc::new(inputs.clone().followed_by(fault)), &job).await;
    made.unwrap_or_else(|why| panic!("{fault}\n{why}"))
}

/// The root causes of what fails.
fn causes(evidence: &Evidence) -> Vec<String> {
    let folds = folds(&evidence.findings);
    let failing = folds.iter().filter(|it| it.lead.severity.fails());
    let mut causes: Vec<String> = failing.map(|it| it.lead.cause.join(", ")).collect();
    causes.sort();
    causes
}

const OPEN: &str = "alter policy mine on public.notes using (true);";
const PLANTED: &str = "alter policy added on public.notes with check (true);";

/// Each fault alone, with all that follows from it; and two faults of one table, which stay two.
#[rstest]
#[case::none("select 1", &[])]
#[case::row_level_security("alter table public.notes disable row level security",
    &["notes, policies"])]
#[case::select_policy(OPEN, &["notes, policies, select"])]
#[case::select_and_insert(&format!("{OPEN} {PLANTED}"),
    &["notes, policies, insert", "notes, policies, select"])]
#[case::select_and_column(&format!("{OPEN} grant update (plan) on public.notes to authenticated"),
    &["notes, policies, select", "notes, privileges"])]
#[case::select_and_trigger(
    &format!("{OPEN} create function public.other() returns trigger language plpgsql
        set search_path = '' as 'begin return new; end';
        create trigger other before insert on public.notes for each row
        execute function public.other()"),
    &["notes, policies, select", "notes, triggers other", "other, calls"])]
#[case::view_as_its_owner("alter view public.bodies set (security_invoker = false)", &["bodies"])]
#[case::definer_function("alter function public.counted() security definer", &["counted, calls"])]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_one(#[case] fault: &str, #[case] expected: &[&str]) {
    let inputs = drafted(SCHEMA).await;
    let evidence = evidence(&inputs, fault, &[], Regime::Explicit).await;
    assert_eq!(causes(&evidence), expected, "{}", terminal(&evidence, Path::new("out")));
}

/// A key that clients choose is one finding, however many attacks show it; two keys are two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_that_clients_choose_is_one() {
    let schema = format!(
        "{SCHEMA} alter table public.notes add slug text not null unique default gen_random_uuid();
         grant insert (id, slug), update (slug) on public.notes to authenticated;"
    );
    let inputs = drafted(&schema).await;
    let evidence = evidence(&inputs, "select 1", &[], Regime::Explicit).await;
    assert_eq!(causes(&evidence), [""; 0], "it is no more than a weakened defence");
    let folds = folds(&evidence.findings);
    let of_keys = folds.iter().filter_map(|it| Some((it.tells()?, it.others.len())));
    let (told, others): (Vec<String>, Vec<usize>) = of_keys.unzip();
    let tells = |key| format!("whether a value of {key} is taken, to bob");
    assert_eq!(told, [tells("notes_pkey"), tells("notes_slug_key")]);
    assert!(others.iter().all(|it| *it > 1), "{others:?}");
}

/// What the platform gives by default, beside a function that everyone may execute.
const BY_DEFAULT: &str = "
    create table public.notes (id uuid primary key default gen_random_uuid(), body text);
    alter table public.notes enable row level security;
    grant select on public.notes to authenticated;
    create table public.tags (id uuid primary key default gen_random_uuid(), body text);
    alter table public.tags enable row level security;
    create sequence public.numbers;
    create function public.told() returns integer language sql set search_path = ''
        as 'select 1';
";

const OF_DEFAULTS: [&str; 3] = ["B07", "B08", "W08"];

/// The findings of the attacks on privileges.
fn of_privileges(evidence: &Evidence) -> Vec<&Finding> {
    let is_one =
        |it: &&Finding| OF_DEFAULTS.iter().any(|attack| it.rule == format!("attack.{attack}"));
    evidence.findings.iter().filter(is_one).collect()
}

/// The statements that a finding prints close it, and nothing else does.
#[rstest]
#[case::newer_projects(Regime::Explicit)]
#[case::older_projects(Regime::AutoExpose)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn printed_statements_close_what_the_platform_gives(#[case] regime: Regime) {
    let inputs = drafted(BY_DEFAULT).await;
    let before = evidence(&inputs, "select 1", &OF_DEFAULTS, regime).await;
    let folds = folds(&before.findings);
    let of_it = folds.iter().filter(|it| it.lead.rule.starts_with("attack."));
    let found: Vec<(&str, &str)> =
        of_it.map(|it| (it.lead.rule.as_str(), it.lead.object.as_str())).collect();
    let expected = [("attack.B07", "public"), ("attack.B08", "database"), ("attack.B07", "public")];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(expected.iter().all(|it| found.contains(it)), "{found:?}");
    let of_leads = folds.iter().filter(|it| it.lead.rule.starts_with("attack."));
    let remedies: Vec<&str> = of_leads.map(|it| it.lead.remedy.as_str()).collect();
    let after = evidence(&inputs, &remedies.join("\n"), &OF_DEFAULTS, regime).await;
    assert_eq!(of_privileges(&after), Vec::<&Finding>::new(), "{remedies:#?}");
}

/// What a migration grants beyond the platform is a finding of its own, at its line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn granted_privilege_is_a_finding_at_its_line() {
    let inputs = drafted(BY_DEFAULT).await;
    let grant = "\ngrant truncate on public.tags to authenticated;";
    let evidence = evidence(&inputs, grant, &OF_DEFAULTS, Regime::Explicit).await;
    let of_tags: Vec<&Finding> =
        of_privileges(&evidence).into_iter().filter(|it| it.object == "tags").collect();
    let granted = of_tags.iter().find(|it| it.observed.starts_with("on relations: "));
    let granted = granted.expect("a finding of its own");
    assert_eq!(granted.cause, ["tags", "privileges"]);
    assert_eq!(granted.location.as_ref().map(|at| at.line), Some(2));
    let (table, roles) = ("\"public\".\"tags\"", "public, authenticated");
    assert_eq!(granted.remedy, format!("revoke truncate on {table} from {roles};"));
}

/// A screen has forty lines; the other findings are counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminal_shows_a_screen_of_findings() {
    let inputs = drafted(BY_DEFAULT).await;
    let evidence = evidence(&inputs, OPEN_TABLES, &[], Regime::AutoExpose).await;
    let all = folds(&evidence.findings).len();
    let text = terminal(&evidence, Path::new("out"));
    let (_, findings) = text.split_once("listed in index.html\n").expect("findings");
    let shown = findings.lines().filter(|line| line.starts_with("  severity ")).count();
    assert!(shown < all && findings.lines().count() < 45, "{text}");
    assert!(text.contains(&format!("… and {} more finding", all - shown)), "{text}");
    assert!(text.contains(": index.html\n"), "{text}");
}

const OPEN_TABLES: &str = "
    alter table public.notes disable row level security;
    create table public.a (id integer);
    create table public.b (id integer);
    create table public.c (id integer);
    create table public.d (id integer);
    create table public.e (id integer);
";
