//! Which addresses a webhook may be sent to: global unicast ones alone, so that no customer makes the gateway
//! ask its own network. All that a name resolves to is judged, and one of these is connected to, without resolving
//! again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

mod ranges;

/// Why a webhook is not sent to these addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    #[error("the name has no address")]
    NoAddress,
    #[error("{address} is not an address for the public: {range}")]
    Special { address: IpAddr, range: &'static str },
}

/// Of several faults, the first is told. One address that may not be sent to rules out the others.
pub fn check_addresses(addresses: &[IpAddr]) -> Result<(), AddressFault> {
    if addresses.is_empty() {
        return Err(AddressFault::NoAddress);
    }
    for &address in addresses {
        if let Some(range) = special_range(address) {
            return Err(AddressFault::Special { address, range });
        }
    }
    Ok(())
}

/// What an address is for, if it is not global unicast (RFC 6890, and IANA's registries of special-purpose
/// addresses after it). `None` if it is.
///
/// An IPv6 address that holds an IPv4 one (mapped, translated, 6to4, Teredo) is refused whatever that is: no
/// receiver needs one.
pub fn special_range(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let covers = |first: Ipv4Addr, bits| (u32::from(first) ^ u32::from(address)).leading_zeros() >= bits;
    let range = ranges::V4.iter().find(|(first, bits, _)| covers(*first, *bits));
    range.map(|(_, _, name)| *name)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let covers = |first: Ipv6Addr, bits| (u128::from(first) ^ u128::from(address)).leading_zeros() >= bits;
    if let Some((_, _, name)) = ranges::V6.iter().find(|(first, bits, _)| covers(*first, *bits)) {
        return Some(name);
    }
    let (first, bits) = ranges::V6_GLOBAL_UNICAST;
    (!covers(first, bits)).then_some("outside of 2000::/3, from which alone addresses are given out")
}

#[cfg(test)]
mod tests;
