//! Who may decide something does so whenever they like, through what the API does for them.

use causeway_contracts::transaction::TxId;

use super::{
    super::{
        Cause, Purpose, Remittance, Wish,
        fact::Fact,
        state::{Change, Side, Standing, State},
        tests::fixture::{answers, question, reason},
    },
    World,
};

impl World {
    pub fn users(&mut self) {
        for side in [Side::Sender, Side::Beneficiary] {
            let acts = !self.is_calm && self.dice.chance(self.temper.act);
            let Some(copy) = self.copy(side) else { continue };
            let mut copy = copy.clone();
            if self.is_gone(side) {
                continue;
            } else if self.is_calm {
                self.finish(&mut copy);
            } else if acts {
                match side {
                    Side::Sender => self.sender(&mut copy),
                    Side::Beneficiary => self.beneficiary(&mut copy),
                }
            } else {
                continue;
            }
            if self.copy(side) != Some(&copy) {
                self.store(side, copy);
            }
        }
    }

    /// A pay-out beyond the ledger alone has no time by which it ends.
    fn finish(&mut self, copy: &mut Remittance) {
        if copy.side == Side::Beneficiary && !matches!(copy.wish, Some(Wish::Return(_))) {
            self.pay_out(copy);
        }
    }

    fn pay_out(&mut self, copy: &mut Remittance) {
        let is_ours = copy.state() == State::PayingOut && !copy.is_direct;
        if is_ours && copy.take(Change::PaidOut, self.now_ms).is_ok() {
            self.paid_out_beyond += 1;
        }
    }

    /// Whether it could be.
    fn decide(&self, copy: &mut Remittance, change: Change) -> bool {
        copy.apply(change, self.now_ms, Cause::by(copy.us())).is_ok()
    }

    fn wish(copy: &mut Remittance, wish: Wish) {
        copy.wish = Some(wish);
        copy.touched();
    }

    fn sender(&mut self, copy: &mut Remittance) {
        let is_held = copy.standing == Standing::held(Side::Sender);
        match self.dice.below(8) {
            0 if copy.standing.is_unreserved() || copy.standing.is_reserved() => {
                Self::wish(copy, Wish::Recall(reason("CUST")));
            }
            1 => {
                self.decide(copy, Change::Held(Side::Sender));
            }
            2..=3 => {
                self.decide(copy, Change::Released(Side::Sender));
            }
            4 if is_held => {
                self.decide(copy, Change::Failed);
            }
            5..=6 if self.decide(copy, Change::InfoGiven) => {
                copy.untold.push(Fact::Answered { answers: answers() });
            }
            7 if self.temper.liar == Some(Side::Sender) && copy.introduced => {
                let transaction = self.no_transaction();
                copy.untold.push(match self.dice.below(2) {
                    0 => Fact::Reserved { transaction },
                    _ => Fact::Voided {
                        transaction,
                        reason: reason("FRAD"),
                    },
                });
            }
            _ => {}
        }
    }

    fn beneficiary(&mut self, copy: &mut Remittance) {
        let is_open = copy.standing.is_unreserved() || copy.standing.is_reserved();
        if copy.state() == State::PayingOut && !copy.is_direct {
            return match self.dice.below(4) {
                0 => self.pay_out(copy),
                1..=2 => Self::wish(copy, Wish::Return(reason("AC04"))),
                _ => {}
            };
        }
        match self.dice.below(11) {
            0 if is_open => Self::wish(copy, Wish::Accept),
            1 if is_open => Self::wish(copy, Wish::Refuse(reason("AC04"))),
            2..=3 if self.decide(copy, Change::InfoAsked) => {
                copy.untold.push(Fact::Asked { question: question() });
            }
            4 if self.decide(copy, Change::Held(Side::Beneficiary)) => copy.untold.push(Fact::Held),
            5..=6 if self.decide(copy, Change::Released(Side::Beneficiary)) => copy.untold.push(Fact::Released),
            7..=9
                if self.temper.is_hasty
                    && copy.standing.is_reserved()
                    && copy.state() != State::Reserved
                    && copy.intent.is_none() =>
            {
                self.sign(copy, Purpose::Post);
            }
            10 if self.temper.liar == Some(Side::Beneficiary) && copy.standing.is_reserved() => {
                let (transaction, reason) = (self.no_transaction(), reason("FRAD"));
                let paid_out = self.dice.chance(500);
                copy.untold.push(match self.dice.below(3) {
                    0 => Fact::Posted { transaction, paid_out },
                    1 => Fact::Voided { transaction, reason },
                    _ => Fact::Returned { transaction, reason },
                });
            }
            _ => {}
        }
    }

    fn no_transaction(&mut self) -> TxId {
        TxId([u8::try_from(128 + self.dice.below(128)).unwrap(); 32])
    }
}
