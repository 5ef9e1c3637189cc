//! What is remembered from block to block, and what is booked when a remembered contract pays.
//!
//! A contract that pays or is paid by a watched account has a place as long as there is room. One that does not fit
//! leaves a doubt: the balances that it may change are touched whenever something happens that cannot be told from
//! it. Contracts that anyone might use take at most half of the room, and leave none: who uses one is named then.

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    block::{GenesisHash, TimeMs},
    identity::{AccountId, ParticipantId},
    money::{Amount, Currency},
    settlement::{ContractId, Leg, Offer},
};
use serde::{Deserialize, Serialize};

use super::{
    agreed::{Agreed, Opened, Payment},
    booking::Booking,
    entry::Kind,
    hold::HoldChange,
    standing::Standing,
};

/// How much is remembered: each payment of a hold, each participant and currency of a cycle, each maker in a book and
/// each other contract weighs 1. Some 150 MB.
pub const WEIGHT_MAX: u64 = 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    origin: GenesisHash,
    /// The account out of which each currency is issued.
    issuers: BTreeMap<Currency, AccountId>,
    contracts: BTreeMap<ContractId, Agreed>,
    standing: Standing,
    /// Balances that contracts which are not remembered may change.
    doubts: BTreeMap<AccountId, BTreeSet<Currency>>,
    weight: u64,
    pub(super) weight_max: u64,
}

/// Part of a hold that is posted.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartOfHold {
    /// All of it if there is none.
    pub amount: Option<Amount>,
    pub keep_rest: bool,
}

impl Memory {
    pub fn new(
        origin: GenesisHash,
        issuers: impl IntoIterator<Item = (Currency, ParticipantId)>,
        weight_max: u64,
    ) -> Self {
        let mut memory = Self {
            origin,
            issuers: BTreeMap::new(),
            contracts: BTreeMap::new(),
            standing: Standing::default(),
            doubts: BTreeMap::new(),
            weight: 0,
            weight_max,
        };
        for (currency, issuer) in issuers {
            memory.issue_by(currency, issuer);
        }
        memory
    }

    pub fn issue_by(&mut self, currency: Currency, issuer: ParticipantId) {
        let account = AccountId::of_participant(&self.origin, issuer);
        self.issuers.insert(currency, account);
    }

    pub fn issuer(&self, currency: Currency) -> Option<AccountId> {
        self.issuers.get(&currency).copied()
    }

    /// A block of this time begins.
    pub fn pass(&mut self, time: TimeMs) {
        self.weight -= self.standing.pass(time);
    }

    /// Remembers a contract if it may pay a watched account, or out of one.
    pub fn keep(&mut self, id: ContractId, opened: Opened, watched: &BTreeSet<AccountId>) {
        self.forget(&id);
        let concerns = opened.accounts.iter().any(|account| watched.contains(account));
        if !concerns && !opened.is_for_anyone {
            return;
        }
        let agreed = opened.agreed.only(|account| watched.contains(account));
        let room = if concerns { self.weight_max } else { self.weight_max / 2 };
        let weight = agreed.weight();
        if self.weight + weight <= room {
            self.weight += weight;
            self.contracts.insert(id, agreed);
        } else if concerns {
            for (account, currency) in agreed.balances(|account| watched.contains(account)) {
                self.doubts.entry(account).or_default().insert(currency);
            }
        }
    }

    pub fn forget(&mut self, id: &ContractId) {
        if let Some(agreed) = self.contracts.remove(id) {
            self.weight -= agreed.weight();
        }
    }

    /// An offer of a watched account stands in its book.
    pub fn stand(&mut self, offer: &Offer, watched: &BTreeSet<AccountId>) {
        if !watched.contains(&offer.maker) {
            return;
        }
        if self.weight < self.weight_max || self.standing.contains(offer) {
            self.weight += u64::from(self.standing.insert(offer));
        } else {
            self.doubts
                .entry(offer.maker)
                .or_default()
                .extend([offer.sell, offer.buy]);
        }
    }

    /// Of a book something was taken.
    pub fn take_of_book(&self, booking: &mut Booking<'_>, sell: Currency, buy: Currency) {
        for maker in self.standing.makers(sell, buy) {
            booking.touch(maker, Some(sell));
            booking.touch(maker, Some(buy));
        }
        self.touch_doubts(booking);
    }

    /// What happened may be any contract's that is not remembered.
    fn touch_doubts(&self, booking: &mut Booking<'_>) {
        for (account, currencies) in &self.doubts {
            for currency in currencies {
                booking.touch(*account, Some(*currency));
            }
        }
    }

    /// Takes a contract out that has ended.
    fn take(&mut self, booking: &mut Booking<'_>, id: ContractId) -> Option<Agreed> {
        let agreed = self.contracts.remove(&id);
        match &agreed {
            Some(agreed) => self.weight -= agreed.weight(),
            None => self.touch_doubts(booking),
        }
        agreed
    }

    /// What is remembered of a contract that goes on.
    fn look(&mut self, booking: &mut Booking<'_>, id: ContractId) -> Option<&mut Agreed> {
        if !self.contracts.contains_key(&id) {
            self.touch_doubts(booking);
        }
        self.contracts.get_mut(&id)
    }

    /// Tells of a hold by which a watched account may be paid, as far as is known: one that did not fit may be one.
    fn tell_of_hold(&self, booking: &mut Booking<'_>, id: ContractId, change: HoldChange) {
        let pays_one = |payments: &[Payment]| match payments {
            [only] => booking.accounts().contains(&only.leg.creditor),
            _ => false,
        };
        let is_told = match self.contracts.get(&id) {
            Some(Agreed::Hold(payments)) => pays_one(payments),
            Some(_) => false,
            None => !self.doubts.is_empty(),
        };
        if is_told {
            booking.hold(id, change);
        }
    }

    /// What was held is its owner's again.
    pub fn end_hold(&mut self, booking: &mut Booking<'_>, id: ContractId, how: HoldChange) {
        self.tell_of_hold(booking, id, how);
        self.forget(&id);
    }

    pub fn post_group(&mut self, booking: &mut Booking<'_>, id: ContractId) {
        let whole = HoldChange::Posted {
            amount: None,
            keep_rest: false,
        };
        self.tell_of_hold(booking, id, whole);
        if let Some(Agreed::Hold(payments)) = self.take(booking, id) {
            for Payment { leg, kind } in payments {
                booking.paid(&leg, kind, Some(id));
            }
        }
    }

    /// Of a hold of one payment: the ledger posts no part of others.
    pub fn post(&mut self, booking: &mut Booking<'_>, id: ContractId, part: PartOfHold) {
        let posted = HoldChange::Posted {
            amount: part.amount,
            keep_rest: part.keep_rest,
        };
        self.tell_of_hold(booking, id, posted);
        let Some(Agreed::Hold(payments)) = self.look(booking, id) else {
            return;
        };
        let Some(Payment { leg, kind }) = payments.first_mut() else {
            return;
        };
        let amount = part.amount.unwrap_or(leg.amount);
        let paid = Leg { amount, ..*leg };
        booking.paid(&paid, *kind, Some(id));
        leg.amount = Amount(leg.amount.0.saturating_sub(amount.0));
        if leg.amount.is_zero() || !part.keep_rest {
            self.forget(&id);
        }
    }

    /// An escrow's money goes to its payee.
    pub fn release(&mut self, booking: &mut Booking<'_>, id: ContractId) {
        if let Some(Agreed::Escrow(leg)) = self.take(booking, id) {
            booking.paid(&leg, Kind::Escrow, Some(id));
        }
    }

    pub fn spend(&mut self, booking: &mut Booking<'_>, id: ContractId, to: AccountId, amount: Amount) {
        let Some(Agreed::Allowance(leg)) = self.look(booking, id) else {
            booking.touch(to, None);
            return;
        };
        let paid = Leg {
            creditor: to,
            amount,
            ..*leg
        };
        booking.paid(&paid, Kind::Spend, Some(id));
        leg.amount = Amount(leg.amount.0.saturating_sub(amount.0));
        if leg.amount.is_zero() {
            self.forget(&id);
        }
    }

    pub fn collect(&mut self, booking: &mut Booking<'_>, id: ContractId, payee: AccountId, amount: Amount) {
        match self.look(booking, id) {
            Some(Agreed::Mandate(leg)) => {
                let paid = Leg { amount, ..*leg };
                booking.paid(&paid, Kind::Collection, Some(id));
            }
            _ => booking.touch(payee, None),
        }
    }

    pub fn pay_request(&mut self, booking: &mut Booking<'_>, id: ContractId, from: AccountId) {
        let Some(Agreed::Request {
            payee,
            currency,
            amount,
        }) = self.take(booking, id)
        else {
            booking.touch(from, None);
            return;
        };
        let paid = Leg {
            debtor: from,
            creditor: payee,
            currency,
            amount,
        };
        booking.paid(&paid, Kind::Request, Some(id));
    }

    /// A netting cycle paid the nets.
    pub fn close(&mut self, booking: &mut Booking<'_>, id: ContractId) {
        let Some(agreed) = self.take(booking, id) else { return };
        for (account, currency) in agreed.balances(|_| true) {
            booking.touch(account, Some(currency));
        }
    }
}
