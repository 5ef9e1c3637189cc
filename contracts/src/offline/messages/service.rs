//! What the issuer's service tells all purses.

use super::{check_ascending, message};
use crate::{
    codec::Bounded,
    merkle::Root,
    offline::{
        encoding::Malformed,
        ids::{Epoch, KeyId, ListVersion, RevocationEntry},
    },
};

message! {
    /// BEACON: which hour it is, and what the revocation list is. A purse has no clock but this.
    Beacon, Beacon {
        /// Of a key with the role of beacons.
        issuer: KeyId,
        epoch: Epoch,
        list_version: ListVersion,
        /// The Merkle root over the list's entries, in order.
        list_root: Root,
    }
}

impl Beacon {
    fn check_fields(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

message! {
    /// RL delta: what is added to the revocation list. One without entries says that the list of that hour has none
    /// that are newer.
    RevocationDelta, RevocationDelta {
        /// Of a key with the role of beacons.
        issuer: KeyId,
        /// The list's version with these entries.
        version: ListVersion,
        /// The list's version to which they are added.
        previous: ListVersion,
        epoch: Epoch,
        /// Ascending. As many as fit into 512 bytes with the signature.
        entries: Bounded<RevocationEntry, 54>,
    }
}

impl RevocationDelta {
    fn check_fields(&self) -> Result<(), Malformed> {
        if self.version <= self.previous {
            return Err(Malformed::NotLater);
        }
        check_ascending(&self.entries)
    }
}
