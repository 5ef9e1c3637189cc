use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::example::Committee;

fn committee(powers: &[u64]) -> ValidatorSet {
    let members: Vec<_> = (1..).zip(powers.iter().copied()).collect();
    Committee::new(&members).set
}

fn id(set: &ValidatorSet, index: usize) -> ValidatorId {
    *set.iter().nth(index).expect("a member").0
}

/// A network in which each height is decided in the first round whose proposer is alive.
struct Network {
    set: ValidatorSet,
    rotation: Rotation,
    height: Height,
}

impl Network {
    fn new(powers: &[u64]) -> Self {
        Self {
            set: committee(powers),
            rotation: Rotation::default(),
            height: Height(1),
        }
    }

    /// Decides a height, and gives the round in which that was.
    fn decide(&mut self, dead: &[ValidatorId]) -> u32 {
        let alive = |round: &u32| !dead.contains(self.rotation.proposer(&self.set, self.height, *round));
        let round = (0..1000).find(alive).expect("someone alive proposes at last");
        let author = *self.rotation.proposer(&self.set, self.height, round);
        self.rotation = self.rotation.after(&self.set, &self.set, self.height, &author);
        self.height = self.height.next();
        round
    }
}

fn turn_counts(powers: &[u64]) -> Vec<u64> {
    let mut counts = vec![0; powers.len()];
    for member in turns(powers) {
        counts[usize::from(member)] += 1;
    }
    counts
}

#[test]
fn equal_powers_take_equal_turns_in_order() {
    for count in [1, 2, 4, 7, 100, 256] {
        for power in [1, 5, 1_000_000] {
            let expected: Vec<u16> = (0..count).collect();
            assert_eq!(turns(&vec![power; count.into()]), expected);
        }
    }
    let mut network = Network::new(&[1; 4]);
    let mut authors = BTreeMap::new();
    for _ in 0..400 {
        let author = *network.rotation.proposer(&network.set, network.height, 0);
        *authors.entry(author).or_insert(0) += 1;
        assert_eq!(network.decide(&[]), 0);
    }
    assert_eq!(authors.into_values().collect::<Vec<_>>(), [100; 4]);
}

/// The example of nginx's own change ("smooth weighted round-robin balancing"): a a b a c a a.
#[test]
fn heavy_members_turns_are_spread() {
    assert_eq!(turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
    assert_eq!(turns(&[500, 100, 100]), [0, 0, 1, 0, 2, 0, 0]);
    assert_eq!(turns(&[2, 1, 1]), [0, 1, 2, 0]);
}

#[test]
fn powers_are_scaled_to_256_slots() {
    assert_eq!(turn_counts(&[1000, 1]), [255, 1]);
    assert_eq!(
        turn_counts(&[1, 1_000_000]),
        [1, 255],
        "less than a slot's share, and one all the same"
    );
    assert_eq!(turn_counts(&[333, 333, 335]), [85, 85, 86]);
    let mut half_and_many = vec![1001];
    half_and_many.resize(101, 10);
    assert_eq!(
        turn_counts(&half_and_many)[0],
        128,
        "half of the power, half of the turns"
    );
    assert_eq!(turns(&half_and_many).len(), 256);
    let mut one_and_dust = vec![u64::from(u32::MAX)];
    one_and_dust.resize(256, 1);
    assert_eq!(turns(&one_and_dust).len(), 255 + 255, "the most there can be");
}

#[test]
fn a_single_validator_always_proposes() {
    let mut network = Network::new(&[7]);
    for _ in 0..100 {
        assert_eq!(network.decide(&[]), 0);
        assert_eq!(
            *network.rotation.proposer(&network.set, network.height, 5),
            id(&network.set, 0)
        );
        assert_eq!(network.rotation.absences(), []);
    }
}

#[test]
fn a_dead_validator_of_four_is_passed_over_for_ever_longer() {
    let mut network = Network::new(&[1; 4]);
    let dead = id(&network.set, 2);
    let mut misses = vec![];
    for _ in 0..20_000 {
        let height = network.height;
        let absent = network.rotation.is_absent(&dead, height);
        for round in 0..2 {
            let proposer = network.rotation.proposer(&network.set, height, round);
            assert!(!absent || *proposer != dead, "passed over in the first rounds");
        }
        if network.decide(&[dead]) > 0 {
            misses.push(height.0);
            let [absence] = network.rotation.absences() else {
                panic!("one is absent: {:?}", network.rotation);
            };
            assert_eq!((absence.validator, absence.since), (dead, height));
        }
    }
    let spans: Vec<_> = misses.windows(2).map(|pair| pair[1] - pair[0] - 1).collect();
    let expected = [64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096];
    assert!(spans.len() >= 8, "{spans:?}");
    // When its time is over, its next turn is at most three heights away.
    for (span, expected) in spans.iter().zip(expected) {
        assert!((expected..expected + 4).contains(span), "{spans:?}");
    }
}

#[test]
fn from_the_third_round_on_nobody_is_passed_over() {
    let mut network = Network::new(&[1; 4]);
    let away = id(&network.set, 1);
    while network.rotation.absences().is_empty() {
        network.decide(&[away]);
    }
    let proposes = |rounds: std::ops::Range<u32>| {
        let mut proposers = rounds.map(|round| *network.rotation.proposer(&network.set, network.height, round));
        proposers.any(|proposer| proposer == away)
    };
    assert!(!proposes(0..2));
    assert!(proposes(2..6), "each of four has a turn in four rounds");
}

#[test]
fn the_absence_ends_at_its_height() {
    let set = committee(&[1; 4]);
    let start = Rotation::default();
    let height = Height(10);
    let missed = *start.proposer(&set, height, 0);
    let author = *start.proposer(&set, height, 1);
    let after = start.after(&set, &set, height, &author);
    assert_eq!(
        after.absences(),
        [Absence {
            validator: missed,
            since: height,
            until: Height(75)
        }]
    );
    assert!(after.is_absent(&missed, Height(11)) && after.is_absent(&missed, Height(74)));
    assert!(!after.is_absent(&missed, Height(75)));
    assert!(!after.is_absent(&author, Height(11)));
}

#[test]
fn who_returns_starts_with_a_clean_record() {
    let mut network = Network::new(&[1; 4]);
    let dead = id(&network.set, 0);
    for _ in 0..250 {
        network.decide(&[dead]);
    }
    assert_eq!(network.rotation.absences().len(), 1);
    // Alive again, it is passed over until its time is up, then takes its turn.
    for _ in 0..300 {
        assert_eq!(network.decide(&[]), 0);
    }
    assert_eq!(network.rotation.absences(), []);
    // Its next miss costs what a first one does.
    while network.decide(&[dead]) == 0 {}
    let [absence] = network.rotation.absences() else {
        panic!("one is absent: {:?}", network.rotation);
    };
    assert_eq!(absence.until.0 - absence.since.0 - 1, 64);
}

/// Its block of an earlier round may be proposed again while it is passed over.
#[test]
fn an_absent_author_is_absent_no_longer() {
    let set = committee(&[1; 7]);
    let start = Rotation::default();
    let (first, second) = (*start.proposer(&set, Height(1), 0), *start.proposer(&set, Height(1), 1));
    let absent = start.after(&set, &set, Height(1), &second);
    assert!(absent.is_absent(&first, Height(2)));
    let back = absent.after(&set, &set, Height(2), &first);
    assert!(!back.is_absent(&first, Height(3)));
}

#[test]
fn the_oldest_absence_gives_way_when_too_many_are_absent() {
    let mut network = Network::new(&[1; 4]);
    let (first, second) = (id(&network.set, 0), id(&network.set, 1));
    while network.rotation.absences().is_empty() {
        network.decide(&[first]);
    }
    while !network.rotation.is_absent(&second, network.height) {
        network.decide(&[first, second]);
    }
    assert!(!network.rotation.is_absent(&first, network.height));
}

#[test]
fn who_leaves_the_set_leaves_no_record() {
    let mut network = Network::new(&[1; 4]);
    let dead = id(&network.set, 3);
    while network.rotation.absences().is_empty() {
        network.decide(&[dead]);
    }
    let members = network
        .set
        .iter()
        .filter(|(id, _)| **id != dead)
        .map(|(_, validator)| validator.clone());
    network.set = ValidatorSet::new(members.collect()).expect("three members");
    network.decide(&[]);
    assert_eq!(network.rotation.absences(), []);
}

fn powers() -> impl Strategy<Value = Vec<u64>> {
    let power = prop_oneof![Just(1), 1..10u64, 1..1000u64, 1..crate::committee::TOTAL_POWER_MAX / 12];
    prop::collection::vec(power, 1..=12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn turns_follow_power_within_one(powers in prop::collection::vec(1..100_000u64, 1..=60)) {
        let counts = turn_counts(&powers);
        let total: u64 = powers.iter().sum();
        let divisor = powers.iter().copied().fold(0, gcd);
        let slots = (total / divisor).min(SLOTS_MAX);
        for (count, power) in counts.iter().zip(&powers) {
            let share = u128::from(power * slots);
            let count = u128::from(*count);
            prop_assert!(count >= 1);
            prop_assert!(count * u128::from(total) < share + u128::from(total));
            prop_assert!((count + 1) * u128::from(total) > share);
        }
    }

    /// Whatever is decided by whom, someone may propose, and of `n` rounds in a row at least one
    /// belongs to a validator that is alive, if at most f by power are not.
    #[test]
    fn invariant_rotation_always_has_a_proposer(
        powers in powers(),
        start in prop_oneof![1..1000u64, Just(u64::MAX - 10_000)],
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..200),
        order in any::<u64>(),
    ) {
        let set = committee(&powers);
        // A greedy choice of dead validators, beginning anywhere.
        let mut dead = vec![];
        let mut dead_power = 0;
        for offset in 0..powers.len() {
            let (id, validator) = set.iter().nth((order as usize).wrapping_add(offset) % powers.len()).expect("a member");
            if dead_power + validator.power <= set.faulty_power_max() {
                dead_power += validator.power;
                dead.push(*id);
            }
        }
        let mut network = Network { set, rotation: Rotation::default(), height: Height(start) };
        for (any_author, honest_run) in steps {
            let rounds = u32::try_from(powers.len()).expect("few");
            let reached = (0..rounds).any(|round| {
                !dead.contains(network.rotation.proposer(&network.set, network.height, round))
            });
            prop_assert!(reached, "{} rounds of height {} reach nobody alive", rounds, network.height);
            if honest_run {
                network.decide(&dead);
            } else {
                let author = id(&network.set, any_author.index(powers.len()));
                network.rotation = network.rotation.after(&network.set, &network.set, network.height, &author);
                network.height = network.height.next();
            }
            let absent_power: u64 = network.set.iter()
                .filter(|(id, _)| network.rotation.is_absent(id, network.height))
                .map(|(_, validator)| validator.power)
                .sum();
            prop_assert!(absent_power <= network.set.faulty_power_max());
            prop_assert!(network.rotation.absences().is_sorted_by(|a, b| a.validator < b.validator));
        }
    }
}
