//! A small network for tests: four validators, one bank that issues, and customers with money.

use std::{path::Path, sync::Arc};

use causeway_contracts::{
    block::{
        Batch, BatchDigest, Block, CommitCertificate, CommitSignature, HashedBatch, Height, SignedBatch, TimeMs,
        VoteKind, batch::BATCH_VERSION, vote_message,
    },
    codec::{self, Bounded, Text},
    committee::{ValidatorId, ValidatorList},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier},
    keys::{Domain, SecretKey},
    ledger::{Execution, Ledger},
    money::{Amount, Currency},
    proof::{CertifiedHeader, Handover},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};

use rocksdb::WriteBatch;

use super::{
    BlockCommit, Store, StoredBlock,
    database::{Database, Mode},
    format::{Column, handover_key, height_key},
};

/// When the network begins, unless a test says otherwise.
pub const START: TimeMs = TimeMs(1_700_000_000_000);

const BLOCK_INTERVAL_MS: u64 = 400;

pub struct Trial {
    pub genesis: Genesis,
    validators: Vec<SecretKey>,
    pub customers: Vec<SecretKey>,
}

/// A batch of payments and the block that orders it, ready to be committed.
pub struct Step {
    pub digest: BatchDigest,
    pub batch: Arc<SignedBatch>,
    pub commit: Box<BlockCommit>,
}

impl Trial {
    pub fn new(customers: u32) -> Self {
        Self::at(customers, START)
    }

    pub fn at(customers: u32, time: TimeMs) -> Self {
        let validators: Vec<_> = (1..=4).map(|n| key(1, n)).collect();
        let customers: Vec<_> = (0..customers).map(|n| key(3, n)).collect();
        let bank = ParticipantId::new("BANK").expect("an id");
        let genesis = Genesis {
            version: GENESIS_VERSION,
            continues: None,
            name: text("trial"),
            address_prefix: AddressPrefix::Devnet,
            time_ms: time,
            council: KeyPolicy::single(key(4, 0).public_key()),
            parameters: Parameters::default(),
            validators: bounded(validators.iter().enumerate().map(|(n, validator)| GenesisValidator {
                name: text(&format!("v{n}")),
                key: validator.public_key(),
                power: 1,
                network_key: key(2, n as u32).public_key(),
                address: text("/ip4/127.0.0.1/tcp/1"),
            })),
            participants: bounded([Participant {
                id: bank,
                name: text("Bank"),
                keys: KeyPolicy::single(key(4, 1).public_key()),
                operator: true,
                liquidity_provider: false,
            }]),
            currencies: bounded([CurrencyRecord {
                code: euro(),
                exponent: 2,
                issuer: bank,
                name: text("Euro"),
                issuance_cap: Amount(u64::MAX),
                frozen: false,
            }]),
            accounts: bounded(customers.iter().map(|customer| OpeningAccount {
                operator: bank,
                keys: KeyPolicy::single(customer.public_key()),
                salt: Salt([7; 16]),
                tier: Tier(0),
                identity: IdentityCommitment([8; 32]),
                balances: bounded([OpeningBalance {
                    currency: euro(),
                    amount: Amount(1_000_000),
                }]),
            })),
        };
        genesis.check().expect("a genesis that passes");
        Self {
            genesis,
            validators,
            customers,
        }
    }

    pub fn account(&self, customer: usize) -> AccountId {
        let opening = &self.genesis.accounts[customer];
        AccountId::derive(&self.genesis.hash(), opening.operator, &opening.keys, &opening.salt)
    }

    pub fn pay(&self, from: usize, to: usize, nonce: u64, valid_until: UnixSeconds) -> SignedTransaction {
        let body = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.genesis.hash().prefix(),
            valid_until,
            nonce: Nonce(nonce),
            actions: bounded([Action::Transfer {
                from: self.account(from),
                to: self.account(to),
                currency: euro(),
                amount: Amount(1 + nonce % 100),
            }]),
            memo: Text::default(),
        };
        body.sign([&self.customers[from]]).expect("one signature")
    }

    pub fn batch(&self, transactions: Vec<SignedTransaction>) -> (BatchDigest, Arc<SignedBatch>) {
        let batch = Batch {
            version: BATCH_VERSION,
            genesis: self.genesis.hash(),
            author: self.validator(0),
            transactions: bounded(transactions),
        };
        (batch.digest(), Arc::new(SignedBatch::seal(batch, &self.validators[0])))
    }

    pub fn validator(&self, at: usize) -> ValidatorId {
        ValidatorId::of(&self.validators[at].public_key())
    }

    /// Three of the four validators make the block final.
    pub fn certify(&self, block: &Block) -> CommitCertificate {
        let set = self.genesis.validator_set().expect("a checked genesis");
        let (height, id) = (block.header.height, block.id());
        let message = vote_message(&self.genesis.hash(), VoteKind::Precommit, height, 0, Some(&id));
        let mut signatures: Vec<_> = self.validators[1..]
            .iter()
            .map(|key| CommitSignature {
                signer: set.index_of(&ValidatorId::of(&key.public_key())).expect("a member"),
                signature: key.sign(Domain::Vote, &message),
            })
            .collect();
        signatures.sort_by_key(|entry| entry.signer);
        CommitCertificate {
            height,
            round: 0,
            block: id,
            signatures: bounded(signatures),
        }
    }

    /// A batch of payments, some of them from an account to itself, that depends only on the height that
    /// it is meant for.
    pub fn payments(&self, height: u64, count: u64) -> (BatchDigest, Arc<SignedBatch>) {
        let valid_until = UnixSeconds(self.time(height).0 / 1000 + 3);
        let people = self.customers.len() as u64;
        let transactions = (0..count).map(|n| {
            let nonce = height * 1_000_000 + n;
            let (from, to) = (nonce % people, nonce / people % people);
            self.pay(from as usize, to as usize, nonce, valid_until)
        });
        self.batch(transactions.collect())
    }

    fn time(&self, height: u64) -> TimeMs {
        TimeMs(self.genesis.time_ms.0 + BLOCK_INTERVAL_MS * height)
    }

    /// The one block with these payments that a ledger can have next.
    pub fn step(&self, ledger: &Ledger, payments: u64) -> Step {
        let height = ledger.tip().height.0 + 1;
        let (digest, batch) = self.payments(height, payments);
        let proposer = self.validator((height % 4) as usize);
        let batches = [HashedBatch::new(batch.batch.clone())];
        let (block, execution) = ledger.draft(self.time(height), proposer, &batches, None);
        Step {
            digest,
            batch,
            commit: Box::new(self.committing(block, execution)),
        }
    }

    pub fn committing(&self, block: Block, execution: Execution) -> BlockCommit {
        BlockCommit {
            certificate: self.certify(&block),
            block,
            execution,
        }
    }

    /// Brings the ledger and its store one block further.
    pub async fn advance(&self, store: &Store, ledger: &mut Ledger, payments: u64) {
        let Step { digest, batch, commit } = self.step(ledger, payments);
        store.put_batches(vec![(digest, wire(&batch))]).await;
        let commit = store.commit(commit).await;
        ledger.commit(commit.execution);
    }
}

/// Writes a change to these validators after block 1 into a database that has that block. The network made none.
pub fn forge_handover(path: &Path, next: ValidatorList) {
    let database = Database::open(path, Mode::Existing).expect("it opens");
    let stored: Option<StoredBlock> = database
        .view()
        .get(Column::Blocks, &height_key(Height(1)))
        .expect("read");
    let StoredBlock { block, certificate } = stored.expect("it has the block");
    let header = block.header;
    let last = CertifiedHeader { header, certificate };
    let mut write = WriteBatch::default();
    write.put_cf(
        database.column(Column::Meta),
        handover_key(Height(1)),
        codec::encode(&Handover { last, next }),
    );
    database.write(write, true).expect("written");
}

pub fn euro() -> Currency {
    Currency::new("EUR").expect("a code")
}

/// Distinct keys for distinct uses.
fn key(what_for: u8, number: u32) -> SecretKey {
    let mut seed = [what_for; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(&seed)
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

fn bounded<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(items.into_iter().collect()).expect("few")
}

/// As peers send it, and the store keeps it.
pub fn wire(batch: &SignedBatch) -> Arc<[u8]> {
    codec::encode(batch).into()
}
