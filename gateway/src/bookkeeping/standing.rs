//! Which watched accounts have offers in which books.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::TimeMs, identity::AccountId, money::Currency, settlement::Offer, transaction::UnixSeconds,
};
use serde::{Deserialize, Serialize};

/// By what is sold and what is bought. How much of an offer is left is not known, since a block does not say whose it
/// took: an account stays until the last of its offers would have expired.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Standing(BTreeMap<Currency, BTreeMap<Currency, Makers>>);

/// When the last of a maker's offers expires.
type Makers = BTreeMap<AccountId, UnixSeconds>;

impl Standing {
    /// Whether the maker had no offer in that book before.
    pub fn insert(&mut self, offer: &Offer) -> bool {
        let makers = self.0.entry(offer.sell).or_default().entry(offer.buy).or_default();
        let is_new = !makers.contains_key(&offer.maker);
        let until = makers.entry(offer.maker).or_insert(offer.expires_at);
        *until = offer.expires_at.max(*until);
        is_new
    }

    pub fn contains(&self, offer: &Offer) -> bool {
        self.makers(offer.sell, offer.buy).any(|maker| maker == offer.maker)
    }

    pub fn makers(&self, sell: Currency, buy: Currency) -> impl Iterator<Item = AccountId> {
        let makers = self.0.get(&sell).and_then(|books| books.get(&buy));
        makers.into_iter().flat_map(|makers| makers.keys().copied())
    }

    /// Drops what can be taken no more in a block of this time; gives how many that were.
    pub fn pass(&mut self, time: TimeMs) -> u64 {
        let mut dropped = 0;
        for books in self.0.values_mut() {
            books.retain(|_, makers| {
                makers.retain(|_, until| {
                    let stays = !until.is_past(time);
                    dropped += u64::from(!stays);
                    stays
                });
                !makers.is_empty()
            });
        }
        self.0.retain(|_, books| !books.is_empty());
        dropped
    }
}
