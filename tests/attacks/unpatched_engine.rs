//! CVE-2026-120154 is detected where the server has it: the upsert of I06 on a table whose key
//! a client may supply.

use schema_harness::catalog::{Catalog, EVERYTHING};
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::platform::cves;
use schema_harness::platform::persona::{Alice, Bob};
use schema_harness::probe::digest;
use schema_harness::probe::{Attempt, Prober};
use schema_harness::sandbox::Database;

/// A row of Alice, hidden from Bob, who may supply its key.
const TABLE: &str = "create table public.diaries (id integer primary key, owner uuid, secret text);
    alter table public.diaries enable row level security;
    grant select, insert, update on public.diaries to authenticated;
    create policy own on public.diaries to authenticated
        using (owner = (select auth.uid())) with check (owner = (select auth.uid()))";

/// CVE-2026-120154: the condition is evaluated on the hidden row exactly if the server lacks
/// the fix.
#[tokio::test]
async fn upsert_reveals_a_hidden_row_exactly_on_an_unpatched_server() {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let database = Database::of(&inputs, Regime::Explicit).await.unwrap_or_else(|e| panic!("{e}"));
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    let row = format!(
        "{TABLE}; insert into public.diaries values (1, '{}', 'dear diary')",
        Alice.user_id().unwrap_or_default()
    );
    admin.batch_execute(&row).await.expect("the table of its own");
    let catalog = Catalog::read(&admin, EVERYTHING).await.unwrap_or_else(|why| panic!("{why}"));
    let digest = digest::statement(&catalog, &inputs.contract);
    let connection = database.admin_with_notices().await.unwrap_or_else(|why| panic!("{why}"));
    let prober = Prober::new(connection, &digest, inputs.contract.identities())
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    let upsert = format!(
        "insert into public.diaries as r values (1, '{}', 'mine') on conflict (id) \
         do update set secret = excluded.secret where pg_temp.identra_leak(r.secret)",
        Bob.user_id().unwrap_or_default()
    );
    let script = [schema_harness::checks::attacks::inference::collisions::LEAK.to_owned(), upsert];
    let act = Attempt { setup: &[], identity: &Bob.identity(), script: &script, active: "" };
    let played = prober.transcript(&act).await.unwrap_or_else(|why| panic!("{why}"));
    let leaked = played.notices.iter().any(|notice| notice.message().contains("dear diary"));
    let unfixed = cves::unfixed(catalog.version_num).unwrap_or_else(|why| panic!("{why}"));
    let unpatched = unfixed.iter().any(|cve| cve.id == "CVE-2026-120154");
    assert_eq!(leaked, unpatched, "Bob receives Alice's secret on {}", catalog.version_num);
    let refused = played.error.map(|error| error.code().code().to_owned());
    assert_eq!(refused.as_deref(), Some("42501"), "and in the end he is refused");
}
