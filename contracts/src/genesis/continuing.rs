//! A network that goes on with the state of another, which has lost too many validators to go on itself.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Genesis, GenesisError};
use crate::{
    block::{BlockId, CommitCertificate, GenesisHash, Height, StateHash, genesis_block_id},
    codec::Bounded,
    keys::{Domain, PublicKey, SecretKey, Signed},
    ledger::Tip,
    merkle::Root,
    transaction::TransactionSignature,
};

/// Where the other network ended, and that its council wants this one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continues {
    /// The genesis of the first network of all: the ids of accounts are made from it, for ever.
    pub origin: GenesisHash,
    /// The genesis of the network that this one continues.
    pub genesis: GenesisHash,
    /// Its last block. Heights go on from here.
    pub height: Height,
    pub block: BlockId,
    /// The root over all its state after that block, as of [`crate::ledger::Ledger::state_root`].
    pub state_root: Root,
    /// That the block is final.
    pub certificate: CommitCertificate,
    /// The council's, ascending by key, over this genesis' hash, of which they are no part. The council is the
    /// one in the state, and that of this genesis.
    #[serde(default)]
    pub signatures: Bounded<TransactionSignature, 16>,
}

/// Why a genesis cannot continue a network, whatever that network's state is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContinuesError {
    #[error("participants, currencies and accounts come from the continued state, and must not be in the file")]
    NotEmpty,
    #[error("its certificate is for another block or height")]
    OtherBlock,
    #[error("the council's signatures must be in ascending order of their keys, each key once")]
    SignaturesNotAscending,
    #[error("{0} is no key of the council")]
    NotOfCouncil(PublicKey),
    #[error("the council's signature under {0} is not good")]
    BadSignature(PublicKey),
    #[error("the council has not signed it with enough keys; each member runs causeway-node genesis sign")]
    ThresholdNotMet,
    #[error("there is nothing to sign: it continues no network")]
    Nothing,
    #[error("it has a signature under {0} already")]
    SignedAlready(PublicKey),
}

impl Genesis {
    /// The hash from which the ids of accounts are made.
    pub fn origin(&self) -> GenesisHash {
        match &self.continues {
            Some(continues) => continues.origin,
            None => self.hash(),
        }
    }

    /// What the first block of a network that continues another follows; `None` for any other. All of it is in
    /// the genesis: the hash of the state is made of the genesis hash and the root of the continued state.
    pub fn continued_tip(&self) -> Option<Tip> {
        let continues = self.continues.as_ref()?;
        let hash = self.hash();
        Some(Tip {
            height: continues.height,
            time_ms: self.time_ms,
            block: genesis_block_id(&hash),
            state_hash: StateHash(hash.0).after(&continues.state_root),
            checkpoint_root: continues.state_root,
        })
    }

    /// Adds the signature of a member of the council.
    pub fn sign(&mut self, key: &SecretKey) -> Result<(), ContinuesError> {
        let hash = self.hash();
        let public = key.public_key();
        if !self.council.contains(&public) {
            return Err(ContinuesError::NotOfCouncil(public));
        }
        let continues = self.continues.as_mut().ok_or(ContinuesError::Nothing)?;
        let mut signatures = continues.signatures.to_vec();
        if signatures.iter().any(|entry| entry.key == public) {
            return Err(ContinuesError::SignedAlready(public));
        }
        signatures.push(TransactionSignature {
            key: public,
            signature: key.sign(Domain::Continuation, hash.as_bytes()),
        });
        signatures.sort_by_key(|entry| entry.key);
        continues.signatures = Bounded::new(signatures).expect("a council has at most 16 keys");
        Ok(())
    }

    pub(super) fn without_signatures(&self) -> Self {
        let mut unsigned = self.clone();
        if let Some(continues) = &mut unsigned.continues {
            continues.signatures = Bounded::default();
        }
        unsigned
    }

    pub(super) fn check_continues(&self) -> Result<(), GenesisError> {
        let Some(continues) = &self.continues else {
            return Ok(());
        };
        if !(self.participants.is_empty() && self.currencies.is_empty() && self.accounts.is_empty()) {
            return Err(ContinuesError::NotEmpty.into());
        }
        let certificate = &continues.certificate;
        if (certificate.height, certificate.block) != (continues.height, continues.block) {
            return Err(ContinuesError::OtherBlock.into());
        }
        Ok(())
    }

    /// Whether the council wants it. A genesis that continues nothing needs no signatures: its hash is agreed on
    /// before there is anything to lose.
    pub(super) fn check_signed(&self) -> Result<(), GenesisError> {
        let Some(continues) = &self.continues else {
            return Ok(());
        };
        let hash = self.hash();
        if !continues.signatures.is_sorted_by(|a, b| a.key < b.key) {
            return Err(ContinuesError::SignaturesNotAscending.into());
        }
        for entry in &continues.signatures {
            if !self.council.contains(&entry.key) {
                return Err(ContinuesError::NotOfCouncil(entry.key).into());
            }
            let signed = Signed {
                key: entry.key,
                domain: Domain::Continuation,
                message: hash.as_bytes(),
                signature: entry.signature,
            };
            signed.verify().map_err(|_| ContinuesError::BadSignature(entry.key))?;
        }
        if !self
            .council
            .is_met_by(continues.signatures.iter().map(|entry| &entry.key))
        {
            return Err(ContinuesError::ThresholdNotMet.into());
        }
        Ok(())
    }
}
