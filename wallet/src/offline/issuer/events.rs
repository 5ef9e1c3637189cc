//! What a final block has that the service of a currency's issuer acts on.

use std::collections::BTreeSet;

use causeway_contracts::{
    block::{BlockId, Height},
    ledger::receipt::{Outcome, Receipt, Subject},
    money::{Amount, Currency},
    offline::{
        action::{OfflineAction, Revoker, Testimony},
        ids::{CurrencyIndex, Epoch, Id16, KeyId, LoadCounter, PurseId},
    },
    transaction::{Action, Transaction, TxId},
};

use crate::client::VerifiedBlock;

/// A load that the ledger has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    pub purse: PurseId,
    pub counter: LoadCounter,
    pub lot: Id16,
    pub amount: Amount,
}

/// Of what was applied. Which currency a purse is of is not in what others say of it: purses named here may be of
/// another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    pub height: Height,
    pub block: BlockId,
    /// Of the block's time.
    pub hour: Epoch,
    /// In the order of the block.
    pub loads: Vec<Loaded>,
    /// For which a grant was recorded.
    pub granted: BTreeSet<(PurseId, LoadCounter)>,
    /// Taken out of use.
    pub revoked: BTreeSet<PurseId>,
    /// Keys of the service that were withdrawn.
    pub withdrawn: BTreeSet<KeyId>,
    /// Against which something that was testified, redeemed or loaded may be a proof, or may lift one.
    pub suspects: BTreeSet<PurseId>,
}

impl Events {
    /// Of a block without any.
    pub fn none(height: Height, block: BlockId, hour: Epoch) -> Self {
        Self {
            height,
            block,
            hour,
            loads: Vec::new(),
            granted: BTreeSet::new(),
            revoked: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
            suspects: BTreeSet::new(),
        }
    }

    pub fn of(block: &VerifiedBlock, currency: Currency, index: CurrencyIndex) -> Self {
        let header = &block.header;
        let mut events = Self::none(header.height, block.id, Epoch::at(header.time_ms));
        let receipts = block.receipts.iter().filter_map(about);
        for ((id, is_applied), transaction) in receipts.zip(&block.transactions) {
            if is_applied {
                events.add_all(id, transaction, currency, index);
            }
        }
        events
    }

    fn add_all(&mut self, id: TxId, transaction: &Transaction, currency: Currency, index: CurrencyIndex) {
        for action in &transaction.actions {
            if let Action::Offline(action) = action {
                self.add(id, action, currency, index);
            }
        }
    }

    fn add(&mut self, id: TxId, action: &OfflineAction, currency: Currency, index: CurrencyIndex) {
        match action {
            OfflineAction::Load { request, .. } if request.body.currency == index => {
                let load = Loaded {
                    purse: request.body.purse,
                    counter: request.body.load_counter,
                    lot: Id16(*id.0.first_chunk().expect("16 of 32 bytes")),
                    amount: request.body.amount,
                };
                self.loads.push(load);
                // It may have spent more of the lot than that, before.
                self.suspects.insert(load.purse);
            }
            OfflineAction::Grant { grant, .. } if grant.body.currency == index => {
                self.granted.insert((grant.body.purse, grant.body.load_counter));
            }
            OfflineAction::RevokePurse { by, purse } if !matches!(by, Revoker::Issuer(of) if *of != currency) => {
                self.revoked.insert(*purse);
            }
            OfflineAction::WithdrawServiceKey { currency: of, key } if *of == currency => {
                self.withdrawn.insert(*key);
            }
            OfflineAction::Testify { messages, .. } => messages.iter().for_each(|message| self.suspect(message)),
            OfflineAction::Redeem { redeem, .. } if redeem.body.spend.currency == index => {
                self.suspects.insert(redeem.body.payer);
            }
            _ => {}
        }
    }

    fn suspect(&mut self, message: &Testimony) {
        match message {
            Testimony::Transfer(signed) => self.suspects.extend([signed.body.payer, signed.body.payee]),
            Testimony::Request(signed) => self.suspects.extend([signed.body.payee]),
            Testimony::Receipt(signed) => self.suspects.extend([signed.body.payee]),
            Testimony::Void(signed) => self.suspects.extend([signed.body.payee]),
            Testimony::Grant(signed) => self.suspects.extend([signed.body.purse]),
        }
    }
}

/// The transaction that a receipt is about, and whether it was applied.
fn about(receipt: &Receipt) -> Option<(TxId, bool)> {
    match receipt.subject {
        Subject::Transaction(id) => Some((id, receipt.outcome == Outcome::Applied)),
        Subject::System { .. } => None,
    }
}

#[cfg(test)]
mod tests;
