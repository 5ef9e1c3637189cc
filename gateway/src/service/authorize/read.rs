//! From a message to what it asks for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_cards::{
    currency,
    iso8583::{Message, OriginalElements},
};
use causeway_contracts::{
    codec::Text,
    money::{Amount, Currency},
};
use sha2::{Digest, Sha256};

use super::Undecided;
use crate::{
    acquiring::{
        authorization::Standing,
        host::{Operation, Outcome, Request, contents_of, elements_of, original_of},
    },
    service::{
        config::Link,
        context::Gateway,
        id,
        records::authorizations::{Authorization, AuthorizationBody, State},
    },
};

/// Field 38: none that are mistaken for others when they are read out.
const APPROVAL: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// What is asked for, before anybody has decided anything.
pub(super) fn asked(gateway: &Gateway, link: &Link, request: &Request) -> Result<Authorization, Undecided> {
    let message = &request.message;
    let named = |what: &str| format!("{}/{what}", link.name);
    let original = original_of(message)?.map(|elements| named(&OriginalElements::to_field(&elements)));
    let reference = message.text(37).filter(|text| !text.trim().is_empty());
    let (currency, amount) = money(gateway, request)?;
    // A completion says which approval it completes.
    let given = message.text(38).filter(|_| request.operation == Operation::Completion);
    let approval = match given {
        Some(given) => given.to_owned(),
        None => approval()?,
    };
    let created_ms = gateway.now_ms();
    Ok(Authorization {
        id: id::new("aut", created_ms)?,
        key: named(&serde_json::to_string(&request.key).expect("it has a JSON form")),
        elements: named(&elements_of(message).to_field()),
        reference: reference.map(named),
        original,
        state: State::Deciding,
        intent: None,
        created_ms,
        body: AuthorizationBody {
            link: link.name.clone(),
            key: request.key.clone(),
            operation: request.operation,
            contents: hex::encode(Sha256::digest(contents_of(message))),
            amount,
            currency,
            memo: memo(message, request.operation)?,
            approval,
            card: None,
            account: None,
            target: None,
            step: None,
            transactions: Vec::new(),
            standing: Standing::Nothing,
            busy: None,
            outcome: None,
            chip: None,
            amounts: None,
        },
    })
}

fn money(gateway: &Gateway, request: &Request) -> Result<(Option<Currency>, Amount), Outcome> {
    let message = &request.message;
    let currency = match message.text(49) {
        Some(number) => Some(known_currency(gateway, number)?),
        None => None,
    };
    let wrong = |_| Outcome::FormatError;
    let amount = match request.operation {
        Operation::Reversal => message.replacement_amount().map_err(wrong)?.unwrap_or(0),
        _ => message.amount().map_err(wrong)?.ok_or(Outcome::FormatError)?,
    };
    let moves = !matches!(request.operation, Operation::Reversal | Operation::BalanceInquiry);
    if moves && amount == 0 {
        return Err(Outcome::InvalidAmount);
    }
    Ok((currency, Amount(amount)))
}

fn known_currency(gateway: &Gateway, number: &str) -> Result<Currency, Outcome> {
    let letters = currency::alphabetic(number).ok_or(Outcome::InvalidCurrency)?;
    let currency = Currency::new(letters).map_err(|_| Outcome::InvalidCurrency)?;
    let is_known = gateway.exponents.is_known(currency);
    is_known.then_some(currency).ok_or(Outcome::InvalidCurrency)
}

/// Field 48 names the merchant's order; a payment without it is known by field 37.
fn memo(message: &Message, operation: Operation) -> Result<Text<140>, Outcome> {
    let text = match (message.text(48), message.text(37)) {
        (Some(order), _) if is_order(order) => order.to_owned(),
        (Some(_), _) => return Err(Outcome::FormatError),
        (None, Some(reference)) if !reference.trim().is_empty() => format!("card {}", reference.trim()),
        // What is made of it has its original's.
        (None, _)
            if !matches!(
                operation,
                Operation::Purchase | Operation::PreAuthorization | Operation::Refund
            ) =>
        {
            "card".to_owned()
        }
        (None, _) => return Err(Outcome::FormatError),
    };
    Text::new(text).map_err(|_| Outcome::FormatError)
}

fn is_order(text: &str) -> bool {
    let code = text.strip_prefix("order ");
    let bytes = code.and_then(|code| BASE64_URL_SAFE_NO_PAD.decode(code).ok());
    bytes.is_some_and(|bytes| bytes.len() == 16)
}

fn approval() -> Result<String, getrandom::Error> {
    let mut random = [0; 6];
    getrandom::fill(&mut random)?;
    Ok(random
        .map(|byte| char::from(APPROVAL[usize::from(byte % 32)]))
        .iter()
        .collect())
}

/// Field 54: what is available (kind 02) in the account of no special type. `number`: of the currency.
pub(super) fn amount_field(number: &str, available: i128) -> String {
    let sign = if available < 0 { 'D' } else { 'C' };
    let amount = available.unsigned_abs().min(999_999_999_999);
    format!("0002{number}{sign}{amount:012}")
}

#[cfg(test)]
mod tests {
    use causeway_cards::iso8583::MessageType;

    use super::*;

    #[test]
    fn a_memo_names_the_order_or_the_reference() {
        let check = |order: Option<&str>, reference: Option<&str>, expected: Result<&str, Outcome>| {
            let mut message = Message::new(MessageType::FINANCIAL);
            for (field, value) in [(48, order), (37, reference)] {
                if let Some(value) = value {
                    message.set(field, value.as_bytes()).expect("short");
                }
            }
            let memo = memo(&message, Operation::Purchase);
            assert_eq!(memo.as_ref().map(|memo| &**memo).map_err(|outcome| *outcome), expected);
        };
        let order = "order AZr7Cf3jcQKjjt3zRQ8hPw";
        check(Some(order), Some("000000000001"), Ok(order));
        check(None, Some("000000000001"), Ok("card 000000000001"));
        check(None, None, Err(Outcome::FormatError));
        for other in [
            "order AZr7Cf3jcQKjjt3zRQ8hP",
            "AZr7Cf3jcQKjjt3zRQ8hPw",
            "order  AZr7Cf3jcQKjjt3zRQ8hPw",
            "",
        ] {
            check(Some(other), Some("000000000001"), Err(Outcome::FormatError));
        }
    }

    #[test]
    fn a_balance_is_twenty_characters_of_field_54() {
        assert_eq!(amount_field("978", 12_345), "0002978C000000012345");
        assert_eq!(amount_field("978", -1), "0002978D000000000001");
        assert_eq!(amount_field("978", i128::MAX).len(), 20);
    }
}
