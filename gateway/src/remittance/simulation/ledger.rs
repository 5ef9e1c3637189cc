//! A ledger with one hold, and a copy of each transaction's result. It does what it is told, also twice: that this does
//! not happen is the operators' part.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::Height,
    settlement::{ContractId, Ending},
    transaction::{TxId, UnixSeconds},
};

use serde::{Deserialize, Serialize};

use super::super::{Purpose, state::Side};

/// What stands in a transaction.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Content {
    pub purpose: Purpose,
    pub by: Side,
    pub valid_until_ms: u64,
    /// Of a reservation.
    pub hold_until: UnixSeconds,
}

#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    pub content: Content,
    pub height: Height,
    pub is_applied: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct End {
    pub how: Ending,
    /// Who voided or posted it.
    pub by: Option<Side>,
    pub height: Height,
}

#[derive(Debug, Default)]
pub struct Ledger {
    /// Of the last block; behind everybody's clock.
    pub time_ms: u64,
    height: u64,
    pending: BTreeMap<TxId, Content>,
    receipts: BTreeMap<TxId, Receipt>,
    hold: Option<(ContractId, UnixSeconds)>,
    pub end: Option<End>,
    pub reservations: u32,
    pub postings: u32,
    pub returns: u32,
}

impl Ledger {
    pub fn submit(&mut self, id: TxId, content: Content) {
        if !self.receipts.contains_key(&id) {
            self.pending.insert(id, content);
        }
    }

    pub fn receipt(&self, id: &TxId) -> Option<&Receipt> {
        self.receipts.get(id)
    }

    pub fn hold(&self) -> Option<(ContractId, UnixSeconds)> {
        self.hold
    }

    /// What waits is applied in an order that `key` gives, or left waiting (`None`).
    pub fn block(&mut self, time_ms: u64, has_funds: bool, mut key: impl FnMut() -> Option<u64>) {
        self.time_ms = self.time_ms.max(time_ms);
        self.height += 1;
        let is_due = self.hold.is_some_and(|(_, until)| until.0 * 1000 <= self.time_ms);
        if is_due && self.end.is_none() {
            self.finish(Ending::Expired, None);
        }
        self.pending.retain(|_, content| self.time_ms <= content.valid_until_ms);
        let mut chosen: Vec<_> = self.pending.keys().filter_map(|id| Some((key()?, *id))).collect();
        chosen.sort_unstable();
        for (_, id) in chosen {
            let content = self.pending.remove(&id).expect("it is pending");
            let receipt = Receipt {
                content,
                height: Height(self.height),
                is_applied: self.apply(id, content, has_funds),
            };
            assert!(self.receipts.insert(id, receipt).is_none(), "applied once");
        }
    }

    fn apply(&mut self, id: TxId, content: Content, has_funds: bool) -> bool {
        let is_open = self.hold.is_some() && self.end.is_none();
        match content.purpose {
            Purpose::Reserve if has_funds && content.hold_until.0 * 1000 > self.time_ms => {
                self.reservations += 1;
                self.hold = Some((ContractId::derive(&id, 0), content.hold_until));
                true
            }
            Purpose::Post if is_open => {
                self.postings += 1;
                self.finish(Ending::Posted, Some(content.by));
                true
            }
            Purpose::Void if is_open => {
                self.finish(Ending::Voided, Some(content.by));
                true
            }
            Purpose::Return if has_funds && self.postings > 0 => {
                self.returns += 1;
                true
            }
            _ => false,
        }
    }

    fn finish(&mut self, how: Ending, by: Option<Side>) {
        self.end = Some(End {
            how,
            by,
            height: Height(self.height),
        });
    }
}
