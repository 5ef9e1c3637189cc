//! How a command ended, in the last two bytes of its answer: purses' own words are the protocol's, and these are ISO's.

use std::fmt;

pub use causeway_contracts::offline::refusal::StatusWord;

/// Words of any card (ISO/IEC 7816-4, section 5.6).
pub trait IsoStatus: Sized {
    const WRONG_LENGTH: Self;
    const CONDITIONS_NOT_SATISFIED: Self;
    const NO_APPLICATION: Self;
    const WRONG_PARAMETERS: Self;
    const UNKNOWN_INSTRUCTION: Self;
    const UNKNOWN_CLASS: Self;
    const MEMORY_FAILURE: Self;

    /// So many bytes are left to be asked for: 61xx, where 00 is 256 or more.
    fn more(left: usize) -> Self;

    /// What GET RESPONSE should ask for, if there is more.
    fn left(self) -> Option<u8>;
}

impl IsoStatus for StatusWord {
    const WRONG_LENGTH: Self = Self(0x6700);
    const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    const NO_APPLICATION: Self = Self(0x6a82);
    const WRONG_PARAMETERS: Self = Self(0x6a86);
    const UNKNOWN_INSTRUCTION: Self = Self(0x6d00);
    const UNKNOWN_CLASS: Self = Self(0x6e00);
    const MEMORY_FAILURE: Self = Self(0x6581);

    fn more(left: usize) -> Self {
        let shown = u8::try_from(left).unwrap_or(0);
        Self(0x6100 | u16::from(shown))
    }

    fn left(self) -> Option<u8> {
        let [first, second] = self.0.to_be_bytes();
        (first == 0x61).then_some(second)
    }
}

/// Shows a word and what it means.
pub struct Meaning(pub StatusWord);

impl Meaning {
    fn text(&self) -> &'static str {
        match self.0 {
            StatusWord::OK => "done",
            StatusWord::WRONG_LENGTH => "wrong length",
            StatusWord::CONDITIONS_NOT_SATISFIED => {
                "not now: select the purse, or confirm on the payer's device, first"
            }
            StatusWord::MALFORMED => "malformed data",
            StatusWord::NO_APPLICATION => "no such application",
            StatusWord::WRONG_PARAMETERS => "unknown P1 or P2",
            StatusWord::UNKNOWN_INSTRUCTION => "unknown instruction",
            StatusWord::UNKNOWN_CLASS => "unknown class",
            StatusWord::MEMORY_FAILURE => "the card's memory failed; hold it to the reader again",
            StatusWord::PIN_BLOCKED => "the PIN is blocked",
            StatusWord::EXHAUSTED => "one of the card's counters is at its end",
            StatusWord::NOT_FOUND => "nothing is known of this request",
            StatusWord::SIGNATURE => "a signature does not verify",
            StatusWord::REVOKED => "a purse is revoked",
            StatusWord::EXPIRED => "expired",
            StatusWord::LIMIT => "over a limit",
            StatusWord::HOP => "wrong hop count",
            StatusWord::PROVENANCE => "the money's way is not proven",
            StatusWord::REPLAY => "seen before, or meant for another",
            StatusWord::STALE_LIST => "the list of revoked purses is too old for this amount",
            word if word.0 & 0xfff0 == 0x63c0 => "a wrong PIN; the last digit is how many tries are left",
            word if word.left().is_some() => "more to be read",
            _ => "no status that this program knows",
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({})", self.0, self.text())
    }
}
