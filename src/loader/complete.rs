//! Which modules have all libraries at hand that they may get.

use super::base_name;
use std::collections::HashMap;

/// A module by its file name, with the names of the libraries that it needs.
pub struct Needs<'n> {
    pub path: &'n str,
    pub needed: Vec<String>,
}

/// Of which modules all libraries are among `modules`: those that they need, and those that these need in turn.
pub fn complete(modules: &[Needs<'_>]) -> Vec<bool> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, module) in modules.iter().enumerate() {
        named.entry(base_name(module.path)).or_default().push(index);
    }
    // The users of all libraries of one name.
    let mut users: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut complete = vec![true; modules.len()];
    for (index, module) in modules.iter().enumerate() {
        for name in module.needed.iter().map(|name| base_name(name)) {
            complete[index] &= named.contains_key(name);
            users.entry(name).or_default().push(index);
        }
    }
    let mut waiting: Vec<usize> = (0..modules.len()).filter(|index| !complete[*index]).collect();
    while let Some(library) = waiting.pop() {
        for user in users.remove(base_name(modules[library].path)).unwrap_or_default() {
            if std::mem::take(&mut complete[user]) {
                waiting.push(user);
            }
        }
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_lacks_its_users_lack() {
        let needs = |path, needed: &[&str]| Needs { path, needed: needed.iter().map(ToString::to_string).collect() };
        let modules = [
            needs("pkg/a.so", &["libb.so", "libc.so"]),
            needs("pkg/libb.so", &["libc.so"]),
            needs("pkg/libc.so", &["libb.so"]),
            needs("pkg/d.so", &["libe.so"]),
            needs("pkg.libs/libe.so", &["liboutside.so"]),
            needs("pkg/f.so", &[]),
        ];
        assert_eq!(complete(&modules), [true, true, true, false, false, true]);
    }
}
