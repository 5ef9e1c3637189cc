//! A council that takes a validator out of the set and puts it back, again and again.
//!
//! The faulty stay fewer than a third of every set, so that all that is promised is still promised. Whoever is
//! out follows without voting, and must come to the same blocks.

use std::collections::BTreeSet;

use causeway_contracts::{
    codec::Bounded,
    committee::{Validator, ValidatorSet, change::ValidatorChange},
    governance::CouncilAction,
    ledger::Ledger,
};

use crate::chance::Chance;

/// Of the times at which it could.
const ACTS_PER_MILLE: u64 = 25;

pub struct Council {
    chance: Chance,
    target: Validator,
}

impl Council {
    /// In half of all networks, if there is somebody who can be done without. `excused` are the places of
    /// those that are faulty.
    pub fn new(seed: u64, genesis: &[Validator], excused: &BTreeSet<usize>) -> Option<Self> {
        let mut chance = Chance::new(seed ^ 0x00c0_07c1_1000_0000);
        if chance.per_mille(500) {
            return None;
        }
        let all = ValidatorSet::new(genesis.to_vec()).expect("a checked genesis");
        let can_go = |&place: &usize| {
            let rest = (0..genesis.len()).filter(|&other| other != place);
            let faulty = rest.clone().filter(|other| excused.contains(other));
            let faulty: u64 = faulty.map(|other| genesis[other].power).sum();
            let rest = ValidatorSet::new(rest.map(|other| genesis[other].clone()).collect());
            rest.is_ok_and(|rest| all.overlaps(&rest) && faulty <= rest.faulty_power_max())
        };
        let candidates: Vec<_> = (0..genesis.len()).filter(can_go).collect();
        let target = candidates.get(chance.index(candidates.len().max(1)))?;
        Some(Self {
            chance,
            target: genesis[*target].clone(),
        })
    }

    /// What it decides now, if anything, by what a validator knows.
    pub fn act(&mut self, ledger: &Ledger) -> Option<CouncilAction> {
        if !self.chance.per_mille(ACTS_PER_MILLE) {
            return None;
        }
        let is_in = ledger.next_validators().by_id(&self.target.id()).is_some();
        let (remove, set) = if is_in {
            (vec![self.target.id()], Vec::new())
        } else {
            (Vec::new(), vec![self.target.clone()])
        };
        Some(CouncilAction::ChangeValidators(ValidatorChange {
            remove: Bounded::new(remove).expect("one at most"),
            set: Bounded::new(set).expect("one at most"),
        }))
    }
}
