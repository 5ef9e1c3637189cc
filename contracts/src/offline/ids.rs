//! Names, counters and times of purses.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    encoding::Malformed,
    field::{Field, transparent_fields},
};
use crate::{block::TimeMs, codec::hex_newtype, identity::AccountId, keys::PublicKey};

hex_newtype!(
    /// A purse's pseudonym, by its issuer's choice. Neither all zeros, which stands for nobody, nor one that ends
    /// in `ffffffff`, which stands for a key in revocation lists.
    PurseId,
    8
);

impl PurseId {
    const KEY_MARK: [u8; 4] = [0xff; 4];

    /// Whether a purse can have it.
    pub fn check(&self) -> Result<(), Malformed> {
        if self.0 == [0; 8] || self.0.ends_with(&Self::KEY_MARK) {
            return Err(Malformed::NotAPurse(*self));
        }
        Ok(())
    }
}

hex_newtype!(
    /// SHA-256 over `dofp/1/` and a message without its signature: so one message has one id, however often it is
    /// signed.
    MessageId,
    32
);

impl MessageId {
    /// What the first message of a chain has in the place of its predecessor.
    pub const NONE: Self = Self([0; 32]);

    pub fn short(&self) -> Id16 {
        let (short, _) = self.0.split_first_chunk().expect("16 of 32 bytes");
        Id16(*short)
    }
}

hex_newtype!(
    /// The first 16 bytes of an id, by which lots are named: of a transfer's, or of the id of the ledger's
    /// transaction that loaded a grant.
    Id16,
    16
);

hex_newtype!(
    /// The first 4 bytes of SHA-256 over a key's 32: which of the issuer's keys.
    KeyId,
    4
);

impl KeyId {
    pub fn of(key: &PublicKey) -> Self {
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let (id, _) = digest.split_first_chunk().expect("4 of 32 bytes");
        Self(*id)
    }
}

hex_newtype!(
    /// Drawn at random, once.
    Nonce16,
    16
);

hex_newtype!(
    /// SHA-256 over an account's id: to whom a purse redeems.
    AccountHash,
    32
);

impl AccountHash {
    pub fn of(account: &AccountId) -> Self {
        Self(Sha256::digest(account.as_bytes()).into())
    }
}

hex_newtype!(
    /// An entry of a revocation list: a purse's id, or 4 bytes of a key's and `ffffffff`.
    RevocationEntry,
    8
);

impl RevocationEntry {
    pub fn purse(purse: PurseId) -> Self {
        Self(purse.0)
    }

    pub fn key(key: KeyId) -> Self {
        let mut entry = [0xff; 8];
        entry[..4].copy_from_slice(&key.0);
        Self(entry)
    }
}

transparent_fields! {
    bytes: MessageId[32], Id16[16], KeyId[4], Nonce16[16], AccountHash[32], RevocationEntry[8];
    of: CurrencyIndex(u16), Epoch(u32), Seq(u32), RequestSeq(u32), LoadCounter(u32), Serial(u32), ListVersion(u32)
}

impl Field for PurseId {
    const BYTES_MAX: usize = 8;

    fn write(&self, writer: &mut super::encoding::Writer) {
        writer.bytes(&self.0);
    }

    fn read(reader: &mut super::encoding::Reader<'_>) -> Result<Self, Malformed> {
        let id = Self(reader.array()?);
        id.check()?;
        Ok(id)
    }
}

/// Newtypes over numbers, shown as such.
macro_rules! numbers {
    ($($(#[$meta:meta])* $name:ident($number:ty);)+) => {$(
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// `None` past the last number: a counter that cannot grow locks its purse.
            pub fn next(self) -> Option<Self> {
                self.0.checked_add(1).map(Self)
            }
        }
    )+};
}

numbers! {
    /// A currency's place in the ledger's registry.
    CurrencyIndex(u16);
    /// An hour since 1970. Every time of a purse is one.
    Epoch(u32);
    /// Counts what a purse has spent: each transfer and each redemption has the next.
    Seq(u32);
    /// Counts a purse's requests for payment.
    RequestSeq(u32);
    /// Counts a purse's loads.
    LoadCounter(u32);
    /// Counts a purse's certificates.
    Serial(u32);
    /// Counts versions of an issuer's revocation list.
    ListVersion(u32);
}

impl Epoch {
    pub const HOUR_MS: u64 = 3_600_000;

    /// The hour that a time lies in. Past the last one, the last.
    pub fn at(time: TimeMs) -> Self {
        Self(u32::try_from(time.0 / Self::HOUR_MS).unwrap_or(u32::MAX))
    }

    /// Whether what has this expiry is over: from that hour on, as with everything else on the ledger.
    pub fn has_reached(self, expiry: Self) -> bool {
        self >= expiry
    }
}
