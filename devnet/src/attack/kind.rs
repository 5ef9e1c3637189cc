//! The attacks, in the order in which they are made.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Headers a byte at a time, without end.
    SlowHeaders,
    /// Bodies of a mebibyte a byte at a time.
    SlowBodies,
    /// Many requests on one connection, and no answer is read.
    NeverRead,
    /// Bodies that announce ten gigabytes, and are sent as long as somebody reads.
    HugeBodies,
    /// Chunked bodies without end.
    EndlessBodies,
    /// Connections that say nothing, or nothing more after a first request.
    Idle,
    /// Payments from accounts that exist, wrongly signed, from some addresses.
    InvalidSignatures,
    /// The same, so many at once that an address need not wait yet, and then from another address.
    NewAddresses,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::SlowHeaders,
        Self::SlowBodies,
        Self::NeverRead,
        Self::HugeBodies,
        Self::EndlessBodies,
        Self::Idle,
        Self::InvalidSignatures,
        Self::NewAddresses,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::SlowHeaders => "slow headers",
            Self::SlowBodies => "slow bodies",
            Self::NeverRead => "readers that never read",
            Self::HugeBodies => "huge bodies",
            Self::EndlessBodies => "bodies without end",
            Self::Idle => "idle connections",
            Self::InvalidSignatures => "invalid signatures",
            Self::NewAddresses => "the same, new addresses",
        }
    }
}
