//! The servers that may be destroyed.

use rstest::rstest;
use schema_harness::server::guard::judge;

#[rstest]
#[case::loopback("postgres://supabase_admin@127.0.0.1/postgres")]
#[case::any_of_127("postgres://supabase_admin@127.1.2.3/postgres")]
#[case::loopback_of_version_6("postgres://supabase_admin@[::1]:5433/postgres")]
#[case::localhost("postgres://supabase_admin@LOCALHOST/postgres")]
#[case::socket("host=/run/postgresql user=supabase_admin")]
#[case::encoded_socket("postgres://supabase_admin@%2Frun%2Fpostgresql/postgres")]
#[case::allowed_host("postgres://supabase_admin@Throwaway.Internal/postgres")]
#[case::loopback_twice("host=localhost hostaddr=127.0.0.1 user=supabase_admin")]
fn this_machine_and_allowed_hosts_pass(#[case] url: &str) {
    assert!(judge(url, &["throwaway.internal".to_owned()]).is_ok(), "{url}");
}

#[rstest]
#[case::other_host("postgres://u@db.example.org/postgres", "IDENTRA_ALLOW_HOSTS=db.example.org")]
#[case::every_interface("postgres://u@0.0.0.0/postgres", "not this machine")]
#[case::looks_like_loopback("postgres://u@127.0.0.1.example.org/postgres", "not this machine")]
#[case::loopback_as_a_number("postgres://u@2130706433/postgres", "not this machine")]
#[case::smuggled_host("postgres://u@localhost/postgres?host=db.example.org", "db.example.org")]
#[case::smuggled_address("postgres://u@localhost/postgres?hostaddr=192.0.2.1", "192.0.2.1")]
#[case::second_host("postgres://u@localhost,db.example.org/postgres", "db.example.org")]
#[case::two_loopbacks("postgres://u@localhost,127.0.0.1/postgres", "several hosts")]
#[case::no_host("postgres://u@/postgres", "names no host")]
#[case::tls("postgres://u@localhost/postgres?sslmode=require", "drop sslmode")]
#[case::nonsense("localhost:5432", "cannot be read")]
#[case::supabase("postgres://u@db.abcdefgh.supabase.co/postgres", "hosted by supabase.co")]
#[case::pooler("postgres://u@aws-0-eu-central-1.pooler.supabase.com/p", "hosted by supabase.com")]
#[case::amazon("postgres://u@x.eu-west-1.rds.amazonaws.com/p", "hosted by amazonaws.com")]
#[case::neon("postgres://u@ep-x.eu-central-1.aws.neon.tech/p", "hosted by neon.tech")]
#[case::azure("postgres://u@x.postgres.database.azure.com/p", "hosted by azure.com")]
#[case::final_dot("postgres://u@db.abcdefgh.supabase.co./postgres", "hosted by supabase.co")]
#[case::upper_case("postgres://u@DB.ABCDEFGH.SUPABASE.CO/postgres", "hosted by supabase.co")]
#[case::cloud_sql_socket("host=/cloudsql/project:zone:db user=u", "proxy to a hosted database")]
fn other_hosts_are_refused(#[case] url: &str, #[case] reason: &str) {
    let refusal = judge(url, &[]).expect_err(url).0;
    assert!(refusal.contains(reason), "{refusal:?} does not say {reason:?}");
}

#[test]
fn hosted_database_is_refused_even_if_allowed() {
    let host = "db.abcdefgh.supabase.co";
    let refusal = judge(&format!("postgres://u@{host}/postgres"), &[host.to_owned()]);
    assert!(refusal.is_err_and(|it| it.0.contains("never disposable")));
}

#[test]
fn refusal_keeps_the_password_secret() {
    let refusal = judge("postgres://u:hunter2@db.example.org/postgres", &[]);
    assert!(!refusal.expect_err("a foreign host").0.contains("hunter2"));
}
