//! Invariants of `cleanup_expired_sessions`.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert_eq, prop_oneof};

use schema_harness::checks::properties::{Property, Sender};
use schema_harness::platform::persona::{Alice, AnonKey, Carol, NoToken, ServiceRole};

pub(super) const PROPERTIES: [Property; 2] = [REMOVES_THE_EXPIRED, FOR_THE_BACK_END_ALONE];

/// Microseconds from now: before, at and after it.
fn expiry() -> impl Strategy<Value = i64> {
    prop_oneof![-3i64..=3, -10_000_000_000i64..=10_000_000_000]
}

pub const REMOVES_THE_EXPIRED: Property = Property {
    id: "cleanup_expired_sessions/removes-exactly-the-expired",
    claim: "it removes the sessions whose expires_at is not after now, no other row, and returns \
            how many there were",
    about: &["cleanup_expired_sessions", "user_sessions"],
    cases: 100,
    holds: |runner| {
        runner.check(&vec(expiry(), 0..12), async |transaction, expiries| {
            let carol = Carol.user_id().expect("Carol has signed up");
            transaction.admin("delete from public.user_sessions").await?;
            for (at, micros) in expiries.iter().enumerate() {
                let insert = format!(
                    "insert into public.user_sessions (user_id, refresh_token_hash, expires_at) \
                     values ('{carol}', '{at}', now() + {micros} * interval '1 microsecond')"
                );
                transaction.admin(&insert).await?;
            }
            let clean = "select public.cleanup_expired_sessions()";
            let removed: usize =
                transaction.run(&Sender::persona(ServiceRole), clean).await?.one()?;
            let left = "select coalesce(string_agg(refresh_token_hash, ',' \
                        order by refresh_token_hash::integer), '') from public.user_sessions";
            let left: String = transaction.admin(left).await?.one()?;
            let live = expiries.iter().enumerate().filter(|(_, micros)| **micros > 0);
            let live: Vec<String> = live.map(|(at, _)| at.to_string()).collect();
            prop_assert_eq!(left, live.join(","), "sessions that are left");
            prop_assert_eq!(removed, expiries.len() - live.len(), "what it returns");
            Ok(())
        })
    },
};

pub const FOR_THE_BACK_END_ALONE: Property = Property {
    id: "cleanup_expired_sessions/is-for-the-back-end-alone",
    claim: "no client may call it",
    about: &["cleanup_expired_sessions"],
    cases: 3,
    holds: |runner| {
        let personas = proptest::sample::select(vec![Alice, AnonKey, NoToken]);
        runner.check(&personas, async |transaction, persona| {
            let clean = "select public.cleanup_expired_sessions()";
            let answer = transaction.run(&Sender::persona(persona), clean).await;
            let refused = answer.map_err(|why| why.message().to_owned());
            // Not "for table": the privilege on the function itself must be missing.
            let words = "permission denied for function cleanup_expired_sessions";
            prop_assert_eq!(refused.map(drop), Err(words.to_owned()));
            Ok(())
        })
    },
};
