//! Recall and latency of semantic search, for a user with a hundredth of all memories.

use std::fmt;

use serde::Serialize;

use schema_harness::error::CannotRun;
use schema_harness::platform::persona::{Bob, ServiceRole};
use schema_harness::sandbox::Database;

use super::measure::{Turn, median};

/// The number of queries.
const PLACES: usize = 10;

/// Recall and latency.
#[derive(Debug, Serialize)]
pub(crate) struct Quality {
    /// Memories of all users.
    rows: u32,
    /// Memories of the user.
    own: u64,
    /// Recall: the fraction of the ten nearest among the ten found.
    recall: f64,
    /// Median of the search as the user, in microseconds.
    search: f64,
    /// Median of comparing all memories of the user.
    scan: f64,
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, own, recall, search, scan } = self;
        let (search, scan) = (search / 1000.0, scan / 1000.0);
        write!(
            f,
            "semantic search among {own} of {rows} memories: recall at 10 {recall:.3}, \
             {search:.1} ms; sequential scan {scan:.1} ms"
        )
    }
}

/// Searches as Bob, and by brute force.
///
/// # Errors
/// The server's answer.
pub(crate) async fn quality(database: &Database, rows: u32) -> Result<Quality, CannotRun> {
    let bob = Bob.user_id().expect("Bob has signed up");
    let user = Turn::of(database, Bob).await?;
    let back_end = Turn::of(database, ServiceRole).await?;
    let own = format!("select count(*)::text from public.memories where user_id = '{bob}'");
    let own = back_end.column(&own).await?.concat().parse().unwrap_or_default();
    // Between two memories of different users, so that no memory is equal to the query.
    let places = back_end
        .column(&format!(
            "select (a.embedding operator(extensions.+) b.embedding)::text \
             from (select embedding, row_number() over (order by id) as n from public.memories \
                   where user_id = '{bob}' limit {PLACES}) as a \
             inner join (select embedding, row_number() over (order by id desc) as n \
                   from public.memories where user_id <> '{bob}' limit {PLACES}) as b using (n)"
        ))
        .await?;
    back_end
        .send(
            "set local enable_indexscan = off; set local enable_bitmapscan = off; \
               set local max_parallel_workers_per_gather = 0",
        )
        .await?;
    let (mut hits, mut wanted) = (0.0, 0.0);
    let (mut searching, mut scanning) = (Vec::new(), Vec::new());
    for place in &places {
        let search = format!(
            "select id::text from public.search_memories_semantic('{bob}', '{place}', 10, -1)"
        );
        let scan = format!(
            "select id::text from public.memories \
             where user_id = '{bob}' and deleted_at is null \
             order by embedding operator(extensions.<=>) '{place}' limit 10"
        );
        let (found, nearest) = (user.column(&search).await?, back_end.column(&scan).await?);
        for id in &nearest {
            wanted += 1.0;
            hits += if found.contains(id) { 1.0 } else { 0.0 };
        }
        let (search, scan) = (user.prepare(&search).await?, back_end.prepare(&scan).await?);
        for _ in 0..3 {
            searching.push(user.time(&search).await?);
            scanning.push(back_end.time(&scan).await?);
        }
    }
    let (search, scan) = (median(searching), median(scanning));
    Ok(Quality { rows, own, recall: hits / wanted, search, scan })
}
