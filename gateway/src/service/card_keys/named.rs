//! The keys that a configuration names.

use crate::{
    acquiring::{
        hsm::{KeyName, Purpose},
        link_key,
    },
    service::config::{Issuing, LinkKeys},
};

/// A key that the configuration names.
pub(super) struct Named {
    pub name: KeyName,
    pub purpose: Purpose,
    pub by: String,
    /// Whether nobody else has it.
    pub is_own: bool,
    pub wrapping: Option<KeyName>,
}

impl Named {
    /// Whether a key is this one, or a later generation of it.
    pub fn is(&self, name: &KeyName) -> bool {
        let changes = !self.is_own && self.purpose != Purpose::Wrapping;
        self.name == *name || (changes && link_key::is_generation(&self.name, name))
    }
}

pub(super) fn of_cards(issuing: &Issuing) -> Vec<Named> {
    let named = |(name, purpose): (&KeyName, Purpose)| Named {
        name: name.clone(),
        purpose,
        by: "issuing.keys".to_owned(),
        is_own: true,
        wrapping: None,
    };
    let links = issuing.links.iter();
    let links = links.flat_map(|link| of_link(&format!("issuing.links.{}", link.name), &link.keys));
    issuing.keys.all().map(named).into_iter().chain(links).collect()
}

pub(super) fn of_link(by: &str, keys: &LinkKeys) -> Vec<Named> {
    let rows = [
        (&keys.mac, Purpose::Mac, "mac_key"),
        (&keys.pin, Purpose::Pin, "pin_key"),
        (&keys.wrapping, Purpose::Wrapping, "wrapping_key"),
    ];
    let named = |(name, purpose, word): (&Option<KeyName>, Purpose, &str)| {
        name.as_ref().map(|name| Named {
            name: name.clone(),
            purpose,
            by: format!("{by}.{word}"),
            is_own: false,
            wrapping: keys.wrapping.clone().filter(|_| purpose != Purpose::Wrapping),
        })
    };
    rows.into_iter().filter_map(named).collect()
}
