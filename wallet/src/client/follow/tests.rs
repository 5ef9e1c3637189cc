//! Blocks of a made-up chain against the checks, and against nodes that serve it honestly or not.

use std::sync::{Arc, Mutex};

use causeway_contracts::{
    api::Handovers,
    block::{CommitCertificate, CommitSignature, GenesisHash, Header, StateHash, TimeMs, VoteKind, vote_message},
    codec::{Bounded, Text},
    committee::{Validator, ValidatorId, ValidatorSet},
    identity::{AccountId, AddressPrefix},
    keys::Domain,
    ledger::receipt::{Outcome, Receipt, Subject, receipts_root},
    merkle::Root,
    money::{Amount, Currency},
    proof::{CertifiedHeader, Handover, ProofError, TrustedSet},
    protocol::PROTOCOL_MIN,
    settlement::{ContractId, Ending},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature, UnixSeconds,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{client::certified::Certified, clock};

const GENESIS: GenesisHash = GenesisHash([0x47; 32]);

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// Validators with their keys, in the set's order.
#[derive(Clone)]
struct Committee {
    secrets: Vec<SecretKey>,
    set: ValidatorSet,
}

impl Committee {
    fn new(numbers: [u8; 4]) -> Self {
        let validator = |secret: &SecretKey| Validator {
            key: secret.public_key(),
            power: 1,
        };
        let mut secrets: Vec<_> = numbers.into_iter().map(secret).collect();
        secrets.sort_by_key(|secret| validator(secret).id());
        let set = ValidatorSet::new(secrets.iter().map(validator).collect()).unwrap();
        Self { secrets, set }
    }

    fn certify(&self, header: &Header, signers: u16) -> CommitCertificate {
        let id = header.id();
        let message = vote_message(&header.genesis, VoteKind::Precommit, header.height, 0, Some(&id));
        let signatures = (0..signers).map(|signer| CommitSignature {
            signer,
            signature: self.secrets[usize::from(signer)].sign(Domain::Vote, &message),
        });
        CommitCertificate {
            height: header.height,
            round: 0,
            block: id,
            signatures: Bounded::new(signatures.collect()).unwrap(),
        }
    }
}

fn first() -> Committee {
    Committee::new([1, 2, 3, 4])
}

fn second() -> Committee {
    Committee::new([2, 3, 4, 5])
}

fn trusted() -> TrustedSet {
    TrustedSet {
        genesis: GENESIS,
        validators: first().set,
        as_of: clock::now_ms(),
        since: Height::GENESIS,
        earlier: Vec::new(),
    }
}

fn payment(nonce: u64) -> SignedTransaction {
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: GENESIS.prefix(),
        valid_until: UnixSeconds(1_800_000_000),
        nonce: Nonce(nonce),
        actions: Bounded::new(vec![Action::Transfer {
            from: AccountId([1; 20]),
            to: AccountId([2; 20]),
            currency: Currency::new("EUR").unwrap(),
            amount: Amount(1),
        }])
        .unwrap(),
        memo: Text::default(),
    };
    transaction.sign([&secret(9)]).unwrap()
}

/// A contract's end and two payments.
fn block(committee: &Committee, next: &Committee, height: u64, parent: BlockId) -> StreamedBlock {
    let transactions = vec![payment(2 * height), payment(2 * height + 1)];
    let ended = Subject::System {
        contract: ContractId([7; 20]),
        how: Ending::Expired,
    };
    let paid = transactions.iter().map(|it| Subject::Transaction(it.transaction.id()));
    let subjects = [ended].into_iter().chain(paid);
    let receipts: Vec<_> = subjects
        .zip(0..)
        .map(|(subject, index)| Receipt::plain(subject, index, Outcome::Applied))
        .collect();
    let header = Header {
        version: PROTOCOL_MIN,
        genesis: GENESIS,
        height: Height(height),
        time_ms: TimeMs(clock::now_ms().0 + height),
        parent,
        proposer: ValidatorId([0; 20]),
        batches_root: Root([1; 32]),
        transaction_count: 2,
        receipts_root: receipts_root(&receipts),
        changes_root: Root([2; 32]),
        state_hash: StateHash([3; 32]),
        checkpoint_root: Root([4; 32]),
        validators_hash: committee.set.hash(),
        next_validators_hash: next.set.hash(),
    };
    StreamedBlock {
        certificate: committee.certify(&header, 4),
        header,
        receipts,
        transactions,
    }
}

/// Blocks 1 to `count`; the second committee decides from `change` on.
fn chain(count: u64, change: u64) -> Vec<StreamedBlock> {
    let mut blocks = Vec::new();
    let mut parent = genesis_block_id(&GENESIS);
    let committee = |height| if height < change { first() } else { second() };
    for height in 1..=count {
        let block = block(&committee(height), &committee(height + 1), height, parent);
        parent = block.header.id();
        blocks.push(block);
    }
    blocks
}

fn place_of(block: &StreamedBlock) -> Place {
    Place {
        next: block.header.height,
        parent: Some(block.header.parent),
    }
}

fn check(change: impl FnOnce(&mut StreamedBlock), expected: impl FnOnce(&StreamedBlock) -> BlockFault) {
    let good = chain(3, 9).pop().unwrap();
    let mut bad = good.clone();
    change(&mut bad);
    assert_eq!(place_of(&good).check(&bad, &trusted(), |_| false), Err(expected(&good)));
}

/// Changes a header, and has the validators sign it.
fn resign(block: &mut StreamedBlock, change: impl FnOnce(&mut Header)) {
    change(&mut block.header);
    block.certificate = first().certify(&block.header, 4);
}

#[test]
fn a_chain_is_what_it_says() {
    let mut place = Place {
        next: Height(1),
        parent: Some(genesis_block_id(&GENESIS)),
    };
    for block in chain(3, 9) {
        let id = place.check(&block, &trusted(), |_| false).expect("a good block");
        let verified = VerifiedBlock::new(id, block.clone());
        let signed = block.transactions.into_iter().map(|it| it.transaction);
        assert_eq!(verified.transactions, signed.collect::<Vec<_>>());
        place = Place::after(&verified);
        assert_eq!(place.parent, Some(block.header.id()));
    }
}

#[test]
fn the_certificate_of_a_block_is_checked_once() {
    let [good, other] = [chain(1, 9), chain(2, 9)].map(|mut blocks| blocks.pop().expect("a block"));
    let certified = |block: &StreamedBlock| CertifiedHeader {
        header: block.header.clone(),
        certificate: block.certificate.clone(),
    };
    let mut known = Certified::default();
    assert!(!known.has(&certified(&good)));
    known.remember(good.header.id(), &good.certificate);
    assert!(known.has(&certified(&good)) && !known.has(&certified(&other)));
    // Another one for the same block has to verify, or is replaced by the good one.
    let mut bad = certified(&good);
    let mut signatures = bad.certificate.signatures.to_vec();
    signatures[0].signature = signatures[1].signature;
    bad.certificate.signatures = Bounded::new(signatures).expect("as many");
    assert!(!known.has(&bad));
    let certificate = |block: &CertifiedHeader| {
        ProofError::Certificate(
            block
                .certificate
                .verify(&GENESIS, &first().set)
                .expect_err("a bad signature"),
        )
    };
    assert_eq!(
        trusted().check_once(&bad, |block| known.has(block)),
        Err(certificate(&bad))
    );
    assert!(known.put_into(&mut bad));
    assert_eq!(bad, certified(&good));
    // What is known of a block is nothing to another header.
    let mut moved = certified(&good);
    moved.header.time_ms = TimeMs(1);
    assert!(!known.put_into(&mut moved));
    assert_eq!(
        trusted().check_once(&moved, |block| known.has(block)),
        Err(ProofError::OtherBlock)
    );
}

#[test]
fn only_the_latest_certificates_are_remembered() {
    let certificate = first().certify(&chain(1, 9)[0].header, 4);
    let ids = (0..300_u16).map(|number| {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        BlockId(id)
    });
    let mut known = Certified::default();
    let ids: Vec<_> = ids.collect();
    for id in &ids {
        known.remember(*id, &certificate);
    }
    let is_known = |id: &&BlockId| known.of(id).is_some();
    assert_eq!(ids.iter().filter(is_known).count(), 256);
    assert!(is_known(&&ids[299]) && !is_known(&&ids[0]));
}

#[test]
fn nothing_else_is_believed() {
    let height = Height(3);
    check(
        |block| resign(block, |header| header.height = Height(4)),
        |_| BlockFault::Height {
            expected: height,
            actual: Height(4),
        },
    );
    check(
        |block| resign(block, |header| header.parent = BlockId([9; 32])),
        |good| BlockFault::Parent {
            height,
            expected: good.header.parent,
            actual: BlockId([9; 32]),
        },
    );
    let unproved = |source| move |_: &StreamedBlock| BlockFault::Certificate { height, source };
    check(|block| block.header.time_ms.0 += 1, unproved(ProofError::OtherBlock));
    check(
        |block| block.certificate = first().certify(&block.header, 2),
        unproved(ProofError::Certificate(
            causeway_contracts::block::CertificateError::NotEnoughPower { signed: 2, total: 4 },
        )),
    );
    check(
        |block| {
            block.header.validators_hash = second().set.hash();
            block.certificate = second().certify(&block.header, 4);
        },
        unproved(ProofError::OtherValidators),
    );
    check(|block| block.receipts.truncate(2), |_| BlockFault::Receipts(height));
    check(|block| block.receipts.swap(1, 2), |_| BlockFault::Receipts(height));
    let count = |actual| BlockFault::TransactionCount {
        height,
        expected: 2,
        actual,
    };
    check(|block| block.transactions.clear(), |_| count(0));
    check(|block| block.transactions.push(payment(1)), |_| count(3));
    check(
        |block| block.transactions.swap(0, 1),
        |good| BlockFault::OtherTransaction {
            height,
            expected: good.transactions[0].transaction.id(),
            actual: good.transactions[1].transaction.id(),
        },
    );
}

/// Their ids do not cover them, and what is given does not contain them.
#[test]
fn signatures_are_not_given() {
    let good = chain(1, 9).pop().unwrap();
    let mut other = good.clone();
    let signature = TransactionSignature {
        key: secret(8).public_key(),
        signature: secret(8).sign(Domain::Transaction, b"another"),
    };
    other.transactions[0].signatures = Bounded::new(vec![signature]).unwrap();
    let [good, other] = [good, other].map(|block| {
        let id = place_of(&block)
            .check(&block, &trusted(), |_| false)
            .expect("the same body");
        VerifiedBlock::new(id, block)
    });
    assert_eq!(good, other);
}

/// What a node does with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Sends all blocks from the height asked for on, and then comments.
    Honest,
    /// As many, and then it ends.
    EndsAfter(usize),
    /// The first of them with another amount in it.
    Forging,
    /// Refuses.
    Refusing,
    /// Begins an answer, and sends nothing more.
    Silent,
    /// Sends comments alone.
    Withholding,
    /// Sends what is no event's end, and no line's.
    Endless,
}

struct Network {
    blocks: Vec<StreamedBlock>,
    handovers: Vec<Handover>,
    /// Node and height of each stream that was asked for.
    asked: Mutex<Vec<(usize, u64)>>,
}

impl Network {
    /// A client of nodes that behave so, which asks the first of them first.
    async fn start(self, behaviours: &[Behaviour]) -> (Arc<Self>, Client) {
        let network = Arc::new(self);
        let mut nodes = Vec::new();
        for (node, behaviour) in behaviours.iter().copied().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            nodes.push(format!("http://{}", listener.local_addr().unwrap()));
            let network = network.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(network.clone().answer(stream, node, behaviour));
                }
            });
        }
        let client = Client::with_trust(trusted(), AddressPrefix::Devnet, nodes).unwrap();
        client.first.store(0, std::sync::atomic::Ordering::Relaxed);
        (network, client)
    }

    async fn answer(self: Arc<Self>, mut stream: TcpStream, node: usize, behaviour: Behaviour) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.split(' ').nth(1).unwrap();
        // The client is gone when it has passed the node over.
        let _gone = match target.strip_prefix("/v1/stream?from_height=") {
            Some(query) => {
                let height = query.strip_suffix("&transactions=true").unwrap().parse().unwrap();
                self.asked.lock().unwrap().push((node, height));
                self.stream(stream, behaviour, height).await
            }
            None => {
                assert_eq!(target.split('?').next(), Some("/v1/handovers"));
                let handovers = Bounded::new(self.handovers.clone()).unwrap();
                let body = serde_json::to_string(&Handovers { handovers }).unwrap();
                let length = body.len();
                let answer = format!("HTTP/1.1 200 -\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await
            }
        };
    }

    async fn stream(&self, mut stream: TcpStream, behaviour: Behaviour, height: u64) -> std::io::Result<()> {
        if behaviour == Behaviour::Refusing {
            return stream.write_all(b"HTTP/1.1 403 -\r\ncontent-length: 0\r\n\r\n").await;
        }
        stream
            .write_all(b"HTTP/1.1 200 -\r\ncontent-type: text/event-stream\r\n\r\n:\n\n")
            .await?;
        let mut blocks = self.blocks[height as usize - 1..].to_vec();
        match behaviour {
            Behaviour::Silent => return std::future::pending().await,
            Behaviour::EndsAfter(count) => blocks.truncate(count),
            Behaviour::Forging => blocks[0].transactions[0].transaction.nonce.0 += 1000,
            Behaviour::Withholding => blocks.clear(),
            Behaviour::Endless => {
                let part = [b'x'; 1 << 16];
                loop {
                    stream.write_all(&part).await?;
                }
            }
            Behaviour::Honest | Behaviour::Refusing => {}
        }
        for block in blocks {
            let data = serde_json::to_string(&block).unwrap();
            let event = format!("id: {}\nevent: block\ndata: {data}\n\n", block.header.height);
            // In two, so that events do not end with chunks.
            let (one, two) = event.as_bytes().split_at(event.len() / 2);
            stream.write_all(one).await?;
            stream.flush().await?;
            stream.write_all(two).await?;
        }
        if matches!(behaviour, Behaviour::EndsAfter(_)) {
            return Ok(());
        }
        loop {
            stream.write_all(b":\n\n").await?;
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn network(blocks: Vec<StreamedBlock>) -> Network {
    Network {
        blocks,
        handovers: Vec::new(),
        asked: Mutex::default(),
    }
}

const SHORT: Patience = Patience {
    silence: Duration::from_millis(300),
    block: Duration::from_millis(600),
    round: Duration::ZERO,
};

fn follow<'a>(client: &'a Client, from: u64, key: &'a SecretKey) -> Follower<'a> {
    Follower {
        patience: SHORT,
        ..client.follow(Height(from), key)
    }
}

async fn take(follower: &mut Follower<'_>, count: usize) -> Vec<u64> {
    let mut heights = Vec::new();
    for _ in 0..count {
        let block = follower.next().await.expect("another block");
        assert_eq!(block.id, block.header.id());
        heights.push(block.header.height.0);
    }
    heights
}

#[tokio::test]
async fn goes_on_at_the_next_node_from_where_it_was() {
    use Behaviour::*;
    let behaviours = [Refusing, EndsAfter(2), Forging, Silent, Withholding, Honest];
    let (network, client) = network(chain(6, 99)).start(&behaviours).await;
    let key = secret(50);
    let mut follower = follow(&client, 0, &key);
    assert_eq!(take(&mut follower, 6).await, [1, 2, 3, 4, 5, 6]);
    let asked = network.asked.lock().unwrap().clone();
    assert_eq!(asked, [(0, 1), (1, 1), (2, 3), (3, 3), (4, 3), (5, 3)]);
}

#[tokio::test]
async fn follows_changes_of_validators() {
    let blocks = chain(5, 4);
    let last = &blocks[2];
    let handover = Handover {
        last: CertifiedHeader {
            header: last.header.clone(),
            certificate: last.certificate.clone(),
        },
        next: second().set.to_list(),
    };
    let network = Network {
        handovers: vec![handover],
        ..network(blocks)
    };
    let (_, client) = network.start(&[Behaviour::Honest]).await;
    let key = secret(50);
    assert_eq!(take(&mut follow(&client, 1, &key), 5).await, [1, 2, 3, 4, 5]);
    assert_eq!(client.trusted().validators, second().set);
    // Those before it were decided by the validators of their time.
    assert_eq!(take(&mut follow(&client, 2, &key), 3).await, [2, 3, 4]);
}

#[tokio::test]
async fn says_so_when_no_node_has_the_block() {
    let (network, client) = network(chain(2, 99))
        .start(&[Behaviour::EndsAfter(1), Behaviour::Forging])
        .await;
    let key = secret(50);
    let mut follower = follow(&client, 1, &key);
    assert_eq!(take(&mut follower, 1).await, [1]);
    // The stream that was open ended; then both were asked anew, and the first had it.
    assert_eq!(take(&mut follower, 1).await, [2]);
    assert_eq!(*network.asked.lock().unwrap(), [(0, 1), (1, 2), (0, 2)]);
    let blocks = network.blocks.clone();
    let (_, client) = Network {
        blocks,
        handovers: Vec::new(),
        asked: Mutex::default(),
    }
    .start(&[Behaviour::Refusing, Behaviour::Forging])
    .await;
    let mut follower = follow(&client, 1, &key);
    let Err(FollowError::NoBlock { height, asked, last }) = follower.next().await else {
        panic!("nobody has it");
    };
    assert_eq!((height, asked), (Height(1), 2));
    assert!(
        matches!(*last, NodeFault::Block(BlockFault::OtherTransaction { .. })),
        "{last}"
    );
    assert_eq!(follower.height(), Height(1));
}

#[tokio::test]
async fn a_caller_can_say_what_it_had() {
    let blocks = chain(3, 99);
    let (_, client) = network(blocks.clone()).start(&[Behaviour::Honest]).await;
    let key = secret(50);
    let mut follower = follow(&client, 3, &key).after(blocks[1].header.id());
    assert_eq!(take(&mut follower, 1).await, [3]);
    let mut follower = follow(&client, 3, &key).after(blocks[0].header.id());
    let Err(FollowError::NoBlock { last, .. }) = follower.next().await else {
        panic!("another chain");
    };
    let expected = BlockFault::Parent {
        height: Height(3),
        expected: blocks[0].header.id(),
        actual: blocks[1].header.id(),
    };
    assert!(matches!(*last, NodeFault::Block(fault) if fault == expected));
}

/// Dropped while it waits, it loses nothing.
#[tokio::test]
async fn may_be_dropped_and_called_again() {
    let (network, client) = network(chain(4, 99)).start(&[Behaviour::Honest]).await;
    let key = secret(50);
    let mut follower = follow(&client, 1, &key);
    let mut heights = Vec::new();
    while heights.len() < 4 {
        tokio::select! {
            biased;
            block = follower.next() => heights.push(block.expect("a block").header.height.0),
            () = sleep(Duration::from_millis(1)) => {}
        }
    }
    assert_eq!(heights, [1, 2, 3, 4]);
    let asked = network.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|(_, height)| *height == 1), "{asked:?}");
}

#[tokio::test]
async fn what_has_no_end_is_cut_off() {
    let (_, client) = network(chain(1, 99)).start(&[Behaviour::Endless]).await;
    let key = secret(50);
    let mut follower = follow(&client, 1, &key);
    let stream = follower.open().await.expect("a stream");
    follower.stream = Some(Streaming {
        decoder: SseDecoder::new(1 << 20),
        ..stream
    });
    let fault = follower.ask_node().await.expect_err("no event ends");
    assert!(matches!(fault, NodeFault::TooLong(_)), "{fault}");
}
