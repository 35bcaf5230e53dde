//! The programs beside the server that building, testing and fetching use.

use std::process::Command;

use crate::server::survey::Fact;

/// A set of programs that serves one purpose.
struct Tool {
    /// Each is asked for its version.
    programs: &'static [&'static [&'static str]],
    /// What they are for.
    purpose: &'static str,
    remedy: &'static str,
    /// Whether nothing runs without.
    is_needed: bool,
}

const TOOLS: [Tool; 7] = [
    Tool {
        programs: &[&["cargo", "--version"]],
        purpose: "builds the harness",
        remedy: "install Rust, see https://rustup.rs",
        is_needed: true,
    },
    Tool {
        programs: &[&["cc", "--version"]],
        purpose: "the C compiler that Rust links with",
        remedy: "install gcc (Debian: apt-get install gcc libc6-dev)",
        is_needed: true,
    },
    Tool {
        programs: &[&["python3", "--version"], &["python3", "-m", "pip", "--version"]],
        purpose: "fetches PostgreSQL where there is none, and the linters",
        remedy: "install python3 and pip (Debian: apt-get install python3-pip)",
        is_needed: false,
    },
    Tool {
        programs: &[&["git", "--version"]],
        purpose: "tells the commit, and what has changed since another",
        remedy: "install git",
        is_needed: false,
    },
    Tool {
        programs: &[&["docker", "--version"]],
        purpose: "builds the image, in scripts/build-image and a part of the tests",
        remedy: "install Docker, if its tests are to run",
        is_needed: false,
    },
    Tool {
        programs: &[&["cargo-nextest", "--version"]],
        purpose: "runs each test in a process of its own",
        remedy: "cargo install --locked cargo-nextest, if you want that",
        is_needed: false,
    },
    Tool {
        programs: &[&["chromium", "--version"], &["chromedriver", "--version"]],
        purpose: "open the page of the evidence in its tests",
        remedy: "install both, if those tests are to run (Debian: chromium chromium-driver)",
        is_needed: false,
    },
];

/// Which tools are in that PATH.
pub fn tools(path: &str) -> Vec<Fact> {
    TOOLS.iter().map(|tool| tool.fact(path)).collect()
}

impl Tool {
    fn fact(&self, path: &str) -> Fact {
        let versions: Vec<Option<String>> =
            self.programs.iter().map(|call| version(call, path)).collect();
        if let Some(versions) = versions.iter().cloned().collect::<Option<Vec<String>>>() {
            Fact::good(format!("{}: {}", versions[0], self.purpose))
        } else {
            let names: Vec<String> = self.programs.iter().map(|call| name(call)).collect();
            let what = format!("no {}: {}", names.join(" or "), self.purpose);
            let fact = if self.is_needed { Fact::missing } else { Fact::optional };
            fact(what, self.remedy.to_owned())
        }
    }
}

/// `python3 -m pip --version` asks for pip.
fn name(call: &[&str]) -> String {
    call[call.len() - 2].to_owned()
}

/// The first line that a program says of its version.
fn version(call: &[&str], path: &str) -> Option<String> {
    let program = path.split(':').map(|it| format!("{it}/{}", call[0]));
    let program = program.into_iter().find(|it| std::path::Path::new(it).is_file())?;
    let output = Command::new(program).args(&call[1..]).env("PATH", path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}
