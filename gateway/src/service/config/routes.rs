//! The issuers that an acquirer asks for card payments, by ISO 8583.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{LinkKeys, LinkKeysFault, Variant, issuing::is_name};
use crate::acquiring::hsm::KeyName;

/// More issuers than an acquirer has links to.
const ROUTES_MAX: usize = 64;

/// Of one route.
const BINS_MAX: usize = 256;

/// Later than this, a terminal waits for no answer.
const ANSWER_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

/// As it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteText {
    name: String,
    address: String,
    variant: Variant,
    bins: Vec<String>,
    acquirer_id: String,
    #[serde(default)]
    mac_key: Option<KeyName>,
    #[serde(default)]
    wrapping_key: Option<KeyName>,
    #[serde(default = "twenty_seconds")]
    answer_ms: u64,
}

fn twenty_seconds() -> u64 {
    20_000
}

/// One issuer's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardRoute {
    /// By which reversals that are under way are known again: it stays the same while there are any.
    pub name: String,
    /// `host:port`.
    pub address: String,
    pub variant: Variant,
    /// First digits of the numbers that it answers for: six or eight.
    pub bins: Vec<String>,
    /// Field 32: what the issuer calls this acquirer.
    pub acquirer_id: String,
    pub keys: LinkKeys,
    /// A request that is not answered by then is reversed.
    pub answer_ms: u64,
}

/// Why a route is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteFault {
    #[error("a name is 1 to 32 small letters, digits and hyphens, and no two routes have the same")]
    Name,
    #[error("address is '{0}', and is written like issuer.example:8583")]
    Address(String),
    #[error("bins are 1 to 256, each six or eight digits; '{0}' is none")]
    Bin(String),
    #[error("two routes have the bin {0}")]
    BinTwice(String),
    #[error("acquirer_id is '{0}', and is 1 to 11 digits")]
    AcquirerId(String),
    #[error("answer_ms is {0}, and must be 100 to 60,000")]
    Answer(u64),
    #[error(transparent)]
    Keys(#[from] LinkKeysFault),
    #[error("there are more than 64 routes")]
    TooMany,
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_address(address: &str) -> bool {
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let is_port = is_digits(port) && port.parse::<u16>().is_ok_and(|port| port > 0);
    (1..=255).contains(&host.len()) && host.bytes().all(is_of_host) && is_port
}

fn route(text: RouteText) -> Result<CardRoute, RouteFault> {
    if !is_name(&text.name) {
        return Err(RouteFault::Name);
    }
    if !is_address(&text.address) {
        return Err(RouteFault::Address(short(&text.address)));
    }
    if !(1..=BINS_MAX).contains(&text.bins.len()) {
        return Err(RouteFault::Bin(String::new()));
    }
    if let Some(bin) = text
        .bins
        .iter()
        .find(|bin| !is_digits(bin) || ![6, 8].contains(&bin.len()))
    {
        return Err(RouteFault::Bin(short(bin)));
    }
    if !is_digits(&text.acquirer_id) || !(1..=11).contains(&text.acquirer_id.len()) {
        return Err(RouteFault::AcquirerId(short(&text.acquirer_id)));
    }
    if !ANSWER_MS.contains(&text.answer_ms) {
        return Err(RouteFault::Answer(text.answer_ms));
    }
    Ok(CardRoute {
        name: text.name,
        address: text.address,
        variant: text.variant,
        bins: text.bins,
        acquirer_id: text.acquirer_id,
        keys: LinkKeys {
            mac: text.mac_key,
            pin: None,
            wrapping: text.wrapping_key,
        },
        answer_ms: text.answer_ms,
    })
}

/// With the name of the route that is none.
pub(super) fn all(texts: Vec<RouteText>, has_module: bool) -> Result<Vec<CardRoute>, (String, RouteFault)> {
    let (mut names, mut bins, mut keys) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut routes = Vec::new();
    for text in texts {
        let name = text.name.chars().take(32).collect::<String>();
        let mut route = route(text).map_err(|fault| (name.clone(), fault))?;
        let checked = route.keys.check(("acquiring", has_module), &mut keys);
        route.keys = checked.map_err(|fault| (name.clone(), fault.into()))?;
        if routes.len() == ROUTES_MAX {
            return Err((name, RouteFault::TooMany));
        }
        if !names.insert(route.name.clone()) {
            return Err((name, RouteFault::Name));
        }
        if let Some(bin) = route.bins.iter().find(|bin| !bins.insert((*bin).clone())) {
            return Err((name, RouteFault::BinTwice(bin.clone())));
        }
        routes.push(route);
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_or_refused_with_the_reason() {
        let text = |name: &str, address: &str, bins: &str, id: &str, more: &str| {
            let text = format!(
                "name = '{name}'\naddress = '{address}'\nvariant = 'b'\nbins = {bins}\nacquirer_id = '{id}'\n{more}"
            );
            toml::from_str::<RouteText>(&text).expect("a route")
        };
        let good = |name: &str, bin: &str| text(name, "issuer.example:8583", &format!("['{bin}']"), "12345", "");
        let why = |texts| all(texts, true).err().map(|(_, fault)| fault);
        assert_eq!(why(vec![good("one", "990000"), good("two", "99000100")]), None);
        let twice = RouteFault::BinTwice("990000".to_owned());
        assert_eq!(why(vec![good("one", "990000"), good("two", "990000")]), Some(twice));
        assert_eq!(
            why(vec![good("one", "990000"), good("one", "990001")]),
            Some(RouteFault::Name)
        );
        for address in [
            "issuer.example",
            "issuer.example:0",
            "issuer.example:70000",
            "a b:1",
            ":1",
            "a:+1",
        ] {
            let fault = RouteFault::Address(address.to_owned());
            assert_eq!(why(vec![text("one", address, "['990000']", "1", "")]), Some(fault));
        }
        for (bins, fault) in [("[]", ""), ("['99000']", "99000"), ("['99000x']", "99000x")] {
            let fault = RouteFault::Bin(fault.to_owned());
            assert_eq!(why(vec![text("one", "[::1]:1", bins, "1", "")]), Some(fault));
        }
        for id in ["", "123456789012", "1a"] {
            let fault = RouteFault::AcquirerId(id.to_owned());
            assert_eq!(why(vec![text("one", "127.0.0.1:1", "['990000']", id, "")]), Some(fault));
        }
        let late = text("one", "127.0.0.1:1", "['990000']", "1", "answer_ms = 99");
        assert_eq!(why(vec![late]), Some(RouteFault::Answer(99)));
        let keyed = |more: &str| text("one", "127.0.0.1:1", "['990000']", "1", more);
        assert_eq!(why(vec![keyed("mac_key = 'mac'\nwrapping_key = 'kbpk'")]), None);
        let no_key = RouteFault::Keys(LinkKeysFault::Wrapping);
        assert_eq!(why(vec![keyed("wrapping_key = 'kbpk'")]), Some(no_key));
        let no_module = all(vec![keyed("mac_key = 'mac'")], false).err().map(|(_, fault)| fault);
        assert_eq!(no_module, Some(RouteFault::Keys(LinkKeysFault::NoModule("acquiring"))));
    }
}
