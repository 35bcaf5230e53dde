//! A Markdown page: its headings, links, code and table rows, each with its line.

use std::collections::BTreeMap;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page that was read.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Relative to the project, with forward slashes.
    pub(super) path: String,
    /// What `#…` may name, as GitHub makes it of the headings.
    pub(super) anchors: Vec<String>,
    /// Line and destination of each link and image.
    pub(super) links: Vec<(usize, String)>,
    /// Line and text of each code span.
    pub(super) spans: Vec<(usize, String)>,
    /// Code spans in the first cells of table rows.
    pub(super) keys: Vec<String>,
    /// Code blocks.
    pub(super) blocks: Vec<Block>,
}

/// A code block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The line of its first line of code.
    pub(super) line: usize,
    /// The language behind the fence; nothing where the block is indented.
    pub(super) language: Option<String>,
    /// The code.
    pub(super) text: String,
}

impl Page {
    /// Reads a page.
    pub(super) fn read(path: &str, text: &str) -> Self {
        let mut page = Self { path: path.to_owned(), ..Self::default() };
        let mut heading: Option<String> = None;
        let mut block: Option<Block> = None;
        let mut cell = 0;
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let times = seen.entry(slug.clone()).or_default();
                    let number = if *times == 0 { String::new() } else { format!("-{times}") };
                    *times += 1;
                    page.anchors.push(slug + &number);
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let (line, language) = match kind {
                        CodeBlockKind::Fenced(language) => (line + 1, Some(language.into_string())),
                        CodeBlockKind::Indented => (line, None),
                    };
                    block = Some(Block { line, language, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::TableCell) => cell += 1,
                Event::Start(Tag::TableRow) | Event::End(TagEnd::Table) => cell = 0,
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        *heading += &code;
                    }
                    if cell == 1 {
                        page.keys.push(code.to_string());
                    }
                    page.spans.push((line, code.into_string()));
                }
                Event::Text(words) => match (&mut heading, &mut block) {
                    (Some(heading), _) => *heading += &words,
                    (_, Some(block)) => block.text += &words,
                    _ => {}
                },
                _ => {}
            }
        }
        page
    }

    /// Its blocks in that language.
    pub(super) fn blocks_in(&self, language: &str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.language.as_deref() == Some(language))
    }
}

/// The anchor of a heading, as GitHub makes it.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn heading_becomes_the_anchor_that_github_makes() {
    let text = "# Rows: `own`, and another's\n\n## In CI\n\n## In CI\n";
    assert_eq!(Page::read("a.md", text).anchors, ["rows-own-and-anothers", "in-ci", "in-ci-1"]);
}

#[test]
fn code_is_found_with_its_line() {
    let text = "It is `one`.\n\n```sh\ncargo test\n```\n\n    indented\n\n| `a` | `b` |\n|---|---|\n\
                | `c` | `d` |\n\n`e`\n";
    let page = Page::read("a.md", text);
    let block = |line, language: Option<&str>, text: &str| Block {
        line,
        language: language.map(str::to_owned),
        text: text.to_owned(),
    };
    assert_eq!(page.blocks, [block(4, Some("sh"), "cargo test\n"), block(7, None, "indented\n")]);
    assert_eq!(page.keys, ["a", "c"]);
    assert_eq!(page.spans[0], (1, "one".to_owned()));
}
