//! Accounts and parties, from the words of messages to the gateway's.

use crate::{
    iso20022::payments::{Account, AccountId, Identification, Party, Scheme},
    remittance::order,
    service::api::remittances::AccountName,
};

/// By an IBAN; or by what a proxy says, or the account's own identification with a scheme: TELE, EMAL, or `phone`,
/// `email`, `merchant` or `address` as somebody's own scheme. An address of the ledger has more than the 34 characters
/// of an account's own identification, and is given as a proxy.
pub fn account(account: &Account) -> Option<AccountName> {
    if let AccountId::Iban(iban) = &account.id {
        return Some(AccountName::Iban(iban.as_str().to_owned()));
    }
    if let Some(proxy) = &account.proxy {
        return named(proxy.kind.as_ref()?, proxy.id.as_str());
    }
    match &account.id {
        AccountId::Other(other) => named(other.scheme.as_ref()?, other.id.as_str()),
        AccountId::Iban(_) => None,
    }
}

fn named(kind: &Scheme, id: &str) -> Option<AccountName> {
    let kind = match kind {
        Scheme::Code(code) => code.as_str(),
        Scheme::Proprietary(kind) => kind.as_str(),
    };
    let id = id.to_owned();
    match kind {
        "TELE" | "phone" => Some(AccountName::Phone(id)),
        "EMAL" | "email" => Some(AccountName::Email(id)),
        "merchant" => Some(AccountName::Merchant(id)),
        "address" => Some(AccountName::Address(id)),
        _ => None,
    }
}

/// What an account of a client here may be called in a message: its id, with or without `acc_`, which makes it too long
/// for an account's own identification, or its address.
pub fn own(account: &Account) -> Vec<String> {
    let proxy = account.proxy.iter().map(|proxy| proxy.id.as_str().to_owned());
    let other = match &account.id {
        AccountId::Other(other) => Some(other.id.as_str()),
        AccountId::Iban(_) => None,
    };
    let other = other.into_iter().flat_map(|id| [id.to_owned(), format!("acc_{id}")]);
    proxy.chain(other).collect()
}

/// `name`: as it was written. An address is kept if it has a town and a country, which orders ask for.
pub fn party(party: &Party, name: Option<&String>) -> order::Party {
    let by_bic = || party.bic().map(|bic| bic.as_str().to_owned()).unwrap_or_default();
    let address = party.address.as_ref().and_then(|address| {
        Some(order::PostalAddress {
            street: address.street.as_ref().map(ToString::to_string),
            building: address.building_number.as_ref().map(ToString::to_string),
            post_code: address.post_code.as_ref().map(ToString::to_string),
            town: address.town.as_ref()?.to_string(),
            country: address.country?.as_str().to_owned(),
            lines: address.lines.iter().take(2).map(ToString::to_string).collect(),
        })
    });
    let lei = match &party.identification {
        Some(Identification::Organisation { lei, .. }) => lei.as_ref().map(ToString::to_string),
        _ => None,
    };
    order::Party {
        name: name.cloned().unwrap_or_else(by_bic),
        address,
        lei,
    }
}
