//! What the issuer's service tells: the hour, and who is not believed any more.

use super::{PurseRefusal, PurseState, Step, refusal::Table};
use crate::offline::{
    issuer::IssuerKeys,
    message::Message,
    messages::{Beacon, RevocationDelta},
    signed::Signed,
};

impl PurseState {
    /// A beacon or a delta.
    pub fn news(&self, message: &Message) -> Result<Step<()>, PurseRefusal> {
        match message {
            Message::Beacon(beacon) => {
                let Step { next, .. } = self.beacon(beacon)?;
                Ok(Step { next, release: () })
            }
            Message::RevocationDelta(delta) => self.revocation_delta(delta),
            other => Err(PurseRefusal::NotNews(other.id())),
        }
    }

    /// Moves the hour on; whether it did is told. An older beacon changes nothing. One that has another list in
    /// the place of this purse's is refused.
    pub fn beacon(&self, beacon: &Signed<Beacon>) -> Result<Step<bool>, PurseRefusal> {
        self.check_issuer(beacon)?;
        if self.revoked.is_of(&beacon.body) == Some(false) {
            return Err(PurseRefusal::AnotherList);
        }
        let epoch = beacon.body.epoch;
        if epoch <= self.counters.epoch {
            return Ok(Step::unchanged(false));
        }
        Ok(self.step(true, |next| {
            next.counters.epoch = epoch;
            next.answered.retain(|it| !epoch.has_reached(it.forget));
            next.payers.retain(|it| it.not_after >= epoch);
        }))
    }

    /// Adds to the revocation list what comes next, and never takes anything back.
    pub fn revocation_delta(&self, delta: &Signed<RevocationDelta>) -> Result<Step<()>, PurseRefusal> {
        self.check_issuer(delta)?;
        let mut revoked = self.revoked.clone();
        revoked.apply(&delta.body)?;
        Ok(self.step((), |next| next.revoked = revoked))
    }

    /// Believes these keys of its currency's issuer too, from now on: those that the ledger has. It never forgets one; what is listed is
    /// not believed. For the owner's host alone, which the first ones come from: payees have keys of their own.
    pub fn learn_keys(&self, keys: &IssuerKeys) -> Result<Step<()>, PurseRefusal> {
        let currency = self.own().currency;
        let own = keys.iter().filter(|key| key.currency == currency).cloned();
        let too_many = |_| PurseRefusal::Full(Table::Keys);
        let own = IssuerKeys::new(own.collect()).map_err(too_many)?;
        let all = self.keys.with(&own).map_err(too_many)?;
        if all == self.keys {
            return Ok(Step::unchanged(()));
        }
        Ok(self.step((), |next| next.keys = all))
    }
}
