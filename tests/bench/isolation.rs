//! The cost of isolation: each query of the product as its user, compared with the same query
//! with a condition on the owner, as a role that bypasses policies.
//!
//! `cargo bench --bench isolation -- 1000 100000` measures at these numbers of rows; without
//! numbers, at a thousand, a hundred thousand and a million.

/// Two queries for the same rows, alternated.
mod measure;
/// A dot for each ratio.
mod plot;
/// Recall and latency of semantic search.
mod search;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use schema_harness::CannotRun;
use schema_harness::checks::plans::queries::{Population, queries};
use schema_harness::inputs::Inputs;
use schema_harness::server::Server;
use schema_harness::source::directory;
use serde_json::json;

/// The default numbers of rows of each large table.
const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];

/// The number of users who own the rows that are not Alice's.
const OTHERS: u32 = 99;

fn main() -> ExitCode {
    schema_harness::server::supervisor::supervise_if_asked();
    let numbers = std::env::args().skip(1).filter(|it| !it.starts_with("--"));
    let Ok(mut sizes) = numbers.map(|it| it.parse()).collect::<Result<Vec<u32>, _>>() else {
        eprintln!("could not read the numbers of rows; say 1000 100000, for example");
        return ExitCode::from(2);
    };
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    match runtime.block_on(run(&sizes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

async fn run(sizes: &[u32]) -> Result<(), CannotRun> {
    let inputs = Inputs::from_environment()?;
    println!("{}", Server::shared()?.choice());
    let (mut costs, mut searches) = (Vec::new(), Vec::new());
    for &rows in sizes {
        let began = Instant::now();
        let population = Population { rows, others: OTHERS, embedded: 1 };
        let database = population.database(&inputs).await?;
        println!("\n{rows} rows, made in {:.1} s", began.elapsed().as_secs_f64());
        println!("{}", measure::HEADING);
        for query in queries(&database).await? {
            let Some(owned) = query.owned.as_deref() else { continue };
            let cost = measure::cost(&database, &query, owned, rows).await?;
            println!("{cost}");
            costs.push(cost);
        }
        if rows > 1000 {
            let found = search::quality(&database, rows).await?;
            println!("{found}");
            searches.push(found);
        }
    }
    let dir = directory(None, "target/evidence").join("bench");
    let server = Server::shared()?;
    let document = json!({
        "server": server.version(),
        "costs": costs,
        "searches": searches,
    });
    let document = serde_json::to_string_pretty(&document).expect("plain data");
    let write = || {
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("isolation.json"), document + "\n")?;
        fs::write(dir.join("isolation.svg"), plot::svg(&costs))
    };
    write().map_err(|error| CannotRun(format!("could not write to {}: {error}", dir.display())))?;
    println!("\n{}", dir.display());
    Ok(())
}
