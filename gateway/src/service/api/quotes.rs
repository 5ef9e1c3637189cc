//! Quotes: what it would cost to send money to somebody.

use std::{cmp::Ordering, sync::Arc};

use causeway_contracts::{
    identity::Address,
    money::{Amount, Currency},
    settlement::{Rate, SignedQuote},
};
use causeway_wallet::client::maker::{self, QuoteAnswer, QuoteRequest};
use futures::future::join_all;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    money::Money,
    service::{
        call::{Call, Reply},
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            accounts,
            quotes::{self, Quote, QuoteBody},
        },
        views,
    },
    store::StoreError,
};

/// The hold has to be made within what the liquidity provider allows, by a clock that may be behind this one.
const HOLD_MARGIN_SECONDS: u32 = 15;

/// A quote must be good for long enough to be used at all.
const EXPIRY_MARGIN_SECONDS: u64 = 2;

/// A quote without an exchange lasts so long.
const DIRECT_QUOTE_MS: u64 = 60_000;

/// One side of what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SideRequest {
    #[schema(value_type = String, pattern = "^[A-Z0-9]{3,8}$", example = "EUR")]
    pub currency: Currency,
    /// On one of the two sides.
    #[serde(default)]
    #[schema(pattern = r"^[0-9]{1,20}(\.[0-9]{1,8})?$", example = "1000.00")]
    pub value: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteBodyRequest {
    /// From which the money will come.
    #[schema(min_length = 1, max_length = 128)]
    pub account: String,
    /// What is exchanged, without fees.
    pub source: SideRequest,
    /// What arrives.
    pub target: SideRequest,
}

/// What a liquidity provider offers, as far as it goes by the network's rules.
struct Offer {
    maker: String,
    signed: SignedQuote,
    mid: Rate,
    sent: Amount,
    delivered: Amount,
}

impl Offer {
    /// By what arrives for each unit that is paid, fees included.
    fn is_worth(&self, other: &Self) -> Ordering {
        let paid = |offer: &Self| u128::from(offer.sent.0) + u128::from(offer.signed.quote.fee.0);
        // Of an amount above the half of the largest, the product may not fit: then it is not the better one.
        let product = |a: &Self, b: &Self| u128::from(a.delivered.0).saturating_mul(paid(b));
        product(self, other).cmp(&product(other, self))
    }
}

/// A quote
///
/// Asks all liquidity providers, and gives the best: the most that arrives for what is sent, or the least that is sent
/// for what arrives. A quote is used once, by a remittance from this account.
#[utoipa::path(post, path = "/v1/quotes", request_body = QuoteBodyRequest,
    responses((status = 201, body = views::QuoteView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let asked = Asked {
        id: id::named("quote", &call.object),
        client: call.client().id.clone(),
        now_ms: call.now_ms,
    };
    let quote = make(gateway, asked, call.json()?).await?;
    Ok(Reply::created(&views::quote(gateway, &quote, call.now_ms)?))
}

/// Whose new quote it is.
pub struct Asked {
    pub id: String,
    pub client: String,
    pub now_ms: u64,
}

/// Makes it, or gives the one with this id if it was made already.
pub async fn make(gateway: &Gateway, asked: Asked, body: QuoteBodyRequest) -> Result<Quote, Problem> {
    let (client, account, id) = (asked.client.clone(), body.account.clone(), asked.id.clone());
    let known = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            Ok((
                quotes::find(sql, &client, &id)?,
                accounts::find_account(sql, &client, &account)?,
            ))
        })
        .await?;
    let account = match known {
        (Some(quote), _) => return Ok(quote),
        (None, Some(account)) => account,
        (None, None) => {
            let detail = "there is no such account, or it is another client's";
            return Err(Problem::new(Code::PayerAccountUnknown, detail).of("account"));
        }
    };
    let (source, target) = (body.source.currency, body.target.currency);
    let money = |side: &SideRequest, param: &str| {
        let read = side.value.as_ref().map(|value| {
            gateway.exponents.read(&Money {
                value: value.clone(),
                currency: side.currency,
            })
        });
        gateway
            .exponents
            .of(side.currency)
            .and_then(|_| read.transpose())
            .map_err(|fault| Problem::from(fault).of(param))
    };
    let sides = (money(&body.source, "source")?, money(&body.target, "target")?);
    let is_sent = match sides {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        _ => {
            let detail = "exactly one of source.value and target.value is given";
            return Err(Problem::field("source.value", detail));
        }
    };
    let wanted = sides.0.or(sides.1).unwrap_or_default();
    if wanted.is_zero() {
        return Err(Problem::new(Code::AmountInvalid, "the amount is above zero"));
    }
    let mut quote = if source == target {
        QuoteBody {
            created_ms: asked.now_ms,
            account: account.id,
            signed: None,
            maker: None,
            mid: None,
            rate: None,
            source,
            target,
            sent: wanted,
            delivered: wanted,
            maker_fee: Amount(0),
            fee: Amount(0),
            hold_seconds: gateway.config.hold_seconds,
        }
    } else {
        let amount = if is_sent { &body.source } else { &body.target };
        let request = QuoteRequest {
            taker: account
                .address
                .parse()
                .map_err(|error: <Address as std::str::FromStr>::Err| Problem::internal(&error))?,
            sell: source,
            buy: target,
            amount: maker::Money {
                value: amount.value.clone().unwrap_or_default(),
                currency: amount.currency,
            },
        };
        let best = best(gateway, &request, wanted, is_sent).await?;
        let terms = &best.signed.quote;
        QuoteBody {
            created_ms: asked.now_ms,
            account: account.id,
            maker: Some(best.maker),
            mid: Some(best.mid),
            rate: Some(terms.rate),
            source,
            target,
            sent: best.sent,
            delivered: best.delivered,
            maker_fee: terms.fee,
            fee: Amount(0),
            hold_seconds: gateway
                .config
                .hold_seconds
                .min(terms.hold_seconds_max.saturating_sub(HOLD_MARGIN_SECONDS)),
            signed: Some(best.signed),
        }
    };
    let too_large = || Problem::new(Code::AmountInvalid, "with all fees, it is more than the largest amount");
    if let Some(fee) = gateway.fees.get(&source) {
        quote.fee = fee.of(quote.sent).ok_or_else(too_large)?;
    }
    let total = quote.sent.0.checked_add(quote.maker_fee.0);
    total
        .and_then(|sum| sum.checked_add(quote.fee.0))
        .ok_or_else(too_large)?;
    let expires_ms = match &quote.signed {
        Some(signed) => signed.quote.expires_at.0.saturating_mul(1000),
        None => asked.now_ms + DIRECT_QUOTE_MS,
    };
    let quote = Quote {
        id: asked.id,
        client: asked.client,
        used_by: None,
        expires_ms,
        body: quote,
    };
    gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            if quotes::add(sql, &quote)? {
                return Ok(quote);
            }
            // Another attempt at the same has made one meanwhile.
            quotes::find(sql, &quote.client, &quote.id)?.ok_or(StoreError::Changed)
        })
        .await
        .map_err(Problem::from)
}

/// Of all that can be held. Why the others are none, the log says.
async fn best(gateway: &Gateway, request: &QuoteRequest, wanted: Amount, is_sent: bool) -> Result<Offer, Problem> {
    let asked = gateway.config.makers.iter().map(|maker| async move {
        let answer = gateway.ledger.quote(maker, request).await;
        let answer = answer.inspect_err(|error| {
            tracing::info!(maker, error = error.to_string(), "a liquidity provider does not quote");
        });
        let offer = checked(gateway, maker, request, answer.ok()?, wanted, is_sent);
        if offer.is_none() {
            tracing::warn!(maker, "a liquidity provider's quote is not as it was asked for");
        }
        offer
    });
    let offers = join_all(asked).await.into_iter().flatten();
    let best = offers.max_by(|a, b| a.is_worth(b));
    best.ok_or_else(|| {
        let detail = "none of the liquidity providers quotes this now; try another amount, or later";
        Problem::new(Code::NoQuote, detail).later(2)
    })
}

/// What the quote comes to by its own terms, whatever its maker says besides.
fn checked(
    gateway: &Gateway,
    maker: &str,
    request: &QuoteRequest,
    answer: QuoteAnswer,
    wanted: Amount,
    is_sent: bool,
) -> Option<Offer> {
    let signed = answer.quote;
    signed.check().ok()?;
    let terms = &signed.quote;
    let (sell, buy) = (request.sell, request.buy);
    let is_for_this = terms.genesis == gateway.genesis().prefix()
        && (terms.sell, terms.buy) == (sell, buy)
        && terms.taker.is_none_or(|taker| taker == request.taker.account)
        && terms.hold_seconds_max > 2 * HOLD_MARGIN_SECONDS
        && terms.expires_at.0 > gateway.now_ms() / 1000 + EXPIRY_MARGIN_SECONDS;
    let (sold_exponent, bought_exponent) = (gateway.exponents.of(sell).ok()?, gateway.exponents.of(buy).ok()?);
    let sent = match is_sent {
        true => wanted,
        false => terms.rate.sold(wanted, sold_exponent, bought_exponent)?,
    };
    // It is sent exactly: what arrives is then what the ledger will make of it.
    let delivered = terms.rate.bought(sent, sold_exponent, bought_exponent)?;
    let hash = terms.hash();
    let is_good = signed.signed(&hash).all(|signature| signature.verify().is_ok());
    let fits = is_for_this && is_good && (terms.min..=terms.max).contains(&sent) && !delivered.is_zero();
    fits.then_some(Offer {
        maker: maker.to_owned(),
        mid: answer.mid,
        sent,
        delivered,
        signed,
    })
}

/// A quote, as it is now
#[utoipa::path(get, path = "/v1/quotes/{id}", params(("id" = String, Path)),
    responses((status = 200, body = views::QuoteView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| quotes::find(sql, &client, &id))
        .await?;
    let quote = found.ok_or_else(|| Problem::not_found("quote"))?;
    Ok(Reply::ok(&views::quote(gateway, &quote, call.now_ms)?))
}
