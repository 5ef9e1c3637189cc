//! A validator that hears, in any order, what three others could say under their good signatures, what
//! timers ring, and what its ledger and disk answer, and that is killed and begins again with what it had
//! put on disk. It must neither panic nor sign twice.

#![no_main]

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use causeway_consensus::{
    Action, Alarm, Beginning, Committed, Event, LogEntry, Message, Moment, PolkaCertificate, PolkaSignature, Proposal,
    RoundCertificate, RoundCertificateKind, RoundSignature, Scheme, SignRecord, Signing, Step, StepKind, Stop, Subject,
    Validator, Verdict, Vote,
};
use causeway_contracts::{
    block::{
        Block, BlockId, Checkpoints, GenesisHash, Header, Height, StateHash, TimeMs, VoteKind, batches_root,
        genesis_block_id, proposal_message,
    },
    codec::Bounded,
    committee::{Validator as Member, ValidatorId, ValidatorSet, rotation::Rotation},
    keys::{Domain, SecretKey, Signature, Signed},
    merkle::Root,
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN, Protocol},
};
use libfuzzer_sys::fuzz_target;

const GENESIS: GenesisHash = GenesisHash([7; 32]);
/// Block times.
const START: u64 = 1_800_000_000_000;

/// Every signature that is not all zeros is good: what is fuzzed here is what good ones are put to.
#[derive(Debug)]
struct AnySignature;

impl Scheme for AnySignature {
    fn sign(&self, _: &SecretKey, _: Domain, _: &[u8]) -> Signature {
        Signature([1; 64])
    }

    fn is_good(&self, signed: &Signed<'_>) -> bool {
        signed.signature != Signature([0; 64])
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}

fn key(index: u8) -> SecretKey {
    SecretKey::from_seed(&[index + 1; 32])
}

fn block(tip: &Committed, author: ValidatorId, salt: u8) -> Block {
    let root = batches_root(&[], None);
    Block {
        header: Header {
            version: PROTOCOL_MIN,
            genesis: GENESIS,
            height: tip.height.next(),
            time_ms: TimeMs(START + 1 + u64::from(salt % 4)),
            parent: tip.block,
            proposer: author,
            batches_root: root,
            transaction_count: 0,
            receipts_root: root,
            changes_root: root,
            state_hash: tip.state_hash.after(&root),
            checkpoint_root: Root([0; 32]),
            validators_hash: tip.validators.hash(),
            next_validators_hash: tip.validators.hash(),
        },
        batches: Bounded::default(),
        checkpoint: None,
    }
}

struct World {
    validator: Validator,
    ids: Vec<ValidatorId>,
    timers: Vec<Alarm>,
    waiting: Vec<Event>,
    signed: BTreeMap<(Height, Step), Subject>,
    log: Vec<LogEntry>,
    record: SignRecord,
    now: u64,
    stopped: bool,
}

impl World {
    fn new() -> Self {
        static KEYS: OnceLock<(SecretKey, Vec<ValidatorId>, ValidatorSet)> = OnceLock::new();
        let (key, ids, validators) = KEYS.get_or_init(|| {
            let keys: Vec<_> = (0..4).map(|index| key(index).public_key()).collect();
            let members = keys.iter().map(|&key| Member { key, power: 1 });
            let validators = ValidatorSet::new(members.collect()).expect("keys differ");
            (key(0), keys.iter().map(ValidatorId::of).collect(), validators)
        });
        let tip = Committed {
            height: Height::GENESIS,
            time_ms: TimeMs(START),
            block: genesis_block_id(&GENESIS),
            state_hash: StateHash([0; 32]),
            checkpoint_root: Root([0; 32]),
            checkpoints: Checkpoints::default(),
            validators: validators.clone(),
            next_validators: validators.clone(),
            rotation: Rotation::default(),
            protocol: Protocol::default(),
        };
        Self {
            validator: Validator::new(Beginning {
                genesis: GENESIS,
                key: key.clone(),
                scheme: Arc::new(AnySignature),
                tip,
                log: Vec::new(),
                record: SignRecord::default(),
                signing: Signing::From(Height(1)),
                known: PROTOCOL_MAX,
            }),
            ids: ids.clone(),
            timers: Vec::new(),
            waiting: Vec::new(),
            signed: BTreeMap::new(),
            log: Vec::new(),
            record: SignRecord::default(),
            now: 0,
            stopped: false,
        }
    }

    /// Killed, and begun again: all that is not on disk is gone.
    fn restart(&mut self) {
        let tip = self.validator.tip().clone();
        let first = tip.height.next();
        self.log.retain(|entry| entry.height() >= first);
        self.timers.clear();
        self.waiting.clear();
        self.validator = Validator::new(Beginning {
            genesis: GENESIS,
            key: key(0),
            scheme: Arc::new(AnySignature),
            tip,
            log: self.log.clone(),
            record: self.record.clone(),
            signing: Signing::From(first),
            known: PROTOCOL_MAX,
        });
        self.handle(Event::Begin);
    }

    fn handle(&mut self, event: Event) {
        let now = Moment(Duration::from_millis(self.now));
        for action in self.validator.handle(event, now) {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        let tip = self.validator.tip().clone();
        match action {
            Action::SetTimer(alarm, _) => {
                self.timers.retain(|other| *other != alarm);
                self.timers.push(alarm);
            }
            Action::CancelTimer(alarm) => self.timers.retain(|other| *other != alarm),
            Action::CancelConsensusTimers => self.timers.retain(|alarm| !matches!(alarm, Alarm::Consensus(_))),
            Action::Draft { height, round, .. } => {
                let block = Arc::new(block(&tip, self.ids[0], 0));
                self.waiting.push(Event::Drafted { height, round, block });
            }
            Action::Execute { height, id, .. } => self.waiting.push(Event::Executed {
                height,
                block: id,
                verdict: Verdict::Valid,
            }),
            Action::Commit { block, certificate, .. } => {
                assert_eq!(certificate.block, block.id());
                assert_eq!(certificate.height, tip.height.next());
                let author = block.header.proposer;
                self.waiting.push(Event::Committed(Box::new(Committed {
                    rotation: tip
                        .rotation
                        .after(&tip.validators, &tip.validators, certificate.height, &author),
                    height: certificate.height,
                    time_ms: block.header.time_ms,
                    block: certificate.block,
                    state_hash: block.header.state_hash,
                    checkpoint_root: tip.checkpoint_root,
                    checkpoints: tip.checkpoints,
                    validators: tip.validators,
                    protocol: tip.protocol,
                    next_validators: tip.next_validators,
                })));
            }
            Action::Fetch { from, .. } => self.waiting.push(Event::Fetched { from, answer: None }),
            Action::SendMessage(bytes) => self.check_signed(&Message::decode(&bytes).expect("its own")),
            Action::Persist(entry) => self.log.push(entry),
            Action::Record(signed) => {
                self.record.absorb(signed);
            }
            Action::Sync
            | Action::BeginHeight(_)
            | Action::ConfirmRecord { .. }
            | Action::SendStatus(_)
            | Action::TakeRoot { .. }
            | Action::Report(_)
            | Action::Blame(..) => {}
            // With three voices at hand that say anything, two blocks or another state may well be certified.
            Action::Stop(Stop::TwoBlocks { .. } | Stop::OtherState { .. }) => self.stopped = true,
            Action::Stop(Stop::Halt(halt)) => panic!("no input may cause this: {halt}"),
            Action::Stop(stop @ Stop::NeedsVersion { .. }) => panic!("no version is scheduled: {stop}"),
        }
    }

    fn check_signed(&mut self, message: &Message) {
        let (height, step, subject) = match message {
            Message::Vote(vote) if vote.validator == self.ids[0] => {
                let kind = match vote.kind {
                    VoteKind::Prevote => StepKind::Prevote,
                    VoteKind::Precommit => StepKind::Precommit,
                };
                let step = Step {
                    round: vote.round,
                    kind,
                };
                (
                    vote.height,
                    step,
                    Subject {
                        block: vote.block,
                        lock_round: None,
                    },
                )
            }
            Message::Proposal(proposal) if proposal.validator == self.ids[0] => {
                let step = Step {
                    round: proposal.round,
                    kind: StepKind::Proposal,
                };
                let block = Some(proposal.block.id());
                (
                    proposal.height,
                    step,
                    Subject {
                        block,
                        lock_round: proposal.lock_round,
                    },
                )
            }
            _ => return,
        };
        let before = *self.signed.entry((height, step)).or_insert(subject);
        assert_eq!(before, subject, "signed twice");
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let tip = self.validator.tip().clone();
        let height = Height(tip.height.0 + u64::from(bytes.next()? % 2) + 1);
        let who = usize::from(bytes.next()? % 3) + 1;
        let round = u32::from(bytes.next()? % 4);
        let salt = bytes.next()? % 4;
        self.now += u64::from(salt) * 50;
        let some = |salt: u8| (salt != 3).then(|| block(&tip, self.ids[who], salt).id());
        let event = match bytes.next()? % 13 {
            0..=2 => {
                let vote = Vote {
                    kind: if salt.is_multiple_of(2) {
                        VoteKind::Prevote
                    } else {
                        VoteKind::Precommit
                    },
                    height,
                    round,
                    block: pick(bytes.next()?, &tip, &self.ids).or(some(salt)),
                    validator: self.ids[who],
                    signature: Signature([1; 64]),
                };
                self.message(who, &Message::Vote(vote))
            }
            3 => {
                let proposer = *tip.rotation.proposer(&tip.validators, height, round);
                if proposer == self.ids[0] {
                    return Some(());
                }
                let block = block(&tip, proposer, salt);
                let proposal = Proposal {
                    height,
                    round,
                    lock_round: None,
                    block,
                    validator: proposer,
                    signature: Signature([1; 64]),
                };
                let _ = proposal_message(&GENESIS, height, round, None, &proposal.block.id());
                self.message(who, &Message::Proposal(Box::new(proposal)))
            }
            4 => {
                let at = usize::from(bytes.next()?);
                if self.timers.is_empty() {
                    return Some(());
                }
                let at = at % self.timers.len();
                Event::Alarm(self.timers.remove(at))
            }
            5 | 6 => {
                let at = usize::from(bytes.next()?);
                if self.waiting.is_empty() {
                    return Some(());
                }
                let at = at % self.waiting.len();
                self.waiting.remove(at)
            }
            8 | 9 => {
                let block = pick(bytes.next()?, &tip, &self.ids).or(some(salt)).unwrap_or(tip.block);
                let mut signers = bytes.next()?;
                if !self.has_voted(height, round, VoteKind::Prevote, Some(block)) {
                    signers &= !1;
                }
                let certificate = PolkaCertificate {
                    height,
                    round,
                    block,
                    signatures: self.signed_by(signers, |validator, _| PolkaSignature {
                        validator,
                        signature: Signature([1; 64]),
                    }),
                };
                self.message(who, &Message::Polka(certificate))
            }
            10 => {
                let kind = match salt % 2 {
                    0 => RoundCertificateKind::Skip,
                    _ => RoundCertificateKind::Precommit,
                };
                let (mut signers, votes) = (bytes.next()?, bytes.next()?);
                let vote = |at: usize| match kind {
                    RoundCertificateKind::Skip if votes >> at & 1 == 0 => (VoteKind::Prevote, some(votes >> at & 3)),
                    _ => (VoteKind::Precommit, some(votes >> at & 3)),
                };
                let (own, block) = vote(0);
                if !self.has_voted(height, round, own, block) {
                    signers &= !1;
                }
                let certificate = RoundCertificate {
                    height,
                    round,
                    kind,
                    signatures: self.signed_by(signers, |validator, at| {
                        let (kind, block) = vote(at);
                        RoundSignature {
                            validator,
                            kind,
                            block,
                            signature: Signature([1; 64]),
                        }
                    }),
                };
                self.message(who, &Message::Round(certificate))
            }
            11 => {
                let proposer = *tip.rotation.proposer(&tip.validators, height, round);
                if proposer == self.ids[0] {
                    return Some(());
                }
                let byte = bytes.next()?;
                let author = self.ids[usize::from(byte % 4)];
                let proposal = Proposal {
                    height,
                    round,
                    lock_round: Some(u32::from(byte / 4 % 4)),
                    block: block(&tip, author, salt),
                    validator: proposer,
                    signature: Signature([1; 64]),
                };
                self.message(who, &Message::Proposal(Box::new(proposal)))
            }
            12 => {
                self.restart();
                return Some(());
            }
            // As it came from the wire.
            _ => {
                let length = usize::from(bytes.next()?).min(bytes.0.len());
                let (payload, rest) = bytes.0.split_at(length);
                bytes.0 = rest;
                Event::Message {
                    from: self.ids[who],
                    payload: payload.to_vec(),
                    arrived: TimeMs(START),
                }
            }
        };
        self.handle(event);
        Some(())
    }

    /// Nobody else can sign for it: others' certificates have of it what it has sent.
    fn has_voted(&self, height: Height, round: u32, kind: VoteKind, block: Option<BlockId>) -> bool {
        let kind = match kind {
            VoteKind::Prevote => StepKind::Prevote,
            VoteKind::Precommit => StepKind::Precommit,
        };
        let subject = Subject {
            block,
            lock_round: None,
        };
        self.signed.get(&(height, Step { round, kind })) == Some(&subject)
    }

    /// By those whose bit is set, in the order of their ids.
    fn signed_by<T, const MAX: usize>(&self, bits: u8, sign: impl Fn(ValidatorId, usize) -> T) -> Bounded<T, MAX> {
        let mut signers: Vec<_> = (0..self.ids.len()).filter(|at| bits >> at & 1 == 1).collect();
        signers.sort_by_key(|&at| self.ids[at]);
        let signatures = signers.into_iter().map(|at| sign(self.ids[at], at)).collect();
        Bounded::new(signatures).expect("four at most")
    }

    fn message(&self, who: usize, message: &Message) -> Event {
        Event::Message {
            from: self.ids[who],
            payload: message.encode(),
            arrived: TimeMs(START),
        }
    }
}

/// The block that some proposer could have proposed.
fn pick(byte: u8, tip: &Committed, ids: &[ValidatorId]) -> Option<BlockId> {
    let author = ids[usize::from(byte % 4)];
    (byte < 200).then(|| block(tip, author, byte / 4).id())
}

fuzz_target!(|bytes: &[u8]| {
    let mut world = World::new();
    world.handle(Event::Begin);
    let mut bytes = Bytes(bytes);
    while !world.stopped && world.step(&mut bytes).is_some() {}
});
