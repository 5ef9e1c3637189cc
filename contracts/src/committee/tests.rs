use super::*;
use crate::example::{Committee, key, not_a_point, small_order_keys};

fn set(powers: &[u64]) -> ValidatorSet {
    let members: Vec<_> = (1..).zip(powers.iter().copied()).collect();
    Committee::new(&members).set
}

#[test]
fn each_defect_has_its_error() {
    let member = |number, power| Validator {
        key: key(number),
        power,
    };
    let check = |members: Vec<Validator>, expected| assert_eq!(ValidatorSet::new(members).err(), Some(expected));
    check(vec![], ValidatorSetError::Count(0));
    check(vec![member(1, 1); 257], ValidatorSetError::Count(257));
    check(
        vec![member(1, 1), member(2, 1), member(1, 2)],
        ValidatorSetError::Duplicate(key(1)),
    );
    check(vec![member(1, 1), member(2, 0)], ValidatorSetError::NoPower(key(2)));
    check(
        vec![member(1, TOTAL_POWER_MAX), member(2, 1)],
        ValidatorSetError::TooMuchPower,
    );
    check(
        vec![member(1, u64::MAX), member(2, u64::MAX)],
        ValidatorSetError::TooMuchPower,
    );
    for (bad, source) in [
        (small_order_keys()[5], KeyError::SmallOrder),
        (not_a_point(), KeyError::NotAPoint),
    ] {
        let members = vec![member(1, 1), Validator { key: bad, power: 1 }];
        check(members, ValidatorSetError::Key { key: bad, source });
    }
    assert_eq!(set(&[TOTAL_POWER_MAX]).total_power(), TOTAL_POWER_MAX);
}

#[test]
fn members_are_in_order_of_their_ids_however_they_are_given() {
    let members: Vec<_> = (1..=5)
        .map(|number| Validator {
            key: key(number),
            power: number.into(),
        })
        .collect();
    let set = ValidatorSet::new(members.clone()).expect("a set");
    let reversed = ValidatorSet::new(members.into_iter().rev().collect()).expect("a set");
    assert_eq!(set, reversed);
    assert_eq!(set.hash(), reversed.hash());
    assert!(set.iter().is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!((set.len(), set.is_empty(), set.total_power()), (5, false, 15));
    for (at, (id, validator)) in set.iter().enumerate() {
        let at = u16::try_from(at).expect("few");
        assert_eq!(validator.id(), *id);
        assert_eq!(set.get(at), Some(validator));
        assert_eq!(set.index_of(id), Some(at));
        assert_eq!(set.by_id(id), Some(validator));
    }
    assert_eq!(set.get(5), None);
    assert_eq!(set.by_id(&ValidatorId::of(&key(6))), None);
    assert_eq!(ValidatorSet::try_from(set.to_list()), Ok(set));
}

#[test]
fn the_hash_covers_keys_and_powers() {
    let base = set(&[1, 1, 1, 1]).hash();
    assert_ne!(set(&[1, 1, 1, 2]).hash(), base);
    assert_ne!(set(&[1, 1, 1]).hash(), base);
    assert_eq!(set(&[1, 1, 1, 1]).hash(), base);
}

/// n = 3f + 1 and its neighbours, by power: (total, most that may be faulty, least quorum).
#[test]
fn thresholds() {
    for (total, faulty, quorum) in [
        (1, 0, 1),
        (2, 0, 2),
        (3, 0, 3),
        (4, 1, 3),
        (5, 1, 4),
        (6, 1, 5),
        (7, 2, 5),
        (9, 2, 7),
        (10, 3, 7),
        (100, 33, 67),
        (TOTAL_POWER_MAX, 2_049_638_230_412_172_401, 4_099_276_460_824_344_804),
    ] {
        let set = set(&[total]);
        assert_eq!(set.faulty_power_max(), faulty, "of {total}");
        assert!(set.is_quorum(quorum) && !set.is_quorum(quorum - 1), "of {total}");
        assert!(set.has_honest(faulty + 1) && !set.has_honest(faulty), "of {total}");
        // Two quorums share more than the faulty can be.
        assert!(set.has_honest(quorum - (total - quorum)));
        // The honest alone reach a quorum.
        assert!(set.is_quorum(total - faulty));
    }
}
