//! The options of the command line, and the older spellings of its subcommands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::source::directory;

/// The first argument when `scripts/verify` calls: what follows is a command line, and not what a
/// test runner asks.
pub(super) const COMMAND_LINE: &str = "--command-line";

const EXAMPLES: &str = "\
Examples:
  scripts/verify                                 prove the project's own schema
  scripts/verify --migrations DIR --fixtures DIR prove another schema, or another contract
  scripts/verify --baseline known.toml           accept what is known, until a date
  scripts/verify draft --migrations DIR          write a contract for migrations that have none
  scripts/verify cases DIR                       prove every schema of a folder, a line each
  scripts/verify explain isolation.cell          say what a rule means

Exit status: 0 proved, or nothing new beside the baseline; 1 findings, or a planned check was
not made; 2 could not run; 3 the harness is broken: it overlooked a weakness that it planted";

/// Prove that a database schema keeps every user's rows to that user.
///
/// Finds or starts a disposable PostgreSQL, applies the migrations, makes every check, writes the
/// evidence and prints the verdict.
#[derive(Debug, Parser)]
#[command(
    name = "scripts/verify",
    bin_name = "scripts/verify",
    version = crate::report::commit().unwrap_or_else(|| "of no commit".to_owned()),
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES
)]
pub(super) struct Options {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) verify: Verify,
}

/// What the main job is told.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    pub(super) inputs: Directories,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(super) baseline: Baseline,
    #[command(flatten)]
    pub(super) regime: Regimes,
    /// Fail for weakened defences and matters of style, too
    #[arg(long)]
    pub(super) strict: bool,
    /// Break every line that security rests on, too, and see a check fail for each; Ctrl-C keeps
    /// what is done
    #[arg(long)]
    pub(super) mutants: bool,
    /// Judge only the mutants of what has changed since that commit
    #[arg(long, value_name = "BASE", requires = "mutants")]
    pub(super) in_diff: Option<String>,
}

/// What is read.
#[derive(Debug, Args)]
pub(super) struct Directories {
    /// Migrations to prove [default: migrations]
    #[arg(long, value_name = "DIR", env = "IDENTRA_MIGRATIONS", hide_env_values = true)]
    migrations: Option<PathBuf>,
    /// Contract to prove them against [default: fixtures]
    #[arg(long, value_name = "DIR", env = "IDENTRA_FIXTURES", hide_env_values = true)]
    fixtures: Option<PathBuf>,
    /// SQL files that add to the platform, see fixtures/supabase/README.md
    #[arg(long, value_name = "DIR")]
    platform: Option<PathBuf>,
}

impl Directories {
    pub(super) fn migrations(&self) -> PathBuf {
        directory(self.migrations.as_deref(), "migrations")
    }

    pub(super) fn fixtures(&self) -> PathBuf {
        directory(self.fixtures.as_deref(), "fixtures")
    }

    /// The inputs with the additions to the platform, where there are some.
    pub(super) fn complete(&self, inputs: Inputs) -> Result<Inputs, CannotRun> {
        match &self.platform {
            Some(platform) => inputs.with_additions(platform),
            None => Ok(inputs),
        }
    }
}

/// Which projects the migrations are meant for.
#[derive(Debug, Args)]
pub(super) struct Regimes {
    /// What the platform grants by itself: everything on new tables to every API role, as on
    /// projects from before 30 May 2026, or nothing but what a migration grants [default: guessed
    /// from what the migrations grant and revoke, and said]
    #[arg(long, value_enum)]
    regime: Option<Choice>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choice {
    AutoExpose,
    Explicit,
    Both,
}

impl Regimes {
    pub(super) fn wanted(&self) -> Option<Vec<Regime>> {
        self.regime.map(|choice| match choice {
            Choice::AutoExpose => vec![Regime::AutoExpose],
            Choice::Explicit => vec![Regime::Explicit],
            Choice::Both => Regime::ALL.to_vec(),
        })
    }
}

/// Where files are written.
#[derive(Debug, Args)]
pub(super) struct Out {
    /// Directory to write to [default: target/evidence; of a draft, target/draft]
    #[arg(long, value_name = "DIR", env = "IDENTRA_EVIDENCE", hide_env_values = true)]
    out: Option<PathBuf>,
}

impl Out {
    pub(super) fn or(&self, default: &str) -> PathBuf {
        directory(self.out.as_deref(), default)
    }
}

/// What is accepted.
#[derive(Debug, Args)]
pub(super) struct Baseline {
    /// Known findings, each accepted for a reason and until a date
    #[arg(long, value_name = "FILE", env = "IDENTRA_BASELINE", hide_env_values = true)]
    baseline: Option<PathBuf>,
}

impl Baseline {
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.baseline.clone().filter(|file| !file.as_os_str().is_empty())
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Merge(Merge),
    Draft(Draft),
    Explain(Explain),
    Cases(Cases),
    /// Say what this machine has, which server a run would take and why, and what to do about
    /// whatever is missing; nothing is started, fetched or changed
    #[command(after_help = "Example:\n  scripts/verify doctor\n\n\
                            Exit status: 0 scripts/verify can run, 1 it cannot")]
    Doctor,
}

/// Make one verdict of what shards wrote; nothing is run
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scripts/verify merge shards/1 shards/2 --out target/evidence")]
pub(super) struct Merge {
    /// Directories that shards wrote their evidence to, or directories of such directories
    #[arg(required = true, value_name = "DIR")]
    pub(super) shards: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(super) baseline: Baseline,
}

/// Write down what the migrations make, as a contract with every guess marked, for a person to
/// correct
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scripts/verify draft --migrations supabase/migrations \
                        --out theirs\n  # correct the guesses in theirs/contract, then\n  \
                        scripts/verify --migrations supabase/migrations --fixtures theirs")]
pub(super) struct Draft {
    #[command(flatten)]
    pub(super) inputs: Directories,
    /// The migrations are known to be right: let the grids say what the database does
    #[arg(long)]
    pub(super) as_observed: bool,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(super) regime: Regimes,
}

/// Prove every schema of a folder, and print a line for each: whether it applies, tables tried,
/// checks that could not run, seconds, findings by rule
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scripts/verify cases fixtures/obstacles\n\n\
                        A case is a .sql file, or a directory with supabase/migrations or \
                        migrations.\nWithout a contract beside it, a draft is what it is proved \
                        against.\n\nExit status: 0 every case is as expected.toml beside it \
                        says, 1 one is not, 3 the harness \
                        is broken")]
pub(super) struct Cases {
    /// Folder of the cases
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    #[command(flatten)]
    pub(super) out: Out,
    /// Seconds after which a case is ended
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub(super) limit: u64,
}

/// Say what a rule of a finding means, with an example and the remedy; list all rules without one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  scripts/verify explain\n  \
                        scripts/verify explain isolation.cell\n  scripts/verify explain W04")]
pub(super) struct Explain {
    /// A rule's id or number, or the id of a check
    #[arg(default_value = "list")]
    pub(super) rule: String,
}

/// The command line in its present form. `--merge`, `--explain` and `--draft-contract`, which
/// were options once, are subcommands; `--in-diff` stands for `--mutants` too; a variable that is
/// empty is unset.
pub(super) fn current(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let older = [("--merge", "merge"), ("--explain", "explain"), ("--draft-contract", "draft")];
    for (option, subcommand) in older {
        if let Some(at) = arguments.iter().position(|it| it == option) {
            arguments.remove(at);
            arguments.insert(0, subcommand.into());
        }
    }
    if arguments.iter().any(|it| it == "--in-diff") && !arguments.iter().any(|it| it == "--mutants")
    {
        arguments.push("--mutants".into());
    }
    arguments.insert(0, "scripts/verify".into());
    arguments
}
