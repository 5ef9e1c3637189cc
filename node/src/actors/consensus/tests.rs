//! Whole consensus actors with real files, on a ledger, a mempool and a network of a few lines.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::{Actor, ActorContext, Addr, Context, Handler, Message, MessageResult};
use causeway_consensus::{
    Message as Said, Status, Vote,
    wire::{CertifiedBlock, FetchRequest, FetchResponse},
};
use causeway_contracts::{
    block::{
        BATCHES_MAX, Batch, BatchDigest, Block, BlockId, Checkpoints, GenesisHash, HashedBatch, Header, Height,
        StateHash, TimeMs, VoteKind, batch::BATCH_VERSION, batches_root, genesis_block_id, vote_message,
    },
    codec::Bounded,
    committee::{Validator, ValidatorId, ValidatorSet, rotation::Rotation},
    keys::{Domain, SecretKey},
    ledger::InvalidBlock,
    merkle::Root,
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN, Protocol},
    transaction::{Action, SignedTransaction, TxId},
};
use tokio::sync::watch;

use super::{
    actor::{ConsensusActor, Ports, Start},
    metrics::ConsensusMetrics,
};
use crate::{
    actors::{
        ledger::message::{Commit, CommitDone, Committed, Draft, Execute, TakeRoot, WrongHeight},
        mempool::message::{BatchWaiting, Gather, GatherError, Ordered, Ready, Refusal, Submit},
        network::message::{Destination, Fetch, FetchError, Lane, PeerFault, Received, Send},
    },
    log::{Absent, DiskFolder, Files},
};

const GENESIS: GenesisHash = GenesisHash([7; 32]);

/// Far longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn key(index: usize) -> SecretKey {
    SecretKey::from_seed(&[index as u8 + 1; 32])
}

fn id(index: usize) -> ValidatorId {
    ValidatorId::of(&key(index).public_key())
}

fn validators() -> ValidatorSet {
    let validators = (0..4).map(|index| Validator {
        key: key(index).public_key(),
        power: 1,
    });
    ValidatorSet::new(validators.collect()).expect("keys differ")
}

/// What the world outside the actors holds: it outlives them.
#[derive(Default)]
struct World {
    running: BTreeMap<ValidatorId, Addr<ConsensusActor>>,
    chains: BTreeMap<ValidatorId, Vec<CertifiedBlock>>,
    waiting: Vec<HashedBatch>,
    faults: Vec<(ValidatorId, &'static str)>,
    reports: Vec<SignedTransaction>,
}

impl World {
    fn chain(&mut self, node: ValidatorId) -> &mut Vec<CertifiedBlock> {
        self.chains.entry(node).or_default()
    }

    fn tip(&mut self, node: ValidatorId) -> Committed {
        let mut tip = Committed {
            height: Height::GENESIS,
            time_ms: TimeMs(0),
            block: genesis_block_id(&GENESIS),
            state_hash: StateHash([0; 32]),
            checkpoint_root: Root([0; 32]),
            checkpoints: Checkpoints::default(),
            validators: validators(),
            next_validators: validators(),
            rotation: Rotation::default(),
            protocol: Protocol::default(),
        };
        for CertifiedBlock { block, .. } in self.chain(node) {
            let header = &block.header;
            tip.rotation = tip
                .rotation
                .after(&tip.validators, &tip.validators, header.height, &header.proposer);
            tip.height = header.height;
            tip.time_ms = header.time_ms;
            tip.block = block.id();
            tip.state_hash = header.state_hash;
        }
        tip
    }

    fn is_ordered(&mut self, node: ValidatorId, digest: &BatchDigest) -> bool {
        self.chain(node)
            .iter()
            .any(|certified| certified.block.batches.contains(digest))
    }
}

type Shared = Arc<Mutex<World>>;

/// One validator's other actors.
struct Others {
    me: ValidatorId,
    world: Shared,
}

impl Others {
    fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().expect("no holder panics"))
    }
}

impl Actor for Others {
    type Context = Context<Self>;
}

impl Handler<Send> for Others {
    type Result = ();
    fn handle(&mut self, Send { to, lane, payload }: Send, _: &mut Self::Context) {
        assert!(payload.len() <= lane.payload_bytes_max());
        assert_eq!(to, Destination::All);
        let peers: Vec<_> = self.with(|world| world.running.clone().into_iter().collect());
        for (_, peer) in peers.into_iter().filter(|(peer, _)| *peer != self.me) {
            let received = Received {
                from: self.me,
                lane,
                payload: payload.to_vec(),
                arrived: super::actor::now(),
            };
            peer.try_send(received).ok();
        }
    }
}

impl Handler<Fetch> for Others {
    type Result = Result<Vec<u8>, FetchError>;
    fn handle(&mut self, Fetch { from, request }: Fetch, _: &mut Self::Context) -> Self::Result {
        let FetchRequest::Blocks { from: first, count } = FetchRequest::decode(&request).expect("canonical") else {
            panic!("batches are gathered");
        };
        let blocks = self.with(|world| {
            let later = world
                .chain(from)
                .iter()
                .filter(|certified| certified.block.header.height >= first);
            later.take(usize::from(count)).cloned().collect()
        });
        Ok(FetchResponse::blocks(blocks).encode())
    }
}

impl Handler<PeerFault> for Others {
    type Result = ();
    fn handle(&mut self, PeerFault { peer, fault }: PeerFault, _: &mut Self::Context) {
        self.with(|world| world.faults.push((peer, fault)));
    }
}

impl Handler<Submit> for Others {
    type Result = Vec<Result<TxId, Refusal>>;
    fn handle(&mut self, Submit { transactions, .. }: Submit, _: &mut Self::Context) -> Self::Result {
        let ids = transactions.iter().map(|signed| Ok(signed.id())).collect();
        self.with(|world| world.reports.extend(transactions));
        ids
    }
}

impl Handler<Ready> for Others {
    type Result = MessageResult<Ready>;
    fn handle(&mut self, ready: Ready, _: &mut Self::Context) -> Self::Result {
        let me = self.me;
        MessageResult(self.with(|world| {
            let waiting = world.waiting.clone();
            let new = waiting
                .into_iter()
                .filter(|batch| !world.is_ordered(me, &batch.digest()));
            new.take(ready.batches_max.min(BATCHES_MAX)).collect()
        }))
    }
}

impl Handler<Gather> for Others {
    type Result = Result<Vec<HashedBatch>, GatherError>;
    fn handle(&mut self, Gather { digests, .. }: Gather, _: &mut Self::Context) -> Self::Result {
        self.with(|world| {
            let find = |digest: &BatchDigest| world.waiting.iter().find(|batch| batch.digest() == *digest).cloned();
            digests
                .iter()
                .map(|digest| find(digest).ok_or(GatherError::Missing(*digest)))
                .collect()
        })
    }
}

impl Handler<Ordered> for Others {
    type Result = ();
    fn handle(&mut self, ordered: Ordered, _: &mut Self::Context) {
        let me = self.me;
        assert!(
            self.with(|world| world.tip(me).height) >= ordered.height,
            "told before it is durable"
        );
    }
}

impl Others {
    fn check_height(&self, asked: Height) -> Result<Committed, WrongHeight> {
        let tip = self.with(|world| world.tip(self.me));
        let next = tip.height.next();
        if asked == next {
            Ok(tip)
        } else {
            Err(WrongHeight { asked, next })
        }
    }
}

fn block_after(tip: &Committed, time: TimeMs, proposer: ValidatorId, batches: &[HashedBatch]) -> Block {
    let digests: Vec<_> = batches.iter().map(HashedBatch::digest).collect();
    let root = batches_root(&digests, None);
    Block {
        header: Header {
            version: PROTOCOL_MIN,
            genesis: GENESIS,
            height: tip.height.next(),
            time_ms: time,
            parent: tip.block,
            proposer,
            batches_root: root,
            transaction_count: 0,
            receipts_root: root,
            changes_root: root,
            state_hash: tip.state_hash.after(&root),
            checkpoint_root: Root([0; 32]),
            validators_hash: tip.validators.hash(),
            next_validators_hash: tip.validators.hash(),
        },
        batches: Bounded::new(digests).expect("few"),
        checkpoint: None,
    }
}

impl Handler<Draft> for Others {
    type Result = Result<Block, WrongHeight>;
    fn handle(&mut self, Draft(draft): Draft, _: &mut Self::Context) -> Self::Result {
        let tip = self.check_height(draft.height)?;
        Ok(block_after(&tip, draft.now, draft.proposer, &draft.batches))
    }
}

impl Handler<Execute> for Others {
    type Result = Result<Result<(), InvalidBlock>, WrongHeight>;
    fn handle(&mut self, Execute { block, batches }: Execute, _: &mut Self::Context) -> Self::Result {
        let tip = self.check_height(block.header.height)?;
        let expected = block_after(&tip, block.header.time_ms, block.header.proposer, &batches);
        Ok(if expected == block {
            Ok(())
        } else {
            Err(InvalidBlock::Version {
                expected: PROTOCOL_MIN,
                actual: PROTOCOL_MAX,
            })
        })
    }
}

impl Handler<TakeRoot> for Others {
    type Result = Option<Root>;
    fn handle(&mut self, _: TakeRoot, _: &mut Self::Context) -> Self::Result {
        None
    }
}

impl Handler<Commit> for Others {
    type Result = Result<CommitDone, WrongHeight>;
    fn handle(&mut self, commit: Commit, _: &mut Self::Context) -> Self::Result {
        let Commit {
            block,
            certificate,
            batches,
        } = commit;
        let tip = self.check_height(block.header.height)?;
        certificate
            .verify(&GENESIS, &tip.validators)
            .expect("verified by consensus");
        assert_eq!(certificate.block, block.id());
        let digests: Vec<_> = batches.iter().map(HashedBatch::digest).collect();
        assert_eq!(digests, block.batches.to_vec());
        Ok(self.with(|world| {
            world.chain(self.me).push(CertifiedBlock { block, certificate });
            CommitDone {
                committed: world.tip(self.me),
                yields: Vec::new(),
            }
        }))
    }
}

/// SIGKILL: nothing more is handled or written.
#[derive(Message)]
#[rtype(result = "()")]
struct Kill;

impl Handler<Kill> for ConsensusActor {
    type Result = ();
    fn handle(&mut self, Kill: Kill, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

struct Network {
    world: Shared,
    folders: Vec<tempfile::TempDir>,
    watched: BTreeMap<usize, watch::Receiver<Status>>,
    offered: u64,
}

impl Network {
    fn new() -> Self {
        Self {
            world: Shared::default(),
            folders: (0..4).map(|_| tempfile::tempdir().expect("a folder")).collect(),
            watched: BTreeMap::new(),
            offered: 0,
        }
    }

    fn folder(&self, node: usize) -> PathBuf {
        self.folders[node].path().to_owned()
    }

    fn start(&mut self, node: usize, absent: Absent) {
        let others = Others {
            me: id(node),
            world: Arc::clone(&self.world),
        }
        .start();
        let folder = self.folder(node);
        let disk = DiskFolder::open(&folder).expect("opens");
        let (files, recovered) = Files::open(disk, GENESIS, id(node), absent).expect("opens");
        let tip = self.world.lock().expect("no holder panics").tip(id(node));
        let (actor, watched) = ConsensusActor::new(Start {
            genesis: GENESIS,
            key: key(node),
            tip,
            files,
            recovered,
            data: folder,
            disk_free_bytes_min: 0,
            ports: Ports {
                send: others.clone().recipient(),
                fetch: others.clone().recipient(),
                fault: others.clone().recipient(),
                ready: others.clone().recipient(),
                gather: others.clone().recipient(),
                ordered: others.clone().recipient(),
                submit: others.clone().recipient(),
                draft: others.clone().recipient(),
                execute: others.clone().recipient(),
                commit: others.clone().recipient(),
                root: others.recipient(),
            },
            metrics: ConsensusMetrics::register(&prometheus::Registry::new()).expect("a new registry"),
            known: PROTOCOL_MAX,
        });
        self.watched.insert(node, watched);
        let actor = actor.start();
        self.world
            .lock()
            .expect("no holder panics")
            .running
            .insert(id(node), actor);
    }

    async fn kill(&mut self, node: usize) {
        let actor = self.world.lock().expect("no holder panics").running.remove(&id(node));
        actor.expect("runs").send(Kill).await.expect("runs");
    }

    /// A batch for all; gives its digest.
    fn offer(&mut self) -> BatchDigest {
        self.offered += 1;
        let mut author = [0; 20];
        author[..8].copy_from_slice(&self.offered.to_be_bytes());
        let batch = Batch {
            version: BATCH_VERSION,
            genesis: GENESIS,
            author: ValidatorId(author),
            transactions: Bounded::default(),
        };
        let batch = HashedBatch::new(batch);
        let digest = batch.digest();
        let mut world = self.world.lock().expect("no holder panics");
        world.waiting.push(batch);
        for actor in world.running.values() {
            actor.try_send(BatchWaiting).expect("has room");
        }
        digest
    }

    /// Offers a batch and waits until these nodes have it in a block.
    async fn order(&mut self, nodes: &[usize]) {
        let digest = self.offer();
        for &node in nodes {
            let world = Arc::clone(&self.world);
            self.until(node, |_| {
                world.lock().expect("no holder panics").is_ordered(id(node), &digest)
            })
            .await;
        }
    }

    async fn until(&mut self, node: usize, holds: impl FnMut(&Status) -> bool) {
        let watched = self.watched.get_mut(&node).expect("started");
        tokio::time::timeout(PATIENCE, watched.wait_for(holds))
            .await
            .unwrap_or_else(|_| panic!("node {node} did not come to it"))
            .expect("the actor lives");
    }

    fn check(&self) {
        let mut world = self.world.lock().expect("no holder panics");
        assert_eq!(world.faults, []);
        let chains: Vec<Vec<BlockId>> = (0..4)
            .map(|node| {
                world
                    .chain(id(node))
                    .iter()
                    .map(|certified| certified.block.id())
                    .collect()
            })
            .collect();
        let longest = chains.iter().max_by_key(|chain| chain.len()).expect("four");
        assert!(chains.iter().all(|chain| longest.starts_with(chain)), "{chains:?}");
    }
}

#[actix_rt::test]
async fn four_nodes_order_what_waits() {
    let mut network = Network::new();
    (0..4).for_each(|node| network.start(node, Absent::Create));
    for _ in 0..5 {
        network.order(&[0, 1, 2, 3]).await;
    }
    network.check();
}

#[actix_rt::test]
async fn a_late_node_catches_up_and_a_dead_one_is_done_without() {
    let mut network = Network::new();
    (0..3).for_each(|node| network.start(node, Absent::Create));
    for _ in 0..5 {
        network.order(&[0, 1, 2]).await;
    }
    network.start(3, Absent::Create);
    network.order(&[0, 1, 2, 3]).await;
    network.kill(0).await;
    network.order(&[1, 2, 3]).await;
    network.check();
}

#[actix_rt::test]
async fn killed_nodes_go_on_from_their_files() {
    let mut network = Network::new();
    (0..4).for_each(|node| network.start(node, Absent::Create));
    for round in 0..4 {
        network.order(&[0, 1, 2, 3]).await;
        network.offer();
        for node in 0..4 {
            network.kill(node).await;
        }
        (0..4).for_each(|node| network.start(node, Absent::Observe));
        assert!(
            network
                .watched
                .values()
                .all(|status| !status.has_changed().expect("lives")),
            "{round}"
        );
    }
    network.order(&[0, 1, 2, 3]).await;
    network.check();
}

#[actix_rt::test]
async fn a_node_without_its_sign_record_observes_and_signs_later() {
    let mut network = Network::new();
    (0..4).for_each(|node| network.start(node, Absent::Create));
    network.order(&[0, 1, 2, 3]).await;
    network.kill(2).await;
    std::fs::remove_file(network.folder(2).join("sign.record")).expect("removes");
    network.start(2, Absent::Observe);
    network.order(&[0, 1, 2, 3]).await;
    let signs = |status: &Status| status.signing;
    while !signs(&network.watched[&2].borrow()) {
        network.order(&[0, 1, 2, 3]).await;
    }
    network.kill(2).await;
    network.start(2, Absent::Observe);
    network.until(2, signs).await;
    network.check();
}

/// What validator 3, which does not run, would say in the first round.
fn vote(height: Height, block: Option<BlockId>) -> Vec<u8> {
    let message = vote_message(&GENESIS, VoteKind::Prevote, height, 0, block.as_ref());
    let vote = Vote {
        kind: VoteKind::Prevote,
        height,
        round: 0,
        block,
        validator: id(3),
        signature: key(3).sign(Domain::Vote, &message),
    };
    Said::Vote(vote).encode()
}

#[actix_rt::test]
async fn a_double_vote_is_reported_once_by_each_that_saw_it() {
    let mut network = Network::new();
    (0..3).for_each(|node| network.start(node, Absent::Create));
    let reports = |network: &Network| network.world.lock().expect("no holder panics").reports.clone();
    while reports(&network).len() < 3 {
        let height = network.watched[&0].borrow().committed.next();
        let running = network.world.lock().expect("no holder panics").running.clone();
        for (actor, height) in running
            .values()
            .flat_map(|actor| [height, height.next()].map(|at| (actor, at)))
        {
            for block in [None, Some(BlockId([9; 32]))] {
                let received = Received {
                    from: id(3),
                    lane: Lane::Consensus,
                    payload: vote(height, block),
                    arrived: super::actor::now(),
                };
                actor.try_send(received).expect("has room");
            }
        }
        network.order(&[0, 1, 2]).await;
    }
    let mut seen = std::collections::BTreeSet::new();
    for signed in reports(&network) {
        assert_eq!(signed.check(&GENESIS), Ok(()));
        assert_eq!(signed.verify_signatures(), Ok(()));
        let [Action::ReportEvidence { reporter, evidence }] = &signed.transaction.actions[..] else {
            panic!("a report and nothing else: {signed:?}");
        };
        assert_eq!(evidence.verify(&GENESIS, &validators()), Ok(()));
        assert_eq!(evidence.validator, id(3));
        assert!(
            seen.insert((*reporter, evidence.height)),
            "reported twice: {evidence:?}"
        );
    }
    network.check();
}
