use super::*;
use crate::keys::SecretKey;

fn key(seed: u8) -> PublicKey {
    SecretKey::from_seed(&[seed; 32]).public_key()
}

fn list<T: std::fmt::Debug, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).unwrap()
}

fn signed_by(seeds: &[u8], threshold: u8) -> Condition {
    let mut keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
    keys.sort_unstable();
    Condition::SignedBy {
        keys: list(keys),
        threshold,
    }
}

fn is_met(condition: &Condition, seconds: u64, signers: &[u8], preimages: &[u8]) -> bool {
    let signers: Vec<_> = signers.iter().map(|seed| key(*seed)).collect();
    let hashes: Vec<_> = preimages.iter().map(|byte| Preimage([*byte; 32]).hash()).collect();
    condition.is_met(&Facts {
        time: TimeMs(seconds * 1000 + 999),
        signers: &signers,
        hashes: &hashes,
    })
}

#[test]
fn each_condition_means_what_it_says() {
    let after = Condition::After(UnixSeconds(10));
    let before = Condition::Before(UnixSeconds(10));
    assert_eq!(
        [9, 10, 11].map(|time| is_met(&after, time, &[], &[])),
        [false, true, true]
    );
    assert_eq!(
        [9, 10, 11].map(|time| is_met(&before, time, &[], &[])),
        [true, false, false]
    );
    let two = signed_by(&[1, 2, 3], 2);
    assert!(!is_met(&two, 0, &[1, 9], &[]));
    assert!(is_met(&two, 0, &[1, 3], &[]));
    let secret = Condition::Preimage(Preimage([7; 32]).hash());
    assert!(!is_met(&secret, 0, &[], &[8]));
    assert!(is_met(&secret, 0, &[], &[8, 7]));
    let parts = || list(vec![after.clone(), two.clone(), secret.clone()]);
    let at_least = Condition::AtLeast { count: 2, of: parts() };
    assert!(!is_met(&at_least, 10, &[1], &[8]));
    assert!(is_met(&at_least, 10, &[1], &[7]));
    assert!(!is_met(&Condition::All(parts()), 10, &[1], &[7]));
    assert!(is_met(&Condition::All(parts()), 10, &[1, 2], &[7]));
    assert!(is_met(&Condition::Any(parts()), 9, &[], &[7]));
    assert!(!is_met(&Condition::Any(parts()), 9, &[1], &[]));
}

#[test]
fn what_could_never_be_meant_is_refused() {
    let leaf = || Condition::After(UnixSeconds(1));
    let nested = |deep: usize| (1..deep).fold(leaf(), |inner, _| Condition::All(list(vec![inner])));
    assert_eq!(nested(4).check(), Ok(()));
    assert_eq!(nested(5).check(), Err(ConditionError::TooDeep));
    let wide = |parts: usize| Condition::Any(list(vec![leaf(); parts]));
    assert_eq!(wide(16).check(), Ok(()));
    let two_wide = Condition::All(list(vec![wide(8), wide(9)]));
    assert_eq!(two_wide.check(), Err(ConditionError::TooManyLeaves(17)));
    assert_eq!(wide(0).check(), Err(ConditionError::Empty));
    assert_eq!(
        signed_by(&[1, 2], 3).check(),
        Err(ConditionError::Threshold { needed: 3, count: 2 })
    );
    assert_eq!(
        signed_by(&[1, 2], 0).check(),
        Err(ConditionError::Threshold { needed: 0, count: 2 })
    );
    let none = Condition::AtLeast {
        count: 1,
        of: list(vec![]),
    };
    assert_eq!(none.check(), Err(ConditionError::Threshold { needed: 1, count: 0 }));
    let twice = Condition::SignedBy {
        keys: list(vec![key(1), key(1)]),
        threshold: 1,
    };
    assert_eq!(twice.check(), Err(ConditionError::KeyOrder));
    let weak = Condition::SignedBy {
        keys: list(vec![PublicKey::Ed25519([0; 32])]),
        threshold: 1,
    };
    assert!(matches!(weak.check(), Err(ConditionError::Key { .. })));
    assert_eq!(
        Condition::Revealed(Preimage([1; 32])).check(),
        Err(ConditionError::Revealed)
    );
}

#[test]
fn a_secret_takes_the_place_of_its_hash() {
    let secret = Preimage([7; 32]);
    let condition = Condition::All(list(vec![
        Condition::Preimage(secret.hash()),
        Condition::Preimage(Preimage([8; 32]).hash()),
    ]));
    assert_eq!(condition.reveal(&[Preimage([9; 32])]), condition);
    let shown = condition.reveal(&[secret]);
    assert_eq!(shown.revealed(), [secret]);
    assert_eq!(codec::encoded_len(&shown), codec::encoded_len(&condition));
}

/// FIPS 180-4's function of 32 zero bytes, a value that is known everywhere.
#[test]
fn the_hash_of_zeros_is_known() {
    let expected = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
    assert_eq!(Preimage([0; 32]).hash().to_string(), expected);
}
