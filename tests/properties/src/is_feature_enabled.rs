//! Invariants of `is_feature_enabled`.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use uuid::Uuid;

use schema_harness::checks::properties::{CaseTransaction, Property, Sender};
use schema_harness::database::batch::Answer;
use schema_harness::platform::persona::Persona;
use schema_harness::platform::persona::{Alice, AnonKey, Bob, Carol, Guest, NoToken, ServiceRole};
use schema_harness::sql::quote;

pub(super) const PROPERTIES: [Property; 5] =
    [SPREADS, GROWS, FOLLOWS_ITS_FLAG, IS_STABLE, UNKNOWN_IS_OFF];

/// The user with that number.
fn user(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

#[derive(Clone, PartialEq, Eq)]
enum Caller {
    Persona(Persona),
    User(Uuid),
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persona(persona) => write!(f, "{}", persona.name()),
            Self::User(id) => write!(f, "{id}"),
        }
    }
}

impl Caller {
    fn id(&self) -> Option<String> {
        match self {
            Self::Persona(persona) => persona.user_id().map(str::to_owned),
            Self::User(id) => Some(id.to_string()),
        }
    }

    fn who(&self) -> Sender {
        match self {
            Self::Persona(persona) => Sender::persona(*persona),
            Self::User(id) => Sender::user(*id),
        }
    }
}

fn caller() -> impl Strategy<Value = Caller> {
    let known = select(vec![Alice, Bob, Carol, Guest, NoToken, AnonKey, ServiceRole]);
    prop_oneof![known.prop_map(Caller::Persona), any::<u128>().prop_map(|n| Caller::User(user(n)))]
}

/// A flag; its name is its place among the flags of its case.
#[derive(Debug, Clone)]
struct Flag {
    enabled: bool,
    percentage: i32,
    /// Whether it targets the caller, and whether it targets another user.
    targets: [bool; 2],
}

fn flag() -> impl Strategy<Value = Flag> {
    let percentage = prop_oneof![select(vec![0, 1, 50, 99, 100]), 0..=100];
    (any::<bool>(), percentage, any::<[bool; 2]>())
        .prop_map(|(enabled, percentage, targets)| Flag { enabled, percentage, targets })
}

impl Flag {
    /// The answer for that caller according to the invariant; none if it depends on the hash.
    fn expected_answer(&self, caller: &Caller) -> Option<bool> {
        let is_user = caller.id().is_some();
        match self {
            Self { enabled: false, .. } => Some(false),
            Self { percentage: 100, .. } => Some(true),
            Self { targets: [true, _], .. } if is_user => Some(true),
            Self { percentage: 0, .. } => Some(false),
            _ if !is_user => Some(false),
            _ => None,
        }
    }

    fn row(&self, name: &str, caller: &Caller) -> String {
        let Self { enabled, percentage, targets } = self;
        let ids = [caller.id(), Some(user(u128::MAX).to_string())];
        let targeted = ids.into_iter().zip(targets).filter(|(_, is_target)| **is_target);
        let targeted: Vec<String> = targeted.filter_map(|(id, _)| id).collect();
        format!("({}, {enabled}, {percentage}, '{{{}}}')", quote(name), targeted.join(","))
    }
}

fn insert(rows: &[String]) -> String {
    let columns = "name, enabled, rollout_percentage, target_user_ids";
    format!(
        "insert into public.feature_flags ({columns}) select name, on_, percentage, ids::uuid[] \
             from (values {}) as flag (name, on_, percentage, ids)",
        rows.join(", ")
    )
}

/// Asks for several flags at once.
async fn ask(
    transaction: &CaseTransaction,
    who: &Sender,
    names: &[String],
) -> Result<Vec<bool>, TestCaseError> {
    let calls = names.iter().map(|name| format!("public.is_feature_enabled({})", quote(name)));
    let question = format!("select {}", calls.collect::<Vec<_>>().join(", "));
    let answer = transaction.run(who, &question).await?;
    Ok(answer.rows[0].iter().map(|text| text == "t").collect())
}

pub const FOLLOWS_ITS_FLAG: Property = Property {
    id: "is_feature_enabled/follows-its-flag",
    claim: "a flag that is off is off for all; one that is on is on for those whom it targets, at \
            100 % for everybody, at 0 % for nobody else, and for nobody without a user id below \
            100 %; the answer depends on no other flag",
    about: &["is_feature_enabled", "feature_flags"],
    cases: 150,
    holds: |runner| {
        runner.check(&(vec(flag(), 1..5), caller()), async |transaction, (flags, caller)| {
            let names: Vec<String> = (0..flags.len()).map(|at| format!("flag {at}")).collect();
            let rows = flags.iter().zip(&names).map(|(flag, name)| flag.row(name, &caller));
            transaction.admin(&insert(&rows.collect::<Vec<_>>())).await?;
            let answers = ask(transaction, &caller.who(), &names).await?;
            for (flag, answer) in flags.iter().zip(&answers) {
                if let Some(expected_answer) = flag.expected_answer(&caller) {
                    prop_assert_eq!(*answer, expected_answer, "{:?} for {:?}", flag, caller);
                }
            }
            transaction.admin("delete from public.feature_flags where name <> 'flag 0'").await?;
            let alone = ask(transaction, &caller.who(), &names[..1]).await?;
            prop_assert_eq!(&alone[..], &answers[..1], "the first flag when it is alone");
            Ok(())
        })
    },
};

pub const GROWS: Property = Property {
    id: "is_feature_enabled/grows-with-the-percentage",
    claim: "whoever has a feature at one percentage has it at every higher one, nobody at 0 % \
            and everybody at 100 %",
    about: &["is_feature_enabled", "feature_flags"],
    cases: 60,
    holds: |runner| {
        runner.prepare(
            "create function pg_temp.answers(flag text, claims text) returns text \
             language plpgsql as $$ declare answers text := ''; begin \
             perform set_config('request.jwt.claims', claims, true); \
             for percentage in 0..100 loop \
             update public.feature_flags set rollout_percentage = percentage where name = flag; \
             answers := answers || (public.is_feature_enabled(flag)::integer); \
             end loop; return answers; end $$",
        )?;
        runner.check(&("\\PC{1,20}", any::<u128>()), async |transaction, (name, number)| {
            let everyone = Flag { enabled: true, percentage: 0, targets: [false, true] };
            let row = everyone.row(&name, &Caller::Persona(NoToken));
            transaction.admin(&insert(&[row])).await?;
            let id = user(number);
            let call = format!("select pg_temp.answers({}, '{{\"sub\": \"{id}\"}}')", quote(&name));
            let answers: String = transaction.admin(&call).await?.one()?;
            let first = answers.find('1').unwrap_or(usize::MAX);
            prop_assert!((1..=100).contains(&first), "in at {first} % for the first time");
            prop_assert_eq!(&answers[first..], "1".repeat(101 - first), "from {} % on", first);
            // The control: the loop used the identity of that user.
            let at = format!(
                "update public.feature_flags set rollout_percentage = {first} - {{}} \
                 where name = {}",
                quote(&name)
            );
            for (less, expected) in [("0", true), ("1", false)] {
                transaction.admin(&at.replace("{}", less)).await?;
                let user = Sender::user(id);
                let found = ask(transaction, &user, std::slice::from_ref(&name)).await?;
                prop_assert_eq!(found, [expected], "asked by the user, {} below {}", less, first);
            }
            Ok(())
        })
    },
};

pub const IS_STABLE: Property = Property {
    id: "is_feature_enabled/is-the-same-at-each-call",
    claim: "a user gets the same answer in every transaction, also when the flag has been \
            switched off and on, or deleted and made again",
    about: &["is_feature_enabled", "feature_flags"],
    cases: 20,
    holds: |runner| {
        let users = vec(any::<u128>(), 1..20);
        runner.check_committed(&(1..=99, users), async |transaction, (percentage, users)| {
            let flag = Flag { enabled: true, percentage, targets: [false, false] };
            let make = insert(&[flag.row("stable", &Caller::Persona(NoToken))]);
            let delete = "delete from public.feature_flags where name = 'stable'";
            let off_and_on = "update public.feature_flags set enabled = false where name = \
                              'stable'; update public.feature_flags set enabled = true where \
                              name = 'stable'";
            let mut runs = Vec::new();
            for change in [make.as_str(), "select", off_and_on, delete, &make] {
                transaction.admin(change).await?;
                if change == delete {
                    continue;
                }
                transaction.admin("begin").await?;
                let mut answers = Vec::new();
                for number in &users {
                    let who = Sender::user(user(*number));
                    answers.push(ask(transaction, &who, &["stable".to_owned()]).await);
                }
                transaction.admin("commit").await?;
                runs.push(answers.into_iter().collect::<Result<Vec<_>, _>>()?);
            }
            transaction.admin(delete).await?;
            prop_assert!(runs.iter().all(|answers| *answers == runs[0]), "it changed: {:?}", runs);
            Ok(())
        })
    },
};

/// How many users a rollout is measured on.
const USERS: u32 = 10_000;

pub const SPREADS: Property = Property {
    id: "is_feature_enabled/spreads-evenly",
    claim: "of 10,000 users, as many have a feature as its percentage says, and as many have two \
            as if each were drawn for itself, within five standard deviations; at 0 % none, at \
            100 % all",
    about: &["is_feature_enabled", "feature_flags"],
    cases: 3,
    holds: |runner| {
        runner.prepare(
            "create function pg_temp.rollout(seed text, first integer, number integer) \
             returns table (id uuid, one boolean, other boolean) \
             language plpgsql as $$ begin for i in first..first + number - 1 loop \
             id := case seed when '' then lpad(to_hex(i), 32, '0') else md5(seed || i) end::uuid; \
             perform set_config('request.jwt.claims', format('{\"sub\": \"%s\"}', id), true); \
             one := public.is_feature_enabled('one'); other := public.is_feature_enabled('other'); \
             return next; end loop; end $$",
        )?;
        // Without a seed the ids are consecutive.
        let seed = prop_oneof![Just(String::new()), "[a-z]{1,8}"];
        let rollouts = (seed, 5..=95, 5..=95);
        runner.check(&rollouts, async |transaction, (seed, one, other)| {
            let flag = |percentage| Flag { enabled: true, percentage, targets: [false, false] };
            let nobody = Caller::Persona(NoToken);
            let rows = [flag(one).row("one", &nobody), flag(other).row("other", &nobody)];
            transaction.admin(&insert(&rows)).await?;
            let call = format!("select * from pg_temp.rollout('{seed}', 1, {USERS})");
            let answers = transaction.admin(&call).await?;
            let [one, other] = [one, other].map(|percentage| f64::from(percentage) / 100.0);
            is_about(&answers, "the first", one, |row| row[1] == "t")?;
            is_about(&answers, "the second", other, |row| row[2] == "t")?;
            is_about(&answers, "both", one * other, |row| row[1] == "t" && row[2] == "t")?;
            // The control: the loop used the identity of each user.
            for row in answers.rows.iter().step_by(997) {
                let id: Uuid = row[0].parse().map_err(|_| TestCaseError::fail(row[0].clone()))?;
                let names = ["one", "other"].map(str::to_owned);
                let asked = ask(transaction, &Sender::user(id), &names).await?;
                let looped: Vec<bool> = row[1..].iter().map(|text| text == "t").collect();
                prop_assert_eq!(asked, looped, "asked by {}", id);
            }
            // One percent is within the deviation, so the limits are checked exactly.
            let ends = "update public.feature_flags set rollout_percentage = \
                        case name when 'one' then 0 else 100 end where name in ('one', 'other')";
            transaction.admin(ends).await?;
            let call = format!("select * from pg_temp.rollout('{seed}', {USERS}, 1000)");
            let at_the_ends = transaction.admin(&call).await?.rows;
            prop_assert!(at_the_ends.iter().all(|row| row[1] == "f"), "a user at 0 %");
            prop_assert!(at_the_ends.iter().all(|row| row[2] == "t"), "not all users at 100 %");
            Ok(())
        })
    },
};

/// Whether that share of the users has the flag, within five standard deviations.
fn is_about(
    answers: &Answer,
    what: &str,
    share: f64,
    is_in: impl Fn(&Vec<String>) -> bool,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(answers.rows.len(), USERS as usize, "users");
    let users = f64::from(USERS);
    let count: u32 = answers.rows.iter().map(|row| u32::from(is_in(row))).sum();
    let (expected, deviation) = (users * share, (users * share * (1.0 - share)).sqrt());
    let off = (f64::from(count) - expected).abs();
    prop_assert!(off <= 5.0 * deviation, "{count} users have {what}, not {expected:.0}");
    Ok(())
}

pub const UNKNOWN_IS_OFF: Property = Property {
    id: "is_feature_enabled/does-not-know-other-names",
    claim: "whatever a name is made of, a flag is found by it, and by no other name and no null",
    about: &["is_feature_enabled", "feature_flags"],
    cases: 150,
    holds: |runner| {
        let hostile = select(vec![
            "'",
            "''",
            "\\",
            "%",
            "_",
            "\"",
            "$$",
            "';select 1;--",
            "*",
            "(",
            "\u{202e}",
            "é",
            "e\u{301}",
            "A",
            "a",
            " ",
        ]);
        let name = prop_oneof![
            4 => vec(hostile, 0..6).prop_map(|parts| parts.concat()),
            3 => any::<String>().prop_map(|name| name.replace('\0', "")),
            // Longer than an index entry may be, so no flag has it.
            1 => "[a-z]".prop_map(|letter| letter.repeat(10_000)),
        ];
        runner.check(&(name, caller()), async |transaction, (name, caller)| {
            let flag = Flag { enabled: true, percentage: 100, targets: [true, true] };
            let is_short = name.len() < 2_000;
            if is_short {
                transaction.admin(&insert(&[flag.row(&name, &caller)])).await?;
            }
            let other = [
                format!("{name} "),
                format!("{name}%"),
                format!(" {name}"),
                name.to_uppercase(),
                name.to_lowercase(),
                name.chars().skip(1).collect(),
                "%".repeat(name.chars().count()),
                "_".repeat(name.chars().count()),
            ];
            let mut names: Vec<String> = other.into_iter().filter(|it| *it != name).collect();
            names.push(name);
            let mut expected = vec![false; names.len()];
            expected[names.len() - 1] = is_short;
            let answers = ask(transaction, &caller.who(), &names).await?;
            prop_assert_eq!(answers, expected, "{:?}", names);
            let call = "select public.is_feature_enabled(null)";
            let null = transaction.run(&caller.who(), call).await?;
            prop_assert_eq!(&null.rows[0][0], "f", "a null");
            Ok(())
        })
    },
};
