//! What is known of purses. Anyone may read what their issuers say to all of them, `GET /v1/purses/currencies/{code}`
//! and its `revocations`; a purse, its loads and what it signed away are read by those whom they concern.
//!
//! A request for those is signed, see [`super::access`]. Its key must be in the key policy of the owner's account, of
//! his operator, of the operator that registered the purse or of the currency's issuer, or be a key of the currency's
//! service that is not withdrawn. As with accounts, strangers are not told whether there is such a purse.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Path},
};
use causeway_contracts::{
    api::Problem,
    keys::{PublicKey, Signature},
    ledger::Tip,
    money::Currency,
    offline::ids::{ListVersion, LoadCounter, PurseId, Seq},
    statement::{Answer, PurseLoad, PurseSpent, PurseView, SignedStatement},
};
use serde::Deserialize;

use super::{
    access::{is_participants, serves, signer},
    context::Api,
    contract::acts_for,
    error::ApiError,
    routes,
};
use crate::store::{Reader, StoreError};

/// A currency that purses may hold
///
/// What messages call it, the keys of its issuer's service, the newest beacon, the version of the revocation list, and
/// what guarantees its purses; or that purses may not hold it. This validator's signed statement; equal ones by more
/// than a third of the power prove it.
#[utoipa::path(
    get,
    path = "/v1/purses/currencies/{code}",
    params(("code" = Currency, Path, description = "Such as EUR")),
    responses(
        (status = 200, body = SignedStatement),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a currency code."),
    ),
)]
pub(super) async fn currency(api: web::Data<Api>, code: Path<String>) -> Result<HttpResponse, ApiError> {
    let code: Currency = code.parse().map_err(ApiError::Currency)?;
    let (tip, found) = api.read(move |reader| reader.purse_currency(code)).await?;
    let answer = found.map_or(Answer::NoPurseCurrency(code), |view| {
        Answer::PurseCurrency(Box::new(view))
    });
    Ok(HttpResponse::Ok().json(api.state(&tip, answer)))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RevocationsQuery {
    /// The version that is known already: the last of the page before, or 0.
    #[serde(default)]
    #[param(value_type = Option<u32>, required = false)]
    after: ListVersion,
}

/// What was added to a revocation list
///
/// The deltas that follow a version, 64 at a time, ascending; or that purses may not hold the currency. This
/// validator's signed statement.
#[utoipa::path(
    get,
    path = "/v1/purses/currencies/{code}/revocations",
    params(("code" = Currency, Path, description = "Such as EUR"), RevocationsQuery),
    responses(
        (status = 200, body = SignedStatement),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a currency code, or a bad query."),
    ),
)]
pub(super) async fn revocations(
    api: web::Data<Api>,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let code: Currency = code.parse().map_err(ApiError::Currency)?;
    let RevocationsQuery { after } = routes::query(&request, "after")?;
    let (tip, found) = api.read(move |reader| reader.revocations(code, after)).await?;
    let answer = found.map_or(Answer::NoPurseCurrency(code), Answer::Revocations);
    Ok(HttpResponse::Ok().json(api.state(&tip, answer)))
}

/// A purse, for those whom it concerns
///
/// Whose it is, its newest certificate, how many loads it had, what it owes, and what convicts it. Signed by a key of
/// the owner's account or of his operator, of the operator that registered it, of the currency's issuer, or of its
/// service. The answer is this validator's signed statement; equal ones by more than a third of the power prove it.
/// Other keys are refused alike whether or not there is such a purse; only participants' and services' keys get a
/// statement that there is none.
#[utoipa::path(
    get,
    path = "/v1/purses/{id}",
    params(
        ("id" = PurseId, Path),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = SignedStatement, description = "Of the purse, or that there is none."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not the id of a purse."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "No purse of this id that this key may read."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn purse(
    api: web::Data<Api>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = purse_id(&id)?;
    let key = signer(&api, &request)?;
    let seen = api.read(move |reader| look(reader, id, &key)).await?;
    answer(&api, id, seen.map(|view| Answer::Purse(Box::new(view))))
}

/// A load of a purse
///
/// What was set aside for it, what is left of that, its grant once there is one, and when the owner has back what is
/// left; or that there is no load of this counter. For those who may read the purse, by a signed request as for it.
#[utoipa::path(
    get,
    path = "/v1/purses/{id}/loads/{counter}",
    params(
        ("id" = PurseId, Path),
        ("counter" = u32, Path, description = "From 1 on"),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = SignedStatement, description = "Of the load, or that there is none, or no such purse."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not the id of a purse, or no number."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "No purse of this id that this key may read."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn load(
    api: web::Data<Api>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, counter) = (purse_id(&path.0)?, LoadCounter(number(&path.1)?));
    let key = signer(&api, &request)?;
    let read = move |reader: &Reader| {
        look(reader, id, &key)?.and_then(|_| {
            let (tip, load) = reader.purse_load(id, counter)?;
            let purse = id;
            Ok((tip, PurseLoad { purse, counter, load }))
        })
    };
    let seen = api.read(read).await?;
    answer(&api, id, seen.map(|load| Answer::PurseLoad(Box::new(load))))
}

/// What a purse signed away
///
/// The transfers and redemptions that the ledger knows of one number of the purse's log, at most two of them, and
/// what became of each. For those who may read the purse, by a signed request as for it.
#[utoipa::path(
    get,
    path = "/v1/purses/{id}/spent/{seq}",
    params(
        ("id" = PurseId, Path),
        ("seq" = u32, Path, description = "Of the transfer or redemption"),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = SignedStatement, description = "Of what is known, which may be nothing, or that there is no such purse."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not the id of a purse, or no number."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "No purse of this id that this key may read."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn spent(
    api: web::Data<Api>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, seq) = (purse_id(&path.0)?, Seq(number(&path.1)?));
    let key = signer(&api, &request)?;
    let read = move |reader: &Reader| {
        look(reader, id, &key)?.and_then(|_| {
            let (tip, spent) = reader.purse_spent(id, seq)?;
            let purse = id;
            Ok((tip, PurseSpent { purse, seq, spent }))
        })
    };
    let seen = api.read(read).await?;
    answer(&api, id, seen.map(Answer::PurseSpent))
}

fn purse_id(text: &str) -> Result<PurseId, ApiError> {
    text.parse().map_err(ApiError::PurseId)
}

fn number(text: &str) -> Result<u32, ApiError> {
    text.parse().map_err(|_| ApiError::PurseNumber)
}

/// What a key gets to see of a purse.
enum Seen<T> {
    It(Tip, T),
    None(Tip),
    NotPermitted,
}

impl<T> Seen<T> {
    fn map<U>(self, shown: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::It(tip, it) => Seen::It(tip, shown(it)),
            Self::None(tip) => Seen::None(tip),
            Self::NotPermitted => Seen::NotPermitted,
        }
    }

    /// Reads on, if there is something to see.
    fn and_then<U>(self, read: impl FnOnce(T) -> Result<(Tip, U), StoreError>) -> Result<Seen<U>, StoreError> {
        Ok(match self {
            Self::It(_, it) => {
                let (tip, more) = read(it)?;
                Seen::It(tip, more)
            }
            Self::None(tip) => Seen::None(tip),
            Self::NotPermitted => Seen::NotPermitted,
        })
    }
}

fn look(reader: &Reader, id: PurseId, key: &PublicKey) -> Result<Seen<PurseView>, StoreError> {
    let (tip, found) = reader.purse(id)?;
    let Some(view) = found else {
        let told = is_participants(reader, key)? || serves(reader, key)?.is_some();
        return Ok(if told { Seen::None(tip) } else { Seen::NotPermitted });
    };
    Ok(match concerns(reader, &view, key)? {
        true => Seen::It(tip, view),
        false => Seen::NotPermitted,
    })
}

fn concerns(reader: &Reader, purse: &PurseView, key: &PublicKey) -> Result<bool, StoreError> {
    if acts_for(reader, &purse.owner, key)? || serves(reader, key)? == Some(purse.currency) {
        return Ok(true);
    }
    let (_, currency) = reader.currency(purse.currency)?;
    for id in currency.map(|record| record.issuer).into_iter().chain([purse.operator]) {
        if reader.participant(&id)?.is_some_and(|it| it.keys.contains(key)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn answer(api: &Api, id: PurseId, seen: Seen<Answer>) -> Result<HttpResponse, ApiError> {
    let statement = match seen {
        Seen::It(tip, answer) => api.state(&tip, answer),
        Seen::None(tip) => api.state(&tip, Answer::NoPurse(id)),
        Seen::NotPermitted => return Err(ApiError::PurseNotPermitted),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(statement))
}
