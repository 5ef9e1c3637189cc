//! `causeway scan`: looks at a merchant's payment code, and pays it if that is asked for.

mod pay;

use std::path::Path;

use anyhow::{Context, anyhow};
use causeway_contracts::{genesis::Genesis, identity::Participant, keys::PublicKey, transaction::UnixSeconds};
use causeway_wallet::{
    clock,
    codes::{self, MerchantCode, Purpose, Refusal, Verified, picture},
    home::Home,
    offline::qr::{
        folder,
        reader::{self, Reader},
    },
};
use serde_json::{Value, json};

use super::{
    Finding,
    output::{self, say},
    wallet::Wallet,
};

pub async fn scan(wallet: &Wallet, file: &Path, from: Option<&str>) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let text = text_of(file)
        .with_context(|| file.display().to_string())
        .map_err(Finding::BadInput)?;
    let Signed { code, signer } = signed(wallet, &home, &text)?;
    if from.is_none() {
        check_time(wallet, &code)?;
    }
    if wallet.json {
        say!("{}", told(&code, signer));
    } else {
        tell(&code, signer);
    }
    match from {
        Some(from) => pay::order(wallet, &home, &code, from).await,
        None => Ok(()),
    }
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot find this program again, to read pictures with it")?;
    let reader = Reader::new(program, reader::TIME_MAX);
    Ok(picture::scan(&reader, &folder::read(file)?)?)
}

/// A code for the wallet's network, and the operator who signed it.
struct Signed<'a> {
    code: MerchantCode,
    signer: &'a Participant,
}

/// Whenever it is over: what was paid before then may still have to be brought to its end.
fn signed<'a>(wallet: &Wallet, home: &'a Home, text: &str) -> anyhow::Result<Signed<'a>> {
    let operators: Vec<_> = operators(home.genesis()).collect();
    if operators.is_empty() {
        return Err(Finding::BadInput(anyhow!(
            "the wallet's genesis file has no operator with a key that may act alone, so that no payment code can be checked"
        ))
        .into());
    }
    let keys: Vec<_> = operators.iter().map(|(key, _)| *key).collect();
    let read = codes::read(text, &keys, UnixSeconds(0));
    let Verified { code, signer } = read.map_err(|why| refused(wallet, why.code(), why.into()))?;
    let prefix = home.genesis().address_prefix;
    if code.address.prefix != prefix {
        let why = anyhow!(
            "the code pays {}, which is an address of another network: this wallet's begin with {}1; do not pay it, and \
             tell the merchant",
            code.address,
            prefix.as_str()
        );
        return Err(refused(wallet, "other_network", why));
    }
    let signer = operators.into_iter().find(|(key, _)| *key == signer);
    let (_, signer) = signer.expect("it is one of the keys that were tried");
    Ok(Signed { code, signer })
}

fn check_time(wallet: &Wallet, code: &MerchantCode) -> anyhow::Result<()> {
    match code.purpose {
        Purpose::Order { expires_at, .. } if clock::seconds_from_now(0).0 >= expires_at.0 => {
            let why = Refusal::Expired { expires_at };
            Err(refused(wallet, why.code(), why.into()))
        }
        _ => Ok(()),
    }
}

/// The operators that the genesis names, by each key that may act for one alone.
fn operators(genesis: &Genesis) -> impl Iterator<Item = (PublicKey, &Participant)> {
    let operators = genesis.participants.iter().filter(|it| it.operator);
    operators.flat_map(|operator| {
        let alone = operator
            .keys
            .keys
            .iter()
            .filter(|it| operator.keys.is_met_by([&it.key]));
        alone.map(move |it| (it.key, operator))
    })
}

/// Says the reason's word to programs; people read the error.
fn refused(wallet: &Wallet, word: &str, why: anyhow::Error) -> anyhow::Error {
    if wallet.json {
        say!("{}", json!({ "refused": word }));
    }
    Finding::CodeRefused(why).into()
}

fn told(code: &MerchantCode, signer: &Participant) -> Value {
    let (order, merchant_id, amount, expires_at) = match &code.purpose {
        Purpose::Order { id, expires_at, amount } => (Some(id.to_string()), None, Some(amount), Some(expires_at)),
        Purpose::Merchant(id) => (None, Some(id.to_string()), None, None),
    };
    let merchant = &code.merchant;
    json!({
        "merchant": {
            "id": merchant_id,
            "name": merchant.name,
            "city": merchant.city,
            "country": merchant.country,
            "postal_code": merchant.postal_code,
            "category": merchant.category,
            "store": code.store,
            "terminal": code.terminal,
            "local": code.local.as_ref().map(|local| json!({
                "language": local.language,
                "name": local.name,
                "city": local.city,
            })),
        },
        "amount": amount,
        "currency": code.currency(),
        "order": order,
        "expires_at": expires_at,
        "address": code.address,
        "memo": code.purpose.memo(),
        "signer": { "participant": signer.id, "name": signer.name },
    })
}

fn tell(code: &MerchantCode, signer: &Participant) {
    let merchant = &code.merchant;
    let line = |what: &str, value: &str| say!("{what:<9} {}", plain(value));
    line("merchant", &merchant.name);
    if let Some(local) = &code.local {
        line("called", &local.name);
    }
    line("city", &format!("{}, {}", merchant.city, merchant.country));
    for (what, value) in [("store", &code.store), ("terminal", &code.terminal)] {
        if let Some(value) = value {
            line(what, value);
        }
    }
    let currency = code.currency().unwrap_or(&merchant.currency);
    match &code.purpose {
        Purpose::Order { id, expires_at, amount } => {
            line("amount", &format!("{amount} {currency}"));
            line("order", &id.to_string());
            line("expires", &output::time(expires_at.0));
        }
        Purpose::Merchant(_) => line("amount", &format!("any, in {currency}")),
    }
    line("address", &code.address.to_string());
    line("memo", &code.purpose.memo());
    line("signer", &format!("{} {}", signer.id, signer.name));
}

/// Without what a terminal would obey, or that turns the order of characters around.
fn plain(text: &str) -> String {
    let is_turn = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = text.chars().filter(|&c| !c.is_control() && !is_turn(c)).collect();
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        codec::Bounded,
        identity::{KeyPolicy, WeightedKey},
        keys::SecretKey,
    };

    use super::*;

    const GENESIS: &str = include_str!("../../../peers/python/tests/vectors/genesis.toml");

    #[test]
    fn codes_are_signed_by_operators_keys_that_may_act_alone() {
        let mut genesis = Genesis::parse(GENESIS).expect("a genesis file");
        let key = |number| SecretKey::from_seed(&[number; 32]).public_key();
        let weighted = |number, weight| WeightedKey {
            key: key(number),
            weight,
        };
        let keys = KeyPolicy {
            threshold: 2,
            keys: Bounded::new(vec![weighted(1, 1), weighted(2, 2), weighted(3, 3)]).expect("three"),
        };
        let mut participants = std::mem::take(&mut genesis.participants).into_vec();
        let bank = participants.iter().find(|it| it.operator).expect("an operator").clone();
        let other = participants.iter().find(|it| !it.operator).expect("another").clone();
        participants = vec![
            Participant {
                keys: keys.clone(),
                ..bank.clone()
            },
            Participant { keys, ..other },
        ];
        genesis.participants = Bounded::new(participants).expect("two");
        let found: Vec<_> = operators(&genesis).map(|(key, it)| (key, it.id)).collect();
        assert_eq!(found, [(key(2), bank.id), (key(3), bank.id)]);
    }

    #[test]
    fn names_cannot_turn_a_line_around() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check("CAFE\u{202e}00.1\u{1b}[2J", "CAFE00.1[2J");
        check("大教堂咖啡馆", "大教堂咖啡馆");
    }
}
