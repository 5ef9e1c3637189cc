//! A ledger in memory for the examples: one bank, three currencies, some people with money. Every act is a
//! signed transaction in a block of its own, a second after the one before.

// Each example uses a part of it.
#![allow(dead_code)]

use causeway_contracts::{
    block::{Batch, HashedBatch, TimeMs, batch::BATCH_VERSION},
    codec::{Bounded, Text},
    committee::ValidatorId,
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier},
    keys::SecretKey,
    ledger::{
        Ledger,
        receipt::{Outcome, Subject},
        rejection::Rejection,
    },
    money::{Amount, Currency},
    settlement::{ContractId, Ending, SettlementAction},
    transaction::{Action, Nonce, TRANSACTION_VERSION, Transaction, UnixSeconds},
};

pub struct Town {
    pub ledger: Ledger,
    proposer: ValidatorId,
    nonce: u64,
}

/// Everybody's key comes from their name.
pub fn key(name: &str) -> SecretKey {
    SecretKey::from_seed(&causeway_contracts::codec::hash("example", &[name.as_bytes()]))
}

pub fn code(name: &str) -> Currency {
    Currency::new(name).expect("a currency's code")
}

pub fn list<T, const MAX: usize>(items: impl Into<Vec<T>>) -> Bounded<T, MAX> {
    let items: Vec<T> = items.into();
    Bounded::new(items).expect("not too many")
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

fn bank() -> ParticipantId {
    ParticipantId::new("BANK").expect("an id")
}

impl Town {
    /// With people and what they have, in minor units: `("ann", "EUR", 1_000)`.
    pub fn with(people: &[(&str, &str, u64)]) -> Self {
        let currencies = ["EUR", "THB", "USD"].map(|name| CurrencyRecord {
            code: code(name),
            exponent: 2,
            issuer: bank(),
            name: text(name),
            issuance_cap: Amount(1_000_000_000),
            frozen: false,
        });
        let accounts = people.iter().map(|(name, currency, amount)| OpeningAccount {
            operator: bank(),
            keys: KeyPolicy::single(key(name).public_key()),
            salt: Salt([0; 16]),
            tier: Tier(0),
            identity: IdentityCommitment([0; 32]),
            balances: list([OpeningBalance {
                currency: code(currency),
                amount: Amount(*amount),
            }]),
        });
        let validator = key("validator").public_key();
        let genesis = Genesis {
            version: GENESIS_VERSION,
            continues: None,
            name: text("example"),
            address_prefix: AddressPrefix::Devnet,
            time_ms: TimeMs(1_800_000_000_000),
            council: KeyPolicy::single(key("council").public_key()),
            parameters: Parameters::default(),
            validators: list([GenesisValidator {
                name: text("validator"),
                key: validator,
                power: 1,
                network_key: key("node").public_key(),
                address: text("/ip4/127.0.0.1/tcp/1"),
            }]),
            participants: list([Participant {
                id: bank(),
                name: text("Bank"),
                keys: KeyPolicy::single(key("BANK").public_key()),
                operator: true,
                liquidity_provider: true,
            }]),
            currencies: list(currencies),
            accounts: list(accounts.collect::<Vec<_>>()),
        };
        genesis.check().expect("a genesis");
        Self {
            ledger: Ledger::from_genesis(&genesis, 1),
            proposer: ValidatorId::of(&validator),
            nonce: 0,
        }
    }

    pub fn id(&self, name: &str) -> AccountId {
        let keys = KeyPolicy::single(key(name).public_key());
        AccountId::derive(&self.ledger.genesis(), bank(), &keys, &Salt([0; 16]))
    }

    /// What someone has available and held, in minor units.
    pub fn has(&self, name: &str, currency: &str) -> (i128, u64) {
        let record = self.ledger.balance(&self.id(name), code(currency));
        record.map_or((0, 0), |record| (record.available.0, record.held.0))
    }

    /// So many seconds after the last block.
    pub fn in_seconds(&self, seconds: u64) -> UnixSeconds {
        UnixSeconds(self.ledger.tip().time_ms.0 / 1000 + seconds)
    }

    /// A transaction of one action. If it opens a contract, that has the id which is given back.
    pub fn act(&mut self, signers: &[&str], action: SettlementAction) -> Result<ContractId, Rejection> {
        self.nonce += 1;
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.ledger.genesis().prefix(),
            valid_until: self.in_seconds(60),
            nonce: Nonce(self.nonce),
            actions: list([Action::Settle(action)]),
            memo: Text::default(),
        };
        let keys: Vec<_> = signers.iter().map(|name| key(name)).collect();
        let signed = transaction.sign(&keys).expect("well made");
        let id = signed.id();
        let batch = HashedBatch::new(Batch {
            version: BATCH_VERSION,
            genesis: self.ledger.genesis(),
            author: self.proposer,
            transactions: list([signed]),
        });
        let now = TimeMs(self.ledger.tip().time_ms.0 + 1000);
        let (_, execution) = self.ledger.draft(now, self.proposer, &[batch], None);
        let outcome = execution
            .of_transactions()
            .next()
            .map(|(_, receipt, _)| receipt.outcome);
        self.ledger.commit(execution);
        match outcome.expect("signed by those who must") {
            Outcome::Applied => Ok(ContractId::derive(&id, 0)),
            Outcome::Rejected { reason, .. } => Err(reason),
        }
    }

    /// Lets time pass; gives what the ledger ended by itself.
    pub fn wait(&mut self, seconds: u64) -> Vec<(ContractId, Ending)> {
        let now = TimeMs(self.ledger.tip().time_ms.0 + seconds * 1000);
        let (_, execution) = self.ledger.draft(now, self.proposer, &[], None);
        let ended = execution.receipts.iter().filter_map(|receipt| match receipt.subject {
            Subject::System { contract, how } => Some((contract, how)),
            Subject::Transaction(_) => None,
        });
        let ended = ended.collect();
        self.ledger.commit(execution);
        ended
    }
}
