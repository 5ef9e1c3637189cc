//! What the ledger knows about purses: the rows of its table for them.

use bincode::{Decode, Encode};

use super::{
    ids::{CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, PurseId},
    issuer::KeyRole,
    messages::{Beacon, Certificate, Grant, RevocationDelta},
    signed::Signed,
};
use crate::{
    identity::{AccountId, ParticipantId},
    keys::PublicKey,
    money::{Amount, Currency},
    settlement::ContractId,
};

/// A currency that purses may hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PurseCurrency {
    /// What messages call it.
    pub index: CurrencyIndex,
    /// Whose money is paid where purses' own does not suffice.
    pub fund: AccountId,
    /// How many keys of the service are in use.
    pub keys: u16,
    /// Of the newest beacon; 0 before the first.
    pub epoch: Epoch,
    /// Of the revocation list; 0 before the first delta.
    pub list_version: ListVersion,
}

/// A key of the service that signs for purses. It stays here when it is withdrawn, so that no other takes its id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ServiceKey {
    pub key: PublicKey,
    pub role: KeyRole,
    pub currency: Currency,
    pub is_withdrawn: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Purse {
    pub owner: AccountId,
    /// That registered it.
    pub operator: ParticipantId,
    pub currency: Currency,
    /// The newest.
    pub certificate: Signed<Certificate>,
    /// Of its last load; 0 before the first.
    pub loads: LoadCounter,
    pub is_revoked: bool,
}

/// Money that was set aside for a purse.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Load {
    /// What the lot is called.
    pub lot: Id16,
    /// In which the money is held.
    pub account: AccountId,
    pub currency: Currency,
    pub amount: Amount,
    /// What is still held.
    pub left: Amount,
    /// Under which its end has a receipt.
    pub contract: ContractId,
    pub grant: Option<Signed<Grant>>,
}

/// Where a lot comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Origin {
    Load(PurseId, LoadCounter),
}

/// Defines the keys and rows of the table, which go by the same names.
macro_rules! rows {
    ($($(#[$meta:meta])* $name:ident($($key:ty),+): $row:ty,)+) => {
        /// The key of a row. Keys sort as their encoded bytes do, so numbers in them are big-endian.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub enum OfflineKey {
            $($(#[$meta])* $name($($key),+),)+
        }

        /// A row; the same variant as its key's.
        #[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
        pub enum OfflineRow {
            $($name($row),)+
        }

        impl OfflineRow {
            pub fn is_of(&self, key: &OfflineKey) -> bool {
                matches!((key, self), $((OfflineKey::$name(..), Self::$name(_)))|+)
            }
        }
    };
}

rows! {
    Currency(Currency): PurseCurrency,
    /// By its index.
    Index([u8; 2]): Currency,
    Key(KeyId): ServiceKey,
    Purse(PurseId): Purse,
    /// A purse's, by its counter.
    Load(PurseId, [u8; 4]): Load,
    Lot(Id16): Origin,
    /// A currency's, by its index and the epoch.
    Beacon([u8; 2], [u8; 4]): Signed<Beacon>,
    /// A currency's, by its index and the version that it leads to.
    Delta([u8; 2], [u8; 4]): Signed<RevocationDelta>,
}
