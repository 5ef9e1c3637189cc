//! Compares what this gateway has booked and remembers with what the ledger says, and changes nothing. The ledger is
//! asked, so that a fault of following it shows too.

mod accounts;
mod remittances;

use causeway_contracts::{block::Height, identity::AccountId, money::Currency};
use causeway_wallet::client::ClientError;
use serde::Serialize;

use super::{context::Gateway, records};
use crate::store::StoreError;

/// Objects that are looked at, at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the network")]
    Ledger(#[from] ClientError),
    #[error("the address of account {0} is none")]
    Address(String),
    #[error("the ledger is not followed; start the gateway with `causeway-gateway run`")]
    NotFollowed,
    #[error("the ledger is at block {asked}, and followed to block {reached} only; is the gateway running?")]
    Behind { asked: Height, reached: Height },
}

/// Something that is not as the ledger says. Amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// An account's entries do not add up to what it has on the ledger, available and held together.
    Balance {
        /// `None`: the operator's own.
        account: Option<String>,
        address: String,
        currency: Currency,
        height: Height,
        booked: String,
        ledger: String,
    },
    /// A remittance's hold stands otherwise than the remittance. `none`: the ledger does not know it.
    Hold {
        remittance: String,
        uetr: String,
        state: String,
        hold: String,
        expected: String,
        ledger: String,
    },
    /// What a remittance is proved by is absent, or proves something else.
    Proof {
        remittance: String,
        uetr: String,
        transaction: String,
        fault: String,
    },
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub accounts: u64,
    pub balances: u64,
    pub remittances: u64,
    pub holds: u64,
    pub proofs: u64,
    pub differences: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub differences: Vec<Difference>,
    pub counts: Counts,
}

impl Report {
    fn add(&mut self, other: Self) {
        let (counts, more) = (&mut self.counts, other.counts);
        counts.accounts += more.accounts;
        counts.balances += more.balances;
        counts.remittances += more.remittances;
        counts.holds += more.holds;
        counts.proofs += more.proofs;
        counts.differences += more.differences;
        self.differences.extend(other.differences);
    }

    fn differs(&mut self, difference: Difference) {
        self.differences.push(difference);
        self.counts.differences += 1;
    }
}

/// Of every account, and of every remittance that has not ended, or has within the last day.
pub async fn reconcile(gateway: &Gateway) -> Result<Report, ReconcileError> {
    let mut report = accounts::reconcile(gateway).await?;
    report.add(remittances::reconcile(gateway).await?);
    Ok(report)
}
