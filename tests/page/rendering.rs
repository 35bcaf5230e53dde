//! How the page renders: content security policy, width, contrast, and accessible names.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{dressed, faulty, proved, small};
use schema_harness::report::Evidence;
use schema_harness::report::page::page;
use schema_harness::source::project;

const THEMES: [&str; 2] = ["light", "dark"];
/// A telephone's, a laptop's, and of a sheet of A4 between its margins.
const WIDTHS: [(&str, u32); 3] = [("phone", 390), ("laptop", 1280), ("print", 688)];

/// The page requests nothing that its own policy forbids, and logs nothing to the console.
#[test]
fn page_keeps_its_policy() {
    let Some(browser) = Browser::start() else { return };
    let page = page(&dressed(faulty()));
    browser.show(&page);
    assert_eq!(browser.complaints(), [""; 0]);
    let loaded = "return performance.getEntriesByType('resource').length";
    assert_eq!(browser.run(loaded), 0, "what the page has loaded");
    for (planted, word) in [
        ("<script>document.title = 'x'</script>", "script"),
        ("<p onclick=\"x()\">", "event handler"),
        ("<p style=\"color: red\">", "style"),
        ("<img src=\"https://identra.example/x.png\" alt=x>", "image"),
    ] {
        browser.show(&page.replacen("<main>", &format!("<main>{planted}"), 1));
        let complaints = browser.complaints().join("\n");
        assert!(complaints.contains("Content Security Policy"), "control: {word}: {complaints}");
    }
}

/// How much wider the page is than its window.
const EXCESS: &str = "return document.scrollingElement.scrollWidth - innerWidth";
const OPEN: &str = "for (const it of document.querySelectorAll('details')) it.open = true";

/// The page needs no horizontal scrolling; the screenshots are kept beside the evidence.
#[rstest]
#[case::of_a_proof(proved(), "proved")]
#[case::with_findings(faulty(), "findings")]
fn page_fits_its_window(#[case] evidence: &Evidence, #[case] name: &str) {
    let Some(browser) = Browser::start() else { return };
    let pictures = schema_harness::source::directory(None, "target/evidence").join("screenshots");
    fs::create_dir_all(&pictures).expect("a directory for screenshots");
    browser.show(&page(evidence));
    for theme in THEMES {
        for (medium, width) in WIDTHS {
            browser.look(width, theme, if medium == "print" { "print" } else { "" });
            browser.run("scrollTo(0, 0)");
            let file = pictures.join(format!("{name}-{medium}-{theme}.png"));
            fs::write(&file, browser.picture()).expect("a screenshot");
            assert_eq!(browser.run(EXCESS), 0, "{medium}, {theme}");
        }
    }
    browser.show(&page(&small(&dressed(evidence))));
    browser.run(OPEN);
    for (medium, width) in WIDTHS {
        browser.look(width, "light", "");
        assert_eq!(browser.run(EXCESS), 0, "{medium}, with everything open");
    }
    browser.run(
        "const wide = document.createElement('pre'); wide.style.width = '2000px';
         document.querySelector('main').append(wide);",
    );
    assert_ne!(browser.run(EXCESS), 0, "control: something that is too wide");
}

/// The checker axe-core, fetched once; none if it cannot be fetched.
fn axe() -> Option<String> {
    const REQUIREMENT: &str = "axe-playwright-python==0.1.8 \
        --hash=sha256:fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8\n";
    let home = project().join("target/axe-playwright-python-0.1.8");
    let mut fetch = Command::new(project().join("scripts/fetch-linter"))
        .arg(&home)
        .stdin(Stdio::piped())
        .spawn()
        .expect("scripts/fetch-linter");
    let mut requirement = fetch.stdin.take().expect("its input");
    // It does not read where it has been fetched already.
    let _ = requirement.write_all(REQUIREMENT.as_bytes());
    drop(requirement);
    let fetched = fetch.wait().expect("scripts/fetch-linter").success();
    let script = fs::read_to_string(home.join("axe_playwright_python/axe.min.js")).ok();
    let required = std::env::var("IDENTRA_BROWSER").is_ok_and(|it| it == "required");
    assert!(fetched || !required, "axe-core could not be fetched; see above");
    script
}

/// What axe-core finds wrong by all of its rules, or by some: each with the first element.
fn violations(browser: &Browser, only: &[&str]) -> Vec<String> {
    let options = match only {
        [] => json!({ "resultTypes": ["violations"] }),
        _ => json!({ "resultTypes": ["violations"], "runOnly": only }),
    };
    let found = browser.run_until(&format!(
        "axe.run(document, {options}).then((it) => arguments[0](
            it.violations.map((rule) => rule.id + ': ' + rule.nodes.length + ', '
                + rule.nodes[0].html.slice(0, 160) + ' ' + rule.nodes[0].failureSummary)))"
    ));
    let texts = found.as_array().expect("violations").iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// WCAG 2.2: contrast in both themes, names, headings, tables and landmarks, with all that opens
/// open.
#[rstest]
#[case::of_a_proof(proved())]
#[case::with_findings(faulty())]
fn page_is_accessible(#[case] evidence: &Evidence) {
    const PLANTED: [&str; 2] = ["color-contrast", "button-name"];
    let Some(browser) = Browser::start() else { return };
    let Some(axe) = axe() else { return };
    browser.show(&page(&small(&dressed(evidence))));
    browser.run(&axe);
    browser.run(OPEN);
    browser.look(1280, "light", "");
    assert_eq!(violations(&browser, &[]), [""; 0], "light");
    browser.look(1280, "dark", "");
    assert_eq!(violations(&browser, &PLANTED), [""; 0], "dark");
    // The control: each is found where it is planted.
    browser.run(
        "const lead = document.querySelector('.lead');
         lead.style.color = '#888'; lead.style.background = '#999';
         document.querySelector('#filter button').textContent = '';",
    );
    let found = violations(&browser, &PLANTED).join("\n");
    for rule in PLANTED {
        assert!(found.contains(rule), "control: {rule}, of {found}");
    }
}

/// With the keyboard alone, everything that opens or scrolls can be reached, and the focus is
/// visible.
#[test]
fn page_can_be_used_by_keyboard() {
    let Some(browser) = Browser::start() else { return };
    browser.show(&page(&small(faulty())));
    browser.run("document.querySelector('.skip').focus({ focusVisible: true })");
    let skip = browser.run(
        "const it = document.activeElement;
         return [it.className, it.getBoundingClientRect().width > 50]",
    );
    assert_eq!(skip, json!(["skip", true]), "the way past the contents");
    let outlines = browser.run(
        "return [...document.querySelectorAll('summary, a, button, input, select, [tabindex]')]
            .filter((it) => it.checkVisibility()).map((it) => {
                it.focus({ focusVisible: true });
                return document.activeElement === it && getComputedStyle(it).outlineStyle;
            }).filter((it) => it !== 'solid').length",
    );
    assert_eq!(outlines, 0, "what cannot be focused, or does not show it");
    let outline = browser.run(
        "const it = document.querySelector('summary'); it.style.outline = 'none';
         it.focus({ focusVisible: true }); return getComputedStyle(it).outlineStyle",
    );
    assert_ne!(outline, "solid", "control: something that does not show it");
}

/// After its user has ended, in any way, no process and no file of a browser is left.
#[test]
fn browser_leaves_nothing() {
    let Some(browser) = Browser::start() else { return };
    let directory = browser.directory().to_owned();
    assert!(running(&directory) > 0, "control: processes that have its directory in their words");
    drop(browser);
    assert!(!directory.exists(), "{}", directory.display());
    // The kernel ends the processes a little later.
    let began = Instant::now();
    while running(&directory) > 0 && began.elapsed() < Duration::from_secs(5) {
        std::thread::yield_now();
    }
    assert_eq!(running(&directory), 0, "processes");
}

/// How many processes name a directory.
fn running(directory: &Path) -> usize {
    let name = directory.to_string_lossy();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let words = processes.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
    words.filter(|words| String::from_utf8_lossy(words).contains(&*name)).count()
}
