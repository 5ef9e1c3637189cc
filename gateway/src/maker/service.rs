//! `POST /v1/quotes` of a maker, and how it is run.

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix::{Actor, MailboxError, Recipient};
use actix_web::{
    App, HttpResponse, HttpServer, ResponseError,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    error::JsonPayloadError,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, RETRY_AFTER},
    },
    middleware::{Next, from_fn},
    web,
};
use causeway_contracts::{
    api::Problem,
    identity::AddressPrefix,
    money::{Amount, Currency, text::AmountTextError, text::format_amount, text::parse_amount},
    settlement::{Rate, SignedQuote},
};
use causeway_wallet::client::maker::{Money, QuoteRequest};
use serde::{Deserialize, Serialize};

use super::{
    config::RatesFiles,
    desk::{Desk, Holder},
    promises::Declined,
    quoter::{Answer, Ask, Quoter, Refused, Wanted},
};

/// Of a request's body; a good one has some 200.
const BODY_BYTES_MAX: usize = 4 * 1024;

const CONNECTIONS_MAX: usize = 1024;

/// A request's headers must have arrived within this time, and then all of it.
const ARRIVAL_MAX: Duration = Duration::from_secs(5);

/// The desk answers within this time, or the request fails.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// A quote, with all that it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteView {
    pub quote: SignedQuote,
    /// Without the fee.
    pub sends: Money,
    pub fee: Money,
    pub delivers: Money,
    /// The reference rate that it is made from, to nine digits, and the day of that.
    pub mid: Rate,
    pub spread_bp: u16,
    pub rates_as_of: String,
}

/// Why there is no quote, as problem details (RFC 9457).
#[derive(Debug, Serialize)]
struct CodedProblem {
    #[serde(flatten)]
    problem: Problem,
    /// Four digits: 1xxx malformed, 2xxx this maker's, 3xxx not as it is asked for.
    code: &'static str,
}

#[derive(Debug, thiserror::Error)]
enum QuoteError {
    #[error("the body: {0}")]
    Body(JsonPayloadError),
    #[error("taker is an address of another network; addresses of this one begin with {0}1")]
    OtherNetwork(String),
    #[error("amount.currency is {0}, and must be that of sell or of buy")]
    AmountCurrency(Currency),
    #[error("amount.value: {0}")]
    Amount(#[from] AmountTextError),
    #[error("there is nothing at this path; quotes are asked for by POST /v1/quotes")]
    NoRoute,
    #[error("this path takes POST only")]
    Method,
    #[error("the request did not arrive within {} s", ARRIVAL_MAX.as_secs())]
    Slow,
    #[error("too many ask; ask again in a second")]
    Busy,
    #[error("what is sold comes to {actual}; this maker takes {min} to {max}")]
    OutOfRange { actual: String, min: String, max: String },
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl QuoteError {
    /// The whole table: status, code, title.
    fn row(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Body(JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. }) => {
                (413, "1002", "The body is too long")
            }
            Self::Body(JsonPayloadError::ContentType) => (415, "1003", "The body is not JSON"),
            Self::Body(_) => (400, "1001", "The body is not as it should be"),
            Self::OtherNetwork(_) => (422, "1004", "The address is of another network"),
            Self::AmountCurrency(_) => (422, "1005", "The amount has a third currency"),
            Self::Amount(_) => (422, "1006", "The amount is not one"),
            Self::NoRoute => (404, "1007", "There is nothing here"),
            Self::Method => (405, "1008", "The method is another"),
            Self::Slow => (408, "1009", "The request did not arrive"),
            Self::Busy => (503, "2001", "Busy"),
            Self::OutOfRange { .. } => (422, "3003", "The amount is out of range"),
            Self::Refused(refused) => match refused {
                Refused::NoRandom => (503, "2002", "No random bytes"),
                Refused::RatesOutOfTime { .. } => (503, "2003", "The rates are of another time"),
                Refused::Unknown => (503, "2004", "The inventory is not known"),
                Refused::Declined(Declined::Inventory(_)) => (409, "2005", "Not enough inventory"),
                Refused::Declined(Declined::TooManyOfTaker) => (429, "2006", "Too many open quotes for the taker"),
                Refused::Declined(Declined::TooMany) => (503, "2007", "Too many open quotes"),
                Refused::NotTaken(_) => (422, "3001", "The currency is not taken"),
                Refused::NoRate { .. } => (422, "3002", "There is no rate"),
                Refused::OutOfRange { .. } => (422, "3003", "The amount is out of range"),
                Refused::Unrepresentable => (422, "3004", "The amount cannot be exchanged"),
            },
        }
    }
}

impl ResponseError for QuoteError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.row().0).expect("the table's are")
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, title) = self.row();
        let problem = CodedProblem {
            problem: Problem {
                kind: format!("urn:causeway:maker:{code}"),
                title: title.to_owned(),
                status,
                detail: self.to_string(),
            },
            code,
        };
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::Busy | Self::Refused(Refused::NoRandom | Refused::Unknown) => {
                response.insert_header((RETRY_AFTER, "1"));
            }
            Self::Method => {
                response.insert_header((ALLOW, "POST"));
            }
            _ => {}
        }
        response.content_type("application/problem+json").json(problem)
    }
}

/// What the handlers share.
struct Counter {
    desk: Recipient<Ask>,
    prefix: AddressPrefix,
    exponents: BTreeMap<Currency, u8>,
    spread_bp: u16,
}

async fn quote(counter: web::Data<Counter>, body: web::Json<QuoteRequest>) -> Result<HttpResponse, QuoteError> {
    let QuoteRequest {
        taker,
        sell,
        buy,
        amount,
    } = body.into_inner();
    let prefix = counter.prefix;
    if taker.prefix != prefix {
        return Err(QuoteError::OtherNetwork(prefix.as_str().to_owned()));
    }
    let exponents = &counter.exponents;
    let minor = |money: &Money, no_rate| {
        let exponent = exponents.get(&money.currency).ok_or(no_rate)?;
        Ok::<_, QuoteError>(parse_amount(&money.value, *exponent)?)
    };
    let no_rate = Refused::NoRate { sell, buy };
    let wanted = match amount.currency {
        code if code == sell => Wanted::Send(minor(&amount, no_rate)?),
        code if code == buy => Wanted::Deliver(minor(&amount, no_rate)?),
        other => return Err(QuoteError::AmountCurrency(other)),
    };
    let ask = Ask {
        taker: taker.account,
        sell,
        buy,
        amount: wanted,
    };
    let answer = match tokio::time::timeout(ANSWER_MAX, counter.desk.send(ask)).await {
        Ok(Ok(answer)) => answer.map_err(|refused| in_major_units(refused, &counter))?,
        Ok(Err(MailboxError::Closed | MailboxError::Timeout)) | Err(_) => return Err(QuoteError::Busy),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(view(&counter, answer)))
}

fn in_major_units(refused: Refused, counter: &Counter) -> QuoteError {
    let Refused::OutOfRange {
        currency,
        actual,
        min,
        max,
    } = refused
    else {
        return refused.into();
    };
    let text = |amount| format!("{} {currency}", format_amount(amount, counter.exponents[&currency]));
    QuoteError::OutOfRange {
        actual: text(actual),
        min: text(min),
        max: text(max),
    }
}

/// A request must have arrived, and been answered, within some time, or nobody else could ask.
async fn in_time(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match tokio::time::timeout(ARRIVAL_MAX, next.call(request)).await {
        Ok(answer) => answer,
        Err(_) => Err(QuoteError::Slow.into()),
    }
}

fn view(counter: &Counter, answer: Answer) -> QuoteView {
    let Answer {
        quote,
        sends,
        delivers,
        mid,
        rates_as_of,
    } = answer;
    let money = |amount: Amount, currency| Money {
        value: format_amount(amount, counter.exponents[&currency]),
        currency,
    };
    let terms = &quote.quote;
    QuoteView {
        sends: money(sends, terms.sell),
        fee: money(terms.fee, terms.sell),
        delivers: money(delivers, terms.buy),
        mid,
        spread_bp: counter.spread_bp,
        rates_as_of: rates_as_of.to_string(),
        quote,
    }
}

/// What a maker is made of.
pub struct Parts {
    pub quoter: Quoter,
    pub holder: Holder,
    pub files: RatesFiles,
    pub prefix: AddressPrefix,
    pub listener: TcpListener,
}

/// Serves until it is told to stop. Gives the address that it listens on, whose port may have been chosen by the
/// system. Runs on the actor system of the caller.
pub fn serve(parts: Parts) -> io::Result<(Server, SocketAddr)> {
    let Parts {
        quoter,
        holder,
        files,
        prefix,
        listener,
    } = parts;
    let address = listener.local_addr()?;
    let (exponents, spread_bp) = (quoter.exponents.clone(), quoter.terms.spread.get());
    let counter = web::Data::new(Counter {
        desk: Desk::new(quoter, holder, files).start().recipient(),
        prefix,
        exponents,
        spread_bp,
    });
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(in_time))
            .configure(|config| routes(config, counter.clone()))
    })
    .workers(1)
    .max_connections(CONNECTIONS_MAX)
    .client_request_timeout(ARRIVAL_MAX)
    .listen(listener)?;
    Ok((server.run(), address))
}

fn routes(config: &mut web::ServiceConfig, counter: web::Data<Counter>) {
    let json = web::JsonConfig::default()
        .limit(BODY_BYTES_MAX)
        .error_handler(|error, _| QuoteError::Body(error).into());
    config
        .app_data(counter)
        .app_data(json)
        .service(
            web::resource("/v1/quotes")
                .route(web::post().to(quote))
                .default_service(web::to(|| async { Err::<HttpResponse, _>(QuoteError::Method) })),
        )
        .route("/health", web::get().to(HttpResponse::Ok))
        .default_service(web::to(|| async { Err::<HttpResponse, _>(QuoteError::NoRoute) }));
}

#[cfg(test)]
mod tests;
