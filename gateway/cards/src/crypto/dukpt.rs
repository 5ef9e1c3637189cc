//! Derived unique keys per transaction, DUKPT (ANSI X9.24-1 of 2009 with TDES, X9.24-3 of 2017 with AES).
//!
//! A terminal is loaded with an initial key, which a base derivation key (BDK) gives for the terminal's number. Each
//! transaction has a key of its own, of the counter in its key serial number (KSN), and that one gives a key
//! for each [`Use`]. A counter with more one bits than a terminal's registers allow is never used, nor is zero.
//!
//! | | [`tdes`] | [`aes`] |
//! | --- | --- | --- |
//! | KSN | 10 bytes, of which the last 21 bits are the counter | 12 bytes: initial key ID, counter of 4 bytes |
//! | ones in a counter | 1 to 10 | 1 to 16 |
//! | keys | 16 bytes | 16, 24 or 32 bytes |

pub mod aes;
pub mod tdes;

/// What a transaction's key is used for. Request is from the terminal, response to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Pin,
    MacRequest,
    MacResponse,
    DataRequest,
    DataResponse,
}

impl Use {
    pub const ALL: [Self; 5] = [
        Self::Pin,
        Self::MacRequest,
        Self::MacResponse,
        Self::DataRequest,
        Self::DataResponse,
    ];
}

/// The counter's bits from the highest one down, each with those before it: what is derived one after another.
fn counters(counter: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS)
        .rev()
        .filter(move |bit| counter >> bit & 1 == 1)
        .map(move |bit| counter >> bit << bit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::key::{AesKey, TdesKey};

    #[test]
    fn a_counter_is_reached_from_its_highest_bit() {
        assert_eq!(counters(0b1011).collect::<Vec<_>>(), [0b1000, 0b1010, 0b1011]);
        assert_eq!(counters(0).count(), 0);
    }

    #[test]
    fn counters_that_no_terminal_uses_are_refused() {
        let tdes_key = TdesKey::new(&[1; 16]).expect("16 bytes");
        let aes_key = AesKey::new(&[1; 32]).expect("32 bytes");
        let tdes = |low: u32| {
            let mut ksn = [0xFF; 10];
            ksn[6..].copy_from_slice(&(0xFFE0_0000 | low).to_be_bytes());
            tdes::transaction_key(&tdes_key, ksn).is_ok()
        };
        let aes = |counter: u32| {
            let mut ksn = [0xFF; 12];
            ksn[8..].copy_from_slice(&counter.to_be_bytes());
            aes::transaction_key(&aes_key, ksn).is_ok()
        };
        assert!(!tdes(0) && tdes(1) && tdes(0x1F_F800) && !tdes(0x1F_FC00));
        assert!(!aes(0) && aes(1) && aes(0xFFFF_0000) && !aes(0xFFFF_8000));
    }

    proptest! {
        #[test]
        fn invariant_every_use_has_a_key_of_its_own(bytes in any::<[u8; 32]>(), counter in 1u8..=255) {
            let mut ksn = [7; 12];
            ksn[8..].copy_from_slice(&u32::from(counter).to_be_bytes());
            for length in [16, 24, 32] {
                let initial = AesKey::new(&bytes[..length]).expect("a length of AES");
                let key = aes::transaction_key(&initial, ksn).expect("a counter in use");
                let mut keys = Use::ALL.map(|by| aes::working_key(&key, ksn, by).bytes().to_vec()).to_vec();
                prop_assert!(keys.iter().all(|key| key.len() == length));
                keys.sort();
                keys.dedup();
                prop_assert_eq!(keys.len(), Use::ALL.len());
            }
        }
    }
}
