//! Which things of two lists are the same one, before and now.

use std::collections::HashMap;

/// Two positions: `None` where there is no partner.
pub type Paired = (Option<usize>, Option<usize>);

/// Pairs what has the same key by the first of `keys`, in the order in which it comes, then what is left by the next one, and so on. What
/// has no key stays without a partner. In the order of `old`; then what came.
pub fn pairs<T>(old: &[T], new: &[T], keys: &[fn(&T) -> Option<String>]) -> Vec<Paired> {
    let mut partners: Vec<Option<usize>> = vec![None; old.len()];
    let mut taken = vec![false; new.len()];
    for key in keys {
        let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, thing) in new.iter().enumerate().filter(|(number, _)| !taken[*number]).rev() {
            if let Some(key) = key(thing) {
                waiting.entry(key).or_default().push(number);
            }
        }
        for (number, thing) in old.iter().enumerate() {
            if partners[number].is_some() {
                continue;
            }
            let partner = key(thing).and_then(|key| waiting.get_mut(&key)?.pop());
            if let Some(partner) = partner {
                partners[number] = Some(partner);
                taken[partner] = true;
            }
        }
    }
    let came = (0..new.len()).filter(|number| !taken[*number]).map(|number| (None, Some(number)));
    partners.iter().enumerate().map(|(number, partner)| (Some(number), *partner)).chain(came).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_apart_better_is_paired_first() {
        let keys: [fn(&String) -> Option<String>; 2] = [|name| Some(name.clone()), |name| Some(name.get(..1)?.to_string())];
        let list = |names: [&str; 4]| names.map(str::to_string);
        let found = pairs(&list(["a1", "a2", "b1", ""]), &list(["c1", "a2", "a3", "a4"]), &keys);
        let expected = [(Some(0), Some(2)), (Some(1), Some(1)), (Some(2), None), (Some(3), None), (None, Some(0)), (None, Some(3))];
        assert_eq!(found, expected);
    }
}
