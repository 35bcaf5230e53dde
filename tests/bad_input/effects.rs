//! Mistakes in guards, refusals, effects and accepted findings are reported with file, line and remedy.

use rstest::rstest;

use super::compact;
use super::contract::{told, workspace};

#[rstest]
#[case::effect_of_no_statement(
    "[[seed]]",
    "[[effects]]\nof = \"insert notes\"\ndoes = \"insert\"\nreason = \"so\"\n[[seed]]",
    "41:6 [\"insert notes\"] `insert notes` is no cause: say `insert into …`, `update …` or \
     `delete from …`"
)]
#[case::effect_that_is_none(
    "[[seed]]",
    "[[effects]]\nof = \"insert into notes\"\ndoes = \"update\"\nreason = \"so\"\n[[seed]]",
    "42:8 [\"update\"] `update` is no effect: say `insert`, `update of COLUMN, …` or `delete`"
)]
#[case::effect_of_unknown_things(
    "[[seed]]",
    "[[effects]]\nof = \"insert into tag\"\ndoes = \"update of isp\"\nfunction = \"count\"\n\
     reason = \"\"\n[[seed]]",
    "41:19 [tag] unknown table `tag`; files declare `notes`, `tags`; did you mean `tags`?\n\
     tables/notes.toml:42:19 [isp] unknown column `isp`; table `notes` has `id`, `is_pinned`, \
     `user_id`; say one of these\n\
     tables/notes.toml:43:12 [\"count\"] unknown function `count`; files declare `note_count`; \
     say one of these\n\
     tables/notes.toml:44:10 [\"\"] the effect has no reason; say why it is meant"
)]
#[case::no_guard(
    "default = \"false\"",
    "guard = \"refused by guard\"",
    "34:9 [\"refused by guard\"] `refused by guard` is no guard; say `refused by trigger NAME` \
     or `kept by trigger NAME`"
)]
#[case::guard_of_an_unknown_trigger(
    "default = \"false\"",
    "guard = \"kept by trigger keep\"\n[triggers]\nkeeps = \"\"\n[columns.other]\ntype = \"text\"",
    "34:26 [keep] unknown trigger `keep`; table `notes` declares `keeps`; did you mean `keeps`?"
)]
#[case::refusal_by_an_unknown_trigger(
    "1 row         1 row             1 row         1 row\nalice, bob          own pinned",
    "1 row         1 row             1 row         refused by trigger keep\nalice, bob          own pinned",
    "5:85 [refused by trigger keep] table `notes` declares no trigger `keep`; write it into \
     `[triggers]`"
)]
#[case::refusal_without_a_state(
    "1 row         1 row             1 row         1 row\nalice, bob          own pinned",
    "1 row         1 row             1 row         refused 'P01'\nalice, bob          own pinned",
    "5:85 [refused 'P01'] `refused 'P01'` has no SQLSTATE; say five digits or capitals: \
     `refused 'P0001'`"
)]
fn mistake_in_a_guard_or_an_effect_is_told_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistake: &str,
) {
    told(from, to, mistake);
}

#[rstest]
#[case::unknown_rule(
    "attack.W66",
    "so it is",
    "database.toml:17:8 [\"attack.W66\"] unknown rule `attack.W66`; `scripts/verify explain` lists all"
)]
#[case::rule_that_says_nothing_was_tried(
    "isolation.control",
    "so it is",
    "database.toml:17:8 [\"isolation.control\"] `isolation.control` cannot be accepted; it means \
     that an outcome is unknown; fix its cause"
)]
#[case::no_reason(
    "attack.W06",
    " ",
    "database.toml:19:10 [\" \"] the accepted finding of `notes` has no reason; say why it is \
     accepted"
)]
fn mistake_in_an_accepted_finding_is_told_with_its_place(
    #[case] rule: &str,
    #[case] reason: &str,
    #[case] mistake: &str,
) {
    let workspace = workspace();
    let entry =
        format!("[[accepted]]\nrule = \"{rule}\"\nobject = \"notes\"\nreason = \"{reason}\"\n");
    workspace.edit(
        "fixtures/contract/database.toml",
        "reason = \"it has none\"\n",
        &format!("reason = \"it has none\"\n\n{entry}"),
    );
    assert_eq!(compact(&workspace.mistake()), mistake);
}
