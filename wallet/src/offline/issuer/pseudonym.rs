//! What a purse is called: by its key, so that a registration that comes again, also after a crash, finds what was made
//! of it.

use causeway_contracts::{
    keys::PublicKey,
    offline::ids::{CurrencyIndex, PurseId},
};
use sha2::{Digest, Sha256};

/// How many ids there are for one key. Another purse may have the first ones: 8 bytes can be made to collide.
pub const ATTEMPTS_MAX: u8 = 8;

/// The first 8 bytes of SHA-256 over `causeway/purse-id/1`, the currency's index, the key's 32 bytes and the attempt,
/// counted from 0; none if that is no id for a purse.
pub fn purse_id(currency: CurrencyIndex, key: &PublicKey, attempt: u8) -> Option<PurseId> {
    let digest: [u8; 32] = Sha256::new()
        .chain_update("causeway/purse-id/1")
        .chain_update(currency.0.to_be_bytes())
        .chain_update(key.as_bytes())
        .chain_update([attempt])
        .finalize()
        .into();
    let id = PurseId(*digest.first_chunk().expect("8 of 32 bytes"));
    id.check().is_ok().then_some(id)
}

#[cfg(test)]
mod tests {
    use causeway_contracts::keys::SecretKey;

    use super::*;

    #[test]
    fn an_id_follows_from_key_currency_and_attempt() {
        let key = |number| SecretKey::from_seed(&[number; 32]).public_key();
        let id = |currency, number, attempt| purse_id(CurrencyIndex(currency), &key(number), attempt);
        assert_eq!(
            id(1, 1, 0).map(|id| id.to_string()).as_deref(),
            Some("59764420e9c07405")
        );
        let all = [id(1, 1, 0), id(2, 1, 0), id(1, 2, 0), id(1, 1, 1)];
        let different: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
