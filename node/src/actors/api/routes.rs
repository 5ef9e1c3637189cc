//! Which path is answered by whom.

use actix_web::{HttpRequest, HttpResponse, Route, guard, web};
use serde::de::DeserializeOwned;

use super::{account, book, contract, error::ApiError, metrics, public, purse, receipt, stream, submit};

/// What never changes may be kept for a year.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A path and the one way to use it.
pub(super) struct Endpoint {
    pub path: &'static str,
    /// The methods it takes.
    pub allow: &'static str,
    pub route: fn() -> Route,
}

const GET: &str = "GET, HEAD";

pub(super) const API: &[Endpoint] = &[
    Endpoint {
        path: "/",
        allow: GET,
        route: || get().to(public::index),
    },
    Endpoint {
        path: "/openapi.json",
        allow: GET,
        route: || get().to(public::openapi),
    },
    Endpoint {
        path: "/health",
        allow: GET,
        route: || get().to(public::health),
    },
    Endpoint {
        path: "/v1/status",
        allow: GET,
        route: || get().to(public::status),
    },
    Endpoint {
        path: "/v1/transactions",
        allow: "POST",
        route: || web::post().to(submit::submit),
    },
    Endpoint {
        path: "/v1/transactions/{id}",
        allow: GET,
        route: || get().to(receipt::transaction),
    },
    Endpoint {
        path: "/v1/receipts/{id}",
        allow: GET,
        route: || get().to(receipt::receipt),
    },
    Endpoint {
        path: "/v1/accounts/{address}",
        allow: GET,
        route: || get().to(account::account),
    },
    Endpoint {
        path: "/v1/accounts/{address}/contracts",
        allow: GET,
        route: || get().to(contract::contracts),
    },
    Endpoint {
        path: "/v1/contracts/{id}",
        allow: GET,
        route: || get().to(contract::contract),
    },
    Endpoint {
        path: "/v1/books/{sell}/{buy}",
        allow: GET,
        route: || get().to(book::book),
    },
    Endpoint {
        path: "/v1/paths",
        allow: GET,
        route: || get().to(book::path),
    },
    Endpoint {
        path: "/v1/rates/{from}/{to}",
        allow: GET,
        route: || get().to(contract::reference_rate),
    },
    Endpoint {
        path: "/v1/purses/currencies/{code}",
        allow: GET,
        route: || get().to(purse::currency),
    },
    Endpoint {
        path: "/v1/purses/currencies/{code}/revocations",
        allow: GET,
        route: || get().to(purse::revocations),
    },
    Endpoint {
        path: "/v1/purses/{id}",
        allow: GET,
        route: || get().to(purse::purse),
    },
    Endpoint {
        path: "/v1/purses/{id}/loads/{counter}",
        allow: GET,
        route: || get().to(purse::load),
    },
    Endpoint {
        path: "/v1/purses/{id}/spent/{seq}",
        allow: GET,
        route: || get().to(purse::spent),
    },
    Endpoint {
        path: "/v1/currencies",
        allow: GET,
        route: || get().to(public::currencies),
    },
    Endpoint {
        path: "/v1/currencies/{code}",
        allow: GET,
        route: || get().to(public::currency),
    },
    Endpoint {
        path: "/v1/blocks/{height}",
        allow: GET,
        route: || get().to(public::block),
    },
    Endpoint {
        path: "/v1/validators",
        allow: GET,
        route: || get().to(public::validators),
    },
    Endpoint {
        path: "/v1/nodes",
        allow: GET,
        route: || get().to(public::nodes),
    },
    Endpoint {
        path: "/v1/handovers",
        allow: GET,
        route: || get().to(public::handovers),
    },
    Endpoint {
        path: "/v1/evidence",
        allow: GET,
        route: || get().to(public::evidence),
    },
    // No HEAD: its body never ends.
    Endpoint {
        path: "/v1/stream",
        allow: "GET",
        route: || web::get().to(stream::stream),
    },
];

/// Served on an address of its own, which is for operators.
pub(super) const METRICS: &[Endpoint] = &[Endpoint {
    path: "/metrics",
    allow: GET,
    route: || get().to(metrics::metrics),
}];

fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Adds the endpoints, and clear refusals for everything else.
pub(super) fn configure(endpoints: &'static [Endpoint], config: &mut web::ServiceConfig) {
    for &Endpoint { path, allow, route } in endpoints {
        let refuse = move || async move { Err::<HttpResponse, _>(ApiError::Method { allow }) };
        config.service(web::resource(path).route(route()).default_service(web::to(refuse)));
    }
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(ApiError::NoRoute) }));
}

/// Reads a request's query; a parameter that is not known is an error.
pub(super) fn query<T: DeserializeOwned>(request: &HttpRequest, known: &'static str) -> Result<T, ApiError> {
    web::Query::from_query(request.query_string())
        .map(web::Query::into_inner)
        .map_err(|source| ApiError::Query { source, known })
}
