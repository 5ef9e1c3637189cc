use actix::{Context, Handler};
use actix_web::test;
use causeway_contracts::{
    block::GenesisHash,
    identity::AccountId,
    keys::SecretKey,
    settlement::{Quote, QuoteId},
    transaction::UnixSeconds,
};
use serde_json::{Value, json};

use super::*;

/// Answers what it is told to.
struct StandIn(Result<Answer, Refused>);

impl Actor for StandIn {
    type Context = Context<Self>;
}

impl Handler<Ask> for StandIn {
    type Result = Result<Answer, Refused>;

    fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
        self.0.clone()
    }
}

/// Never answers.
struct Stuck;

impl Actor for Stuck {
    type Context = Context<Self>;
}

impl Handler<Ask> for Stuck {
    type Result = actix::ResponseFuture<Result<Answer, Refused>>;

    fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
        Box::pin(std::future::pending())
    }
}

fn code(text: &str) -> Currency {
    Currency::new(text).unwrap()
}

fn prefix() -> AddressPrefix {
    AddressPrefix::Devnet
}

fn counter(desk: Recipient<Ask>) -> web::Data<Counter> {
    web::Data::new(Counter {
        desk,
        prefix: prefix(),
        exponents: BTreeMap::from([(code("EUR"), 2), (code("THB"), 2)]),
        spread_bp: 25,
    })
}

fn good() -> Value {
    json!({
        "taker": AccountId([5; 20]).address(prefix()),
        "sell": "EUR",
        "buy": "THB",
        "amount": { "value": "100.00", "currency": "EUR" },
    })
}

async fn ask(desk: Recipient<Ask>, request: test::TestRequest) -> (u16, Value) {
    let counter = counter(desk);
    let app = test::init_service(App::new().configure(|config| routes(config, counter))).await;
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    (status, test::read_body_json(response).await)
}

fn post() -> test::TestRequest {
    test::TestRequest::post().uri("/v1/quotes")
}

/// A request that the desk refuses, or that does not come to it.
async fn refused(refusal: Refused, request: test::TestRequest, status: u16, expected: &str) {
    let desk = StandIn(Err(refusal)).start().recipient();
    let (actual, problem) = ask(desk, request).await;
    assert_eq!(
        (actual, problem["code"].as_str()),
        (status, Some(expected)),
        "{problem}"
    );
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], format!("urn:causeway:maker:{expected}"));
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
}

#[actix_web::test]
async fn requests_that_are_not_well_made_have_a_code_each() {
    let unreached = Refused::NoRandom;
    let with = |path: &[&str], value: Value| {
        let mut body = good();
        let field = path.iter().fold(&mut body, |at, name| &mut at[*name]);
        *field = value;
        post().set_json(body)
    };
    refused(unreached, post().set_json(json!({})), 400, "1001").await;
    refused(unreached, with(&["more"], json!(1)), 400, "1001").await;
    let long = "x".repeat(BODY_BYTES_MAX);
    refused(unreached, with(&["sell"], json!(long)), 413, "1002").await;
    refused(unreached, post().set_payload("{}"), 415, "1003").await;
    let other = AccountId([5; 20]).address(AddressPrefix::Main);
    refused(unreached, with(&["taker"], json!(other)), 422, "1004").await;
    refused(unreached, with(&["amount", "currency"], json!("USD")), 422, "1005").await;
    refused(unreached, with(&["amount", "value"], json!("1.005")), 422, "1006").await;
    let nowhere = test::TestRequest::get().uri("/v2/quotes");
    refused(unreached, nowhere, 404, "1007").await;
    refused(unreached, test::TestRequest::get().uri("/v1/quotes"), 405, "1008").await;
    let kwd = json!({ "value": "1.00", "currency": "KWD" });
    let mut body = good();
    body["buy"] = json!("KWD");
    body["amount"] = kwd;
    refused(unreached, post().set_json(body), 422, "3002").await;
}

#[actix_web::test]
async fn every_refusal_has_a_code() {
    let (sell, buy, currency) = (code("EUR"), code("THB"), code("EUR"));
    let as_of = "13 April 2026".parse().unwrap();
    let out_of_range = Refused::OutOfRange {
        currency,
        actual: Amount(1),
        min: Amount(2),
        max: Amount(3),
    };
    for (refusal, status, code) in [
        (Refused::NoRandom, 503, "2002"),
        (Refused::RatesOutOfTime { as_of }, 503, "2003"),
        (Refused::Unknown, 503, "2004"),
        (Refused::Declined(Declined::Inventory(buy)), 409, "2005"),
        (Refused::Declined(Declined::TooManyOfTaker), 429, "2006"),
        (Refused::Declined(Declined::TooMany), 503, "2007"),
        (Refused::NotTaken(sell), 422, "3001"),
        (Refused::NoRate { sell, buy }, 422, "3002"),
        (out_of_range, 422, "3003"),
        (Refused::Unrepresentable, 422, "3004"),
    ] {
        refused(refusal, post().set_json(good()), status, code).await;
    }
    let (status, problem) = ask(Stuck.start().recipient(), post().set_json(good())).await;
    assert_eq!((status, &problem["code"]), (503, &json!("2001")));
}

#[actix_web::test]
async fn a_quote_is_answered_with_all_that_it_comes_to() {
    let quote = Quote {
        genesis: GenesisHash([1; 32]).prefix(),
        id: QuoteId([2; 16]),
        maker: AccountId([9; 20]),
        taker: Some(AccountId([5; 20])),
        sell: code("EUR"),
        buy: code("THB"),
        rate: "37.63368".parse().unwrap(),
        min: Amount(10_000),
        max: Amount(10_000),
        fee: Amount(50),
        expires_at: UnixSeconds(1_800_000_000),
        hold_seconds_max: 0,
    };
    let answer = Answer {
        quote: quote.sign([&SecretKey::from_seed(&[3; 32])]).unwrap(),
        sends: Amount(10_000),
        delivers: Amount(376_336),
        mid: "37.728".parse().unwrap(),
        rates_as_of: "13 April 2026".parse().unwrap(),
    };
    let expected = answer.quote.clone();
    let (status, view) = ask(StandIn(Ok(answer)).start().recipient(), post().set_json(good())).await;
    assert_eq!(status, 200);
    let view: QuoteView = serde_json::from_value(view).unwrap();
    assert_eq!(view.quote, expected);
    let money = |value: &str, currency| Money {
        value: value.to_owned(),
        currency: code(currency),
    };
    assert_eq!((view.sends, view.fee), (money("100.00", "EUR"), money("0.50", "EUR")));
    assert_eq!(view.delivers, money("3763.36", "THB"));
    assert_eq!(
        (view.mid.to_string().as_str(), view.spread_bp, view.rates_as_of.as_str()),
        ("37.728", 25, "2026-04-13")
    );
}

/// Its headers arrive, and its body never does.
#[actix_web::test]
async fn who_sends_no_body_is_cut_off() {
    let counter = counter(StandIn(Err(Refused::Unknown)).start().recipient());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(in_time))
            .configure(|config| routes(config, counter.clone()))
    });
    let server = server.workers(1).bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let told = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = "POST /v1/quotes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        answer
    });
    assert_eq!(told.await.unwrap(), *b"HTTP/1.1 408");
    handle.stop(false).await;
}
