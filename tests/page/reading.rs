//! What a reader finds in the page: all of the evidence, and nothing that the evidence does not
//! have.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::browser::Browser;
use super::{dressed, faulty, proved, small};
use schema_harness::report::Evidence;
use schema_harness::report::page::{anchor, page};

/// Each cell of the matrix, as it is shown.
const CELLS: &str = r"
    const text = (element) => element ? element.textContent.trim() : null;
    return [...document.querySelectorAll('td > details > .body')].map((body) => {
        const td = body.closest('td');
        const summary = td.querySelector('summary');
        const at = [...td.parentElement.children].indexOf(td);
        return {
            id: body.id,
            red: getComputedStyle(summary).backgroundColor !== 'rgba(0, 0, 0, 0)',
            equal: text(summary.querySelector('.reached, .refused')),
            intended: text(summary.querySelector('.intended')),
            observed: text(summary.querySelector('.observed')),
            heads: [...td.parentElement.querySelectorAll('th')].map(text),
            column: text(td.closest('table').querySelector('thead tr').children[at]),
            statement: body.querySelector('pre').textContent,
        };
    });";

/// The cells that the page and the evidence report differently.
fn differences(evidence: &Evidence, shown: &Value) -> Vec<String> {
    let shown: BTreeMap<&str, &Value> = shown
        .as_array()
        .expect("cells")
        .iter()
        .map(|cell| (cell["id"].as_str().unwrap_or_default(), cell))
        .collect();
    let mut differences = Vec::new();
    for it in &evidence.matrix {
        let Some(shown) = shown.get(anchor(&it.id).as_str()) else {
            differences.push(format!("{}: is not shown", it.id));
            continue;
        };
        let cell = &it.cell;
        let observed = it.observed.values().next().expect("an answer");
        let words = if it.passed {
            json!([cell.expected, null, null])
        } else {
            json!([null, cell.expected, observed])
        };
        let (heads, column) = match &cell.column {
            Some(column) => (json!([column]), format!("{} {}", cell.persona, cell.command)),
            None => (json!([cell.persona, cell.target]), cell.command.clone()),
        };
        let is = json!([
            shown["red"],
            [shown["equal"], shown["intended"], shown["observed"]],
            shown["heads"],
            shown["column"],
            shown["statement"],
        ]);
        let ought = json!([!it.passed, words, heads, column, cell.statement]);
        if is != ought {
            differences.push(format!("{}: {is} instead of {ought}", it.id));
        }
    }
    if shown.len() != evidence.matrix.len() {
        differences.push(format!("{} cells instead of {}", shown.len(), evidence.matrix.len()));
    }
    differences
}

/// Red is what failed, and nothing else; both words are the evidence's.
#[test]
fn matrix_shows_what_the_evidence_says() {
    let Some(browser) = Browser::start() else { return };
    let mut evidence = faulty().clone();
    browser.show(&page(&evidence));
    let shown = browser.run(CELLS);
    assert_eq!(differences(&evidence, &shown), [""; 0]);
    let red = evidence.matrix.iter().filter(|it| !it.passed).count();
    assert!(red > 10, "control: the fault has turned {red} cells red");
    let (first, second) = (evidence.matrix[0].id.clone(), evidence.matrix[1].id.clone());
    evidence.matrix[0].passed = false;
    evidence.matrix[1].cell.expected = "9 rows".to_owned();
    let found = differences(&evidence, &shown);
    assert_eq!(found.len(), 2, "control: two cells that are not what is shown: {found:#?}");
    assert!(found[0].starts_with(&first) && found[1].starts_with(&second), "{found:#?}");
}

/// A finding is shown with its line of the migration and its script.
#[test]
fn finding_comes_with_its_lines_and_its_statement() {
    let Some(browser) = Browser::start() else { return };
    let evidence = faulty();
    browser.show(&page(evidence));
    let text = browser.run("return document.querySelector('#findings').textContent");
    let text = text.as_str().expect("text");
    let of_cells = evidence.findings.iter().find(|finding| finding.rule == "isolation.cell");
    let finding = of_cells.expect("a cell that failed");
    let location = finding.location.as_ref().expect("where it comes from");
    assert!(text.contains(&location.to_string()), "{location}");
    assert!(text.contains(&location.text.lines().next().unwrap_or_default().to_owned()));
    assert!(text.contains(finding.statement.as_deref().expect("a statement")));
    let next = browser.run("return document.querySelector('#verdict').nextElementSibling.id");
    assert_eq!(next, "findings", "what stands behind the first screen");
}

/// What a filter leaves: its text, and the visible cells.
fn left(browser: &Browser) -> (String, usize) {
    let left = browser.run(
        "const open = [...document.querySelectorAll('.body[id]')];
         const seen = (it) => it.closest('td').querySelector('summary').checkVisibility(
             { visibilityProperty: true });
         return [document.querySelector('#filter-count').textContent, open.filter(seen).length];",
    );
    let count = left[1].as_u64().and_then(|count| usize::try_from(count).ok());
    (left[0].as_str().expect("a sentence").to_owned(), count.expect("a count"))
}

/// Sets a control of the filter as a user does.
fn set(browser: &Browser, control: &str, to: &str) {
    browser.run(&format!(
        "const control = document.querySelector('#filter-{control}');
         control.{to}; control.dispatchEvent(new Event('input', {{ bubbles: true }}));"
    ));
}

#[test]
fn filter_leaves_what_it_says() {
    let Some(browser) = Browser::start() else { return };
    let evidence = faulty();
    let all = evidence.matrix.len();
    let said = |count: usize| format!("{count} of {all} cells are shown");
    browser.show(&page(evidence));
    // A cell of a column is behind its table's summary until that is opened.
    browser.run("for (const it of document.querySelectorAll('.columns-of')) it.open = true");
    assert_eq!(left(&browser), (said(all), all), "control: nothing is filtered");
    let failed = evidence.matrix.iter().filter(|it| !it.passed).count();
    set(&browser, "failed", "checked = true");
    assert_eq!(left(&browser), (said(failed), failed), "what failed");
    set(&browser, "failed", "checked = false");
    set(&browser, "persona", "value = 'bob'");
    set(&browser, "command", "value = 'update'");
    let of_bob = evidence.matrix.iter().map(|it| &it.cell);
    let of_bob = of_bob.filter(|cell| cell.persona == "bob" && cell.command == "update").count();
    assert_eq!(left(&browser), (said(of_bob), of_bob), "bob's updates");
    set(&browser, "text", "value = 'no such text'");
    assert_eq!(left(&browser), (said(0), 0), "nothing");
    browser.run("document.querySelector('#filter button').click()");
    browser.run_until("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))");
    assert_eq!(left(&browser), (said(all), all), "everything again");
}

/// The copied text is the whole script, without the text of the button.
#[test]
fn statement_is_copied_as_it_is() {
    let Some(browser) = Browser::start() else { return };
    let evidence = small(proved());
    let may = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    browser.command_of_its_own("Browser.grantPermissions", &may);
    browser.show(&page(&evidence));
    let copied = browser.run_until(
        "const [done] = arguments;
         const body = document.querySelector('.body[id]');
         const read = () => navigator.clipboard.readText().then((text) => done([body.id, text]));
         new MutationObserver((_, it) => {
             it.disconnect();
             const button = body.querySelector('button');
             new MutationObserver(read).observe(button, { childList: true });
             button.click();
         }).observe(body, { childList: true });
         body.closest('details').open = true;",
    );
    let cell = evidence.matrix.iter().find(|cell| copied[0] == anchor(&cell.id).as_str());
    let statement = &cell.expect("the cell that was opened").cell.statement;
    assert_eq!(copied[1], statement.as_str());
}

/// Without JavaScript everything but the filter works; a link opens its target.
#[test]
fn page_is_whole_without_script() {
    let Some(browser) = Browser::start() else { return };
    let evidence = dressed(faulty());
    let off = json!({ "value": true });
    browser.command_of_its_own("Emulation.setScriptExecutionDisabled", &off);
    browser.show(&page(&evidence));
    let controls = browser.run("return document.querySelector('#filter').checkVisibility()");
    assert_eq!(controls, false, "controls that do nothing");
    assert_eq!(differences(&evidence, &browser.run(CELLS)), [""; 0]);
    let id = &evidence.matrix[0].id;
    let shown = format!(
        "return document.getElementById('{}').checkVisibility({{ contentVisibilityAuto: true }})",
        anchor(id)
    );
    assert_eq!(browser.run(&shown), false, "control: {id} is not open");
    browser.go(&browser.place(&anchor(id)));
    assert_eq!(browser.run(&shown), true, "{id}, to which a link leads");
    let on = json!({ "value": false });
    browser.command_of_its_own("Emulation.setScriptExecutionDisabled", &on);
    browser.show(&page(&evidence));
    let controls = browser.run("return document.querySelector('#filter').checkVisibility()");
    assert_eq!(controls, true, "control: with script they are there");
}

/// The visible scripts, sections and details.
const PRINTED: &str = "
    const seen = (it) => it.checkVisibility({ contentVisibilityAuto: true })
        && it.getBoundingClientRect().height > 0;
    const hidden = (what) => [...document.querySelectorAll(what)].filter((it) => !seen(it)).length;
    return [hidden('main > section'), hidden('pre'), hidden('details > :not(.copy)')];";

/// How many pages a PDF has.
fn pages(pdf: &[u8]) -> usize {
    String::from_utf8_lossy(pdf).matches("/Type /Page\n").count()
}

/// On paper nothing can be opened, nor copied by a button.
#[test]
fn print_shows_what_is_closed() {
    let Some(browser) = Browser::start() else { return };
    let page = page(&small(&dressed(faulty())));
    browser.show(&page);
    browser.look(1280, "light", "print");
    assert_eq!(browser.run(PRINTED), json!([0, 0, 0]), "hidden sections, scripts, details");
    let whole = pages(&browser.print());
    let rule = "content-visibility: visible !important";
    // Its policy would forbid another style.
    let other = page.replace(rule, "color: inherit").replace("http-equiv=", "name=");
    browser.show(&other);
    assert_ne!(browser.run(PRINTED), json!([0, 0, 0]), "control: without the rule");
    let less = pages(&browser.print());
    assert!(less * 2 < whole, "control: {less} pages of {whole} without the rule");
}
