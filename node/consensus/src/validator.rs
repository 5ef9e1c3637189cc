//! One validator's part in the chain: what its replica, its ledger, its peers and its disk tell each
//! other.
//!
//! [`Validator::handle`] takes one [`Event`] and gives [`Action`]s, to be performed in order. The node's
//! actor performs them on a network and disks, a simulator on virtual ones; both run all of this.
//!
//! - What is to be remembered is synced before anything is sent or committed: an [`Action::Sync`] stands
//!   before the first of these.
//! - After a block is durable the next height starts when a batch waits, when others have begun it, or
//!   after five seconds; at most every 25 milliseconds.
//! - Every 300 ms, and every second while there is nothing to order, each validator says how high it is. One
//!   that is behind fetches certified blocks, checks the certificates and commits them without voting.
//! - After the first block of each period of block time it signs the root over its state, and says it with its
//!   height, until more than two thirds say the same and a proposer puts that into a block.

mod vocabulary;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use causeway_contracts::{
    block::{Block, BlockId, CommitCertificate, GenesisHash, Height, TimeMs},
    committee::ValidatorId,
    keys::SecretKey,
    merkle::Root,
    protocol::ProtocolVersion,
};

pub use self::vocabulary::{Action, Alarm, Committed, Event, Misconduct, Status, Stop};
use crate::{
    catch_up::{Fetched, PeerHeights, check},
    checkpoints::{Checkpoints, SignedRoot},
    engine::Signing,
    log::LogEntry,
    message::Message,
    moment::Moment,
    pace::Pace,
    record::SignRecord,
    replica::Replica,
    scheme::Scheme,
    vocabulary::{Effect, Input, Setup},
    wire::{BLOCKS_MAX, FetchRequest, FetchResponse, PeerStatus},
};

const STATUS_EVERY: Duration = Duration::from_millis(300);

const STATUS_EVERY_IDLE: Duration = Duration::from_secs(1);

/// A node that is one block behind for longer than this fetches it.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a validator has when its process begins.
pub struct Beginning {
    pub genesis: GenesisHash,
    pub key: SecretKey,
    pub scheme: Arc<dyn Scheme>,
    /// The last block that is durable.
    pub tip: Committed,
    pub log: Vec<LogEntry>,
    pub record: SignRecord,
    pub signing: Signing,
    /// The last version of the protocol that this program implements: it stops before the first height of
    /// a later one.
    pub known: ProtocolVersion,
}

pub struct Validator {
    me: ValidatorId,
    key: SecretKey,
    genesis: GenesisHash,
    scheme: Arc<dyn Scheme>,
    known: ProtocolVersion,
    replica: Replica,
    /// To be replayed by [`Event::Begin`].
    log: Vec<LogEntry>,
    tip: Committed,
    /// When `tip` was committed, or this process began.
    progress: Moment,
    committing: Option<(Height, BlockId)>,
    pace: Pace,
    peers: PeerHeights,
    checkpoints: Checkpoints,
    /// Whom blocks are being fetched from.
    fetching: Option<ValidatorId>,
    fetches: usize,
    fetched: Option<Fetched>,
    actions: Vec<Action>,
}

impl Validator {
    pub fn new(beginning: Beginning) -> Self {
        let Beginning {
            genesis,
            key,
            scheme,
            tip,
            log,
            record,
            signing,
            known,
        } = beginning;
        Self {
            me: ValidatorId::of(&key.public_key()),
            key: key.clone(),
            genesis,
            scheme: Arc::clone(&scheme),
            known,
            replica: Replica::new(genesis, key, scheme, record, signing),
            log,
            tip,
            progress: Moment::default(),
            committing: None,
            pace: Pace::default(),
            peers: PeerHeights::default(),
            checkpoints: Checkpoints::default(),
            fetching: None,
            fetches: 0,
            fetched: None,
            actions: Vec::new(),
        }
    }

    /// The last block that is durable.
    pub fn tip(&self) -> &Committed {
        &self.tip
    }

    pub fn status(&self) -> Status {
        Status {
            committed: self.tip.height,
            best: self.peers.best(&self.tip.validators).max(self.tip.height),
            round: self.replica.round(),
            signing: match self.replica.signing() {
                Signing::From(first) => self.is_validator() && first <= self.tip.height.next(),
                Signing::Observing => false,
            },
        }
    }

    /// Whether this node's key is in the set that decides the next block. If not it follows, and neither
    /// votes nor proposes; it does again from the height on at which its key is in the set.
    pub fn is_validator(&self) -> bool {
        self.tip.validators.by_id(&self.me).is_some()
    }

    pub fn handle(&mut self, event: Event, now: Moment) -> Vec<Action> {
        match event {
            Event::Begin => self.begin(now),
            Event::Message { from, payload, arrived } => {
                if let Some(message) = self.decode(from, &payload) {
                    self.heard_message(from, message, arrived, now);
                }
            }
            Event::Status { from, payload } => self.heard_status(from, &payload, now),
            Event::Alarm(Alarm::Consensus(timer)) => self.input(Input::Timer(timer), now),
            Event::Alarm(Alarm::Start) => self.start_height(now),
            Event::Alarm(Alarm::Status) => self.tell_status(now),
            Event::BatchWaiting => {
                self.pace.want();
                self.schedule_start(now);
            }
            Event::Drafted { height, round, block } => self.input(Input::ValueReady { height, round, block }, now),
            Event::Executed { height, block, verdict } => self.input(Input::Executed { height, block, verdict }, now),
            Event::Committed(committed) => self.committed(*committed, now),
            Event::Root { height, root } => self.rooted(height, root),
            Event::Fetched { from, answer } => self.fetched(from, answer.as_deref(), now),
        }
        std::mem::take(&mut self.actions)
    }

    fn begin(&mut self, now: Moment) {
        let log = std::mem::take(&mut self.log);
        self.progress = now;
        self.pace.started(now);
        if self.stop_if_outdated() {
            return;
        }
        self.take_root_if_due();
        self.input(Input::Recover(self.setup(), log), now);
        self.actions.push(Action::SetTimer(Alarm::Status, STATUS_EVERY));
    }

    /// What the next height's rules are, this program may not know.
    fn stop_if_outdated(&mut self) -> bool {
        let (needed, from) = (self.tip.next_version(), self.tip.height.next());
        let known = self.known;
        if needed > known {
            self.actions
                .push(Action::Stop(Stop::NeedsVersion { needed, known, from }));
        }
        needed > known
    }

    fn setup(&self) -> Setup {
        Setup {
            height: self.tip.height.next(),
            validators: self.tip.validators.clone(),
            rotation: self.tip.rotation.clone(),
        }
    }

    /// The only place where the replica is handled.
    fn input(&mut self, input: Input, now: Moment) {
        let effects = self.replica.handle(input);
        // All that is to be remembered goes to disk in one sync before the first thing that others can
        // see: earlier than it must for some, late for none.
        let mut visible = false;
        for effect in &effects {
            match effect {
                Effect::Persist(entry) => self.actions.push(Action::Persist(entry.clone())),
                Effect::Record(signed) => self.actions.push(Action::Record(*signed)),
                Effect::Send(_) | Effect::Committed { .. } => visible = true,
                _ => {}
            }
        }
        if visible {
            self.actions.push(Action::Sync);
        }
        for effect in effects {
            self.perform(effect, now);
        }
    }

    fn perform(&mut self, effect: Effect, now: Moment) {
        let action = match effect {
            Effect::Persist(_) | Effect::Record(_) => return,
            Effect::Send(message) => Action::SendMessage(message.encode()),
            Effect::SetTimer(timer, after) => Action::SetTimer(Alarm::Consensus(timer), after),
            Effect::CancelTimer(timer) => Action::CancelTimer(Alarm::Consensus(timer)),
            Effect::CancelTimers => Action::CancelConsensusTimers,
            Effect::NeedValue { height, round } => Action::Draft {
                height,
                round,
                checkpoint: self
                    .checkpoints
                    .certificate(self.tip.checkpoints.due, &self.tip.validators),
            },
            Effect::Execute {
                height,
                id,
                block,
                proposer,
            } => Action::Execute {
                height,
                id,
                block,
                proposer,
            },
            Effect::Begun(_) => {
                self.pace.want();
                return self.schedule_start(now);
            }
            Effect::Committed { block, certificate } => return self.decided(block, certificate),
            Effect::Evidence(evidence) => Action::Report(evidence),
            Effect::PeerFault { peer, fault } => Action::Blame(peer, Misconduct::Consensus(fault)),
            Effect::Halt(halt) => Action::Stop(Stop::Halt(halt)),
        };
        self.actions.push(action);
    }

    /// The replica has decided.
    fn decided(&mut self, block: Arc<Block>, certificate: CommitCertificate) {
        let (height, id) = (certificate.height, certificate.block);
        if height != self.tip.height.next() {
            return;
        }
        if let Some((_, other)) = self.committing {
            // Else the same block came from a peer a moment ago.
            if other != id {
                let stop = Stop::TwoBlocks {
                    height,
                    one: other,
                    other: id,
                };
                self.actions.push(Action::Stop(stop));
            }
            return;
        }
        let source = block.header.proposer;
        self.commit(block, certificate, source);
    }

    /// Makes a block durable whose certificate has been checked.
    fn commit(&mut self, block: Arc<Block>, certificate: CommitCertificate, source: ValidatorId) {
        self.committing = Some((certificate.height, certificate.block));
        self.actions.push(Action::Commit {
            block,
            certificate,
            source,
        });
    }

    fn committed(&mut self, committed: Committed, now: Moment) {
        assert_eq!(
            self.committing.take(),
            Some((committed.height, committed.block)),
            "the ledger commits what it is told to"
        );
        self.tip = committed;
        if self.stop_if_outdated() {
            return;
        }
        self.checkpoints.keep_members(self.me, &self.tip.validators);
        self.stop_if_certified_otherwise();
        self.take_root_if_due();
        self.progress = now;
        self.pace.wait(now);
        self.input(Input::Await(self.setup()), now);
        self.sign_if_safe(now);
        self.catch_up(now);
        self.schedule_start(now);
    }

    fn schedule_start(&mut self, now: Moment) {
        let action = match self.pace.due() {
            Some(due) => Action::SetTimer(Alarm::Start, due.since(now)),
            None => Action::CancelTimer(Alarm::Start),
        };
        self.actions.push(action);
    }

    fn start_height(&mut self, now: Moment) {
        self.pace.started(now);
        let setup = self.setup();
        self.actions.push(Action::BeginHeight(setup.height));
        self.input(Input::Start(setup), now);
    }

    fn tell_status(&mut self, now: Moment) {
        let status = PeerStatus {
            height: self.tip.height,
            checkpoint: self.checkpoints.of(&self.me).copied(),
        };
        self.actions.push(Action::SendStatus(status.encode()));
        let again = match self.pace.is_idle() {
            true => STATUS_EVERY_IDLE,
            false => STATUS_EVERY,
        };
        self.actions.push(Action::SetTimer(Alarm::Status, again));
        self.catch_up(now);
    }

    /// Goes on with what was fetched, or fetches, if this node is behind.
    fn catch_up(&mut self, now: Moment) {
        if self.committing.is_some() || self.fetching.is_some() {
            return;
        }
        if let Some(fetched) = &mut self.fetched {
            let from = fetched.from;
            while let Some(certified) = fetched.blocks.pop_front() {
                let next = self.tip.height.next();
                if certified.block.header.height < next {
                    continue;
                }
                match check(
                    &certified,
                    next,
                    &self.genesis,
                    &self.tip.validators,
                    self.scheme.as_ref(),
                ) {
                    Ok(()) => {
                        self.peers.served(&from);
                        self.pace.hold();
                        self.actions.push(Action::CancelTimer(Alarm::Start));
                        return self.commit(Arc::new(certified.block), certified.certificate, from);
                    }
                    Err(bad) => {
                        self.actions.push(Action::Blame(from, Misconduct::NotFinal(bad)));
                        self.peers.doubt(&from);
                        break;
                    }
                }
            }
            self.fetched = None;
        }
        let best = self.peers.best(&self.tip.validators);
        let behind = best.0.saturating_sub(self.tip.height.0);
        // Then even one peer may have what this node lacks; if none says so, none is asked.
        let late = now.since(self.progress) > PATIENCE;
        if behind > 1 || late {
            self.fetch();
        }
    }

    fn fetch(&mut self) {
        let Some(from) = self.peers.ahead_of(self.tip.height, self.fetches) else {
            return;
        };
        self.fetching = Some(from);
        self.fetches = self.fetches.wrapping_add(1);
        let request = FetchRequest::Blocks {
            from: self.tip.height.next(),
            count: BLOCKS_MAX as u16,
        };
        self.actions.push(Action::Fetch {
            from,
            request: request.encode(),
        });
    }

    fn fetched(&mut self, from: ValidatorId, answer: Option<&[u8]>, now: Moment) {
        assert_eq!(self.fetching.take(), Some(from), "one question is under way at a time");
        match answer.map(FetchResponse::decode) {
            Some(Ok(FetchResponse::Blocks(blocks))) if !blocks.is_empty() => {
                let blocks = VecDeque::from(blocks.into_vec());
                self.fetched = Some(Fetched { from, blocks });
                self.catch_up(now);
            }
            // It is not as high as it says, or was, or it is away. It may tell again.
            Some(Ok(FetchResponse::Blocks(_))) | None => self.peers.doubt(&from),
            Some(Ok(_) | Err(_)) => {
                self.actions.push(Action::Blame(from, Misconduct::FetchResponse));
                self.peers.doubt(&from);
            }
        }
    }

    fn heard_status(&mut self, from: ValidatorId, payload: &[u8], now: Moment) {
        match PeerStatus::decode(payload) {
            Ok(status) => {
                self.peers.report(from, status.height);
                if let Some(said) = status.checkpoint {
                    self.heard_root(from, said);
                }
                self.sign_if_safe(now);
                self.catch_up(now);
            }
            Err(error) => self.actions.push(Action::Blame(from, Misconduct::Status(error))),
        }
    }

    /// Before anything changes the state again. A node that catches up leaves it to the others: it would pass
    /// one checkpoint after the other faster than it can read its state.
    fn take_root_if_due(&mut self) {
        let height = self.tip.height;
        let is_behind = self.peers.best(&self.tip.validators) > height.next();
        if self.tip.checkpoints.due == Some(height) && !is_behind {
            self.actions.push(Action::TakeRoot { height });
        }
    }

    fn rooted(&mut self, height: Height, root: Root) {
        let own = SignedRoot::sign(&self.genesis, height, root, &self.key, self.scheme.as_ref());
        self.checkpoints.put(self.me, own);
        self.stop_if_certified_otherwise();
    }

    fn heard_root(&mut self, from: ValidatorId, said: SignedRoot) {
        let validators = &self.tip.validators;
        let scheme = self.scheme.as_ref();
        if !self.checkpoints.hear(from, said, &self.genesis, validators, scheme) {
            self.actions.push(Action::Blame(from, Misconduct::Checkpoint));
        }
    }

    /// More than two thirds of the power say what the state is; if this node's is another, all that it goes
    /// on to say is wrong.
    fn stop_if_certified_otherwise(&mut self) {
        let (height, certified) = (self.tip.checkpoints.certified, self.tip.checkpoint_root);
        let own = self.checkpoints.of(&self.me).filter(|own| own.height == height);
        if let Some(own) = own.filter(|own| own.root != certified) {
            let stop = Stop::OtherState {
                height,
                certified,
                own: own.root,
            };
            self.actions.push(Action::Stop(stop));
        }
    }

    /// Ends observing, once it is known from where on.
    fn sign_if_safe(&mut self, now: Moment) {
        if self.replica.signing() != Signing::Observing {
            return;
        }
        if let Some(first) = self.peers.sign_from(&self.tip.validators, self.tip.height) {
            self.input(Input::SignFrom(first), now);
            self.actions.push(Action::ConfirmRecord { first });
        }
    }

    fn decode(&mut self, from: ValidatorId, payload: &[u8]) -> Option<Message> {
        match Message::decode(payload) {
            Ok(message) => Some(message),
            Err(error) => {
                self.actions.push(Action::Blame(from, Misconduct::Message(error)));
                None
            }
        }
    }

    /// Whether it is a validator at the next height or at the one after it.
    fn may_decide(&self, peer: &ValidatorId) -> bool {
        let sets = [&self.tip.validators, &self.tip.next_validators];
        sets.iter().any(|set| set.by_id(peer).is_some())
    }

    fn heard_message(&mut self, from: ValidatorId, message: Message, arrived: TimeMs, now: Moment) {
        let below = Height(message.height().0.saturating_sub(1));
        self.peers.at_least(from, below);
        // Of others nothing is kept: so what is kept is bounded by the number of validators. They say nothing
        // that those do not say.
        if self.may_decide(&from) {
            self.input(Input::Message { from, message, arrived }, now);
        }
        if below > self.tip.height.next() {
            self.catch_up(now);
        }
    }
}
