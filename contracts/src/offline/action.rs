//! What the ledger is asked to do about purses.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{
    ids::{KeyId, PurseId},
    issuer::KeyRole,
    messages::{Beacon, Certificate, Grant, LoadRequest, Receipt, Redeem, Request, RevocationDelta, Transfer, Void},
    signed::Signed,
};
use crate::{
    codec::Bounded,
    identity::{AccountId, ParticipantId},
    keys::PublicKey,
    money::{Amount, Currency},
};

/// Who takes a purse out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Revoker {
    /// Whose money is in it: it is lost, say.
    Owner(AccountId),
    /// That registered it.
    Operator(ParticipantId),
    /// The issuer of its currency.
    Issuer(Currency),
}

/// How many signatures of purses and their issuers one transaction may bring.
pub const MESSAGES_MAX: usize = 64;

/// A message that says something about what purses did.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Testimony {
    Transfer(Signed<Transfer>),
    Request(Signed<Request>),
    Receipt(Signed<Receipt>),
    Void(Signed<Void>),
    /// Of the issuer's service, behind what a purse spent: its load may not be known.
    Grant(Signed<Grant>),
}

/// What the ledger does about purses. A message that an action brings counts by its own signature; `by` is any
/// account, which answers for having brought it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OfflineAction {
    /// Lets purses hold a currency, once and for all. Signed by its issuer and by the account whose money guarantees
    /// what purses owe.
    OpenCurrency { currency: Currency, fund: AccountId },
    /// Makes known a key of the service that signs for purses. Signed by the currency's issuer.
    SetServiceKey {
        currency: Currency,
        key: PublicKey,
        role: KeyRole,
    },
    /// From now on the ledger takes nothing that this key signed. Signed by the currency's issuer.
    WithdrawServiceKey { currency: Currency, key: KeyId },
    /// Records whose a purse is, or its next certificate. Signed by the owner's operator.
    RegisterPurse {
        operator: ParticipantId,
        owner: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        certificate: Signed<Certificate>,
    },
    /// Takes a purse out of use for good: it can be loaded no more. What it holds can still be redeemed. Signed by
    /// `by`.
    RevokePurse { by: Revoker, purse: PurseId },
    /// Sets an account's money aside for its purse. At most one in a transaction, whose id names the lot. Signed by
    /// the owner.
    Load {
        account: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        request: Signed<LoadRequest>,
    },
    /// Records the grant for a load. Signed by `by`.
    Grant {
        by: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        grant: Signed<Grant>,
    },
    /// Records a beacon. Signed by `by`.
    Beacon {
        by: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        beacon: Signed<Beacon>,
    },
    /// Records what is added to a currency's revocation list. Signed by `by`.
    AddRevocations {
        by: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        delta: Signed<RevocationDelta>,
    },
    /// Records what purses did, as far as it is not known yet. Signed by `by`.
    Testify {
        by: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Testimony>, max_items = 64))]
        messages: Bounded<Testimony, MESSAGES_MAX>,
    },
    /// Pays to an account what a purse redeems; what is behind its lots has to be known. Once: the same again pays
    /// nothing more. Signed by the account.
    Redeem {
        account: AccountId,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        redeem: Signed<Redeem>,
    },
    /// Sets money aside for what purses owe and loads do not cover, and pays what waits for it, the oldest first.
    /// Signed by the currency's fund.
    FundGuarantee {
        fund: AccountId,
        currency: Currency,
        amount: Amount,
    },
    /// Gives money that was set aside back to the fund. Signed by the currency's issuer.
    WithdrawGuarantee { currency: Currency, amount: Amount },
    /// Lets a claim be paid that was held back because some purse owes others too much. By its number, in the order
    /// of claims. Signed by the currency's issuer.
    ReleaseClaim { currency: Currency, number: u64 },
}

/// Who must agree to an [`OfflineAction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    Account(AccountId),
    Operator(ParticipantId),
    Issuer(Currency),
}

impl OfflineAction {
    /// How many signatures it brings that are not the transaction's. A redemption counts as three, since it is more work.
    pub fn messages(&self) -> usize {
        match self {
            Self::Testify { messages, .. } => messages.len(),
            Self::RegisterPurse { .. }
            | Self::Load { .. }
            | Self::Grant { .. }
            | Self::Beacon { .. }
            | Self::AddRevocations { .. } => 1,
            Self::Redeem { .. } => 3,
            Self::OpenCurrency { .. }
            | Self::SetServiceKey { .. }
            | Self::WithdrawServiceKey { .. }
            | Self::RevokePurse { .. }
            | Self::FundGuarantee { .. }
            | Self::WithdrawGuarantee { .. }
            | Self::ReleaseClaim { .. } => 0,
        }
    }

    pub(crate) fn signers(&self) -> impl Iterator<Item = Signer> {
        let (first, second) = match self {
            Self::OpenCurrency { currency, fund } => (Signer::Issuer(*currency), Some(Signer::Account(*fund))),
            Self::SetServiceKey { currency, .. }
            | Self::WithdrawServiceKey { currency, .. }
            | Self::WithdrawGuarantee { currency, .. }
            | Self::ReleaseClaim { currency, .. } => (Signer::Issuer(*currency), None),
            Self::RegisterPurse { operator, .. } => (Signer::Operator(*operator), None),
            Self::RevokePurse { by, .. } => match by {
                Revoker::Owner(account) => (Signer::Account(*account), None),
                Revoker::Operator(operator) => (Signer::Operator(*operator), None),
                Revoker::Issuer(currency) => (Signer::Issuer(*currency), None),
            },
            Self::Load { account: by, .. }
            | Self::Grant { by, .. }
            | Self::Beacon { by, .. }
            | Self::AddRevocations { by, .. }
            | Self::Testify { by, .. }
            | Self::Redeem { account: by, .. }
            | Self::FundGuarantee { fund: by, .. } => (Signer::Account(*by), None),
        };
        std::iter::once(first).chain(second)
    }
}
