//! `update_conversation_stats` has its properties, and faults in it are noticed.

use identra_properties::update_conversation_stats::{IN_RACES, IN_SEQUENCES};
use rstest::rstest;
use schema_harness::checks::properties::Property;

use super::{holds, notices, with_replaced};

#[rstest]
#[case::in_sequences(&IN_SEQUENCES)]
#[case::in_races(&IN_RACES)]
fn counters(#[case] property: &Property) {
    holds(property);
}

const FUNCTION: &str = "update_conversation_stats";
const TOUCHED: &str = "if touched is null then";
const OF_THE_DELETED: &str =
    "select array_agg(distinct o.conversation_id) into touched from old_rows as o;";

#[rstest]
#[case::that_it_does_nothing(TOUCHED, "if true then")]
#[case::that_one_of_two_alike_is_moved("except all", "except")]
#[case::that_it_adds_one(
    "message_count = said.message_count",
    "message_count = c.message_count + case tg_op when 'INSERT' then 1 when 'DELETE' then -1 \
     else 0 end"
)]
#[case::that_deletes_do_not_count(OF_THE_DELETED, "return null;")]
#[case::that_an_emptied_conversation_is_left_out(
    "left join public.messages",
    "join public.messages"
)]
#[case::that_the_last_message_is_now(
    "last_message_at = said.last_message_at",
    "last_message_at = now()"
)]
#[case::that_the_last_message_is_the_first("max(m.created_at)", "min(m.created_at)")]
#[case::that_the_last_message_stays(
    "last_message_at = said.last_message_at",
    "last_message_at = greatest(said.last_message_at, c.last_message_at)"
)]
#[case::that_one_conversation_is_enough(
    TOUCHED,
    "touched := touched[1:1]; if touched is null then"
)]
#[case::that_only_where_it_was_counts("union all", "except")]
#[case::that_a_date_is_no_change("created_at from", "conversation_id from")]
#[case::that_titles_change("set message_count", "set title = 'counted', message_count")]
#[case::that_every_conversation_is_written("where c.id = said.id", "where true")]
fn counters_catch(#[case] piece: &str, #[case] by: &str) {
    notices(&IN_SEQUENCES, &with_replaced(FUNCTION, piece, by));
}

#[rstest]
fn counters_catch_a_missing_trigger(#[values("inserted", "deleted", "updated")] event: &str) {
    let fault = format!("drop trigger messages_count_{event} on public.messages");
    notices(&IN_SEQUENCES, &fault);
}

/// Each of these faults shows only with concurrent writes.
#[rstest]
#[case::that_nobody_waits("for no key update;", ";")]
#[case::that_everybody_may_go_on("for no key update;", "for key share;")]
#[case::that_the_count_is_older_than_the_lock(
    "-- One writer at a time",
    "create temporary table if not exists counted (id uuid, n bigint, latest timestamptz) \
         on commit delete rows; \
     delete from pg_temp.counted; \
     insert into pg_temp.counted select t.id, count(m.id), max(m.created_at) \
         from unnest(touched) as t (id) \
         left join public.messages as m on m.conversation_id = t.id group by t.id; \
     update public.conversations as c set message_count = k.n, last_message_at = k.latest \
         from pg_temp.counted as k where k.id = c.id; \
     return null; --"
)]
fn counters_catch_in_races(#[case] piece: &str, #[case] by: &str) {
    notices(&IN_RACES, &with_replaced(FUNCTION, piece, by));
}
