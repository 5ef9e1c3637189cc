//! Reads codes, and refuses those that are not to be paid.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_cards::{
    currency,
    qr::{
        Violation,
        mpm::{Check, Code, Object, StructureError, build::Merchant},
    },
};
use causeway_contracts::{
    identity::Address,
    keys::{Domain, PublicKey, Signature, Signed},
    transaction::UnixSeconds,
};

use super::{
    ACCOUNT, ACCOUNT_GUID, ADDRESS, CHARACTERS_MAX, EXPIRY, LocalName, MERCHANT, MerchantCode, ORDER, Purpose, SEAL,
    SEAL_GUID, SECONDS, SIGNATURE, STORE, TERMINAL,
};

/// The templates for additional data and for another language, and objects within the latter.
const ADDITIONAL: u8 = 62;
const LANGUAGE_TEMPLATE: u8 = 64;
const LANGUAGE: u8 = 0;
const NAME: u8 = 1;
const CITY: u8 = 2;

/// Whether the payer gives a tip, and how much: no order takes one.
const TIPS: std::ops::RangeInclusive<u8> = 55..=57;

const CHECK: u8 = 63;

/// What every code begins with: its format.
const FORMAT: &str = "000201";

/// Why a code is not paid, the first that holds in this order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the code's check is wrong: a part of it is missing or was misread; scan it again")]
    WrongCrc,
    #[error("this is no merchant's payment code: {0}")]
    NotACode(#[from] StructureError),
    #[error("this payment code is for another network or wallet: it has no account '{ACCOUNT_GUID}'")]
    NotOurs,
    #[error(
        "the code is not signed, so that anybody may have made it; do not pay it, and ask the merchant for another"
    )]
    NotSigned,
    #[error(
        "the code's signature is of no operator of this network: the code was altered or made up; do not pay it, and \
         ask the merchant for another"
    )]
    Altered,
    #[error("the code is signed and cannot be paid all the same: {0}; tell the merchant")]
    Malformed(Fault),
    #[error("the order's time is over; ask the merchant for a new code")]
    Expired { expires_at: UnixSeconds },
}

impl Refusal {
    /// Stable, in snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongCrc => "wrong_crc",
            Self::NotACode(_) => "not_a_code",
            Self::NotOurs => "not_ours",
            Self::NotSigned => "not_signed",
            Self::Altered => "altered",
            Self::Malformed(_) => "malformed",
            Self::Expired { .. } => "expired",
        }
    }
}

/// What an operator did wrong with a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it has more than {CHARACTERS_MAX} characters")]
    TooLong,
    #[error("at {}: {}", .0.place, .0.message)]
    Violation(Violation),
    #[error("its account has no address")]
    Address,
    #[error("it is neither of one order, with id, expiry and amount, nor of a merchant, without")]
    Purpose,
    #[error("its currency is none of ISO 4217")]
    Currency,
    #[error("it asks for a tip")]
    Tip,
}

/// A code that may be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub code: MerchantCode,
    pub signer: PublicKey,
}

/// Reads the text of a code that one of `operators` has signed, each by a key that may act for one alone, and that
/// may be paid at `now`.
pub fn read(text: &str, operators: &[PublicKey], now: UnixSeconds) -> Result<Verified, Refusal> {
    let code = match (Check::of(text), Code::read(text)) {
        (Check::Wrong { .. }, _) | (Check::Missing, Ok(_)) => return Err(Refusal::WrongCrc),
        // A code all the same, of which a part is missing.
        (Check::Missing, _) if text.starts_with(FORMAT) => return Err(Refusal::WrongCrc),
        (_, code) => code?,
    };
    let signer = verify(&code, operators)?;
    let code = parse(&code)?;
    match code.purpose {
        Purpose::Order { expires_at, .. } if now.0 >= expires_at.0 => Err(Refusal::Expired { expires_at }),
        _ => Ok(Verified { code, signer }),
    }
}

/// Who of `operators` has signed it, whatever else is wrong with it.
pub fn verify(code: &Code<'_>, operators: &[PublicKey]) -> Result<PublicKey, Refusal> {
    guided(code, ACCOUNT, ACCOUNT_GUID).ok_or(Refusal::NotOurs)?;
    guided(code, SEAL, SEAL_GUID).ok_or(Refusal::NotSigned)?;
    let (message, signature) = seal(code).ok_or(Refusal::Altered)?;
    let is_by = |key: &PublicKey| {
        let signed = Signed {
            key: *key,
            domain: Domain::PaymentCode,
            message: message.as_bytes(),
            signature,
        };
        signed.verify().is_ok()
    };
    operators.iter().copied().find(is_by).ok_or(Refusal::Altered)
}

/// What is signed, and the signature. `None` if the signature does not end the code, or has something beside it that
/// it could not cover.
fn seal<'a>(code: &Code<'a>) -> Option<(&'a str, Signature)> {
    let [.., seal, check] = code.objects.as_slice() else {
        return None;
    };
    if (seal.id, check.id) != (SEAL, CHECK) {
        return None;
    }
    let inner = causeway_cards::qr::mpm::objects(seal.value).ok()?;
    let [guid, signature] = inner.as_slice() else {
        return None;
    };
    if (guid.id, guid.value, signature.id) != (0, SEAL_GUID, SIGNATURE) {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature.value).ok()?;
    Some((&code.text[..seal.start], Signature(bytes.try_into().ok()?)))
}

/// What is in a template that begins with this identifier.
fn guided<'a>(code: &Code<'a>, id: u8, guid: &str) -> Option<Vec<Object<'a>>> {
    let inner = code.template(id)?;
    (find(&inner, 0) == Some(guid)).then_some(inner)
}

fn find<'a>(row: &[Object<'a>], id: u8) -> Option<&'a str> {
    row.iter().find(|object| object.id == id).map(|object| object.value)
}

/// What a code of ours says, whoever has signed it, and whenever.
pub fn parse(code: &Code<'_>) -> Result<MerchantCode, Refusal> {
    let account = guided(code, ACCOUNT, ACCOUNT_GUID).ok_or(Refusal::NotOurs)?;
    well_formed(code, &account).map_err(Refusal::Malformed)
}

fn well_formed(code: &Code<'_>, account: &[Object<'_>]) -> Result<MerchantCode, Fault> {
    if code.text.chars().count() > CHARACTERS_MAX {
        return Err(Fault::TooLong);
    }
    if let Some(violation) = code.violations().into_iter().next() {
        return Err(Fault::Violation(violation));
    }
    if code.objects.iter().any(|object| TIPS.contains(&object.id)) {
        return Err(Fault::Tip);
    }
    let merchant = merchant(code);
    currency::alphabetic(&merchant.currency).ok_or(Fault::Currency)?;
    let additional = code.template(ADDITIONAL).unwrap_or_default();
    let of_additional = |id| find(&additional, id).map(str::to_owned);
    Ok(MerchantCode {
        merchant,
        address: address(account).ok_or(Fault::Address)?,
        purpose: purpose(code, account).ok_or(Fault::Purpose)?,
        store: of_additional(STORE),
        terminal: of_additional(TERMINAL),
        local: local(code),
    })
}

/// Of a code that breaks no rule, in which all of these are.
fn merchant(code: &Code<'_>) -> Merchant {
    let text = |id| code.get(id).unwrap_or_default().to_owned();
    Merchant {
        category: text(52),
        currency: text(53),
        country: text(58),
        name: text(59),
        city: text(60),
        postal_code: code.get(61).map(str::to_owned),
    }
}

fn local(code: &Code<'_>) -> Option<LocalName> {
    let inner = code.template(LANGUAGE_TEMPLATE)?;
    Some(LocalName {
        language: find(&inner, LANGUAGE)?.to_owned(),
        name: find(&inner, NAME)?.to_owned(),
        city: find(&inner, CITY).map(str::to_owned),
    })
}

fn address(account: &[Object<'_>]) -> Option<Address> {
    find(account, ADDRESS)?.parse().ok()
}

fn purpose(code: &Code<'_>, account: &[Object<'_>]) -> Option<Purpose> {
    let inner = |id| find(account, id);
    let parts = (code.get(1), inner(ORDER), inner(EXPIRY), code.get(54), inner(MERCHANT));
    match parts {
        (Some("12"), Some(order), Some(expiry), Some(amount), None) => Some(Purpose::Order {
            id: order.parse().ok()?,
            expires_at: expires_at(expiry)?,
            amount: amount.to_owned(),
        }),
        (Some("11"), None, None, None, Some(merchant)) => Some(Purpose::Merchant(merchant.parse().ok()?)),
        _ => None,
    }
}

fn expires_at(digits: &str) -> Option<UnixSeconds> {
    let is_time = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits
        .parse()
        .ok()
        .filter(|seconds| is_time && SECONDS.contains(seconds))?;
    Some(UnixSeconds(seconds))
}
