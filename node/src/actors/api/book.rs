//! Books of offers, and the best way through them, for anyone. Advice, and no statement: a payment through books
//! names its bound, and the ledger keeps to it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Path},
};
use causeway_contracts::{
    api::{BookView, OfferView, PathView, Problem},
    money::{Amount, Currency},
    settlement::{
        PathAmount,
        path::{self, Books, Plan},
    },
};
use serde::Deserialize;

use super::{context::Api, error::ApiError, routes::query};
use crate::store::{Reader, StoreError, StoredBooks};

/// The offers of one book
///
/// Those that sell one currency for another, at most 128, the best for whoever takes it first. Makers are not named.
#[utoipa::path(
    get,
    path = "/v1/books/{sell}/{buy}",
    params(
        ("sell" = Currency, Path, description = "What the offers sell"),
        ("buy" = Currency, Path, description = "What they want for it"),
    ),
    responses(
        (status = 200, body = BookView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a currency code."),
    ),
)]
pub(super) async fn book(api: web::Data<Api>, codes: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let sell: Currency = codes.0.parse().map_err(ApiError::Currency)?;
    let buy: Currency = codes.1.parse().map_err(ApiError::Currency)?;
    let books = api.read(move |reader| reader.book(sell, buy)).await?;
    let offers = books.offers(sell, buy).map(|offer| OfferView {
        id: offer.id,
        rate: offer.rate,
        amount: offer.amount,
        min_fill: offer.min_fill,
    });
    Ok(HttpResponse::Ok().json(BookView {
        height: books.height(),
        sell,
        buy,
        offers: offers.collect(),
    }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PathQuery {
    /// What is paid.
    #[param(value_type = Currency)]
    from: Currency,
    /// What arrives.
    #[param(value_type = Currency)]
    to: Currency,
    /// How much is paid, in minor units; or else `deliver`.
    #[serde(default)]
    #[param(value_type = Option<Amount>, required = false)]
    send: Option<Amount>,
    /// How much arrives, in minor units.
    #[serde(default)]
    #[param(value_type = Option<Amount>, required = false)]
    deliver: Option<Amount>,
}

/// The best path for a payment
///
/// Through at most four books: by which most arrives, or least is paid. `path` is empty if there is none.
#[utoipa::path(
    get,
    path = "/v1/paths",
    params(PathQuery),
    responses(
        (status = 200, body = PathView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is missing or wrong."),
    ),
)]
pub(super) async fn path(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let PathQuery {
        from,
        to,
        send,
        deliver,
    } = query(&request, "from, to, and send or deliver")?;
    let amount = match (send, deliver) {
        (Some(send), None) => PathAmount::SendExact {
            send,
            deliver_min: Amount::ZERO,
        },
        (None, Some(deliver)) => PathAmount::DeliverExact {
            deliver,
            send_max: Amount(u64::MAX),
        },
        _ => return Err(ApiError::PathAmount),
    };
    let found = api.read(move |reader| best(reader, (from, to), amount)).await?;
    Ok(HttpResponse::Ok().json(found))
}

fn best(reader: &Reader, ends: (Currency, Currency), amount: PathAmount) -> Result<PathView, StoreError> {
    let books: StoredBooks = reader.books()?;
    let path = path::find(&books, &books.currencies(), ends, amount);
    let planned = path.and_then(|path| Some((path::plan(&books, &path, amount).ok()?, path)));
    let (Plan { sent, delivered, .. }, path) = planned.unwrap_or_default();
    Ok(PathView {
        height: books.height(),
        path,
        sent,
        delivered,
    })
}
