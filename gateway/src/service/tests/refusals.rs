use serde_json::json;

use super::*;

#[actix_web::test]
async fn requests_that_are_not_well_made_have_a_code_each() {
    let office = office("").await;
    let app = office.app().await;
    let all = Scope::ALL.to_vec();
    let (mine, token) = office.client(&all).await;
    let objects = super::once::everything(&office, &mine).await;
    let by = |method: &'static str, path: &'static str| Ask::new(method, path).by(&token);
    let quote =
        |source: Value, target: Value| json!({ "account": objects["accounts"], "source": source, "target": target });
    let eur = json!({ "currency": "EUR", "value": "1.00" });
    let order = |operator: &str, quote: &str| {
        json!({ "quote": quote, "beneficiary": {
            "party": { "name": "Somchai" }, "account": { "merchant": "SHOP" }, "operator": operator } })
    };
    let rows: Vec<(&str, test::TestRequest, u16, &str)> = vec![
        ("no path", by("GET", "/v1/nothing").request(), 404, "1005"),
        ("another method", by("PUT", "/v1/quotes").request(), 405, "1006"),
        (
            "no key",
            by("POST", "/v1/quotes").request().set_json(json!({})),
            400,
            "1008",
        ),
        (
            "a long key",
            by("POST", "/v1/quotes").once(&"k".repeat(65), json!({})).request(),
            400,
            "1009",
        ),
        (
            "no fields",
            by("POST", "/v1/quotes").once("a", json!({})).request(),
            400,
            "1001",
        ),
        (
            "another type",
            by("POST", "/v1/quotes")
                .once("b", json!({}))
                .request()
                .insert_header(("content-type", "text/plain")),
            415,
            "1003",
        ),
        (
            "too long",
            by("POST", "/v1/quotes")
                .once("c", json!({ "x": "y".repeat(70_000) }))
                .request(),
            413,
            "1002",
        ),
        (
            "a strange query",
            by("GET", "/v1/remittances?state=lost").request(),
            400,
            "1010",
        ),
        (
            "a page too long",
            by("GET", "/v1/remittances?limit=101").request(),
            400,
            "1010",
        ),
        ("no number", by("GET", "/v1/events?after=x").request(), 400, "1010"),
        (
            "both amounts",
            by("POST", "/v1/quotes")
                .once("d", quote(eur.clone(), json!({ "currency": "THB", "value": "1" })))
                .request(),
            400,
            "1004",
        ),
        (
            "no such currency",
            by("POST", "/v1/quotes")
                .once("e", quote(eur.clone(), json!({ "currency": "XXX" })))
                .request(),
            422,
            "1016",
        ),
        (
            "three digits",
            by("POST", "/v1/quotes")
                .once(
                    "f",
                    quote(
                        json!({ "currency": "EUR", "value": "1.005" }),
                        json!({ "currency": "THB" }),
                    ),
                )
                .request(),
            422,
            "1017",
        ),
        (
            "nobody quotes",
            by("POST", "/v1/quotes")
                .once("g", quote(eur.clone(), json!({ "currency": "THB" })))
                .request(),
            503,
            "2005",
        ),
        (
            "no such account",
            by("POST", "/v1/quotes")
                .once(
                    "h",
                    json!({ "account": "acc_none", "source": eur, "target": { "currency": "THB" } }),
                )
                .request(),
            422,
            "4001",
        ),
        (
            "no such quote",
            by("POST", "/v1/remittances")
                .once("i", order("TESTBANK", "quote_none"))
                .request(),
            404,
            "1014",
        ),
        // The account was never opened: there is no ledger.
        (
            "not open",
            by("POST", "/v1/remittances")
                .once("j", order("TESTBANK", "quote_01"))
                .request(),
            409,
            "4002",
        ),
        (
            "no such operator",
            by("POST", "/v1/aliases/resolve")
                .once(
                    "k",
                    json!({ "account": { "merchant": "SHOP" }, "name": "Shop", "operator": "NOBANK" }),
                )
                .request(),
            422,
            "5002",
        ),
        (
            "an IBAN that is none",
            by("POST", "/v1/customers")
                .once(
                    "l",
                    json!({ "party": { "name": "Anna" }, "iban": "DE00123456780000000000" }),
                )
                .request(),
            400,
            "1004",
        ),
        (
            "not accepted here",
            by("POST", "/v1/remittances/rem_01/accept")
                .once("m", json!({}))
                .request(),
            409,
            "3005",
        ),
        (
            "nothing to decide",
            by("POST", "/v1/remittances/rem_01/compliance")
                .once("n", json!({ "decision": "release" }))
                .request(),
            409,
            "3005",
        ),
        (
            "to this machine",
            by("POST", "/v1/webhooks")
                .once("o", json!({ "url": "http://127.0.0.1/" }))
                .request(),
            400,
            "1004",
        ),
        (
            "events of another kind",
            by("POST", "/v1/webhooks")
                .once("p", json!({ "url": "https://receiver.example/", "events": ["all"] }))
                .request(),
            400,
            "1004",
        ),
    ];
    for (what, request, status, code) in rows {
        assert_eq!(refused(&app, request).await, (status, code.to_owned()), "{what}");
    }
}

#[actix_web::test]
async fn an_alias_is_one_accounts_only() {
    let office = office("").await;
    let app = office.app().await;
    let (_, token) = office.client(&[Scope::CustomersWrite]).await;
    let shop = |key: &str, name: &str| {
        let body = json!({ "party": { "name": name }, "aliases": [{ "kind": "merchant", "value": "SHOP" }] });
        Ask::new("POST", "/v1/customers").by(&token).once(key, body).request()
    };
    assert_eq!(answered(&app, shop("a", "One")).await.0, 201);
    assert_eq!(refused(&app, shop("b", "Two")).await, (409, "3008".to_owned()));
    let (_, list) = answered(&app, Ask::new("GET", "/v1/customers").by(&token).request()).await;
    assert_eq!(list["data"].as_array().expect("a list").len(), 1);
}

#[actix_web::test]
async fn who_asks_too_often_is_told_when_to_ask_again() {
    let office = office("[limits]\nrequests_per_second = 1\nburst = 2\n").await;
    let app = office.app().await;
    let (_, token) = office.client(&[Scope::EventsRead]).await;
    let ask = || Ask::new("GET", "/v1/events").by(&token).request().to_request();
    let header = |response: &ServiceResponse<_>, name: &str| {
        let value = response.headers().get(name).expect("the header");
        value.to_str().expect("a text").to_owned()
    };
    for left in ["1", "0"] {
        let response = test::call_service(&app, ask()).await;
        assert_eq!(response.status(), 200);
        assert!(header(&response, "ratelimit").starts_with(&format!("\"client\";r={left};")));
    }
    let response = test::call_service(&app, ask()).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(header(&response, "ratelimit-policy"), "\"client\";q=2;w=2");
}
