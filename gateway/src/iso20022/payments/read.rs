//! From elements to values. A path that is there more often than the message allows is refused, so that what is
//! read does not depend on which of two is looked at, also where no schema was checked.

use rust_decimal::Decimal;
use time::{Date, PrimitiveDateTime, UtcDateTime, format_description::well_known::Iso8601, macros::format_description};

use super::refusal::{Fault, ReasonCode, Refusal};
use super::text::{CharacterSet, Text};
use crate::{
    identifiers::{bic::Bic, country::Country, currency::CurrencyCode, iban::Iban, lei::Lei, uetr::Uetr},
    iso20022::xml::Node,
};

/// A value that is the text of one element.
pub(super) trait Leaf: Sized {
    fn leaf(text: &str) -> Result<Self, Fault>;
}

/// The text of an element without the spaces around it.
pub(super) fn value(node: Node<'_>) -> &str {
    node.text().trim_matches([' ', '\t', '\n', '\r'])
}

/// The element at a path, such as `PmtId/UETR`, where there is one.
pub(super) fn at<'a>(node: Node<'a>, path: &str) -> Result<Option<Node<'a>>, Refusal> {
    let mut found = node;
    for name in path.split('/') {
        let mut children = found.children().filter(|child| child.name() == name);
        let Some(child) = children.next() else {
            return Ok(None);
        };
        if let Some(second) = children.next() {
            let name = name.to_owned();
            let parent = second.parent().unwrap_or(second);
            return Err(Refusal::at(parent, Fault::Repeated { name }, ReasonCode::FORMAT));
        }
        found = child;
    }
    Ok(Some(found))
}

/// The element at a path. Where it is missing, the refusal has the reason CH21.
pub(super) fn required<'a>(node: Node<'a>, path: &'static str) -> Result<Node<'a>, Refusal> {
    at(node, path)?.ok_or_else(|| Refusal::at(node, Fault::Missing { path }, ReasonCode::MISSING))
}

/// The elements of a name, at most `max` of them.
pub(super) fn several<'a>(node: Node<'a>, name: &'static str, max: usize) -> Result<Vec<Node<'a>>, Refusal> {
    let found = node.children().filter(|child| child.name() == name).count();
    if found > max {
        return Err(Refusal::at(
            node,
            Fault::TooMany { name, found, max },
            ReasonCode::FORMAT,
        ));
    }
    Ok(node.children().filter(|child| child.name() == name).collect())
}

/// The value of an element; `reason` is that of a refusal of it.
pub(super) fn parsed<T: Leaf>(node: Node<'_>, reason: ReasonCode) -> Result<T, Refusal> {
    T::leaf(value(node)).map_err(|fault| Refusal::at(node, fault, reason))
}

pub(super) fn find<T: Leaf>(node: Node<'_>, path: &str, reason: ReasonCode) -> Result<Option<T>, Refusal> {
    at(node, path)?.map(|found| parsed(found, reason)).transpose()
}

/// `reason` is also that of a refusal because it is missing, unless it is FF01, which CH21 says better.
pub(super) fn get<T: Leaf>(node: Node<'_>, path: &'static str, reason: ReasonCode) -> Result<T, Refusal> {
    match at(node, path)? {
        Some(found) => parsed(found, reason),
        None => Err(Refusal::at(node, Fault::Missing { path }, reason)),
    }
}

pub(super) fn list<T: Leaf>(
    node: Node<'_>,
    name: &'static str,
    max: usize,
    reason: ReasonCode,
) -> Result<Vec<T>, Refusal> {
    let found = several(node, name, max)?;
    found.into_iter().map(|found| parsed(found, reason)).collect()
}

pub(super) fn attribute<'a>(node: Node<'a>, name: &'static str, reason: ReasonCode) -> Result<&'a str, Refusal> {
    node.attribute(name)
        .ok_or_else(|| Refusal::at(node, Fault::Missing { path: name }, reason))
}

/// A number that is not negative, as XML Schema writes decimals.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    // What reads decimals for us would also take underscores.
    let made = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Decimal::from_str_exact(digits).ok().filter(|_| made)
}

/// Where NOTPROVIDED stands for nothing.
pub(super) fn provided<T: Leaf>(node: Node<'_>, path: &'static str, reason: ReasonCode) -> Result<Option<T>, Refusal> {
    match at(node, path)? {
        Some(found) if value(found) != super::NOT_PROVIDED => parsed(found, reason).map(Some),
        _ => Ok(None),
    }
}

macro_rules! leaf_of_identifier {
    ($($identifier:ident => $fault:ident),*) => {$(
        impl Leaf for $identifier {
            fn leaf(text: &str) -> Result<Self, Fault> {
                text.parse().map_err(Fault::$fault)
            }
        }
    )*};
}

leaf_of_identifier!(Bic => Bic, Country => Country, CurrencyCode => Currency, Iban => Iban, Lei => Lei, Uetr => Uetr);

impl<const MAX: usize, S: CharacterSet> Leaf for Text<MAX, S> {
    fn leaf(text: &str) -> Result<Self, Fault> {
        Self::new(text).map_err(Fault::Text)
    }
}

impl Leaf for ReasonCode {
    fn leaf(text: &str) -> Result<Self, Fault> {
        Self::new(text).ok_or(Fault::ReasonCode)
    }
}

/// ISODate, without offset.
impl Leaf for Date {
    fn leaf(text: &str) -> Result<Self, Fault> {
        let format = format_description!("[year]-[month]-[day]");
        // Years of other than four digits have a sign, which XML Schema allows.
        if text.len() != 10 {
            return Err(Fault::Date);
        }
        Self::parse(text, format).map_err(|_| Fault::Date)
    }
}

/// ISODateTime. A time without offset is taken as UTC; of fractions of seconds, three digits are kept.
impl Leaf for UtcDateTime {
    fn leaf(text: &str) -> Result<Self, Fault> {
        if text.len() > 40 || text.as_bytes().get(10) != Some(&b'T') {
            return Err(Fault::Time);
        }
        let with_offset = time::OffsetDateTime::parse(text, &Iso8601::PARSING);
        let utc = match with_offset {
            // An offset can lead out of the years that there are.
            Ok(time) => time.checked_to_offset(time::UtcOffset::UTC).map(|time| {
                let (date, time) = (time.date(), time.time());
                PrimitiveDateTime::new(date, time).as_utc()
            }),
            Err(_) => PrimitiveDateTime::parse(text, &Iso8601::PARSING)
                .ok()
                .map(PrimitiveDateTime::as_utc),
        };
        let utc = utc
            .filter(|time| (0..=9999).contains(&time.year()))
            .ok_or(Fault::Time)?;
        Ok(super::to_milliseconds(utc))
    }
}

impl Leaf for bool {
    fn leaf(text: &str) -> Result<Self, Fault> {
        match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Fault::Indicator),
        }
    }
}

impl Leaf for u64 {
    fn leaf(text: &str) -> Result<Self, Fault> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Number);
        }
        text.parse().map_err(|_| Fault::Number)
    }
}

/// An enumeration whose values are codes of a message.
macro_rules! codes {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$meaning])* $variant,)+
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::iso20022::payments::read::Leaf for $name {
            fn leaf(text: &str) -> Result<Self, $crate::iso20022::payments::refusal::Fault> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    _ => Err($crate::iso20022::payments::refusal::Fault::Code {
                        expected: concat!($($code, " "),+).trim_ascii_end(),
                    }),
                }
            }
        }
    };
}
pub(super) use codes;

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn times_are_of_utc() {
        let check = |text: &str, expected: Result<UtcDateTime, Fault>| {
            assert_eq!(UtcDateTime::leaf(text), expected, "{text}");
        };
        check("2026-03-31T10:30:00+00:00", Ok(utc_datetime!(2026-03-31 10:30)));
        check("2026-03-31T10:30:00Z", Ok(utc_datetime!(2026-03-31 10:30)));
        check("2026-03-31T10:30:00", Ok(utc_datetime!(2026-03-31 10:30)));
        check("2026-03-31T23:30:00-05:30", Ok(utc_datetime!(2026-04-01 5:00)));
        check(
            "2026-03-31T10:30:00.1239+01:00",
            Ok(utc_datetime!(2026-03-31 9:30:00.123)),
        );
        check("2026-02-29T10:30:00Z", Err(Fault::Time));
        check("2026-03-31", Err(Fault::Time));
        check("0000-01-01T00:00:00+01:00", Err(Fault::Time));
        check("9999-12-31T23:59:59-01:00", Err(Fault::Time));
        check("", Err(Fault::Time));
    }

    #[test]
    fn dates_have_no_offset() {
        let check = |text: &str, expected: bool| assert_eq!(Date::leaf(text).is_ok(), expected, "{text}");
        check("2026-03-31", true);
        check("2026-03-32", false);
        check("2026-03-31Z", false);
        check("26-03-31", false);
        check("+026-03-31", false);
    }
}
