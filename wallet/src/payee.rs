//! Who is paid: an address, or the name of a contact.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
};

use causeway_contracts::identity::{AccountId, Address, AddressPrefix};

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
    #[error("'{text}' is neither a contact nor an address: {mistake}")]
    Unknown { text: String, mistake: Mistake },
    #[error("'{text}' is an address of another network; here they begin with {}1", expected.as_str())]
    OtherNetwork { text: String, expected: AddressPrefix },
    #[error("empty")]
    Empty,
}

/// The mistakes that people make in an address, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    #[error("the address is empty")]
    Empty,
    #[error("an address has no spaces or line breaks in it")]
    Space,
    #[error("an address is all in small or all in capital letters")]
    MixedCase,
    #[error("an address begins with cw1 or cwdev1")]
    Beginning,
    #[error("it is {by} character{} too short", plural(*by))]
    TooShort { by: usize },
    #[error("it is {by} character{} too long", plural(*by))]
    TooLong { by: usize },
    #[error("addresses have no '{}' after their beginning; was it misread?", .0.escape_debug())]
    Character(char),
    #[error("its checksum is wrong: at least one character is mistyped")]
    Mistyped,
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl Mistake {
    /// What is wrong with a text that is no address.
    pub fn of(text: &str) -> Self {
        /// 20 bytes are 32 characters, and the checksum six.
        const DATA: usize = 38;
        let has = |test: fn(char) -> bool| text.chars().any(test);
        if text.is_empty() {
            return Self::Empty;
        }
        if has(char::is_whitespace) {
            return Self::Space;
        }
        if has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase()) {
            return Self::MixedCase;
        }
        let lower = text.to_lowercase();
        let Some(data) = ["cw1", "cwdev1"].iter().find_map(|start| lower.strip_prefix(start)) else {
            return Self::Beginning;
        };
        let length = data.chars().count();
        if length < DATA {
            return Self::TooShort { by: DATA - length };
        }
        if length > DATA {
            return Self::TooLong { by: length - DATA };
        }
        match data.chars().find(|c| !"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(*c)) {
            Some(stranger) => Self::Character(stranger),
            None => Self::Mistyped,
        }
    }
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
    let address = text.parse().map_err(|_| PayeeError::Unknown {
        text: shortened(text),
        mistake: Mistake::of(text),
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
pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_address_is_told_by_its_mistake() {
        let good = AccountId([7; 20]).address(AddressPrefix::Devnet).to_string();
        let check = |text: String, expected: Mistake| {
            text.parse::<Address>().expect_err(&text);
            assert_eq!(Mistake::of(&text), expected, "{text}");
        };
        assert!(good.parse::<Address>().is_ok());
        check(String::new(), Mistake::Empty);
        check(good.replace("cwdev", "cwdev "), Mistake::Space);
        check(format!("{}X", &good[..good.len() - 1]), Mistake::MixedCase);
        check(good[..good.len() - 2].to_owned(), Mistake::TooShort { by: 2 });
        check(format!("{good}q"), Mistake::TooLong { by: 1 });
        check(format!("bc1{}", &good[6..]), Mistake::Beginning);
        let last = if good.ends_with('q') { 'p' } else { 'q' };
        check(format!("{}{last}", &good[..good.len() - 1]), Mistake::Mistyped);
        check(format!("{}b", &good[..good.len() - 1]), Mistake::Character('b'));
        assert_eq!(Mistake::TooShort { by: 1 }.to_string(), "it is 1 character too short");
    }
}
