//! Who is ahead, what was fetched from them, and whether it is what it says. Pure.

use std::collections::{BTreeMap, VecDeque};

use causeway_contracts::{
    block::{CertificateError, GenesisHash, Height, batches_root},
    committee::{ValidatorId, ValidatorSet},
};

use crate::actors::network::fetch::CertifiedBlock;

/// A node without its sign record signs from this far above the highest that it hears of: peers may
/// since have come to the height after, and this node have signed for the one after that.
const UNKNOWN_HEIGHTS: u64 = 3;

/// The heights that peers say they have.
#[derive(Debug, Default)]
pub struct PeerHeights {
    /// As reported: for the question of what this node may have signed.
    reported: BTreeMap<ValidatorId, Height>,
    /// As far as they are believed: for the question of whom to fetch from.
    believed: BTreeMap<ValidatorId, Height>,
}

impl PeerHeights {
    pub fn report(&mut self, peer: ValidatorId, height: Height) {
        let highest = self.reported.entry(peer).or_default();
        *highest = height.max(*highest);
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
    }

    pub fn best(&self) -> Height {
        self.believed.values().copied().max().unwrap_or_default()
    }

    /// A peer above `height`; another one each `turn`.
    pub fn ahead_of(&self, height: Height, turn: usize) -> Option<ValidatorId> {
        let ahead = self.believed.iter().filter(|&(_, &theirs)| theirs > height);
        let ahead: Vec<_> = ahead.map(|(peer, _)| *peer).collect();
        ahead.get(turn.checked_rem(ahead.len())?).copied()
    }

    /// From which height on a node may sign that does not know what it has signed: known once peers with
    /// more than two thirds of the power have said how high they are.
    pub fn sign_from(&self, validators: &ValidatorSet) -> Option<Height> {
        let members = self.reported.keys().filter_map(|peer| validators.by_id(peer));
        let power = members.map(|validator| validator.power).sum();
        let highest = self.reported.values().max()?;
        validators
            .is_quorum(power)
            .then(|| Height(highest.0.saturating_add(UNKNOWN_HEIGHTS)))
    }
}

/// Blocks that a peer sent, in order.
#[derive(Debug)]
pub struct Fetched {
    pub from: ValidatorId,
    pub blocks: VecDeque<CertifiedBlock>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
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
) -> Result<(), BadBlock> {
    let CertifiedBlock { block, certificate } = certified;
    if block.header.height != height || certificate.height != height {
        return Err(BadBlock::Height);
    }
    if certificate.block != block.id() {
        return Err(BadBlock::OtherBlock);
    }
    if batches_root(&block.batches) != block.header.batches_root {
        return Err(BadBlock::Batches);
    }
    certificate.verify(genesis, validators)?;
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
    fn signs_above_the_highest_report_once_a_quorum_has_reported() {
        let (set, ids) = set();
        let mut peers = PeerHeights::default();
        assert_eq!(peers.sign_from(&set), None);
        peers.report(ids[0], Height(9));
        peers.report(ids[1], Height(7));
        peers.report(ValidatorId([0; 20]), Height(1));
        assert_eq!(peers.sign_from(&set), None, "two of four, and a stranger");
        peers.doubt(&ids[0]);
        peers.report(ids[1], Height(6));
        peers.report(ids[2], Height(8));
        assert_eq!(peers.sign_from(&set), Some(Height(12)), "a doubt takes no report back");
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
        assert_eq!(peers.best(), Height(6));
        let asked: Vec<_> = (0..3)
            .map(|turn| peers.ahead_of(Height(4), turn).expect("two are ahead"))
            .collect();
        assert_eq!(asked, [ids[0], ids[1], ids[0]]);
        peers.doubt(&ids[1]);
        assert_eq!(peers.ahead_of(Height(5), 0), None);
    }
}
