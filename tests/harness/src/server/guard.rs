//! Decides from its parsed settings, before anything connects, whether a URL may be used at
//! all.

use crate::error::CannotRun;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Domains of hosted databases: there is no disposable server at any of them, whatever
/// `IDENTRA_ALLOW_HOSTS` says.
const PROVIDERS: [&str; 36] = [
    "aivencloud.com",
    "alloydb.goog",
    "amazonaws.com",
    "amazonaws.com.cn",
    "appdomain.cloud",
    "azure.cn",
    "azure.com",
    "azure.net",
    "azure.us",
    "cloudsql.goog",
    "cockroachlabs.cloud",
    "crunchybridge.com",
    "elephantsql.com",
    "fly.dev",
    "flympg.net",
    "googleapis.com",
    "heroku.com",
    "koyeb.app",
    "neon.build",
    "neon.tech",
    "nhost.run",
    "ondigitalocean.com",
    "oraclecloud.com",
    "ovh.net",
    "postgresbridge.com",
    "prisma.io",
    "psdb.cloud",
    "railway.app",
    "railway.internal",
    "render.com",
    "rlwy.net",
    "scw.cloud",
    "supabase.co",
    "supabase.com",
    "supabase.net",
    "timescale.com",
];

/// Where the Cloud SQL proxy puts its sockets: behind them is a hosted database.
const PROXY_SOCKETS: &str = "/cloudsql";

/// The settings of the URL, if every host in it is this machine or allowed.
///
/// # Errors
/// Which host is refused and why; never the password.
pub(super) fn judge(url: &str, allowed: &[String]) -> Result<Config, CannotRun> {
    let refuse = |why: String| CannotRun(format!("IDENTRA_DATABASE_URL {why}"));
    let config = Config::from_str(url).map_err(|problem| {
        let form = "postgres://supabase_admin:PASSWORD@127.0.0.1:5432/postgres";
        refuse(format!("cannot be read ({problem}); its form is {form}"))
    })?;
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(directory) => directory.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(IpAddr::to_string);
    let all: Vec<String> = hosts.chain(addresses).collect();
    for host in &all {
        admit(host, allowed).map_err(|why| refuse(format!("names host {host}, {why}")))?;
    }
    match (config.get_hosts(), config.get_hostaddrs()) {
        ([_], [] | [_]) | ([], [_]) => (),
        ([], []) => {
            return Err(refuse("names no host; say 127.0.0.1 or a socket's directory".into()));
        }
        _ => return Err(refuse(format!("names several hosts ({}); name one", all.join(", ")))),
    }
    if config.get_ports().len() > 1 {
        return Err(refuse("names several ports; name one".to_owned()));
    }
    if config.get_ssl_mode() == SslMode::Require {
        return Err(refuse(
            "asks for TLS, which a disposable server does not need; drop sslmode".into(),
        ));
    }
    Ok(config)
}

fn admit(host: &str, allowed: &[String]) -> Result<(), String> {
    if host.starts_with('/') {
        return if Path::new(host).starts_with(PROXY_SOCKETS) {
            Err("a proxy to a hosted database; use a server of your own".to_owned())
        } else {
            Ok(())
        };
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let of = |domain: &str| {
        name.strip_suffix(domain).is_some_and(|it| it.is_empty() || it.ends_with('.'))
    };
    if let Some(provider) = PROVIDERS.into_iter().find(|provider| of(provider)) {
        return Err(format!(
            "which is hosted by {provider} and never disposable; use a server of your own"
        ));
    }
    let loopback = match name.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost",
    };
    if loopback || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name)) {
        return Ok(());
    }
    Err(format!(
        "which is not this machine; if it may be destroyed, set IDENTRA_ALLOW_HOSTS={name}"
    ))
}

#[cfg(test)]
mod tests {
    use super::judge;
    use rstest::rstest;

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
    #[case::other_host(
        "postgres://u@db.example.org/postgres",
        "IDENTRA_ALLOW_HOSTS=db.example.org"
    )]
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
    #[case::pooler(
        "postgres://u@aws-0-eu-central-1.pooler.supabase.com/p",
        "hosted by supabase.com"
    )]
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
}
