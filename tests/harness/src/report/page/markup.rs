//! Turns evidence into markup: all text is escaped by [`e`].

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::macros::format_description;

/// Text that may stand in an element or in a quoted attribute.
pub(super) fn e(text: &str) -> String {
    within(text).replace('"', "&quot;").replace('\'', "&#39;")
}

/// Text that may stand in an element alone: scripts are full of quotes.
fn within(text: &str) -> String {
    // No character reference may name the last, and a parser replaces it.
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('\0', "\u{fffd}")
}

/// The name of a check's place in the page. No two checks have one.
pub fn anchor(id: &str) -> String {
    // What ends an attribute, what an address encodes, and what is written for others.
    let keep = |c: char| c.is_ascii_graphic() && !"\"'<>&`%+~".contains(c);
    let place = |c: char| match c {
        ' ' => "+".to_owned(),
        c if keep(c) => c.to_string(),
        c => format!("~{:x}~", u32::from(c)),
    };
    id.chars().map(place).collect()
}

/// A check's id, as a link to its place.
pub(super) fn link(id: &str) -> String {
    format!("<a class=id href=\"#{}\">{}</a>", anchor(id), e(id))
}

/// How a check ended, as a sign and a word.
pub(super) fn mark(passed: bool) -> &'static str {
    if passed { "<b class=ok>✓ passed</b>" } else { "<b class=bad>✗ failed</b>" }
}

/// `1 check`, `2 checks`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Names in the order of a sentence: `a, b and c`.
pub(super) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// What was observed: once, where all regimes agree, and else by regime.
pub(super) fn by_regime(observed: &BTreeMap<String, String>) -> String {
    let mut answers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (regime, answer) in observed {
        answers.entry(answer).or_default().push(regime);
    }
    let answer = |(answer, regimes): (&&str, &Vec<&str>)| {
        let regimes = e(&listed(regimes));
        format!("{} <span class=soft>({regimes})</span>", e(answer))
    };
    answers.iter().map(answer).collect::<Vec<_>>().join("<br>")
}

/// SQL to copy.
pub(super) fn sql(text: &str) -> String {
    // A line feed behind the tag is no part of the text.
    format!("<pre class=sql>\n{}</pre>", within(text))
}

/// A table that scrolls by itself where it is too wide, under its caption.
pub(super) fn table(caption: &str, heads: &[&str], rows: &str) -> String {
    let heads: String =
        heads.iter().map(|head| format!("<th scope=col>{}</th>", e(head))).collect();
    format!(
        "<div class=wide role=region tabindex=0 \
         aria-label=\"{0}\"><table><caption>{0}</caption><thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>\n",
        e(caption)
    )
}

/// A chapter, with a heading that its place and its name are made of.
pub(super) fn section(id: &str, heading: &str, content: &str) -> String {
    format!(
        "<section id={id} aria-labelledby={id}-heading>\n<h2 id={id}-heading>{heading}</h2>\n\
         {content}</section>\n"
    )
}

/// Seconds since 1970 as a date and time of day.
pub(super) fn utc(at: u64) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let at = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    at.and_then(|at| at.format(form).ok()).unwrap_or_else(|| "an unknown time".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{anchor, e, listed, utc};

    #[test]
    fn text_becomes_no_markup() {
        assert_eq!(e("<b a='1' b=\"2\">&"), "&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;");
    }

    /// What is written for a character cannot stand for itself.
    #[test]
    fn places_of_two_checks_differ() {
        assert_eq!(anchor("schema/a/Users read\u{17e}"), "schema/a/Users+read~17e~");
        assert_eq!(anchor("+~"), "~2b~~7e~");
    }

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[rstest]
    #[case::beginning(0, "1970-01-01 00:00:00 UTC")]
    #[case::leap_day(1_709_164_800, "2024-02-29 00:00:00 UTC")]
    #[case::day_behind_it(1_709_251_199, "2024-02-29 23:59:59 UTC")]
    #[case::end_of_a_year(1_798_761_599, "2026-12-31 23:59:59 UTC")]
    fn time_is_told_as_a_date(#[case] at: u64, #[case] told: &str) {
        assert_eq!(utc(at), told);
    }
}
