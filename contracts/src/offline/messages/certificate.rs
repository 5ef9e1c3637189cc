//! Who a purse is, and what it may do.

use super::message;
use crate::{
    keys::PublicKey,
    money::Amount,
    offline::{
        encoding::{Malformed, Reader, Writer},
        field::Field,
        ids::{CurrencyIndex, Epoch, KeyId, PurseId, Serial},
    },
};

/// What kind of purse it is. Bits 0 to 3 are the key's algorithm (1 Ed25519), bit 4 says that it may be paid, bit 5
/// that it may spend what it was paid; the others are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Class {
    pub can_receive: bool,
    /// Without it a purse spends what it was loaded with, and redeems the rest.
    pub can_respend: bool,
}

impl Class {
    const ED25519: u8 = 1;
    const CAN_RECEIVE: u8 = 0x10;
    const CAN_RESPEND: u8 = 0x20;

    /// A person's: pays and is paid.
    pub const PERSON: Self = Self {
        can_receive: true,
        can_respend: true,
    };

    /// Receives only: what it is paid, it redeems.
    pub const MERCHANT: Self = Self {
        can_receive: true,
        can_respend: false,
    };

    pub fn is_merchant(self) -> bool {
        self == Self::MERCHANT
    }

    pub fn byte(self) -> u8 {
        let bit = |set, bit| if set { bit } else { 0 };
        Self::ED25519 | bit(self.can_receive, Self::CAN_RECEIVE) | bit(self.can_respend, Self::CAN_RESPEND)
    }
}

impl Field for Class {
    const BYTES_MAX: usize = 1;

    fn write(&self, writer: &mut Writer) {
        writer.byte(self.byte());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let byte = reader.byte()?;
        let class = Self {
            can_receive: byte & Self::CAN_RECEIVE != 0,
            can_respend: byte & Self::CAN_RESPEND != 0,
        };
        if class.byte() != byte {
            return Err(Malformed::Class(byte));
        }
        Ok(class)
    }
}

message! {
    /// CERT, by the issuer: whose key a purse's is, and the purse's limits.
    Certificate, Certificate {
        /// Of a key with the role of certificates.
        issuer: KeyId,
        purse: PurseId,
        key: PublicKey,
        currency: CurrencyIndex,
        class: Class,
        /// The first hour in which it is good.
        not_before: Epoch,
        /// The last hour in which it is good.
        not_after: Epoch,
        /// The most that one payment may be.
        payment_max: Amount,
        /// The most that the purse may hold.
        balance_max: Amount,
        /// The most that the purse may have paid in all its life, before it syncs for another certificate.
        paid_max: Amount,
        /// How often it may have paid, likewise.
        payments_max: u32,
        /// The most hops that money it spends or is paid may have, at most [`HOPS_MAX`](crate::offline::HOPS_MAX).
        hops_max: u8,
        serial: Serial,
    }
}

impl Certificate {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.purse.check()?;
        if self.not_after < self.not_before {
            return Err(Malformed::EndsBeforeItBegins);
        }
        Ok(())
    }

    /// Whether it is good in that hour.
    pub fn covers(&self, epoch: Epoch) -> bool {
        (self.not_before..=self.not_after).contains(&epoch)
    }
}
