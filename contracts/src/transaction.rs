//! What a client signs and sends: a transaction of one to 64 actions, applied all or not at all.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    block::{GenesisHash, GenesisPrefix},
    codec::{self, Bounded, DecodeError, Text, hex_newtype, json_as_text},
    committee::ValidatorId,
    evidence::Evidence,
    governance::CouncilAction,
    identity::{AccountId, IdentityCommitment, KeyPolicy, ParticipantId, PolicyError, ReasonCode, Salt, Tier},
    keys::{BadSignature, Domain, PublicKey, SecretKey, Signature, Signed},
    money::{Amount, Currency},
    offline::action::{MESSAGES_MAX, OfflineAction, Signer},
    protocol::{PROTOCOL_MIN, ProtocolVersion},
    settlement::{Actor, ContractId, Leg, SettlementAction, TermsError},
};

pub const ACTIONS_MAX: usize = 64;

/// Wire length of a signed transaction, checked on the slice before anything is decoded. Fixed.
pub const TRANSACTION_BYTES_MAX: usize = 16 * 1024;

/// The only version there is.
pub const TRANSACTION_VERSION: u16 = 1;

hex_newtype!(
    /// SHA-256 over `causeway/tx/1` and the canonical bytes of the [`Transaction`]: of the body only,
    /// so that signatures, which others may be able to vary, do not change it.
    TxId,
    32
);

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct UnixSeconds(pub u64);

/// A random number that makes two otherwise equal transactions different. Text in JSON, since a
/// JSON number cannot be trusted with 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Nonce(pub u64);

impl std::fmt::Display for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a nonce: digits only, at most {}", u64::MAX)]
pub struct NotANonce;

impl std::str::FromStr for Nonce {
    type Err = NotANonce;
    fn from_str(text: &str) -> Result<Self, NotANonce> {
        if text.starts_with('+') {
            return Err(NotANonce);
        }
        text.parse().map(Self).map_err(|_| NotANonce)
    }
}

json_as_text!(Nonce);

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    pub version: u16,
    /// The first 8 bytes of the genesis hash of the network it is for.
    pub genesis: GenesisPrefix,
    /// It can apply only in a block whose time is before this.
    pub valid_until: UnixSeconds,
    pub nonce: Nonce,
    /// 1 to 64.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Action>, min_items = 1, max_items = 64))]
    pub actions: Bounded<Action, ACTIONS_MAX>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub memo: Text<140>,
}

impl Transaction {
    pub fn id(&self) -> TxId {
        self.id_with(&mut Vec::with_capacity(256))
    }

    /// [`Self::id`] with a buffer that a caller of many keeps; what is in it is lost.
    pub fn id_with(&self, buffer: &mut Vec<u8>) -> TxId {
        buffer.clear();
        codec::encode_into(self, buffer);
        TxId(codec::hash(Domain::Transaction.tag(), &[buffer]))
    }

    /// Signed by each of `keys`, which must be different.
    pub fn sign<'a>(
        self,
        keys: impl IntoIterator<Item = &'a SecretKey>,
    ) -> Result<SignedTransaction, TransactionError> {
        let unsigned = SignedTransaction {
            transaction: self,
            signatures: Bounded::default(),
        };
        let signed = unsigned.also_by(keys)?;
        signed.check_shape()?;
        Ok(signed)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TransactionSignature {
    pub key: PublicKey,
    pub signature: Signature,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedTransaction {
    pub transaction: Transaction,
    /// 1 to 16, ascending by key, each key once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<TransactionSignature>, min_items = 1, max_items = 16))]
    pub signatures: Bounded<TransactionSignature, 16>,
}

/// One thing that a transaction does. What each asks of its signers is in [`Action::authorities`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Moves money from one account to another.
    Transfer {
        from: AccountId,
        to: AccountId,
        currency: Currency,
        amount: Amount,
    },
    /// Opens a customer's account at an operator. Its id is [`AccountId::derive`].
    OpenAccount {
        operator: ParticipantId,
        keys: KeyPolicy,
        salt: Salt,
        tier: Tier,
        identity: IdentityCommitment,
    },
    SetTier {
        operator: ParticipantId,
        account: AccountId,
        tier: Tier,
    },
    Freeze {
        by: ParticipantId,
        account: AccountId,
        scope: FreezeScope,
        reason: ReasonCode,
    },
    Unfreeze {
        by: ParticipantId,
        account: AccountId,
        scope: FreezeScope,
        reason: ReasonCode,
    },
    /// Closes an account in which nothing is available, nothing held and no contract open.
    CloseAccount {
        operator: ParticipantId,
        account: AccountId,
    },
    /// Creates money: debits the issuer's account, which goes below zero, and credits another.
    Issue {
        currency: Currency,
        to: AccountId,
        amount: Amount,
    },
    /// Destroys money: moves it back to the issuer's account.
    Redeem {
        currency: Currency,
        from: AccountId,
        amount: Amount,
    },
    /// Acts for the council, under its key policy.
    Council(CouncilAction),
    /// Has the ledger record that a validator signed twice. Moves no money and takes no power from
    /// anyone. At most once in a transaction.
    ReportEvidence {
        /// The validator that signs this.
        reporter: ValidatorId,
        evidence: Box<Evidence>,
    },
    /// Opens a contract, or does with one what its terms allow.
    Settle(SettlementAction),
    /// About purses that pay without a network.
    Offline(Box<OfflineAction>),
}

/// What a freeze covers: the whole account (its operator's right), or one currency in it (the right
/// of that currency's issuer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FreezeScope {
    Account,
    Currency(Currency),
}

/// Whose key policy an action's signers must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    Account(AccountId),
    Participant(ParticipantId),
    /// The issuer of this currency.
    Issuer(Currency),
    Council,
    /// Alone, by the key with which it votes.
    Validator(ValidatorId),
    /// Any of the keys that this escrow's conditions name, and none of them: whether those that are needed
    /// have signed is for the claim to say.
    Witnesses(ContractId),
}

impl From<Signer> for Authority {
    fn from(signer: Signer) -> Self {
        match signer {
            Signer::Account(id) => Self::Account(id),
            Signer::Operator(id) => Self::Participant(id),
            Signer::Issuer(currency) => Self::Issuer(currency),
        }
    }
}

impl Action {
    /// All who must agree to it. The same may be among them more than once.
    #[inline]
    pub fn authorities(&self) -> impl Iterator<Item = Authority> {
        let mut second = None;
        let mut legs: &[Leg] = &[];
        let first = match self {
            Self::Transfer { from, .. } | Self::Redeem { from, .. } => Some(Authority::Account(*from)),
            Self::OpenAccount { operator, .. }
            | Self::SetTier { operator, .. }
            | Self::CloseAccount { operator, .. } => Some(Authority::Participant(*operator)),
            Self::Freeze { by, .. } | Self::Unfreeze { by, .. } => Some(Authority::Participant(*by)),
            Self::Issue { currency, .. } => Some(Authority::Issuer(*currency)),
            Self::Council(_) => Some(Authority::Council),
            Self::ReportEvidence { reporter, .. } => Some(Authority::Validator(*reporter)),
            Self::Settle(action) => {
                if let SettlementAction::Hold(hold) = action {
                    legs = &hold.legs;
                }
                action.actor().map(|actor| match actor {
                    Actor::Account(id) => Authority::Account(id),
                    Actor::Operator(id) => Authority::Participant(id),
                    Actor::Issuer(currency) => Authority::Issuer(currency),
                    Actor::Claimant(id, escrow) => {
                        second = Some(Authority::Witnesses(escrow));
                        Authority::Account(id)
                    }
                })
            }
            Self::Offline(action) => {
                let mut signers = action.signers().map(Authority::from);
                let first = signers.next();
                second = signers.next();
                first
            }
        };
        let debtors = legs.iter().map(|leg| Authority::Account(leg.debtor));
        first.into_iter().chain(second).chain(debtors)
    }

    /// What it pays out of accounts, as caps for payments see it.
    pub fn payments(&self) -> impl Iterator<Item = Leg> {
        let (transfer, contract) = match self {
            Self::Transfer {
                from,
                to,
                currency,
                amount,
            } => (
                Some(Leg {
                    debtor: *from,
                    creditor: *to,
                    currency: *currency,
                    amount: *amount,
                }),
                None,
            ),
            Self::Settle(action) => (None, Some(action.payments())),
            _ => (None, None),
        };
        transfer.into_iter().chain(contract.into_iter().flatten())
    }

    /// The first version of the protocol that knows it. Programs that know only earlier ones cannot read it.
    pub fn since(&self) -> ProtocolVersion {
        match self {
            Self::Council(act) => act.since(),
            _ => PROTOCOL_MIN,
        }
    }

    /// How many messages of purses and their issuers it brings, each with a signature to be checked.
    fn purse_messages(&self) -> usize {
        match self {
            Self::Offline(action) => action.messages(),
            _ => 0,
        }
    }

    fn is_report(&self) -> bool {
        matches!(self, Self::ReportEvidence { .. })
    }

    fn changes_validators(&self) -> bool {
        matches!(self, Self::Council(CouncilAction::ChangeValidators(_)))
    }

    /// The key policy that it names, whose keys are checked before any signature is.
    pub fn key_policy(&self) -> Option<&KeyPolicy> {
        match self {
            Self::OpenAccount { keys, .. } => Some(keys),
            Self::Council(CouncilAction::RegisterParticipant(participant)) => Some(&participant.keys),
            Self::Council(CouncilAction::SetCouncil(keys)) => Some(keys),
            _ => None,
        }
    }
}

/// Why a transaction can never enter a block, whatever the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    #[error("not a transaction: {0}")]
    Decode(#[from] DecodeError),
    #[error("version {0} is not known; this network knows version {TRANSACTION_VERSION}")]
    Version(u16),
    #[error("made for the network whose genesis hash begins with {actual}; this one's begins with {expected}")]
    WrongGenesis {
        expected: GenesisPrefix,
        actual: GenesisPrefix,
    },
    #[error("a transaction needs at least one action")]
    NoActions,
    #[error("a transaction reports evidence at most once")]
    Reports,
    #[error(
        "an action that this program does not know: it is of protocol version {needs}, and this program knows up to {known}"
    )]
    UnknownAction {
        needs: ProtocolVersion,
        known: ProtocolVersion,
    },
    #[error(
        "a transaction brings at most {MESSAGES_MAX} messages of purses and their issuers, and then no act of the council"
    )]
    PurseMessages,
    #[error("a transaction changes the validators at most once")]
    ValidatorChanges,
    #[error("1 to 16 signatures are needed, in ascending order of their keys, each key once")]
    Signatures,
    #[error("action {action}: {source}")]
    KeyPolicy { action: usize, source: PolicyError },
    #[error("action {action}: {source}")]
    Terms { action: usize, source: TermsError },
    #[error("{actual} bytes, and a transaction has at most {TRANSACTION_BYTES_MAX}")]
    TooLong { actual: usize },
    #[error("the signature of {key} does not fit the transaction")]
    BadSignature { key: PublicKey },
}

impl SignedTransaction {
    /// Reads canonical bytes and checks everything that needs neither state nor curve arithmetic on
    /// signatures. Those are checked in batches, from [`Self::signed`].
    pub fn decode(bytes: &[u8], genesis: &GenesisHash) -> Result<Self, TransactionError> {
        let signed: Self = codec::decode(bytes, TRANSACTION_BYTES_MAX)?;
        signed.check_network(genesis)?;
        signed.check_shape()?;
        Ok(signed)
    }

    /// The checks of [`Self::decode`] for a transaction that arrived in another form (JSON, a batch).
    pub fn check(&self, genesis: &GenesisHash) -> Result<(), TransactionError> {
        self.check_length()?;
        self.check_network(genesis)?;
        self.check_shape()
    }

    fn check_length(&self) -> Result<(), TransactionError> {
        let actual = codec::encoded_len(self);
        if actual > TRANSACTION_BYTES_MAX {
            return Err(TransactionError::TooLong { actual });
        }
        Ok(())
    }

    fn check_network(&self, genesis: &GenesisHash) -> Result<(), TransactionError> {
        let expected = genesis.prefix();
        if self.transaction.genesis != expected {
            return Err(TransactionError::WrongGenesis {
                expected,
                actual: self.transaction.genesis,
            });
        }
        Ok(())
    }

    fn check_shape(&self) -> Result<(), TransactionError> {
        let body = &self.transaction;
        if body.version != TRANSACTION_VERSION {
            return Err(TransactionError::Version(body.version));
        }
        if body.actions.is_empty() {
            return Err(TransactionError::NoActions);
        }
        let ascending = self.signatures.is_sorted_by(|a, b| a.key < b.key);
        if self.signatures.is_empty() || !ascending {
            return Err(TransactionError::Signatures);
        }
        let reports = body.actions.iter().filter(|item| item.is_report()).count();
        if reports > 1 {
            return Err(TransactionError::Reports);
        }
        let changes = body.actions.iter().filter(|item| item.changes_validators()).count();
        if changes > 1 {
            return Err(TransactionError::ValidatorChanges);
        }
        let messages: usize = body.actions.iter().map(Action::purse_messages).sum();
        let is_of_council = body.actions.iter().any(|item| matches!(item, Action::Council(_)));
        if messages > MESSAGES_MAX || (messages > 0 && is_of_council) {
            return Err(TransactionError::PurseMessages);
        }
        for (action, item) in body.actions.iter().enumerate() {
            if let Action::Settle(terms) = item {
                terms
                    .check()
                    .map_err(|source| TransactionError::Terms { action, source })?;
            }
            let Some(keys) = item.key_policy() else { continue };
            keys.check()
                .map_err(|source| TransactionError::KeyPolicy { action, source })?;
        }
        Ok(())
    }

    /// Canonical bytes, or the error that they would be too long to be accepted anywhere.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TransactionError> {
        self.check_length()?;
        Ok(codec::encode(self))
    }

    pub fn id(&self) -> TxId {
        self.transaction.id()
    }

    /// The first version of the protocol that knows all its actions: before it is in force, no block may
    /// hold this.
    pub fn needs(&self) -> ProtocolVersion {
        let needs = self.transaction.actions.iter().map(Action::since);
        needs.max().unwrap_or(PROTOCOL_MIN)
    }

    /// What a program that implements versions up to `known` says of it. One that really knows no more
    /// cannot even decode it; newer ones say so when they are run as an older one.
    pub fn check_known(&self, known: ProtocolVersion) -> Result<(), TransactionError> {
        let needs = self.needs();
        if needs > known {
            return Err(TransactionError::UnknownAction { needs, known });
        }
        Ok(())
    }

    pub fn signers(&self) -> impl Iterator<Item = &PublicKey> {
        self.signatures.iter().map(|entry| &entry.key)
    }

    /// The signatures in the form that [`crate::keys::verify_batch`] takes; `id` is this transaction's.
    pub fn signed<'a>(&'a self, id: &'a TxId) -> impl Iterator<Item = Signed<'a>> {
        self.signatures.iter().map(|entry| Signed {
            key: entry.key,
            domain: Domain::Transaction,
            message: id.as_bytes(),
            signature: entry.signature,
        })
    }

    /// The same, signed by these keys too, which must be different; one that has signed already does not sign again.
    pub fn also_by<'a>(mut self, keys: impl IntoIterator<Item = &'a SecretKey>) -> Result<Self, TransactionError> {
        let id = self.id();
        let before = self.signatures.into_vec();
        let mut signatures = before.clone();
        for key in keys {
            let entry = TransactionSignature {
                key: key.public_key(),
                signature: key.sign(Domain::Transaction, id.as_bytes()),
            };
            if !before.contains(&entry) {
                signatures.push(entry);
            }
        }
        signatures.sort_by_key(|entry| entry.key);
        if !signatures.is_sorted_by(|a, b| a.key < b.key) {
            return Err(TransactionError::Signatures);
        }
        self.signatures = Bounded::new(signatures).map_err(|_| TransactionError::Signatures)?;
        Ok(self)
    }

    /// Checks the signatures one by one.
    pub fn verify_signatures(&self) -> Result<(), TransactionError> {
        let id = self.id();
        self.signed(&id).try_for_each(|signed| {
            signed
                .verify()
                .map_err(|BadSignature| TransactionError::BadSignature { key: signed.key })
        })
    }
}

#[cfg(test)]
mod tests;
