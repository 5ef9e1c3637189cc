//! Proofs that a wallet checks with nothing but a validator set that it trusts.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    block::{BlockId, CertificateError, CommitCertificate, GenesisHash, Header, Height, TimeMs},
    codec::Bounded,
    committee::{ValidatorList, ValidatorSet, ValidatorSetError},
    genesis::Genesis,
    ledger::receipt::{Outcome, Receipt, Subject, Trade},
    merkle::InclusionPath,
    protocol::{PROTOCOL_MAX, ProtocolVersion},
    transaction::{SignedTransaction, TransactionError, TxId},
};

/// The only version there is.
pub const PROOF_VERSION: u16 = 1;

/// A proof's JSON text is at most this long.
pub const PROOF_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A proof carries at most this many changes of validators.
pub const HANDOVERS_MAX: usize = 256;

/// How long a validator set is trusted after it was last seen to decide: 30 days. Validators that
/// have left can sign another history without a loss; a trust that lapses keeps it from being believed.
pub const TRUST_MS: u64 = 30 * 86_400_000;

/// A header that a quorum of its validators has made final.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CertifiedHeader {
    pub header: Header,
    pub certificate: CommitCertificate,
}

/// A change of validators: a final header that names the next set, and that set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Handover {
    pub last: CertifiedHeader,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::committee::Validator>, max_items = 256))]
    pub next: ValidatorList,
}

/// The validators that a wallet trusts to decide blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedSet {
    pub genesis: GenesisHash,
    pub validators: ValidatorSet,
    /// Block time at which the set was last seen to decide.
    pub as_of: TimeMs,
    /// The height of the last block before it: changes of validators up to there are in its past. 0 for the set
    /// that a network begins with.
    pub since: Height,
    /// Those that decided before it, the latest last, for blocks of their time: of the last 30 days, and at most
    /// [`EARLIER_MAX`].
    pub earlier: Vec<EarlierSet>,
}

/// Validators that have given way to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierSet {
    pub validators: ValidatorSet,
    /// The time of the last block that they decided.
    pub until: TimeMs,
}

/// So many sets that decided before are remembered.
pub const EARLIER_MAX: usize = 64;

impl TrustedSet {
    /// The set that a network begins with.
    pub fn of_genesis(genesis: &Genesis) -> Result<Self, ValidatorSetError> {
        Ok(Self {
            genesis: genesis.hash(),
            validators: genesis.validator_set()?,
            as_of: genesis.time_ms,
            since: Height::GENESIS,
            earlier: Vec::new(),
        })
    }

    /// Follows changes of validators to the set that decides after the last of them. Those before the first
    /// that the trusted set has made are passed over: this set has come after them, although one of them may
    /// have been made by the same validators, who left and are back.
    pub fn follow(&self, handovers: &[Handover]) -> Result<Self, ProofError> {
        let mut trusted = self.clone();
        let hash = self.validators.hash();
        let from = handovers
            .iter()
            .position(|Handover { last, .. }| last.header.validators_hash == hash && last.header.height > self.since);
        for Handover { last, next } in &handovers[from.unwrap_or(handovers.len())..] {
            // Those who have given way decide nothing any more, whatever time they write.
            if last.header.validators_hash != trusted.validators.hash() {
                return Err(ProofError::OtherValidators);
            }
            if last.header.height <= trusted.since {
                return Err(ProofError::Order);
            }
            trusted.check(last)?;
            let next = ValidatorSet::try_from(next.clone()).map_err(ProofError::ValidatorSet)?;
            if next.hash() != last.header.next_validators_hash {
                return Err(ProofError::OtherValidators);
            }
            trusted.hand_over(next, &last.header);
        }
        Ok(trusted)
    }

    fn hand_over(&mut self, next: ValidatorSet, last: &Header) {
        let validators = std::mem::replace(&mut self.validators, next);
        self.since = last.height;
        if validators != self.validators {
            let until = last.time_ms;
            self.earlier.push(EarlierSet { validators, until });
        }
        let first_kept = self.earlier.len().saturating_sub(EARLIER_MAX);
        self.earlier.drain(..first_kept);
        self.seen(last.time_ms);
    }

    /// The set has decided a block of this time. Never takes trust back; sets that decided more than 30 days
    /// before are forgotten.
    pub fn seen(&mut self, time_ms: TimeMs) {
        let as_of = self.as_of.max(time_ms);
        self.as_of = as_of;
        self.earlier
            .retain(|set| as_of.0.saturating_sub(set.until.0) <= TRUST_MS);
    }

    /// Whether this has followed more changes of validators than the other, or as many and was seen later.
    pub fn is_later_than(&self, other: &Self) -> bool {
        (self.since, self.as_of) > (other.since, other.as_of)
    }

    /// The validators that decided a block with this header, as it says, if they are or were trusted then.
    fn deciders(&self, header: &Header) -> Option<&ValidatorSet> {
        let is_named = |set: &ValidatorSet| set.hash() == header.validators_hash;
        if is_named(&self.validators) {
            return Some(&self.validators);
        }
        let mut then = self.earlier.iter().filter(|set| header.time_ms <= set.until);
        then.find(|set| is_named(&set.validators)).map(|set| &set.validators)
    }

    /// Checks that this header is final by the trusted validators, or by those that were when it was made.
    pub fn check(&self, certified: &CertifiedHeader) -> Result<BlockId, ProofError> {
        self.check_once(certified, |_| false)
    }

    /// The same, without the signatures of a certificate that has verified for this header before, which `has_verified`
    /// knows: a header names its validators, and so nothing can make its certificate worse.
    pub fn check_once(
        &self,
        certified: &CertifiedHeader,
        has_verified: impl FnOnce(&CertifiedHeader) -> bool,
    ) -> Result<BlockId, ProofError> {
        let CertifiedHeader { header, certificate } = certified;
        if header.genesis != self.genesis {
            return Err(ProofError::OtherNetwork {
                expected: self.genesis,
                actual: header.genesis,
            });
        }
        if !header.version.is_known() {
            return Err(ProofError::ProtocolVersion(header.version));
        }
        let id = header.id();
        if certificate.block != id || certificate.height != header.height {
            return Err(ProofError::OtherBlock);
        }
        let validators = self.deciders(header).ok_or(ProofError::OtherValidators)?;
        if !has_verified(certified) {
            certificate
                .verify(&self.genesis, validators)
                .map_err(ProofError::Certificate)?;
        }
        if header.time_ms.0.saturating_sub(self.as_of.0) > TRUST_MS {
            return Err(ProofError::TrustLapsed);
        }
        Ok(id)
    }
}

/// Shows what became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentProof {
    pub version: u16,
    pub transaction: SignedTransaction,
    pub receipt: Receipt,
    pub path: InclusionPath,
    pub block: CertifiedHeader,
    /// From the set that the reader trusts to the one that decided `block`; most often none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Handover>, max_items = 256))]
    pub handovers: Bounded<Handover, HANDOVERS_MAX>,
}

/// What a valid [`PaymentProof`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPayment {
    pub id: TxId,
    pub outcome: Outcome,
    /// What its actions exchanged, which their text leaves open.
    pub trades: Vec<Trade>,
    pub height: Height,
    pub time_ms: TimeMs,
    pub block: BlockId,
}

/// Why a proof shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("version {0} is not known; this program knows version {PROOF_VERSION}")]
    Version(u16),
    #[error("made on the network with genesis {actual}; the trusted one is {expected}")]
    OtherNetwork { expected: GenesisHash, actual: GenesisHash },
    #[error("made by protocol version {0}, and this program knows up to {PROTOCOL_MAX}: update it")]
    ProtocolVersion(ProtocolVersion),
    #[error("the certificate is for another block than the header")]
    OtherBlock,
    #[error("decided by other validators than those that are trusted")]
    OtherValidators,
    #[error("a change of validators comes after one of a greater height")]
    Order,
    #[error("a validator set in the proof: {0}")]
    ValidatorSet(ValidatorSetError),
    #[error("the commit certificate: {0}")]
    Certificate(CertificateError),
    #[error("the trusted validators were last seen more than 30 days before this block; renew the trust first")]
    TrustLapsed,
    #[error("the transaction: {0}")]
    Transaction(#[from] TransactionError),
    #[error("the receipt is for another transaction")]
    OtherTransaction,
    #[error("the receipt is not among those that the header commits to")]
    NotInBlock,
}

impl PaymentProof {
    /// Checks everything: signatures of payer and validators, paths and hashes. Needs no network.
    pub fn verify(&self, trusted: &TrustedSet) -> Result<VerifiedPayment, ProofError> {
        self.verify_once(trusted, |_| false)
    }

    /// The same, except that the certificate of the block is checked as [`TrustedSet::check_once`] has it.
    pub fn verify_once(
        &self,
        trusted: &TrustedSet,
        has_verified: impl FnOnce(&CertifiedHeader) -> bool,
    ) -> Result<VerifiedPayment, ProofError> {
        if self.version != PROOF_VERSION {
            return Err(ProofError::Version(self.version));
        }
        let trusted = trusted.follow(&self.handovers)?;
        let block = trusted.check_once(&self.block, has_verified)?;
        self.transaction.check(&trusted.genesis)?;
        self.transaction.verify_signatures()?;
        let id = self.transaction.id();
        if self.receipt.subject != Subject::Transaction(id) {
            return Err(ProofError::OtherTransaction);
        }
        let header = &self.block.header;
        let in_place = self.path.index == self.receipt.index;
        let count = self.transaction.transaction.actions.len();
        if self
            .receipt
            .trades
            .iter()
            .any(|trade| usize::from(trade.action) >= count)
        {
            return Err(ProofError::NotInBlock);
        }
        if !in_place || self.path.root(self.receipt.leaf()) != Some(header.receipts_root) {
            return Err(ProofError::NotInBlock);
        }
        Ok(VerifiedPayment {
            id,
            outcome: self.receipt.outcome,
            trades: self.receipt.trades.to_vec(),
            height: header.height,
            time_ms: header.time_ms,
            block,
        })
    }
}

#[cfg(test)]
mod tests;
