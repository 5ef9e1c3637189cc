//! Merchants, with their stores and terminals.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    checks,
    lists::{ListQuery, page},
    terms,
};
use crate::{
    identifiers::country::Country,
    money::DigitsUnknown,
    names::Name,
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            accounts,
            merchants::{self, Merchant, MerchantBody, MerchantStore, StoreBody, Terminal, TerminalBody},
        },
        settlements::{self, views::TermsText},
        time::rfc3339,
        views::Page,
    },
    store::{Sql, StoreError},
};

/// Letters and digits of numbers that people read to each other: none that looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Of ISO 8583:1987, fields 42 and 41.
const ACCEPTOR_CHARACTERS: usize = 15;
const TERMINAL_CHARACTERS: usize = 8;

/// So many numbers are tried for a terminal.
const NUMBERS_MAX: u32 = 16;

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MerchantRequest {
    /// As payers see it.
    #[schema(min_length = 1, max_length = 25)]
    pub name: String,
    #[schema(min_length = 1, max_length = 15)]
    pub city: String,
    /// Of ISO 3166-1.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 10)]
    pub post_code: Option<String>,
    /// Merchant category code of ISO 18245.
    #[schema(pattern = "^[0-9]{4}$")]
    pub category: String,
    /// One of the client's accounts, to which orders are paid; the operator collects for the merchant if it is absent.
    #[serde(default)]
    #[schema(max_length = 128)]
    pub account: Option<String>,
    /// How it is paid out. Without, what its orders bring stays in the operator's collecting account.
    #[serde(default)]
    pub settlement: Option<TermsText>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MerchantView {
    pub id: String,
    /// `merchant`
    pub object: &'static str,
    /// `active` or `suspended`
    pub state: &'static str,
    pub name: String,
    pub city: String,
    pub country: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_code: Option<String>,
    pub category: String,
    /// By which card messages call it (ISO 8583:1987, field 42).
    pub acceptor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement: Option<TermsText>,
    pub created_at: String,
}

pub(super) fn view(gateway: &Gateway, merchant: &Merchant) -> Result<MerchantView, DigitsUnknown> {
    let body = &merchant.body;
    Ok(MerchantView {
        id: merchant.id.clone(),
        object: "merchant",
        state: if merchant.suspended { "suspended" } else { "active" },
        name: body.name.clone(),
        city: body.city.clone(),
        country: body.country.clone(),
        post_code: body.post_code.clone(),
        category: body.category.clone(),
        acceptor: body.acceptor.clone(),
        account: body.account.clone(),
        settlement: body
            .settlement
            .as_ref()
            .map(|agreement| settlements::views::terms(gateway, agreement))
            .transpose()?,
        created_at: rfc3339(merchant.created_ms),
    })
}

/// That this gateway has merchants at all.
pub fn acquiring(gateway: &Gateway) -> Result<(), Problem> {
    let detail = "its configuration has no section [acquiring]";
    let acquiring = gateway.config.acquiring;
    acquiring
        .map(drop)
        .ok_or_else(|| Problem::new(Code::NoAcquirer, detail))
}

/// Characters that every code and card message can have.
fn printable(param: &str, text: &str, max: usize) -> Result<(), Problem> {
    checks::bounded(param, &text.to_owned(), max)?;
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        let detail = "codes and card messages have it: letters without accents, digits, punctuation and spaces";
        return Err(Problem::field(param, detail));
    }
    Ok(())
}

fn check(request: &MerchantRequest) -> Result<(), Problem> {
    printable("name", &request.name, 25)?;
    Name::parse(&request.name).map_err(|fault| Problem::field("name", fault.to_string()))?;
    printable("city", &request.city, 15)?;
    if let Some(post_code) = &request.post_code {
        printable("post_code", post_code, 10)?;
    }
    request.country.parse::<Country>().map_err(|_| {
        let detail = "it is two capitals of ISO 3166-1, such as TH";
        Problem::field("country", detail)
    })?;
    if request.category.len() != 4 || !request.category.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::field(
            "category",
            "it is four digits of ISO 18245, such as 5812",
        ));
    }
    Ok(())
}

fn number(of: &str, characters: usize) -> String {
    let hash = Sha256::digest(of.as_bytes());
    let letters = hash
        .iter()
        .take(characters)
        .map(|byte| ALPHABET[usize::from(byte % 32)]);
    letters.map(char::from).collect()
}

/// A merchant
///
/// Its name is screened. Orders name it, and it is paid as long as it is not suspended.
#[utoipa::path(post, path = "/v1/merchants", request_body = MerchantRequest,
    responses((status = 201, body = MerchantView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    acquiring(gateway)?;
    let request: MerchantRequest = call.json()?;
    check(&request)?;
    if let Some(hit) = gateway.screening_hit(&request.name) {
        tracing::warn!(hit, "a merchant's name is like one on a list");
        let detail = "the name is like one on a list of sanctions";
        return Err(Problem::new(Code::ComplianceRefused, detail).of("name"));
    }
    let agreement = request.settlement.as_ref().map(|text| terms::agreement(gateway, text));
    let agreement = agreement.transpose()?;
    if agreement.is_some() && request.account.is_some() {
        return Err(terms::own_account());
    }
    let id = id::named("mer", &call.object);
    let mut merchant = Merchant {
        client: call.client().id.clone(),
        suspended: false,
        created_ms: call.now_ms,
        body: MerchantBody {
            name: request.name,
            city: request.city,
            country: request.country,
            post_code: request.post_code,
            category: request.category,
            acceptor: number(&id, ACCEPTOR_CHARACTERS),
            account: None,
            settlement: agreement,
        },
        id,
    };
    let made = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            if let Some(account) = request.account {
                let found = accounts::find_account(sql, &merchant.client, &account)?;
                let account = found.ok_or_else(|| Problem::field("account", "it is an account of this client's"))?;
                merchant.body.account = Some(account.id);
            }
            merchants::add(sql, &merchant)?;
            Ok(merchants::any(sql, &merchant.id)?.ok_or(StoreError::Changed)?)
        })
        .await?;
    Ok(Reply::created(&view(gateway, &made)?))
}

/// Merchants, the oldest first
#[utoipa::path(get, path = "/v1/merchants", params(ListQuery), responses((status = 200, body = Page<MerchantView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit| {
        merchants::list(sql, &client, cursor.as_deref().unwrap_or_default(), limit)
    };
    let view = |merchant: Merchant| view(gateway, &merchant);
    page(gateway, call.query()?, read, |merchant| merchant.id.clone(), view).await
}

pub(super) async fn find(gateway: &Gateway, client: String, id: String) -> Result<Merchant, Problem> {
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| merchants::find(sql, &client, &id))
        .await?;
    found.ok_or_else(|| Problem::not_found("merchant"))
}

/// A merchant
#[utoipa::path(get, path = "/v1/merchants/{id}", params(("id" = String, Path)),
    responses((status = 200, body = MerchantView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let merchant = find(gateway, call.client().id.clone(), call.parameter("id").to_owned()).await?;
    Ok(Reply::ok(&view(gateway, &merchant)?))
}

/// Ends its being paid
///
/// For the operator's officers, whichever client's it is. What is paid for its orders from now on is sent back.
#[utoipa::path(post, path = "/v1/merchants/{id}/suspend", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = MerchantView)))]
pub async fn suspend(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    set_suspended(gateway, call, true).await
}

/// Lets it be paid again
///
/// For the operator's officers, whichever client's it is.
#[utoipa::path(post, path = "/v1/merchants/{id}/resume", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = MerchantView)))]
pub async fn resume(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    set_suspended(gateway, call, false).await
}

async fn set_suspended(gateway: &Arc<Gateway>, call: &Call, suspended: bool) -> Result<Reply, Problem> {
    let id = call.parameter("id").to_owned();
    let found = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            merchants::set_suspended(sql, &id, suspended)?;
            merchants::any(sql, &id)
        })
        .await?;
    let merchant = found.ok_or_else(|| Problem::not_found("merchant"))?;
    Ok(Reply::ok(&view(gateway, &merchant)?))
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreRequest {
    #[schema(min_length = 1, max_length = 25)]
    pub name: String,
    /// The merchant's if it is absent.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 15)]
    pub city: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct StoreView {
    pub id: String,
    /// `store`
    pub object: &'static str,
    pub merchant: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    pub created_at: String,
}

fn store_view(store: &MerchantStore) -> StoreView {
    StoreView {
        id: store.id.clone(),
        object: "store",
        merchant: store.merchant.clone(),
        name: store.body.name.clone(),
        city: store.body.city.clone(),
        created_at: rfc3339(store.created_ms),
    }
}

/// A place where a merchant sells
#[utoipa::path(post, path = "/v1/merchants/{id}/stores", params(("id" = String, Path)), request_body = StoreRequest,
    responses((status = 201, body = StoreView)))]
pub async fn create_store(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: StoreRequest = call.json()?;
    let merchant = find(gateway, call.client().id.clone(), call.parameter("id").to_owned()).await?;
    printable("name", &request.name, 25)?;
    if let Some(city) = &request.city {
        printable("city", city, 15)?;
    }
    let store = MerchantStore {
        id: id::named("sto", &call.object),
        client: merchant.client,
        merchant: merchant.id,
        created_ms: call.now_ms,
        body: StoreBody {
            name: request.name,
            city: request.city,
        },
    };
    let made = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            merchants::add_store(sql, &store)?;
            merchants::find_store(sql, &store.client, &store.id)?.ok_or(StoreError::Changed)
        })
        .await?;
    Ok(Reply::created(&store_view(&made)))
}

/// A merchant's stores, the oldest first
#[utoipa::path(get, path = "/v1/merchants/{id}/stores", params(("id" = String, Path), ListQuery),
    responses((status = 200, body = Page<StoreView>)))]
pub async fn stores(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let merchant = find(gateway, call.client().id.clone(), call.parameter("id").to_owned()).await?;
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit| {
        merchants::stores(sql, &merchant.id, cursor.as_deref().unwrap_or_default(), limit)
    };
    let view = |store: MerchantStore| Ok::<_, Problem>(store_view(&store));
    page(gateway, call.query()?, read, |store| store.id.clone(), view).await
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalRequest {
    /// Such as `till 3`.
    #[schema(min_length = 1, max_length = 40)]
    pub label: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TerminalView {
    pub id: String,
    /// `terminal`
    pub object: &'static str,
    pub merchant: String,
    pub store: String,
    pub label: String,
    /// By which card messages call it (ISO 8583:1987, field 41).
    pub number: String,
    pub created_at: String,
}

fn terminal_view(terminal: &Terminal) -> TerminalView {
    TerminalView {
        id: terminal.id.clone(),
        object: "terminal",
        merchant: terminal.merchant.clone(),
        store: terminal.store.clone(),
        label: terminal.body.label.clone(),
        number: terminal.number.clone(),
        created_at: rfc3339(terminal.created_ms),
    }
}

async fn find_store(gateway: &Gateway, call: &Call) -> Result<MerchantStore, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| merchants::find_store(sql, &client, &id))
        .await?;
    found.ok_or_else(|| Problem::not_found("store"))
}

/// A till, a phone or a card reader in a store
#[utoipa::path(post, path = "/v1/stores/{id}/terminals", params(("id" = String, Path)),
    request_body = TerminalRequest, responses((status = 201, body = TerminalView)))]
pub async fn create_terminal(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: TerminalRequest = call.json()?;
    let store = find_store(gateway, call).await?;
    checks::bounded("label", &request.label, 40)?;
    let mut terminal = Terminal {
        id: id::named("ter", &call.object),
        client: store.client,
        merchant: store.merchant,
        store: store.id,
        number: String::new(),
        created_ms: call.now_ms,
        body: TerminalBody { label: request.label },
    };
    let made = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            // The number may be another's by chance.
            for attempt in 0..NUMBERS_MAX {
                if let Some(known) = merchants::find_terminal(sql, &terminal.client, &terminal.id)? {
                    return Ok(known);
                }
                terminal.number = number(&format!("{} {attempt}", terminal.id), TERMINAL_CHARACTERS);
                merchants::add_terminal(sql, &terminal)?;
            }
            merchants::find_terminal(sql, &terminal.client, &terminal.id)?.ok_or(StoreError::Busy)
        })
        .await?;
    Ok(Reply::created(&terminal_view(&made)))
}

/// A store's terminals, the oldest first
#[utoipa::path(get, path = "/v1/stores/{id}/terminals", params(("id" = String, Path), ListQuery),
    responses((status = 200, body = Page<TerminalView>)))]
pub async fn terminals(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let store = find_store(gateway, call).await?;
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit| {
        merchants::terminals(sql, &store.id, cursor.as_deref().unwrap_or_default(), limit)
    };
    let view = |terminal: Terminal| Ok::<_, Problem>(terminal_view(&terminal));
    page(gateway, call.query()?, read, |terminal| terminal.id.clone(), view).await
}
