//! What the pool holds, gives and lets go.

use super::*;

#[test]
fn ready_gives_the_oldest_batches_within_both_bounds() {
    let mut pool = Pool::new(usize::MAX);
    let batches = [
        checked(1, &[1, 2], 100),
        checked(2, &[3], 100),
        checked(3, &[4, 5, 6], 100),
    ];
    for batch in &batches {
        assert_eq!(pool.insert(batch.clone(), Claim::Offered), Insert::Held);
    }
    let all: Vec<_> = batches.iter().map(|checked| checked.batch.digest()).collect();
    assert_eq!(digests(&pool.ready(10, 10)), all);
    assert_eq!(digests(&pool.ready(2, 10)), all[..2]);
    assert_eq!(digests(&pool.ready(10, 5)), all[..2]);
    assert_eq!(digests(&pool.ready(10, 1)), all[..1], "at least one, whatever its size");
    assert_eq!(pool.transactions(), 6);
}

#[test]
fn an_ordered_batch_is_not_held_again_until_the_ledger_forgets_it() {
    let mut pool = Pool::new(usize::MAX);
    let batch = checked(1, &[1], 1_000);
    pool.insert(batch.clone(), Claim::Offered);
    pool.ordered(&[batch.batch.digest()], TimeMs(10), TimeMs(600_010));
    assert!(!pool.is_pending(&batch.batch.ids()[0]));
    assert_eq!(pool.insert(batch.clone(), Claim::Offered), Insert::Known);
    pool.ordered(&[], TimeMs(600_009), TimeMs(1_200_009));
    assert_eq!(pool.insert(batch.clone(), Claim::Offered), Insert::Known);
    pool.ordered(&[], TimeMs(600_010), TimeMs(1_200_010));
    assert_eq!(pool.insert(batch, Claim::Offered), Insert::Held);
}

#[test]
fn a_batch_leaves_when_all_in_it_has_expired() {
    let mut pool = Pool::new(usize::MAX);
    let batch = checked(1, &[1], 100);
    pool.insert(batch.clone(), Claim::Offered);
    pool.ordered(&[], TimeMs(99_999), TimeMs(1_000_000));
    assert_eq!(pool.batches(), 1);
    pool.ordered(&[], TimeMs(100_000), TimeMs(1_000_000));
    assert_eq!(pool.batches(), 0);
    assert!(!pool.is_pending(&batch.batch.ids()[0]));
}

#[test]
fn an_author_has_a_share_and_a_named_batch_is_held_all_the_same() {
    let first = checked(1, &[1], 100);
    let mut pool = Pool::new(first.wire.len());
    assert_eq!(pool.insert(first, Claim::Offered), Insert::Held);
    assert_eq!(pool.insert(checked(1, &[2], 100), Claim::Offered), Insert::AuthorFull);
    assert_eq!(pool.insert(checked(2, &[2], 100), Claim::Offered), Insert::Held);
    assert_eq!(pool.insert(checked(1, &[2], 100), Claim::Named), Insert::Held);
}

/// A batch of one transaction that says how large it is.
fn large(nonce: u64, bytes: usize, valid_until: u64) -> CheckedBatch {
    CheckedBatch {
        wire: vec![0; bytes].into(),
        ..checked(1, &[nonce], valid_until)
    }
}

#[test]
fn blocks_that_are_made_up_round_after_round_fill_no_memory() {
    let bytes = BATCH_BYTES_MAX;
    let fit = NAMED_BYTES_MAX / bytes;
    let mut pool = Pool::new(bytes);
    let (own, theirs) = (checked(2, &[9_999], 100), large(0, bytes, 100));
    pool.insert(own.clone(), Claim::Own);
    pool.insert(theirs.clone(), Claim::Offered);
    let named: Vec<_> = (1..=fit as u64 + 2).map(|nonce| large(nonce, bytes, 100)).collect();
    for (count, batch) in named.iter().enumerate() {
        assert_eq!(pool.insert(batch.clone(), Claim::Named), Insert::Held);
        assert_eq!(pool.batches(), 2 + (count + 1).min(fit));
    }
    let held = |pool: &Pool, batch: &CheckedBatch| pool.get(&batch.batch.digest()).is_some();
    assert!(held(&pool, &own) && held(&pool, &theirs), "what was in its share stays");
    let held_or_not: Vec<_> = named[..3].iter().map(|batch| held(&pool, batch)).collect();
    assert_eq!(held_or_not, [false, false, true], "the oldest of those named made room");
    assert!(
        !pool.knows(&named[0].batch.digest()),
        "it is looked for on disk when a block names it"
    );

    assert_eq!(pool.insert(named[0].clone(), Claim::Named), Insert::Held);
    assert!(!held(&pool, &named[2]));
    pool.ordered(&[named[1].batch.digest()], TimeMs(1), TimeMs(2));
    let expired = pool.ordered(&[], TimeMs(100_000), TimeMs(200_000));
    assert_eq!(
        expired.len(),
        2 + fit + 1,
        "put out or not, what has expired leaves the disk"
    );
    assert_eq!(pool.batches(), 0);
    assert!(pool.has_room(&author(1), bytes));
    assert!(pool.ordered(&[], TimeMs(200_000), TimeMs(300_000)).is_empty(), "once");
}

/// Of this author's last transactions, these many of 1,000 were skipped.
fn skipped(author_seed: u8, skipped: u64) -> Yield {
    Yield {
        author: author(author_seed),
        ordered: 1_000,
        skipped,
    }
}

#[test]
fn an_author_of_many_skips_gives_way_in_a_draft() {
    let mut pool = Pool::new(usize::MAX);
    let poor: Vec<_> = (0..4).map(|n| checked(1, &[2 * n, 2 * n + 1], 100)).collect();
    let good: Vec<_> = (0..4).map(|n| checked(2, &[100 + 2 * n, 101 + 2 * n], 100)).collect();
    for batch in poor.iter().chain(&good) {
        pool.insert(batch.clone(), Claim::Offered);
    }
    let names = |batches: &[CheckedBatch]| batches.iter().map(|batch| batch.batch.digest()).collect::<Vec<_>>();
    let in_order = [names(&poor), names(&good)].concat();
    assert_eq!(digests(&pool.ready(4, 1_000)), in_order[..4]);

    pool.learn(&skipped(1, 51));
    assert!(pool.is_poor(&author(1)));
    let given_way = [names(&poor[..1]), names(&good), names(&poor[1..])].concat();
    assert_eq!(digests(&pool.ready(4, 1_000)), given_way[..4], "one in four");
    assert_eq!(digests(&pool.ready(99, 8)), given_way[..4], "of transactions too");
    assert_eq!(digests(&pool.ready(6, 1_000)), given_way[..6], "no room is left empty");
    assert_eq!(digests(&pool.ready(1, 1)), given_way[..1], "nor does it starve");

    pool.learn(&skipped(1, 0));
    assert!(!pool.is_poor(&author(1)));
    assert_eq!(digests(&pool.ready(4, 1_000)), in_order[..4]);
}

#[test]
fn an_author_of_many_skips_has_less_memory_but_room_for_a_batch() {
    let mut pool = Pool::new(8 * BATCH_BYTES_MAX);
    assert!(pool.has_room(&author(1), 8 * BATCH_BYTES_MAX));
    pool.learn(&skipped(1, 51));
    assert!(pool.has_room(&author(1), 2 * BATCH_BYTES_MAX));
    assert!(!pool.has_room(&author(1), 2 * BATCH_BYTES_MAX + 1));
    assert!(pool.has_room(&author(2), 8 * BATCH_BYTES_MAX));
    let mut small = Pool::new(2 * BATCH_BYTES_MAX);
    small.learn(&skipped(1, 51));
    assert!(small.has_room(&author(1), BATCH_BYTES_MAX));
    pool.learn(&skipped(1, 0));
    assert!(pool.has_room(&author(1), 8 * BATCH_BYTES_MAX));
}

proptest! {
    /// Whatever comes and goes, what the pool counts is what it holds.
    #[test]
    fn invariant_the_pool_counts_what_it_holds(steps in proptest::collection::vec((0u8..3, 0u64..12, 1u64..6), 1..60)) {
        let mut pool = Pool::new(4_000);
        let mut time = 0;
        for (author_seed, nonce, step) in steps {
            let batch = checked(author_seed + 1, &[nonce, nonce + 1], 3 + nonce);
            if step < 4 {
                pool.insert(batch, if step == 3 { Claim::Named } else { Claim::Offered });
            } else {
                time += step * 100;
                pool.ordered(&[batch.batch.digest()], TimeMs(time), TimeMs(time + 900));
                prop_assert!(!pool.ready(99, 9_999).iter().any(|stored| stored.digest() == batch.batch.digest()));
            }
            let held = pool.ready(usize::MAX, usize::MAX);
            prop_assert_eq!(held.len(), pool.batches());
            let ids: BTreeSet<TxId> = held.iter().flat_map(|stored| stored.batch().transactions.iter().map(|t| t.id())).collect();
            prop_assert_eq!(ids.len(), pool.transactions());
            prop_assert!(ids.iter().all(|id| pool.is_pending(id)));
        }
    }
}
