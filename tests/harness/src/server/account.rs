//! The user of the operating system that a server runs as.

use std::fs;

/// User and group that the server runs as, because initdb refuses root; none to run as the
/// current user.
pub fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let mut fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found = fields.find(|fields| fields.len() > 3 && fields[0] == name)?;
        // On macOS, nobody is -2.
        let number = |field: &str| {
            let negative = || field.parse().map(i32::cast_unsigned);
            field.parse().or_else(|_| negative()).ok()
        };
        Some((number(found[2])?, number(found[3])?))
    };
    find("postgres").or_else(|| find("nobody")).or(Some((65534, 65534)))
}
