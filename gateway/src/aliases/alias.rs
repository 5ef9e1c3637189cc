use std::fmt;

use serde::{Deserialize, Serialize};

/// ITU-T E.164 clause 6.2.1: country code and number together. No shorter number than with seven digits is in use.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// RFC 5321 section 4.5.3.1, less the angle brackets of a path.
const EMAIL_BYTES_MAX: usize = 254;
const LOCAL_PART_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 63;

/// As ISO 20022's Max35Text, in which it travels.
const MERCHANT_BYTES_MAX: usize = 35;

/// Of any alias as it comes: spaces and brackets of a phone number included.
const TEXT_BYTES_MAX: usize = EMAIL_BYTES_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AliasKind {
    Phone,
    Email,
    Merchant,
}

/// An alias in its one form, so that equal ones are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Alias {
    kind: AliasKind,
    value: String,
}

/// Why a text is no alias of its kind; the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AliasFault {
    #[error("the alias is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the phone number does not begin with + and a country code, such as +41")]
    PhoneCountry,
    #[error("the phone number has other characters than digits, spaces, hyphens, full stops and brackets")]
    PhoneCharacter,
    #[error("the phone number has not 7 to 15 digits, the country code included")]
    PhoneLength,
    #[error("the e-mail address is not a name, one @ and a domain")]
    EmailForm,
    #[error("before the @ come 1 to 64 of a-z, A-Z, 0-9 and !#$%&'*+-/=?^_`{{|}}~, and single full stops between them")]
    EmailLocalPart,
    #[error(
        "after the @ come two or more labels with full stops between them, each of 1 to 63 of a-z, 0-9 and hyphens \
         within (a domain in another script is written with xn--)"
    )]
    EmailDomain,
    #[error("the merchant's id is not 1 to 35 of A-Z and 0-9")]
    Merchant,
}

impl Alias {
    /// A phone number loses what is written between its digits, an e-mail address has its domain in lower case; what
    /// is before the @ is the receiver's to interpret (RFC 5321 section 2.3.11) and stays.
    pub fn parse(kind: AliasKind, text: &str) -> Result<Self, AliasFault> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(AliasFault::TooLong);
        }
        let value = match kind {
            AliasKind::Phone => phone(text)?,
            AliasKind::Email => email(text)?,
            AliasKind::Merchant => merchant(text)?,
        };
        Ok(Self { kind, value })
    }

    pub fn kind(&self) -> AliasKind {
        self.kind
    }

    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

fn phone(text: &str) -> Result<String, AliasFault> {
    let number = text.trim().strip_prefix('+').ok_or(AliasFault::PhoneCountry)?;
    if !number.starts_with(|first: char| matches!(first, '1'..='9')) {
        return Err(AliasFault::PhoneCountry);
    }
    let mut value = "+".to_owned();
    for character in number.chars() {
        match character {
            '0'..='9' => value.push(character),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => return Err(AliasFault::PhoneCharacter),
        }
    }
    if !PHONE_DIGITS.contains(&(value.len() - 1)) {
        return Err(AliasFault::PhoneLength);
    }
    Ok(value)
}

/// RFC 5321's Mailbox, of a Dot-string and a Domain: no quoted text, no address in brackets.
fn email(text: &str) -> Result<String, AliasFault> {
    let (local, domain) = text.trim().split_once('@').ok_or(AliasFault::EmailForm)?;
    if domain.contains('@') {
        return Err(AliasFault::EmailForm);
    }
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atext);
    if local.len() > LOCAL_PART_BYTES_MAX || !local.split('.').all(is_atom) {
        return Err(AliasFault::EmailLocalPart);
    }
    let domain = domain.to_ascii_lowercase();
    if !domain.contains('.') || !domain.split('.').all(is_label) {
        return Err(AliasFault::EmailDomain);
    }
    Ok(format!("{local}@{domain}"))
}

/// RFC 1123 section 2.1.
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn merchant(text: &str) -> Result<String, AliasFault> {
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if !(1..=MERCHANT_BYTES_MAX).contains(&text.len()) || !text.bytes().all(is_id) {
        return Err(AliasFault::Merchant);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(kind: AliasKind, text: &str, expected: Result<&str, AliasFault>) {
        let found = Alias::parse(kind, text).map(|alias| alias.value);
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn phone_numbers_are_international() {
        let check = |text: &str, expected: Result<&str, _>| check(AliasKind::Phone, text, expected);
        check("+41446681800", Ok("+41446681800"));
        check(" +41 (44) 668-18.00 ", Ok("+41446681800"));
        check("+6834000", Ok("+6834000"));
        check("+123456789012345", Ok("+123456789012345"));
        for text in [
            "",
            "+",
            "0041446681800",
            "044 668 18 00",
            "+0446681800",
            "+ 41446681800",
            "++41446681800",
        ] {
            check(text, Err(AliasFault::PhoneCountry));
        }
        for text in ["+41446681800x", "+41/446681800", "+4144668\u{661}800", "+41+446681800"] {
            check(text, Err(AliasFault::PhoneCharacter));
        }
        check("+683400", Err(AliasFault::PhoneLength));
        check("+1234567890123456", Err(AliasFault::PhoneLength));
        check(&format!("+1{}", " ".repeat(300)), Err(AliasFault::TooLong));
    }

    #[test]
    fn email_addresses_have_a_domain_in_lower_case() {
        let check = |text: &str, expected: Result<&str, _>| check(AliasKind::Email, text, expected);
        check(" Ana.Lima+pay@Example.COM ", Ok("Ana.Lima+pay@example.com"));
        check("a@xn--bcher-kva.example", Ok("a@xn--bcher-kva.example"));
        check("!#$%&'*+-/=?^_`{|}~@a.b", Ok("!#$%&'*+-/=?^_`{|}~@a.b"));
        let longest = format!("{}@a.b", "l".repeat(64));
        check(&longest, Ok(&longest));
        for text in ["", "ana", "ana@@a.b", "a@b@c.d"] {
            check(text, Err(AliasFault::EmailForm));
        }
        for text in ["@a.b", ".a@a.b", "a.@a.b", "a..b@a.b", "a b@a.b", "\"a\"@a.b", "é@a.b"] {
            check(text, Err(AliasFault::EmailLocalPart));
        }
        check(&format!("{}@a.b", "l".repeat(65)), Err(AliasFault::EmailLocalPart));
        for text in [
            "a@",
            "a@b",
            "a@.b",
            "a@b.",
            "a@b..c",
            "a@-b.c",
            "a@b-.c",
            "a@b_.c",
            "a@[127.0.0.1]",
            "a@bücher.example",
        ] {
            check(text, Err(AliasFault::EmailDomain));
        }
        check(&format!("a@{}.b", "d".repeat(64)), Err(AliasFault::EmailDomain));
        check(&format!("a@{}.b", ["d"; 130].join(".")), Err(AliasFault::TooLong));
    }

    #[test]
    fn merchants_have_an_id_of_capitals_and_digits() {
        let check = |text: &str, expected: Result<&str, _>| check(AliasKind::Merchant, text, expected);
        check("SHOP0042", Ok("SHOP0042"));
        let longest = "A".repeat(35);
        check(&longest, Ok(&longest));
        for text in ["", "shop", "SHOP 1", "SHOP-1", "É", &"A".repeat(36)] {
            check(text, Err(AliasFault::Merchant));
        }
    }

    #[test]
    fn an_alias_in_json_is_its_kind_and_value() {
        let alias = Alias::parse(AliasKind::Phone, "+41 44 668 18 00").unwrap();
        let expected = r#"{"kind":"phone","value":"+41446681800"}"#;
        assert_eq!(serde_json::to_string(&alias).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn invariant_a_parsed_alias_parses_to_itself(text in "[+@.a-zA-Z0-9 -]{0,30}|\\+[1-9][0-9 ()-]{5,20}|\\PC{0,20}") {
            for kind in [AliasKind::Phone, AliasKind::Email, AliasKind::Merchant] {
                if let Ok(alias) = Alias::parse(kind, &text) {
                    prop_assert_eq!(Alias::parse(kind, alias.value()), Ok(alias.clone()));
                }
            }
        }
    }
}
