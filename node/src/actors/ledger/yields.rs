//! What each author's batches of a block came to.

use std::collections::BTreeMap;

use causeway_contracts::{committee::ValidatorId, ledger::rejection::Skip};

use super::message::Yield;

/// Of each author whose batches a block orders, once. `batches` gives each batch's author and how many
/// transactions it has.
pub(super) fn yields(
    batches: impl IntoIterator<Item = (ValidatorId, usize)>,
    skips: &[(ValidatorId, Skip)],
) -> Vec<Yield> {
    let mut counts: BTreeMap<ValidatorId, (u64, u64)> = BTreeMap::new();
    for (author, transactions) in batches {
        counts.entry(author).or_default().0 += transactions as u64;
    }
    for (author, _) in skips {
        counts.entry(*author).or_default().1 += 1;
    }
    counts
        .into_iter()
        .map(|(author, (ordered, skipped))| Yield {
            author,
            ordered,
            skipped,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use causeway_contracts::keys::SecretKey;

    use super::*;

    #[test]
    fn counts_all_of_an_author_together() {
        let author = |seed| ValidatorId::of(&SecretKey::from_seed(&[seed; 32]).public_key());
        let batches = [(author(1), 10), (author(2), 5), (author(1), 7)];
        let skips = [(author(2), Skip::Expired), (author(2), Skip::AlreadyKnown)];
        let mut expected = [
            Yield {
                author: author(1),
                ordered: 17,
                skipped: 0,
            },
            Yield {
                author: author(2),
                ordered: 5,
                skipped: 2,
            },
        ];
        expected.sort_by_key(|of| of.author);
        assert_eq!(yields(batches, &skips), expected);
    }
}
