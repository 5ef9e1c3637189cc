//! What an account and a purse sign so that the purse is registered as the account's.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::messages::Class;
use crate::{
    block::{GenesisHash, TimeMs},
    codec,
    identity::AccountId,
    keys::{BadSignature, Domain, PublicKey, SecretKey, Signature, Signed},
    money::Currency,
};

/// What a purse is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurseClass {
    /// A person's: pays and is paid.
    Purse,
    /// Is paid, and redeems it.
    Merchant,
}

impl PurseClass {
    /// What certificates say of it.
    pub fn class(self) -> Class {
        match self {
            Self::Purse => Class::PERSON,
            Self::Merchant => Class::MERCHANT,
        }
    }
}

/// Signed by the account, which wants the purse, and by the purse, which has the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RegistrationTerms {
    pub genesis: GenesisHash,
    pub currency: Currency,
    pub account: AccountId,
    /// The purse's.
    pub public_key: PublicKey,
    pub class: PurseClass,
    /// When it was signed.
    pub time_ms: TimeMs,
}

impl RegistrationTerms {
    pub fn sign(&self, key: &SecretKey) -> Signature {
        key.sign(Domain::Registration, &codec::encode(self))
    }

    pub fn verify(&self, key: PublicKey, signature: Signature) -> Result<(), BadSignature> {
        let message = codec::encode(self);
        let signed = Signed {
            key,
            domain: Domain::Registration,
            message: &message,
            signature,
        };
        signed.verify()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{currency, key, secret};

    fn terms() -> RegistrationTerms {
        RegistrationTerms {
            genesis: GenesisHash([7; 32]),
            currency: currency("EUR"),
            account: AccountId([1; 20]),
            public_key: key(2),
            class: PurseClass::Merchant,
            time_ms: TimeMs(1_790_000_000_000),
        }
    }

    /// Signed by others: a test here that fails is a change of the format.
    #[test]
    fn terms_have_these_bytes() {
        let bytes = codec::encode(&terms());
        let key = hex::encode(key(2).as_bytes());
        let expected = format!(
            "{}4555520000000000{}01{key}01fd006c50c4a0010000",
            "07".repeat(32),
            "01".repeat(20)
        );
        assert_eq!(hex::encode(bytes), expected);
    }

    #[test]
    fn a_signature_fits_these_terms_alone() {
        let signature = terms().sign(&secret(1));
        assert_eq!(terms().verify(key(1), signature), Ok(()));
        assert_eq!(terms().verify(key(2), signature), Err(BadSignature));
        let others = [
            RegistrationTerms {
                genesis: GenesisHash([8; 32]),
                ..terms()
            },
            RegistrationTerms {
                currency: currency("THB"),
                ..terms()
            },
            RegistrationTerms {
                account: AccountId([2; 20]),
                ..terms()
            },
            RegistrationTerms {
                public_key: key(3),
                ..terms()
            },
            RegistrationTerms {
                class: PurseClass::Purse,
                ..terms()
            },
            RegistrationTerms {
                time_ms: TimeMs(1),
                ..terms()
            },
        ];
        for other in others {
            assert_eq!(other.verify(key(1), signature), Err(BadSignature), "{other:?}");
        }
    }
}
