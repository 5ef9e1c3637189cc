//! Customers of the issuer, each with money: one with a wallet and an account of its own, and those with cards.

use std::{fs, path::PathBuf};

use anyhow::Context;
use causeway_contracts::{
    identity::{AccountId, Address, ParticipantId},
    money::Currency,
};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{
    CURRENCY,
    leaks::Cards,
    town::{GIVEN, Town},
};
use crate::{
    demo::{path, wallet::Wallet},
    folder,
    services::{GATEWAYS, api::text},
    teller::Teller,
};

const PIN_DIGITS: usize = 12;

/// Who keeps the key of the account that pays.
pub struct Payer {
    pub name: &'static str,
    pub wallet: Wallet,
    pub account: AccountId,
}

/// Whose phone stands for a card.
pub struct Phone {
    pub name: &'static str,
    pub wallet: Wallet,
    pub account: AccountId,
}

/// Who has a card.
pub struct Holder {
    pub account: AccountId,
    pub card: Card,
}

/// What is printed on it.
pub struct Card {
    pub id: String,
    pub number: String,
    /// YYMM
    pub expiry: String,
    pub sequence: String,
}

impl Town<'_> {
    async fn wallet(&self, name: &str) -> anyhow::Result<Wallet> {
        let wallet = Wallet::new(self.place.join(format!("wallet-{name}")))?;
        let wallet = wallet.printing(&self.printed);
        wallet.init(self.network).await?;
        Ok(wallet)
    }

    async fn fund(&self, account: AccountId) -> anyhow::Result<()> {
        let (operator, currency) = (ParticipantId::new(GATEWAYS[0].id)?, Currency::new(CURRENCY)?);
        let teller = Teller::new(self.network, self.client);
        let bar = ProgressBar::hidden();
        teller.fund(operator, currency, &[account], GIVEN, &bar).await
    }
}

impl Payer {
    pub async fn open(town: &Town<'_>, name: &'static str) -> anyhow::Result<Self> {
        let wallet = town.wallet(name).await?;
        let address = wallet.open_account(town.network, GATEWAYS[0].id, name).await?;
        town.fund(address.account).await?;
        Ok(Self {
            name,
            wallet,
            account: address.account,
        })
    }
}

impl Holder {
    /// A customer whose account the bank keeps, with a card of it.
    pub async fn open(town: &Town<'_>, name: &str, cards: &mut Cards) -> anyhow::Result<Self> {
        let customer = json!({ "party": { "name": name } });
        let customer = town.bank.post("/v1/customers", &customer).await?;
        let address: Address = text(&customer, "/accounts/0/address")?.parse()?;
        town.fund(address.account).await?;
        let limit = |value: &str| json!({ "value": value, "currency": CURRENCY });
        let card = json!({
            "account": text(&customer, "/accounts/0/id")?,
            "limit_payment": limit("100.00"),
            "limit_day": limit("200.00"),
        });
        let card = town.bank.post("/v1/cards", &card).await?;
        let id = text(&card, "/id")?.to_owned();
        let reveal = format!("/v1/cards/{id}/reveal");
        let revealed = town.bank.post(&reveal, &json!({})).await?;
        let own = |path: &str| anyhow::Ok(text(&revealed, path)?.to_owned());
        let card = Card {
            id,
            number: own("/number")?,
            expiry: own("/expiry")?,
            sequence: own("/psn")?,
        };
        cards.number(&format!("{name}'s card"), &card.number);
        let pin = pin()?;
        let path = format!("/v1/cards/{}/pin", card.id);
        town.bank.post(&path, &json!({ "pin": pin })).await?;
        cards.number(&format!("{name}'s PIN"), &pin);
        Ok(Self {
            account: address.account,
            card,
        })
    }
}

impl Phone {
    /// The issuer's file is deleted once the wallet has what is in it.
    pub async fn open(town: &Town<'_>, name: &'static str, cards: &mut Cards) -> anyhow::Result<Self> {
        let Holder { account, card } = Holder::open(town, name, cards).await?;
        let wallet = town.wallet(name).await?;
        let devices = format!("/v1/cards/{}/devices", card.id);
        let given = town.bank.post(&devices, &json!({})).await?;
        remember(name, &given, cards)?;
        let file = town.place.join(format!("from-issuer-{name}.json"));
        folder::write_secret(&file, &given.to_string())?;
        let added = wallet.run(&["device", "add", path(&file)?]).await;
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
        added?;
        Ok(Self { name, wallet, account })
    }

    /// Shows a code for one payment; where its picture is, which has the phone's number in it.
    pub async fn show_code(&self, town: &Town<'_>) -> anyhow::Result<PathBuf> {
        let picture = town.place.join(format!("code-{}.png", self.name));
        self.wallet.run(&["code", "--png", path(&picture)?]).await?;
        Ok(picture)
    }
}

/// The longest that there is, so that it is not found by chance.
fn pin() -> anyhow::Result<String> {
    let mut bytes = [0; PIN_DIGITS];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.map(|byte| char::from(b'0' + byte % 10)).iter().collect())
}

fn remember(name: &str, given: &Value, cards: &mut Cards) -> anyhow::Result<()> {
    cards.number(&format!("{name}'s phone"), text(given, "/token")?);
    let keys = given["keys"].as_array().context("a phone gets keys")?;
    for key in keys {
        let bytes = hex::decode(text(key, "/key")?).context("a key is hexadecimal")?;
        cards.key(&format!("a key of {name}'s phone"), &bytes);
    }
    Ok(())
}
