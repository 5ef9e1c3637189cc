//! Merkle trees of RFC 9162, section 2.1: SHA-256, 0x00 before a leaf, 0x01 before a node, nothing
//! duplicated; the root of no leaves is the hash of nothing.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::{Bounded, hex_newtype};

hex_newtype!(
    /// A node of a Merkle tree, its root included.
    Root,
    32
);

/// The hash of a leaf's bytes.
pub fn leaf(bytes: &[u8]) -> Root {
    Root(Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into())
}

fn node(left: &Root, right: &Root) -> Root {
    Root(
        Sha256::new_with_prefix([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The root over leaf hashes, in order.
///
/// Levels are folded in place: a last node without a partner moves up as it is, which gives the same
/// tree as the RFC's split at the largest power of two.
pub fn root(mut level: Vec<Root>) -> Root {
    if level.is_empty() {
        return Root(Sha256::digest([]).into());
    }
    while level.len() > 1 {
        fold(&mut level);
    }
    level[0]
}

fn fold(level: &mut Vec<Root>) {
    let pairs = level.len() / 2;
    for at in 0..pairs {
        level[at] = node(&level[2 * at], &level[2 * at + 1]);
    }
    if level.len() % 2 == 1 {
        level[pairs] = level[2 * pairs];
    }
    level.truncate(level.len().div_ceil(2));
}

/// Shows that a leaf is in a tree (RFC 9162, section 2.1.3). Not its place: trees of different sizes
/// have places with the same path. Where the place matters, the leaf names it, as receipts do.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InclusionPath {
    pub index: u32,
    pub leaves: u32,
    /// Siblings from the leaf upwards.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Root>, max_items = 32))]
    pub siblings: Bounded<Root, 32>,
}

/// The path of leaf `index`.
///
/// # Panics
/// If `index` is not below the number of leaves.
pub fn path(leaves: &[Root], index: usize) -> InclusionPath {
    assert!(index < leaves.len(), "leaf {index} of {}", leaves.len());
    let mut siblings = Vec::new();
    let mut level = leaves.to_vec();
    let mut at = index;
    while level.len() > 1 {
        if let Some(sibling) = level.get(at ^ 1) {
            siblings.push(*sibling);
        }
        fold(&mut level);
        at /= 2;
    }
    InclusionPath {
        index: u32::try_from(index).expect("a block has fewer leaves than that"),
        leaves: u32::try_from(leaves.len()).expect("a block has fewer leaves than that"),
        siblings: Bounded::new(siblings).expect("a tree over 32-bit indexes is at most 32 high"),
    }
}

impl InclusionPath {
    /// The root that this path leads to from `leaf`, or `None` if the path has not the shape of a
    /// tree with that many leaves.
    pub fn root(&self, leaf: Root) -> Option<Root> {
        if self.index >= self.leaves {
            return None;
        }
        let (mut at, mut last) = (self.index, self.leaves - 1);
        let mut hash = leaf;
        let mut siblings = self.siblings.iter();
        while last > 0 {
            // A last node without a partner has no sibling on this level.
            if at % 2 == 1 {
                hash = node(siblings.next()?, &hash);
            } else if at < last {
                hash = node(&hash, siblings.next()?);
            }
            at /= 2;
            last /= 2;
        }
        siblings.next().is_none().then_some(hash)
    }
}

#[cfg(test)]
mod tests;
