//! Four validators with one ledger between them that applies every transaction once by its id and
//! checks nothing else, each with an HTTP API of its own and its own way to behave.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use causeway_contracts::{
    api::{BlockView, Handovers, Refused, SubmitResult, Submitted, TransactionStatus, TransactionView},
    block::{
        BlockId, CommitCertificate, CommitSignature, GenesisHash, Header, Height, StateHash, TimeMs, VoteKind,
        genesis_block_id, vote_message,
    },
    codec::{Bounded, Text},
    committee::{Validator, ValidatorSet},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount},
    governance::{CurrencyRecord, Parameters},
    identity::{
        AccountId, Address, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier,
    },
    keys::{Domain, SecretKey, Signature},
    ledger::{
        receipt::{Outcome, Receipt, Subject, receipts_root},
        rejection::Rejection,
    },
    merkle::{self, Root},
    money::{Amount, Currency},
    proof::{CertifiedHeader, HANDOVERS_MAX, Handover, PROOF_VERSION, PaymentProof},
    protocol::PROTOCOL_MIN,
    statement::{AccountView, Answer, Statement},
    transaction::{Action, SignedTransaction, TxId},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The payer of every test: key, and the account that opens with it.
pub const PAYER_SEED: [u8; 32] = [77; 32];

/// The key of the operator BANKA.
pub const OPERATOR_SEED: [u8; 32] = [62; 32];

/// An amount that the ledger of this network refuses, to have rejections too.
pub const REFUSED_AMOUNT: Amount = Amount(666);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Honest,
    /// Takes connections and requests, and never answers.
    Silent,
    /// Says that it took a transaction, and drops it.
    Dropping,
    /// Honest, after a while.
    Slow,
    /// Takes a transaction, and is gone before it answers, for good.
    Vanishing,
    /// Drops every third transaction.
    Forgetful,
    /// Refuses every transaction.
    Refusing,
    /// Gives receipts that say the opposite.
    ForgedReceipt,
    /// Gives certificates with too few signatures.
    ThinCertificate,
    /// Gives certificates that other keys signed.
    StrangeKeys,
    /// Gives proofs of a network with another genesis, signed by the same validators.
    OtherNetwork,
    /// Gives another transaction's proof.
    OtherProof,
    /// Answers with more bytes than anyone reads.
    Endless,
    /// Says, signed, that there is no receipt and no account, whatever there is.
    Denying,
}

pub struct Network {
    pub genesis: Genesis,
    pub payer: AccountId,
    shared: Arc<Shared>,
    pub nodes: Vec<String>,
}

struct Shared {
    hash: GenesisHash,
    prefix: AddressPrefix,
    validators: ValidatorSet,
    keys: Vec<SecretKey>,
    chain: Mutex<Chain>,
    /// The height, for those who wait for receipts.
    height: watch::Sender<u64>,
    /// What each node shows of changes of validators.
    handovers: Mutex<[Vec<Handover>; 4]>,
    /// Two for each request: when it is there, and when it has been dealt with.
    steps: watch::Sender<u64>,
}

struct Chain {
    blocks: Vec<(CertifiedHeader, Vec<Receipt>)>,
    transactions: HashMap<TxId, SignedTransaction>,
    located: HashMap<TxId, (usize, usize)>,
    accounts: BTreeMap<AccountId, AccountView>,
    seen: u64,
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a time of this age")
}

fn currency(code: &str, exponent: u8) -> CurrencyRecord {
    CurrencyRecord {
        code: Currency::new(code).expect("a code"),
        exponent,
        issuer: ParticipantId::new("ECB").expect("an id"),
        name: Text::default(),
        issuance_cap: Amount(u64::MAX),
        frozen: false,
    }
}

fn participant(id: &str, seed: [u8; 32]) -> Participant {
    Participant {
        id: ParticipantId::new(id).expect("an id"),
        name: Text::default(),
        keys: KeyPolicy::single(SecretKey::from_seed(&seed).public_key()),
        operator: true,
        liquidity_provider: false,
    }
}

fn genesis(keys: &[SecretKey]) -> Genesis {
    let validators = keys
        .iter()
        .zip(0u8..)
        .map(|(key, number)| GenesisValidator {
            name: Text::new(format!("v{number}")).expect("short"),
            key: key.public_key(),
            power: 1,
            network_key: SecretKey::from_seed(&[100 + number; 32]).public_key(),
            address: Text::new("/ip4/127.0.0.1/tcp/1").expect("short"),
        })
        .collect();
    let genesis = Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: Text::new("made up").expect("short"),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(1),
        council: KeyPolicy::single(SecretKey::from_seed(&[60; 32]).public_key()),
        parameters: Parameters::default(),
        validators: Bounded::new(validators).expect("four"),
        participants: Bounded::new(vec![participant("ECB", [61; 32]), participant("BANKA", OPERATOR_SEED)])
            .expect("two"),
        currencies: Bounded::new(vec![currency("EUR", 2), currency("JPY", 0)]).expect("two"),
        accounts: Bounded::new(vec![OpeningAccount {
            operator: ParticipantId::new("BANKA").expect("an id"),
            keys: KeyPolicy::single(SecretKey::from_seed(&PAYER_SEED).public_key()),
            salt: Salt([0; 16]),
            tier: Tier(0),
            identity: IdentityCommitment([0; 32]),
            balances: Bounded::default(),
        }])
        .expect("one"),
    };
    genesis.check().expect("a good genesis");
    genesis
}

impl Network {
    pub async fn start(behaviours: [Behaviour; 4]) -> Self {
        let keys: Vec<_> = (1..=4).map(|seed| SecretKey::from_seed(&[seed; 32])).collect();
        let genesis = genesis(&keys);
        let hash = genesis.hash();
        let opening = &genesis.accounts[0];
        let payer = AccountId::derive(&hash, opening.operator, &opening.keys, &opening.salt);
        let account = AccountView {
            id: payer,
            operator: opening.operator,
            keys: opening.keys.clone(),
            tier: opening.tier,
            status: causeway_contracts::identity::AccountStatus::Active,
            balances: Bounded::default(),
        };
        let shared = Arc::new(Shared {
            hash,
            prefix: genesis.address_prefix,
            validators: genesis.validator_set().expect("a good set"),
            keys,
            chain: Mutex::new(Chain {
                blocks: Vec::new(),
                transactions: HashMap::new(),
                located: HashMap::new(),
                accounts: BTreeMap::from([(payer, account)]),
                seen: 0,
            }),
            height: watch::Sender::new(0),
            handovers: Mutex::default(),
            steps: watch::Sender::new(0),
        });
        let mut nodes = Vec::new();
        for (node, behaviour) in behaviours.into_iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address: SocketAddr = listener.local_addr().expect("bound");
            nodes.push(format!("http://{address}"));
            tokio::spawn(serve(
                listener,
                Arc::new(Node {
                    shared: shared.clone(),
                    key: node,
                    behaviour,
                    gone: watch::Sender::new(false),
                }),
            ));
        }
        Self {
            genesis,
            payer,
            shared,
            nodes,
        }
    }

    pub fn key() -> SecretKey {
        SecretKey::from_seed(&PAYER_SEED)
    }

    /// Transactions with receipts that say applied, by memo.
    pub fn applied(&self) -> BTreeMap<String, usize> {
        let chain = self.shared.chain.lock().expect("no test has failed inside");
        let mut counts = BTreeMap::new();
        for (id, (block, index)) in &chain.located {
            if chain.blocks[*block].1[*index].outcome == Outcome::Applied {
                let memo = chain.transactions[id].transaction.memo.to_string();
                *counts.entry(memo).or_default() += 1;
            }
        }
        counts
    }

    /// From the validators of the genesis to one set after another, each a day after the one before, until now.
    pub fn handovers(&self, sets: &[&[u8]]) -> Vec<Handover> {
        self.handovers_every(86_400_000, sets)
    }

    /// The same with so many milliseconds between two.
    pub fn handovers_every(&self, pause_ms: u64, sets: &[&[u8]]) -> Vec<Handover> {
        let keys = |seeds: &[u8]| {
            seeds
                .iter()
                .map(|seed| SecretKey::from_seed(&[*seed; 32]))
                .collect::<Vec<_>>()
        };
        let set = |keys: &[SecretKey]| {
            let member = |key: &SecretKey| Validator {
                key: key.public_key(),
                power: 1,
            };
            ValidatorSet::new(keys.iter().map(member).collect()).expect("a good set")
        };
        let mut deciding = keys(&[1, 2, 3, 4]);
        let mut handovers = Vec::new();
        for (place, seeds) in sets.iter().enumerate() {
            let next = keys(seeds);
            let ago = (sets.len() - place) as u64;
            let header = Header {
                height: Height(1000 * (place as u64 + 1)),
                time_ms: TimeMs(now_ms() - ago * pause_ms),
                next_validators_hash: set(&next).hash(),
                ..self.shared.header(set(&deciding).hash())
            };
            handovers.push(Handover {
                last: certify(header, &self.shared.hash, &set(&deciding), &deciding),
                next: set(&next).to_list(),
            });
            deciding = next;
        }
        handovers
    }

    /// What this node shows from now on at `/v1/handovers`.
    pub fn show_handovers(&self, node: usize, handovers: Vec<Handover>) {
        self.shared.handovers.lock().expect("no test has failed inside")[node] = handovers;
    }

    pub fn steps(&self) -> watch::Receiver<u64> {
        self.shared.steps.subscribe()
    }

    /// Puts transactions into a block without any node being asked, also those that have expired by
    /// now: as if it had been in time.
    pub fn order(&self, txs: &[SignedTransaction]) {
        self.shared.order_valid_at(0, txs.to_vec());
    }

    pub fn proof(&self, id: &TxId) -> PaymentProof {
        let chain = self.shared.chain.lock().expect("no test has failed inside");
        chain.proof(id).expect("it is final")
    }
}

impl Chain {
    fn proof(&self, id: &TxId) -> Option<PaymentProof> {
        let (block, index) = *self.located.get(id)?;
        let (certified, receipts) = &self.blocks[block];
        let leaves: Vec<_> = receipts.iter().map(Receipt::leaf).collect();
        Some(PaymentProof {
            version: PROOF_VERSION,
            transaction: self.transactions[id].clone(),
            receipt: receipts[index].clone(),
            path: merkle::path(&leaves, index),
            block: certified.clone(),
            handovers: Bounded::default(),
        })
    }
}

impl Shared {
    /// One block of those that are new and not expired, or an empty one.
    fn order(&self, txs: Vec<SignedTransaction>) {
        self.order_valid_at(now_ms(), txs);
    }

    /// An empty block at the beginning, decided by validators of this hash.
    fn header(&self, validators: Root) -> Header {
        Header {
            version: PROTOCOL_MIN,
            genesis: self.hash,
            height: Height(1),
            time_ms: TimeMs(1),
            parent: genesis_block_id(&self.hash),
            proposer: *self.validators.iter().next().expect("four").0,
            batches_root: Root([0; 32]),
            transaction_count: 0,
            receipts_root: receipts_root(&[]),
            changes_root: Root([0; 32]),
            state_hash: StateHash([0; 32]),
            checkpoint_root: Root([0; 32]),
            validators_hash: validators,
            next_validators_hash: validators,
        }
    }

    fn order_valid_at(&self, valid_ms: u64, txs: Vec<SignedTransaction>) {
        let mut chain = self.chain.lock().expect("no test has failed inside");
        let (parent, last_ms) = match chain.blocks.last() {
            Some((last, _)) => (last.header.id(), last.header.time_ms.0),
            None => (genesis_block_id(&self.hash), 0),
        };
        let time_ms = now_ms().max(last_ms + 1);
        let place = chain.blocks.len();
        let mut receipts = Vec::new();
        for tx in txs {
            let id = tx.id();
            if chain.located.contains_key(&id) || valid_ms >= tx.transaction.valid_until.0 * 1000 {
                continue;
            }
            chain.located.insert(id, (place, receipts.len()));
            let index = u32::try_from(receipts.len()).expect("few");
            receipts.push(Receipt::plain(Subject::Transaction(id), index, outcome_of(&tx)));
            chain.transactions.insert(id, tx);
        }
        let header = Header {
            height: Height(place as u64 + 1),
            time_ms: TimeMs(time_ms),
            parent,
            transaction_count: u32::try_from(receipts.len()).expect("few"),
            receipts_root: receipts_root(&receipts),
            ..self.header(self.validators.hash())
        };
        let certified = certify(header, &self.hash, &self.validators, &self.keys);
        chain.blocks.push((certified, receipts));
        self.height.send_replace(place as u64 + 1);
    }
}

fn outcome_of(tx: &SignedTransaction) -> Outcome {
    match &tx.transaction.actions[0] {
        Action::Transfer { amount, .. } if *amount == REFUSED_AMOUNT => Outcome::Rejected {
            action: 0,
            reason: Rejection::InsufficientFunds,
        },
        _ => Outcome::Applied,
    }
}

/// Signed by those of `keys` that are in the set; by the first ones in their stead if none is.
fn certify(header: Header, genesis: &GenesisHash, set: &ValidatorSet, keys: &[SecretKey]) -> CertifiedHeader {
    let block: BlockId = header.id();
    let message = vote_message(genesis, VoteKind::Precommit, header.height, 0, Some(&block));
    let mut signatures: Vec<_> = keys
        .iter()
        .zip(0u16..)
        .map(|(key, place)| CommitSignature {
            signer: set
                .index_of(&causeway_contracts::committee::ValidatorId::of(&key.public_key()))
                .unwrap_or(place),
            signature: key.sign(Domain::Vote, &message),
        })
        .collect();
    signatures.sort_by_key(|entry| entry.signer);
    CertifiedHeader {
        certificate: CommitCertificate {
            height: header.height,
            round: 0,
            block,
            signatures: Bounded::new(signatures).expect("four"),
        },
        header,
    }
}

struct Node {
    shared: Arc<Shared>,
    key: usize,
    behaviour: Behaviour,
    gone: watch::Sender<bool>,
}

/// What a request comes to.
enum Reply {
    Json(u16, Value),
    Never,
    Gone,
    Endless,
}

struct Request {
    method: String,
    target: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

async fn serve(listener: TcpListener, node: Arc<Node>) {
    let mut gone = node.gone.subscribe();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                tokio::spawn(converse(stream, node.clone()));
            }
            _ = gone.wait_for(|gone| *gone) => return,
        }
    }
}

async fn converse(stream: TcpStream, node: Arc<Node>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        node.shared.steps.send_modify(|steps| *steps += 1);
        let reply = node.answer(&request).await;
        node.shared.steps.send_modify(|steps| *steps += 1);
        let written = match reply {
            Reply::Json(status, value) => {
                let body = value.to_string();
                let head = format!(
                    "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).await
            }
            Reply::Never => return std::future::pending().await,
            Reply::Gone => return,
            Reply::Endless => {
                let head = "HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n";
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
                let mut written = stream.write_all(head.as_bytes()).await;
                while written.is_ok() {
                    written = stream.write_all(chunk.as_bytes()).await;
                }
                written
            }
        };
        if written.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(Some(0), |text| text.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        method,
        target,
        headers,
        body,
    })
}

fn parameter(query: &str, name: &str) -> Option<u64> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}

impl Node {
    async fn answer(&self, request: &Request) -> Reply {
        match self.behaviour {
            Behaviour::Silent => return Reply::Never,
            Behaviour::Endless => return Reply::Endless,
            Behaviour::Slow => tokio::time::sleep(Duration::from_millis(300)).await,
            Behaviour::Vanishing => {
                self.gone.send_replace(true);
                return Reply::Gone;
            }
            _ => {}
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["v1", "transactions"]) => self.submit(&request.body),
            ("GET", ["v1", "receipts", id]) => {
                let wait = parameter(query, "wait_ms").unwrap_or(0);
                self.receipt(id, Duration::from_millis(wait)).await
            }
            ("GET", ["v1", "transactions", id]) => self.transaction(id),
            ("GET", ["v1", "accounts", address]) => self.account(address, &request.headers),
            ("GET", ["v1", "handovers"]) => {
                let mut shown = self.shared.handovers.lock().expect("no test has failed inside")[self.key].clone();
                let from = Height(parameter(query, "from").unwrap_or(0));
                shown.retain(|handover| handover.last.header.height >= from);
                shown.truncate(HANDOVERS_MAX);
                let handovers = Bounded::new(shown).expect("few");
                reply(&Handovers { handovers })
            }
            ("GET", ["v1", "currencies", code]) => self.state(Answer::NoCurrency(Currency::new(code).expect("a code"))),
            ("GET", ["v1", "blocks", height]) => self.block(height.parse().expect("a height")),
            _ => problem(404, "no such path"),
        }
    }

    fn submit(&self, body: &[u8]) -> Reply {
        let mut rest = body;
        let mut txs = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let tx = SignedTransaction::decode(&after[..length], &self.shared.hash).expect("canonical bytes");
            tx.verify_signatures().expect("good signatures");
            txs.push(tx);
            rest = &after[length..];
        }
        let refused = (self.behaviour == Behaviour::Refusing).then(|| Refused {
            code: "unknown_signer".to_owned(),
            detail: "no such account".to_owned(),
            retry: false,
        });
        let results = txs
            .iter()
            .map(|tx| SubmitResult {
                id: tx.id(),
                refused: refused.clone(),
            })
            .collect::<Vec<_>>();
        match self.behaviour {
            Behaviour::Dropping | Behaviour::Refusing => {}
            Behaviour::Forgetful => {
                let mut chain = self.shared.chain.lock().expect("no test has failed inside");
                txs.retain(|_| {
                    chain.seen += 1;
                    !chain.seen.is_multiple_of(3)
                });
                drop(chain);
                self.shared.order(txs);
            }
            _ => self.shared.order(txs),
        }
        let status = if refused.is_some() { 422 } else { 202 };
        Reply::Json(status, json!(Submitted { results }))
    }

    async fn receipt(&self, id: &str, wait: Duration) -> Reply {
        let id: TxId = id.parse().expect("an id");
        let mut height = self.shared.height.subscribe();
        let found = tokio::time::timeout(wait, async {
            loop {
                if let Some(proof) = self.find(&id) {
                    return proof;
                }
                if height.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        });
        let found = match self.find(&id) {
            Some(proof) => Some(proof),
            None => found.await.ok(),
        };
        match found {
            Some(proof) => reply(&self.distort(proof)),
            None => problem(404, "no receipt"),
        }
    }

    fn find(&self, id: &TxId) -> Option<PaymentProof> {
        if self.behaviour == Behaviour::Denying {
            return None;
        }
        self.shared.chain.lock().expect("no test has failed inside").proof(id)
    }

    fn distort(&self, mut proof: PaymentProof) -> PaymentProof {
        let Shared {
            hash, validators, keys, ..
        } = &*self.shared;
        let header = proof.block.header.clone();
        match self.behaviour {
            Behaviour::ForgedReceipt => {
                proof.receipt.outcome = match proof.receipt.outcome {
                    Outcome::Applied => Outcome::Rejected {
                        action: 0,
                        reason: Rejection::InsufficientFunds,
                    },
                    Outcome::Rejected { .. } => Outcome::Applied,
                };
            }
            Behaviour::ThinCertificate => proof.block = certify(header, hash, validators, &keys[..2]),
            Behaviour::StrangeKeys => {
                let strangers: Vec<_> = (21..=24).map(|seed| SecretKey::from_seed(&[seed; 32])).collect();
                proof.block = certify(header, hash, validators, &strangers);
            }
            Behaviour::OtherNetwork => {
                let other = GenesisHash([5; 32]);
                let header = Header {
                    genesis: other,
                    ..header
                };
                proof.block = certify(header, &other, validators, keys);
            }
            Behaviour::OtherProof => {
                let chain = self.shared.chain.lock().expect("no test has failed inside");
                let wanted = proof.transaction.id();
                if let Some(other) = chain.located.keys().find(|id| **id != wanted) {
                    return chain.proof(other).expect("located");
                }
                proof.path.siblings = Bounded::new(vec![Root([1; 32])]).expect("one");
            }
            _ => {}
        }
        proof
    }

    fn transaction(&self, id: &str) -> Reply {
        let id: TxId = id.parse().expect("an id");
        if let Some(proof) = self.find(&id) {
            return reply(&TransactionView {
                id,
                status: TransactionStatus::Final,
                height: Some(proof.block.header.height),
                outcome: Some(proof.receipt.outcome),
                statement: None,
            });
        }
        // An idle network makes an empty block now and then; here, when somebody looks.
        self.shared.order(Vec::new());
        let statement = self.sign(Answer::NoReceipt(id));
        reply(&TransactionView {
            id,
            status: TransactionStatus::Unknown,
            height: None,
            outcome: None,
            statement: Some(statement),
        })
    }

    fn account(&self, address: &str, headers: &HashMap<String, String>) -> Reply {
        use causeway_contracts::api::{KEY_HEADER, ReadRequest, SIGNATURE_HEADER, TIME_HEADER};
        let address: Address = address.parse().expect("an address");
        let key = headers[KEY_HEADER].parse().expect("a key");
        let signature: Signature = headers[SIGNATURE_HEADER].parse().expect("a signature");
        let request = ReadRequest {
            genesis: self.shared.hash,
            path: Text::new(format!("/v1/accounts/{address}")).expect("short"),
            time_ms: TimeMs(headers[TIME_HEADER].parse().expect("a time")),
        };
        assert_eq!(address.prefix, self.shared.prefix);
        if request.verify(key, signature).is_err() || request.time_ms.0.abs_diff(now_ms()) > 30_000 {
            return problem(401, "not signed as it should be");
        }
        let account = address.account;
        let view = {
            let chain = self.shared.chain.lock().expect("no test has failed inside");
            chain.accounts.get(&account).cloned()
        };
        match view {
            Some(view) if !view.keys.contains(&key) => problem(403, "not this key's account"),
            Some(view) if self.behaviour != Behaviour::Denying => self.state(Answer::Account(view)),
            _ => self.state(Answer::NoAccount(account)),
        }
    }

    fn state(&self, answer: Answer) -> Reply {
        reply(&self.sign(answer))
    }

    fn sign(&self, answer: Answer) -> causeway_contracts::statement::SignedStatement {
        let chain = self.shared.chain.lock().expect("no test has failed inside");
        let (height, time_ms) = match chain.blocks.last() {
            Some((last, _)) => (last.header.height, last.header.time_ms),
            None => (Height::GENESIS, TimeMs(1)),
        };
        let statement = Statement {
            genesis: self.shared.hash,
            height,
            time_ms,
            answer,
        };
        statement.sign(&self.shared.keys[self.key])
    }

    fn block(&self, height: u64) -> Reply {
        let chain = self.shared.chain.lock().expect("no test has failed inside");
        match height.checked_sub(1).and_then(|place| chain.blocks.get(place as usize)) {
            Some((certified, _)) => reply(&BlockView {
                header: certified.header.clone(),
                certificate: certified.certificate.clone(),
                batches: Vec::new(),
                checkpoint: None,
            }),
            None => problem(404, "no such block"),
        }
    }
}

fn reply(value: &impl serde::Serialize) -> Reply {
    Reply::Json(200, serde_json::to_value(value).expect("it has a JSON form"))
}

fn problem(status: u16, detail: &str) -> Reply {
    let problem = json!({
        "type": "urn:causeway:problem:test", "title": "Refused", "status": status, "detail": detail
    });
    Reply::Json(status, problem)
}
