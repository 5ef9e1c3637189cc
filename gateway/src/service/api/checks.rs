//! Fields of requests, beyond their type: each fault names the field, and what would be right.

use std::collections::BTreeMap;

use crate::{
    aliases::{Alias, AliasKind},
    identifiers::{country::Country, iban::Iban, lei::Lei},
    names::Name,
    remittance::{
        fact::{Question, Reason},
        order::{Party, PostalAddress},
    },
    service::{
        problem::{Code, Problem},
        records::{PAGE_MAX, accounts::AliasText},
    },
};

/// A text of 1 to so many characters, none of them a control character.
fn characters(param: &str, text: &str, max: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    if length == 0 || length > max {
        return Err(Problem::field(
            param,
            format!("it has 1 to {max} characters, and this one {length}"),
        ));
    }
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Problem::field(
            param,
            "it has no control characters, and something besides spaces",
        ));
    }
    Ok(())
}

pub fn text(param: &str, text: Option<&str>, max: usize) -> Result<(), Problem> {
    text.map_or(Ok(()), |text| characters(param, text, max))
}

pub fn bounded<'a>(param: &str, text: &'a String, max: usize) -> Result<&'a String, Problem> {
    characters(param, text, max)?;
    Ok(text)
}

pub fn party(param: &str, party: &Party) -> Result<(), Problem> {
    characters(&format!("{param}.name"), &party.name, 140)?;
    // One that cannot be compared with those on lists is none that can be sent to.
    Name::parse(&party.name).map_err(|fault| Problem::field(&format!("{param}.name"), fault.to_string()))?;
    if let Some(lei) = &party.lei {
        let parsed = lei.parse::<Lei>();
        parsed.map_err(|fault| Problem::field(&format!("{param}.lei"), format!("{fault}")))?;
    }
    let Some(address) = &party.address else {
        return Ok(());
    };
    let PostalAddress {
        street,
        building,
        post_code,
        town,
        country,
        lines,
    } = address;
    let field = |name: &str| format!("{param}.address.{name}");
    characters(&field("town"), town, 35)?;
    country.parse::<Country>().map_err(|_| {
        let detail = "it is two capitals of ISO 3166-1, such as TH";
        Problem::field(&field("country"), detail)
    })?;
    text(&field("street"), street.as_deref(), 70)?;
    text(&field("building"), building.as_deref(), 16)?;
    text(&field("post_code"), post_code.as_deref(), 16)?;
    if lines.len() > 2 {
        return Err(Problem::field(&field("lines"), "there are at most two"));
    }
    lines.iter().try_for_each(|line| characters(&field("lines"), line, 70))
}

/// Electronic form, in capitals without spaces.
pub fn iban(param: &str, text: &str) -> Result<String, Problem> {
    if text.len() > 64 {
        return Err(Problem::field(param, "it is longer than any IBAN"));
    }
    let iban = text.parse::<Iban>();
    let iban = iban.map_err(|fault| Problem::field(param, format!("{fault}")))?;
    Ok(iban.as_str().to_owned())
}

/// As it is stored and looked for.
pub fn alias(param: &str, kind: &str, value: &str) -> Result<AliasText, Problem> {
    let known = match kind {
        "phone" => AliasKind::Phone,
        "email" => AliasKind::Email,
        "merchant" => AliasKind::Merchant,
        _ => return Err(Problem::field(param, "an alias is of kind phone, email or merchant")),
    };
    let alias = Alias::parse(known, value).map_err(|fault| Problem::field(param, fault.to_string()))?;
    Ok(AliasText {
        kind: kind.to_owned(),
        value: alias.value().to_owned(),
    })
}

pub fn purpose(param: &str, purpose: Option<&str>) -> Result<(), Problem> {
    let is_code = |code: &str| code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    match purpose {
        Some(code) if !is_code(code) => Err(Problem::field(param, "it is four capitals, such as SALA")),
        _ => Ok(()),
    }
}

pub fn reason(param: &str, reason: &Reason) -> Result<(), Problem> {
    characters(&format!("{param}.code"), &reason.code, 35)?;
    text(&format!("{param}.text"), reason.text.as_deref(), 140)
}

pub fn question(question: &Question) -> Result<(), Problem> {
    characters("text", &question.text, 500)?;
    if question.fields.len() > 16 {
        return Err(Problem::field("fields", "there are at most 16"));
    }
    question
        .fields
        .iter()
        .try_for_each(|name| characters("fields", name, 64))
}

pub fn answers(answers: &BTreeMap<String, String>) -> Result<(), Problem> {
    if answers.is_empty() || answers.len() > 16 {
        return Err(Problem::field("answers", "there are 1 to 16"));
    }
    answers.iter().try_for_each(|(name, answer)| {
        characters("answers", name, 64)?;
        characters(
            &format!("answers.{}", name.chars().take(64).collect::<String>()),
            answer,
            500,
        )
    })
}

const CURSOR_BYTES_MAX: usize = 64;

/// From where a list goes on: the id of an object.
pub fn cursor(cursor: Option<&str>) -> Result<(), Problem> {
    match cursor {
        Some(cursor) if cursor.len() > CURSOR_BYTES_MAX || !cursor.bytes().all(|byte| byte.is_ascii_graphic()) => {
            let detail = "cursor is the next_cursor of the page before";
            Err(Problem::new(Code::QueryInvalid, detail).of("cursor"))
        }
        _ => Ok(()),
    }
}

/// Of a page of a list.
pub fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    match limit {
        None => Ok(20),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(_) => Err(Problem::new(Code::QueryInvalid, format!("limit is 1 to {PAGE_MAX}")).of("limit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_an_id() {
        let check = |text: &str, expected: Option<Code>| {
            assert_eq!(
                cursor(Some(text)).err().map(|problem| problem.code),
                expected,
                "{text:?}"
            );
        };
        check("rem_019af", None);
        check(&"a".repeat(64), None);
        check(&"a".repeat(65), Some(Code::QueryInvalid));
        check("a b", Some(Code::QueryInvalid));
        check("a\0", Some(Code::QueryInvalid));
        check("é", Some(Code::QueryInvalid));
        assert!(cursor(None).is_ok());
    }
}
