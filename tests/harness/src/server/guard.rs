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
pub fn judge(url: &str, allowed: &[String]) -> Result<Config, CannotRun> {
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
