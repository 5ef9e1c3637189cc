//! Who is paid: an address, or the name of a contact.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
};

use causeway_contracts::identity::{AccountId, Address, AddressError, AddressPrefix};

use crate::durable::{self, FileError};

const CONTACTS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Names for addresses, of one network.
#[derive(Debug)]
pub struct Contacts {
    path: PathBuf,
    prefix: AddressPrefix,
    names: BTreeMap<String, Address>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayeeError {
    #[error("'{text}' is neither an address nor a contact: {source}")]
    Unknown { text: String, source: AddressError },
    #[error("'{text}' is an address of another network; here they begin with {}1", expected.as_str())]
    OtherNetwork { text: String, expected: AddressPrefix },
    #[error("empty")]
    Empty,
}

#[derive(Debug, thiserror::Error)]
pub enum ContactsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("contacts.json: {0}")]
    Format(#[from] serde_json::Error),
    #[error("a contact's name has 1 to 64 characters, no control characters, and is not itself an address")]
    Name,
    #[error("{name} is {there} already; remove that contact first or choose another name")]
    Taken { name: String, there: Address },
    #[error(transparent)]
    Payee(#[from] PayeeError),
}

impl Contacts {
    pub fn load(path: PathBuf, prefix: AddressPrefix) -> Result<Self, ContactsError> {
        let names = match durable::read(&path, CONTACTS_BYTES_MAX) {
            Ok(json) => serde_json::from_slice(&json)?,
            Err(error) if error.is_not_found() => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path, prefix, names })
    }

    /// Without names: addresses only.
    pub fn none(prefix: AddressPrefix) -> Self {
        Self {
            path: PathBuf::new(),
            prefix,
            names: BTreeMap::new(),
        }
    }

    pub fn save(&self) -> Result<(), FileError> {
        let json = serde_json::to_vec_pretty(&self.names).expect("contacts have a JSON form");
        durable::replace(Path::new(&self.path), &json)
    }

    /// Adding the same contact again changes nothing.
    pub fn add(&mut self, name: &str, address: &str) -> Result<(), ContactsError> {
        let named = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !named || name.parse::<Address>().is_ok() {
            return Err(ContactsError::Name);
        }
        let account = parse_address(address, self.prefix)?;
        let address = account.address(self.prefix);
        match self.names.entry(name.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(address);
                Ok(())
            }
            Entry::Occupied(there) if *there.get() == address => Ok(()),
            Entry::Occupied(there) => Err(ContactsError::Taken {
                name: name.to_owned(),
                there: *there.get(),
            }),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Address)> {
        self.names.iter().map(|(name, address)| (name.as_str(), address))
    }

    pub fn resolve(&self, text: &str) -> Result<AccountId, PayeeError> {
        match self.names.get(text) {
            Some(address) => check_network(text, *address, self.prefix),
            None => parse_address(text, self.prefix),
        }
    }
}

/// Reads an address of the network with this prefix.
pub fn parse_address(text: &str, prefix: AddressPrefix) -> Result<AccountId, PayeeError> {
    if text.is_empty() {
        return Err(PayeeError::Empty);
    }
    let address = text.parse().map_err(|source| PayeeError::Unknown {
        text: shortened(text),
        source,
    })?;
    check_network(text, address, prefix)
}

fn check_network(text: &str, address: Address, prefix: AddressPrefix) -> Result<AccountId, PayeeError> {
    if address.prefix != prefix {
        return Err(PayeeError::OtherNetwork {
            text: shortened(text),
            expected: prefix,
        });
    }
    Ok(address.account)
}

// An error quotes the input, and the input may be anything.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
