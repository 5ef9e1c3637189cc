//! Whose turn it is: a smooth weighted round robin that passes over validators found absent.
//!
//! Part of the ledger's state, so that all validators agree on it, and so that one dead validator of
//! four costs one slow height in 64 and then fewer, not every fourth.
//!
//! From the third round of a height on nobody is passed over: a validator that is back may be the only
//! one that is locked on a block, and unless it proposes that block again there is no decision.

use std::cmp::Reverse;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{VALIDATORS_MAX, ValidatorId, ValidatorSet};
use crate::{block::Height, codec::Bounded};

/// Powers whose smallest whole ratio needs more slots than this are scaled down to as many. Those
/// whose share is then less than one slot get one beyond them.
const SLOTS_MAX: u64 = 256;

/// In this round of a height and later ones everybody takes turns.
const ROUND_OF_ALL: u32 = 2;

const ABSENCE_HEIGHTS_MIN: u64 = 64;
const ABSENCE_HEIGHTS_MAX: u64 = 4096;

/// A validator that missed its turn. Kept after it ends, until the validator takes a turn: another
/// miss then costs twice as long.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Absence {
    pub validator: ValidatorId,
    /// The height at which the turn was missed.
    pub since: Height,
    /// It is passed over at heights below this.
    pub until: Height,
}

/// The validators found absent, in ascending order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rotation {
    absences: Bounded<Absence, VALIDATORS_MAX>,
}

impl Rotation {
    pub fn absences(&self) -> &[Absence] {
        &self.absences
    }

    /// Who proposes in a round of a height, given the set that decides it and the state after the
    /// height before it.
    pub fn proposer<'a>(&self, validators: &'a ValidatorSet, height: Height, round: u32) -> &'a ValidatorId {
        let absent: Vec<_> = self
            .absences
            .iter()
            .filter(|absence| round < ROUND_OF_ALL && height < absence.until)
            .filter_map(|absence| validators.index_of(&absence.validator))
            .collect();
        let turns = validators.turns.iter().copied();
        let present: Vec<_> = turns.filter(|member| !absent.contains(member)).collect();
        assert!(!present.is_empty(), "the absent have at most a third of the power");
        let slot = (u128::from(height.0) + u128::from(round)) % present.len() as u128;
        let (id, _) = &validators.members[usize::from(present[slot as usize])];
        id
    }

    pub fn is_absent(&self, id: &ValidatorId, height: Height) -> bool {
        self.absences
            .iter()
            .any(|absence| absence.validator == *id && height < absence.until)
    }

    /// The state after block `height` by `author`, which `validators` decided and after which `next` decide.
    /// Whoever is not among these is forgotten.
    pub fn after(&self, validators: &ValidatorSet, next: &ValidatorSet, height: Height, author: &ValidatorId) -> Self {
        let expected = *self.proposer(validators, height, 0);
        let mut absences: Vec<_> = self
            .absences
            .iter()
            .filter(|absence| absence.validator != *author && next.by_id(&absence.validator).is_some())
            .cloned()
            .collect();
        if expected != *author {
            let before = absences.iter().position(|absence| absence.validator == expected);
            let span = match before.map(|at| absences.remove(at)) {
                Some(Absence { since, until, .. }) => (2 * (until.0 - since.0 - 1)).min(ABSENCE_HEIGHTS_MAX),
                None => ABSENCE_HEIGHTS_MIN,
            };
            if next.by_id(&expected).is_some() {
                absences.push(Absence {
                    validator: expected,
                    since: height,
                    until: Height(height.0 + 1 + span),
                });
            }
        }
        // At most f by power are passed over; the oldest returns first.
        let following = height.next();
        let power_of = |absence: &Absence| next.by_id(&absence.validator).map_or(0, |validator| validator.power);
        let absent_power = |absences: &[Absence]| {
            absences
                .iter()
                .filter(|a| following < a.until)
                .map(power_of)
                .sum::<u64>()
        };
        while absent_power(&absences) > next.faulty_power_max() {
            let oldest = (0..absences.len())
                .filter(|&at| following < absences[at].until)
                .min_by_key(|&at| (absences[at].since, absences[at].validator))
                .expect("some power is absent");
            absences.remove(oldest);
        }
        absences.sort_by_key(|absence| absence.validator);
        Self {
            absences: Bounded::new(absences).expect("each validator of the set at most once"),
        }
    }
}

/// One round of turns for members with these powers: each as often as its share of the power, spread
/// evenly.
///
/// Each step, everyone gains its weight in credit, and the richest (the first of equals) takes the
/// slot and pays the total: nginx's smooth weighted round robin.
pub(super) fn turns(powers: &[u64]) -> Vec<u16> {
    let weights = weights(powers);
    let total: i64 = weights.iter().sum();
    let mut credit = vec![0; weights.len()];
    (0..total)
        .map(|_| {
            for (credit, weight) in credit.iter_mut().zip(&weights) {
                *credit += weight;
            }
            let richest = (0..credit.len())
                .rev()
                .max_by_key(|&at| credit[at])
                .expect("a set is not empty");
            credit[richest] -= total;
            u16::try_from(richest).expect("a set has at most 256 members")
        })
        .collect()
}

/// Slots in a round of turns: within one of the share, and at least one. What rounding down leaves
/// over goes to the largest remainders, the first of equals before the others.
fn weights(powers: &[u64]) -> Vec<i64> {
    let divisor = powers.iter().copied().fold(0, gcd);
    let total = powers.iter().sum::<u64>() / divisor;
    let slots = total.min(SLOTS_MAX);
    let parts: Vec<_> = powers
        .iter()
        .map(|power| u128::from(power / divisor) * u128::from(slots))
        .map(|scaled| (scaled / u128::from(total), scaled % u128::from(total)))
        .collect();
    let mut weights: Vec<_> = parts
        .iter()
        .map(|(whole, _)| i64::try_from(*whole).expect("at most all slots").max(1))
        .collect();
    let taken: i64 = weights.iter().sum();
    let left = slots.saturating_sub(taken.unsigned_abs());
    let mut rounded_down: Vec<_> = (0..parts.len()).filter(|&at| parts[at].0 > 0).collect();
    rounded_down.sort_by_key(|&at| Reverse(parts[at].1));
    for at in rounded_down.into_iter().take(left as usize) {
        weights[at] += 1;
    }
    weights
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
