use proptest::prelude::*;

use super::*;
use crate::{
    example::{GENESIS_HASH, genesis},
    identity::AccountId,
    ledger::{BalanceRecord, Ledger, changes_root},
    money::{Balance, Currency},
};

fn currency() -> Currency {
    Currency::new("EUR").expect("a code")
}

/// A snapshot with this many balances, ids and digests.
fn entries(balances: u32, ids: u32, digests: u32) -> Vec<SnapshotEntry> {
    let numbered = |number: u32, bytes: &mut [u8]| bytes[..4].copy_from_slice(&number.to_be_bytes());
    let balance = |number| {
        let mut id = AccountId([7; 20]);
        numbered(number, &mut id.0);
        let record = BalanceRecord {
            available: Balance(i128::from(number) - 5),
            ..BalanceRecord::default()
        };
        SnapshotEntry::State(StateKey::Balance(id, currency()), StateValue::Balance(record))
    };
    let id = |number| {
        let mut id = TxId([8; 32]);
        numbered(number, &mut id.0);
        SnapshotEntry::Id(UnixSeconds(1_800_000_000 + u64::from(number / 3)), id)
    };
    let digest = |number| {
        let mut digest = BatchDigest([9; 32]);
        numbered(number, &mut digest.0);
        SnapshotEntry::Digest(TimeMs(1_800_000_000_000 + u64::from(number / 2)), digest)
    };
    let balances = (0..balances).map(balance);
    balances
        .chain((0..ids).map(id))
        .chain((0..digests).map(digest))
        .collect()
}

fn height() -> Height {
    Height(77)
}

fn check_pieces(entries: Vec<SnapshotEntry>) {
    let mut bytes = Vec::new();
    let leaves = entries.iter().map(|entry| entry.leaf(&mut bytes)).collect();
    let (chunks, manifest) = cut(GENESIS_HASH, height(), entries.clone());
    assert_eq!(manifest.check(), Ok(()));
    assert_eq!(
        manifest.root(),
        root_of(entries.len() as u64, &merkle::root(leaves)),
        "over all leaves"
    );
    assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest.clone()));
    let mut read = Vec::new();
    for (index, chunk) in (0..).zip(chunks) {
        let chunk = Chunk::decode(&chunk.encode()).expect("it was encoded here");
        assert_eq!(manifest.check_chunk(index, &chunk), Ok(()));
        read.extend(chunk.entries.into_vec());
    }
    assert_eq!(read, entries);
}

#[test]
fn invariant_the_root_over_chunks_is_the_root_over_all_entries() {
    for (balances, ids, digests) in [
        (0, 0, 0),
        (1, 0, 0),
        (4095, 0, 0),
        (4090, 4, 2),
        (4090, 5, 2),
        (9000, 3000, 800),
        (4096 * 5, 4096 * 2, 1),
    ] {
        check_pieces(entries(balances, ids, digests));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn invariant_any_number_of_entries_is_cut_and_put_together(balances in 0u32..10_000, ids in 0u32..5_000, digests in 0u32..5_000) {
        check_pieces(entries(balances, ids, digests));
    }
}

#[test]
fn a_changed_missing_or_misplaced_entry_is_found_in_its_chunk() {
    let (chunks, manifest) = cut(GENESIS_HASH, height(), entries(9_000, 0, 0));
    let root_error = |index: u32, chunk: &Chunk| ChunkError::Root {
        index,
        expected: manifest.chunks[index as usize],
        actual: chunk.root(),
    };
    let mut changed = chunks[1].entries.to_vec();
    changed.swap(3, 4);
    let changed = Chunk {
        entries: Bounded::new(changed).expect("as many"),
    };
    assert_eq!(manifest.check_chunk(1, &changed), Err(root_error(1, &changed)));
    assert_eq!(manifest.check_chunk(0, &chunks[1]), Err(root_error(0, &chunks[1])));
    let mut short = chunks[2].entries.to_vec();
    short.pop();
    let short = Chunk {
        entries: Bounded::new(short).expect("fewer"),
    };
    let count = ChunkError::Count {
        index: 2,
        expected: 808,
        actual: 807,
    };
    assert_eq!(manifest.check_chunk(2, &short), Err(count));
    let none = ChunkError::NoSuchChunk { index: 3, count: 3 };
    assert_eq!(manifest.check_chunk(3, &chunks[2]), Err(none));
}

#[test]
fn a_manifest_that_cannot_be_is_refused() {
    let (_, manifest) = cut(GENESIS_HASH, height(), entries(4_097, 0, 0));
    let later = Manifest {
        version: 2,
        ..manifest.clone()
    };
    assert_eq!(later.check(), Err(ManifestError::Version(2)));
    for entries in [0, 4_096, 8_193, u64::MAX] {
        let other = Manifest {
            entries,
            ..manifest.clone()
        };
        assert_eq!(other.check(), Err(ManifestError::Count { entries, chunks: 2 }));
    }
}

/// A tree that is cut higher up has the same root, and says nothing of how many leaves it has.
#[test]
fn no_other_manifest_has_the_root() {
    let (_, manifest) = cut(GENESIS_HASH, height(), entries(4_096 * 4 + 5, 0, 0));
    let miscounted = Manifest {
        entries: manifest.entries + 1,
        ..manifest.clone()
    };
    let parent = |pair: &[Root]| merkle::root(pair.to_vec());
    let roots = &manifest.chunks;
    let recut = Manifest {
        entries: 4_096 * 2 + 5,
        chunks: Bounded::new(vec![parent(&roots[..2]), parent(&roots[2..4]), roots[4]]).expect("fewer"),
        ..manifest.clone()
    };
    for made_up in [miscounted, recut] {
        assert_eq!(made_up.check(), Ok(()), "it could be one");
        let tree = |manifest: &Manifest| merkle::root(manifest.chunks.to_vec());
        assert_eq!(tree(&made_up), tree(&manifest));
        assert_ne!(made_up.root(), manifest.root());
    }
}

#[test]
fn a_genesis_state_has_the_root_of_the_changes_that_make_it() {
    let genesis = genesis();
    let ledger = Ledger::from_genesis(&genesis, 1);
    let mut changes: Vec<_> = ledger.entries().map(|(key, value)| (key, Some(value))).collect();
    changes.sort_by_key(|(key, _)| *key);
    let (_, manifest) = cut(genesis.hash(), Height::GENESIS, ledger.snapshot());
    assert_eq!(manifest.root(), root_of(changes.len() as u64, &changes_root(&changes)));
    assert_eq!(manifest.root(), ledger.tip().checkpoint_root);
}

#[test]
fn what_the_rules_have_forgotten_is_not_kept() {
    let id = SnapshotEntry::Id(UnixSeconds(10), TxId([1; 32]));
    let digest = SnapshotEntry::Digest(TimeMs(10_000), BatchDigest([1; 32]));
    for entry in [id, digest] {
        assert!(entry.is_kept_at(TimeMs(9_999)));
        assert!(!entry.is_kept_at(TimeMs(10_000)));
    }
}

#[test]
fn golden_snapshot() {
    let (chunks, manifest) = cut(GENESIS_HASH, height(), entries(1, 1, 1));
    let balance = "00 01 0000000007070707070707070707070707070707 4555520000000000 01 09 00 00 00 00";
    let id = "01 fc00d2496b 0000000008080808080808080808080808080808080808080808080808080808";
    let digest = "02 fd00505c18a3010000 0000000009090909090909090909090909090909090909090909090909090909";
    let expected = format!("03 {balance} {id} {digest}").replace(' ', "");
    assert_eq!(hex::encode(chunks[0].encode()), expected);
    let genesis = hex::encode(GENESIS_HASH.0);
    let root = hex::encode(chunks[0].root().0);
    assert_eq!(hex::encode(manifest.encode()), format!("01{genesis}4d0301{root}"));
    let mut bytes = b"causeway/snapshot/1".to_vec();
    bytes.extend_from_slice(&3_u64.to_be_bytes());
    bytes.extend_from_slice(&chunks[0].root().0);
    assert_eq!(
        manifest.root().0,
        <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(bytes))
    );
    assert_eq!(root, "9050b5a7dae761e74b48420bb28eef47a91b41a3294aa905ffe4eff6876c60a7");
}
