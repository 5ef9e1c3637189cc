//! The keys by which the issuer of a currency signs for purses.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{
    ids::{CurrencyIndex, KeyId},
    messages::{Beacon, Certificate, Grant, RevocationDelta, SyncAnswer},
    signed::{Body, Signed},
};
use crate::{
    codec::Bounded,
    keys::{BadSignature, KeyError, PublicKey},
};

/// What a key is for. It signs nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    Certificate,
    /// Grants, and answers to syncs.
    Grant,
    /// Beacons, and deltas of revocation lists.
    Beacon,
}

/// A message that an issuer's key signs.
pub trait ByIssuer: Body {
    const ROLE: KeyRole;
    fn issuer(&self) -> KeyId;
}

macro_rules! by_issuer {
    ($($name:ident: $role:ident),+ $(,)?) => {$(
        impl ByIssuer for $name {
            const ROLE: KeyRole = KeyRole::$role;

            fn issuer(&self) -> KeyId {
                self.issuer
            }
        }
    )+};
}

by_issuer! {
    Certificate: Certificate,
    Grant: Grant,
    Beacon: Beacon,
    RevocationDelta: Beacon,
    SyncAnswer: Grant,
}

/// Why a message is not the issuer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("no key {id} of the issuer of currency {currency} is trusted for this ({role:?})")]
    UnknownKey {
        id: KeyId,
        role: KeyRole,
        currency: CurrencyIndex,
    },
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

/// A key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IssuerKey {
    pub key: PublicKey,
    pub role: KeyRole,
    pub currency: CurrencyIndex,
}

impl IssuerKey {
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.key)
    }
}

/// How many keys one wallet or purse trusts at most.
pub const ISSUER_KEYS_MAX: usize = 64;

/// The keys that are trusted, ascending by their ids, each of which is there once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuerKeys(Bounded<IssuerKey, ISSUER_KEYS_MAX>);

/// Why keys are not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerKeysError {
    #[error("{0} keys, and at most {ISSUER_KEYS_MAX} are allowed")]
    TooMany(usize),
    #[error("two keys have the id {0}")]
    SameId(KeyId),
    #[error("key {id}: {source}")]
    Key { id: KeyId, source: KeyError },
}

impl IssuerKeys {
    pub fn new(mut keys: Vec<IssuerKey>) -> Result<Self, IssuerKeysError> {
        for key in &keys {
            let id = key.id();
            key.key.check().map_err(|source| IssuerKeysError::Key { id, source })?;
        }
        keys.sort_by_key(IssuerKey::id);
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].id() == pair[1].id()) {
            return Err(IssuerKeysError::SameId(pair[0].id()));
        }
        let actual = keys.len();
        Bounded::new(keys)
            .map(Self)
            .map_err(|_| IssuerKeysError::TooMany(actual))
    }

    /// The key with this id, if it is for that.
    pub fn get(&self, id: KeyId, role: KeyRole, currency: CurrencyIndex) -> Option<&PublicKey> {
        let mut keys = self.0.iter();
        let found = keys.find(|entry| entry.role == role && entry.currency == currency && entry.id() == id);
        found.map(|entry| &entry.key)
    }

    /// The key by which a message about this currency is checked.
    pub fn key_of<M: ByIssuer>(&self, message: &M, currency: CurrencyIndex) -> Result<&PublicKey, Untrusted> {
        let (id, role) = (message.issuer(), M::ROLE);
        self.get(id, role, currency)
            .ok_or(Untrusted::UnknownKey { id, role, currency })
    }

    /// Whether the issuer of this currency signed it.
    pub fn verify<M: ByIssuer>(&self, signed: &Signed<M>, currency: CurrencyIndex) -> Result<(), Untrusted> {
        let key = self.key_of(&signed.body, currency)?;
        Ok(signed.verify(key)?)
    }

    /// These and those of the others that have another id.
    pub fn with(&self, others: &Self) -> Result<Self, IssuerKeysError> {
        let is_new = |key: &&IssuerKey| self.iter().all(|known| known.id() != key.id());
        let new = others.iter().filter(is_new);
        Self::new(self.iter().chain(new).cloned().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &IssuerKey> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        example::small_order_keys,
        offline::example::{CURRENCY, granted, issuer_id, issuer_keys, issuer_secret, signed},
    };

    #[test]
    fn a_key_is_found_for_its_role_and_currency_alone() {
        let keys = issuer_keys();
        let id = issuer_id(KeyRole::Grant);
        let key = issuer_secret(KeyRole::Grant).public_key();
        assert_eq!(keys.get(id, KeyRole::Grant, CURRENCY), Some(&key));
        assert_eq!(keys.get(id, KeyRole::Certificate, CURRENCY), None);
        assert_eq!(keys.get(id, KeyRole::Beacon, CURRENCY), None);
        assert_eq!(keys.get(id, KeyRole::Grant, CurrencyIndex(CURRENCY.0 + 1)), None);
        assert_eq!(keys.get(KeyId([0; 4]), KeyRole::Grant, CURRENCY), None);
    }

    #[test]
    fn a_message_is_the_issuers_by_a_key_of_its_role_and_currency() {
        let keys = issuer_keys();
        let granted = granted(1);
        assert_eq!(keys.verify(&granted, CURRENCY), Ok(()));
        let other = CurrencyIndex(CURRENCY.0 + 1);
        let unknown = |id, currency| Untrusted::UnknownKey {
            id,
            role: KeyRole::Grant,
            currency,
        };
        assert_eq!(keys.verify(&granted, other), Err(unknown(granted.body.issuer, other)));
        let mut forged = granted.clone();
        forged.body.amount.0 += 1;
        assert_eq!(keys.verify(&forged, CURRENCY), Err(Untrusted::Signature(BadSignature)));
        let beacon = issuer_id(KeyRole::Beacon);
        let mut by_another_role = granted.body;
        by_another_role.issuer = beacon;
        let by_another_role = signed(by_another_role, &issuer_secret(KeyRole::Beacon));
        assert_eq!(keys.verify(&by_another_role, CURRENCY), Err(unknown(beacon, CURRENCY)));
    }

    #[test]
    fn keys_are_trusted_once_and_only_sound_ones() {
        let sound = issuer_keys().0.into_vec();
        let twice = [sound.clone(), vec![sound[0].clone()]].concat();
        assert_eq!(IssuerKeys::new(twice), Err(IssuerKeysError::SameId(sound[0].id())));
        for key in small_order_keys() {
            let weak = IssuerKey {
                key,
                ..sound[0].clone()
            };
            let expected = IssuerKeysError::Key {
                id: weak.id(),
                source: KeyError::SmallOrder,
            };
            assert_eq!(IssuerKeys::new(vec![weak]), Err(expected));
        }
        let many = (0..=64_u8).map(|number| IssuerKey {
            key: crate::example::key(number),
            ..sound[0].clone()
        });
        assert_eq!(IssuerKeys::new(many.collect()), Err(IssuerKeysError::TooMany(65)));
    }
}
