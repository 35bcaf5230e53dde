//! Invariants of `handle_new_user`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof};
use proptest::sample::select;

use schema_harness::checks::properties::Property;
use schema_harness::error::{CannotRun, describe};
use schema_harness::sql::quote;

pub(super) const PROPERTIES: [Property; 2] = [AT_ONCE, EVERY_SIGN_UP];

/// What the auth server stores of a new account.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SignUp {
    email: Option<String>,
    /// The text of `raw_user_meta_data`.
    metadata: Option<String>,
    anonymous: bool,
}

impl SignUp {
    /// The statement by which the auth server records it.
    fn statement(&self, id: &str) -> String {
        let text = |text: &Option<String>| text.as_deref().map_or("null".to_owned(), quote);
        format!(
            "insert into users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, \
             is_anonymous, created_at, updated_at) values ('{id}', 'authenticated', \
             'authenticated', {}, '{{}}', {}, {}, now(), now())",
            text(&self.email),
            text(&self.metadata),
            self.anonymous
        )
    }

    /// The expected name if it is not taken, in unambiguous cases: the username if it is a
    /// string, else the local part of the address.
    fn wish(&self) -> Option<String> {
        let is_plain = |name: &str| {
            (1..=50).contains(&name.chars().count()) && name.chars().all(char::is_alphanumeric)
        };
        let metadata = self.metadata.as_deref().unwrap_or("null");
        let metadata: serde_json::Value = serde_json::from_str(metadata).expect("it is JSON");
        let username = metadata.get("username").and_then(|name| name.as_str()).unwrap_or_default();
        let name =
            if username.is_empty() { self.email.as_deref()?.split_once('@')?.0 } else { username };
        is_plain(name).then(|| name.to_owned())
    }
}

/// Blanks of every script.
const BLANKS: &str = " \t\n\u{b}\u{c}\r\u{85}\u{a0}\u{1680}\u{2000}\u{2003}\u{200a}\u{2028}\
                      \u{2029}\u{202f}\u{205f}\u{3000}";

/// Quotes and special characters of formats, patterns and JSON; a joiner and joined characters,
/// a combining mark, right-to-left marks and letters; neighbours of the surrogates, private use
/// characters and noncharacters.
const AWKWARD: &str = "'\"\\%_$@-{}\u{200d}\u{1f469}\u{1f4bb}\u{fe0f}\u{301}\u{202e}\u{200f}\u{5d0}\
                       \u{627}\u{d7ff}\u{e000}\u{f8ff}\u{fdd0}\u{fffe}\u{ffff}\u{f0000}\u{1fffe}\
                       \u{10ffff}";

/// Any character that a text of the database can hold.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        4 => proptest::char::range('a', 'z'),
        2 => select(AWKWARD.chars().collect::<Vec<char>>()),
        1 => select(BLANKS.chars().collect::<Vec<char>>()),
        2 => proptest::char::range('\u{1}', char::MAX),
    ]
}

fn text(longest: usize) -> impl Strategy<Value = String> {
    prop_oneof![3 => vec(character(), 0..8), 1 => vec(character(), 0..=longest)]
        .prop_map(String::from_iter)
}

/// Names that are taken or soon will be, and others.
fn name() -> impl Strategy<Value = String> {
    let popular = ["alice", "bob", "carol", "user", "ada", "Ada", "\u{6f22}"];
    prop_oneof![
        4 => select(popular.to_vec()).prop_map(str::to_owned),
        1 => Just("x".repeat(50)),
        2 => vec(proptest::char::range('a', 'z'), 1..52).prop_map(String::from_iter),
        2 => text(60),
    ]
}

fn email() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        2 => Just(None),
        4 => name().prop_map(|name| Some(format!("{name}@example.org"))),
        1 => vec(name(), 1..5).prop_map(|names| Some(names.join("@"))),
        1 => text(255).prop_map(Some),
        1 => character().prop_map(|character| Some(character.to_string().repeat(255))),
    ]
    .prop_map(|email| email.map(|email| email.chars().take(255).collect()))
}

/// Every character as JSON's escape.
fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn metadata() -> impl Strategy<Value = Option<String>> {
    let bare = ["null", "{}", "[]", "1", "true", "\"ada\"", "[\"username\"]", "{\"username \": 1}"];
    let no_name =
        ["null", "5", "-0.5e3", "false", "[]", "[\"ada\"]", "{}", "{\"a\": 1}", "\"\"", "\" \""];
    let json = |name: &str| serde_json::Value::from(name).to_string();
    prop_oneof![
        2 => Just(None),
        2 => select(bare.to_vec()).prop_map(|bare| Some(bare.to_owned())),
        3 => select(no_name.to_vec()).prop_map(|name| Some(format!("{{\"username\": {name}}}"))),
        6 => name().prop_map(move |name| Some(format!("{{\"username\": {}}}", json(&name)))),
        2 => name().prop_map(|name| {
            Some(format!("{{\"{}\": \"{}\"}}", escaped("username"), escaped(&name)))
        }),
        1 => (character(), 51usize..20_000).prop_map(move |(character, count)| {
            let name = json(&character.to_string().repeat(count));
            Some(format!("{{\"a\": null, \"username\": {name}}}"))
        }),
    ]
}

/// A sign-up and later ones; no address signs up twice.
fn sign_ups() -> impl Strategy<Value = Vec<SignUp>> {
    let one = (email(), metadata(), proptest::bool::ANY)
        .prop_map(|(email, metadata, anonymous)| SignUp { email, metadata, anonymous });
    vec(one, 1..5).prop_map(|mut all| {
        let mut seen = BTreeSet::new();
        all.retain(|one| one.email.is_none() || seen.insert(one.email.clone()));
        all
    })
}

/// The id of the account that signs up at that place.
fn id(at: usize) -> String {
    format!("516e0000-0000-4000-8000-{at:012}")
}

pub const EVERY_SIGN_UP: Property = Property {
    id: "handle_new_user/every-sign-up-succeeds",
    claim: "every sign-up the auth server can make succeeds and leaves one profile: with the name \
            that is wanted if it is free, else with one that begins with it; 1 to 50 characters, \
            unique, no blank at either end",
    about: &["handle_new_user", "user_profiles"],
    cases: 250,
    holds: |runner| {
        runner.check(&sign_ups(), async |transaction, sign_ups| {
            let statements = sign_ups.iter().enumerate();
            let statements = statements.map(|(at, sign_up)| sign_up.statement(&id(at)));
            let statements: Vec<String> = statements.collect();
            transaction.run(runner.auth_server(), &statements.join("; ")).await?;
            let profiles = "select id, username from public.user_profiles";
            let profiles = transaction.admin(profiles).await?.rows;
            let mut names: BTreeMap<String, String> =
                profiles.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
            let given: Vec<Option<String>> =
                (0..sign_ups.len()).map(|at| names.remove(&id(at))).collect();
            let mut taken: BTreeSet<String> = names.into_values().collect();
            for (at, (sign_up, given)) in sign_ups.iter().zip(given).enumerate() {
                prop_assert!(given.is_some(), "sign-up {} left no profile", at);
                let given = given.unwrap_or_default();
                let length = given.chars().count();
                prop_assert!((1..=50).contains(&length), "{:?} has {} characters", given, length);
                prop_assert_eq!(given.trim(), &given, "blanks around a name");
                if let Some(wish) = sign_up.wish() {
                    if taken.contains(&wish) {
                        let head: String = wish.chars().take(10).collect();
                        prop_assert!(given.starts_with(&head), "{:?} for {:?}", given, wish);
                        prop_assert_ne!(&given, &wish, "two have that name");
                    } else {
                        prop_assert_eq!(&given, &wish, "a name that was free");
                    }
                }
                prop_assert!(taken.insert(given.clone()), "{:?} is somebody else's", given);
            }
            Ok(())
        })
    },
};

/// How many sign up at once, and over how many connections.
const CROWD: usize = 200;
const CONNECTIONS: usize = 16;
/// How often to check whether all of them wait; with a fault some never do.
const PATIENCE: usize = 2_000;

pub const AT_ONCE: Property = Property {
    id: "handle_new_user/many-want-one-name-at-once",
    claim: "200 sign-ups that want one name at the same time all succeed, each with a name of \
            its own of 1 to 50 characters",
    about: &["handle_new_user", "user_profiles"],
    cases: 2,
    holds: |runner| {
        let name = prop_oneof![Just("ada".to_owned()), Just("\u{1f469}".repeat(50)), text(50)];
        runner.check_committed(&name, async |transaction, name| {
            let username = serde_json::Value::from(name).to_string();
            let sign_up = SignUp {
                email: None,
                metadata: Some(format!("{{\"username\": {username}}}")),
                anonymous: false,
            };
            let one_after_another = async |connection: usize| {
                let client = runner.connect("supabase_auth_admin").await?;
                let mut refused = Vec::new();
                for at in (connection..CROWD).step_by(CONNECTIONS) {
                    let answer = client.batch_execute(&sign_up.statement(&id(at))).await;
                    refused.extend(answer.err().map(|error| describe(&error)));
                }
                Ok::<_, CannotRun>(refused)
            };
            // A lock that allows reads and blocks inserts until all sessions wait, so that they
            // race in every run.
            transaction.admin("begin").await?;
            transaction.admin("lock table public.user_profiles in share mode").await?;
            let release = async {
                let waiting = "select count(*) from pg_locks where not granted \
                               and relation = 'public.user_profiles'::regclass";
                for _ in 0..PATIENCE {
                    if transaction
                        .admin(waiting)
                        .await?
                        .one()
                        .is_ok_and(|it: usize| it == CONNECTIONS)
                    {
                        break;
                    }
                }
                transaction.admin("commit").await
            };
            let crowd = join_all((0..CONNECTIONS).map(one_after_another));
            let (results, released) = join(crowd, release).await;
            released?;
            let ours = "where id::text like '516e0000-%'";
            let profiles = format!("select username from public.user_profiles {ours}");
            let names = transaction.admin(&profiles).await?.rows.into_iter().flatten();
            let names: Vec<String> = names.collect();
            transaction.admin(&format!("delete from auth.users {ours}")).await?;
            for result in results {
                prop_assert_eq!(result?, Vec::<String>::new(), "sign-ups that were refused");
            }
            prop_assert_eq!(names.len(), CROWD, "profiles");
            let lengths = names.iter().map(|name| name.chars().count());
            prop_assert!(lengths.into_iter().all(|length| (1..=50).contains(&length)));
            prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), CROWD, "distinct names");
            Ok(())
        })
    },
};
