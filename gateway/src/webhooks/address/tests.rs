use proptest::prelude::*;

use super::*;

/// A range by its first and last address, part of its name, and the addresses on both sides if these are for the
/// public.
struct Row(
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

const ROWS: [Row; 36] = [
    Row("0.0.0.0", "0.255.255.255", "this network", None, Some("1.0.0.0")),
    Row(
        "10.0.0.0",
        "10.255.255.255",
        "private",
        Some("9.255.255.255"),
        Some("11.0.0.0"),
    ),
    Row(
        "100.64.0.0",
        "100.127.255.255",
        "shared",
        Some("100.63.255.255"),
        Some("100.128.0.0"),
    ),
    Row(
        "127.0.0.0",
        "127.255.255.255",
        "loopback",
        Some("126.255.255.255"),
        Some("128.0.0.0"),
    ),
    Row(
        "169.254.0.0",
        "169.254.255.255",
        "link-local",
        Some("169.253.255.255"),
        Some("169.255.0.0"),
    ),
    Row(
        "172.16.0.0",
        "172.31.255.255",
        "private",
        Some("172.15.255.255"),
        Some("172.32.0.0"),
    ),
    Row(
        "192.0.0.0",
        "192.0.0.255",
        "protocol",
        Some("191.255.255.255"),
        Some("192.0.1.0"),
    ),
    Row(
        "192.0.2.0",
        "192.0.2.255",
        "documentation",
        Some("192.0.1.255"),
        Some("192.0.3.0"),
    ),
    Row(
        "192.31.196.0",
        "192.31.196.255",
        "AS112",
        Some("192.31.195.255"),
        Some("192.31.197.0"),
    ),
    Row(
        "192.52.193.0",
        "192.52.193.255",
        "AMT",
        Some("192.52.192.255"),
        Some("192.52.194.0"),
    ),
    Row(
        "192.88.99.0",
        "192.88.99.255",
        "6to4",
        Some("192.88.98.255"),
        Some("192.88.100.0"),
    ),
    Row(
        "192.168.0.0",
        "192.168.255.255",
        "private",
        Some("192.167.255.255"),
        Some("192.169.0.0"),
    ),
    Row(
        "192.175.48.0",
        "192.175.48.255",
        "AS112",
        Some("192.175.47.255"),
        Some("192.175.49.0"),
    ),
    Row(
        "198.18.0.0",
        "198.19.255.255",
        "benchmarking",
        Some("198.17.255.255"),
        Some("198.20.0.0"),
    ),
    Row(
        "198.51.100.0",
        "198.51.100.255",
        "documentation",
        Some("198.51.99.255"),
        Some("198.51.101.0"),
    ),
    Row(
        "203.0.113.0",
        "203.0.113.255",
        "documentation",
        Some("203.0.112.255"),
        Some("203.0.114.0"),
    ),
    Row(
        "224.0.0.0",
        "239.255.255.255",
        "multicast",
        Some("223.255.255.255"),
        None,
    ),
    Row("240.0.0.0", "255.255.255.254", "reserved", None, None),
    Row("255.255.255.255", "255.255.255.255", "broadcast", None, None),
    Row("::", "::", "unspecified", None, None),
    Row("::1", "::1", "loopback", None, None),
    Row("::2", "::ffff:ffff", "compatible", None, None),
    Row("::ffff:0:0", "::ffff:255.255.255.255", "mapped", None, None),
    Row("64:ff9b::", "64:ff9b::255.255.255.255", "translated", None, None),
    Row(
        "64:ff9b:1::",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "translated",
        None,
        None,
    ),
    Row("100::", "100::ffff:ffff:ffff:ffff", "discarded", None, None),
    Row(
        "2001::",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "protocol",
        Some("2000:ffff::"),
        Some("2001:200::"),
    ),
    Row(
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "documentation",
        Some("2001:db7::"),
        Some("2001:db9::"),
    ),
    Row(
        "2002::",
        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "6to4",
        Some("2001:ffff::"),
        Some("2003::"),
    ),
    Row(
        "2620:4f:8000::",
        "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
        "AS112",
        Some("2620:4f:7fff::"),
        Some("2620:4f:8001::"),
    ),
    Row(
        "3fff::",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "documentation",
        Some("3ffe::"),
        Some("3fff:1000::"),
    ),
    Row(
        "5f00::",
        "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "segment",
        None,
        None,
    ),
    Row(
        "fc00::",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "unique local",
        None,
        None,
    ),
    Row(
        "fe80::",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "link-local",
        None,
        None,
    ),
    Row(
        "fec0::",
        "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "site-local",
        None,
        None,
    ),
    Row(
        "ff00::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "multicast",
        None,
        None,
    ),
];

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn each_special_range_from_its_first_to_its_last() {
    for Row(first, last, name, before, after) in ROWS {
        for inside in [first, last] {
            let found = special_range(address(inside));
            assert!(found.is_some_and(|range| range.contains(name)), "{inside}: {found:?}");
        }
        for outside in [before, after].into_iter().flatten() {
            assert_eq!(special_range(address(outside)), None, "{outside}");
        }
    }
}

#[test]
fn what_is_not_given_out_is_refused() {
    for text in ["200::", "1fff:ffff::", "4000::", "8000::", "e000::", "fe00::"] {
        let found = special_range(address(text));
        assert!(
            found.is_some_and(|range| range.contains("2000::/3")),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn one_bad_address_rules_out_the_others() {
    let check = |texts: &[&str], expected| {
        let addresses: Vec<_> = texts.iter().map(|text| address(text)).collect();
        assert_eq!(check_addresses(&addresses), expected, "{texts:?}");
    };
    check(&["8.8.8.8", "2606:4700::1111"], Ok(()));
    check(&[], Err(AddressFault::NoAddress));
    let refused = |text, range| {
        Err(AddressFault::Special {
            address: address(text),
            range,
        })
    };
    check(&["8.8.8.8", "10.0.0.1"], refused("10.0.0.1", "private use (RFC 1918)"));
    check(
        &["::ffff:8.8.8.8", "10.0.0.1"],
        refused("::ffff:8.8.8.8", "IPv4-mapped (RFC 4291)"),
    );
}

proptest! {
    /// The standard library knows some of the ranges, too.
    #[test]
    fn invariant_what_the_standard_library_calls_special_is_refused(v4 in any::<u32>(), v6 in any::<u128>()) {
        let v4 = Ipv4Addr::from(v4);
        let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
            || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
        prop_assert!(!special || special_range(v4.into()).is_some());
        let v6 = Ipv6Addr::from(v6);
        let special = v6.is_multicast() || v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local()
            || v6.is_unicast_link_local();
        prop_assert!(!special || special_range(v6.into()).is_some());
        for holding in [v4.to_ipv6_mapped(), v4.to_ipv6_compatible()] {
            prop_assert!(special_range(holding.into()).is_some());
        }
    }
}
