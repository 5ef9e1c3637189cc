//! All that a secure element keeps.

use super::{
    PURSE_LOTS_MAX, PurseRefusal, Rules, Step,
    contents::{Answered, Entry, Lot, Taken},
    pin::Pin,
    record::record,
    refusal::{PurseLimit, Table},
};
use crate::{
    keys::SecretKey,
    money::Amount,
    offline::{
        encoding::Malformed,
        ids::{Epoch, Id16, LoadCounter, MessageId, PurseId, RequestSeq, RevocationEntry, Seq},
        issuer::{ByIssuer, IssuerKeys},
        messages::{Certificate, Request},
        provenance::{Limits, Trust},
        refusal::Refusal,
        revocation::RevocationList,
        signed::{Body, Signed},
    },
};

/// The 32-byte seed of the purse's key. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seed(pub(super) [u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

record! {
    /// What only grows.
    Counters {
        /// The one that the next grant must have.
        load_counter: LoadCounter,
        /// Of what was spent last; 0 before.
        seq: Seq,
        /// Of the last request; 0 before.
        request_seq: RequestSeq,
        /// The latest hour that a beacon has told.
        epoch: Epoch,
        /// The id of what was spent last.
        log_head: MessageId,
        /// All that was ever paid to purses.
        paid: Amount,
        /// All that was ever received from purses.
        received: Amount,
        /// How often something was paid to purses.
        payments: u32,
    }
}

/// What a purse begins with.
#[derive(Debug, Clone)]
pub struct NewPurse {
    pub certificate: Signed<Certificate>,
    pub keys: IssuerKeys,
    pub rules: Rules,
    /// At its beginning.
    pub revoked: RevocationList,
    /// Not before the certificate's first hour.
    pub epoch: Epoch,
}

/// The state of a secure element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseState {
    pub(super) seed: Seed,
    /// Of the key that this purse goes on with once it is rebased.
    pub(super) successor: Option<Seed>,
    pub(super) certificate: Signed<Certificate>,
    pub(super) keys: IssuerKeys,
    pub(super) rules: Rules,
    pub(super) pin: Pin,
    pub(super) counters: Counters,
    /// Ascending by id.
    pub(super) lots: Vec<Lot>,
    /// Open ones, the oldest first.
    pub(super) requests: Vec<Signed<Request>>,
    /// The oldest first.
    pub(super) answered: Vec<Answered>,
    /// Ascending by seq.
    pub(super) log: Vec<Entry>,
    /// Ascending by payer and serial.
    pub(super) payers: Vec<Taken>,
    pub(super) revoked: RevocationList,
}

impl PurseState {
    /// An empty purse. The key is made from `seed`, which its certificate has to be for.
    pub fn new(seed: [u8; 32], pin: &str, new: NewPurse) -> Result<Self, PurseRefusal> {
        let certificate = &new.certificate;
        new.keys.verify(certificate, certificate.body.currency)?;
        if SecretKey::from_seed(&seed).public_key() != certificate.body.key {
            return Err(Refusal::Signature(certificate.id()).into());
        }
        Ok(Self {
            pin: Pin::new(certificate.body.purse, pin)?,
            seed: Seed(seed),
            successor: None,
            certificate: new.certificate,
            keys: new.keys,
            rules: new.rules,
            counters: Counters {
                load_counter: LoadCounter(1),
                seq: Seq(0),
                request_seq: RequestSeq(0),
                epoch: new.epoch,
                log_head: MessageId::NONE,
                paid: Amount::ZERO,
                received: Amount::ZERO,
                payments: 0,
            },
            lots: Vec::new(),
            requests: Vec::new(),
            answered: Vec::new(),
            log: Vec::new(),
            payers: Vec::new(),
            revoked: new.revoked,
        })
    }

    pub fn id(&self) -> PurseId {
        self.own().purse
    }

    pub fn certificate(&self) -> &Signed<Certificate> {
        &self.certificate
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn lots(&self) -> &[Lot] {
        &self.lots
    }

    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// Open ones, the oldest first.
    pub fn requests(&self) -> &[Signed<Request>] {
        &self.requests
    }

    /// How requests ended that are not open any more, the oldest first.
    pub fn answers(&self) -> &[Answered] {
        &self.answered
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    pub fn revoked(&self) -> &RevocationList {
        &self.revoked
    }

    /// What the purse holds.
    pub fn balance(&self) -> Amount {
        sum(self.lots.iter().map(|lot| lot.left))
    }

    /// Whether this may come after `before`: nothing that only grows is less, or it is the successor of a purse that has
    /// nothing left.
    pub fn may_follow(&self, before: &Self) -> bool {
        let may_go_on = if self.seed == before.seed {
            self.grows_from(before)
        } else {
            before.successor.as_ref() == Some(&self.seed) && before.has_nothing_left()
        };
        may_go_on && self.counters.epoch >= before.counters.epoch && self.revoked.version() >= before.revoked.version()
    }

    fn grows_from(&self, before: &Self) -> bool {
        let (now, then) = (&self.counters, &before.counters);
        now.load_counter >= then.load_counter
            && now.seq >= then.seq
            && now.request_seq >= then.request_seq
            && now.paid >= then.paid
            && now.received >= then.received
            && now.payments >= then.payments
            && self.own().serial >= before.own().serial
            && (before.successor.is_none() || self.successor == before.successor)
    }

    pub(super) fn own(&self) -> &Certificate {
        &self.certificate.body
    }

    pub(super) fn sign<M: Body>(&self, body: M) -> Result<Signed<M>, Malformed> {
        Signed::sign(body, &SecretKey::from_seed(&self.seed.0))
    }

    pub(super) fn trust<'a>(&'a self, limits: &'a Limits) -> Trust<'a> {
        Trust {
            keys: &self.keys,
            revoked: &self.revoked,
            epoch: self.counters.epoch,
            limits,
        }
    }

    /// Whether the issuer signed it, by a key that is still believed.
    pub(super) fn check_issuer<M: ByIssuer>(&self, message: &Signed<M>) -> Result<(), PurseRefusal> {
        self.keys.verify(message, self.own().currency)?;
        let issuer = message.body.issuer();
        if self.revoked.has_key(issuer) {
            return Err(Refusal::Revoked(RevocationEntry::key(issuer)).into());
        }
        Ok(())
    }

    pub(super) fn check_own(&self, purse: PurseId) -> Result<(), PurseRefusal> {
        if purse == self.id() {
            Ok(())
        } else {
            Err(PurseRefusal::AnotherPurse(purse))
        }
    }

    /// Room for one more lot, with another name than those there are.
    pub(super) fn check_new_lot(&self, id: Id16) -> Result<(), PurseRefusal> {
        if self.lots.iter().any(|lot| lot.id == id) {
            return Err(PurseRefusal::SameLot(id));
        }
        if self.lots.len() >= PURSE_LOTS_MAX {
            return Err(PurseRefusal::Full(Table::Lots));
        }
        Ok(())
    }

    pub(super) fn check_balance(&self, more: Amount) -> Result<(), PurseRefusal> {
        let max = self.own().balance_max;
        let balance = self.balance().checked_add(more);
        within(PurseLimit::Balance, balance.unwrap_or(Amount(u64::MAX)), max)
    }

    pub(super) fn add_lot(&mut self, lot: Lot) {
        self.lots.push(lot);
        self.lots.sort_by_key(|lot| lot.id);
    }

    /// Lots that are empty, and that no payment without outcome may fill again.
    pub(super) fn drop_empty_lots(&mut self) {
        let pending = self.log.iter().filter(|entry| entry.is_pending());
        let needed: Vec<_> = pending
            .flat_map(|entry| entry.spend().lots.iter().map(|part| part.lot))
            .collect();
        self.lots.retain(|lot| !lot.left.is_zero() || needed.contains(&lot.id));
    }

    /// Puts what is pending back into its lots.
    pub(super) fn give_back(&mut self, at: usize) {
        assert!(self.log[at].is_pending(), "a payment ends once");
        for part in self.log[at].spend().lots.iter() {
            let lot = self.lots.iter_mut().find(|lot| lot.id == part.lot);
            let lot = lot.expect("a lot stays while a payment of it is pending");
            lot.left = lot.left.checked_add(part.amount).expect("it was there before");
        }
    }

    /// Takes from lots what was signed, and writes it down.
    pub(super) fn debit(&mut self, entry: Entry, id: MessageId) {
        for part in entry.spend().lots.iter() {
            let lot = self.lots.iter_mut().find(|lot| lot.id == part.lot);
            let lot = lot.expect("it was chosen of these lots");
            lot.left = lot.left.checked_sub(part.amount).expect("no more was chosen");
        }
        self.counters.seq = entry.seq();
        self.counters.log_head = id;
        self.log.push(entry);
    }

    /// A step to a changed copy of this state.
    pub(super) fn step<R>(&self, release: R, change: impl FnOnce(&mut Self)) -> Step<R> {
        let mut next = self.clone();
        change(&mut next);
        Step::to(next, release)
    }
}

/// # Panics
/// Above 2^64, which is more than a balance may be.
pub(super) fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, |sum, amount| {
        sum.checked_add(amount).expect("balances are far below 2^64")
    })
}

pub(super) fn within(limit: PurseLimit, given: Amount, max: Amount) -> Result<(), PurseRefusal> {
    if given <= max {
        Ok(())
    } else {
        Err(PurseRefusal::OverLimit { limit, max, given })
    }
}
