//! Addresses that sent what no honest client sends wait before they are heard again.
//!
//! The API counts what it finds malformed or wrongly signed, and what the mempool answers it. The mempool, which
//! checks transactions' signatures, counts those in a table of its own: a client that is gone when its answer
//! comes does not escape it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// That many invalid submissions, and the address waits.
pub(crate) const INVALID_MAX: usize = 16;

/// How long it waits, and after how long without another one its count is forgotten.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// Addresses remembered at once; beyond it the one that has been quiet longest is forgotten.
const ADDRESSES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Penalties {
    addresses: HashMap<IpAddr, Record>,
}

#[derive(Debug)]
struct Record {
    invalid: usize,
    last: Instant,
}

impl Penalties {
    /// How long this address must still wait, if it must.
    pub fn left(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let record = self.held_against(client, now)?;
        Some(WAIT - now.saturating_duration_since(record.last))
    }

    /// How many invalid ones came from an address that must wait; `None` if it need not.
    pub fn waiting(&self, client: IpAddr, now: Instant) -> Option<u32> {
        let record = self.held_against(client, now)?;
        Some(u32::try_from(record.invalid).unwrap_or(u32::MAX))
    }

    fn held_against(&self, client: IpAddr, now: Instant) -> Option<&Record> {
        let record = self.addresses.get(&network_of(client))?;
        let waits = record.invalid >= INVALID_MAX && now.saturating_duration_since(record.last) < WAIT;
        waits.then_some(record)
    }

    /// Counts one invalid submission against an address.
    pub fn invalid(&mut self, client: IpAddr, now: Instant) {
        self.add(client, 1, now);
    }

    pub fn add(&mut self, client: IpAddr, count: usize, now: Instant) {
        if count == 0 {
            return;
        }
        let client = network_of(client);
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&client) {
            self.make_room(now);
        }
        let record = self.addresses.entry(client).or_insert(Record { invalid: 0, last: now });
        if now.saturating_duration_since(record.last) >= WAIT {
            record.invalid = 0;
        }
        record.invalid = record.invalid.saturating_add(count);
        record.last = now;
    }

    fn make_room(&mut self, now: Instant) {
        self.addresses
            .retain(|_, record| now.saturating_duration_since(record.last) < WAIT);
        if self.addresses.len() >= ADDRESSES_MAX {
            let quietest = self.addresses.iter().min_by_key(|(_, record)| record.last);
            let quietest = *quietest.expect("it is full").0;
            self.addresses.remove(&quietest);
        }
    }
}

/// Whoever has one IPv6 address most often has its whole /64.
pub(crate) fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn waits_after_the_sixteenth_and_is_heard_again_after_a_minute() {
        let (client, start) = (address("192.0.2.1"), Instant::now());
        let mut penalties = Penalties::default();
        penalties.add(client, INVALID_MAX - 1, start);
        assert_eq!(penalties.left(client, start), None);
        penalties.add(client, 1, start);
        assert_eq!(penalties.left(client, start), Some(WAIT));
        assert_eq!(penalties.waiting(client, start), Some(16));
        let later = start + Duration::from_secs(59);
        assert_eq!(penalties.left(client, later), Some(Duration::from_secs(1)));
        assert_eq!(penalties.left(address("192.0.2.2"), later), None);
        assert_eq!(penalties.left(client, start + WAIT), None);
        assert_eq!(penalties.waiting(client, start + WAIT), None);
    }

    #[test]
    fn forgets_what_was_a_minute_ago() {
        let (client, start) = (address("192.0.2.1"), Instant::now());
        let mut penalties = Penalties::default();
        penalties.add(client, INVALID_MAX - 1, start);
        penalties.invalid(client, start + WAIT);
        assert_eq!(penalties.left(client, start + WAIT), None);
    }

    #[test]
    fn counts_an_ipv6_network_as_one() {
        let start = Instant::now();
        let mut penalties = Penalties::default();
        penalties.add(address("2001:db8::1"), INVALID_MAX, start);
        assert!(penalties.left(address("2001:db8::2"), start).is_some());
        assert_eq!(penalties.left(address("2001:db8:0:1::1"), start), None);
    }

    #[test]
    fn remembers_a_bounded_number_and_forgets_the_quietest() {
        let start = Instant::now();
        let mut penalties = Penalties::default();
        let nth = |n: usize| IpAddr::V4(std::net::Ipv4Addr::from_bits(n as u32));
        for n in 0..=ADDRESSES_MAX {
            penalties.add(nth(n), INVALID_MAX, start + Duration::from_millis(n as u64));
        }
        assert_eq!(penalties.addresses.len(), ADDRESSES_MAX);
        let now = start + Duration::from_secs(5);
        assert_eq!(penalties.left(nth(0), now), None);
        assert!(penalties.left(nth(ADDRESSES_MAX), now).is_some());
    }
}
