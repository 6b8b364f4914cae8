//! Recursive graph bisection: an order in which documents that share features are near each other.
//!
//! After Dhulipala and others, "Compressing Graphs and Indexes with Recursive Graph Bisection" (KDD 2016); lld orders functions for
//! compression in the same way. The documents are halved; then pairs of them change sides as long as that lowers the cost, which is high
//! where a feature occurs on both sides; then both halves are ordered by themselves.
//!
//! Costs are integers, so that the result is the same on every machine.

use crate::parallel;
use std::cmp::Reverse;

/// How often the sides of one split are revised at most.
const ROUNDS: usize = 12;
/// Documents that are not split any more.
const LEAF: usize = 2;

struct Document {
    number: usize,
    features: Vec<u32>,
}

/// The numbers of the documents in their new order. Each document is a list of features without repetition; documents that come
/// first begin on the first side.
pub fn order(documents: Vec<Vec<u32>>) -> Vec<usize> {
    let mut all: Vec<u32> = documents.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    // Features become numbers without gaps.
    let dense = |feature: u32| all.binary_search(&feature).map_or(0, |number| number as u32);
    let documents: Vec<Document> = (documents.into_iter().enumerate())
        .map(|(number, features)| Document { number, features: features.into_iter().map(dense).collect() })
        .collect();
    let weights = weights(documents.len());
    ordered(documents, all.len(), &weights)
}

fn ordered(mut documents: Vec<Document>, features: usize, weights: &[i64]) -> Vec<usize> {
    let features = if documents.len() > LEAF { keep_telling(&mut documents, features) } else { 0 };
    if features == 0 {
        return documents.into_iter().map(|document| document.number).collect();
    }
    let sides = split(&documents, features, weights);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (document, on_right) in documents.into_iter().zip(sides) {
        if on_right { right.push(document) } else { left.push(document) }
    }
    let (mut left, right) = parallel::join(|| ordered(left, features, weights), || ordered(right, features, weights));
    left.extend(right);
    left
}

/// Drops the features that only one document has, or all have: they tell nothing. Returns how many are left; these are renumbered.
fn keep_telling(documents: &mut [Document], features: usize) -> usize {
    let mut counts = vec![0u32; features];
    for feature in documents.iter().flat_map(|document| &document.features) {
        counts[*feature as usize] += 1;
    }
    let all = documents.len() as u32;
    let mut left = 0;
    let numbers: Vec<Option<u32>> = (counts.into_iter())
        .map(|count| {
            let tells = count > 1 && count < all;
            left += u32::from(tells);
            tells.then(|| left - 1)
        })
        .collect();
    for document in documents {
        document.features = document.features.iter().filter_map(|feature| numbers[*feature as usize]).collect();
    }
    left as usize
}

/// Which documents go to the right; as many as at first, but for one half.
fn split(documents: &[Document], features: usize, weights: &[i64]) -> Vec<bool> {
    let half = documents.len() / 2;
    let mut sides: Vec<bool> = (0..documents.len()).map(|number| number >= half).collect();
    // How many documents of each side have each feature.
    let mut counts = vec![[0u32; 2]; features];
    for (document, side) in documents.iter().zip(&sides) {
        document.features.iter().for_each(|feature| counts[*feature as usize][usize::from(*side)] += 1);
    }
    for _ in 0..ROUNDS {
        if !improve(documents, &mut sides, &mut counts, weights) {
            break;
        }
    }
    sides
}

/// Has pairs of documents change sides, those first that gain most. Returns whether any did.
fn improve(documents: &[Document], sides: &mut [bool], counts: &mut [[u32; 2]], weights: &[i64]) -> bool {
    let gains: Vec<[i64; 2]> =
        counts.iter().map(|[left, right]| [gain(*left, *right, weights), gain(*right, *left, weights)]).collect();
    let mut candidates: [Vec<(i64, usize)>; 2] = Default::default();
    for (number, (document, side)) in documents.iter().zip(&*sides).enumerate() {
        let side = usize::from(*side);
        let gain = document.features.iter().map(|feature| gains[*feature as usize][side]).sum::<i64>();
        candidates[side].push((gain, number));
    }
    let [mut left, mut right] = candidates;
    // Among equals, the outermost first: where both sides are alike, pairs would otherwise be.
    left.sort_unstable_by_key(|(gain, number)| (-gain, *number));
    right.sort_unstable_by_key(|(gain, number)| (-gain, Reverse(*number)));
    let pairs = left.into_iter().zip(right).take_while(|((a, _), (b, _))| a + b > 0);
    let mut moved = false;
    for ((_, a), (_, b)) in pairs {
        // The pairs before it may have taken what it would have gained.
        let gained = change_sides(&documents[a], false, counts, weights) + change_sides(&documents[b], true, counts, weights);
        if gained > 0 {
            sides[a] = true;
            sides[b] = false;
            moved = true;
        } else {
            change_sides(&documents[a], true, counts, weights);
            change_sides(&documents[b], false, counts, weights);
        }
    }
    moved
}

/// Counts `document` on the other side than `from`, which is the right one if it is true; returns what that gains.
fn change_sides(document: &Document, from: bool, counts: &mut [[u32; 2]], weights: &[i64]) -> i64 {
    let side = usize::from(from);
    let mut gained = 0;
    for feature in &document.features {
        let count = &mut counts[*feature as usize];
        gained += gain(count[side], count[1 - side], weights);
        count[side] -= 1;
        count[1 - side] += 1;
    }
    gained
}

/// What is gained when one of the `here` documents with a feature joins the `there` on the other side.
fn gain(here: u32, there: u32, weights: &[i64]) -> i64 {
    let weight = |count: u32| weights[count as usize];
    if here == 0 { 0 } else { weight(here - 1) + weight(there + 1) - weight(here) - weight(there) }
}

/// `n · log2(n + 1)` for each number up to `most` and one more, times 2^12: the more documents of one side share a feature, the better.
fn weights(most: usize) -> Vec<i64> {
    (0..most as u64 + 2).map(|n| n as i64 * log2(n + 1)).collect()
}

/// The binary logarithm times 2^12, rounded down.
fn log2(value: u64) -> i64 {
    const BITS: u32 = 12;
    let whole = value.ilog2();
    // The value as a fixed-point number between 1 and 2; squaring it doubles the logarithm and brings out its next bit.
    let mut rest = (u128::from(value) << 32) >> whole;
    let mut result = i64::from(whole);
    for _ in 0..BITS {
        rest = (rest * rest) >> 32;
        let bit = rest >> 33;
        rest >>= bit;
        result = (result << 1) | bit as i64;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right() {
        for value in [1u64, 2, 3, 5, 1000, 30_000] {
            let exact = (value as f64).log2() * 4096.0;
            assert!((log2(value) as f64 - exact).abs() <= 1.0, "{value}: {} instead of {exact}", log2(value));
        }
    }

    #[test]
    fn what_shares_features_comes_together() {
        let kind = |kind: u32| (0..8).map(|feature| kind * 8 + feature).collect::<Vec<u32>>();
        let documents: Vec<Vec<u32>> = (0..32).map(|number| kind(number * 7 % 4)).collect();
        let order = order(documents.clone());
        let changes = order.windows(2).filter(|pair| documents[pair[0]] != documents[pair[1]]).count();
        assert_eq!(changes, 3, "{order:?}");
    }
}
