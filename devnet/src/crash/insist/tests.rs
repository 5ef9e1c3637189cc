//! What clients do at a gateway that answers each request in the same way.

use actix_web::{App, HttpResponse, HttpServer, http::StatusCode, web};
use serde_json::json;

use super::*;
use crate::services::clients::Credentials;

/// Of a gateway that answers so.
async fn client(status: u16, answer: Value) -> Api {
    let server = HttpServer::new(move || {
        let answer = answer.clone();
        let token = || async { HttpResponse::Ok().json(json!({ "access_token": "token" })) };
        let order = move || {
            let answer = answer.clone();
            async move { HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(answer) }
        };
        App::new()
            .route("/oauth/token", web::post().to(token))
            .route("/v1/orders", web::post().to(order))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("client.json");
    let credentials = Credentials {
        client_id: "one".to_owned(),
        client_secret: "secret".to_owned(),
        api: format!("http://{address}"),
    };
    std::fs::write(&file, serde_json::to_string(&credentials).unwrap()).unwrap();
    Api::open(&file).await.unwrap()
}

/// At its end, or with so much time left.
fn end(left: Option<Duration>) -> End {
    End(watch::channel(Some(Instant::now() + left.unwrap_or_default())).1)
}

#[tokio::test]
async fn who_has_no_answer_by_the_end_says_what_came_last() {
    let api = client(503, json!({ "code": "2001" })).await;
    let given_up = insist(&api, "/v1/orders", &json!({}), &end(None)).await;
    let why = given_up.unwrap_err().to_string();
    assert!(why.contains(r#"503 {"code":"2001"}"#), "{why}");
    let before = Instant::now();
    let soon = Duration::from_millis(300);
    insist(&api, "/v1/orders", &json!({}), &end(Some(soon)))
        .await
        .unwrap_err();
    assert!(before.elapsed() >= soon);
    let near = insist_until_near(&api, "/v1/orders", &json!({}), &end(Some(PATIENCE))).await;
    assert!(near.unwrap().is_none());
}

#[tokio::test]
async fn an_answer_is_taken_and_one_that_makes_no_sense_is_an_error() {
    let end = end(Some(PATIENCE));
    let done = insist(
        &client(201, json!({ "id": "ord_1" })).await,
        "/v1/orders",
        &json!({}),
        &end,
    )
    .await;
    assert!(matches!(done.unwrap(), Answer::Done(order) if order["id"] == "ord_1"));
    let refused = insist(
        &client(409, json!({ "code": "3012" })).await,
        "/v1/orders",
        &json!({}),
        &end,
    )
    .await;
    assert!(matches!(refused.unwrap(), Answer::Refused(problem) if problem["code"] == "3012"));
    let api = client(404, json!({})).await;
    let error = insist(&api, "/v1/orders", &json!({}), &end).await.unwrap_err();
    assert!(error.to_string().contains("came to 404"), "{error}");
}
