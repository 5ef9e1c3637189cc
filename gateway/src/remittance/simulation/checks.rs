//! What must hold after every step, and at the end.

use std::collections::BTreeSet;

use causeway_contracts::settlement::Ending;

use super::{
    super::{
        Remittance, Wish,
        state::{Change, Side, Standing, State},
    },
    Edge, World,
};

/// All that there are.
pub fn edges() -> BTreeSet<Edge> {
    let after = |from: Standing| {
        Change::ALL
            .into_iter()
            .filter_map(move |by| Some((from, from.after(by)?)))
    };
    Standing::all().into_iter().flat_map(after).collect()
}

fn was(copy: &Remittance, state: State) -> bool {
    copy.timeline.iter().any(|moment| moment.state == state)
}

impl World {
    pub fn store(&mut self, side: Side, copy: Remittance) {
        if let Some(before) = self.copy(side) {
            let changed = before.timeline != copy.timeline || before.standing != copy.standing;
            assert!(
                copy.version >= before.version + u64::from(changed),
                "seed {}",
                self.seed
            );
            assert!(copy.timeline.starts_with(&before.timeline), "seed {}", self.seed);
            assert!(
                !before.state().is_end() || !changed,
                "seed {}: an end is one",
                self.seed
            );
        }
        let last = copy.timeline.last().expect("it began");
        assert_eq!(
            (last.state, last.held_by),
            (copy.standing.state, copy.standing.held_by),
            "seed {}",
            self.seed
        );
        self.check(&copy);
        self.copies[side as usize] = Some(copy);
    }

    /// One copy against the ledger.
    fn check(&self, copy: &Remittance) {
        let ledger = &self.ledger;
        assert!(ledger.reservations <= 1, "seed {}: reserved twice", self.seed);
        assert!(ledger.postings <= 1, "seed {}: posted twice", self.seed);
        assert!(
            ledger.returns + self.paid_out_beyond <= 1,
            "seed {}: paid out and sent back",
            self.seed
        );
        let was_reserved = was(copy, State::Reserved);
        let end = ledger.end.map(|end| (end.how, end.by));
        let is_so = match copy.state() {
            State::AwaitingFunds | State::ComplianceHold | State::Reserved | State::InfoRequired => true,
            State::PayingOut | State::Completed => ledger.postings == 1,
            State::Returned => ledger.returns == 1,
            State::Refunded => end == Some((Ending::Voided, Some(Side::Beneficiary))),
            State::Cancelled if was_reserved => end == Some((Ending::Voided, Some(Side::Sender))),
            State::Expired if was_reserved => end == Some((Ending::Expired, None)),
            State::Cancelled | State::Expired if copy.side == Side::Beneficiary => ledger.postings == 0,
            State::Cancelled | State::Expired | State::Failed => ledger.reservations == 0,
        };
        assert!(is_so, "seed {}: {end:?}: {copy:#?}", self.seed);
        assert!(
            !copy.standing.is_reserved() || ledger.reservations == 1,
            "seed {}: {copy:#?}",
            self.seed
        );
        // A recall that came too late is not one.
        let is_recalled = matches!(copy.wish, Some(Wish::Recall(_)));
        assert!(!is_recalled || !copy.state().is_end(), "seed {}", self.seed);
        assert!(
            copy.state() != State::Completed || copy.reason.is_none() || self.temper.liar.is_some(),
            "seed {}: {copy:#?}",
            self.seed
        );
    }

    /// Both copies against each other, and against the ledger once more: what was signed may have come late.
    pub fn check_end(&self) {
        for copy in self.copies.iter().flatten() {
            self.check(copy);
        }
        if self.temper.liar.is_some() || self.temper.gone.is_some() {
            return;
        }
        let sender = self.copy(Side::Sender).expect("it began");
        let Some(beneficiary) = self.copy(Side::Beneficiary) else {
            assert!(
                matches!(sender.state(), State::Cancelled | State::Expired | State::Failed),
                "seed {}",
                self.seed
            );
            return;
        };
        let ends = (sender.state(), beneficiary.state());
        // Nobody could tell the beneficiary's operator in time that anything was reserved, and nothing is.
        let is_unheard = !was(beneficiary, State::Reserved);
        let is_alike = match ends {
            (State::Cancelled | State::Expired | State::Failed, State::Cancelled | State::Expired) if is_unheard => {
                true
            }
            (sender, beneficiary) => sender == beneficiary && sender != State::Failed,
        };
        assert!(is_alike, "seed {}: {ends:?}: {:#?}", self.seed, self.copies);
    }
}
