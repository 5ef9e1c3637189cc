//! Cards of customers' accounts.

pub mod devices;
pub mod secrets;

use std::sync::Arc;

use causeway_cards::{currency, pan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::lists::{ListQuery, page};
use crate::{
    acquiring::{
        hsm::{Hsm, HsmError},
        issuer::{Card, CardStatus, Expiry, Limits, PIN_TRIES},
    },
    identifiers::currency::CurrencyCode,
    money::Money,
    service::{
        call::{Call, Reply},
        change::ChangeError,
        config::Issuing,
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            accounts,
            cards::{self, StoredCard, StoredNumber, place},
        },
        time::rfc3339,
        views::Page,
    },
    store::{Sql, StoreError},
};

/// How long a card is good.
const YEARS: u8 = 4;

const CATEGORIES_MAX: usize = 32;

/// So many numbers are drawn for a card or device.
const NUMBERS_MAX: u32 = 16;

const NUMBER_DIGITS: usize = 16;

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardRequest {
    /// One of the client's.
    #[schema(max_length = 128)]
    pub account: String,
    /// Of one payment; its currency is the card's.
    pub limit_payment: Money,
    /// Of all payments of a day in UTC.
    pub limit_day: Money,
    /// Merchant category codes of ISO 18245 that it does not pay.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub refused_categories: Vec<String>,
    /// Whether its number may be typed in.
    #[serde(default)]
    pub manual_entry: bool,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LostRequest {
    #[serde(default)]
    pub stolen: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CardView {
    pub id: String,
    /// `card`
    pub object: &'static str,
    /// `active`, `blocked`, `lost`, `stolen` or `closed`
    #[schema(value_type = String)]
    pub state: CardStatus,
    pub account: String,
    /// The first six and last four digits.
    pub number: String,
    /// YYMM: it is good to the end of that month.
    pub expiry: String,
    /// Tag 5F34.
    pub psn: String,
    pub limit_payment: Money,
    pub limit_day: Money,
    pub refused_categories: Vec<String>,
    pub manual_entry: bool,
    pub has_pin: bool,
    pub pin_tries_left: u8,
    /// Wrong cryptograms and card values in a row; the fifth has blocked it.
    pub wrong_values: u8,
    pub created_at: String,
}

/// Keys and numbers, if this gateway has cards at all.
fn issuing(gateway: &Gateway) -> Result<(&Issuing, Arc<dyn Hsm>), Problem> {
    let refused = |detail: &str| Problem::new(Code::NoIssuer, detail);
    let issuing = gateway.config.issuing.as_ref();
    let issuing = issuing.ok_or_else(|| refused("its configuration has no section [issuing]"))?;
    let hsm = gateway.hsm.clone();
    Ok((issuing, hsm.ok_or_else(|| refused("it has no security module"))?))
}

/// On a thread that may wait for the security module.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HsmError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Problem::internal(&error))?;
    done.map_err(|error| Problem::internal(&error))
}

/// All digits of what is stored.
fn opened(gateway: &Gateway, id: &str, number: &StoredNumber) -> Result<Zeroizing<String>, Problem> {
    let opened = gateway.keys.open(&place(id), &number.sealed);
    let opened = opened.map_err(|error| Problem::internal(&error))?;
    Ok(Zeroizing::new(opened.iter().map(|digit| char::from(*digit)).collect()))
}

fn view(gateway: &Gateway, stored: &StoredCard) -> Result<CardView, Problem> {
    let card = &stored.card;
    let limits = &card.limits;
    Ok(CardView {
        id: card.id.clone(),
        object: "card",
        state: card.status,
        account: card.account.clone(),
        number: pan::mask(opened(gateway, &card.id, &stored.number)?.as_bytes()),
        expiry: card.expiry.to_string(),
        psn: format!("{:02}", card.sequence),
        limit_payment: gateway.exponents.write(limits.payment, card.currency)?,
        limit_day: gateway.exponents.write(limits.day, card.currency)?,
        refused_categories: limits.refused_categories.clone(),
        manual_entry: limits.manual_entry,
        has_pin: card.pin.is_some(),
        pin_tries_left: card.pin_tries_left,
        wrong_values: card.wrong_values,
        created_at: rfc3339(card.created_ms),
    })
}

/// A new number: random digits after `bin`, and one that checks them.
fn draw(gateway: &Gateway, id: &str, bin: &str) -> Result<StoredNumber, Problem> {
    let mut digits = Zeroizing::new(bin.as_bytes().to_vec());
    digits.reserve_exact(NUMBER_DIGITS);
    while digits.len() < NUMBER_DIGITS - 1 {
        let mut byte = [0];
        getrandom::fill(&mut byte)?;
        // 250 is a multiple of ten: each digit is as likely as another.
        if byte[0] < 250 {
            digits.push(b'0' + byte[0] % 10);
        }
    }
    digits.push(b'0');
    let last = NUMBER_DIGITS - 1;
    while !pan::luhn(&digits) {
        digits[last] += 1;
    }
    Ok(StoredNumber {
        hash: gateway.keys.number_hash(&digits),
        sealed: gateway.keys.seal(&place(id), &digits)?,
    })
}

fn check(gateway: &Gateway, request: &CardRequest) -> Result<Limits, Problem> {
    let payment = gateway.exponents.read(&request.limit_payment)?;
    let day = gateway.exponents.read(&request.limit_day)?;
    let code = request.limit_payment.currency;
    if request.limit_day.currency != code {
        return Err(Problem::field("limit_day.currency", "both limits are of one currency"));
    }
    let iso = code.as_str().parse::<CurrencyCode>().ok();
    let digits = iso.and_then(CurrencyCode::exponent);
    if currency::numeric(code.as_str()).is_none() || digits != gateway.exponents.of(code).ok() {
        let detail = "card messages have currencies of ISO 4217, with its digits after the point";
        return Err(Problem::field("limit_payment.currency", detail));
    }
    if payment.0 == 0 || day < payment || day.0 > 999_999_999_999 {
        let detail =
            "limits are above zero and at most twelve digits, and that of a day is not below that of a payment";
        return Err(Problem::field("limit_day", detail));
    }
    let categories = &request.refused_categories;
    let is_category = |text: &String| text.len() == 4 && text.bytes().all(|digit| digit.is_ascii_digit());
    if categories.len() > CATEGORIES_MAX || !categories.iter().all(is_category) {
        let detail = format!("at most {CATEGORIES_MAX}, each four digits of ISO 18245, such as 7995");
        return Err(Problem::field("refused_categories", detail));
    }
    Ok(Limits {
        payment,
        day,
        refused_categories: categories.clone(),
        manual_entry: request.manual_entry,
    })
}

/// A card of a customer's account
///
/// Its number is shown by the first six and last four digits; `reveal` gives all of it.
#[utoipa::path(post, path = "/v1/cards", request_body = CardRequest, responses((status = 201, body = CardView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: CardRequest = call.json()?;
    let limits = check(gateway, &request)?;
    let account = account(gateway, call, request.account.clone()).await?;
    let (issuing, _) = issuing(gateway)?;
    let id = id::named("crd", &call.object);
    for _ in 0..NUMBERS_MAX {
        let stored = StoredCard {
            number: draw(gateway, &id, &issuing.bin)?,
            card: Card {
                id: id.clone(),
                client: call.client().id.clone(),
                account: account.clone(),
                status: CardStatus::Active,
                expiry: Expiry::after(call.now_ms, YEARS),
                sequence: 0,
                currency: request.limit_payment.currency,
                limits: limits.clone(),
                pin: None,
                pin_tries_left: PIN_TRIES,
                wrong_values: 0,
                counter: 0,
                created_ms: call.now_ms,
            },
        };
        if let Some(made) = add(gateway, stored).await? {
            return Ok(Reply::created(&view(gateway, &made)?));
        }
    }
    Err(Problem::new(
        Code::TooMany,
        "the numbers of this issuer's cards are used up",
    ))
}

/// The id of the client's account that the card is to be of.
async fn account(gateway: &Gateway, call: &Call, id: String) -> Result<String, Problem> {
    let client = call.client().id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| accounts::find_account(sql, &client, &id));
    let account = found.await?;
    Ok(account
        .ok_or_else(|| Problem::field("account", "it is an account of this client's"))?
        .id)
}

/// The card, or the one with its id; `None` if its number is taken.
async fn add(gateway: &Gateway, stored: StoredCard) -> Result<Option<StoredCard>, Problem> {
    let added = gateway.store.write::<_, StoreError, _>(move |sql| {
        cards::add(sql, &stored)?;
        cards::any(sql, &stored.card.id)
    });
    Ok(added.await?)
}

/// Cards, the oldest first
#[utoipa::path(get, path = "/v1/cards", params(ListQuery), responses((status = 200, body = Page<CardView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit| {
        cards::list(sql, &client, cursor.as_deref().unwrap_or_default(), limit)
    };
    let view = |stored: StoredCard| view(gateway, &stored);
    page(gateway, call.query()?, read, |stored| stored.card.id.clone(), view).await
}

/// A card
#[utoipa::path(get, path = "/v1/cards/{id}", params(("id" = String, Path)),
    responses((status = 200, body = CardView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&view(gateway, &find(gateway, call).await?)?))
}

async fn find(gateway: &Gateway, call: &Call) -> Result<StoredCard, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| cards::find(sql, &client, &id));
    found.await?.ok_or_else(|| Problem::not_found("card"))
}

/// Changes a card of the client's.
async fn change(
    gateway: &Gateway,
    call: &Call,
    with: impl FnOnce(&mut Card) -> Result<(), Problem> + Send + 'static,
) -> Result<StoredCard, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let changed = gateway.store.write::<_, ChangeError, _>(move |sql| {
        let found = cards::locked(sql, &id)?.filter(|stored| stored.card.client == client);
        let mut stored = found.ok_or_else(|| Problem::not_found("card"))?;
        with(&mut stored.card)?;
        cards::save(sql, &stored.card)?;
        Ok(stored)
    });
    Ok(changed.await?)
}

/// What a card in this state is not ready for.
fn wrong_state(card: &Card) -> Problem {
    let state = serde_json::to_value(card.status).expect("a word");
    let detail = "the card is in a state in which this cannot be done";
    Problem::new(Code::CardState, detail).with(serde_json::json!({ "state": state }))
}

async fn becomes(
    gateway: &Arc<Gateway>,
    call: &Call,
    from: &'static [CardStatus],
    to: CardStatus,
) -> Result<Reply, Problem> {
    let changed = change(gateway, call, move |card| {
        if card.status != to && !from.contains(&card.status) {
            return Err(wrong_state(card));
        }
        card.becomes(to);
        Ok(())
    });
    Ok(Reply::ok(&view(gateway, &changed.await?)?))
}

/// Refuses its payments, until it is unblocked
#[utoipa::path(post, path = "/v1/cards/{id}/block", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = CardView)))]
pub async fn block(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    becomes(gateway, call, &[CardStatus::Active], CardStatus::Blocked).await
}

/// Lets a blocked card pay again
#[utoipa::path(post, path = "/v1/cards/{id}/unblock", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = CardView)))]
pub async fn unblock(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    becomes(gateway, call, &[CardStatus::Blocked], CardStatus::Active).await
}

/// Ends a lost or stolen card, and its devices with it, for good
#[utoipa::path(post, path = "/v1/cards/{id}/lost", params(("id" = String, Path)), request_body = LostRequest,
    responses((status = 200, body = CardView)))]
pub async fn lost(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let LostRequest { stolen } = call.json()?;
    let to = if stolen { CardStatus::Stolen } else { CardStatus::Lost };
    becomes(gateway, call, &[CardStatus::Active, CardStatus::Blocked], to).await
}
