//! Orders paid by a card, a tap or a customer's code: the issuer is asked by ISO 8583, and pays on the ledger, or holds the money
//! there.
//!
//! What a request brings of a card is in no table, log, event or problem: only its first six and last four digits are.

use std::sync::Arc;

use causeway_cards::{
    currency,
    iso8583::{Message, MessageType},
};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::merchants::acquiring;
use crate::{
    acquiring::{
        client::{Reversal, Unanswered},
        order::{Capture, NotNow, Order, State},
        preauthorization::Stored,
        purchase::{Entry, Presented, PresentedFault, Purchase},
    },
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        id,
        orders::{
            held, memo,
            views::{self, ATTEMPTS_MAX, AttemptView},
        },
        problem::{Code, Problem},
        records::{
            card_attempts::{self as attempts, Attempt, AttemptBody, AttemptOutcome},
            followed,
            jobs::{self, Kind},
            merchants::{self, Merchant},
            orders,
        },
    },
    store::{Sql, StoreError},
};

/// From when it is written down until its reversal is.
const BEGUN_MS: u64 = 30_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardRequest {
    pub entry: CardEntry,
    /// Tag 57 in hexadecimal, or its digits with `=` after the number.
    #[schema(min_length = 20, max_length = 38, pattern = "^[0-9]{12,19}[=Dd][0-9]{7,24}[Ff]?$")]
    pub track2: String,
    /// Data objects for field 55, in hexadecimal.
    #[schema(min_length = 4, max_length = 510, pattern = "^([0-9A-Fa-f]{2})+$")]
    pub chip: String,
    /// Of the order's merchant; the order's, if it is absent.
    #[serde(default)]
    pub terminal: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CardEntry {
    Tap,
    Chip,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresentRequest {
    /// What the customer shows: the code's text (EMVCo QR, consumer-presented).
    #[schema(min_length = 8, max_length = 700, pattern = "^[A-Za-z0-9+/=]+$")]
    pub code: String,
    /// Of the order's merchant; the order's, if it is absent.
    #[serde(default)]
    pub terminal: Option<String>,
}

fn card_request(call: &Call) -> Result<CardRequest, Problem> {
    call.secret_json("the texts entry (tap or chip), track2, chip and perhaps terminal")
}

fn present_request(call: &Call) -> Result<PresentRequest, Problem> {
    call.secret_json("the texts code and perhaps terminal")
}

fn card(request: CardRequest) -> Result<(Presented, Option<String>), Problem> {
    let (track, chip) = (Zeroizing::new(request.track2), Zeroizing::new(request.chip));
    let entry = match request.entry {
        CardEntry::Tap => Entry::Tap,
        CardEntry::Chip => Entry::Chip,
    };
    let read = Presented::card(entry, &track, &chip);
    Ok((read.map_err(not_presented)?, request.terminal))
}

fn present(request: PresentRequest) -> Result<(Presented, Option<String>), Problem> {
    let code = Zeroizing::new(request.code);
    Ok((Presented::code(&code).map_err(not_presented)?, request.terminal))
}

fn not_presented(fault: PresentedFault) -> Problem {
    let field = match fault {
        PresentedFault::Track => "track2",
        PresentedFault::Chip => "chip",
        PresentedFault::Code => "code",
    };
    Problem::field(field, fault.to_string())
}

pub fn check_card(call: &Call) -> Result<(), Problem> {
    card_request(call).and_then(card).map(drop)
}

pub fn check_present(call: &Call) -> Result<(), Problem> {
    present_request(call).and_then(present).map(drop)
}

/// Pays it by a card or a tap
///
/// The card's issuer is asked once. `approved` tells the terminal; the order is paid when the ledger's payment is booked, or, if its
/// `capture` is `manual`, authorized when the ledger's hold is. After `unknown`, what may have been paid or held is taken back by itself.
#[utoipa::path(post, path = "/v1/orders/{id}/card", params(("id" = String, Path)), request_body = CardRequest,
    responses((status = 200, body = AttemptView)))]
pub async fn by_card(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (presented, terminal) = card(card_request(call)?)?;
    pay(gateway, call, presented, terminal).await
}

/// Pays it by the code that a customer shows
///
/// As by a card.
#[utoipa::path(post, path = "/v1/orders/{id}/present", params(("id" = String, Path)), request_body = PresentRequest,
    responses((status = 200, body = AttemptView)))]
pub async fn by_code(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (presented, terminal) = present(present_request(call)?)?;
    pay(gateway, call, presented, terminal).await
}

struct Asked {
    id: String,
    order: String,
    client: String,
    terminal: Option<String>,
    presented: Presented,
    now_ms: u64,
}

enum Begun {
    /// The same request has begun it before.
    Before(Attempt),
    Now(Attempt, Box<Message>),
}

async fn pay(
    gateway: &Arc<Gateway>,
    call: &Call,
    presented: Presented,
    terminal: Option<String>,
) -> Result<Reply, Problem> {
    let asked = Asked {
        id: id::named("att", &call.object),
        order: call.parameter("id").to_owned(),
        client: call.client().id.clone(),
        terminal,
        presented,
        now_ms: call.now_ms,
    };
    let shared = Arc::clone(gateway);
    let begun = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| begin(&shared, sql, asked))
        .await?;
    let attempt = match begun {
        Begun::Before(attempt) => attempt,
        Begun::Now(attempt, message) => {
            // It is brought to its end though nobody waits for it.
            let asking = tokio::spawn(ask(Arc::clone(gateway), attempt, *message));
            asking.await.map_err(|error| Problem::internal(&error))??
        }
    };
    Ok(Reply::ok(&views::attempt(&attempt)))
}

fn begin(gateway: &Gateway, sql: &mut dyn Sql, asked: Asked) -> Result<Begun, ChangeError> {
    let order = orders::locked(sql, &asked.order)?.filter(|order| order.client == asked.client);
    let order = order.ok_or_else(|| Problem::not_found("order"))?;
    if let Some(known) = attempts::any(sql, &asked.id)? {
        return Ok(Begun::Before(known));
    }
    acquiring(gateway)?;
    let merchant = merchants::any(sql, &order.merchant)?.ok_or(StoreError::Changed)?;
    let currency = payable(gateway, sql, &order, &merchant, &asked)?;
    let route = gateway.card_routes.of(asked.presented.pan.digits()).ok_or_else(|| {
        let detail = "no issuer of the configuration (acquiring.routes) answers for a number that begins so";
        Problem::new(Code::NoCardRoute, detail)
    })?;
    let terminal = terminal(sql, &order, asked.terminal)?;
    let trace = attempts::next_trace(sql, &route.name)?;
    let purchase = Purchase {
        message_type: match order.capture {
            Capture::Automatic => MessageType::FINANCIAL,
            Capture::Manual => MessageType::AUTHORIZATION,
        },
        amount: order.amount,
        currency,
        memo: &memo(&order.id),
        trace,
        acquirer_id: &route.acquirer_id,
        category: &merchant.body.category,
        terminal: terminal.as_deref(),
        acceptor: &merchant.body.acceptor,
        name: &merchant.body.name,
        city: &merchant.body.city,
        country: &merchant.body.country,
        now_ms: asked.now_ms,
    };
    let (message, rrn) = purchase
        .message(&asked.presented)
        .map_err(|error| Problem::internal(&error))?;
    let reversal = Reversal::of(&message).ok_or(StoreError::Changed)?;
    let undo = match order.capture {
        Capture::Automatic => None,
        Capture::Manual => Stored::of(&message).map(|stored| hex::encode(stored.to_bytes())),
    };
    let attempt = Attempt {
        id: asked.id,
        order: order.id,
        route: route.name.clone(),
        key: reversal.key().to_owned(),
        created_ms: asked.now_ms,
        outcome: None,
        undone_ms: None,
        body: AttemptBody {
            rrn,
            trace: format!("{trace:06}"),
            amount: order.amount,
            masked: asked.presented.pan.masked(),
            code: None,
            approval: None,
            undo,
        },
    };
    attempts::add(sql, &attempt)?;
    if attempt.body.undo.is_some() {
        let given_up_ms = asked.now_ms + route.answer_ms + BEGUN_MS;
        jobs::kick(sql, Kind::CardAdvice, &attempt.id, given_up_ms)?;
    }
    Ok(Begun::Now(attempt, Box::new(message)))
}

/// That the order waits for just this payment. Gives its currency's digits.
fn payable(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &Order,
    merchant: &Merchant,
    asked: &Asked,
) -> Result<&'static str, ChangeError> {
    if order.state != State::Created {
        return Err(Problem::from(NotNow { state: order.state }).into());
    }
    if order.expires_ms <= asked.now_ms {
        let problem = Problem::new(Code::OrderState, "the order's time is over; make another");
        return Err(problem
            .with(serde_json::json!({ "state": order.state.as_str() }))
            .into());
    }
    if merchant.suspended {
        let detail = "the operator has suspended the merchant, and can resume it";
        return Err(Problem::new(Code::MerchantSuspended, detail).into());
    }
    let not_by_card = |detail: &str| ChangeError::from(Problem::new(Code::NotByCard, detail));
    if order.pay_to != gateway.account_of(gateway.us()) {
        return Err(not_by_card(
            "cards pay to the operator's own account, and this merchant's orders are paid to another",
        ));
    }
    let currency = currency::numeric(order.currency.as_str())
        .ok_or_else(|| not_by_card("the order's currency has no number in ISO 4217, which cards pay in"))?;
    if order.amount.0 > 999_999_999_999 {
        return Err(not_by_card("a card pays amounts of at most 12 digits"));
    }
    let agreed = asked.presented.check(order.amount, order.currency);
    agreed.map_err(|fault| Problem::new(Code::OtherCardPayment, fault.to_string()))?;
    let tried = attempts::locked_of_order(sql, &order.id, ATTEMPTS_MAX)?;
    if tried.len() == ATTEMPTS_MAX {
        let detail = format!("cards were tried {ATTEMPTS_MAX} times for the order; make another");
        return Err(Problem::new(Code::TooMany, detail).into());
    }
    let booked_ms = followed::find(sql)?.map_or(0, |followed| followed.time_ms.0);
    for attempt in &tried {
        let has_begun = attempt.outcome.is_none() && asked.now_ms < attempt.created_ms + BEGUN_MS;
        if has_begun || attempts::is_busy(sql, attempt, booked_ms)? {
            return Err(not_by_card(
                "another payment by card is under way, has been approved, or is being taken back; the order will say what became of it",
            ));
        }
    }
    Ok(currency)
}

/// Its number.
fn terminal(sql: &mut dyn Sql, order: &Order, asked: Option<String>) -> Result<Option<String>, ChangeError> {
    let Some(id) = asked.or_else(|| order.terminal.clone()) else {
        return Ok(None);
    };
    let found = merchants::find_terminal(sql, &order.client, &id)?;
    let found = found.filter(|terminal| terminal.merchant == order.merchant);
    let terminal = found.ok_or_else(|| Problem::field("terminal", "it is a terminal of the order's merchant"))?;
    Ok(Some(terminal.number))
}

/// Asks the issuer, and writes down what became of it.
async fn ask(gateway: Arc<Gateway>, mut attempt: Attempt, message: Message) -> Result<Attempt, Problem> {
    let answer = match gateway.card_routes.link(&attempt.route) {
        Some(link) => link.request(message).await,
        None => Err(Unanswered::NotSignedOn),
    };
    let has_gone = match answer {
        Ok(answer) => {
            attempt.answered(&answer);
            Ok(())
        }
        Err(Unanswered::TimedOut { .. } | Unanswered::Stopped | Unanswered::Unkept(_)) => {
            attempt.outcome = Some(AttemptOutcome::Unknown);
            Ok(())
        }
        Err(unsent) => Err(unsent),
    };
    let (shared, is_unsent) = (Arc::clone(&gateway), has_gone.is_err());
    let write = gateway.store.write::<_, ChangeError, _>(move |sql| {
        if is_unsent {
            attempts::remove(sql, &attempt.id)?;
            return Ok(attempt);
        }
        held::answered(&shared, sql, attempt)
    });
    let attempt = write.await?;
    gateway.wake_card_advices.notify_one();
    gateway.wake_deliveries.notify_one();
    has_gone.map(|()| attempt).map_err(|unsent| {
        tracing::warn!(error = %unsent, "a card's issuer could not be asked");
        let detail = format!("the card's issuer was not asked: {unsent}; try again");
        Problem::new(Code::IssuerUnreachable, detail)
    })
}
