//! Parameters of one command, read by the names and expectations of its table.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Command, CommandError};
use crate::crypto::{CryptoError, key::TdesKey, mac};

pub(super) struct Parameters<'a> {
    table: &'static [(&'static str, &'static str)],
    given: &'a Map<String, Value>,
}

/// More than any command needs.
const HEX_DIGITS_MAX: usize = 65_536;

impl<'a> Parameters<'a> {
    pub(super) fn of(command: &'static Command, given: &'a Value) -> Result<Self, CommandError> {
        let given = given.as_object().ok_or(CommandError::Object)?;
        let table = command.parameters;
        let unknown = given.keys().find(|name| table.iter().all(|(known, _)| known != name));
        match unknown {
            Some(name) => Err(CommandError::Unknown {
                command: command.name,
                parameter: name.chars().take(32).collect(),
                known: table.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", "),
            }),
            None => Ok(Self { table, given }),
        }
    }

    fn row(&self, name: &str) -> (&'static str, &'static str) {
        let row = self.table.iter().find(|(known, _)| *known == name);
        *row.expect("a command reads the parameters of its table")
    }

    pub(super) fn wrong(&self, name: &str) -> CommandError {
        let (parameter, expected) = self.row(name);
        CommandError::Wrong { parameter, expected }
    }

    pub(super) fn missing(&self, name: &str) -> CommandError {
        let (parameter, expected) = self.row(name);
        CommandError::Missing { parameter, expected }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.row(name);
        self.given.contains_key(name)
    }

    fn optional<T>(&self, name: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, CommandError> {
        let value = self.given.get(self.row(name).0);
        value
            .map(|value| read(value).ok_or_else(|| self.wrong(name)))
            .transpose()
    }

    pub(super) fn text_if_any(&self, name: &str) -> Result<Option<&'a str>, CommandError> {
        self.optional(name, Value::as_str)
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, CommandError> {
        self.text_if_any(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, CommandError> {
        self.optional(name, Value::as_u64)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn bytes_if_any(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CommandError> {
        self.optional(name, |value| {
            let text = value.as_str().filter(|text| text.len() <= HEX_DIGITS_MAX)?;
            hex::decode(text).ok().map(Zeroizing::new)
        })
    }

    pub(super) fn bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        self.bytes_if_any(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn array_if_any<const N: usize>(&self, name: &str) -> Result<Option<[u8; N]>, CommandError> {
        let bytes = self.bytes_if_any(name)?;
        bytes
            .map(|bytes| bytes.as_slice().try_into().map_err(|_| self.wrong(name)))
            .transpose()
    }

    pub(super) fn array<const N: usize>(&self, name: &str) -> Result<[u8; N], CommandError> {
        self.array_if_any(name)?.ok_or_else(|| self.missing(name))
    }

    /// A key by its constructor, whose error would name it otherwise.
    pub(super) fn key<K>(&self, name: &str, new: fn(&[u8]) -> Result<K, CryptoError>) -> Result<K, CommandError> {
        new(&self.bytes(name)?).map_err(|_| self.wrong(name))
    }

    pub(super) fn tdes(&self, name: &str) -> Result<TdesKey, CommandError> {
        self.key(name, TdesKey::new)
    }

    /// Whether what is given under `name` is `right` or its beginning, `None` if nothing is given.
    pub(super) fn matches(&self, name: &str, right: &[u8]) -> Result<Option<bool>, CommandError> {
        let given = self.bytes_if_any(name)?;
        Ok(given.map(|given| mac::equal(right, &given)))
    }
}

/// Upper case, as cards' documents have it.
pub(super) fn hexadecimal(bytes: impl AsRef<[u8]>) -> Value {
    Value::from(hex::encode_upper(bytes))
}

/// `answer` with `matches`, where there was something to compare with.
pub(super) fn compared(mut answer: Value, matches: Option<bool>) -> Value {
    if let Some(matches) = matches {
        answer["matches"] = matches.into();
    }
    answer
}
