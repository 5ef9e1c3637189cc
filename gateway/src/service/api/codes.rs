//! Payment codes as pictures: of orders, and of merchants.

use std::sync::Arc;

use causeway_contracts::money::Currency;
use causeway_wallet::codes::picture::{self, DrawError};
use serde::Deserialize;

use crate::{
    acquiring::order::{Order, State},
    service::{
        call::{Call, Reply},
        context::Gateway,
        orders::{code, walk_in},
        problem::{Code, Problem},
        records::{
            merchants::{self, Merchant, MerchantStore},
            orders,
        },
    },
    store::StoreError,
};

/// What a code is sent as.
#[derive(Debug, Clone, Copy)]
enum Form {
    Svg,
    Png,
    Text,
}

impl Form {
    fn reply(self, text: &str) -> Result<Reply, Problem> {
        let internal = |error: DrawError| Problem::internal(&error);
        Ok(match self {
            Self::Svg => {
                let mut reply = Reply::of("image/svg+xml", picture::svg(text).map_err(internal)?);
                let policy = "default-src 'none'; frame-ancestors 'none'".to_owned();
                reply.headers.push(("content-security-policy", policy));
                reply
            }
            Self::Png => Reply::of("image/png", picture::png(text).map_err(internal)?),
            Self::Text => Reply::of("text/plain; charset=utf-8", text),
        })
    }
}

/// Of an order that can be paid.
pub fn of_payable(gateway: &Gateway, merchant: &Merchant, order: &Order) -> Result<String, Problem> {
    if order.state != State::Created {
        let detail = format!(
            "the order is {}, and has a code only until it is paid or over",
            order.state
        );
        let state = serde_json::json!({ "state": order.state.as_str() });
        return Err(Problem::new(Code::OrderState, detail).with(state));
    }
    not_suspended(merchant)?;
    code::of_order(gateway, merchant, order).ok_or_else(no_number)
}

fn not_suspended(merchant: &Merchant) -> Result<(), Problem> {
    let detail = "the operator has suspended the merchant, and can resume it";
    match merchant.suspended {
        true => Err(Problem::new(Code::MerchantSuspended, detail)),
        false => Ok(()),
    }
}

fn no_number() -> Problem {
    let detail = "there is no code: the currency has no number in ISO 4217, so that no code can say it";
    Problem::new(Code::NotFound, detail)
}

async fn of_order(gateway: &Gateway, call: &Call, form: Form) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let Some(order) = orders::find(sql, &client, &id)? else {
                return Ok(None);
            };
            let merchant = merchants::any(sql, &order.merchant)?.ok_or(StoreError::Changed)?;
            Ok(Some((order, merchant)))
        })
        .await?;
    let (order, merchant) = found.ok_or_else(|| Problem::not_found("order"))?;
    form.reply(&of_payable(gateway, &merchant, &order)?)
}

/// An order's code as a picture
///
/// SVG, with its quiet zone: for a screen, or for printing. Only until the order is paid or over.
#[utoipa::path(get, path = "/v1/orders/{id}/code.svg", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "image/svg+xml")))]
pub async fn order_svg(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    of_order(gateway, call, Form::Svg).await
}

/// An order's code as a picture of pixels
///
/// PNG, with its quiet zone. Only until the order is paid or over.
#[utoipa::path(get, path = "/v1/orders/{id}/code.png", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "image/png")))]
pub async fn order_png(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    of_order(gateway, call, Form::Png).await
}

/// The code on an order's page, for whoever has its address.
pub async fn checkout_svg(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let found = super::checkout::find(gateway, call.parameter("token")).await?;
    let (order, merchant) = found.ok_or_else(|| Problem::not_found("page"))?;
    Form::Svg.reply(&of_payable(gateway, &merchant, &order)?)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CodeQuery {
    /// In which the payer pays.
    #[param(value_type = String, pattern = "^[A-Z]{3}$")]
    currency: Currency,
    /// One of the merchant's, which the code names too.
    #[serde(default)]
    #[param(max_length = 64)]
    store: Option<String>,
}

async fn of_merchant(gateway: &Arc<Gateway>, call: &Call, form: Form) -> Result<Reply, Problem> {
    let merchant = super::merchants::find(gateway, call.client().id.clone(), call.parameter("id").to_owned()).await?;
    let query: CodeQuery = call.query()?;
    gateway
        .exponents
        .of(query.currency)
        .map_err(|fault| Problem::from(fault).of("currency"))?;
    not_suspended(&merchant)?;
    let store = match query.store {
        Some(id) => Some(store_of(gateway, &merchant, id).await?),
        None => None,
    };
    let shared = Arc::clone(gateway);
    let text = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let pay_to = walk_in::pay_to(&shared, sql, &merchant)?;
            Ok(code::of_merchant(
                &shared,
                &merchant,
                store.as_ref(),
                pay_to,
                query.currency,
            ))
        })
        .await?;
    form.reply(&text.ok_or_else(no_number)?)
}

async fn store_of(gateway: &Gateway, merchant: &Merchant, id: String) -> Result<MerchantStore, Problem> {
    let client = merchant.client.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| merchants::find_store(sql, &client, &id))
        .await?;
    let found = found.filter(|store| store.merchant == merchant.id);
    found.ok_or_else(|| Problem::field("store", "it is a store of the merchant's"))
}

/// A merchant's code as a picture
///
/// SVG, to be printed and paid any number of times; the payer enters the amount. Each payment makes an order.
#[utoipa::path(get, path = "/v1/merchants/{id}/code.svg", params(("id" = String, Path), CodeQuery),
    responses((status = 200, body = String, content_type = "image/svg+xml")))]
pub async fn merchant_svg(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    of_merchant(gateway, call, Form::Svg).await
}

/// A merchant's code as a picture of pixels
///
/// PNG, of the same code as `code.svg`.
#[utoipa::path(get, path = "/v1/merchants/{id}/code.png", params(("id" = String, Path), CodeQuery),
    responses((status = 200, body = Vec<u8>, content_type = "image/png")))]
pub async fn merchant_png(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    of_merchant(gateway, call, Form::Png).await
}

/// A merchant's code as text
///
/// What the pictures say, for whoever draws them otherwise.
#[utoipa::path(get, path = "/v1/merchants/{id}/code.text", params(("id" = String, Path), CodeQuery),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn merchant_text(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    of_merchant(gateway, call, Form::Text).await
}
