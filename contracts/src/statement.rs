//! Validators' signed answers, for what no block commits to in a form that is cheap to prove.
//!
//! One answer proves nothing. Equal answers by validators with more than f of the power do: at least
//! one of them is honest.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    block::{GenesisHash, Height, TimeMs},
    codec::{self, Bounded},
    committee::{ValidatorId, ValidatorSet},
    governance::CurrencyRecord,
    identity::{AccountId, AccountStatus, Freeze, KeyPolicy, ParticipantId, Tier},
    keys::{BadSignature, Domain, SecretKey, Signature, Signed},
    money::{Amount, Balance, Currency},
    offline::ids::PurseId,
    settlement::{ContractId, ReferenceRate, Status, Terms},
    transaction::TxId,
};

mod purses;

pub use self::purses::{
    CLAIMS_COUNTED_MAX, LoadView, PROOFS_SHOWN_MAX, ProofView, PurseCurrencyView, PurseLoad, PurseSpent, PurseView,
    REVOCATION_PAGE_MAX, RevocationPage, SERVICE_KEYS_MAX, ServiceKeyView, SpentView,
};

/// What a validator says of the state after block `height`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub genesis: GenesisHash,
    pub height: Height,
    /// That block's time.
    pub time_ms: TimeMs,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// No block up to this height has a receipt for this transaction.
    NoReceipt(TxId),
    /// No such account.
    NoAccount(AccountId),
    Account(AccountView),
    Currency(CurrencyRecord),
    NoCurrency(Currency),
    Contract(Box<ContractView>),
    /// No such contract, or none that is remembered.
    NoContract(ContractId),
    /// How much of `to` a unit of `from` is worth, if its issuer has made it known.
    ReferenceRate {
        from: Currency,
        to: Currency,
        rate: Option<ReferenceRate>,
    },
    Contracts(ContractPage),
    PurseCurrency(Box<PurseCurrencyView>),
    /// Purses may not hold this currency.
    NoPurseCurrency(Currency),
    Revocations(RevocationPage),
    Purse(Box<PurseView>),
    /// No such purse is registered.
    NoPurse(PurseId),
    PurseLoad(Box<PurseLoad>),
    PurseSpent(PurseSpent),
}

/// Contracts in a [`ContractPage`], at most.
pub const CONTRACT_PAGE_MAX: usize = 100;

/// Contracts that concern an account, open or ended within the last day, ascending by id; not what is remembered of
/// quotes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ContractPage {
    pub account: AccountId,
    /// The page begins after this one.
    pub after: Option<ContractId>,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ContractId>, max_items = 100))]
    pub contracts: Bounded<ContractId, CONTRACT_PAGE_MAX>,
    /// The next page begins after the last of this one.
    pub has_more: bool,
}

/// An account as the asker may see it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountView {
    pub id: AccountId,
    pub operator: ParticipantId,
    pub keys: KeyPolicy,
    pub tier: Tier,
    pub status: AccountStatus,
    /// Ascending by currency: all, or to an issuer those in its own currencies. So the statement proves
    /// what is in it, and not that there is nothing else.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<BalanceView>, max_items = 256))]
    pub balances: Bounded<BalanceView, 256>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BalanceView {
    pub currency: Currency,
    pub available: Balance,
    pub held: Amount,
    /// Outgoing in the day of the block that the statement is about.
    pub spent_today: Amount,
    pub frozen: Option<Freeze>,
}

/// A contract, open or ended within the last day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ContractView {
    pub id: ContractId,
    /// The time of the block that opened it.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub opened_ms: TimeMs,
    pub status: Status,
    pub terms: Terms,
    /// Of a netting cycle: those of the asker, or to its opener all, ascending by account and currency.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<PositionView>, max_items = 256))]
    pub positions: Bounded<PositionView, 256>,
}

/// Where a participant stands in one currency of a netting cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PositionView {
    pub account: AccountId,
    pub currency: Currency,
    /// Held in the account for the cycle.
    pub prefunded: Amount,
    /// What it is owed without what it owes.
    pub net: Balance,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    pub statement: Statement,
    pub validator: ValidatorId,
    pub signature: Signature,
}

/// Why a signed statement does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("made on the network with genesis {0}")]
    OtherNetwork(GenesisHash),
    #[error("signed by {0}, which is not a validator")]
    NotAValidator(ValidatorId),
    #[error("{0}")]
    Signature(#[from] BadSignature),
}

impl Statement {
    pub fn sign(self, key: &SecretKey) -> SignedStatement {
        SignedStatement {
            validator: ValidatorId::of(&key.public_key()),
            signature: key.sign(Domain::Statement, &codec::encode(&self)),
            statement: self,
        }
    }
}

impl SignedStatement {
    /// Checks the signature, and gives the power that stands behind it.
    pub fn verify(&self, genesis: &GenesisHash, validators: &ValidatorSet) -> Result<u64, StatementError> {
        if self.statement.genesis != *genesis {
            return Err(StatementError::OtherNetwork(self.statement.genesis));
        }
        let validator = validators
            .by_id(&self.validator)
            .ok_or(StatementError::NotAValidator(self.validator))?;
        let message = codec::encode(&self.statement);
        let signed = Signed {
            key: validator.key,
            domain: Domain::Statement,
            message: &message,
            signature: self.signature,
        };
        signed.verify()?;
        Ok(validator.power)
    }
}

#[cfg(test)]
mod tests;
