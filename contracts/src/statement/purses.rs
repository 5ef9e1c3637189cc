//! What validators say of purses. These are views: what the ledger keeps may change without them.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    codec::Bounded,
    identity::{AccountId, ParticipantId},
    keys::PublicKey,
    money::{Amount, Balance, Currency},
    offline::{
        ids::{CurrencyIndex, Epoch, Id16, ListVersion, LoadCounter, MessageId, PurseId, RequestSeq, Seq},
        issuer::{ISSUER_KEYS_MAX, KeyRole},
        messages::{Beacon, Certificate, Grant, RevocationDelta},
        signed::Signed,
    },
};

/// Keys in a [`PurseCurrencyView`], at most: those in use, and as many that are withdrawn.
pub const SERVICE_KEYS_MAX: usize = 2 * ISSUER_KEYS_MAX;

/// Deltas in a [`RevocationPage`], at most.
pub const REVOCATION_PAGE_MAX: usize = 64;

/// Proofs in a [`PurseView`], at most.
pub const PROOFS_SHOWN_MAX: usize = 64;

/// Claims that wait are counted up to this number.
pub const CLAIMS_COUNTED_MAX: u32 = 1_000;

/// A currency that purses may hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PurseCurrencyView {
    pub currency: Currency,
    /// What purses' messages call it.
    pub index: CurrencyIndex,
    /// Whose money is paid where purses' own does not suffice.
    pub fund: AccountId,
    /// Of the issuer's service, ascending by their ids: all that are in use, and the first 64 of those that were
    /// withdrawn.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ServiceKeyView>, max_items = 128))]
    pub keys: Bounded<ServiceKeyView, SERVICE_KEYS_MAX>,
    /// The newest; none before the first.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub beacon: Option<Signed<Beacon>>,
    /// Of the revocation list; 0 before the first delta.
    pub list_version: ListVersion,
    /// What is set aside of the fund's money.
    pub guarantee: Amount,
    /// How many claims wait for money, of all that do; 1,000 if there are more. Not those that wait for the issuer.
    pub claims_waiting: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceKeyView {
    pub key: PublicKey,
    pub role: KeyRole,
    /// The ledger takes nothing any more that it signed.
    pub is_withdrawn: bool,
}

/// What a currency's revocation list has come to hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevocationPage {
    pub currency: Currency,
    /// The page begins after this version.
    pub after: ListVersion,
    /// Ascending by version, each following the one before.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, max_items = 64))]
    pub deltas: Bounded<Signed<RevocationDelta>, REVOCATION_PAGE_MAX>,
    /// The next page begins after the last of this one.
    pub has_more: bool,
}

/// A purse, as its owner, his operator and its issuer see it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PurseView {
    pub id: PurseId,
    pub owner: AccountId,
    /// That registered it.
    pub operator: ParticipantId,
    pub currency: Currency,
    /// The newest.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub certificate: Signed<Certificate>,
    /// Of its last load; 0 before the first.
    pub loads: LoadCounter,
    /// What others redeemed that its loads or lots did not cover; never below 0.
    pub owed: Balance,
    pub is_revoked: bool,
    /// What convicts it now: the first ones, in the order of the ledger's table.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProofView>, max_items = 64))]
    pub proofs: Bounded<ProofView, PROOFS_SHOWN_MAX>,
}

/// By what a purse is convicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProofView {
    /// It spent two ways under this number.
    Place(Seq),
    /// It spent more of this lot than the lot had.
    Lot(Id16),
    /// It contradicted itself about its request of this number.
    Word(RequestSeq),
    /// It claims what it may not of those that pay this request of its own.
    Request(MessageId),
}

/// Money that was set aside for a purse.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoadView {
    /// What the lot is called.
    pub lot: Id16,
    pub amount: Amount,
    /// What is still held of it.
    pub left: Amount,
    /// Once it is recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub grant: Option<Signed<Grant>>,
    /// From this hour on nobody can claim of it, and the owner has back what is left.
    pub due: Epoch,
    pub is_ended: bool,
}

/// A load of a purse, by its counter, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PurseLoad {
    pub purse: PurseId,
    pub counter: LoadCounter,
    pub load: Option<LoadView>,
}

/// What is known of what a purse signed away under one number.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PurseSpent {
    pub purse: PurseId,
    pub seq: Seq,
    /// Ascending by id; two convict the purse, and of more the two least are known.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<SpentView>, max_items = 2))]
    pub spent: Bounded<SpentView, 2>,
}

/// A transfer or a redemption that the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SpentView {
    pub id: MessageId,
    /// The payer has the lots back.
    pub is_void: bool,
    /// The ledger knows the request that it pays, and a receipt of the payee's that names it.
    pub is_received: bool,
    /// What was paid of it to those who redeemed it.
    pub drawn: Amount,
    /// Of a redemption: it was paid, or waits as a claim.
    pub is_settled: bool,
}
