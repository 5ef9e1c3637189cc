//! Drives the consensus core: feeds it one input and turns what it asks for into our effects.
//!
//! The core's `process!` logs an error of its effect handler and goes on as if nothing had happened, so
//! the handler here has none to give; an error of the core itself halts the node.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use causeway_contracts::{
    block::{Block, BlockId, GenesisHash, Height},
    committee::ValidatorId,
    keys::{Domain, PublicKey, SecretKey},
};
use malachite_core::{
    ConsensusMsg, Effect as CoreEffect, Error as CoreError, Input as CoreInput, LivenessMsg, LocallyProposedValue,
    MisbehaviorEvidence, Params, Resumable, Resume, SignedConsensusMsg, State, process,
};
use malachite_types::{
    self as types, Round, SignedMessage, SignedProposal, Threshold, ThresholdParams, Value as _, ValueOrigin,
    ValuePayload, VoteExtensionPolicy, VoteType,
};

use crate::{
    context::{Address, Ballot, Committee, Context, Offer, Seal, Value, or_nil, vote_kind},
    conversion::{
        commit_from_core, entry_from_core, entry_to_core, evidence_of_proposals, evidence_of_votes, judged_to_core,
        polka_from_core, proposal_from_core, round_from_core, round_number, timer_from_core, timer_to_core,
        vote_from_core,
    },
    log::{JudgedValue, LogEntry, Timer, TimerKind},
    message::Message,
    record::{Permission, SignRecord, Signed, Step, StepKind, Subject},
    scheme::Scheme,
    verification::Verifier,
    vocabulary::{CoreFault, Effect, Halt},
};

/// The core drops votes and proposals for later rounds than this above its own.
pub const ROUNDS_AHEAD_MAX: u32 = malachite_core::MAX_FUTURE_ROUND_LOOKAHEAD;

const TIMER_MAX: Duration = Duration::from_secs(30);

/// From which height on this node signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    From(Height),
    /// Not before [`crate::Input::SignFrom`]: the sign record is missing.
    Observing,
}

/// The core's state, and apart from it, because both are borrowed at once, what answers its requests.
pub struct Engine {
    state: Option<State<Context>>,
    pub desk: Desk,
}

pub struct Desk {
    pub verifier: Verifier,
    pub signing: Signing,
    me: Address,
    key: SecretKey,
    scheme: Arc<dyn Scheme>,
    public_key: PublicKey,
    record: SignRecord,
    height: Height,
    /// While a log is replayed: its entries, which need not be written again.
    replayed: Option<BTreeSet<Vec<u8>>>,
    effects: Vec<Effect>,
    /// Where in `effects` the decision belongs: its block is known only after `process!`.
    decision: Option<(usize, types::CommitCertificate<Context>)>,
}

impl Engine {
    pub fn new(
        genesis: GenesisHash,
        key: SecretKey,
        scheme: Arc<dyn Scheme>,
        record: SignRecord,
        signing: Signing,
    ) -> Self {
        let public_key = key.public_key();
        let desk = Desk {
            verifier: Verifier::new(genesis, Arc::clone(&scheme)),
            signing,
            me: Address(ValidatorId::of(&public_key)),
            key,
            scheme,
            public_key,
            record,
            height: Height::GENESIS,
            replayed: None,
            effects: Vec::new(),
            decision: None,
        };
        Self { state: None, desk }
    }

    pub fn me(&self) -> &ValidatorId {
        &self.desk.me.0
    }

    /// Remembered across restarts, as if all below had been signed.
    pub fn sign_from(&mut self, height: Height) {
        self.desk.signing = Signing::From(height);
        if let Some(below) = height.0.checked_sub(1) {
            let closing = Signed::closing(Height(below));
            if self.desk.record.absorb(closing) {
                self.push(Effect::Record(closing));
            }
        }
    }

    /// That of the core, which stays at a decided height until the next one starts.
    pub fn height(&self) -> Height {
        self.desk.height
    }

    /// None between heights.
    pub fn round(&self) -> Option<u32> {
        self.state.as_ref()?.round().as_u32()
    }

    pub fn push(&mut self, effect: Effect) {
        self.desk.effects.push(effect);
    }

    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.desk.effects)
    }

    pub fn is_decided(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.decided_value().is_some())
    }

    pub fn awaits_proposal(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.driver.step_is_propose())
    }

    fn state(&mut self) -> &mut State<Context> {
        self.state.as_mut().expect("nothing is fed before a height has started")
    }

    pub fn start(&mut self, height: Height, committee: Committee) -> Result<(), Halt> {
        let params = Params {
            address: self.desk.me,
            threshold_params: ThresholdParams::default(),
            // The proposal carries the whole value; only this mode lets us say whether it is valid.
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        // The core's own queue of future messages is never used.
        let state = State::new(Context, height.into(), committee.clone(), params, 1, 1);
        self.state = Some(state);
        self.desk.height = height;
        self.desk.verifier.forget();
        let no_target = None;
        self.feed(CoreInput::StartHeight(
            height.into(),
            committee,
            false,
            no_target,
            VoteExtensionPolicy::Disabled,
        ))
    }

    /// Starts a height that may have been begun before a crash, and comes to where its log ends.
    pub fn recover(&mut self, height: Height, committee: Committee, log: &[LogEntry]) -> Result<(), Halt> {
        for entry in log.iter().filter(|entry| is_by(self.desk.me.0, entry)) {
            let signed = Signed::of(entry).expect("only signed entries are by anyone");
            if self.desk.record.absorb(signed) {
                self.desk.effects.push(Effect::Record(signed));
            }
        }
        self.desk.replayed = Some(log.iter().map(LogEntry::encode).collect());
        self.start(height, committee)?;
        let inputs: Vec<_> = log.iter().map(entry_to_core).collect();
        self.state().index_wal_entries(&inputs);
        for input in inputs {
            self.feed(input)?;
        }
        self.state().reset_entries_index();
        self.desk.replayed = None;
        Ok(())
    }

    pub fn vote(&mut self, vote: types::SignedVote<Context>) -> Result<(), Halt> {
        self.feed(CoreInput::Vote(vote))
    }

    pub fn proposal(&mut self, proposal: SignedProposal<Context>) -> Result<(), Halt> {
        self.feed(CoreInput::Proposal(proposal))
    }

    pub fn polka(&mut self, certificate: types::PolkaCertificate<Context>) -> Result<(), Halt> {
        self.feed(CoreInput::PolkaCertificate(certificate))
    }

    pub fn round_certificate(&mut self, certificate: types::RoundCertificate<Context>) -> Result<(), Halt> {
        self.feed(CoreInput::RoundCertificate(certificate))
    }

    pub fn judged(&mut self, judged: &JudgedValue) -> Result<(), Halt> {
        self.feed(CoreInput::ProposedValue(judged_to_core(judged), ValueOrigin::Consensus))
    }

    pub fn propose(&mut self, height: Height, round: u32, block: Arc<Block>) -> Result<(), Halt> {
        let value = LocallyProposedValue::new(height.into(), Round::new(round), Value::new(block));
        self.feed(CoreInput::Propose(value))
    }

    pub fn timer(&mut self, timer: Timer) -> Result<(), Halt> {
        self.feed(CoreInput::TimeoutElapsed(timer_to_core(timer)))
    }

    /// Whether more than two thirds are known to have prevoted or precommitted a block in some round.
    pub fn has_polka(&self, id: &BlockId) -> bool {
        let Some(state) = &self.state else { return false };
        let votes = state.driver.votes();
        let voted = votes.all_rounds().keys().any(|round| {
            [VoteType::Prevote, VoteType::Precommit]
                .into_iter()
                .any(|kind| votes.is_threshold_met(round, kind, Threshold::Value(*id)))
        });
        voted
            || state
                .driver
                .polka_certificates()
                .iter()
                .any(|polka| polka.value_id == *id)
    }

    fn feed(&mut self, input: CoreInput<Context>) -> Result<(), Halt> {
        let state = self.state.as_mut().expect("nothing is fed before a height has started");
        let desk = &mut self.desk;
        let result: Result<(), CoreError<Context>> = process!(
            input: input,
            state: state,
            metrics: &(),
            with: effect => desk.answer(effect)
        );
        result.map_err(|error| match error {
            CoreError::ReplayDivergence(kind, height, round) => Halt::ReplayDivergence {
                kind,
                height: height.into(),
                round: round_number(round),
            },
            other => Halt::Core(CoreFault(Box::new(other))),
        })?;
        if let Some((place, certificate)) = desk.decision.take() {
            let (_, value) = state.decided_value().expect("decided just now");
            let certificate = commit_from_core(&certificate, state.validator_set());
            assert_eq!(
                value.id(),
                certificate.block,
                "the certificate is for the decided block"
            );
            let block = Arc::clone(value.block());
            desk.effects.insert(place, Effect::Committed { block, certificate });
        }
        Ok(())
    }
}

impl Desk {
    fn answer(&mut self, effect: CoreEffect<Context>) -> Result<Resume<Context>, Infallible> {
        Ok(match effect {
            CoreEffect::CancelAllTimeouts(resume) => {
                self.effects.push(Effect::CancelTimers);
                resume.resume_with(())
            }
            CoreEffect::CancelTimeout(timeout, resume) => {
                let timer = timer_from_core(self.height, timeout);
                self.effects.push(Effect::CancelTimer(timer));
                resume.resume_with(())
            }
            CoreEffect::ScheduleTimeout(timeout, resume) => {
                let timer = timer_from_core(self.height, timeout);
                self.effects.push(Effect::SetTimer(timer, duration(timer)));
                resume.resume_with(())
            }
            CoreEffect::StartRound(.., resume) => resume.resume_with(()),
            CoreEffect::PublishConsensusMsg(message, resume) => {
                let message = match message {
                    SignedConsensusMsg::Vote(vote) => vote_from_core(&vote).map(Message::Vote),
                    SignedConsensusMsg::Proposal(proposal) => {
                        proposal_from_core(&proposal).map(|proposal| Message::Proposal(Box::new(proposal)))
                    }
                };
                self.effects.extend(message.map(Effect::Send));
                resume.resume_with(())
            }
            CoreEffect::PublishLivenessMsg(message, resume) => {
                let message = match message {
                    LivenessMsg::Vote(vote) => vote_from_core(&vote).map(Message::Vote),
                    LivenessMsg::PolkaCertificate(polka) => Some(Message::Polka(polka_from_core(&polka))),
                    LivenessMsg::SkipRoundCertificate(round) => Some(Message::Round(round_from_core(&round))),
                };
                self.effects.extend(message.map(Effect::Send));
                resume.resume_with(())
            }
            CoreEffect::RepublishVote(vote, resume) => {
                let message = vote_from_core(&vote).map(Message::Vote);
                self.effects.extend(message.map(Effect::Send));
                resume.resume_with(())
            }
            CoreEffect::RepublishRoundCertificate(certificate, resume) => {
                let message = Message::Round(round_from_core(&certificate));
                self.effects.push(Effect::Send(message));
                resume.resume_with(())
            }
            CoreEffect::GetValue(height, round, _, resume) => {
                self.effects.push(Effect::NeedValue {
                    height: height.into(),
                    round: round_number(round),
                });
                resume.resume_with(())
            }
            // A proposal carries its value.
            CoreEffect::RestreamProposal(.., resume) => resume.resume_with(()),
            CoreEffect::CertVerifiedSyncValue(.., resume) | CoreEffect::CertRejectedSyncValue(.., resume) => {
                unreachable!("catching up goes round the core: {resume:?}")
            }
            CoreEffect::Decide(certificate, _, resume) => {
                self.decision = Some((self.effects.len(), certificate));
                resume.resume_with(())
            }
            CoreEffect::Finalize(_, _, evidence, resume) => {
                self.report(evidence);
                resume.resume_with(())
            }
            CoreEffect::SignVote(ballot, resume) => {
                let seal = self.sign_vote(&ballot);
                resume.resume_with(SignedMessage::new(ballot, seal))
            }
            CoreEffect::SignProposal(offer, resume) => {
                let seal = self.sign_proposal(&offer);
                resume.resume_with(SignedMessage::new(offer, seal))
            }
            CoreEffect::VerifySignature(signed, key, resume) => {
                let good = match &signed.message {
                    ConsensusMsg::Vote(ballot) => self.verifier.vote(ballot, signed.signature, key),
                    ConsensusMsg::Proposal(offer) => self.verifier.proposal(offer, signed.signature, key),
                };
                resume.resume_with(good)
            }
            CoreEffect::VerifyCommitCertificate(certificate, committee, thresholds, resume) => {
                resume.resume_with(self.verifier.commit(&certificate, &committee, thresholds))
            }
            CoreEffect::VerifyExtendedCommitCertificate(certificate, committee, thresholds, _, resume) => {
                let certificate = certificate.trim_vote_extensions();
                resume.resume_with(self.verifier.commit(&certificate, &committee, thresholds))
            }
            CoreEffect::VerifyPolkaCertificate(certificate, committee, thresholds, resume) => {
                resume.resume_with(self.verifier.polka(&certificate, &committee, thresholds))
            }
            CoreEffect::VerifyRoundCertificate(certificate, committee, thresholds, resume) => {
                resume.resume_with(self.verifier.round(&certificate, &committee, thresholds))
            }
            CoreEffect::WalAppend(height, input, resume) => {
                self.persist(entry_from_core(height.into(), &input));
                resume.resume_with(())
            }
            CoreEffect::ExtendVote(.., resume) => resume.resume_with(None),
            CoreEffect::VerifyVoteExtension(.., resume) => resume.resume_with(Ok(())),
        })
    }

    fn persist(&mut self, entry: LogEntry) {
        // A vote that the crash kept from the log is made again by the replay, and is logged then.
        if self.replayed.as_ref().is_none_or(|log| !log.contains(&entry.encode())) {
            self.effects.push(Effect::Persist(entry));
        }
    }

    fn sign_vote(&mut self, ballot: &Ballot) -> Seal {
        let signed = Signed {
            height: ballot.height.into(),
            step: Step {
                round: round_number(ballot.round),
                kind: vote_kind(ballot.kind).into(),
            },
            subject: Subject {
                block: or_nil(&ballot.value),
                lock_round: None,
            },
        };
        let message = self.verifier.vote_bytes(ballot);
        self.sign(signed, Domain::Vote, &message)
    }

    fn sign_proposal(&mut self, offer: &Offer) -> Seal {
        let signed = Signed {
            height: offer.height.into(),
            step: Step {
                round: round_number(offer.round),
                kind: StepKind::Proposal,
            },
            subject: Subject {
                block: Some(offer.value.id()),
                lock_round: offer.lock_round.as_u32(),
            },
        };
        let message = self.verifier.proposal_bytes(offer);
        self.sign(signed, Domain::Proposal, &message)
    }

    fn sign(&mut self, signed: Signed, domain: Domain, message: &[u8]) -> Seal {
        match self.signing {
            Signing::From(first) if signed.height >= first => {}
            Signing::From(_) | Signing::Observing => return None,
        }
        match self.record.sign(signed) {
            Permission::New(signed) => self.effects.push(Effect::Record(signed)),
            Permission::Again => {}
            Permission::Refused => return None,
        }
        let signature = self.scheme.sign(&self.key, domain, message);
        self.verifier.trust(self.public_key, domain, message, signature);
        Some(signature)
    }

    fn report(&mut self, evidence: MisbehaviorEvidence<Context>) {
        let votes = evidence.votes.iter().flat_map(|(_, pairs)| pairs);
        let votes = votes.filter_map(|(one, other)| evidence_of_votes(&vote_from_core(one)?, &vote_from_core(other)?));
        let proposals = evidence.proposals.iter().flat_map(|(_, pairs)| pairs);
        let proposals = proposals
            .filter_map(|(one, other)| evidence_of_proposals(&proposal_from_core(one)?, &proposal_from_core(other)?));
        let found = votes.chain(proposals);
        self.effects
            .extend(found.map(|evidence| Effect::Evidence(Box::new(evidence))));
    }
}

fn is_by(me: ValidatorId, entry: &LogEntry) -> bool {
    match entry {
        LogEntry::Vote(vote) => vote.validator == me,
        LogEntry::Proposal(proposal) => proposal.validator == me,
        LogEntry::Timeout(_) | LogEntry::Value(_) | LogEntry::Polka(_) => false,
    }
}

/// The core's own are far longer.
fn duration(timer: Timer) -> Duration {
    let linear = |base: u64, step: u64| {
        let ms = base.saturating_add(step.saturating_mul(u64::from(timer.round)));
        Duration::from_millis(ms).min(TIMER_MAX)
    };
    match timer.kind {
        TimerKind::Propose => linear(500, 250),
        TimerKind::Prevote | TimerKind::Precommit => linear(200, 100),
        TimerKind::Rebroadcast => Duration::from_secs(1),
    }
}
