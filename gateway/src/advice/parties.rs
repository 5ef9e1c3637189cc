//! Parties and accounts, from the gateway's words to those of messages.

use crate::{
    iso20022::payments::{Account, AccountId, Address, Identification, Other, Party, Proxy, Scheme, Text},
    remittance::order,
};

/// Names in other scripts are transliterated; of one that has nothing left, messages say that it was not given.
pub fn party(party: &order::Party) -> Party {
    let name = Text::fitted(&party.name).unwrap_or_else(|_| Text::new("NOTPROVIDED").expect("of the set"));
    let lei = party.lei.as_deref().and_then(|lei| lei.parse().ok());
    Party {
        address: party.address.as_ref().map(address),
        identification: lei.map(|lei| Identification::Organisation {
            bic: None,
            lei: Some(lei),
            others: Vec::new(),
        }),
        ..Party::named(name)
    }
}

fn address(address: &order::PostalAddress) -> Address {
    fn text<const MAX: usize>(text: Option<&String>) -> Option<Text<MAX>> {
        text.and_then(|text| Text::fitted(text).ok())
    }
    Address {
        street: text(address.street.as_ref()),
        building_number: text(address.building.as_ref()),
        post_code: text(address.post_code.as_ref()),
        town: text(Some(&address.town)),
        country: address.country.parse().ok(),
        lines: address
            .lines
            .iter()
            .filter_map(|line| Text::fitted(line).ok())
            .collect(),
        ..Address::default()
    }
}

/// By an IBAN, or by what the account is found by here, as a proxy: an address of the ledger is longer than the 34
/// characters of an account's own identification.
pub fn account(name: &str) -> Account {
    if let Ok(iban) = name.parse() {
        return Account::of(AccountId::Iban(iban));
    }
    let (kind, value) = name.split_once(':').unwrap_or(("address", name));
    let kind = match kind {
        "phone" => Scheme::Code(Text::new("TELE").expect("of the set")),
        "email" => Scheme::Code(Text::new("EMAL").expect("of the set")),
        kind => Scheme::Proprietary(Text::fitted(kind).expect("a word")),
    };
    let other = Other {
        id: Text::new("NOTPROVIDED").expect("of the set"),
        scheme: None,
        issuer: None,
    };
    let proxy = Text::fitted(value).ok().map(|id| Proxy { kind: Some(kind), id });
    Account {
        proxy,
        ..Account::of(AccountId::Other(other))
    }
}
