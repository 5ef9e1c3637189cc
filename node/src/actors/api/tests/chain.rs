//! A network in a store: final blocks without consensus, certified by all validators' keys.

use std::sync::Arc;

use causeway_contracts::{
    block::{
        Batch, Block, BlockId, CommitCertificate, CommitSignature, GenesisHash, HashedBatch, Height, SignedBatch,
        TimeMs, VoteKind, batch::BATCH_VERSION, vote_message,
    },
    codec::{self, Bounded, Text},
    committee::ValidatorId,
    evidence::{Evidence, SignedVote, Turn},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier},
    keys::{Domain, SecretKey},
    ledger::Ledger,
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use tempfile::TempDir;
use tokio::sync::broadcast;

use crate::{
    actors::ledger::message::Finalized,
    store::{BlockCommit, Expect, Store},
};

pub const VALIDATORS: u8 = 4;

/// Seeds of the keys that take part.
pub const BANK: u8 = 20;
pub const OTHER_BANK: u8 = 21;
pub const EURO_ISSUER: u8 = 30;
pub const YEN_ISSUER: u8 = 31;
pub const ALICE: u8 = 40;
pub const BOB: u8 = 41;
pub const STRANGER: u8 = 50;

const START_MS: u64 = 1_800_000_000_000;

/// Before this, transactions of these tests can apply.
pub const VALID_UNTIL: UnixSeconds = UnixSeconds(START_MS / 1000 + 300);

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub fn yen() -> Currency {
    Currency::new("JPY").unwrap()
}

pub fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

fn participant(id: &str, seed: u8, operator: bool) -> Participant {
    Participant {
        id: ParticipantId::new(id).unwrap(),
        name: Text::new(id).unwrap(),
        keys: KeyPolicy::single(key(seed).public_key()),
        operator,
        liquidity_provider: false,
    }
}

fn currency(code: &str, issuer: &str, exponent: u8) -> CurrencyRecord {
    CurrencyRecord {
        code: Currency::new(code).unwrap(),
        exponent,
        issuer: ParticipantId::new(issuer).unwrap(),
        name: Text::new(code).unwrap(),
        issuance_cap: Amount(1_000_000_000),
        frozen: false,
    }
}

fn opening(seed: u8) -> OpeningAccount {
    OpeningAccount {
        operator: ParticipantId::new("BANK").unwrap(),
        keys: KeyPolicy::single(key(seed).public_key()),
        salt: Salt([seed; 16]),
        tier: Tier(0),
        identity: IdentityCommitment([seed; 32]),
        balances: Bounded::new(vec![OpeningBalance {
            currency: euro(),
            amount: Amount(100_000_000),
        }])
        .unwrap(),
    }
}

pub fn genesis() -> Genesis {
    let validators = (0..VALIDATORS).map(|n| GenesisValidator {
        name: Text::new(format!("validator {n}")).unwrap(),
        key: key(n).public_key(),
        power: 1,
        network_key: key(100 + n).public_key(),
        address: Text::new(format!("/ip4/127.0.0.1/tcp/{}", 27_100 + u16::from(n))).unwrap(),
    });
    let genesis = Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: Text::new("test").unwrap(),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(START_MS),
        council: KeyPolicy::single(key(99).public_key()),
        parameters: Parameters::default(),
        validators: Bounded::new(validators.collect()).unwrap(),
        participants: Bounded::new(vec![
            participant("BANK", BANK, true),
            participant("OTHERBANK", OTHER_BANK, true),
            participant("EURCB", EURO_ISSUER, false),
            participant("JPYCB", YEN_ISSUER, false),
        ])
        .unwrap(),
        currencies: Bounded::new(vec![currency("EUR", "EURCB", 2), currency("JPY", "JPYCB", 0)]).unwrap(),
        accounts: Bounded::new(vec![opening(ALICE), opening(BOB)]).unwrap(),
    };
    genesis.check().expect("a good genesis");
    genesis
}

pub fn account(genesis: &GenesisHash, seed: u8) -> AccountId {
    let OpeningAccount {
        operator, keys, salt, ..
    } = opening(seed);
    AccountId::derive(genesis, operator, &keys, &salt)
}

/// A payment of one cent by Alice to Bob.
pub fn payment(genesis: &GenesisHash, nonce: u64) -> SignedTransaction {
    unsigned(genesis, nonce).sign([&key(ALICE)]).unwrap()
}

/// An act by whoever has the key of this seed.
pub fn act(genesis: &GenesisHash, nonce: u64, action: Action, seed: u8) -> SignedTransaction {
    let transaction = Transaction {
        actions: Bounded::new(vec![action]).unwrap(),
        ..unsigned(genesis, nonce)
    };
    transaction.sign([&key(seed)]).unwrap()
}

/// That validator `accused` voted twice, reported by `reporter`.
pub fn report(genesis: &GenesisHash, reporter: u8, accused: u8, height: u64) -> SignedTransaction {
    let (kind, height) = (VoteKind::Precommit, Height(height));
    let votes = [None, Some(BlockId([7; 32]))].map(|block| {
        let message = vote_message(genesis, kind, height, 0, block.as_ref());
        SignedVote {
            block,
            signature: key(accused).sign(Domain::Vote, &message),
        }
    });
    let turn = Turn {
        validator: ValidatorId::of(&key(accused).public_key()),
        height,
        round: 0,
    };
    let report = Action::ReportEvidence {
        reporter: ValidatorId::of(&key(reporter).public_key()),
        evidence: Box::new(Evidence::of_votes(turn, kind, votes).unwrap()),
    };
    act(genesis, height.0, report, reporter)
}

pub fn unsigned(genesis: &GenesisHash, nonce: u64) -> Transaction {
    Transaction {
        version: TRANSACTION_VERSION,
        genesis: genesis.prefix(),
        valid_until: VALID_UNTIL,
        nonce: Nonce(nonce),
        actions: Bounded::new(vec![Action::Transfer {
            from: account(genesis, ALICE),
            to: account(genesis, BOB),
            currency: euro(),
            amount: Amount(1),
        }])
        .unwrap(),
        memo: Text::default(),
    }
}

pub struct Chain {
    pub genesis: Arc<Genesis>,
    pub hash: GenesisHash,
    pub ledger: Ledger,
    pub store: Store,
    pub finalized: broadcast::Sender<Finalized>,
    _folder: TempDir,
}

impl Chain {
    /// `behind_max` is how many blocks a listener may be behind before it misses some.
    pub fn new(behind_max: usize) -> Self {
        let genesis = genesis();
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("database");
        let (store, opened) = Store::open(&path, &genesis, Expect::NewOrExisting).expect("a new database");
        Self {
            hash: genesis.hash(),
            genesis: Arc::new(genesis),
            ledger: opened.ledger,
            store,
            finalized: broadcast::channel(behind_max).0,
            _folder: folder,
        }
    }

    /// Commits a block of these transactions, and does not publish it.
    pub async fn commit(&mut self, transactions: Vec<SignedTransaction>) -> Finalized {
        let proposer = ValidatorId::of(&key(0).public_key());
        let mut batches = Vec::new();
        if !transactions.is_empty() {
            let batch = Batch {
                version: BATCH_VERSION,
                genesis: self.hash,
                author: proposer,
                transactions: Bounded::new(transactions).unwrap(),
            };
            let digest = batch.digest();
            let sealed = SignedBatch::seal(batch.clone(), &key(0));
            self.store
                .put_batches(vec![(digest, codec::encode(&sealed).into())])
                .await;
            batches.push(HashedBatch::new(batch));
        }
        let now = TimeMs(self.ledger.tip().time_ms.0 + 1000);
        let (block, execution) = self.ledger.draft(now, proposer, &batches, None);
        let certificate = self.certify(&block);
        let finalized = Finalized {
            block: Arc::new(block.clone()),
            certificate: Arc::new(certificate.clone()),
            receipts: execution.receipts.clone().into(),
        };
        let commit = BlockCommit {
            block,
            certificate,
            execution,
        };
        let commit = self.store.commit(Box::new(commit)).await;
        self.ledger.commit(commit.execution);
        finalized
    }

    /// Commits a block and publishes it.
    pub async fn finalize(&mut self, transactions: Vec<SignedTransaction>) -> Finalized {
        let block = self.commit(transactions).await;
        self.publish(&block);
        block
    }

    pub fn publish(&self, block: &Finalized) {
        self.finalized.send(block.clone()).expect("the API listens");
    }

    fn certify(&self, block: &Block) -> CommitCertificate {
        let (id, height) = (block.id(), block.header.height);
        let message = vote_message(&self.hash, VoteKind::Precommit, height, 0, Some(&id));
        let validators = self.ledger.validators();
        let mut signatures: Vec<_> = (0..VALIDATORS)
            .map(|n| CommitSignature {
                signer: validators
                    .index_of(&ValidatorId::of(&key(n).public_key()))
                    .expect("a validator"),
                signature: key(n).sign(Domain::Vote, &message),
            })
            .collect();
        signatures.sort_by_key(|entry| entry.signer);
        CommitCertificate {
            height,
            round: 0,
            block: id,
            signatures: Bounded::new(signatures).unwrap(),
        }
    }
}
