use std::{fmt, str::FromStr};

use crate::names::{Name, NameFault};

/// Of a list, aliases included. The largest in use have some tens of thousands.
pub const NAMES_MAX: usize = 500_000;

const LIST_NAME_BYTES_MAX: usize = 64;

/// What a list is called in a hit, such as `OFAC SDN`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list's name has 1 to {LIST_NAME_BYTES_MAX} characters of visible ASCII and spaces")]
pub struct ListNameFault;

impl FromStr for ListName {
    type Err = ListNameFault;

    fn from_str(text: &str) -> Result<Self, ListNameFault> {
        let fits = (1..=LIST_NAME_BYTES_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(ListNameFault);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number that a list gives to a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// A name or alias of a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedName {
    pub entry: EntryId,
    /// As the list has it.
    pub name: String,
    normalised: Name,
}

impl ListedName {
    pub fn new(entry: EntryId, name: &str) -> Result<Self, NameFault> {
        Ok(Self {
            entry,
            normalised: Name::parse(name)?,
            name: name.to_owned(),
        })
    }

    pub fn normalised(&self) -> &Name {
        &self.normalised
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the list has more than {NAMES_MAX} names")]
pub struct TooManyNames;

/// The names of one list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanctionsList {
    name: ListName,
    names: Vec<ListedName>,
}

impl SanctionsList {
    pub fn new(name: ListName, names: Vec<ListedName>) -> Result<Self, TooManyNames> {
        if names.len() > NAMES_MAX {
            return Err(TooManyNames);
        }
        Ok(Self { name, names })
    }

    pub fn name(&self) -> &ListName {
        &self.name
    }

    pub fn names(&self) -> &[ListedName] {
        &self.names
    }
}
