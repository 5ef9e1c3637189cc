//! The file a network begins with, written and read by people; its hash names the network.

mod continuing;

use std::collections::BTreeSet;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

pub use self::continuing::{Continues, ContinuesError};
use crate::{
    block::{GenesisHash, TimeMs},
    codec::{self, Bounded, Text},
    committee::{Validator, ValidatorSet, ValidatorSetError},
    governance::{CurrencyRecord, Parameters, ParametersError},
    identity::{
        AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, PolicyError, Salt, Tier,
    },
    keys::{KeyError, PublicKey},
    money::{Amount, Currency, text::EXPONENT_MAX},
    registry::{Node, Registry, RegistryError},
};

/// The only version of the file there is.
pub const GENESIS_VERSION: u16 = 1;

/// A genesis file is at most this long.
pub const GENESIS_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    pub version: u16,
    pub name: Text<64>,
    /// The human-readable part of this network's addresses: `cw`, or `cwdev` for tests.
    pub address_prefix: AddressPrefix,
    /// Block times begin after this.
    pub time_ms: TimeMs,
    pub council: KeyPolicy,
    #[serde(default)]
    pub parameters: Parameters,
    pub validators: Bounded<GenesisValidator, 256>,
    #[serde(default)]
    pub participants: Bounded<Participant, 4096>,
    #[serde(default)]
    pub currencies: Bounded<CurrencyRecord, 256>,
    /// Customers' accounts that exist from the start, with what their issuers have issued to them.
    #[serde(default)]
    pub accounts: Bounded<OpeningAccount, 1_000_000>,
    /// The network whose state this one begins with, instead of participants, currencies and accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
}

/// A validator at the start. `power` counts in votes; the rest says where and as whom it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisValidator {
    pub name: Text<64>,
    /// Signs votes, proposals, batches and statements.
    pub key: PublicKey,
    pub power: u64,
    /// Names the validator's libp2p identity; a different key from `key`.
    pub network_key: PublicKey,
    /// A libp2p multiaddress such as `/ip4/127.0.0.1/tcp/27100`.
    pub address: Text<128>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningAccount {
    pub operator: ParticipantId,
    pub keys: KeyPolicy,
    pub salt: Salt,
    pub tier: Tier,
    pub identity: IdentityCommitment,
    #[serde(default)]
    pub balances: Bounded<OpeningBalance, 64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningBalance {
    pub currency: Currency,
    pub amount: Amount,
}

/// Why a genesis file is refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    #[error("{actual} bytes, and a genesis file has at most {GENESIS_BYTES_MAX}")]
    TooLong { actual: usize },
    #[error("not a genesis file: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("version {0} is not known; this program knows version {GENESIS_VERSION}")]
    Version(u16),
    #[error("the council's keys: {0}")]
    Council(PolicyError),
    #[error("the validators: {0}")]
    Validators(#[from] ValidatorSetError),
    #[error("validator {name}: network key: {source}")]
    NetworkKey { name: Text<64>, source: KeyError },
    #[error("validator {name}: its network key must differ from its signing key and from other validators'")]
    NetworkKeyShared { name: Text<64> },
    #[error("the nodes: {0}")]
    Nodes(#[from] RegistryError),
    #[error("the parameters: {0}")]
    Parameters(#[from] ParametersError),
    #[error("participant {id}: {source}")]
    Participant { id: ParticipantId, source: PolicyError },
    #[error("participant {0} appears more than once")]
    DuplicateParticipant(ParticipantId),
    #[error("currency {0} appears more than once")]
    DuplicateCurrency(Currency),
    #[error("currency {currency}: its exponent is {exponent}; it must be from 0 to {EXPONENT_MAX}")]
    Exponent { currency: Currency, exponent: u8 },
    #[error("currency {currency}: its issuer {issuer} is not among the participants")]
    UnknownIssuer { currency: Currency, issuer: ParticipantId },
    #[error("what it continues: {0}")]
    Continues(#[from] ContinuesError),
    #[error("the account of salt {salt}: {problem}")]
    Account { salt: Salt, problem: AccountProblem },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountProblem {
    #[error("its operator {0} is not among the participants, or not an operator")]
    Operator(ParticipantId),
    #[error("{0}")]
    Keys(#[from] PolicyError),
    #[error("an account with the same operator, keys and salt is there already")]
    Duplicate,
    #[error("currency {0} is not among the currencies, or named twice")]
    Currency(Currency),
    #[error("with it, more {0} is issued than its cap allows")]
    IssuanceCap(Currency),
}

impl Genesis {
    /// Reads and checks a genesis file's text.
    pub fn parse(text: &str) -> Result<Self, GenesisError> {
        let genesis = Self::parse_unsigned(text)?;
        genesis.check_signed()?;
        Ok(genesis)
    }

    /// The same, for tools with which the council signs a genesis that continues another.
    pub fn parse_unsigned(text: &str) -> Result<Self, GenesisError> {
        if text.len() > GENESIS_BYTES_MAX {
            return Err(GenesisError::TooLong { actual: text.len() });
        }
        let genesis: Self = toml::from_str(text)?;
        genesis.check_content()?;
        Ok(genesis)
    }

    /// The text of a genesis file with this content.
    pub fn to_toml(&self) -> String {
        /// Accounts, as the file has them.
        #[derive(Serialize)]
        struct Some<'a> {
            accounts: &'a [OpeningAccount],
        }
        const NONE: &str = "\naccounts = []\n";
        const FORM: &str = "every field has a TOML form";
        let without = Self {
            accounts: Bounded::default(),
            ..self.clone()
        };
        let mut text = toml::to_string_pretty(&without).expect(FORM);
        if !self.accounts.is_empty() {
            assert!(
                text.contains(NONE),
                "a list of no accounts is written on a line of its own"
            );
            text = text.replacen(NONE, "\n", 1);
        }
        // Some at a time: the time that one call takes grows with the square of the tables.
        for accounts in self.accounts.chunks(256) {
            text.push('\n');
            text.push_str(&toml::to_string_pretty(&Some { accounts }).expect(FORM));
        }
        text
    }

    /// Over the canonical encoding of the content, so that comments and layout do not count. Signatures do
    /// not count either: they are made over this.
    pub fn hash(&self) -> GenesisHash {
        if self.continues.as_ref().is_some_and(|it| !it.signatures.is_empty()) {
            return self.without_signatures().hash();
        }
        let mut bytes = codec::encode(self);
        if self.continues.is_none() {
            // Then the hash is over all else, as it was before there was such a field.
            assert_eq!(bytes.pop(), Some(0), "the last field, and nothing in it");
        }
        GenesisHash(codec::hash("causeway/genesis/1", &[&bytes]))
    }

    pub fn validator_set(&self) -> Result<ValidatorSet, ValidatorSetError> {
        ValidatorSet::new(
            self.validators
                .iter()
                .map(|entry| Validator {
                    key: entry.key,
                    power: entry.power,
                })
                .collect(),
        )
    }

    /// The nodes that a network begins with: its validators.
    pub fn registry(&self) -> Result<Registry, RegistryError> {
        Registry::new(self.validators.iter().map(|entry| Node {
            name: entry.name.clone(),
            network_key: entry.network_key,
            address: entry.address.clone(),
            validator_keys: Bounded::new(vec![entry.key]).expect("one key"),
        }))
    }

    pub fn currency(&self, code: Currency) -> Option<&CurrencyRecord> {
        self.currencies.iter().find(|record| record.code == code)
    }

    pub fn check(&self) -> Result<(), GenesisError> {
        self.check_content()?;
        self.check_signed()
    }

    fn check_content(&self) -> Result<(), GenesisError> {
        if self.version != GENESIS_VERSION {
            return Err(GenesisError::Version(self.version));
        }
        self.council.check().map_err(GenesisError::Council)?;
        self.validator_set()?;
        self.check_network_keys()?;
        self.registry()?;
        self.parameters.check()?;
        self.check_continues()?;
        self.check_participants()?;
        self.check_currencies()?;
        self.check_accounts()
    }

    fn check_network_keys(&self) -> Result<(), GenesisError> {
        let mut seen: BTreeSet<_> = self.validators.iter().map(|entry| entry.key).collect();
        for entry in &self.validators {
            let name = || entry.name.clone();
            entry
                .network_key
                .check()
                .map_err(|source| GenesisError::NetworkKey { name: name(), source })?;
            if !seen.insert(entry.network_key) {
                return Err(GenesisError::NetworkKeyShared { name: name() });
            }
        }
        Ok(())
    }

    fn check_participants(&self) -> Result<(), GenesisError> {
        let mut seen = BTreeSet::new();
        for Participant { id, keys, .. } in &self.participants {
            keys.check()
                .map_err(|source| GenesisError::Participant { id: *id, source })?;
            if !seen.insert(*id) {
                return Err(GenesisError::DuplicateParticipant(*id));
            }
        }
        Ok(())
    }

    fn check_currencies(&self) -> Result<(), GenesisError> {
        let mut seen = BTreeSet::new();
        for &CurrencyRecord {
            code, exponent, issuer, ..
        } in &self.currencies
        {
            if !seen.insert(code) {
                return Err(GenesisError::DuplicateCurrency(code));
            }
            if exponent > EXPONENT_MAX {
                return Err(GenesisError::Exponent {
                    currency: code,
                    exponent,
                });
            }
            if !self.participants.iter().any(|participant| participant.id == issuer) {
                return Err(GenesisError::UnknownIssuer { currency: code, issuer });
            }
        }
        Ok(())
    }

    fn check_accounts(&self) -> Result<(), GenesisError> {
        let operators: BTreeSet<_> = self.participants.iter().filter(|p| p.operator).map(|p| p.id).collect();
        let mut left: std::collections::BTreeMap<_, _> = self
            .currencies
            .iter()
            .map(|record| (record.code, record.issuance_cap))
            .collect();
        let genesis = self.hash();
        let mut seen = BTreeSet::new();
        for account in &self.accounts {
            let refuse = |problem| GenesisError::Account {
                salt: account.salt,
                problem,
            };
            if !operators.contains(&account.operator) {
                return Err(refuse(AccountProblem::Operator(account.operator)));
            }
            account.keys.check().map_err(|error| refuse(error.into()))?;
            let id = AccountId::derive(&genesis, account.operator, &account.keys, &account.salt);
            if !seen.insert(id) {
                return Err(refuse(AccountProblem::Duplicate));
            }
            let mut currencies = BTreeSet::new();
            for &OpeningBalance { currency, amount } in &account.balances {
                let left = left
                    .get_mut(&currency)
                    .filter(|_| currencies.insert(currency))
                    .ok_or_else(|| refuse(AccountProblem::Currency(currency)))?;
                *left = left
                    .checked_sub(amount)
                    .ok_or_else(|| refuse(AccountProblem::IssuanceCap(currency)))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
