//! Between our own forms, which are written and sent, and the core's.

use std::sync::Arc;

use causeway_contracts::{
    block::{CommitCertificate, CommitSignature, Height},
    codec::Bounded,
    evidence::{self, Evidence, Turn},
    keys::Signature,
};
use malachite_core::{Input, ProposedValue};
use malachite_types::{self as types, Round, SignedMessage, SignedProposal, SignedVote, TimeoutKind, Validity};

use crate::{
    context::{Address, Ballot, Committee, Context, Offer, Value, nil_or, or_nil, vote_kind, vote_type},
    log::{JudgedValue, LogEntry, Timer, TimerKind},
    message::{
        PolkaCertificate, PolkaSignature, Proposal, RoundCertificate, RoundCertificateKind, RoundSignature, Vote,
    },
};

pub fn round_number(round: Round) -> u32 {
    round.as_u32().expect("nothing is signed before the first round")
}

/// `None` of a vote that the sign record refused, which goes nowhere.
pub fn vote_from_core(signed: &SignedVote<Context>) -> Option<Vote> {
    let Ballot {
        kind,
        height,
        round,
        value,
        validator,
    } = &signed.message;
    Some(Vote {
        kind: vote_kind(*kind),
        height: (*height).into(),
        round: round_number(*round),
        block: or_nil(value),
        validator: validator.0,
        signature: signed.signature?,
    })
}

pub fn vote_to_core(vote: &Vote) -> SignedVote<Context> {
    let ballot = Ballot {
        kind: vote_type(vote.kind),
        height: vote.height.into(),
        round: Round::new(vote.round),
        value: nil_or(vote.block),
        validator: Address(vote.validator),
    };
    SignedMessage::new(ballot, Some(vote.signature))
}

/// `None` of a proposal that the sign record refused.
pub fn proposal_from_core(signed: &SignedProposal<Context>) -> Option<Proposal> {
    let Offer {
        height,
        round,
        value,
        lock_round,
        validator,
    } = &signed.message;
    Some(Proposal {
        height: (*height).into(),
        round: round_number(*round),
        lock_round: lock_round.as_u32(),
        block: value.block().as_ref().clone(),
        validator: validator.0,
        signature: signed.signature?,
    })
}

pub fn proposal_to_core(proposal: &Proposal, value: Value) -> SignedProposal<Context> {
    let offer = Offer {
        height: proposal.height.into(),
        round: Round::new(proposal.round),
        value,
        lock_round: Round::from(proposal.lock_round),
        validator: Address(proposal.validator),
    };
    SignedMessage::new(offer, Some(proposal.signature))
}

fn sealed(seal: Option<Signature>) -> Signature {
    seal.expect("certificates hold votes that were verified, and a refused one is not")
}

pub fn polka_from_core(certificate: &types::PolkaCertificate<Context>) -> PolkaCertificate {
    let mut signatures: Vec<_> = certificate
        .polka_signatures
        .iter()
        .map(|entry| PolkaSignature {
            validator: entry.address.0,
            signature: sealed(entry.signature),
        })
        .collect();
    signatures.sort_by_key(|entry| entry.validator);
    PolkaCertificate {
        height: certificate.height.into(),
        round: round_number(certificate.round),
        block: certificate.value_id,
        signatures: Bounded::new(signatures).expect("each member at most once"),
    }
}

pub fn polka_to_core(certificate: &PolkaCertificate) -> types::PolkaCertificate<Context> {
    types::PolkaCertificate {
        height: certificate.height.into(),
        round: Round::new(certificate.round),
        value_id: certificate.block,
        polka_signatures: certificate
            .signatures
            .iter()
            .map(|entry| types::PolkaSignature::new(Address(entry.validator), Some(entry.signature)))
            .collect(),
    }
}

pub fn round_from_core(certificate: &types::RoundCertificate<Context>) -> RoundCertificate {
    let mut signatures: Vec<_> = certificate
        .round_signatures
        .iter()
        .map(|entry| RoundSignature {
            validator: entry.address.0,
            kind: vote_kind(entry.vote_type),
            block: or_nil(&entry.value_id),
            signature: sealed(entry.signature),
        })
        .collect();
    signatures.sort_by_key(|entry| entry.validator);
    RoundCertificate {
        height: certificate.height.into(),
        round: round_number(certificate.round),
        kind: match certificate.cert_type {
            types::RoundCertificateType::Skip => RoundCertificateKind::Skip,
            types::RoundCertificateType::Precommit => RoundCertificateKind::Precommit,
        },
        signatures: Bounded::new(signatures).expect("each member at most once"),
    }
}

pub fn round_to_core(certificate: &RoundCertificate) -> types::RoundCertificate<Context> {
    types::RoundCertificate {
        height: certificate.height.into(),
        round: Round::new(certificate.round),
        cert_type: match certificate.kind {
            RoundCertificateKind::Skip => types::RoundCertificateType::Skip,
            RoundCertificateKind::Precommit => types::RoundCertificateType::Precommit,
        },
        round_signatures: certificate
            .signatures
            .iter()
            .map(|entry| types::RoundSignature {
                vote_type: vote_type(entry.kind),
                value_id: nil_or(entry.block),
                address: Address(entry.validator),
                signature: Some(entry.signature),
            })
            .collect(),
    }
}

pub fn commit_from_core(certificate: &types::CommitCertificate<Context>, committee: &Committee) -> CommitCertificate {
    let mut signatures: Vec<_> = certificate
        .commit_signatures
        .iter()
        .map(|entry| CommitSignature {
            signer: committee
                .validators()
                .index_of(&entry.address.0)
                .expect("only members' votes are counted"),
            signature: sealed(entry.signature),
        })
        .collect();
    // The core gives them in order of arrival.
    signatures.sort_by_key(|entry| entry.signer);
    CommitCertificate {
        height: certificate.height.into(),
        round: round_number(certificate.round),
        block: certificate.value_id,
        signatures: Bounded::new(signatures).expect("each member at most once"),
    }
}

/// `None` unless they are of one step and say different things.
pub fn evidence_of_votes(one: &Vote, other: &Vote) -> Option<Evidence> {
    let turn = |vote: &Vote| Turn {
        validator: vote.validator,
        height: vote.height,
        round: vote.round,
    };
    if turn(one) != turn(other) || one.kind != other.kind {
        return None;
    }
    let votes = [one, other].map(|vote| evidence::SignedVote {
        block: vote.block,
        signature: vote.signature,
    });
    Evidence::of_votes(turn(one), one.kind, votes).ok()
}

/// The same.
pub fn evidence_of_proposals(one: &Proposal, other: &Proposal) -> Option<Evidence> {
    let turn = |proposal: &Proposal| Turn {
        validator: proposal.validator,
        height: proposal.height,
        round: proposal.round,
    };
    if turn(one) != turn(other) {
        return None;
    }
    let proposals = [one, other].map(|proposal| evidence::SignedProposal {
        lock_round: proposal.lock_round,
        block: proposal.block.id(),
        signature: proposal.signature,
    });
    Evidence::of_proposals(turn(one), proposals).ok()
}

pub fn timer_from_core(height: Height, timeout: types::Timeout) -> Timer {
    Timer {
        height,
        round: round_number(timeout.round),
        kind: match timeout.kind {
            TimeoutKind::Propose => TimerKind::Propose,
            TimeoutKind::Prevote => TimerKind::Prevote,
            TimeoutKind::Precommit => TimerKind::Precommit,
            TimeoutKind::Rebroadcast => TimerKind::Rebroadcast,
            TimeoutKind::FinalizeHeight(_) => unreachable!("heights are started without a target time"),
        },
    }
}

pub fn timer_to_core(timer: Timer) -> types::Timeout {
    let kind = match timer.kind {
        TimerKind::Propose => TimeoutKind::Propose,
        TimerKind::Prevote => TimeoutKind::Prevote,
        TimerKind::Precommit => TimeoutKind::Precommit,
        TimerKind::Rebroadcast => TimeoutKind::Rebroadcast,
    };
    types::Timeout::new(Round::new(timer.round), kind)
}

pub fn judged_to_core(judged: &JudgedValue) -> ProposedValue<Context> {
    ProposedValue {
        height: judged.height.into(),
        round: Round::new(judged.round),
        valid_round: Round::from(judged.lock_round),
        proposer: Address(judged.proposer),
        value: Value::new(Arc::new(judged.block.clone())),
        validity: Validity::from_bool(judged.valid),
    }
}

/// What the core wants logged. It asks for these five kinds of input only.
pub fn entry_from_core(height: Height, input: &Input<Context>) -> LogEntry {
    match input {
        Input::Vote(vote) => LogEntry::Vote(vote_from_core(vote).expect("logged after it was verified")),
        Input::Proposal(proposal) => {
            let proposal = proposal_from_core(proposal).expect("logged after it was verified");
            LogEntry::Proposal(Box::new(proposal))
        }
        Input::TimeoutElapsed(timeout) => LogEntry::Timeout(timer_from_core(height, *timeout)),
        Input::ProposedValue(value, _) => LogEntry::Value(Box::new(JudgedValue {
            height: value.height.into(),
            round: round_number(value.round),
            lock_round: value.valid_round.as_u32(),
            proposer: value.proposer.0,
            block: value.value.block().as_ref().clone(),
            valid: value.validity.is_valid(),
        })),
        Input::PolkaCertificate(certificate) => LogEntry::Polka(polka_from_core(certificate)),
        Input::StartHeight(..) | Input::RoundCertificate(_) | Input::Propose(_) | Input::SyncValueResponse(_) => {
            unreachable!("the core logs no such input")
        }
    }
}

pub fn entry_to_core(entry: &LogEntry) -> Input<Context> {
    match entry {
        LogEntry::Vote(vote) => Input::Vote(vote_to_core(vote)),
        LogEntry::Proposal(proposal) => {
            let value = Value::new(Arc::new(proposal.block.clone()));
            Input::Proposal(proposal_to_core(proposal, value))
        }
        LogEntry::Timeout(timer) => Input::TimeoutElapsed(timer_to_core(*timer)),
        LogEntry::Value(judged) => Input::ProposedValue(judged_to_core(judged), types::ValueOrigin::Consensus),
        LogEntry::Polka(certificate) => Input::PolkaCertificate(polka_to_core(certificate)),
    }
}
