//! Who is ahead, what was fetched from them, and whether it is what it says. Pure.

use std::collections::{BTreeMap, VecDeque};

use causeway_contracts::{
    block::{CertificateError, GenesisHash, Height},
    committee::{ValidatorId, ValidatorSet},
};

use crate::{scheme::Scheme, wire::CertifiedBlock};

/// A node without its sign record signs from this far above what peers had: one that it signed with may
/// have had one height less, and it may have signed for the one after that.
const UNKNOWN_HEIGHTS: u64 = 3;

/// The heights that peers say they have.
#[derive(Debug, Default)]
pub struct PeerHeights {
    /// What each said first: all that this node may have signed was signed before.
    first: BTreeMap<ValidatorId, Height>,
    /// What each said last, unless it did not give it.
    believed: BTreeMap<ValidatorId, Height>,
    /// How often in a row each did not give what it said it had.
    doubts: BTreeMap<ValidatorId, u32>,
}

impl PeerHeights {
    pub fn report(&mut self, peer: ValidatorId, height: Height) {
        self.first.entry(peer).or_insert(height);
        self.believed.insert(peer, height);
    }

    /// A peer that takes part in a height has all below it.
    pub fn at_least(&mut self, peer: ValidatorId, height: Height) {
        let believed = self.believed.entry(peer).or_default();
        *believed = height.max(*believed);
    }

    /// A peer did not give what it said it had.
    pub fn doubt(&mut self, peer: &ValidatorId) {
        self.believed.remove(peer);
        *self.doubts.entry(*peer).or_default() += 1;
    }

    /// A peer gave a block that is final.
    pub fn served(&mut self, peer: &ValidatorId) {
        self.doubts.remove(peer);
    }

    /// The highest height that peers with more than f of the power say they have, and so an honest one
    /// does.
    pub fn best(&self, validators: &ValidatorSet) -> Height {
        let members = self.believed.iter();
        let members = members.filter_map(|(peer, &height)| Some((height, validators.by_id(peer)?.power)));
        let mut members: Vec<_> = members.collect();
        members.sort_unstable_by(|a, b| b.cmp(a));
        let mut power = 0;
        let believed = members.into_iter().find(|(_, own)| {
            power += own;
            validators.has_honest(power)
        });
        believed.map(|(height, _)| height).unwrap_or_default()
    }

    /// A peer above `height`, of those that have failed least lately; another one each `turn`.
    pub fn ahead_of(&self, height: Height, turn: usize) -> Option<ValidatorId> {
        let ahead = self.believed.iter().filter(|&(_, &theirs)| theirs > height);
        let doubts = |peer: &ValidatorId| self.doubts.get(peer).copied().unwrap_or_default();
        let ahead: Vec<_> = ahead.map(|(peer, _)| *peer).collect();
        let fewest = ahead.iter().map(doubts).min()?;
        let ahead: Vec<_> = ahead.into_iter().filter(|peer| doubts(peer) == fewest).collect();
        ahead.get(turn.checked_rem(ahead.len())?).copied()
    }

    /// From which height on a node may sign that does not know what it has signed, with blocks committed
    /// up to `committed`: known once it has all that peers with more than two thirds of the power had
    /// when they first spoke. Blocks come with certificates, so a peer that says too much only does not
    /// count.
    pub fn sign_from(&self, validators: &ValidatorSet, committed: Height) -> Option<Height> {
        let reached = self.first.iter().filter(|&(_, &height)| height <= committed);
        let members = reached.filter_map(|(peer, _)| validators.by_id(peer));
        let power = members.map(|validator| validator.power).sum();
        validators
            .is_quorum(power)
            .then(|| Height(committed.0.saturating_add(UNKNOWN_HEIGHTS)))
    }
}

/// Blocks that a peer sent, in order.
#[derive(Debug)]
pub struct Fetched {
    pub from: ValidatorId,
    pub blocks: VecDeque<CertifiedBlock>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBlock {
    #[error("it is of another height")]
    Height,
    #[error("its certificate is for another block")]
    OtherBlock,
    #[error("its batches are not those that its header commits to")]
    Batches,
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Checks that a block is final, against the set that decides its height.
pub fn check(
    certified: &CertifiedBlock,
    height: Height,
    genesis: &GenesisHash,
    validators: &ValidatorSet,
    scheme: &dyn Scheme,
) -> Result<(), BadBlock> {
    let CertifiedBlock { block, certificate } = certified;
    if block.header.height != height || certificate.height != height {
        return Err(BadBlock::Height);
    }
    if certificate.block != block.id() {
        return Err(BadBlock::OtherBlock);
    }
    if block.batches_root() != block.header.batches_root {
        return Err(BadBlock::Batches);
    }
    certificate.verify_with(genesis, validators, |signed| scheme.is_good(signed))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{committee::Validator, keys::SecretKey};

    use super::*;

    fn set() -> (ValidatorSet, Vec<ValidatorId>) {
        let validators = (1..=4u8).map(|seed| Validator {
            key: SecretKey::from_seed(&[seed; 32]).public_key(),
            power: 1,
        });
        let set = ValidatorSet::new(validators.collect()).expect("keys differ");
        let ids = set.iter().map(|(id, _)| *id).collect();
        (set, ids)
    }

    #[test]
    fn signs_once_it_has_what_a_quorum_had_when_it_came_back() {
        let (set, ids) = set();
        let mut peers = PeerHeights::default();
        assert_eq!(peers.sign_from(&set, Height(9)), None);
        peers.report(ids[0], Height(9));
        peers.report(ids[1], Height(7));
        peers.report(ValidatorId([0; 20]), Height(1));
        assert_eq!(peers.sign_from(&set, Height(9)), None, "two of four, and a stranger");
        peers.report(ids[2], Height(u64::MAX));
        assert_eq!(
            peers.sign_from(&set, Height(9)),
            None,
            "what cannot be reached does not count"
        );
        peers.doubt(&ids[0]);
        peers.report(ids[1], Height(20));
        peers.report(ids[3], Height(8));
        assert_eq!(peers.sign_from(&set, Height(8)), None, "not yet what the first had");
        assert_eq!(
            peers.sign_from(&set, Height(9)),
            Some(Height(12)),
            "what they said later is after"
        );
    }

    #[test]
    fn one_liar_moves_nobodys_goal() {
        let (set, ids) = set();
        let mut peers = PeerHeights::default();
        peers.report(ids[0], Height(u64::MAX));
        peers.report(ValidatorId([0; 20]), Height(u64::MAX));
        assert_eq!(peers.best(&set), Height::GENESIS, "a validator and a stranger");
        peers.doubt(&ValidatorId([0; 20]));
        peers.report(ids[1], Height(5));
        assert_eq!(peers.best(&set), Height(5));
        peers.report(ids[2], Height(6));
        assert_eq!(peers.best(&set), Height(6));
        // It is asked once, and then only when the others fail.
        for turn in 0..6 {
            let asked = peers.ahead_of(Height(4), turn).expect("three are ahead");
            if asked == ids[0] {
                peers.doubt(&asked);
                peers.report(asked, Height(u64::MAX));
            }
        }
        let asked: Vec<_> = (0..4)
            .map(|turn| peers.ahead_of(Height(4), turn).expect("ahead"))
            .collect();
        assert!(!asked.contains(&ids[0]));
        peers.doubt(&ids[1]);
        peers.doubt(&ids[2]);
        assert_eq!(peers.ahead_of(Height(4), 0), Some(ids[0]));
        peers.report(ids[1], Height(9));
        peers.served(&ids[1]);
        assert_eq!(peers.ahead_of(Height(4), 1), Some(ids[1]));
    }

    #[test]
    fn asks_those_that_are_ahead_in_turns() {
        let (_, ids) = set();
        let mut peers = PeerHeights::default();
        assert_eq!(peers.ahead_of(Height(0), 3), None);
        peers.report(ids[0], Height(5));
        peers.at_least(ids[1], Height(6));
        peers.at_least(ids[1], Height(4));
        peers.report(ids[2], Height(3));
        let asked: Vec<_> = (0..3)
            .map(|turn| peers.ahead_of(Height(4), turn).expect("two are ahead"))
            .collect();
        assert_eq!(asked, [ids[0], ids[1], ids[0]]);
        peers.doubt(&ids[1]);
        assert_eq!(peers.ahead_of(Height(5), 0), None);
    }
}
