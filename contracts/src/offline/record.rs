//! What the ledger knows about purses: the rows of its table for them.

use bincode::{Decode, Encode};

use super::{
    LOTS_MAX,
    ids::{
        CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, PurseId, RequestSeq, RevocationEntry,
        Seq,
    },
    issuer::KeyRole,
    messages::{Beacon, Certificate, Grant, Redeem, RevocationDelta, Spend, Transfer},
    signed::Signed,
};
use crate::{
    codec::Bounded,
    identity::{AccountId, ParticipantId},
    keys::PublicKey,
    merkle::Root,
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
    /// What is set aside of the fund's money.
    pub guarantee: Amount,
    /// How many claims there have been on it so far.
    pub claims: u64,
    /// What the claims come to that wait for money, those apart that are held back.
    pub waiting: u128,
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
    /// What was asked of its lots that they do not cover.
    pub owed: u128,
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
    /// What redemptions have asked of it, in all. Its purse owes what goes beyond the amount.
    pub asked: u128,
    /// Under which its end has a receipt.
    pub contract: ContractId,
    pub grant: Option<Signed<Grant>>,
    /// From this hour on nobody can claim of it, and the owner has back what is left.
    pub due: Epoch,
    pub is_ended: bool,
}

impl Load {
    /// What nobody asks of it. No less than what is left: what was asked may have been paid and then taken back.
    pub fn unasked(&self) -> u64 {
        self.amount.0 - cover(self.amount, self.asked)
    }
}

/// What of that a lot of this amount has.
pub(crate) fn cover(amount: Amount, asked: u128) -> u64 {
    u64::try_from(asked).map_or(amount.0, |asked| asked.min(amount.0))
}

/// Where a lot comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Origin {
    Load(LoadCounter),
    Transfer(MessageId),
    /// A grant without a load: see [`Unbacked`].
    Unbacked,
}

/// What the issuer's service granted though the ledger knows of no load, and somebody accepted. Who guarantees pays
/// what is asked of it, and its purse owes that.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Unbacked {
    pub grant: Signed<Grant>,
    /// What redemptions have asked of it, in all.
    pub asked: u128,
    /// Its key was withdrawn before it was known: what is asked of it waits for the issuer.
    pub is_doubtful: bool,
}

/// What a purse signed away.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Spent {
    Transfer(Signed<Transfer>),
    Redeem(Signed<Redeem>),
}

impl Spent {
    pub fn id(&self) -> MessageId {
        match self {
            Self::Transfer(signed) => signed.id(),
            Self::Redeem(signed) => signed.id(),
        }
    }

    pub fn payer(&self) -> PurseId {
        match self {
            Self::Transfer(signed) => signed.body.payer,
            Self::Redeem(signed) => signed.body.payer,
        }
    }

    pub fn seq(&self) -> Seq {
        match self {
            Self::Transfer(signed) => signed.body.seq,
            Self::Redeem(signed) => signed.body.seq,
        }
    }

    pub fn spend(&self) -> &Spend {
        match self {
            Self::Transfer(signed) => &signed.body.spend,
            Self::Redeem(signed) => &signed.body.spend,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Spending {
    pub spent: Spent,
    /// Of a transfer: what redemptions have asked of it, in all. Its payee owes what is not drawn of that.
    pub asked: u128,
    /// Of a transfer: what is asked, because of that, of each of its lots. Nothing while it is void.
    pub drawn: [Amount; LOTS_MAX],
    /// Of a redemption: it was paid, or waits as a claim.
    pub is_settled: bool,
}

impl Spending {
    pub fn drawn(&self) -> u64 {
        self.drawn.iter().map(|amount| amount.0).sum()
    }
}

/// What was redeemed and could not be paid yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Claim {
    pub account: AccountId,
    pub amount: Amount,
    /// The id of the REDEEM; of what ended by itself, the transfer's or the grant's.
    pub redemption: MessageId,
}

/// How many transfers that pay one request count against their payers, if their payee says nothing of any.
pub const REQUEST_TRANSFERS_MAX: usize = 8;

/// How many requests with one number of a payee are kept; two are a proof against it.
pub const SEQ_REQUESTS_MAX: usize = 2;

/// What is known of a request. Its transfers have rows of their own, however many they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Asked {
    /// Once the request itself is known.
    pub seq: Option<RequestSeq>,
    pub is_voided: bool,
    /// The least of those that pay it, ascending.
    pub transfers: Bounded<MessageId, REQUEST_TRANSFERS_MAX>,
    /// The two least of those of which the payee spent something, ascending.
    pub claimed: Bounded<MessageId, 2>,
}

impl Asked {
    /// Whether the payer of this transfer has its lots back: by a void, or by a receipt for another transfer. `word` is
    /// the payee's on the request's number.
    pub fn is_void(&self, word: Option<&Word>, transfer: MessageId) -> bool {
        let is_another = |received: &MessageId| *received != transfer;
        self.is_voided || word.is_some_and(|word| word.received.iter().any(is_another))
    }
}

/// A payee's word on one of its requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Word {
    /// The two least of the transfers that it says it received.
    pub received: Bounded<MessageId, 2>,
    pub is_voided: bool,
    /// The two least of those that have this number, ascending.
    pub requests: Bounded<MessageId, SEQ_REQUESTS_MAX>,
}

/// What a purse spent of a lot. Whose lot it is may not be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Consumed {
    /// Without what is void.
    pub sum: u128,
    /// The most hops of what it spent it by, void or not.
    pub hop: u8,
}

/// By what a purse is convicted: [`Offence`](super::evidence::Offence) says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Proof {
    /// Equivocation at this place.
    Place([u8; 4]),
    /// Overspending of this lot.
    Lot(Id16),
    /// A payee's equivocation about the request of this number.
    Word([u8; 4]),
    /// A payee's false claims on this request.
    Request(MessageId),
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
    /// By its owner: others may call theirs the same.
    Lot(Id16, PurseId): Origin,
    /// A currency's, by its index and the epoch.
    Beacon([u8; 2], [u8; 4]): Signed<Beacon>,
    /// A currency's, by its index and the version that it leads to.
    Delta([u8; 2], [u8; 4]): Signed<RevocationDelta>,
    Spending(MessageId): Spending,
    /// The two least of what a purse spent under one number.
    Place(PurseId, [u8; 4]): Bounded<MessageId, 2>,
    /// A payee's, by the number of the request.
    Word(PurseId, [u8; 4]): Word,
    /// A payee's.
    Request(PurseId, MessageId): Asked,
    Consumed(Id16, PurseId): Consumed,
    Proof(PurseId, Proof): (),
    /// A currency's, by its index and the order in which they came.
    Claim([u8; 2], [u8; 8]): Claim,
    /// One that waits for the issuer, with the number that it would have.
    HeldBack([u8; 2], [u8; 8]): Claim,
    /// A purse's, by the lot's name.
    Unbacked(PurseId, Id16): Unbacked,
    /// A transfer that its payee received, by the hour in which the ledger gives the payee's owner what nobody
    /// redeemed of it, and 255 without its hops: those that were spent on come first.
    Due([u8; 4], u8, MessageId): (),
    /// How many messages of this purse are taken yet that nobody else's confirm.
    Room(PurseId): u32,
    /// An entry of a currency's revocation list, by the currency's index.
    Listed([u8; 2], RevocationEntry): (),
    /// Of a currency's revocation list, by its index and the list's version.
    ListRoot([u8; 2], [u8; 4]): Root,
}
