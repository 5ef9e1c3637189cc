//! Whose turn it is: a smooth weighted round robin that passes over validators found absent.
//!
//! Part of the ledger's state, so that all validators agree on it, and so that one dead validator of
//! four costs one slow height in 64 and then fewer, not every fourth.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{VALIDATORS_MAX, ValidatorId, ValidatorSet};
use crate::{block::Height, codec::Bounded};

/// A round of turns has at most this many slots; powers are scaled down to fit.
const SLOTS_MAX: u64 = 256;

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
        let present: Vec<_> = slots(validators)
            .into_iter()
            .filter(|id| !self.is_absent(id, height))
            .collect();
        assert!(!present.is_empty(), "the absent have at most a third of the power");
        let slot = (u128::from(height.0) + u128::from(round)) % present.len() as u128;
        present[slot as usize]
    }

    pub fn is_absent(&self, id: &ValidatorId, height: Height) -> bool {
        self.absences
            .iter()
            .any(|absence| absence.validator == *id && height < absence.until)
    }

    /// The state after block `height` by `author`.
    pub fn after(&self, validators: &ValidatorSet, height: Height, author: &ValidatorId) -> Self {
        let expected = *self.proposer(validators, height, 0);
        let mut absences: Vec<_> = self
            .absences
            .iter()
            .filter(|absence| absence.validator != *author && validators.by_id(&absence.validator).is_some())
            .cloned()
            .collect();
        if expected != *author {
            let before = absences.iter().position(|absence| absence.validator == expected);
            let span = match before.map(|at| absences.remove(at)) {
                Some(Absence { since, until, .. }) => (2 * (until.0 - since.0 - 1)).min(ABSENCE_HEIGHTS_MAX),
                None => ABSENCE_HEIGHTS_MIN,
            };
            absences.push(Absence {
                validator: expected,
                since: height,
                until: Height(height.0 + 1 + span),
            });
        }
        // At most f by power are passed over; the oldest returns first.
        let next = height.next();
        let power_of = |absence: &Absence| {
            validators
                .by_id(&absence.validator)
                .map_or(0, |validator| validator.power)
        };
        let absent_power = |absences: &[Absence]| absences.iter().filter(|a| next < a.until).map(power_of).sum::<u64>();
        while absent_power(&absences) > validators.faulty_power_max() {
            let oldest = (0..absences.len())
                .filter(|&at| next < absences[at].until)
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

/// One round of turns: each validator as often as its share of the power, spread evenly.
///
/// Each step, everyone gains its weight in credit, and the richest (the first of equals) takes the
/// slot and pays the total: nginx's smooth weighted round robin.
fn slots(validators: &ValidatorSet) -> Vec<&ValidatorId> {
    let divisor = validators.iter().map(|(_, v)| v.power).fold(0, gcd);
    let scaled_total = validators.total_power() / divisor;
    let weights: Vec<i128> = validators
        .iter()
        .map(|(_, validator)| {
            let weight = validator.power / divisor;
            let fitted = if scaled_total <= SLOTS_MAX {
                weight
            } else {
                u64::try_from(u128::from(weight) * u128::from(SLOTS_MAX) / u128::from(scaled_total))
                    .expect("at most 256")
            };
            i128::from(fitted.max(1))
        })
        .collect();
    let total: i128 = weights.iter().sum();
    let mut credit = vec![0i128; weights.len()];
    let ids: Vec<_> = validators.iter().map(|(id, _)| id).collect();
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
            ids[richest]
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
