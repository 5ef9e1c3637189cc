//! Cards with phones, made before anything is measured, and a message of each payment.

use causeway_cards::{
    emv::kernel::Outcome as Tap,
    iso8583::{Message, MessageType, Spec},
};
use causeway_contracts::{
    identity::{AccountId, Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_gateway::acquiring::client::session::transmission_time;
use causeway_wallet::{client::Client, clock};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{
    network::Network,
    phone::Phone,
    progress,
    services::{
        GATEWAYS, Service,
        api::{Api, text},
    },
    teller::Teller,
};

const HOLDERS: u64 = 64;

/// Payments of one phone: its issuer gives it ten keys at a time.
const PAYMENTS: u64 = 20;
const KEYS: u64 = 10;

/// Requests to the gateway at the same time.
const TOGETHER: usize = 16;

/// In cents: of each payment, and what each customer has.
pub(super) const CENTS: u64 = 100;
const FUNDS: Amount = Amount(10_000_000);

/// Field 11 of the first message; each has one more than the one before.
pub(super) const FIRST: usize = 1;

/// So many frames, in the order in which they are to be sent: each phone's payments are far from each other.
pub(super) async fn prepare(network: &Network, holders: &Holders, count: u64) -> anyhow::Result<Vec<Vec<u8>>> {
    let api = Api::open(&network.folder.service(Service::Gateway(0)).client()).await?;
    let phones = count.div_ceil(PAYMENTS);
    let bar = &progress::bar("cards", phones);
    let (api, holders) = (&api, &holders.ids);
    let mut taps: Vec<Vec<Tap>> = stream::iter(0..phones)
        .map(|number| async move {
            let taps = card(api, &holders[(number % HOLDERS) as usize]).await;
            bar.inc(1);
            taps
        })
        .buffered(TOGETHER)
        .try_collect()
        .await?;
    bar.finish_and_clear();
    let now = transmission_time(clock::now_ms().0);
    let mut frames = Vec::new();
    while (frames.len() as u64) < count {
        for tap in taps.iter_mut().filter_map(Vec::pop) {
            let message = authorization(FIRST + frames.len(), &now, &tap)?;
            frames.push(frame(&message)?);
        }
    }
    frames.truncate(usize::try_from(count)?);
    Ok(frames)
}

/// Whose cards pay.
pub(super) struct Holders {
    /// Of their accounts, `acc_…`, and on the ledger.
    ids: Vec<String>,
    pub accounts: Vec<AccountId>,
}

/// With money.
pub(super) async fn holders(network: &Network) -> anyhow::Result<Holders> {
    let api = &Api::open(&network.folder.service(Service::Gateway(0)).client()).await?;
    let line = progress::line("accounts of cardholders");
    let opened: Vec<(String, AccountId)> = stream::iter(0..HOLDERS)
        .map(|number| async move {
            let customer = json!({ "party": { "name": format!("Customer {number}") } });
            let made = api.post("/v1/customers", &customer).await?;
            let address: Address = text(&made, "/accounts/0/address")?.parse()?;
            anyhow::Ok((text(&made, "/accounts/0/id")?.to_owned(), address.account))
        })
        .buffered(TOGETHER)
        .try_collect()
        .await?;
    let (ids, accounts): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    let client = Client::new(network.genesis.clone(), network.api_urls())?;
    let (operator, euro) = (ParticipantId::new(GATEWAYS[0].id)?, Currency::new("EUR")?);
    let hidden = ProgressBar::hidden();
    Teller::new(network, &client)
        .fund(operator, euro, &accounts, FUNDS, &hidden)
        .await?;
    line.finish_and_clear();
    Ok(Holders { ids, accounts })
}

/// All payments of a new card's phone, the last first.
async fn card(api: &Api, account: &str) -> anyhow::Result<Vec<Tap>> {
    let eur = |value: &str| json!({ "value": value, "currency": "EUR" });
    let card = json!({ "account": account, "limit_payment": eur("10.00"), "limit_day": eur("1000.00") });
    let card = api.post("/v1/cards", &card).await?;
    let devices = format!("/v1/cards/{}/devices", text(&card, "/id")?);
    let mut phone = Phone::new(&api.post(&devices, &json!({})).await?)?;
    let mut taps = Vec::new();
    for payment in 0..PAYMENTS {
        if payment > 0 && payment % KEYS == 0 {
            let keys = format!("/v1/devices/{}/keys", phone.device());
            phone.renew(&api.post(&keys, &json!({})).await?)?;
        }
        taps.push(phone.tap(CENTS)?);
    }
    taps.reverse();
    Ok(taps)
}

/// 0100 of a tap.
fn authorization(number: usize, now: &str, tap: &Tap) -> anyhow::Result<Message> {
    let (trace, reference) = (format!("{number:06}"), format!("{number:012}"));
    let amount = format!("{CENTS:012}");
    let fields = [
        (3, "000000"),
        (4, &amount),
        (7, now),
        (11, &trace),
        (12, &now[4..]),
        (13, &now[..4]),
        (18, "5812"),
        (22, "071"),
        (35, &tap.track_2),
        (37, &reference),
        (41, "TERM0001"),
        (49, "978"),
    ];
    let mut message = Message::new(MessageType::AUTHORIZATION);
    for (field, value) in fields {
        message.set(field, value.as_bytes())?;
    }
    message.set(55, &tap.de55)?;
    Ok(message)
}

/// As it is on the line.
pub(super) fn frame(message: &Message) -> anyhow::Result<Vec<u8>> {
    let wire = Spec::a().to_bytes(message)?;
    let length = u16::try_from(wire.len())?.to_be_bytes();
    Ok([&length[..], &wire].concat())
}
