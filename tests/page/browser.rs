//! A browser for the tests: Chromium and its driver, which are removed when their user ends.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Starts the driver, reports its directory, and waits until the process that asked for it has
/// ended, in any way. All processes of the driver are in its process group, and all its files
/// are below one directory.
const KEEPER: &str = r#"
set -m
directory=$(mktemp -d "${TMPDIR:-/tmp}/identra-browser.XXXXXX") || exit 1
export TMPDIR=$directory HOME=$directory
echo "$directory"
"$1" --port=0 </dev/null 2>/dev/null &
driver=$!
cat >/dev/null
kill -KILL -- "-$driver"
wait "$driver"
rm -r -f -- "$directory" || rm -r -f -- "$directory"
"#;

/// A browser with one window.
pub(super) struct Browser {
    keeper: Child,
    /// Kept open as long as the driver may write, and not read.
    _said: BufReader<ChildStdout>,
    directory: PathBuf,
    port: u16,
    session: String,
}

/// The note where there is no browser.
const REQUIRED: &str = "IDENTRA_BROWSER";

impl Browser {
    /// Starts one; nothing where there is none, unless `IDENTRA_BROWSER` is `required`.
    ///
    /// # Panics
    /// What is missing, or the error of the driver.
    pub(super) fn start() -> Option<Self> {
        let programs = (program("chromedriver"), program("chromium"));
        let (Some(driver), Some(chromium)) = programs else {
            let missing = "there is no chromedriver, or no chromium, in PATH";
            assert_ne!(env::var(REQUIRED).as_deref(), Ok("required"), "{missing}");
            let _ = writeln!(std::io::stderr(), "left out, because {missing}");
            return None;
        };
        let mut keeper = Command::new("bash")
            .args(["-c", KEEPER, "bash"])
            .arg(driver)
            // Ctrl-C is for the tests; the keeper notices when they end.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The keeper's messages about killed processes.
            .stderr(Stdio::null())
            .spawn()
            .expect("start bash");
        let mut said = BufReader::new(keeper.stdout.take().expect("its output"));
        let mut directory = String::new();
        said.read_line(&mut directory).expect("the browser's directory");
        let port = port(&mut said);
        let directory = PathBuf::from(directory.trim());
        let mut browser = Self { keeper, _said: said, directory, port, session: String::new() };
        browser.session = browser.begin(&chromium);
        Some(browser)
    }

    fn begin(&self, chromium: &Path) -> String {
        let profile = format!("--user-data-dir={}/profile", self.directory.display());
        let mut args = vec![
            "--headless=new",
            "--hide-scrollbars",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-breakpad",
            "--disable-background-networking",
            "--no-first-run",
            &profile,
        ];
        // It shows only this project's own page.
        if !may_have_a_sandbox() {
            args.push("--no-sandbox");
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "timeouts": { "script": 60_000 },
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "binary": chromium, "args": args },
        } } });
        let begun = self.ask("/session", Some(&wanted));
        begun["sessionId"].as_str().expect("a session").to_owned()
    }

    /// Shows a page, as a file.
    pub(super) fn show(&self, page: &str) {
        let file = self.directory.join("index.html");
        fs::write(&file, page).expect("write the page");
        self.go(&format!("file://{}", file.display()));
    }

    /// Shows an anchor of the current page.
    pub(super) fn go(&self, url: &str) {
        self.command("/url", &json!({ "url": url }));
    }

    /// The address of a place in the page that [`Self::show`] has shown.
    pub(super) fn place(&self, place: &str) -> String {
        format!("file://{}/index.html#{place}", self.directory.display())
    }

    /// What the body of a function returns, in the page.
    pub(super) fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What the body of a function passes to its last argument, in the page.
    pub(super) fn run_until(&self, script: &str) -> Value {
        self.command("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// A command of Chromium's own protocol.
    pub(super) fn command_of_its_own(&self, name: &str, parameters: &Value) -> Value {
        self.command("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// As wide and high as that, in that theme.
    pub(super) fn look(&self, width: u32, theme: &str, medium: &str) {
        let size = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        self.command_of_its_own("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        let media = json!({ "media": medium, "features": features });
        self.command_of_its_own("Emulation.setEmulatedMedia", &media);
    }

    /// The messages of the console since the last call.
    pub(super) fn complaints(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().expect("a log").iter();
        entries.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A screenshot of the window, as a PNG.
    pub(super) fn picture(&self) -> Vec<u8> {
        let path = format!("/session/{}/screenshot", self.session);
        decoded(&self.ask(&path, None))
    }

    /// The page as a PDF on A4.
    pub(super) fn print(&self) -> Vec<u8> {
        let paper = json!({ "background": true, "page": { "width": 21.0, "height": 29.7 } });
        decoded(&self.command("/print", &paper))
    }

    /// The directory of all files that the browser writes.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn command(&self, name: &str, parameters: &Value) -> Value {
        self.ask(&format!("/session/{}{name}", self.session), Some(parameters))
    }

    /// Asks the driver.
    fn ask(&self, path: &str, body: Option<&Value>) -> Value {
        let answer = exchange(self.port, path, body)
            .unwrap_or_else(|error| panic!("the browser's driver: {path}: {error}"));
        let value = &answer["value"];
        assert!(value.get("error").is_none(), "{path}: {value:#}");
        value.clone()
    }
}

impl Drop for Browser {
    /// Ends the keeper, and waits until it has removed everything.
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Whether Chromium may make its sandbox: root may not, nor may a stranger to Ubuntu's `AppArmor`.
fn may_have_a_sandbox() -> bool {
    let restriction = Path::new("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    let restricted = fs::read_to_string(restriction).is_ok_and(|it| it.trim() == "1");
    !rustix::process::getuid().is_root() && !restricted
}

fn decoded(base64: &Value) -> Vec<u8> {
    STANDARD.decode(base64.as_str().expect("base64")).expect("base64")
}

/// Where `PATH` has a program.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// The port that the driver says it listens on.
fn port(said: &mut impl BufRead) -> u16 {
    const BEFORE: &str = "started successfully on port ";
    let lines = said.lines().map_while(Result::ok);
    let mut ports = lines.filter_map(|line| {
        let (_, port) = line.split_once(BEFORE)?;
        port.trim_end_matches('.').parse().ok()
    });
    ports.next().expect("the driver says where it listens")
}

/// One request and its answer, which is JSON.
fn exchange(port: u16, path: &str, body: Option<&Value>) -> Result<Value, ureq::Error> {
    // A refusal has an answer, too.
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_mins(2)))
        .proxy(None)
        .build()
        .new_agent();
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut answer = match body {
        Some(body) => agent.post(url).send_json(body)?,
        None => agent.get(url).call()?,
    };
    answer.body_mut().with_config().limit(u64::MAX).read_json()
}
