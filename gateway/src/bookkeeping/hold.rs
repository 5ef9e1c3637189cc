//! What becomes of holds that may pay a watched account: no money moves when one is opened or returned, so that there is no
//! entry of it.

use causeway_contracts::{
    block::{Height, TimeMs},
    codec::Text,
    money::Amount,
    settlement::{ContractId, Hold, Leg},
    transaction::TxId,
};

/// Something became of a hold of one payment to a watched account. Of holds that did not fit into the memory it is told too, and
/// then also of strangers' ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldNews {
    pub hold: ContractId,
    pub change: HoldChange,
    pub height: Height,
    /// The receipt's place in its block.
    pub index: u32,
    /// The block's time.
    pub time_ms: TimeMs,
    /// `None` if the ledger did it by itself.
    pub transaction: Option<TxId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldChange {
    /// With its transaction's memo, which the later transactions about it need not have.
    Opened { leg: Leg, memo: Text<140> },
    Posted {
        /// All of it if there is none.
        amount: Option<Amount>,
        /// What is not paid stays held.
        keep_rest: bool,
    },
    /// Returned by one who may.
    Voided,
    /// Returned since its time was over.
    Expired,
}

/// The payment of a hold that has only one.
pub(super) fn only_leg(hold: &Hold) -> Option<&Leg> {
    match &hold.legs[..] {
        [leg] => Some(leg),
        _ => None,
    }
}
