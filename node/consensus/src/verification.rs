//! The one way in which votes, proposals and certificates are found to be signed.

use std::{collections::BTreeSet, sync::Arc};

use causeway_contracts::{
    block::{GenesisHash, VoteKind, proposal_message, vote_message},
    codec,
    keys::{Domain, PublicKey, Signature, Signed},
};
use malachite_types::{
    self as types, CertificateError, NilOrVal, RoundCertificateType, ThresholdParam, ThresholdParams, Validator as _,
    ValidatorSet as _, Value as _,
};

use crate::{
    context::{Address, Ballot, Committee, Context, Offer, Seal, nil_or, or_nil, vote_kind, vote_type},
    conversion::round_number,
    scheme::Scheme,
};

/// Signatures found good are remembered up to this many, and then forgotten together.
const REMEMBERED_MAX: usize = 16 * 1024;

type Verdict = Result<(), CertificateError<Context>>;

/// Checks signatures, each once: the core asks again for those inside certificates.
pub struct Verifier {
    genesis: GenesisHash,
    scheme: Arc<dyn Scheme>,
    good: BTreeSet<[u8; 32]>,
}

impl Verifier {
    pub fn new(genesis: GenesisHash, scheme: Arc<dyn Scheme>) -> Self {
        Self {
            genesis,
            scheme,
            good: BTreeSet::new(),
        }
    }

    pub fn forget(&mut self) {
        self.good.clear();
    }

    pub fn vote_bytes(&self, ballot: &Ballot) -> [u8; 78] {
        vote_message(
            &self.genesis,
            vote_kind(ballot.kind),
            ballot.height.into(),
            round_number(ballot.round),
            or_nil(&ballot.value).as_ref(),
        )
    }

    pub fn proposal_bytes(&self, offer: &Offer) -> [u8; 81] {
        proposal_message(
            &self.genesis,
            offer.height.into(),
            round_number(offer.round),
            offer.lock_round.as_u32(),
            &offer.value.id(),
        )
    }

    pub fn vote(&mut self, ballot: &Ballot, seal: Seal, key: PublicKey) -> bool {
        let message = self.vote_bytes(ballot);
        self.good(key, Domain::Vote, &message, seal)
    }

    pub fn proposal(&mut self, offer: &Offer, seal: Seal, key: PublicKey) -> bool {
        let message = self.proposal_bytes(offer);
        self.good(key, Domain::Proposal, &message, seal)
    }

    /// A signature that this process has just made need not be checked.
    pub fn trust(&mut self, key: PublicKey, domain: Domain, message: &[u8], signature: Signature) {
        self.remember(tag(key, domain, message, signature));
    }

    fn good(&mut self, key: PublicKey, domain: Domain, message: &[u8], seal: Seal) -> bool {
        let Some(signature) = seal else { return false };
        let tag = tag(key, domain, message, signature);
        if self.good.contains(&tag) {
            return true;
        }
        let signed = Signed {
            key,
            domain,
            message,
            signature,
        };
        let good = self.scheme.is_good(&signed);
        if good {
            self.remember(tag);
        }
        good
    }

    fn remember(&mut self, tag: [u8; 32]) {
        if self.good.len() >= REMEMBERED_MAX {
            self.good.clear();
        }
        self.good.insert(tag);
    }

    pub fn commit(
        &mut self,
        certificate: &types::CommitCertificate<Context>,
        committee: &Committee,
        thresholds: ThresholdParams,
    ) -> Verdict {
        let votes = certificate.commit_signatures.iter().map(|entry| {
            let ballot = Ballot {
                kind: vote_type(VoteKind::Precommit),
                height: certificate.height,
                round: certificate.round,
                value: NilOrVal::Val(certificate.value_id),
                validator: entry.address,
            };
            (ballot, entry.signature)
        });
        self.votes(votes, committee, thresholds.quorum)
    }

    pub fn polka(
        &mut self,
        certificate: &types::PolkaCertificate<Context>,
        committee: &Committee,
        thresholds: ThresholdParams,
    ) -> Verdict {
        let votes = certificate.polka_signatures.iter().map(|entry| {
            let ballot = Ballot {
                kind: vote_type(VoteKind::Prevote),
                height: certificate.height,
                round: certificate.round,
                value: NilOrVal::Val(certificate.value_id),
                validator: entry.address,
            };
            (ballot, entry.signature)
        });
        self.votes(votes, committee, thresholds.quorum)
    }

    pub fn round(
        &mut self,
        certificate: &types::RoundCertificate<Context>,
        committee: &Committee,
        thresholds: ThresholdParams,
    ) -> Verdict {
        let threshold = match certificate.cert_type {
            RoundCertificateType::Skip => thresholds.honest,
            RoundCertificateType::Precommit => {
                let prevote = vote_type(VoteKind::Prevote);
                if let Some(entry) = certificate.round_signatures.iter().find(|s| s.vote_type == prevote) {
                    return Err(CertificateError::InvalidVoteType(entry.address));
                }
                thresholds.quorum
            }
        };
        let votes = certificate.round_signatures.iter().map(|entry| {
            let ballot = Ballot {
                kind: entry.vote_type,
                height: certificate.height,
                round: certificate.round,
                value: nil_or(or_nil(&entry.value_id)),
                validator: entry.address,
            };
            (ballot, entry.signature)
        });
        self.votes(votes, committee, threshold)
    }

    /// Members, each once, with enough power; then, dearer, their signatures.
    fn votes(
        &mut self,
        votes: impl Iterator<Item = (Ballot, Seal)> + Clone,
        committee: &Committee,
        threshold: ThresholdParam,
    ) -> Verdict {
        let mut signers = BTreeSet::<Address>::new();
        let mut signed = 0u64;
        for (ballot, _) in votes.clone() {
            let member = committee
                .get_by_address(&ballot.validator)
                .ok_or(CertificateError::UnknownValidator(ballot.validator))?;
            if !signers.insert(ballot.validator) {
                return Err(CertificateError::DuplicateVote(ballot.validator));
            }
            signed += member.voting_power();
        }
        let total = committee.total_voting_power();
        if !threshold.is_met(signed, total) {
            return Err(CertificateError::NotEnoughVotingPower {
                signed,
                total,
                expected: threshold.min_expected(total),
            });
        }
        for (ballot, seal) in votes {
            let member = committee.get_by_address(&ballot.validator).expect("looked up above");
            if !self.vote(&ballot, seal, *member.public_key()) {
                return Err(CertificateError::VerificationError(None));
            }
        }
        Ok(())
    }
}

fn tag(key: PublicKey, domain: Domain, message: &[u8], signature: Signature) -> [u8; 32] {
    codec::hash(domain.tag(), &[message, key.as_bytes(), signature.as_bytes()])
}
