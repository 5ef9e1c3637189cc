//! A proof that a purse spent twice where it could spend once: two transfers at one place of its log.

use super::{
    encoding::{Malformed, Reader},
    messages::{Certificate, Transfer},
    signed::Signed,
};
use crate::keys::BadSignature;

/// FRAUD PROOF: the certificate of the purse, then two transfers of one seq, ascending by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FraudProof {
    certificate: Signed<Certificate>,
    transfers: [Signed<Transfer>; 2],
}

impl FraudProof {
    pub const BYTES_MAX: usize = Signed::<Certificate>::BYTES_MAX + 2 * Signed::<Transfer>::BYTES_MAX;

    /// Of transfers in either order. [`Malformed::NoFraud`] if an honest purse could have signed both.
    pub fn new(certificate: Signed<Certificate>, transfers: [Signed<Transfer>; 2]) -> Result<Self, Malformed> {
        let [first, second] = transfers;
        let transfers = if first.id() <= second.id() {
            [first, second]
        } else {
            [second, first]
        };
        let proof = Self { certificate, transfers };
        proof.check()?;
        Ok(proof)
    }

    fn check(&self) -> Result<(), Malformed> {
        let [first, second] = &self.transfers;
        let of_the_purse = |transfer: &Signed<Transfer>| transfer.body.payer == self.certificate.body.purse;
        if !of_the_purse(first) || !of_the_purse(second) || first.body.seq != second.body.seq {
            return Err(Malformed::NoFraud);
        }
        // One body signed twice is one message.
        if first.id() >= second.id() {
            return Err(Malformed::NoFraud);
        }
        Ok(())
    }

    pub fn certificate(&self) -> &Signed<Certificate> {
        &self.certificate
    }

    pub fn transfers(&self) -> &[Signed<Transfer>; 2] {
        &self.transfers
    }

    /// Whether the certified key signed both. Whether the issuer signed the certificate is for the caller to check.
    pub fn verify(&self) -> Result<(), BadSignature> {
        let key = &self.certificate.body.key;
        self.transfers.iter().try_for_each(|transfer| transfer.verify(key))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.certificate.to_bytes();
        self.transfers
            .iter()
            .for_each(|transfer| bytes.extend(transfer.to_bytes()));
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, Self::BYTES_MAX)?;
        let proof = Self {
            certificate: Signed::read(&mut reader)?,
            transfers: [Signed::read(&mut reader)?, Signed::read(&mut reader)?],
        };
        reader.end()?;
        proof.check()?;
        Ok(proof)
    }
}
