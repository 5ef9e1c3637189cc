//! Writes codes, static and dynamic.

use std::collections::BTreeMap;

use super::{Code, Violation, seal};

/// Who is paid, as every code says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// ISO 18245, four digits.
    pub category: String,
    /// ISO 4217, three digits.
    pub currency: String,
    /// ISO 3166-1, two letters.
    pub country: String,
    /// Up to 25 characters.
    pub name: String,
    /// Up to 15 characters.
    pub city: String,
    /// Up to 10 characters.
    pub postal_code: Option<String>,
}

/// A tip, or a fee for convenience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// The payer is asked.
    Asked,
    Fixed(String),
    /// Such as `05.00`.
    Percentage(String),
}

/// Why a code is not written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("object {id:02} has {characters} characters; an object has at most 99")]
    ValueTooLong { id: u8, characters: usize },
    #[error("{0} is no id; ids are 0 to 99")]
    Id(u8),
    #[error("it would break rules, at {} first: {}", .0[0].place, .0[0].message)]
    Violations(Vec<Violation>),
}

/// A code that is being made. Objects are written in the order of their ids, the check last.
pub struct Builder {
    objects: BTreeMap<u8, String>,
    /// Of templates whose objects come one by one.
    additional: BTreeMap<u8, String>,
}

impl Builder {
    /// A code that may be paid any number of times; without an amount the payer enters one.
    pub fn fixed(merchant: &Merchant) -> Self {
        Self::new(merchant, "11")
    }

    /// A code for one payment of `amount`, such as `12.50`.
    pub fn dynamic(merchant: &Merchant, amount: &str) -> Self {
        Self::new(merchant, "12").amount(amount)
    }

    fn new(merchant: &Merchant, initiation: &str) -> Self {
        let mut objects = BTreeMap::from(
            [
                (0, "01"),
                (1, initiation),
                (52, &merchant.category),
                (53, &merchant.currency),
                (58, &merchant.country),
                (59, &merchant.name),
                (60, &merchant.city),
            ]
            .map(|(id, value)| (id, value.to_owned())),
        );
        objects.extend(merchant.postal_code.clone().map(|code| (61, code)));
        Self {
            objects,
            additional: BTreeMap::new(),
        }
    }

    pub fn amount(self, amount: &str) -> Self {
        self.object(54, amount)
    }

    /// Any object of the outermost level, such as a primitive account; one of this id before is replaced.
    pub fn object(mut self, id: u8, value: &str) -> Self {
        self.objects.insert(id, value.to_owned());
        self
    }

    /// A template that begins with a globally unique identifier: 26 to 51, or 80 to 99.
    pub fn template(self, id: u8, guid: &str, inner: &[(u8, &str)]) -> Result<Self, BuildError> {
        let row: Vec<_> = [(0, guid)].into_iter().chain(inner.iter().copied()).collect();
        let value = write(&row)?;
        Ok(self.object(id, &value))
    }

    /// One of the additional data of object 62.
    pub fn additional(mut self, id: u8, value: &str) -> Self {
        self.additional.insert(id, value.to_owned());
        self
    }

    /// Name and city in another language (ISO 639-1, two letters).
    pub fn language(self, language: &str, name: &str, city: Option<&str>) -> Result<Self, BuildError> {
        let row: Vec<_> = [(0, language), (1, name)]
            .into_iter()
            .chain(city.map(|city| (2, city)))
            .collect();
        let value = write(&row)?;
        Ok(self.object(64, &value))
    }

    pub fn tip(self, tip: &Tip) -> Self {
        match tip {
            Tip::Asked => self.object(55, "01"),
            Tip::Fixed(amount) => self.object(55, "02").object(56, amount),
            Tip::Percentage(percentage) => self.object(55, "03").object(57, percentage),
        }
    }

    /// All objects without the check, unchecked: what a signature is made over.
    pub fn unsealed(&self) -> Result<String, BuildError> {
        let row = |objects: &BTreeMap<u8, String>| {
            let row: Vec<_> = objects.iter().map(|(id, value)| (*id, value.as_str())).collect();
            write(&row)
        };
        if self.additional.is_empty() {
            return row(&self.objects);
        }
        let mut objects = self.objects.clone();
        objects.insert(62, row(&self.additional)?);
        row(&objects)
    }

    /// The code. It breaks no rule.
    pub fn build(&self) -> Result<String, BuildError> {
        let text = seal(self.unsealed()?);
        let code = Code::read(&text).expect("objects were written one by one");
        let violations = code.violations();
        if violations.is_empty() {
            Ok(text)
        } else {
            Err(BuildError::Violations(violations))
        }
    }
}

/// Objects one after another.
pub fn write(row: &[(u8, &str)]) -> Result<String, BuildError> {
    let mut text = String::new();
    for &(id, value) in row {
        let characters = value.chars().count();
        if id > 99 {
            return Err(BuildError::Id(id));
        }
        if characters > 99 {
            return Err(BuildError::ValueTooLong { id, characters });
        }
        text.push_str(&format!("{id:02}{characters:02}{value}"));
    }
    Ok(text)
}
