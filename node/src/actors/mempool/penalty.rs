//! Addresses that sent invalid signatures, which are the dearest thing to check.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// After this many invalid signatures an address waits.
const INVALID_MAX: u32 = 16;
const WAIT: Duration = Duration::from_secs(60);
/// More addresses than this are not remembered at once.
const ADDRESSES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub struct Penalties {
    by_address: HashMap<IpAddr, Penalty>,
}

#[derive(Debug)]
struct Penalty {
    invalid: u32,
    last: Instant,
}

impl Penalties {
    /// How many invalid signatures came from an address that must wait, or `None` if it need not.
    pub fn waiting(&self, address: IpAddr, now: Instant) -> Option<u32> {
        let penalty = self.by_address.get(&address)?;
        (penalty.invalid >= INVALID_MAX && now < penalty.last + WAIT).then_some(penalty.invalid)
    }

    pub fn invalid(&mut self, address: IpAddr, now: Instant) {
        if self.by_address.len() >= ADDRESSES_MAX {
            self.by_address.retain(|_, penalty| now < penalty.last + WAIT);
        }
        if self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&address) {
            return;
        }
        let penalty = self
            .by_address
            .entry(address)
            .or_insert(Penalty { invalid: 0, last: now });
        if now >= penalty.last + WAIT {
            penalty.invalid = 0;
        }
        penalty.invalid += 1;
        penalty.last = now;
    }
}
