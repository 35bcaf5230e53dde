//! This file is the rules that a finding can break: what each means and how to mend it.

/// A rule, by its stable id.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its id in findings.
    pub(crate) id: &'static str,
    /// What it means, in a sentence.
    pub(crate) title: &'static str,
    /// How to mend what breaks it.
    pub(crate) remedy: &'static str,
    /// Weakness numbers.
    pub(crate) references: &'static [&'static str],
}

/// Something is declared by the contract and is not in the database.
pub(crate) const MISSING: Rule = Rule {
    id: "schema.missing",
    title: "the contract declares it and the database does not have it",
    remedy: "restore it in the migration, or take it out of the contract if it is not meant",
    references: &["CWE-693"],
};

/// Something is in the database that no file declares.
pub(crate) const UNDECLARED: Rule = Rule {
    id: "schema.undeclared",
    title: "the database has it and no file of the contract declares it",
    remedy: "remove it from the migration, or declare it in the contract if it is meant",
    references: &["CWE-1059"],
};

/// Something is not as declared.
pub(crate) const DIFFERENT: Rule = Rule {
    id: "schema.different",
    title: "the database has it in another form than the contract declares",
    remedy: "change the migration to what the contract says, or the contract if it is wrong",
    references: &["CWE-693"],
};

/// A statement got something else than the grid says.
pub(crate) const CELL: Rule = Rule {
    id: "isolation.cell",
    title: "a statement got something else than the access grid says",
    remedy: "compare the table's policies, grants and row level security with its grid",
    references: &["CWE-639", "CWE-863"],
};

/// A statement changed a row that is not its sender's.
pub(crate) const STATE: Rule = Rule {
    id: "isolation.state",
    title: "a statement changed rows that are not its sender's, or not its own row",
    remedy: "look for a policy, cascade, rule, trigger or definer function that reaches them",
    references: &["CWE-639", "CWE-284"],
};

/// The statement is refused to those who may run it, so that a refusal proves nothing.
pub(crate) const CONTROL: Rule = Rule {
    id: "isolation.control",
    title: "the entitled persona does not succeed with the same statement",
    remedy: "let the service role have the privilege, or give the contract better examples",
    references: &["CWE-693"],
};

/// The persona is not subject to row level security.
pub(crate) const GUARD: Rule = Rule {
    id: "isolation.guard",
    title: "row level security does not apply to the persona as it should",
    remedy: "enable row level security on the table; take BYPASSRLS and superuser from the role",
    references: &["CWE-862"],
};

/// The check could not be made, which is never a pass.
pub(crate) const COULD_NOT_RUN: Rule = Rule {
    id: "harness.could-not-run",
    title: "the check could not be made, so nothing is known",
    remedy: "mend what the message names first; the schema's own findings often say why",
    references: &[],
};

/// A sign-up or a login did not go as promised.
pub(crate) const FLOW: Rule = Rule {
    id: "flow.sign-up-and-login",
    title: "a sign-up, a login or a token did not do what it promises",
    remedy: "look at the sign-up trigger, and at the privileges of the service role",
    references: &["CWE-287", "CWE-347"],
};

/// A function, trigger or constraint does not do what the contract promises.
pub(crate) const PROMISE: Rule = Rule {
    id: "promise.broken",
    title: "a case was found in which the promise does not hold",
    remedy: "play the statements in psql, and look at the function, trigger or constraint in them",
    references: &["CWE-682"],
};

/// The properties of a function leave a part of it untried.
pub(crate) const COVERAGE: Rule = Rule {
    id: "promise.unreached",
    title: "a part of the function was never executed, so nothing is known of it",
    remedy: "write a property that reaches it, or take it out of the function",
    references: &["CWE-1164"],
};

/// The contract excepts something from a rule of the platform's linter that keeps it.
pub(crate) const UNNEEDED: Rule = Rule {
    id: "lint.unneeded_exception",
    title: "the contract excepts something from a rule that it does not break",
    remedy: "take the exception out of the contract's database.toml",
    references: &["CWE-1164"],
};

/// `plpgsql_check` has something to say about a function.
pub(crate) const BODY: Rule = Rule {
    id: "function.body",
    title: "plpgsql_check reports on the function's body",
    remedy: "mend what it names; it says the line within the body",
    references: &["CWE-710"],
};

/// An entry of the baseline is for nothing.
pub(crate) const UNUSED: Rule = Rule {
    id: "baseline.unused",
    title: "the baseline puts up with something that is not found",
    remedy: "take the entry out of the baseline: what it was for is mended, or is named otherwise",
    references: &["CWE-1164"],
};

/// An entry of the baseline is in force no more.
pub(crate) const EXPIRED: Rule = Rule {
    id: "baseline.expired",
    title: "the baseline puts up with something no longer, and it is still there",
    remedy: "mend what it is about; or decide again, with a new reason and a new day",
    references: &["CWE-693"],
};

/// A mutant that no check notices.
pub(crate) const MISSED: Rule = Rule {
    id: "mutant.missed",
    title: "the schema can be broken in this way and every check stays green",
    remedy: "add a check or a constraint that notices; if nothing that is promised changes, say so \
             in mutants.toml",
    references: &["CWE-1164"],
};

/// A mutant that `mutants.toml` is wrong about.
pub(crate) const NOT_EQUIVALENT: Rule = Rule {
    id: "mutant.not-equivalent",
    title: "mutants.toml says of a mutant that it changes nothing, and that is not so",
    remedy: "take its entry out of mutants.toml",
    references: &[],
};

/// Checks that notice nothing.
pub(crate) const IDLE: Rule = Rule {
    id: "mutant.idle-checks",
    title: "these checks noticed no mutant at all",
    remedy: "mend them, take them out, or say in mutants.toml what they are kept for",
    references: &[],
};
