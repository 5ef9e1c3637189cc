//! A state's bytes in memory, which are also checked when they are read: what was never valid is not taken for a purse.

use super::{
    ANSWERS_MAX, LOG_MAX, MERCHANT_PAYERS_MAX, PURSE_LOTS_MAX, PurseState, REQUESTS_MAX, Rules,
    contents::{Answer, Answered, Entry, Lot, Origin, Payment},
    pin::Pin,
    record::{read_bytes, read_list, write_bytes, write_list},
    request::SignedAnswer,
    state::{Counters, Seed},
};
use crate::{
    keys::{PublicKey, SecretKey},
    money::Amount,
    offline::{
        bundle::{BUNDLE_BYTES_MAX, Bundle, BundleError},
        encoding::{Malformed, Reader, Writer},
        field::Field,
        ids::{CurrencyIndex, Epoch, Id16, ListVersion, MessageId, Nonce16, RequestSeq, Seq},
        issuer::{ISSUER_KEYS_MAX, IssuerKey, IssuerKeys, IssuerKeysError, KeyRole},
        messages::{Grant, Receipt, Request, Void},
        revocation::{REVOCATIONS_MAX, RevocationError, RevocationList},
        signed::Signed,
    },
};

/// The first byte of every state.
const VERSION: u8 = 1;

/// Why bytes are no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("version {0} of states; this one is read: {VERSION}")]
    Version(u8),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Keys(#[from] IssuerKeysError),
    #[error(transparent)]
    Revocations(#[from] RevocationError),
    #[error("the certificate is for another key")]
    AnotherKey,
    #[error("lot {0} is not what is behind it")]
    Lot(Id16),
    #[error("lots or entries are not in order")]
    Order,
    #[error("the lots sum up to more than any balance")]
    Balance,
    #[error("not the bytes of the state that they say")]
    NotCanonical,
    #[error("an entry of the log consumes lot {0}, which is not there")]
    LotMissing(Id16),
    #[error("entry {0} of the log has another payment's request or answer")]
    Entry(Seq),
}

impl PurseState {
    /// The most bytes of a state.
    pub const BYTES_MAX: usize = 1_000_000;

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(4_096);
        writer.byte(VERSION);
        writer.bytes(&self.seed.0);
        self.successor.write(&mut writer);
        self.certificate.write(&mut writer);
        let keys: Vec<_> = self.keys.iter().cloned().collect();
        write_list(&keys, &mut writer);
        self.rules.write(&mut writer);
        self.pin.write(&mut writer);
        self.counters.write(&mut writer);
        write_list(&self.lots, &mut writer);
        write_list(&self.requests, &mut writer);
        write_list(&self.answered, &mut writer);
        write_list(&self.log, &mut writer);
        write_list(&self.payers, &mut writer);
        self.revoked.version().write(&mut writer);
        self.revoked.epoch().write(&mut writer);
        write_list(self.revoked.entries(), &mut writer);
        writer.into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, Self::BYTES_MAX)?;
        match reader.byte()? {
            VERSION => {}
            other => return Err(StateError::Version(other)),
        }
        let reader = &mut reader;
        let state = Self {
            seed: Seed(reader.array()?),
            successor: Option::read(reader)?,
            certificate: Signed::read(reader)?,
            keys: IssuerKeys::new(read_list(reader, ISSUER_KEYS_MAX)?)?,
            rules: Rules::read(reader)?,
            pin: Pin::read(reader)?,
            counters: Counters::read(reader)?,
            lots: read_list(reader, PURSE_LOTS_MAX)?,
            requests: read_list(reader, REQUESTS_MAX)?,
            answered: read_list(reader, ANSWERS_MAX)?,
            log: read_list(reader, LOG_MAX)?,
            payers: read_list(reader, MERCHANT_PAYERS_MAX)?,
            revoked: {
                let (version, epoch) = (ListVersion::read(reader)?, Epoch::read(reader)?);
                RevocationList::new(version, epoch, read_list(reader, REVOCATIONS_MAX)?)?
            },
        };
        reader.end()?;
        state.check()?;
        if state.to_bytes() != bytes {
            return Err(StateError::NotCanonical);
        }
        Ok(state)
    }

    fn check(&self) -> Result<(), StateError> {
        if SecretKey::from_seed(&self.seed.0).public_key() != self.own().key {
            return Err(StateError::AnotherKey);
        }
        let in_order = self.lots.is_sorted_by(|one, next| one.id < next.id)
            && self.log.is_sorted_by(|one, next| one.seq() < next.seq())
            && self
                .payers
                .is_sorted_by(|one, next| (one.payer, one.serial) < (next.payer, next.serial));
        if !in_order {
            return Err(StateError::Order);
        }
        self.lots.iter().try_for_each(check_lot)?;
        self.log.iter().filter_map(Entry::payment).try_for_each(check_payment)?;
        let mut lefts = self.lots.iter().map(|lot| lot.left);
        let balance = lefts.try_fold(Amount::ZERO, Amount::checked_add);
        balance.ok_or(StateError::Balance)?;
        let pending = self.log.iter().filter(|entry| entry.is_pending());
        let mut needed = pending.flat_map(|entry| entry.spend().lots.iter().map(|part| part.lot));
        match needed.find(|id| !self.lots.iter().any(|lot| lot.id == *id)) {
            Some(id) => Err(StateError::LotMissing(id)),
            None => Ok(()),
        }
    }
}

/// That it is what is behind it, no more of it left than it had.
fn check_lot(lot: &Lot) -> Result<(), StateError> {
    let (id, amount, hop, expiry) = match &lot.origin {
        Origin::Grant(grant) => (grant.body.load, grant.body.amount, 0, grant.body.expiry),
        Origin::Bundle { bytes, .. } => {
            let bundle = Bundle::from_bytes(bytes)?;
            let spend = &bundle.transfer().body.spend;
            (bundle.transfer().id().short(), spend.amount, spend.hop, spend.expiry)
        }
    };
    if (lot.id, lot.hop, lot.expiry) == (id, hop, expiry) && lot.left <= amount {
        Ok(())
    } else {
        Err(StateError::Lot(lot.id))
    }
}

/// That it pays the request, and was ended by a word about that.
fn check_payment(payment: &Payment) -> Result<(), StateError> {
    let (transfer, request) = (&payment.transfer.body, &payment.request);
    let is_about = match &payment.answer {
        None => true,
        Some(SignedAnswer::Receipt(receipt)) => {
            (receipt.body.payee, receipt.body.seq) == (transfer.payee, request.body.seq)
        }
        Some(SignedAnswer::Void(void)) => {
            let asked = (transfer.payee, request.body.seq, transfer.request);
            (void.body.payee, void.body.seq, void.body.request) == asked
        }
    };
    if is_about && request.id() == transfer.request {
        Ok(())
    } else {
        Err(StateError::Entry(transfer.seq))
    }
}

const GRANT: u8 = 0;
const BUNDLE: u8 = 1;
const PAID: u8 = 0;
const REDEEMED: u8 = 1;
const VOIDED: u8 = 0;
const RECEIVED: u8 = 1;
const NONE: u8 = 0;
const SOME: u8 = 1;
const RECEIPT: u8 = 1;
const VOID: u8 = 2;

impl Field for Option<Seed> {
    const BYTES_MAX: usize = 1 + 32;

    fn write(&self, writer: &mut Writer) {
        match self {
            None => writer.byte(NONE),
            Some(seed) => {
                writer.byte(SOME);
                writer.bytes(&seed.0);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.byte()? {
            NONE => Ok(None),
            SOME => Ok(Some(Seed(reader.array()?))),
            tag => tagged(tag),
        }
    }
}

impl Field for Option<SignedAnswer> {
    const BYTES_MAX: usize = 1 + longest(Signed::<Receipt>::BYTES_MAX, Signed::<Void>::BYTES_MAX);

    fn write(&self, writer: &mut Writer) {
        match self {
            None => writer.byte(NONE),
            Some(SignedAnswer::Receipt(receipt)) => {
                writer.byte(RECEIPT);
                receipt.write(writer);
            }
            Some(SignedAnswer::Void(void)) => {
                writer.byte(VOID);
                void.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.byte()? {
            NONE => None,
            RECEIPT => Some(SignedAnswer::Receipt(Signed::read(reader)?)),
            VOID => Some(SignedAnswer::Void(Signed::read(reader)?)),
            tag => return tagged(tag),
        })
    }
}

const fn longest(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// A tag that says which variant, as far as messages have no form for it.
fn tagged<T>(tag: u8) -> Result<T, Malformed> {
    Err(Malformed::Status(tag))
}

impl Field for Lot {
    const BYTES_MAX: usize = 16 + 10 + 1 + 5 + 1 + 2 + BUNDLE_BYTES_MAX + 250;

    fn write(&self, writer: &mut Writer) {
        self.id.write(writer);
        self.left.write(writer);
        self.hop.write(writer);
        self.expiry.write(writer);
        match &self.origin {
            Origin::Grant(grant) => {
                writer.byte(GRANT);
                grant.write(writer);
            }
            Origin::Bundle { bytes, request } => {
                writer.byte(BUNDLE);
                write_bytes(bytes, writer);
                request.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: Id16::read(reader)?,
            left: Amount::read(reader)?,
            hop: u8::read(reader)?,
            expiry: Epoch::read(reader)?,
            origin: match reader.byte()? {
                GRANT => Origin::Grant(Signed::<Grant>::read(reader)?),
                BUNDLE => Origin::Bundle {
                    bytes: read_bytes(reader, BUNDLE_BYTES_MAX)?,
                    request: Signed::read(reader)?,
                },
                tag => return tagged(tag),
            },
        })
    }
}

impl Field for Answered {
    const BYTES_MAX: usize = 32 + 5 + 16 + 1 + 32 + 5 + 1;

    fn write(&self, writer: &mut Writer) {
        self.request.write(writer);
        self.seq.write(writer);
        self.nonce.write(writer);
        match &self.answer {
            Answer::Voided => writer.byte(VOIDED),
            Answer::Received(transfer) => {
                writer.byte(RECEIVED);
                transfer.write(writer);
            }
        }
        self.forget.write(writer);
        writer.byte(u8::from(self.is_reported));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            request: MessageId::read(reader)?,
            seq: RequestSeq::read(reader)?,
            nonce: Nonce16::read(reader)?,
            answer: match reader.byte()? {
                VOIDED => Answer::Voided,
                RECEIVED => Answer::Received(MessageId::read(reader)?),
                tag => return tagged(tag),
            },
            forget: Epoch::read(reader)?,
            is_reported: match reader.byte()? {
                0 => false,
                1 => true,
                tag => return tagged(tag),
            },
        })
    }
}

impl Field for Entry {
    const BYTES_MAX: usize =
        1 + 2 + BUNDLE_BYTES_MAX + Signed::<Request>::BYTES_MAX + 32 + <Option<SignedAnswer> as Field>::BYTES_MAX;

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Paid(payment) => {
                writer.byte(PAID);
                write_bytes(&payment.bundle, writer);
                payment.request.write(writer);
                payment.payee_key.write(writer);
                payment.answer.write(writer);
            }
            Self::Redeemed(redeem) => {
                writer.byte(REDEEMED);
                redeem.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.byte()? {
            PAID => Self::Paid(Box::new(read_payment(reader)?)),
            REDEEMED => Self::Redeemed(Signed::read(reader)?),
            tag => return tagged(tag),
        })
    }
}

fn read_payment(reader: &mut Reader<'_>) -> Result<Payment, Malformed> {
    let bundle = read_bytes(reader, BUNDLE_BYTES_MAX)?;
    let transfer = match Bundle::from_bytes(&bundle) {
        Ok(bundle) => bundle.transfer().clone(),
        Err(BundleError::Malformed(error)) => return Err(error),
        // No bundle that this purse has made.
        Err(_) => return Err(Malformed::NotAscending),
    };
    Ok(Payment {
        transfer,
        bundle,
        request: Signed::read(reader)?,
        payee_key: PublicKey::read(reader)?,
        answer: Option::read(reader)?,
    })
}

impl Field for IssuerKey {
    const BYTES_MAX: usize = 32 + 1 + 2;

    fn write(&self, writer: &mut Writer) {
        self.key.write(writer);
        writer.byte(match self.role {
            KeyRole::Certificate => 0,
            KeyRole::Grant => 1,
            KeyRole::Beacon => 2,
        });
        self.currency.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            key: PublicKey::read(reader)?,
            role: match reader.byte()? {
                0 => KeyRole::Certificate,
                1 => KeyRole::Grant,
                2 => KeyRole::Beacon,
                tag => return tagged(tag),
            },
            currency: CurrencyIndex::read(reader)?,
        })
    }
}
