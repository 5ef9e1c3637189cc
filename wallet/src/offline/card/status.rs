//! How a command ended, in the last two bytes of its answer.

use std::fmt;

/// SW1 and SW2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    pub const OK: Self = Self(0x9000);
    pub const WRONG_LENGTH: Self = Self(0x6700);
    pub const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    pub const MALFORMED: Self = Self(0x6a80);
    pub const NOT_FOUND: Self = Self(0x6a82);
    pub const WRONG_PARAMETERS: Self = Self(0x6a86);
    pub const UNKNOWN_INSTRUCTION: Self = Self(0x6d00);
    pub const UNKNOWN_CLASS: Self = Self(0x6e00);
    pub const BAD_SIGNATURE: Self = Self(0x9e01);
    pub const REVOKED: Self = Self(0x9e03);
    pub const EXPIRED: Self = Self(0x9e04);
    pub const OVER_LIMIT: Self = Self(0x9e05);
    pub const WRONG_HOP: Self = Self(0x9e06);
    pub const UNPROVEN: Self = Self(0x9e07);
    pub const REPLAYED: Self = Self(0x9e08);
    pub const STALE_LIST: Self = Self(0x9e0c);

    /// So many bytes are left to be asked for: 61xx, where 00 is 256 or more.
    pub fn more(left: usize) -> Self {
        let shown = u8::try_from(left).unwrap_or(0);
        Self(0x6100 | u16::from(shown))
    }

    /// What GET RESPONSE should ask for, if there is more.
    pub fn left(self) -> Option<u8> {
        let [first, second] = self.0.to_be_bytes();
        (first == 0x61).then_some(second)
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::OK => "done",
            Self::WRONG_LENGTH => "wrong length",
            Self::CONDITIONS_NOT_SATISFIED => "not now: select the purse, or confirm on the payer's device, first",
            Self::MALFORMED => "malformed data",
            Self::NOT_FOUND => "no such application",
            Self::WRONG_PARAMETERS => "unknown P1 or P2",
            Self::UNKNOWN_INSTRUCTION => "unknown instruction",
            Self::UNKNOWN_CLASS => "unknown class",
            Self::BAD_SIGNATURE => "a signature does not verify",
            Self::REVOKED => "a purse is revoked",
            Self::EXPIRED => "expired",
            Self::OVER_LIMIT => "over a limit",
            Self::WRONG_HOP => "wrong hop count",
            Self::UNPROVEN => "the money's way is not proven",
            Self::REPLAYED => "seen before, or meant for another",
            Self::STALE_LIST => "the list of revoked purses is too old for this amount",
            _ if self.left().is_some() => "more to be read",
            _ => "no status that this program knows",
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X} ({})", self.0, self.meaning())
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}
