//! Roots of the state that validators sign, until enough are the same. Pure.
//!
//! A root says again what more than two thirds have decided before, so it is signed without the sign record:
//! all that can be signed for a height is the one root that its blocks lead to.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{CheckpointCertificate, CommitSignature, GenesisHash, Height, checkpoint_message},
    codec::Bounded,
    committee::{ValidatorId, ValidatorSet},
    keys::{Domain, PublicKey, SecretKey, Signature, Signed},
    merkle::Root,
};

use crate::scheme::Scheme;

/// What a validator says that its state is after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SignedRoot {
    pub height: Height,
    pub root: Root,
    pub signature: Signature,
}

impl SignedRoot {
    pub fn sign(genesis: &GenesisHash, height: Height, root: Root, key: &SecretKey, scheme: &dyn Scheme) -> Self {
        let message = checkpoint_message(genesis, height, &root);
        Self {
            height,
            root,
            signature: scheme.sign(key, Domain::Checkpoint, &message),
        }
    }

    fn is_good(&self, genesis: &GenesisHash, key: PublicKey, scheme: &dyn Scheme) -> bool {
        let message = checkpoint_message(genesis, self.height, &self.root);
        scheme.is_good(&Signed {
            key,
            domain: Domain::Checkpoint,
            message: &message,
            signature: self.signature,
        })
    }
}

/// The last good one of each validator: as many as there are validators.
#[derive(Debug, Default)]
pub struct Checkpoints {
    signed: BTreeMap<ValidatorId, SignedRoot>,
}

impl Checkpoints {
    /// This node's own. One that took so long to work out that a later one is there is not kept.
    pub fn put(&mut self, me: ValidatorId, own: SignedRoot) {
        let later = self.signed.get(&me).is_some_and(|held| held.height > own.height);
        if !later {
            self.signed.insert(me, own);
        }
    }

    /// False if the signature is not good. Each is checked once, and none but members' is kept.
    pub fn hear(
        &mut self,
        from: ValidatorId,
        said: SignedRoot,
        genesis: &GenesisHash,
        validators: &ValidatorSet,
        scheme: &dyn Scheme,
    ) -> bool {
        let Some(member) = validators.by_id(&from) else {
            return true;
        };
        if self.signed.get(&from) == Some(&said) {
            return true;
        }
        let is_good = said.is_good(genesis, member.key, scheme);
        if is_good {
            self.signed.insert(from, said);
        }
        is_good
    }

    pub fn of(&self, validator: &ValidatorId) -> Option<&SignedRoot> {
        self.signed.get(validator)
    }

    /// Forgets those who have left.
    pub fn keep_members(&mut self, me: ValidatorId, validators: &ValidatorSet) {
        self.signed.retain(|id, _| *id == me || validators.by_id(id).is_some());
    }

    /// For the height that is due, once members with more than two thirds of the power say the same.
    pub fn certificate(&self, due: Option<Height>, validators: &ValidatorSet) -> Option<CheckpointCertificate> {
        let height = due?;
        let said = self.signed.iter().filter(|(_, said)| said.height == height);
        let said: Vec<_> = said
            .filter_map(|(id, said)| Some((validators.index_of(id)?, said)))
            .collect();
        let power_for = |root: Root| {
            let same = said.iter().filter(|(_, said)| said.root == root);
            same.filter_map(|(signer, _)| validators.get(*signer))
                .map(|it| it.power)
                .sum()
        };
        let root = said.iter().map(|(_, said)| said.root);
        let root = root.into_iter().find(|&root| validators.is_quorum(power_for(root)))?;
        // In the order of ids, which is that of places in the set.
        let signatures = said.iter().filter(|(_, said)| said.root == root);
        let signatures = signatures.map(|&(signer, said)| CommitSignature {
            signer,
            signature: said.signature,
        });
        Some(CheckpointCertificate {
            height,
            root,
            signatures: Bounded::new(signatures.collect()).expect("as many as there are validators"),
        })
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::committee::Validator;

    use super::*;
    use crate::scheme::Ed25519;

    const GENESIS: GenesisHash = GenesisHash([1; 32]);
    const DUE: Height = Height(7);
    const ROOT: Root = Root([2; 32]);

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn set() -> ValidatorSet {
        let validators = (1..=4).map(|seed| Validator {
            key: key(seed).public_key(),
            power: 1,
        });
        ValidatorSet::new(validators.collect()).expect("keys differ")
    }

    fn say(checkpoints: &mut Checkpoints, seed: u8, height: Height, root: Root) -> bool {
        let said = SignedRoot::sign(&GENESIS, height, root, &key(seed), &Ed25519);
        let from = ValidatorId::of(&key(seed).public_key());
        checkpoints.hear(from, said, &GENESIS, &set(), &Ed25519)
    }

    #[test]
    fn an_own_root_that_comes_late_displaces_no_later_one() {
        let mut checkpoints = Checkpoints::default();
        let me = ValidatorId::of(&key(1).public_key());
        let own = |height, root| SignedRoot::sign(&GENESIS, height, root, &key(1), &Ed25519);
        for (height, root) in [(DUE, ROOT), (Height(6), Root([3; 32]))] {
            checkpoints.put(me, own(height, root));
            assert_eq!(checkpoints.of(&me), Some(&own(DUE, ROOT)));
        }
        checkpoints.put(me, own(Height(8), Root([4; 32])));
        assert_eq!(checkpoints.of(&me), Some(&own(Height(8), Root([4; 32]))));
    }

    #[test]
    fn a_root_that_more_than_two_thirds_say_is_certified() {
        let mut checkpoints = Checkpoints::default();
        assert!(say(&mut checkpoints, 1, DUE, ROOT));
        assert!(say(&mut checkpoints, 2, DUE, ROOT));
        assert!(say(&mut checkpoints, 3, DUE, Root([3; 32])));
        assert_eq!(checkpoints.certificate(Some(DUE), &set()), None, "two of four");
        assert!(say(&mut checkpoints, 4, Height(6), ROOT));
        assert_eq!(checkpoints.certificate(Some(DUE), &set()), None, "of another height");
        assert!(say(&mut checkpoints, 4, DUE, ROOT));
        let certificate = checkpoints.certificate(Some(DUE), &set()).expect("three of four");
        assert_eq!((certificate.root, certificate.signatures.len()), (ROOT, 3));
        let judged = certificate.verify_with(&GENESIS, &set(), |signed| signed.verify().is_ok());
        assert_eq!(judged, Ok(()));
        assert_eq!(checkpoints.certificate(None, &set()), None, "nothing is due");
    }

    #[test]
    fn a_signature_of_another_or_for_something_else_is_bad_and_a_stranger_is_not_kept() {
        let mut checkpoints = Checkpoints::default();
        let said = SignedRoot::sign(&GENESIS, DUE, ROOT, &key(1), &Ed25519);
        let of = |seed| ValidatorId::of(&key(seed).public_key());
        assert!(!checkpoints.hear(of(2), said, &GENESIS, &set(), &Ed25519));
        let other = SignedRoot {
            height: Height(8),
            ..said
        };
        assert!(!checkpoints.hear(of(1), other, &GENESIS, &set(), &Ed25519));
        assert!(say(&mut checkpoints, 9, DUE, ROOT));
        assert!(checkpoints.signed.is_empty());
    }
}
