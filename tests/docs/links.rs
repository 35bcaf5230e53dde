//! Links between the project's pages and to its files.

use super::page::Page;

/// `page:line: what is wrong` of each link that leads nowhere. Links to other sites are not
/// followed; `is_there` says whether the project has a file or folder.
pub(super) fn broken(pages: &[Page], is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for page in pages {
        for (line, link) in &page.links {
            if ["https:", "http:", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = resolved(&page.path, path);
            let wrong = match target {
                None => Some("leaves the project"),
                Some(target) if !is_there(&target) => Some("names nothing that is there"),
                Some(target) if !anchor.is_empty() => {
                    let named = pages.iter().find(|it| it.path == target);
                    let has = named.is_some_and(|it| it.anchors.iter().any(|it| it == anchor));
                    (!has).then_some("names no heading there")
                }
                Some(_) => None,
            };
            broken.extend(wrong.map(|why| format!("{}:{line}: `{link}` {why}", page.path)));
        }
    }
    broken
}

/// The path that a link on a page means, from the project on.
fn resolved(page: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(page.to_owned());
    }
    let mut at: Vec<&str> = page.split('/').collect();
    at.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "" => return None,
            "." => {}
            ".." => {
                at.pop()?;
            }
            name => at.push(name),
        }
    }
    Some(at.join("/"))
}

#[test]
fn link_that_leads_nowhere_is_named() {
    let text = "# A heading\n\n[1](b.md) [2](../c) [3](../../c) [4](#a-heading) [5](#other)\n\
                [6](b.md#there) [7](b.md#a-heading) ![8](none.png) [9](https://example.com/)";
    let pages = [Page::read("x/a.md", text), Page::read("x/b.md", "## There")];
    let is_there = |path: &str| ["x/a.md", "x/b.md", "c"].contains(&path);
    let expected = [
        "x/a.md:3: `../../c` leaves the project",
        "x/a.md:3: `#other` names no heading there",
        "x/a.md:4: `b.md#a-heading` names no heading there",
        "x/a.md:4: `none.png` names nothing that is there",
    ];
    assert_eq!(broken(&pages, is_there), expected);
}
