//! Every path of the API, and who may use it: one table, which is also what the tests go through.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{
    api::{
        accounts, aliases, bulk, captures, card_payments, card_routes, cards, checkout, codes, customers, disputes,
        entries, events, merchants, messages, network, orders, quotes, remittances, settlements, statements, strays,
        terms, tokens, track, webhooks,
    },
    call::{Call, Reply},
    context::Gateway,
    problem::Problem,
};
use crate::oauth::Scope;

/// Who may use a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Open,
    /// Clients with this scope.
    Client(Scope),
    /// Other operators.
    Operator,
}

pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + 'a>>;

/// A path, one way to use it, and what answers.
pub struct Route {
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: &'static str,
    pub access: Access,
    /// Whether it asks for an `Idempotency-Key`.
    pub idempotent: bool,
    pub body_bytes_max: usize,
    /// What a request must be before its key counts.
    pub check: fn(&Call) -> Result<(), Problem>,
    pub handler: for<'a> fn(&'a Arc<Gateway>, &'a Call) -> Answer<'a>,
}

/// Of most bodies.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

macro_rules! handler {
    ($handler:path) => {
        |gateway, call| Box::pin($handler(gateway, call))
    };
}

macro_rules! get {
    ($path:literal, $access:expr, $handler:path) => {
        Route {
            method: "GET",
            path: $path,
            access: $access,
            idempotent: false,
            body_bytes_max: 0,
            check: |_| Ok(()),
            handler: handler!($handler),
        }
    };
}

macro_rules! post {
    ($path:literal, $scope:ident, $body:ty, $handler:path) => {
        Route {
            method: "POST",
            path: $path,
            access: Access::Client(Scope::$scope),
            idempotent: true,
            body_bytes_max: BODY_BYTES_MAX,
            check: |call| call.json::<$body>().map(drop),
            handler: handler!($handler),
        }
    };
}

macro_rules! operators {
    ($path:literal, $handler:path) => {
        Route {
            method: "POST",
            path: $path,
            access: Access::Operator,
            idempotent: false,
            body_bytes_max: BODY_BYTES_MAX,
            check: |_| Ok(()),
            handler: handler!($handler),
        }
    };
}

use remittances::{AnswersRequest, ComplianceRequest, NothingRequest, PayOutRequest, ReasonRequest, RemittanceRequest};

pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/oauth/token",
        access: Access::Open,
        idempotent: false,
        body_bytes_max: BODY_BYTES_MAX,
        check: |_| Ok(()),
        handler: handler!(tokens::token),
    },
    get!("/.well-known/jwks.json", Access::Open, tokens::jwks),
    get!(
        "/.well-known/oauth-authorization-server",
        Access::Open,
        tokens::metadata
    ),
    get!("/openapi.json", Access::Open, super::openapi::document),
    get!("/docs", Access::Open, super::openapi::page),
    get!("/health", Access::Open, super::openapi::health),
    get!("/track/{token}", Access::Open, track::page),
    get!("/track/{token}/proof", Access::Open, track::proof),
    get!("/checkout/{token}", Access::Open, checkout::page),
    get!("/checkout/{token}/events", Access::Open, checkout::events),
    get!("/checkout/{token}/receipt", Access::Open, checkout::receipt),
    get!("/checkout/{token}/code.svg", Access::Open, codes::checkout_svg),
    post!("/v1/quotes", QuotesWrite, quotes::QuoteBodyRequest, quotes::create),
    get!("/v1/quotes/{id}", Access::Client(Scope::QuotesWrite), quotes::get),
    post!(
        "/v1/remittances",
        RemittancesWrite,
        RemittanceRequest,
        remittances::create
    ),
    get!(
        "/v1/remittances",
        Access::Client(Scope::RemittancesRead),
        remittances::list
    ),
    get!(
        "/v1/remittances/{id}",
        Access::Client(Scope::RemittancesRead),
        remittances::get
    ),
    post!(
        "/v1/remittances/{id}/cancel",
        RemittancesWrite,
        ReasonRequest,
        remittances::cancel
    ),
    post!(
        "/v1/remittances/{id}/answers",
        RemittancesWrite,
        AnswersRequest,
        remittances::answers
    ),
    post!(
        "/v1/remittances/{id}/accept",
        RemittancesAccept,
        NothingRequest,
        remittances::accept
    ),
    post!(
        "/v1/remittances/{id}/refuse",
        RemittancesAccept,
        ReasonRequest,
        remittances::refuse
    ),
    post!(
        "/v1/remittances/{id}/question",
        RemittancesAccept,
        crate::remittance::fact::Question,
        remittances::question
    ),
    post!(
        "/v1/remittances/{id}/payout",
        RemittancesAccept,
        PayOutRequest,
        remittances::payout
    ),
    post!(
        "/v1/remittances/{id}/compliance",
        Admin,
        ComplianceRequest,
        remittances::compliance
    ),
    get!(
        "/v1/remittances/{id}/messages",
        Access::Client(Scope::RemittancesRead),
        messages::list
    ),
    get!(
        "/v1/remittances/{id}/messages/{number}",
        Access::Client(Scope::RemittancesRead),
        messages::get
    ),
    Route {
        method: "POST",
        path: "/v1/iso20022/messages",
        access: Access::Client(Scope::Iso20022Write),
        idempotent: false,
        body_bytes_max: crate::iso20022::xml::limits::DOCUMENT_BYTES_MAX,
        check: |_| Ok(()),
        handler: handler!(messages::create),
    },
    Route {
        method: "POST",
        path: "/v1/bulk",
        access: Access::Client(Scope::OrdersWrite),
        idempotent: true,
        body_bytes_max: super::bulk::BODY_BYTES_MAX,
        check: bulk::check,
        handler: handler!(bulk::create),
    },
    get!("/v1/bulk/{id}", Access::Client(Scope::OrdersRead), bulk::get),
    get!("/v1/bulk/{id}/lines", Access::Client(Scope::OrdersRead), bulk::lines),
    post!(
        "/v1/merchants",
        MerchantsWrite,
        merchants::MerchantRequest,
        merchants::create
    ),
    get!("/v1/merchants", Access::Client(Scope::MerchantsWrite), merchants::list),
    get!(
        "/v1/merchants/{id}",
        Access::Client(Scope::MerchantsWrite),
        merchants::get
    ),
    get!(
        "/v1/merchants/{id}/code.svg",
        Access::Client(Scope::MerchantsWrite),
        codes::merchant_svg
    ),
    get!(
        "/v1/merchants/{id}/code.png",
        Access::Client(Scope::MerchantsWrite),
        codes::merchant_png
    ),
    get!(
        "/v1/merchants/{id}/code.text",
        Access::Client(Scope::MerchantsWrite),
        codes::merchant_text
    ),
    post!("/v1/merchants/{id}/suspend", Admin, NothingRequest, merchants::suspend),
    post!("/v1/merchants/{id}/resume", Admin, NothingRequest, merchants::resume),
    Route {
        method: "PUT",
        idempotent: false,
        ..post!(
            "/v1/merchants/{id}/terms",
            MerchantsWrite,
            terms::TermsRequest,
            terms::put
        )
    },
    post!(
        "/v1/merchants/{id}/settle",
        Admin,
        NothingRequest,
        settlements::settle_now
    ),
    get!("/v1/settlements", Access::Client(Scope::OrdersRead), settlements::list),
    get!(
        "/v1/settlements/{id}",
        Access::Client(Scope::OrdersRead),
        settlements::get
    ),
    get!(
        "/v1/settlements/{id}/file.csv",
        Access::Client(Scope::OrdersRead),
        settlements::file
    ),
    get!(
        "/v1/settlements/{id}/camt053",
        Access::Client(Scope::OrdersRead),
        settlements::camt053
    ),
    post!(
        "/v1/settlements/{id}/redirect",
        Admin,
        NothingRequest,
        settlements::redirect
    ),
    post!(
        "/v1/merchants/{id}/stores",
        MerchantsWrite,
        merchants::StoreRequest,
        merchants::create_store
    ),
    get!(
        "/v1/merchants/{id}/stores",
        Access::Client(Scope::MerchantsWrite),
        merchants::stores
    ),
    post!(
        "/v1/stores/{id}/terminals",
        MerchantsWrite,
        merchants::TerminalRequest,
        merchants::create_terminal
    ),
    get!(
        "/v1/stores/{id}/terminals",
        Access::Client(Scope::MerchantsWrite),
        merchants::terminals
    ),
    post!("/v1/orders", OrdersWrite, orders::OrderRequest, orders::create),
    get!("/v1/orders", Access::Client(Scope::OrdersRead), orders::list),
    get!("/v1/orders/{id}", Access::Client(Scope::OrdersRead), orders::get),
    get!(
        "/v1/orders/{id}/code.svg",
        Access::Client(Scope::OrdersRead),
        codes::order_svg
    ),
    get!(
        "/v1/orders/{id}/code.png",
        Access::Client(Scope::OrdersRead),
        codes::order_png
    ),
    post!("/v1/orders/{id}/cancel", OrdersWrite, NothingRequest, orders::cancel),
    post!(
        "/v1/orders/{id}/refunds",
        OrdersWrite,
        orders::RefundRequest,
        orders::refund
    ),
    Route {
        check: card_payments::check_card,
        ..post!(
            "/v1/orders/{id}/card",
            OrdersWrite,
            card_payments::CardRequest,
            card_payments::by_card
        )
    },
    Route {
        check: card_payments::check_present,
        ..post!(
            "/v1/orders/{id}/present",
            OrdersWrite,
            card_payments::PresentRequest,
            card_payments::by_code
        )
    },
    post!(
        "/v1/orders/{id}/capture",
        OrdersWrite,
        captures::CaptureRequest,
        captures::capture
    ),
    post!("/v1/orders/{id}/void", OrdersWrite, NothingRequest, captures::void),
    post!("/v1/cards", CardsWrite, cards::CardRequest, cards::create),
    get!("/v1/cards", Access::Client(Scope::CardsRead), cards::list),
    get!("/v1/cards/{id}", Access::Client(Scope::CardsRead), cards::get),
    post!("/v1/cards/{id}/block", CardsWrite, NothingRequest, cards::block),
    post!("/v1/cards/{id}/unblock", CardsWrite, NothingRequest, cards::unblock),
    post!("/v1/cards/{id}/lost", CardsWrite, cards::LostRequest, cards::lost),
    // A fingerprint of a body with a PIN in it would tell the PIN.
    Route {
        idempotent: false,
        check: cards::secrets::check_pin,
        ..post!(
            "/v1/cards/{id}/pin",
            CardsWrite,
            cards::secrets::PinRequest,
            cards::secrets::pin
        )
    },
    Route {
        idempotent: false,
        ..post!(
            "/v1/cards/{id}/reveal",
            CardsReveal,
            NothingRequest,
            cards::secrets::reveal
        )
    },
    post!(
        "/v1/cards/{id}/devices",
        CardsWrite,
        NothingRequest,
        cards::devices::provision
    ),
    post!(
        "/v1/devices/{id}/keys",
        CardsWrite,
        NothingRequest,
        cards::devices::keys
    ),
    post!(
        "/v1/devices/{id}/block",
        CardsWrite,
        NothingRequest,
        cards::devices::block
    ),
    post!(
        "/v1/orders/{id}/disputes",
        Admin,
        disputes::DisputeRequest,
        disputes::create
    ),
    get!("/v1/disputes", Access::Client(Scope::OrdersRead), disputes::list),
    get!("/v1/disputes/{id}", Access::Client(Scope::OrdersRead), disputes::get),
    post!("/v1/disputes/{id}/accept", Admin, NothingRequest, disputes::accept),
    post!("/v1/disputes/{id}/reject", Admin, NothingRequest, disputes::reject),
    post!("/v1/disputes/{id}/withdraw", Admin, NothingRequest, disputes::withdraw),
    get!("/v1/strays", Access::Client(Scope::Admin), strays::list),
    post!("/v1/strays/{id}/return", Admin, NothingRequest, strays::send_back),
    post!(
        "/v1/card-routes/{name}/mac-key",
        Admin,
        NothingRequest,
        card_routes::change_mac_key
    ),
    post!(
        "/v1/customers",
        CustomersWrite,
        customers::CustomerRequest,
        customers::create
    ),
    get!("/v1/customers", Access::Client(Scope::CustomersWrite), customers::list),
    get!(
        "/v1/customers/{id}",
        Access::Client(Scope::CustomersWrite),
        customers::get
    ),
    get!("/v1/accounts", Access::Client(Scope::AccountsRead), accounts::list),
    get!("/v1/accounts/{id}", Access::Client(Scope::AccountsRead), accounts::get),
    get!(
        "/v1/accounts/{id}/entries",
        Access::Client(Scope::AccountsRead),
        entries::list
    ),
    get!(
        "/v1/accounts/{id}/statement",
        Access::Client(Scope::AccountsRead),
        statements::statement
    ),
    get!(
        "/v1/accounts/{id}/notifications/{entry}",
        Access::Client(Scope::AccountsRead),
        statements::notification
    ),
    Route {
        idempotent: false,
        ..post!(
            "/v1/aliases/resolve",
            AliasesRead,
            aliases::ResolveRequest,
            aliases::resolve
        )
    },
    get!("/v1/events", Access::Client(Scope::EventsRead), events::list),
    get!("/v1/events/{id}", Access::Client(Scope::EventsRead), events::get),
    post!("/v1/events/{id}/resend", WebhooksWrite, NothingRequest, events::resend),
    post!(
        "/v1/webhooks",
        WebhooksWrite,
        webhooks::WebhookRequest,
        webhooks::create
    ),
    get!("/v1/webhooks", Access::Client(Scope::WebhooksWrite), webhooks::list),
    Route {
        method: "DELETE",
        ..get!(
            "/v1/webhooks/{id}",
            Access::Client(Scope::WebhooksWrite),
            webhooks::remove
        )
    },
    post!(
        "/v1/webhooks/{id}/rotate",
        WebhooksWrite,
        NothingRequest,
        webhooks::rotate
    ),
    get!(
        "/v1/webhooks/{id}/deliveries",
        Access::Client(Scope::WebhooksWrite),
        webhooks::deliveries
    ),
    operators!("/v1/network/aliases/resolve", network::resolve),
    operators!("/v1/network/remittances", network::introduce),
    operators!("/v1/network/remittances/{uetr}/{side}/facts", network::told),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The table, to be read: who may do what.
    #[test]
    fn every_route_says_who_may_use_it() {
        let line = |route: &Route| {
            let access = match route.access {
                Access::Open => "anyone".to_owned(),
                Access::Client(scope) => scope.to_string(),
                Access::Operator => "operators".to_owned(),
            };
            let key = if route.idempotent { ", with a key" } else { "" };
            format!("{} {}: {access}{key}", route.method, route.path)
        };
        let table: Vec<_> = ROUTES.iter().map(line).collect();
        let expected = include_str!("routes.txt");
        assert_eq!(table.join("\n"), expected.trim_end());
    }

    #[test]
    fn nothing_that_changes_anything_is_open() {
        for route in ROUTES {
            let changes = route.method != "GET" && route.path != "/oauth/token";
            assert!(
                !changes || route.access != Access::Open,
                "{} {}",
                route.method,
                route.path
            );
        }
    }
}
