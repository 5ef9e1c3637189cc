use actix_web::{
    body,
    http::{Method, StatusCode, header},
    test,
};
use causeway_contracts::{
    api::Problem as Details,
    block::{GenesisHash, TimeMs},
    genesis::Genesis,
    identity::{AccountId, AddressPrefix},
    money::Currency,
    offline::registration::{PurseClass, RegistrationTerms},
};
use tokio::sync::watch;

use super::*;
use crate::{
    client::Client,
    offline::issuer::{
        desk::Desk,
        example::{RULES, keys, purse, secret},
    },
};

const GENESIS: &str = include_str!("../../../../../peers/python/tests/vectors/genesis.toml");

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

fn euro() -> Currency {
    Currency::new("EUR").expect("a code")
}

/// A service whose ledger is not there.
fn counter(is_ready: bool) -> web::Data<Counter> {
    let genesis = Genesis::parse(GENESIS).expect("a genesis file");
    let client = Client::new(genesis, vec![NOWHERE.to_owned()]).expect("a client");
    let (sender, rules) = watch::channel(is_ready.then(|| Arc::new(RULES)));
    drop(sender);
    let purses = Purses {
        desk: Desk {
            client: Arc::new(client),
            currency: euro(),
            reader: secret(61),
        },
        keys: keys(),
        account: AccountId([1; 20]),
        account_key: secret(1),
        operators: Vec::new(),
        rules,
    };
    web::Data::new(Counter::new(purses, Handle::current()))
}

/// The status, and the code of the problem.
async fn ask(counter: &web::Data<Counter>, request: test::TestRequest) -> (StatusCode, String) {
    let app = test::init_service(App::new().configure(|config| routes(config, counter.clone()))).await;
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status();
    let bytes = body::to_bytes(response.into_body()).await.expect("a body");
    let code = match serde_json::from_slice::<Details>(&bytes) {
        Ok(details) => {
            assert_eq!(details.status, status.as_u16());
            details.kind.trim_start_matches("urn:causeway:issuer:").to_owned()
        }
        Err(_) => String::new(),
    };
    (status, code)
}

fn get(path: &str) -> test::TestRequest {
    test::TestRequest::get().uri(path)
}

fn post(path: &str) -> test::TestRequest {
    test::TestRequest::post().uri(path)
}

fn registration(genesis: GenesisHash, prefix: AddressPrefix) -> Registration {
    let terms = RegistrationTerms {
        genesis,
        currency: euro(),
        account: AccountId([1; 20]),
        public_key: secret(5).public_key(),
        class: PurseClass::Purse,
        time_ms: TimeMs(7),
    };
    Registration::sign(&terms, prefix, &secret(4), &secret(5))
}

#[actix_web::test]
async fn what_cannot_be_asked_is_told_with_its_code() {
    let counter = counter(true);
    let check = async |request: test::TestRequest, status: u16, code: &str| {
        let (actual, told) = ask(&counter, request).await;
        assert_eq!((actual.as_u16(), &*told), (status, code));
    };
    check(get("/health"), 200, "").await;
    check(get("/v1/issuer"), 200, "").await;
    check(get("/v1/nothing"), 404, "no_route").await;
    check(post("/v1/issuer"), 405, "method").await;
    check(get("/v1/purses"), 405, "method").await;
    check(get("/v1/purses/01/grants/1"), 400, "malformed").await;
    check(get(&format!("/v1/purses/{}/grants/x", purse(1))), 400, "malformed").await;
    check(get("/v1/news?list=-1"), 400, "malformed").await;
    check(post("/v1/purses"), 415, "not_json").await;
    let json = || (header::CONTENT_TYPE, "application/json");
    check(
        post("/v1/purses").insert_header(json()).set_payload("{}"),
        400,
        "malformed",
    )
    .await;
    let long = " ".repeat(5_000);
    check(
        post("/v1/purses").insert_header(json()).set_payload(long),
        413,
        "too_long",
    )
    .await;
    let sync = format!("/v1/purses/{}/sync", purse(1));
    check(post(&sync).set_payload(vec![0; UPLOAD_BYTES_MAX + 1]), 413, "too_long").await;
    check(post(&sync).set_payload(vec![0; 9]), 422, "upload").await;
    check(
        test::TestRequest::default().method(Method::DELETE).uri(&sync),
        405,
        "method",
    )
    .await;
}

#[actix_web::test]
async fn a_registration_is_for_this_network_and_signed_by_both() {
    let counter = counter(true);
    let genesis = Genesis::parse(GENESIS).expect("a genesis file");
    let (hash, prefix) = (genesis.hash(), genesis.address_prefix);
    let check = async |registration: Registration, status: u16, code: &str| {
        let (actual, told) = ask(&counter, post("/v1/purses").set_json(registration)).await;
        assert_eq!((actual.as_u16(), &*told), (status, code));
    };
    let other = match prefix {
        AddressPrefix::Main => AddressPrefix::Devnet,
        AddressPrefix::Devnet => AddressPrefix::Main,
    };
    check(registration(hash, other), 422, "other_network").await;
    check(registration(GenesisHash([1; 32]), prefix), 422, "signature").await;
    let good = registration(hash, prefix);
    let forged = Registration {
        class: PurseClass::Merchant,
        ..good.clone()
    };
    check(forged, 422, "signature").await;
    let swapped = Registration {
        purse_signature: good.account_signature,
        ..good.clone()
    };
    check(swapped, 422, "signature").await;
    // Nobody serves the account.
    check(good, 403, "other_operator").await;
}

#[actix_web::test]
async fn nothing_is_answered_before_the_service_is_ready_or_without_the_ledger() {
    let waiting = counter(false);
    let check = async |counter: &web::Data<Counter>, request: test::TestRequest, code: &str| {
        let (status, told) = ask(counter, request).await;
        assert_eq!((status.as_u16(), &*told), (503, code));
    };
    let grant = format!("/v1/purses/{}/grants/1", purse(1));
    for path in ["/v1/issuer", "/v1/news", &grant] {
        check(&waiting, get(path), "not_ready").await;
    }
    check(&waiting, post(&format!("/v1/purses/{}/sync", purse(1))), "not_ready").await;
    assert_eq!(ask(&waiting, get("/health")).await.0, StatusCode::OK);
    let ready = counter(true);
    for path in ["/v1/news", &grant] {
        check(&ready, get(path), "ledger").await;
    }
}

#[actix_web::test]
async fn of_one_purse_one_sync_is_worked_on_at_once() {
    let counter = counter(true);
    let path = format!("/v1/purses/{}/sync", purse(1));
    let running = counter.begin(purse(1)).expect("none is running");
    let (status, code) = ask(&counter, post(&path).set_payload(vec![0; 9])).await;
    assert_eq!((status.as_u16(), &*code), (409, "running"));
    assert!(counter.begin(purse(2)).is_ok());
    drop(running);
    assert_eq!(ask(&counter, post(&path).set_payload(vec![0; 9])).await.1, "upload");
}

#[actix_web::test]
async fn only_so_many_requests_are_worked_on_at_once() {
    let counter = counter(true);
    let all = Arc::clone(&counter.works)
        .try_acquire_many_owned(32)
        .expect("none is worked on");
    assert_eq!(ask(&counter, get("/v1/news")).await.1, "busy");
    drop(all);
    assert_eq!(ask(&counter, get("/v1/news")).await.1, "ledger");
}
