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
pub struct PeerHeights(BTreeMap<ValidatorId, Height>);

impl PeerHeights {
    pub fn set(&mut self, peer: ValidatorId, height: Height) {
        self.0.insert(peer, height);
    }

    /// A peer that takes part in a height has all below it.
    pub fn at_least(&mut self, peer: ValidatorId, height: Height) {
        let known = self.0.entry(peer).or_default();
        *known = height.max(*known);
    }

    pub fn best(&self) -> Height {
        self.0.values().copied().max().unwrap_or_default()
    }

    /// A peer above `height`; another one each `turn`.
    pub fn ahead_of(&self, height: Height, turn: usize) -> Option<ValidatorId> {
        let ahead: Vec<_> = self.0.iter().filter(|&(_, &theirs)| theirs > height).map(|(peer, _)| *peer).collect();
        ahead.get(turn.checked_rem(ahead.len())?).copied()
    }

    /// From which height on a node may sign that does not know what it has signed: known once peers with
    /// more than two thirds of the power have said how high they are.
    pub fn sign_from(&self, validators: &ValidatorSet, me: &ValidatorId) -> Option<Height> {
        let others = self.0.keys().filter(|peer| *peer != me);
        let power = others.filter_map(|peer| validators.by_id(peer)).map(|validator| validator.power).sum();
        validators.is_quorum(power).then(|| Height(self.best().0.saturating_add(UNKNOWN_HEIGHTS)))
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
