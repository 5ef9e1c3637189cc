//! A merchant of one operator, and the other one's customers with cards.

use causeway_contracts::{
    identity::{AccountId, Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use time::{Date, OffsetDateTime};

use crate::{
    ledger,
    network::Network,
    phone::Phone,
    services::{
        GATEWAYS, Service,
        api::{Api, text},
    },
    teller::Teller,
};

/// Customers, each with one card.
const HOLDERS: usize = 4;

/// Of each card.
pub(super) const PHONES: usize = 2;

/// What each customer has, and what their card pays in a day at most, in cents.
pub(super) const FUNDS: u64 = 100_000_000;

pub(super) struct Town {
    /// The merchant's client, and the cardholders'.
    pub shop: Api,
    pub bank: Api,
    pub merchant: String,
    pub terminal: String,
    pub holders: Vec<Holder>,
    /// Of UTC, before anything is paid.
    day: Date,
    /// What the issuer's and the acquirer's own accounts had before.
    pub before: [i128; 2],
    wallet: Client,
    network: Network,
}

pub(super) struct Holder {
    /// `acc_…`
    pub account: String,
    pub address: String,
}

pub(super) fn eur(cents: u64) -> Value {
    json!({ "currency": "EUR", "value": format!("{}.{:02}", cents / 100, cents % 100) })
}

impl Town {
    /// With the phones, those of each customer one after the other.
    pub async fn new(network: &Network) -> anyhow::Result<(Self, Vec<Phone>)> {
        let [bank, shop] = [0, 1].map(|index| network.folder.service(Service::Gateway(index)).client());
        let (bank, shop) = (Api::open(&bank).await?, Api::open(&shop).await?);
        let merchant = json!({ "name": "Noodles & Co", "city": "Bangkok", "country": "TH", "category": "5812" });
        let merchant = shop.post("/v1/merchants", &merchant).await?;
        let merchant = text(&merchant, "/id")?.to_owned();
        let store = json!({ "name": "First", "city": "Bangkok" });
        let store = shop.post(&format!("/v1/merchants/{merchant}/stores"), &store).await?;
        let terminals = format!("/v1/stores/{}/terminals", text(&store, "/id")?);
        let terminal = shop.post(&terminals, &json!({ "label": "Till" })).await?;
        let (mut holders, mut accounts, mut phones) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..HOLDERS {
            let (holder, account, own) = holder(&bank, number).await?;
            holders.push(holder);
            accounts.push(account);
            phones.extend(own);
        }
        let wallet = Client::new(network.genesis.clone(), network.api_urls())?;
        // Before money passes through them: nodes may be a block behind.
        let before = own_accounts(network, &wallet).await?;
        let (operator, euro) = (ParticipantId::new(GATEWAYS[0].id)?, Currency::new("EUR")?);
        Teller::new(network, &wallet)
            .fund(operator, euro, &accounts, Amount(FUNDS), &ProgressBar::hidden())
            .await?;
        let town = Self {
            shop,
            bank,
            merchant,
            terminal: text(&terminal, "/id")?.to_owned(),
            holders,
            day: today(),
            before,
            wallet,
            network: network.clone(),
        };
        Ok((town, phones))
    }

    /// What the issuer's and the acquirer's own accounts have, in cents.
    pub async fn own_accounts(&self) -> anyhow::Result<[i128; 2]> {
        own_accounts(&self.network, &self.wallet).await
    }

    /// Whether its day is over.
    pub fn is_new_day(&self) -> bool {
        today() != self.day
    }

    /// New tokens: those of before are good for ten minutes.
    pub async fn renew(&self) -> anyhow::Result<()> {
        self.shop.renew().await?;
        self.bank.renew().await
    }
}

fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

async fn own_accounts(network: &Network, wallet: &Client) -> anyhow::Result<[i128; 2]> {
    let mut found = [0, 0];
    for (operator, found) in GATEWAYS.iter().zip(&mut found) {
        let account = AccountId::of_participant(&network.genesis.origin(), ParticipantId::new(operator.id)?);
        *found = ledger::available(network, wallet, account, ParticipantId::new(operator.id)?, "EUR").await?;
    }
    Ok(found)
}

async fn holder(bank: &Api, number: usize) -> anyhow::Result<(Holder, AccountId, Vec<Phone>)> {
    let customer = json!({ "party": { "name": format!("Customer {number}") } });
    let customer = bank.post("/v1/customers", &customer).await?;
    let address = text(&customer, "/accounts/0/address")?;
    let parsed: Address = address.parse()?;
    let holder = Holder {
        account: text(&customer, "/accounts/0/id")?.to_owned(),
        address: address.to_owned(),
    };
    let card = json!({ "account": holder.account, "limit_payment": eur(FUNDS), "limit_day": eur(FUNDS) });
    let card = bank.post("/v1/cards", &card).await?;
    let devices = format!("/v1/cards/{}/devices", text(&card, "/id")?);
    let mut phones = Vec::new();
    for _ in 0..PHONES {
        phones.push(Phone::new(&bank.post(&devices, &json!({})).await?)?);
    }
    Ok((holder, parsed.account, phones))
}
