//! This file is how a reviewer gets the database that the evidence speaks of, to paste its
//! statements into psql and see the same.

use crate::harness::inputs::{Inputs, PLATFORM, Regime, SourceFile};
use crate::harness::rows::World;

const HEAD: &str = "\
-- Makes the database that this evidence speaks of, so that its statements can be pasted into psql.
--
-- It takes a server that may be destroyed, whose first superuser is supabase_admin, with pgvector
-- and pg_trgm: initdb --username=supabase_admin, or a container of the image pgvector/pgvector
-- with POSTGRES_USER=supabase_admin.
--
--     createdb --username supabase_admin replay
--     psql --username supabase_admin --dbname replay --file replay.sql
--     psql --username supabase_admin --dbname replay      # and paste
--
-- With --set regime=auto-expose behind psql in the second line it is what a project from before
-- May 2026 is.

\\set ON_ERROR_STOP on
\\set QUIET on
\\if :{?regime}
\\else
\\set regime explicit
\\endif
\\o /dev/null
set client_min_messages = warning;
select :'regime' = 'auto-expose' as is_auto_expose \\gset
";

const TAIL: &str = "
\\o
reset search_path;
\\unset QUIET
\\set ON_ERROR_STOP off
";

/// The script that makes what the checks ran in.
pub(super) fn script(inputs: &Inputs, world: &Result<World, String>) -> String {
    let shim = |name: &str| -> String {
        inputs.shim.iter().filter(|file| file.name == name).map(part).collect()
    };
    let regime = |regime: Regime| shim(&format!("{}.sql", regime.name()));
    let migrations: String = inputs.migrations.iter().map(part).collect();
    let rows = match world {
        Ok(world) => world.script().iter().map(|statement| format!("{statement};\n")).collect(),
        Err(why) => format!("-- None: {}\n", why.replace('\n', " ")),
    };
    [
        HEAD.to_owned(),
        shim("roles.sql"),
        PLATFORM.map(shim).concat(),
        format!("\n\\if :is_auto_expose\n{}\\else\n", regime(Regime::AutoExpose)),
        format!("{}\\endif\n", regime(Regime::Explicit)),
        format!("\nset session authorization postgres;\n{migrations}\n"),
        "reset session authorization;\nset search_path = '';\nset timezone = 'UTC';\n".to_owned(),
        format!("\n-- == the rows of Alice, Bob and the others\n\n{rows}"),
        TAIL.to_owned(),
    ]
    .concat()
}

fn part(file: &SourceFile) -> String {
    format!("\n-- == {}\n\n{}\n", file.name, file.text.trim_end())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use crate::evidence::Evidence;
    use crate::evidence::document::MatrixCell;
    use crate::harness::database::Database;
    use crate::harness::inputs::{Inputs, Regime};
    use crate::harness::server::Server;
    use crate::verify::{self, Job, Part};

    /// What psql gets for each statement that is pasted: `3 rows`, or its error.
    fn pasted(
        database: &Database,
        regime: Regime,
        evidence: &Evidence,
    ) -> BTreeMap<String, String> {
        let ground = tempfile::TempDir::with_prefix("identra-replay-").expect("a directory");
        let at = |name: &str| ground.path().join(name).display().to_string();
        let paste = |cell: &MatrixCell| {
            let (id, script) = (&cell.id, &cell.cell.statement);
            let before = format!("\\echo @ {id}\n\\set LAST_ERROR_MESSAGE none");
            format!("{before}\n{script}\n\\echo :LAST_ERROR_MESSAGE\n")
        };
        let paste: String = evidence.matrix.iter().map(paste).collect();
        for (name, text) in [("replay.sql", &evidence.replay), ("paste.sql", &paste)] {
            std::fs::write(at(name), text).expect("a file of the ground");
        }
        let regime = format!("regime={}", regime.name());
        let (replay, paste) = (at("replay.sql"), at("paste.sql"));
        let files = ["--no-psqlrc", "--set", &regime, "--file", &replay, "--file", &paste];
        let psql = Server::shared().and_then(|server| server.program("psql", server.major()));
        let said = psql.and_then(|psql| psql.run(&database.login("supabase_admin"), &files));
        let said = said.unwrap_or_else(|why| panic!("{why}"));
        said.split("@ ").skip(1).map(outcome).collect()
    }

    /// The id and what came of it, of what psql said of one statement.
    fn outcome(said: &str) -> (String, String) {
        let mut lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
        let error = lines.pop().unwrap_or_default();
        let id = lines.first().copied().unwrap_or_default().to_owned();
        lines.retain(|line| !["BEGIN", "SET", "ROLLBACK"].contains(line));
        let last = lines.pop().unwrap_or_default();
        let digits = last.trim_end_matches(" rows)").trim_end_matches(" row)");
        let count = digits.rsplit([' ', '(']).next().unwrap_or_default();
        let outcome = if error.starts_with("permission denied for") {
            "no privilege".to_owned()
        } else if error.starts_with("new row violates row-level security policy") {
            "policy violation".to_owned()
        } else if error != "none" {
            error.to_owned()
        } else {
            format!("{count} row{}", if count == "1" { "" } else { "s" })
        };
        (id, outcome)
    }

    /// Every cell, in a database that psql alone has made.
    #[tokio::test(flavor = "multi_thread")]
    async fn statement_that_is_pasted_gets_what_the_evidence_says() {
        let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
        let job = Job { parts: vec![Part::Isolation], ..Job::without_attacks(&[]) };
        let evidence = verify::run(Arc::new(inputs), &job).await;
        let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
        let differing = async |regime: Regime, evidence: &Evidence| {
            let database = Database::empty().await.unwrap_or_else(|why| panic!("{why}"));
            let observed = evidence
                .matrix
                .iter()
                .map(|cell| (cell.id.clone(), cell.observed[regime.name()].clone()));
            let observed: BTreeMap<String, String> = observed.collect();
            assert!(observed.len() > 1000, "T02: cells");
            let pasted = pasted(&database, regime, evidence);
            let differs = |(id, it): &(&String, &String)| pasted.get(*id) != Some(it);
            let told = |(id, it)| format!("{id}: {it}, psql: {:?}", pasted.get(id));
            observed.iter().filter(differs).map(told).collect::<Vec<String>>()
        };
        for regime in Regime::ALL {
            assert_eq!(differing(regime, &evidence).await, [""; 0], "{}", regime.name());
        }
        let mut other = evidence;
        other.replay += "drop policy \"Users read their own memories\" on public.memories;";
        assert_ne!(differing(Regime::Explicit, &other).await, [""; 0], "control");
    }
}
