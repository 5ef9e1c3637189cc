//! The ledger's money comes in.

use super::{
    PurseRefusal, PurseState, Step,
    contents::{Lot, Origin},
    refusal::PurseLimit,
    state::within,
};
use crate::{
    money::Amount,
    offline::{
        ids::Nonce16,
        messages::{Grant, LoadRequest},
        refusal::Refusal,
        signed::Signed,
    },
};

/// What a grant has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    Lot,
    /// It was too late: the next load has the next counter, and the ledger refunds this one.
    Expired,
}

impl PurseState {
    /// Asks for a grant. The purse may ask again; the ledger loads each counter once.
    pub fn load_request(&self, amount: Amount, nonce: Nonce16) -> Result<Step<Signed<LoadRequest>>, PurseRefusal> {
        self.counters.load_counter.next().ok_or(PurseRefusal::CounterEnd)?;
        self.check_balance(amount)?;
        let request = self.sign(LoadRequest {
            purse: self.id(),
            load_counter: self.counters.load_counter,
            amount,
            currency: self.own().currency,
            nonce,
        })?;
        Ok(Step::unchanged(request))
    }

    /// Takes the grant with this purse's load counter, once. More than the purse may hold is taken too: the
    /// ledger has it in escrow for this purse already.
    pub fn accept_grant(&self, grant: &Signed<Grant>) -> Result<Step<Loaded>, PurseRefusal> {
        self.check_issuer(grant)?;
        let body = &grant.body;
        self.check_own(body.purse)?;
        let (expected, given) = (self.counters.load_counter, body.load_counter);
        if given != expected {
            return Err(PurseRefusal::AnotherLoad { expected, given });
        }
        if body.currency != self.own().currency {
            let (own, given) = (self.own().currency, body.currency);
            return Err(Refusal::AnotherCurrency { own, given }.into());
        }
        let next_load = expected.next().ok_or(PurseRefusal::CounterEnd)?;
        if self.counters.epoch.has_reached(body.expiry) {
            return Ok(self.step(Loaded::Expired, |next| next.counters.load_counter = next_load));
        }
        self.check_new_lot(body.load)?;
        let most = Amount(u64::MAX / 2);
        within(
            PurseLimit::Balance,
            body.amount,
            Amount(most.0.saturating_sub(self.balance().0)),
        )?;
        Ok(self.step(Loaded::Lot, |next| {
            next.counters.load_counter = next_load;
            next.add_lot(Lot {
                id: body.load,
                left: body.amount,
                hop: 0,
                expiry: body.expiry,
                origin: Origin::Grant(grant.clone()),
            });
        }))
    }
}
