//! The entries of one block, as they come.

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    block::{Header, Height, TimeMs},
    codec::Text,
    identity::AccountId,
    money::{Amount, Currency},
    settlement::{ContractId, Leg},
    transaction::TxId,
};

use super::{
    entry::{Direction, Entry, Kind, Touched},
    hold::{HoldChange, HoldNews},
};

/// What a block booked for the watched accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Booked {
    /// In the order in which it happened.
    pub entries: Vec<Entry>,
    /// Each once. None of them means that the entries are all that there is.
    pub touched: BTreeSet<Touched>,
    /// In the order in which it happened.
    pub holds: Vec<HoldNews>,
}

/// One side of a movement of money.
pub(super) struct Side {
    pub account: AccountId,
    pub currency: Currency,
    pub direction: Direction,
    pub amount: Amount,
    pub counterparty: Option<AccountId>,
}

pub(super) struct Booking<'a> {
    accounts: &'a BTreeSet<AccountId>,
    height: Height,
    time_ms: TimeMs,
    index: u32,
    transaction: Option<TxId>,
    memo: Text<140>,
    /// How many entries each account has by this receipt.
    parts: BTreeMap<AccountId, u16>,
    booked: Booked,
}

impl<'a> Booking<'a> {
    pub fn new(accounts: &'a BTreeSet<AccountId>, header: &Header) -> Self {
        Self {
            accounts,
            height: header.height,
            time_ms: header.time_ms,
            index: 0,
            transaction: None,
            memo: Text::default(),
            parts: BTreeMap::new(),
            booked: Booked::default(),
        }
    }

    /// What follows came of this receipt.
    pub fn turn_to(&mut self, index: u32, transaction: Option<(TxId, &Text<140>)>) {
        self.index = index;
        self.transaction = transaction.map(|(id, _)| id);
        self.memo = transaction.map(|(_, memo)| memo.clone()).unwrap_or_default();
        self.parts.clear();
    }

    pub fn accounts(&self) -> &'a BTreeSet<AccountId> {
        self.accounts
    }

    pub fn finish(self) -> Booked {
        self.booked
    }

    /// Money went from one account to another.
    pub fn paid(&mut self, leg: &Leg, kind: Kind, contract: Option<ContractId>) {
        let sides = [
            (leg.debtor, Direction::Debit, leg.creditor),
            (leg.creditor, Direction::Credit, leg.debtor),
        ];
        for (account, direction, counterparty) in sides {
            let side = Side {
                account,
                currency: leg.currency,
                direction,
                amount: leg.amount,
                counterparty: Some(counterparty),
            };
            self.side(side, kind, contract);
        }
    }

    /// The same, where the other side is nobody in particular.
    pub fn side(&mut self, side: Side, kind: Kind, contract: Option<ContractId>) {
        if !self.accounts.contains(&side.account) || side.amount.is_zero() {
            return;
        }
        let part = self.parts.entry(side.account).or_default();
        let entry = Entry {
            account: side.account,
            currency: side.currency,
            height: self.height,
            index: self.index,
            part: *part,
            time_ms: self.time_ms,
            direction: side.direction,
            amount: side.amount,
            kind,
            counterparty: side.counterparty,
            transaction: self.transaction,
            contract,
            memo: self.memo.clone(),
        };
        // 64 actions, each of at most 17 payments, make fewer.
        *part = part.checked_add(1).expect("a transaction makes at most 2,176 entries");
        self.booked.entries.push(entry);
    }

    /// Money is set aside that may come to an account.
    pub fn hold_opened(&mut self, hold: ContractId, leg: &Leg) {
        if self.accounts.contains(&leg.creditor) {
            let memo = self.memo.clone();
            self.hold(hold, HoldChange::Opened { leg: *leg, memo });
        }
    }

    pub fn hold(&mut self, hold: ContractId, change: HoldChange) {
        self.booked.holds.push(HoldNews {
            hold,
            change,
            height: self.height,
            index: self.index,
            time_ms: self.time_ms,
            transaction: self.transaction,
        });
    }

    /// What happened may have changed any balance.
    pub fn touch_all(&mut self) {
        let all = self.accounts.iter();
        let touched = all.map(|account| Touched {
            account: *account,
            currency: None,
        });
        self.booked.touched.extend(touched);
    }

    pub fn touch(&mut self, account: AccountId, currency: Option<Currency>) {
        if self.accounts.contains(&account) {
            self.booked.touched.insert(Touched { account, currency });
        }
    }
}
