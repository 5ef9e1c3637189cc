//! How the ledger's money gets into a purse.

use super::{check_not_zero, message};
use crate::{
    money::Amount,
    offline::{
        encoding::Malformed,
        ids::{CurrencyIndex, Epoch, Id16, KeyId, LoadCounter, Nonce16, PurseId},
    },
};

message! {
    /// GRANT, by the issuer's service: money of the ledger, in escrow there, that a purse may spend.
    Grant, Grant {
        /// Of a key with the role of grants.
        issuer: KeyId,
        /// The first 16 bytes of the id of the ledger's transaction that loaded it. The lot's name too.
        load: Id16,
        purse: PurseId,
        load_counter: LoadCounter,
        amount: Amount,
        currency: CurrencyIndex,
        /// When it was signed.
        epoch: Epoch,
        expiry: Epoch,
    }
}

impl Grant {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.purse.check()?;
        check_not_zero(self.amount)?;
        if self.epoch.has_reached(self.expiry) {
            return Err(Malformed::EndsBeforeItBegins);
        }
        Ok(())
    }
}

message! {
    /// LOADREQ, by the purse: asks for a grant.
    LoadRequest, LoadRequest {
        purse: PurseId,
        /// The purse's own, which the grant must have.
        load_counter: LoadCounter,
        amount: Amount,
        currency: CurrencyIndex,
        nonce: Nonce16,
    }
}

impl LoadRequest {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.purse.check()?;
        check_not_zero(self.amount)
    }
}
