//! What the harness knows of the machine: the part of `scripts/doctor` that needs a compiler.

pub mod tools;

use std::env;
use std::path::Path;

use super::Ended;

use crate::server::Settings;
use crate::server::survey::{self, Fact, Standing};

/// The variables that a person sets: those of the README's table.
pub fn known() -> impl Iterator<Item = &'static str> {
    let rows = include_str!("../../../../../README.md").lines();
    let names = rows.filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    names.filter(|name| name.starts_with("IDENTRA_"))
}

/// A chapter of the report: its title and facts.
pub type Chapter = (&'static str, Vec<Fact>);

/// All chapters; the last is the server that a run would take.
pub async fn chapters(settings: &Settings, variables: Vec<Fact>) -> Vec<Chapter> {
    let server = match survey::server(settings).await {
        Ok(line) => Fact::good(line),
        Err(why) => Fact::missing(why.0, "see \"What it needs\" in README.md".to_owned()),
    };
    let variables = variables.into_iter().chain(survey::url(settings)).collect();
    vec![
        ("PostgreSQL on this machine", survey::postgres(settings)),
        ("Docker", vec![survey::docker(settings).await]),
        ("Programs that dump and restore", survey::programs(settings)),
        ("Variables that are set", variables),
        ("Server that a run would take", vec![server]),
    ]
}

/// Facts about the variables of an environment, without passwords.
pub fn variables(environment: impl Iterator<Item = (String, String)>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (name, value) in environment.filter(|(_, value)| !value.is_empty()) {
        let told = format!("{name} is {value}");
        match name.as_str() {
            // The URL is reported elsewhere, without its password.
            "IDENTRA_DATABASE_URL" => {}
            "DATABASE_URL" => facts.push(Fact::optional(
                "DATABASE_URL is set, and never read".to_owned(),
                "the URL of a server that may be destroyed goes into IDENTRA_DATABASE_URL".into(),
            )),
            "IDENTRA_FIXTURES" | "IDENTRA_MIGRATIONS" if !Path::new(&value).is_dir() => {
                let remedy = "name a directory that is there, or unset it".to_owned();
                facts.push(Fact::missing(format!("{told}, which is no directory"), remedy));
            }
            "IDENTRA_SQLX_MIGRATOR" if !Path::new(&value).is_file() => {
                let remedy =
                    "build it, see \"Tests that need more\" in tests/README.md, or unset it"
                        .to_owned();
                facts.push(Fact::optional(format!("{told}, which is no program"), remedy));
            }
            name if known().any(|known| known == name) => facts.push(Fact::good(told)),
            unknown if unknown.starts_with("IDENTRA_") => {
                let alike = |name: &&str| strsim::levenshtein(name, unknown) <= 3;
                let remedy = match known().find(alike) {
                    Some(name) => format!("perhaps {name} is meant; otherwise unset it"),
                    None => "unset it".to_owned(),
                };
                facts.push(Fact::optional(format!("{unknown} is none that a person sets"), remedy));
            }
            _ => {}
        }
    }
    facts.sort_by(|one, other| one.what.cmp(&other.what));
    facts
}

/// A report as a person reads it.
pub fn written(chapters: &[Chapter]) -> String {
    let mut text = String::new();
    for (title, facts) in chapters {
        text += &format!("\n{title}\n");
        if facts.is_empty() {
            text += "  none\n";
        }
        for Fact { standing, what, remedy } in facts {
            let word = match standing {
                Standing::Good => "ok",
                Standing::Optional => "optional",
                Standing::Missing => "missing",
            };
            let mut lines = what.split("; ").flat_map(str::lines).map(str::trim);
            text += &format!("  {word:10}{}\n", lines.next().unwrap_or_default());
            text += &lines.map(|line| format!("{:12}{line}\n", "")).collect::<String>();
            if let Some(remedy) = remedy {
                text += &format!("{:12}to do: {remedy}\n", "");
            }
        }
    }
    text
}

/// Reports what this machine has.
pub fn run() -> Ended {
    let (text, ready) = report();
    Ended::done(u8::from(!ready), text)
}

/// The report on this machine, and whether a run could begin.
fn report() -> (String, bool) {
    let variables = variables(env::vars());
    let chapters = match Settings::from_environment() {
        Ok(settings) => {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(chapters(&settings, variables))
        }
        Err(why) => {
            let fact = Fact::missing(why.0, "mend the variable, or unset it".to_owned());
            vec![
                ("Variables that are set", variables),
                ("Server that a run would take", vec![fact]),
            ]
        }
    };
    let tools = ("Tools", tools::tools(&env::var("PATH").unwrap_or_default()));
    let chapters: Vec<Chapter> = std::iter::once(tools).chain(chapters).collect();
    let mut facts = chapters.iter().flat_map(|(_, facts)| facts);
    let ready = facts.all(|fact| fact.standing != Standing::Missing);
    let verdict = if ready {
        "\nREADY: scripts/verify can run.\n"
    } else {
        "\nNOT READY: something is missing; see \"to do\" above.\n"
    };
    (written(&chapters) + verdict, ready)
}
