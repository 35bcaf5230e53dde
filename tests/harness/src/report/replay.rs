//! The script that makes the database of the evidence in psql, so that a reviewer can reproduce
//! its statements.

use crate::inputs::{Inputs, PLATFORM};
use crate::platform::Regime;
use crate::rows::World;
use crate::sandbox::LOCK_ROLES;
use crate::source::SourceFile;

const HEAD: &str = "\
-- Makes the database of this evidence, so that its statements can be reproduced in psql.
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

/// The script that makes the database that the checks ran in.
pub(super) fn script(inputs: &Inputs, world: &Result<World, String>) -> String {
    let shim = |name: &str| -> String {
        inputs.shim.iter().filter(|file| file.name == name).map(part).collect()
    };
    let regime = |regime: Regime| shim(&format!("{}.sql", regime.name()));
    let additions: String = inputs.additions.iter().map(part).collect();
    // Each is a session's first, as where the checks ran.
    let migration =
        |file| format!("\nreset all;\nset client_min_messages = warning;\n{}", part(file));
    let migrations: String = inputs.migrations.iter().map(migration).collect();
    let rows = match world {
        Ok(world) => world.script().iter().map(|statement| format!("{statement};\n")).collect(),
        Err(why) => format!("-- None: {}\n", why.replace('\n', " ")),
    };
    [
        HEAD.to_owned(),
        format!("\nbegin;\n{LOCK_ROLES};\n{}commit;\n", shim("roles.sql")),
        PLATFORM.map(shim).concat() + &additions,
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
