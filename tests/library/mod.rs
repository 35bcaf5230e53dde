//! Parts of the library, one by one, where no server is needed.

mod attacks_defaults;
mod attacks_transcript;
mod constraints_rules;
mod draft_checks;
mod explain_page;
mod mutants_changes;
mod mutants_diff;
mod page_graph;
mod page_markup;
mod platform_cves;
mod probe_digest;
mod properties_plan;
mod report_locate;
mod report_verdict;
mod rows_candidates;
mod rows_checks;
mod rows_values;
mod schema_objects;
mod server_guard;
mod sql_grants;
mod sql_statements;
mod sql_tokens;
