//! The acquirers that ask an issuer for payments, by ISO 8583.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use causeway_contracts::{
    identity::{Address, ParticipantId},
    money::Currency,
    settlement::ContractId,
};
use serde::Deserialize;

use super::IssuingFault;
use crate::acquiring::{hsm::KeyName, link_key};

/// More acquirers than a gateway has ports for.
const LINKS_MAX: usize = 64;

/// As it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkText {
    name: String,
    listen: SocketAddr,
    variant: Variant,
    acquirer: ParticipantId,
    account: String,
    #[serde(default)]
    mandates: BTreeMap<Currency, ContractId>,
    #[serde(default)]
    mac_key: Option<KeyName>,
    #[serde(default)]
    pin_key: Option<KeyName>,
    #[serde(default)]
    wrapping_key: Option<KeyName>,
    #[serde(default = "four")]
    connections: usize,
    #[serde(default = "many")]
    undecided: usize,
    #[serde(default = "five_minutes")]
    idle_seconds: u64,
}

fn four() -> usize {
    4
}

fn many() -> usize {
    256
}

fn five_minutes() -> u64 {
    300
}

/// How an acquirer writes its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    A,
    B,
}

/// One acquirer, on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// By which what it asked for is known again: it stays the same while there is any.
    pub name: String,
    pub listen: SocketAddr,
    pub variant: Variant,
    pub acquirer: ParticipantId,
    /// To which cardholders pay.
    pub account: Address,
    /// By which the issuer's operator draws what goes back to cardholders.
    pub mandates: BTreeMap<Currency, ContractId>,
    pub keys: LinkKeys,
    pub connections: usize,
    /// Messages that may wait for their answers.
    pub undecided: usize,
    pub idle_seconds: u64,
}

/// By which the security module calls the keys that one acquirer and one issuer share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkKeys {
    /// Of authentication codes. Without one, messages are not sealed.
    pub mac: Option<KeyName>,
    /// Under which the acquirer enciphers PINs, if not under the issuer's for all.
    pub pin: Option<KeyName>,
    /// Under which new ones of both come.
    pub wrapping: Option<KeyName>,
}

/// Why keys of a link are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkKeysFault {
    #[error("a key needs a security module, which {0}.hsm names")]
    NoModule(&'static str),
    #[error("the key '{0}' has at most 24 characters and no '.', since its later generations have a number after one")]
    Name(KeyName),
    #[error("the key '{0}' is of another link, too: when one of them changes it, the other would not know")]
    Twice(KeyName),
    #[error("wrapping_key is for new keys, which come by sealed messages only: mac_key is missing")]
    Wrapping,
}

impl LinkKeys {
    /// `module` says whether there is one, and which section names it; `others` has the keys of the links before.
    pub(in crate::service::config) fn check(
        self,
        (section, has_module): (&'static str, bool),
        others: &mut BTreeSet<KeyName>,
    ) -> Result<Self, LinkKeysFault> {
        let changed = [&self.mac, &self.pin];
        for name in changed.into_iter().flatten() {
            if !has_module {
                return Err(LinkKeysFault::NoModule(section));
            }
            if !link_key::is_name(name) {
                return Err(LinkKeysFault::Name(name.clone()));
            }
            if !others.insert(name.clone()) {
                return Err(LinkKeysFault::Twice(name.clone()));
            }
        }
        if self.wrapping.is_some() && self.mac.is_none() {
            return Err(LinkKeysFault::Wrapping);
        }
        Ok(self)
    }
}

/// Why a link is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    #[error("a name is 1 to 32 small letters, digits and hyphens, and no two links have the same")]
    Name,
    #[error("two links listen on {0}")]
    Port(SocketAddr),
    #[error("account is '{0}', which is no address of an account")]
    Account(String),
    #[error("connections is {0}, and must be 1 to 64")]
    Connections(usize),
    #[error("undecided is {0}, and must be 1 to 4,096")]
    Undecided(usize),
    #[error("idle_seconds is {0}, and must be 10 to 86,400")]
    Idle(u64),
    #[error(transparent)]
    Keys(#[from] LinkKeysFault),
    #[error("there are more than 64 links")]
    TooMany,
}

pub(in crate::service::config) fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_of_name)
}

fn link(text: LinkText) -> Result<Link, LinkFault> {
    if !is_name(&text.name) {
        return Err(LinkFault::Name);
    }
    if !(1..=64).contains(&text.connections) {
        return Err(LinkFault::Connections(text.connections));
    }
    if !(1..=4_096).contains(&text.undecided) {
        return Err(LinkFault::Undecided(text.undecided));
    }
    if !(10..=86_400).contains(&text.idle_seconds) {
        return Err(LinkFault::Idle(text.idle_seconds));
    }
    let account = text.account.parse();
    Ok(Link {
        account: account.map_err(|_| LinkFault::Account(text.account.chars().take(100).collect()))?,
        name: text.name,
        listen: text.listen,
        variant: text.variant,
        acquirer: text.acquirer,
        mandates: text.mandates,
        keys: LinkKeys {
            mac: text.mac_key,
            pin: text.pin_key,
            wrapping: text.wrapping_key,
        },
        connections: text.connections,
        undecided: text.undecided,
        idle_seconds: text.idle_seconds,
    })
}

/// `keys` are those that are none of a link.
pub(super) fn all(
    texts: Vec<LinkText>,
    has_module: bool,
    mut keys: BTreeSet<KeyName>,
) -> Result<Vec<Link>, IssuingFault> {
    let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
    let fault = |name: &str, source| IssuingFault::Link {
        name: name.chars().take(32).collect(),
        source,
    };
    let mut links = Vec::new();
    for text in texts {
        let name = text.name.clone();
        let mut link = link(text).map_err(|source| fault(&name, source))?;
        link.keys = link
            .keys
            .check(("issuing", has_module), &mut keys)
            .map_err(|source| fault(&name, source.into()))?;
        if links.len() == LINKS_MAX {
            return Err(fault(&name, LinkFault::TooMany));
        }
        if !names.insert(name.clone()) {
            return Err(fault(&name, LinkFault::Name));
        }
        // Port 0 is any free one.
        if !ports.insert(link.listen) && link.listen.port() != 0 {
            return Err(fault(&name, LinkFault::Port(link.listen)));
        }
        links.push(link);
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        block::GenesisHash,
        identity::{AccountId, AddressPrefix},
    };

    use super::*;

    #[test]
    fn links_are_read_or_refused_with_the_reason() {
        let genesis = GenesisHash([7; 32]);
        let account = AccountId::of_participant(&genesis, ParticipantId::new("BANKB").expect("an id"));
        let prefix = AddressPrefix::Devnet;
        let address = account.address(prefix).to_string();
        let text = |name: &str, port: u16, account: &str, more: &str| {
            let text = format!(
                "name = '{name}'\nlisten = '127.0.0.1:{port}'\nvariant = 'a'\nacquirer = 'BANKB'\n\
                 account = '{account}'\n{more}"
            );
            toml::from_str::<LinkText>(&text).expect("a link")
        };
        let cards = BTreeSet::from(["pin".parse().expect("a name")]);
        let why = |texts: Vec<LinkText>| match all(texts, true, cards.clone()) {
            Ok(_) => None,
            Err(IssuingFault::Link { source, .. }) => Some(source),
            Err(other) => panic!("{other}"),
        };
        let good = |name: &str, port| text(name, port, &address, "");
        assert_eq!(why(vec![good("one", 9_000), good("two", 9_001)]), None);
        assert_eq!(why(vec![good("one", 9_000), good("one", 9_001)]), Some(LinkFault::Name));
        assert_eq!(why(vec![good("One", 9_000)]), Some(LinkFault::Name));
        let port = LinkFault::Port(([127, 0, 0, 1], 9_000).into());
        assert_eq!(why(vec![good("one", 9_000), good("two", 9_000)]), Some(port));
        let account = LinkFault::Account("x".to_owned());
        assert_eq!(why(vec![text("one", 9_000, "x", "")]), Some(account));
        for (more, fault) in [
            ("connections = 0", LinkFault::Connections(0)),
            ("undecided = 5000", LinkFault::Undecided(5_000)),
            ("idle_seconds = 1", LinkFault::Idle(1)),
        ] {
            assert_eq!(why(vec![text("one", 9_000, &address, more)]), Some(fault));
        }
        let key = |name: &str| name.parse::<KeyName>().expect("a name");
        let keyed = |name: &str, port, more: &str| text(name, port, &address, more);
        let all_three = "mac_key = 'mac'\npin_key = 'zpk'\nwrapping_key = 'kbpk'";
        assert_eq!(why(vec![keyed("one", 9_000, all_three)]), None);
        for (more, fault) in [
            ("wrapping_key = 'kbpk'", LinkKeysFault::Wrapping),
            ("mac_key = 'mac.1'", LinkKeysFault::Name(key("mac.1"))),
            ("pin_key = 'pin'", LinkKeysFault::Twice(key("pin"))),
            ("mac_key = 'mac'", LinkKeysFault::Twice(key("mac"))),
        ] {
            let links = vec![keyed("one", 9_000, all_three), keyed("two", 9_001, more)];
            assert_eq!(why(links), Some(fault.into()), "{more}");
        }
        let without = all(vec![keyed("one", 9_000, "mac_key = 'mac'")], false, BTreeSet::new());
        assert!(matches!(
            without,
            Err(IssuingFault::Link {
                source: LinkFault::Keys(LinkKeysFault::NoModule("issuing")),
                ..
            })
        ));
    }
}
