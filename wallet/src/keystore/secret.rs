//! What a key file protects: the entropy behind BIP-39 words, or a bare seed.

use bip39::{Language, Mnemonic};
use causeway_contracts::keys::SecretKey;
use zeroize::{Zeroize, Zeroizing};

use super::derivation::{self, ExtendedKey};

/// Has no `Debug` and no serialization; its memory is wiped when it is dropped.
#[derive(Clone)]
pub enum Secret {
    /// 16 or 32 bytes of entropy, written down as 12 or 24 words, and which of their keys.
    Words { entropy: Zeroizing<Vec<u8>>, index: u32 },
    /// The seed of one key (RFC 8032, section 5.1.5).
    Seed(Zeroizing<[u8; 32]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordCount {
    Twelve,
    TwentyFour,
}

impl WordCount {
    fn entropy_bytes(self) -> usize {
        match self {
            Self::Twelve => 16,
            Self::TwentyFour => 32,
        }
    }
}

/// Why words or a seed are refused. Says nothing of their content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("the words have a mistake: {0}")]
    Words(bip39::Error),
    #[error("{0} words; a wallet is written down as 12 or 24")]
    WordCount(usize),
    #[error("a seed file holds 64 hexadecimal digits and nothing else")]
    Seed,
    #[error("the index of a key is at most {}", derivation::INDEX_MAX)]
    Index,
}

impl Secret {
    pub fn generate(words: WordCount) -> Result<Self, getrandom::Error> {
        let mut entropy = Zeroizing::new(vec![0; words.entropy_bytes()]);
        getrandom::fill(&mut entropy)?;
        Ok(Self::Words { entropy, index: 0 })
    }

    /// Reads 12 or 24 English words, separated by white space, and checks their checksum.
    pub fn from_words(text: &str, index: u32) -> Result<Self, SecretError> {
        if index > derivation::INDEX_MAX {
            return Err(SecretError::Index);
        }
        let count = text.split_whitespace().count();
        if count != 12 && count != 24 {
            return Err(SecretError::WordCount(count));
        }
        let mnemonic = Mnemonic::parse_in(Language::English, text).map_err(SecretError::Words)?;
        Ok(Self::Words {
            entropy: Zeroizing::new(mnemonic.to_entropy()),
            index,
        })
    }

    /// Reads the text of a seed file.
    pub fn from_seed_text(text: &str) -> Result<Self, SecretError> {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_end(), seed.as_mut()).map_err(|_| SecretError::Seed)?;
        Ok(Self::Seed(seed))
    }

    /// The words of this secret, if it has any.
    pub fn words(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::Words { entropy, .. } => Some(Zeroizing::new(mnemonic(entropy).to_string())),
            Self::Seed(_) => None,
        }
    }

    pub fn signing_key(&self) -> SecretKey {
        SecretKey::from_seed(&self.seed())
    }

    /// Of its key (RFC 8032, section 5.1.5).
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        match self {
            Self::Words { entropy, index } => {
                let seed = Zeroizing::new(mnemonic(entropy).to_seed_normalized(""));
                let key = ExtendedKey::master(seed.as_ref()).descendant(&derivation::path(*index));
                Zeroizing::new(*key.key())
            }
            Self::Seed(seed) => seed.clone(),
        }
    }

    /// The same words' key at another index; `None` for a bare seed.
    pub fn sibling(&self, index: u32) -> Option<Self> {
        match self {
            Self::Words { entropy, .. } if index <= derivation::INDEX_MAX => Some(Self::Words {
                entropy: entropy.clone(),
                index,
            }),
            _ => None,
        }
    }

    /// The bytes that a key file seals; what they mean is in its header.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Words { entropy, .. } => entropy,
            Self::Seed(seed) => seed.as_ref(),
        }
    }
}

pub(super) fn mnemonic(entropy: &[u8]) -> Mnemonic {
    Mnemonic::from_entropy_in(Language::English, entropy).expect("16 or 32 bytes, as checked when it was made")
}

/// Reads the bytes back that [`Secret::bytes`] gave.
pub(super) fn from_bytes(origin: super::sealed::Origin, mut bytes: Vec<u8>) -> Option<Secret> {
    use super::sealed::Origin;
    match origin {
        Origin::Words { index } if matches!(bytes.len(), 16 | 32) && index <= derivation::INDEX_MAX => {
            Some(Secret::Words {
                entropy: Zeroizing::new(bytes),
                index,
            })
        }
        Origin::Seed if bytes.len() == 32 => {
            let mut seed = Zeroizing::new([0; 32]);
            seed.copy_from_slice(&bytes);
            bytes.zeroize();
            Some(Secret::Seed(seed))
        }
        _ => {
            bytes.zeroize();
            None
        }
    }
}
