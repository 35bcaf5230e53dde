//! The object that the id of a check names.

use schema_harness::checks::schema::object;

#[test]
fn an_id_names_its_object() {
    assert_eq!(object("schema/memories/columns/content/privileges/anon"), "memories.content");
    assert_eq!(object("schema/memories/privileges/anon"), "memories");
    assert_eq!(object("schema/memories/row-level-security"), "memories");
    assert_eq!(object("schema/memories/policies/Users read"), "memories.Users read");
    assert_eq!(object("schema/memories/policies/read/write"), "memories.read/write");
    assert_eq!(object("schema/functions/is_on/callers"), "is_on");
    assert_eq!(object("database/roles/anon"), "roles.anon");
}
