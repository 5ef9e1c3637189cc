//! The final blocks of which a certificate has verified: all receipts of a block need that once.

use std::collections::VecDeque;

use causeway_contracts::{
    block::{BlockId, CommitCertificate},
    proof::CertifiedHeader,
};

/// So many are remembered, the latest: some seconds of a busy network, in less than a mebibyte.
const REMEMBERED_MAX: usize = 256;

/// Of certificates with more signatures nothing is remembered.
const SIGNATURES_MAX: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Certified(VecDeque<(BlockId, CommitCertificate)>);

impl Certified {
    /// `id`: of the header, whose certificate has just verified.
    pub fn remember(&mut self, id: BlockId, certificate: &CommitCertificate) {
        if certificate.signatures.len() > SIGNATURES_MAX || self.of(&id).is_some() {
            return;
        }
        self.0.truncate(REMEMBERED_MAX - 1);
        self.0.push_front((id, certificate.clone()));
    }

    /// The certificate that has verified for this block.
    pub fn of(&self, id: &BlockId) -> Option<&CommitCertificate> {
        self.0
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, certificate)| certificate)
    }

    /// Puts the certificate that has verified into the place of the one that a node sends, which may have been made of
    /// other validators' votes, or of none. Whether there is one.
    pub fn put_into(&self, block: &mut CertifiedHeader) -> bool {
        let known = self.of(&block.header.id());
        if let Some(known) = known {
            block.certificate = known.clone();
        }
        known.is_some()
    }

    pub fn has(&self, block: &CertifiedHeader) -> bool {
        self.of(&block.certificate.block) == Some(&block.certificate)
    }
}
