//! Versions of the protocol: which rules make a block valid, and from which height on.
//!
//! A network begins with version 1. The council schedules the next version for a height, and from that
//! height on headers carry it and its rules hold. A program implements a range of versions: it can follow
//! a chain through all of them, and stops before the first height of one that it does not know.
//!
//! | version | what is new |
//! | --- | --- |
//! | 1 | all that is not said to be newer |
//! | 2 | the council changes its own keys (`set_council`) |

use std::fmt;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::block::Height;

/// A version of the rules, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ProtocolVersion(pub u16);

/// The first version that this program implements. A network begins with it.
pub const PROTOCOL_MIN: ProtocolVersion = ProtocolVersion(1);

/// The last version that this program implements.
pub const PROTOCOL_MAX: ProtocolVersion = ProtocolVersion(2);

/// A version comes into force at least this many heights after the block that schedules it, so that
/// every operator is warned before. Fixed. It is the least that the rules ask for: a council leaves days.
pub const SCHEDULE_AHEAD_MIN: u64 = 64;

impl ProtocolVersion {
    /// `None` after 65,535 versions.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// Whether this program implements it.
    pub fn is_known(self) -> bool {
        (PROTOCOL_MIN..=PROTOCOL_MAX).contains(&self)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A version that the council has scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Upcoming {
    pub version: ProtocolVersion,
    /// The first height that is decided by its rules.
    pub height: Height,
}

/// What the ledger knows of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Of the last block.
    pub version: ProtocolVersion,
    /// In force from a later height on, unless the council withdraws it before.
    #[serde(default)]
    pub upcoming: Option<Upcoming>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            version: PROTOCOL_MIN,
            upcoming: None,
        }
    }
}

impl Protocol {
    /// The version in force for a block above those that this was made of, as far as is known now.
    pub fn at(&self, height: Height) -> ProtocolVersion {
        match self.upcoming {
            Some(upcoming) if height >= upcoming.height => upcoming.version,
            _ => self.version,
        }
    }

    /// What the state says after a block of this height, unless the block schedules something else.
    pub fn after(&self, height: Height) -> Self {
        match self.upcoming {
            Some(upcoming) if height >= upcoming.height => Self {
                version: upcoming.version,
                upcoming: None,
            },
            _ => *self,
        }
    }

    /// From which height on a version is in force, as far as is known now; `None` if that is not
    /// scheduled. Of one that is in force already, some height that is past.
    pub fn in_force_from(&self, version: ProtocolVersion) -> Option<Height> {
        if version <= self.version {
            return Some(Height::GENESIS);
        }
        self.upcoming
            .filter(|upcoming| version <= upcoming.version)
            .map(|upcoming| upcoming.height)
    }
}

/// By which versions a node judges what others send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// For the block after the last committed one.
    pub in_force: ProtocolVersion,
    /// The last that the program implements.
    pub known: ProtocolVersion,
}

/// What a transaction needs that is not in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
pub struct NotInForce {
    pub needs: ProtocolVersion,
    /// From when on it is, if that is scheduled.
    pub from: Option<Height>,
}

impl fmt::Display for NotInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs, from } = self;
        match from {
            Some(height) => write!(f, "needs protocol version {needs}, in force from height {height} on"),
            None => write!(f, "needs protocol version {needs}, which the council has not scheduled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduled() -> Protocol {
        Protocol {
            version: ProtocolVersion(1),
            upcoming: Some(Upcoming {
                version: ProtocolVersion(2),
                height: Height(100),
            }),
        }
    }

    #[test]
    fn a_version_is_in_force_from_its_height_on() {
        let protocol = scheduled();
        assert_eq!(protocol.at(Height(99)), ProtocolVersion(1));
        assert_eq!(protocol.at(Height(100)), ProtocolVersion(2));
        assert_eq!(protocol.after(Height(99)), protocol);
        let after = protocol.after(Height(100));
        assert_eq!((after.version, after.upcoming), (ProtocolVersion(2), None));
        assert_eq!(after.at(Height(101)), ProtocolVersion(2));
    }

    #[test]
    fn what_is_missing_is_said_with_its_height() {
        let needs = ProtocolVersion(2);
        assert_eq!(Protocol::default().in_force_from(needs), None);
        let from = scheduled().in_force_from(needs);
        assert_eq!(from, Some(Height(100)));
        assert_eq!(scheduled().in_force_from(ProtocolVersion(3)), None);
        assert_eq!(
            NotInForce { needs, from }.to_string(),
            "needs protocol version 2, in force from height 100 on"
        );
        assert_eq!(
            NotInForce { needs, from: None }.to_string(),
            "needs protocol version 2, which the council has not scheduled"
        );
    }
}
