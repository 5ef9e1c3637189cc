//! A payment: what the payee asks for, and what the payer gives. A redemption pays the ledger.

use super::{check_not_zero, message};
use crate::{
    codec::{Bounded, Text},
    money::Amount,
    offline::{
        LOTS_MAX,
        encoding::{Malformed, Reader, Writer},
        field::{Field, Fixed},
        ids::{AccountHash, CurrencyIndex, Epoch, Id16, ListVersion, MessageId, Nonce16, PurseId, RequestSeq, Seq},
    },
};

/// Reserved: all bits are 0.
pub type RequestFlags = Fixed<1, 0>;

message! {
    /// REQ, by the payee: asks for one payment.
    Request, Request {
        payee: PurseId,
        nonce: Nonce16,
        seq: RequestSeq,
        amount: Amount,
        /// The latest hour that the payee knows of.
        epoch: Epoch,
        /// The version of the revocation list that the payee has.
        list_version: ListVersion,
        flags: RequestFlags,
        /// What the payment is for.
        memo: Text<40>,
    }
}

impl Request {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.payee.check()?;
        check_not_zero(self.amount)
    }
}

/// What is taken of one lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LotPart {
    pub lot: Id16,
    pub amount: Amount,
}

impl Field for LotPart {
    const BYTES_MAX: usize = Id16::BYTES_MAX + Amount::BYTES_MAX;

    fn write(&self, writer: &mut Writer) {
        self.lot.write(writer);
        self.amount.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            lot: Id16::read(reader)?,
            amount: Amount::read(reader)?,
        })
    }
}

/// One to four lots, ascending by id.
pub type Lots = Bounded<LotPart, LOTS_MAX>;

/// What a transfer or a redemption spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    pub amount: Amount,
    pub currency: CurrencyIndex,
    /// One more than the most of its lots; a grant has none.
    pub hop: u8,
    /// The least of its lots'.
    pub expiry: Epoch,
    /// The latest hour that the payer knew of.
    pub epoch: Epoch,
    /// Whose parts have the amount as their sum.
    pub lots: Lots,
}

impl Field for Spend {
    const BYTES_MAX: usize = Amount::BYTES_MAX
        + CurrencyIndex::BYTES_MAX
        + u8::BYTES_MAX
        + Epoch::BYTES_MAX
        + Epoch::BYTES_MAX
        + Lots::BYTES_MAX;

    fn write(&self, writer: &mut Writer) {
        self.amount.write(writer);
        self.currency.write(writer);
        self.hop.write(writer);
        self.expiry.write(writer);
        self.epoch.write(writer);
        self.lots.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            amount: Field::read(reader)?,
            currency: Field::read(reader)?,
            hop: Field::read(reader)?,
            expiry: Field::read(reader)?,
            epoch: Field::read(reader)?,
            lots: Field::read(reader)?,
        })
    }
}

impl Spend {
    fn check(&self) -> Result<(), Malformed> {
        check_not_zero(self.amount)?;
        if self.lots.is_empty() {
            return Err(Malformed::Count {
                actual: 0,
                min: 1,
                max: LOTS_MAX,
            });
        }
        if !self.lots.is_sorted_by(|one, next| one.lot < next.lot) {
            return Err(Malformed::NotAscending);
        }
        let mut sum = Amount::ZERO;
        for part in &self.lots {
            check_not_zero(part.amount)?;
            sum = sum.checked_add(part.amount).ok_or(Malformed::LotsSum)?;
        }
        if sum != self.amount {
            return Err(Malformed::LotsSum);
        }
        Ok(())
    }
}

message! {
    /// XFER, by the payer: pays a request.
    Transfer, Transfer {
        payer: PurseId,
        seq: Seq,
        /// The id of what the payer spent before, or [`MessageId::NONE`].
        previous: MessageId,
        payee: PurseId,
        /// The id of the request.
        request: MessageId,
        spend: Spend,
    }
}

impl Transfer {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.payer.check()?;
        self.payee.check()?;
        if self.payer == self.payee {
            return Err(Malformed::PaysItself);
        }
        self.spend.check()
    }
}

message! {
    /// REDEEM, by the purse: pays an account of the ledger. Its bytes are a transfer's to nobody.
    Redeem, Redeem {
        payer: PurseId,
        seq: Seq,
        /// As a transfer's.
        previous: MessageId,
        payee: Fixed<8, 0>,
        account: AccountHash,
        spend: Spend,
    }
}

impl Redeem {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.payer.check()?;
        self.spend.check()
    }
}
