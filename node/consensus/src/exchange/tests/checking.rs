//! A batch is checked in full before it is believed.

use super::*;

/// Checks one batch beside a good one, which must stay good.
fn check_batch(signed: &SignedBatch) -> Result<BatchDigest, BatchFault> {
    let good = SignedBatch::seal(batch(2, vec![transfer(50, 100)]), &key(2));
    let mut results = check_batches(
        vec![raw(&good), raw(signed)],
        &GENESIS,
        &validators().into(),
        FIRST,
        &mut OneByOne,
    );
    assert_eq!(results.remove(0).unwrap().batch, HashedBatch::new(good.batch.clone()));
    results.remove(0).map(|checked| checked.batch.digest())
}

#[test]
fn a_batch_is_checked_in_full() {
    let good = SignedBatch::seal(batch(1, vec![transfer(1, 100), transfer(2, 100)]), &key(1));
    assert_eq!(check_batch(&good), Ok(good.batch.digest()));

    let empty = SignedBatch::seal(batch(1, vec![]), &key(1));
    assert_eq!(check_batch(&empty), Err(BatchFault::Empty));
    let cheap_enough = SignedBatch::seal(batch(1, (0..11).map(closing).collect()), &key(1));
    assert!(check_batch(&cheap_enough).is_ok());
    let dear = SignedBatch::seal(batch(1, (0..12).map(closing).collect()), &key(1));
    assert_eq!(check_batch(&dear), Err(BatchFault::TooCostly(12 * 170_452)));

    let version = SignedBatch::seal(
        Batch {
            version: 9,
            ..(*good.batch).clone()
        },
        &key(1),
    );
    assert_eq!(check_batch(&version), Err(BatchFault::Version(9)));

    let other = SignedBatch::seal(
        Batch {
            genesis: GenesisHash([8; 32]),
            ..(*good.batch).clone()
        },
        &key(1),
    );
    assert_eq!(check_batch(&other), Err(BatchFault::OtherGenesis));

    let stranger = SignedBatch::seal(batch(77, vec![transfer(1, 100)]), &key(77));
    assert_eq!(check_batch(&stranger), Err(BatchFault::UnknownAuthor(author(77))));

    let forged = SignedBatch {
        signature: Signature([0; 64]),
        ..good.clone()
    };
    assert_eq!(check_batch(&forged), Err(BatchFault::AuthorSignature));

    let mut bad = transfer(3, 100);
    let mut signatures = bad.signatures.into_vec();
    signatures[0].signature = Signature([1; 64]);
    bad.signatures = Bounded::new(signatures).unwrap();
    let bad = SignedBatch::seal(batch(1, vec![transfer(1, 100), bad]), &key(1));
    let source = TransactionError::BadSignature {
        key: key(100).public_key(),
    };
    assert_eq!(check_batch(&bad), Err(BatchFault::Transaction { index: 1, source }));
}

#[test]
fn the_digest_of_a_raw_batch_is_that_of_the_decoded_one() {
    let signed = SignedBatch::seal(batch(1, vec![transfer(1, 100)]), &key(1));
    assert_eq!(raw(&signed).bytes.digest(), signed.batch.digest());
    assert!(RawBatch::new(author(1), vec![0; 63].into()).is_none());
    assert!(RawBatch::new(author(1), vec![0; 256 * 1024 + 1].into()).is_none());
}
