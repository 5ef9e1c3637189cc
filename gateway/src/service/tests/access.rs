use serde_json::json;

use super::{
    super::routes::{Access, ROUTES},
    *,
};

/// With something in the place of each parameter.
fn filled(path: &str) -> String {
    let part = |part: &str| {
        if part.starts_with('{') {
            "1".to_owned()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn nobody_does_without_a_token_or_the_scope_what_a_client_may() {
    let office = office("").await;
    let app = office.app().await;
    for route in ROUTES {
        let path = filled(route.path);
        let ask = || Ask::new(route.method, &path);
        match route.access {
            Access::Open => {}
            Access::Operator => {
                let all: Vec<_> = Scope::ALL.to_vec();
                let (_, token) = office.client(&all).await;
                assert_eq!(refused(&app, ask().request()).await, (401, "1011".to_owned()), "{path}");
                // A client is no operator.
                let by_client = refused(&app, ask().by(&token).request()).await;
                assert_eq!(by_client, (401, "1011".to_owned()), "{path}");
            }
            Access::Client(scope) => {
                assert_eq!(refused(&app, ask().request()).await, (401, "1011".to_owned()), "{path}");
                let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
                let (id, token) = office.client(&others).await;
                let without = refused(&app, ask().by(&token).request()).await;
                assert_eq!(without, (403, "1012".to_owned()), "{path}");
                // A token that says more than its client may is worth no more.
                let more = office.token(&id, Scope::ALL.into_iter().collect());
                let beyond = refused(&app, ask().by(&more).request()).await;
                assert_eq!(beyond, (403, "1012".to_owned()), "{path}");
                let (_, good) = office.client(&[scope]).await;
                let (status, _) = answered(&app, ask().by(&good).request()).await;
                assert!(!matches!(status, 401 | 403), "{path}: {status}");
            }
        }
    }
}

#[actix_web::test]
async fn a_disabled_client_is_refused_at_once() {
    let office = office("").await;
    let app = office.app().await;
    let (id, token) = office.client(&[Scope::EventsRead]).await;
    let ask = || Ask::new("GET", "/v1/events").by(&token).request();
    assert_eq!(answered(&app, ask()).await.0, 200);
    clients::set_disabled(&office.gateway.store, id.clone(), true)
        .await
        .expect("known");
    assert_eq!(refused(&app, ask()).await, (401, "1011".to_owned()));
    clients::set_disabled(&office.gateway.store, id, false)
        .await
        .expect("known");
    assert_eq!(answered(&app, ask()).await.0, 200);
}

#[actix_web::test]
async fn tokens_of_others_are_none() {
    let office = office("").await;
    let stranger = super::office("").await;
    let app = office.app().await;
    let (id, token) = office.client(&[Scope::EventsRead]).await;
    let check = |token: String| {
        let app = &app;
        async move { refused(app, Ask::new("GET", "/v1/events").by(&token).request()).await.0 }
    };
    assert_eq!(check(token.clone()).await, 200);
    // The last character has bits that say nothing, the one before it has none.
    let (head, tail) = token.split_at(token.len() - 2);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    assert_eq!(check(format!("{head}{other}{}", &tail[1..])).await, 401);
    assert_eq!(check(String::new()).await, 401);
    // Another gateway with the same keys and address would give the same token; a client it knows, this one does not.
    let (unknown, _) = stranger.client(&[Scope::EventsRead]).await;
    let scopes: Scopes = [Scope::EventsRead].into_iter().collect();
    assert_eq!(check(office.token(&unknown, scopes.clone())).await, 401);
    assert_eq!(check(office.token(&id, scopes)).await, 200);
}

/// What the operator's officers do with anybody's.
fn is_officers(path: &str) -> bool {
    const ENDS: [&str; 10] = [
        "/compliance",
        "/suspend",
        "/resume",
        "/return",
        "/settle",
        "/redirect",
        "/disputes",
        "/accept",
        "/reject",
        "/withdraw",
    ];
    let is_clients = path.starts_with("/v1/remittances/") && path.ends_with("/accept");
    !is_clients && ENDS.iter().any(|end| path.ends_with(end))
}

/// What one client has made, another does not see by any path.
#[actix_web::test]
async fn nobody_sees_what_is_anothers() {
    let office = office(super::cards::ISSUING).await;
    let app = office.app().await;
    let all = Scope::ALL.to_vec();
    let (mine, my_token) = office.client(&all).await;
    let (_, other_token) = office.client(&all).await;
    let objects = super::once::everything(&office, &mine).await;
    let mut routes: Vec<_> = ROUTES
        .iter()
        .filter(|route| matches!(route.access, Access::Client(_)))
        .collect();
    // What is deleted is not there for the others.
    routes.sort_by_key(|route| route.method == "DELETE");
    for route in routes {
        let Some(kind) = route.path.strip_prefix("/v1/").and_then(|path| path.split('/').next()) else {
            continue;
        };
        if !route.path.contains("{id}") || is_officers(route.path) {
            continue;
        }
        let id = objects
            .get(kind)
            .unwrap_or_else(|| panic!("no object of {kind} is made for {}", route.path));
        // Another part of the path names nothing that is there.
        let mut path = filled(&route.path.replace("{id}", id));
        if path.ends_with("/statement") {
            path.push_str("?currency=EUR&date=2026-11-01");
        }
        let ask = |token: &str| {
            let ask = Ask::new(route.method, &path).by(token);
            let body = match kind {
                "remittances" if route.path.ends_with("/answers") => json!({ "answers": { "a": "b" } }),
                "remittances" if route.path.ends_with("/question") => json!({ "text": "why?" }),
                "remittances" if route.path.ends_with("/payout") => json!({ "result": "completed" }),
                "merchants" if route.path.ends_with("/terms") => json!({}),
                "merchants" => json!({ "name": "Main street" }),
                "cards" if route.path.ends_with("/pin") => json!({ "pin": "1234" }),
                "orders" if route.path.ends_with("/card") => super::card_payments::tap("990001", 1_000),
                "orders" if route.path.ends_with("/present") => super::card_payments::shown("990001"),
                "stores" => json!({ "label": "till 1" }),
                _ => json!({}),
            };
            match (route.idempotent, route.method) {
                (true, _) => ask.once("k", body).request(),
                (false, "PUT" | "POST") => ask.request().set_json(body),
                (false, _) => ask.request(),
            }
        };
        let others = refused(&app, ask(&other_token)).await;
        assert_eq!(others, (404, "1014".to_owned()), "{} {path}", route.method);
        if route.path.matches('{').count() == 1 {
            let (own, _) = answered(&app, ask(&my_token)).await;
            assert_ne!(own, 404, "{} {path}", route.method);
        }
    }
    for list in [
        "customers",
        "accounts",
        "remittances",
        "events",
        "webhooks",
        "merchants",
        "orders",
        "settlements",
        "disputes",
        "cards",
    ] {
        let (_, page) = answered(&app, Ask::new("GET", &format!("/v1/{list}")).by(&other_token).request()).await;
        assert_eq!(page["data"], json!([]), "{list}");
    }
}
