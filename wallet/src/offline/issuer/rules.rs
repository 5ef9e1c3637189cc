//! By which keys and limits a service signs.

use causeway_contracts::{
    keys::SecretKey,
    offline::{
        ids::{CurrencyIndex, KeyId},
        issuer::{IssuerKey, KeyRole},
    },
};

use super::client::IssuerLimits;

/// A list that nothing was added to for so long is confirmed by a delta without entries: purses take nothing above
/// the floor from a list of 7 days ago.
pub const LIST_HOURS: u32 = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub currency: CurrencyIndex,
    /// How many digits it has after the point.
    pub exponent: u8,
    pub limits: IssuerLimits,
    /// There is a beacon in the first hour of each so many; at least 1.
    pub beacon_hours: u32,
    /// So long a purse that overspent a lot is not listed yet: a void may still lift that.
    pub lot_proof_hours: u32,
}

/// The secret keys of a service, one of each role.
#[derive(Clone)]
pub struct ServiceKeys {
    pub certificate: SecretKey,
    pub grant: SecretKey,
    pub beacon: SecretKey,
}

/// Their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyIds {
    pub certificate: KeyId,
    pub grant: KeyId,
    pub beacon: KeyId,
}

impl ServiceKeys {
    pub fn ids(&self) -> KeyIds {
        let id = |key: &SecretKey| KeyId::of(&key.public_key());
        KeyIds {
            certificate: id(&self.certificate),
            grant: id(&self.grant),
            beacon: id(&self.beacon),
        }
    }

    /// As purses know them.
    pub fn public(&self, currency: CurrencyIndex) -> Vec<IssuerKey> {
        let of = |key: &SecretKey, role| IssuerKey {
            key: key.public_key(),
            role,
            currency,
        };
        vec![
            of(&self.certificate, KeyRole::Certificate),
            of(&self.grant, KeyRole::Grant),
            of(&self.beacon, KeyRole::Beacon),
        ]
    }
}
