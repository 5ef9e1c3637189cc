//! `GET /v1/contracts/{id}` and `/v1/accounts/{address}/contracts`: contracts are read by those whom they concern; and
//! reference rates, which anyone may read.
//!
//! A request is signed, see [`super::access`]. Its key must be in the key policy of an account that the
//! contract concerns or of that account's operator, or be named by an escrow's conditions. As with accounts,
//! strangers are not told whether a contract exists.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Path},
};
use causeway_contracts::{
    api::Problem,
    codec::Bounded,
    identity::{AccountId, Address},
    keys::{PublicKey, Signature},
    ledger,
    money::Currency,
    settlement::{ContractId, Terms},
    statement::{Answer, ContractView, PositionView, SignedStatement},
};
use serde::Deserialize;

use super::{
    access::{is_participants, signer},
    account::account_at,
    context::Api,
    error::ApiError,
    routes,
};
use crate::{
    actors::ledger::message::ContractsOf,
    store::{Reader, StoreError, StoredContract},
};

/// A contract, for those whom it concerns
///
/// A hold, an escrow, an allowance, a mandate, a request, an offer or a netting cycle, open or ended within the last
/// day; or what became of a quote, until it expires. Signed by a key of an account that it concerns or of that
/// account's operator, or by a key that an escrow's conditions name; a request that anyone may pay is shown to anyone
/// who has its id. Positions in a cycle are shown to those who have them, and all to its opener. The answer is this validator's signed statement; equal ones by more than
/// a third of the power prove it.
#[utoipa::path(
    get,
    path = "/v1/contracts/{id}",
    params(
        ("id" = ContractId, Path, description = "Of the transaction that opened it, and the place of the action in it"),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = SignedStatement, description = "Of the contract, or that there is none."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not the id of a contract."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "No contract of this id that this key may read."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn contract(
    api: web::Data<Api>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id: ContractId = id.parse().map_err(ApiError::ContractId)?;
    let key = signer(&api, &request)?;
    let statement = match api.read(move |reader| look(reader, id, &key)).await? {
        Seen::Contract(tip, view) => api.state(&tip, Answer::Contract(view)),
        Seen::None(tip) => api.state(&tip, Answer::NoContract(id)),
        Seen::NotPermitted => return Err(ApiError::ContractNotPermitted),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(statement))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    after: Option<ContractId>,
}

/// The contracts of an account
///
/// The ids of those that concern it, open or ended within the last day, a hundred at a time, ascending; quotes that were
/// used are not among them, and an escrow is under the accounts of its parties only, not of those whose keys its
/// conditions name. Signed by a key of the account or of its operator. The answer is this validator's signed statement;
/// equal ones by more than a third of the power prove it.
#[utoipa::path(
    get,
    path = "/v1/accounts/{address}/contracts",
    params(
        ("address" = Address, Path, description = "As cw1... or, on a devnet, cwdev1..."),
        ("after" = Option<ContractId>, Query, description = "The last contract of the page before."),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = SignedStatement),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not an address of this network, or a bad query."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "No account there that this key may read."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Not now; the same request can be sent again."),
    ),
)]
pub(super) async fn contracts(
    api: web::Data<Api>,
    request: HttpRequest,
    address: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let account = account_at(&api, &address)?;
    let PageQuery { after } = routes::query(&request, "after")?;
    let key = signer(&api, &request)?;
    if !api.read(move |reader| acts_for(reader, &account, &key)).await? {
        return Err(ApiError::NotPermitted);
    }
    let (tip, page) = api.ask(&api.context.contracts, ContractsOf { account, after }).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(api.state(&tip, Answer::Contracts(page))))
}

enum Seen {
    Contract(ledger::Tip, Box<ContractView>),
    None(ledger::Tip),
    NotPermitted,
}

fn look(reader: &Reader, id: ContractId, key: &PublicKey) -> Result<Seen, StoreError> {
    let (tip, found) = reader.contract(&id)?;
    let Some(StoredContract { contract, positions }) = found else {
        let none = is_participants(reader, key)?;
        return Ok(if none { Seen::None(tip) } else { Seen::NotPermitted });
    };
    let view = ContractView {
        id,
        opened_ms: contract.opened,
        status: contract.status,
        positions: readable(reader, positions, &contract.terms, key)?,
        terms: contract.terms,
    };
    Ok(match concerns(reader, &view.terms, key)? {
        true => Seen::Contract(tip, Box::new(view)),
        false => Seen::NotPermitted,
    })
}

/// Those of a cycle that a key may see: its own and its customers', or as the opener all.
fn readable(
    reader: &Reader,
    mut seen: Vec<PositionView>,
    terms: &Terms,
    key: &PublicKey,
) -> Result<Bounded<PositionView, 256>, StoreError> {
    let Terms::Cycle(state) = terms else {
        return Ok(Bounded::default());
    };
    if !acts_for(reader, &state.cycle.opener, key)? {
        let mut own = Vec::new();
        for position in seen {
            if acts_for(reader, &position.account, key)? {
                own.push(position);
            }
        }
        seen = own;
    }
    Ok(Bounded::new(seen).expect("32 participants and 8 currencies at most"))
}

/// Whether a key is one of the account's or of its operator's.
pub(super) fn acts_for(reader: &Reader, id: &AccountId, key: &PublicKey) -> Result<bool, StoreError> {
    let Some((keys, operator)) = reader.keys_of(id)? else {
        return Ok(false);
    };
    Ok(keys.contains(key) || reader.participant(&operator)?.is_some_and(|it| it.keys.contains(key)))
}

fn concerns(reader: &Reader, terms: &Terms, key: &PublicKey) -> Result<bool, StoreError> {
    if let Terms::Escrow(escrow) = terms
        && (escrow.release_when.names(key) || escrow.refund_when.names(key))
    {
        return Ok(true);
    }
    // Whoever has the id of a request that anyone may pay is asked to.
    if matches!(terms, Terms::Request(request) if request.payer.is_none()) {
        return Ok(true);
    }
    let mut accounts: Vec<_> = terms.accounts().collect();
    accounts.sort_unstable();
    accounts.dedup();
    for id in accounts {
        if acts_for(reader, &id, key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A reference rate, signed
///
/// This validator's signed statement of how much of one currency a unit of another is worth, by the word of the
/// issuer of `from`, or that no such rate was made known.
#[utoipa::path(
    get,
    path = "/v1/rates/{from}/{to}",
    params(
        ("from" = Currency, Path, description = "Such as EUR"),
        ("to" = Currency, Path, description = "Such as THB"),
    ),
    responses(
        (status = 200, body = SignedStatement),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a currency code."),
    ),
)]
pub(super) async fn reference_rate(
    api: web::Data<Api>,
    codes: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let from: Currency = codes.0.parse().map_err(ApiError::Currency)?;
    let to: Currency = codes.1.parse().map_err(ApiError::Currency)?;
    let (tip, rate) = api.read(move |reader| reader.reference_rate(from, to)).await?;
    Ok(HttpResponse::Ok().json(api.state(&tip, Answer::ReferenceRate { from, to, rate })))
}
