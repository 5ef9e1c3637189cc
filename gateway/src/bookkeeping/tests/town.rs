//! A ledger in memory, with a bookkeeper beside it that has its blocks.

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    block::{Batch, HashedBatch, Header, TimeMs, batch::BATCH_VERSION},
    codec::{Bounded, Text},
    committee::ValidatorId,
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier},
    keys::SecretKey,
    ledger::{
        Ledger,
        receipt::{Outcome, Receipt, Subject},
    },
    money::{Amount, Currency},
    settlement::ContractId,
    transaction::{Action, Authority, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TxId, UnixSeconds},
};

use crate::bookkeeping::{Booked, Bookkeeper};

pub const PEOPLE: usize = 6;
/// After the people: the bank's own account, out of which it issues.
pub const BANK: usize = PEOPLE;
pub const CODES: [&str; 3] = ["EUR", "THB", "JPY"];
pub const OPENING: u64 = 10_000;

const START_MS: u64 = 1_800_000_000_000;

pub struct Town {
    pub ledger: Ledger,
    pub bookkeeper: Bookkeeper,
    accounts: Vec<AccountId>,
    proposer: ValidatorId,
    nonce: u64,
}

/// A block as it was executed.
pub struct Made {
    pub header: Header,
    pub booked: Booked,
    pub receipts: Vec<Receipt>,
}

pub fn key(who: usize) -> SecretKey {
    SecretKey::from_seed(&[who as u8 + 1; 32])
}

pub fn code(at: usize) -> Currency {
    Currency::new(CODES[at % CODES.len()]).unwrap()
}

pub fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(items.into_iter().collect()).expect("not too many")
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

fn bank() -> ParticipantId {
    ParticipantId::new("BANK").unwrap()
}

fn genesis() -> Genesis {
    let currencies = CODES.iter().zip([2, 2, 0]).map(|(name, exponent)| CurrencyRecord {
        code: Currency::new(name).unwrap(),
        exponent,
        issuer: bank(),
        name: text(name),
        issuance_cap: Amount(1_000_000_000),
        frozen: false,
    });
    let accounts = (0..PEOPLE).map(|who| OpeningAccount {
        operator: bank(),
        keys: KeyPolicy::single(key(who).public_key()),
        salt: Salt([0; 16]),
        tier: Tier(0),
        identity: IdentityCommitment([0; 32]),
        balances: list((0..CODES.len()).map(|at| OpeningBalance {
            currency: code(at),
            amount: Amount(OPENING),
        })),
    });
    Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: text("town"),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(START_MS),
        council: KeyPolicy::single(key(90).public_key()),
        parameters: Parameters::default(),
        validators: list([GenesisValidator {
            name: text("validator"),
            key: key(91).public_key(),
            power: 1,
            network_key: key(92).public_key(),
            address: text("/ip4/127.0.0.1/tcp/1"),
        }]),
        participants: list([Participant {
            id: bank(),
            name: text("Bank"),
            keys: KeyPolicy::single(key(BANK).public_key()),
            operator: true,
            liquidity_provider: true,
        }]),
        currencies: list(currencies),
        accounts: list(accounts),
    }
}

impl Town {
    /// Watches these, by their numbers, from the first block on.
    pub fn watching(watched: &[usize]) -> Self {
        let genesis = genesis();
        genesis.check().expect("a genesis");
        let ledger = Ledger::from_genesis(&genesis, 1);
        let issuers = genesis.currencies.iter().map(|record| (record.code, record.issuer));
        let opened = genesis.accounts.iter();
        let people = opened.map(|it| AccountId::derive(&ledger.origin(), it.operator, &it.keys, &it.salt));
        let banks = AccountId::of_participant(&ledger.origin(), bank());
        let mut town = Self {
            bookkeeper: Bookkeeper::new(ledger.tip().height.next(), ledger.origin(), issuers),
            accounts: people.chain([banks]).collect(),
            ledger,
            proposer: ValidatorId::of(&key(91).public_key()),
            nonce: 0,
        };
        for who in watched {
            town.bookkeeper.watch(town.id(*who));
        }
        town
    }

    pub fn id(&self, who: usize) -> AccountId {
        self.accounts[who % self.accounts.len()]
    }

    /// As the ledger has it, available and held together.
    pub fn has(&self, account: &AccountId, currency: Currency) -> i128 {
        let record = self.ledger.balance(account, currency);
        record.map_or(0, |record| record.available.0 + i128::from(record.held.0))
    }

    pub fn in_seconds(&self, seconds: u64) -> UnixSeconds {
        UnixSeconds(self.ledger.tip().time_ms.0 / 1000 + seconds)
    }

    /// Signed by all who must.
    pub fn sign(&mut self, actions: Vec<Action>) -> SignedTransaction {
        self.nonce += 1;
        let mut signers: Vec<_> = actions.iter().flat_map(Action::authorities).collect();
        signers.retain(|authority| !matches!(authority, Authority::Witnesses(_)));
        let who = signers.into_iter().map(|authority| match authority {
            Authority::Account(id) => self.accounts.iter().position(|it| *it == id).unwrap(),
            Authority::Council => 90,
            _ => BANK,
        });
        let who: BTreeSet<_> = who.collect();
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.ledger.genesis().prefix(),
            valid_until: self.in_seconds(60),
            nonce: Nonce(self.nonce),
            actions: list(actions),
            memo: text(&format!("memo {}", self.nonce)),
        };
        let keys: Vec<_> = who.into_iter().map(key).collect();
        transaction.sign(&keys).expect("well made")
    }

    /// A block so many seconds after the last one, and what is booked by it.
    pub fn block(&mut self, seconds: u64, transactions: Vec<SignedTransaction>) -> Made {
        let by_id: BTreeMap<TxId, _> = transactions
            .iter()
            .map(|it| (it.id(), it.transaction.clone()))
            .collect();
        let count = transactions.len();
        let batch = HashedBatch::new(Batch {
            version: BATCH_VERSION,
            genesis: self.ledger.genesis(),
            author: self.proposer,
            transactions: list(transactions),
        });
        let batches = if count == 0 { vec![] } else { vec![batch] };
        let now = TimeMs(self.ledger.tip().time_ms.0 + seconds * 1000);
        let (_, execution) = self.ledger.draft(now, self.proposer, &batches, None);
        let about = execution.receipts.iter().filter_map(|receipt| match receipt.subject {
            Subject::Transaction(id) => Some(by_id[&id].clone()),
            Subject::System { .. } => None,
        });
        let about: Vec<_> = about.collect();
        assert_eq!(about.len(), count, "none is skipped");
        let booked = self.bookkeeper.book(&execution.header, &execution.receipts, &about);
        let (header, receipts) = (execution.header.clone(), execution.receipts.clone());
        self.ledger.commit(execution);
        Made {
            header,
            booked: booked.expect("the next block"),
            receipts,
        }
    }

    /// A block of one transaction, which must be applied; if its first action opens a contract, that has this id.
    pub fn act(&mut self, action: Action) -> (ContractId, TxId, Booked) {
        let signed = self.sign(vec![action]);
        let id = signed.id();
        let made = self.block(1, vec![signed]);
        let receipt = made.receipts.last().expect("a receipt");
        assert_eq!(receipt.outcome, Outcome::Applied);
        (ContractId::derive(&id, 0), id, made.booked)
    }
}
