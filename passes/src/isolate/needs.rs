//! Which modules of a group get which by NEEDED, directly or through others.
//!
//! A module of a long chain of libraries gets all below it. To keep that for each module would take memory in the square of their number, so it is
//! found out where somebody asks, and no further than [`FARTHEST`]: who asks for more is told that the module does not get it.

use super::Subject;
use std::cell::OnceCell;
use std::collections::HashSet;

/// So many libraries of libraries are looked at for a module. Wheels have some dozens.
const FARTHEST: usize = 4096;

/// Who needs whom.
#[derive(Debug)]
pub struct Needs<'s> {
    /// What each module needs itself, as far as that is known.
    needed: Vec<&'s [usize]>,
    /// It may get libraries of which nothing is known.
    open: Vec<bool>,
    /// It needs itself, or is between some that do.
    circular: Vec<bool>,
}

impl<'s> Needs<'s> {
    /// What is known of `subjects`.
    pub fn of(subjects: &'s [Subject<'_, '_>]) -> Self {
        let needed: Vec<Option<&[usize]>> = subjects.iter().map(|subject| subject.standing.needed.as_deref()).collect();
        Needs::new(&needed)
    }

    fn new(known: &[Option<&'s [usize]>]) -> Self {
        let needed: Vec<&[usize]> = known.iter().map(|needed| needed.unwrap_or_default()).collect();
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); needed.len()];
        for (place, libraries) in needed.iter().enumerate() {
            libraries.iter().for_each(|library| users[*library].push(place));
        }
        let mut open = vec![false; needed.len()];
        let mut waiting: Vec<usize> = (0..known.len()).filter(|place| known[*place].is_none()).collect();
        while let Some(place) = waiting.pop() {
            if !std::mem::replace(&mut open[place], true) {
                waiting.extend(&users[place]);
            }
        }
        let users: Vec<&[usize]> = users.iter().map(Vec::as_slice).collect();
        let (below, above) = (ends(&needed, &users), ends(&users, &needed));
        let circular = below.iter().zip(above).map(|(below, above)| !below && !above).collect();
        Needs { needed, open, circular }
    }

    /// Whether the module at `place` may get libraries of which nothing is known.
    pub fn is_open(&self, place: usize) -> bool {
        self.open[place]
    }

    /// What is certain to be loaded before the module at `place`: what it gets, but for what it gets only through libraries that may need it in turn.
    /// A loader goes on without those that it is at work on, whatever they in turn still lack.
    pub fn before(&self, place: usize) -> Gets<'_> {
        let direct = self.needed[place].iter().copied().filter(|library| !(self.circular[place] && self.circular[*library]));
        Gets { needs: self, direct: direct.collect(), far: OnceCell::new() }
    }

    /// What the module at `place` gets.
    pub fn gets(&self, place: usize) -> Gets<'_> {
        Gets { needs: self, direct: self.needed[place].iter().copied().collect(), far: OnceCell::new() }
    }
}

/// For each module, whether it comes to an end to follow `edges` from it. `back` has them the other way round.
fn ends(edges: &[&[usize]], back: &[&[usize]]) -> Vec<bool> {
    let mut left: Vec<usize> = edges.iter().map(|edges| edges.len()).collect();
    let mut ended = vec![false; edges.len()];
    let mut waiting: Vec<usize> = (0..edges.len()).filter(|place| left[*place] == 0).collect();
    while let Some(place) = waiting.pop() {
        ended[place] = true;
        for before in back[place] {
            left[*before] -= 1;
            if left[*before] == 0 {
                waiting.push(*before);
            }
        }
    }
    ended
}

/// What one module gets.
#[derive(Debug)]
pub struct Gets<'n> {
    needs: &'n Needs<'n>,
    direct: HashSet<usize>,
    far: OnceCell<HashSet<usize>>,
}

impl Gets<'_> {
    /// Whether it gets one of `libraries`, which are in order.
    pub fn any(&self, libraries: &[usize]) -> bool {
        meet(&self.direct, libraries) || meet(self.far.get_or_init(|| self.find_far()), libraries)
    }

    /// What it gets through others.
    fn find_far(&self) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut waiting: Vec<usize> = self.direct.iter().copied().collect();
        // The same ones each time, where it is not looked at all of them.
        waiting.sort_unstable();
        let mut steps = 0;
        while let Some(place) = waiting.pop() {
            for library in self.needs.needed[place] {
                steps += 1;
                if steps > FARTHEST {
                    return found;
                }
                if !self.direct.contains(library) && found.insert(*library) {
                    waiting.push(*library);
                }
            }
        }
        found
    }
}

/// Whether one of `libraries`, which are in order, is in `set`. It takes time by the smaller of both.
fn meet(set: &HashSet<usize>, libraries: &[usize]) -> bool {
    if set.len() < libraries.len() {
        set.iter().any(|library| libraries.binary_search(library).is_ok())
    } else {
        libraries.iter().any(|library| set.contains(library))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain, two that need each other between others, one that may get anything, and its user.
    const NEEDED: [Option<&[usize]>; 9] =
        [Some(&[1]), Some(&[2]), Some(&[]), Some(&[4]), Some(&[5]), Some(&[4, 6]), Some(&[]), None, Some(&[7, 2])];

    #[test]
    fn a_module_gets_what_its_libraries_need() {
        let needs = Needs::new(&NEEDED);
        let gets = |place: usize| (0..NEEDED.len()).filter(|library| needs.gets(place).any(&[*library])).collect::<Vec<_>>();
        assert_eq!([0, 2, 3, 4, 8].map(gets), [vec![1, 2], vec![], vec![4, 5, 6], vec![4, 5, 6], vec![2, 7]]);
        assert!(needs.gets(0).any(&[2, 3, 4]) && !needs.gets(0).any(&[3, 4, 5, 6]) && !needs.gets(0).any(&[]));
        let open = (0..NEEDED.len()).filter(|place| needs.is_open(*place)).collect::<Vec<_>>();
        assert_eq!(open, [7, 8]);
    }

    #[test]
    fn libraries_of_libraries_that_need_each_other_may_come_late() {
        // The first is there after what only the second brings, which is instantiated while the second is being loaded.
        let known: [Option<&[usize]>; 5] = [Some(&[1]), Some(&[0, 2]), Some(&[3]), Some(&[]), Some(&[0])];
        let needs = Needs::new(&known);
        let before = |place: usize| (0..known.len()).filter(|library| needs.before(place).any(&[*library])).collect::<Vec<_>>();
        assert_eq!([0, 1, 2, 3, 4].map(before), [vec![], vec![2, 3], vec![3], vec![], vec![0, 1, 2, 3]]);
        let needs = Needs::new(&NEEDED);
        let certain = |one: usize, other: usize| needs.before(one).any(&[other]);
        assert_eq!([(4, 5), (0, 1), (3, 4), (5, 6)].map(|(one, other)| certain(one, other)), [false, true, true, true]);
    }

    #[test]
    fn what_is_too_far_is_not_got() {
        let chain: Vec<Vec<usize>> = (1..=FARTHEST + 10).map(|next| vec![next]).chain([vec![]]).collect();
        let chain: Vec<Option<&[usize]>> = chain.iter().map(|needed| Some(needed.as_slice())).collect();
        let needs = Needs::new(&chain);
        assert!(needs.gets(0).any(&[FARTHEST]) && !needs.gets(0).any(&[FARTHEST + 10]));
        assert!(needs.gets(10).any(&[FARTHEST + 10]));
    }
}
