//! Which module of a crate uses which, read from the paths in its files.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::tokens;

/// A path, as its words; of modules and uses from the crate's root on.
type Path = Vec<String>;

/// The modules of a crate, but for its root.
pub(super) struct Modules {
    /// The modules that each uses: those that define what it names. A parent uses a child whose
    /// items it names, not one that it declares or re-exports from.
    pub(super) uses: BTreeMap<String, BTreeSet<String>>,
}

/// The paths in a file.
#[derive(Default)]
struct File {
    used: Vec<Path>,
    /// Those that others can use through this module.
    exported: Vec<Path>,
}

impl Modules {
    /// The modules of files: path below `src`, and text.
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let texts: BTreeMap<Path, &str> = files.map(|(path, text)| (module(path), text)).collect();
        let is_module = |path: &[String]| texts.contains_key(path);
        let read = |(name, text): (&Path, &&str)| (name.clone(), File::read(name, text, is_module));
        let files: BTreeMap<Path, File> = texts.iter().map(read).collect();
        let uses = files.iter().filter(|(name, _)| !name.is_empty()).map(|(name, file)| {
            let exported = file.exported.iter().filter(|path| !path.starts_with(name));
            let homes = file.used.iter().chain(exported).map(|path| home(&files, path.clone()));
            let others = homes.filter(|home| home != name && !home.is_empty());
            (name.join("::"), others.map(|home| home.join("::")).collect())
        });
        Self { uses: uses.collect() }
    }

    /// The modules below that one, and what they use there.
    pub(super) fn below(&self, parent: &str) -> Self {
        let is_below = |module: &str| module.starts_with(&format!("{parent}::"));
        let modules = self.uses.iter().filter(|(user, _)| is_below(user));
        let uses = modules.map(|(user, all)| {
            (user.clone(), all.iter().filter(|used| is_below(used)).cloned().collect())
        });
        Self { uses: uses.collect() }
    }
}

/// The module of a file.
fn module(path: &str) -> Path {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Path::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The module that defines what a path names: re-exports are followed.
fn home(files: &BTreeMap<Path, File>, mut path: Path) -> Path {
    loop {
        let length = (0..=path.len()).rev().find(|end| files.contains_key(&path[..*end]));
        let rest = path.split_off(length.unwrap_or_default());
        let file = files.get(&path).filter(|_| !rest.is_empty());
        let through = file.and_then(|it| it.exported.iter().find(|to| to.last() == rest.first()));
        match through {
            Some(through) => path = [through, &rest[1..]].concat(),
            None => return path,
        }
    }
}

impl File {
    fn read(name: &Path, text: &str, is_module: impl Fn(&[String]) -> bool) -> Self {
        let tokens = tokens(text);
        let mut file = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |it| tokens[it].as_str());
            let next = tokens.get(at + 1).map_or("", String::as_str);
            if tokens[at] == "use" && next != "<" {
                let mut paths = Vec::new();
                at = read_tree(&tokens, at + 1, &[], &mut paths);
                let paths = paths.iter().filter_map(|path| absolute(path, name, &is_module));
                let exports = before == "pub" || before == ")";
                if exports { &mut file.exported } else { &mut file.used }.extend(paths);
            } else if tokens[at] == "in" && before == "(" {
                // `pub(in path)` limits who may use it.
                at += tokens[at..].iter().position(|it| it == ")").unwrap_or(1);
            } else if next == "::" && before != "::" && before != "." {
                let mut paths = Vec::new();
                let end = tokens[at..].chunks(2).take_while(|it| it.len() == 2 && it[1] == "::");
                let end = at + 2 * end.count() + 1;
                read_tree(&tokens[..end.min(tokens.len())], at, &[], &mut paths);
                let paths = paths.iter().filter_map(|path| absolute(path, name, &is_module));
                file.used.extend(paths);
                at = end;
            } else {
                at += 1;
            }
        }
        file
    }
}

/// Reads a path, or a tree of paths in braces, below `prefix`; returns where it ends.
fn read_tree(tokens: &[String], mut at: usize, prefix: &[String], into: &mut Vec<Path>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|it| it != "}") {
                    at = read_tree(tokens, at, &path, into);
                    at += usize::from(tokens.get(at).is_some_and(|it| it == ","));
                }
                return at + 1;
            }
            "as" => at += 2,
            word if word.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                at += 1;
            }
            "*" => at += 1,
            _ => break,
        }
    }
    into.push(path);
    at
}

/// A path in that module from the crate's root on; none if it leads to another crate, or to
/// what the module has itself.
fn absolute(path: &Path, module: &Path, is_module: impl Fn(&[String]) -> bool) -> Option<Path> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let ups = path.iter().take_while(|word| *word == "super").count();
            Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat())
        }
        _ => {
            let path = [module, path.as_slice()].concat();
            is_module(&path[..=module.len()]).then_some(path)
        }
    }
}
