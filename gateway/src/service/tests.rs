//! The API without a network: who may do what, what is refused and how, and that a request has one effect.

mod access;
mod authorize;
mod card_payments;
mod cards;
mod disputes;
mod link_keys;
mod new_currency;
mod once;
mod orders;
mod preauthorizations;
mod refusals;
mod settlements;
mod webhooks;

use std::sync::Arc;

use actix_web::{
    App,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::Method,
    test, web,
};
use causeway_wallet::home::Home;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{clients, config::Config, context::Gateway, run, serve::configure};
use crate::{
    acquiring::hsm::Hsm,
    oauth::{Grant, Lifetime, Scope, Scopes},
};

const GENESIS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../peers/python/tests/vectors/genesis.toml"
);

/// Nobody listens there: reserved for TCP multiplexing, and never used.
const NOBODY: &str = "http://127.0.0.1:1";

pub struct Office {
    pub gateway: Arc<Gateway>,
    _folder: TempDir,
}

/// A security module's keys in the office's folder.
const MODULE: &str = "hsm = { kind = \"software\", file = \"keys\", key_file = \"sealing\" }\n";

/// More than the defaults have is in `more`, in TOML.
pub async fn office(more: &str) -> Office {
    office_with(more, |_| ()).await
}

/// `keys` puts more into its security module than cards need.
async fn office_with(more: &str, keys: impl FnOnce(&Arc<dyn Hsm>)) -> Office {
    let folder = tempfile::tempdir().expect("a folder");
    let has_module = more.contains("[issuing]") || more.contains(MODULE);
    let hsm = has_module.then(|| cards::hsm(folder.path()));
    if let Some(hsm) = &hsm {
        keys(hsm);
    }
    let wallet = folder.path().join("wallet");
    Home::init(&wallet, GENESIS.as_ref(), vec![NOBODY.to_owned()]).expect("a wallet");
    let config = folder.path().join("gateway.toml");
    let text = format!(
        "operator = \"TESTBANK\"\nwallet = \"wallet\"\noperator_key = \"a\"\ncustody_key = \"b\"\n\
         listen = \"127.0.0.1:0\"\npublic_url = \"https://gateway.example\"\n{more}"
    );
    std::fs::write(&config, text).expect("written");
    run::migrate(&config).await.expect("a database");
    let mut gateway = Gateway::of_test(Config::read(&config).expect("a configuration")).await;
    if gateway.config.issuing.is_some() {
        gateway.hsm = gateway.hsm.or(hsm);
    }
    Office {
        gateway: Arc::new(gateway),
        _folder: folder,
    }
}

impl Office {
    /// A new client with these scopes, and a token of its.
    async fn client(&self, scopes: &[Scope]) -> (String, String) {
        let scopes: Scopes = scopes.iter().copied().collect();
        let now_ms = self.gateway.now_ms();
        let made = clients::add(&self.gateway.store, "test".to_owned(), &scopes, None, None, now_ms).await;
        let id = made.expect("a client").id;
        let token = self.token(&id, scopes);
        (id, token)
    }

    fn token(&self, client: &str, scopes: Scopes) -> String {
        self.gateway.issuer.issue(&Grant {
            client_id: client.parse().expect("an id"),
            scopes,
            issued_at: self.gateway.now_ms() / 1000,
            lifetime: Lifetime::MAX,
            token_id: "t".to_owned(),
        })
    }

    async fn app(
        &self,
    ) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error> {
        let data = web::Data::from(Arc::clone(&self.gateway));
        test::init_service(App::new().app_data(data).configure(configure)).await
    }
}

/// A request to be made.
struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Option<Value>,
}

impl<'a> Ask<'a> {
    fn new(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            path,
            token: None,
            key: None,
            body: None,
        }
    }

    fn by(self, token: &'a str) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    fn once(self, key: &'a str, body: Value) -> Self {
        Self {
            key: Some(key),
            body: Some(body),
            ..self
        }
    }

    fn request(&self) -> test::TestRequest {
        let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
        let mut request = test::TestRequest::default().method(method).uri(self.path);
        if let Some(token) = self.token {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        if let Some(key) = self.key {
            request = request.insert_header(("idempotency-key", key));
        }
        match &self.body {
            Some(body) => request.set_json(body),
            None => request,
        }
    }
}

/// What is answered: status, and the body, which is JSON or empty.
async fn answered<B: MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: test::TestRequest,
) -> (u16, Value) {
    let response = test::call_service(app, request.to_request()).await;
    let status = response.status().as_u16();
    let body = test::read_body(response).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The status and the code of a refusal.
async fn refused<B: MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: test::TestRequest,
) -> (u16, String) {
    let (status, body) = answered(app, request).await;
    let code = body["code"].as_str().unwrap_or_default().to_owned();
    // All have the same form.
    if status >= 400 {
        assert!(body["detail"].is_string() && body["request_id"].is_string(), "{body}");
        assert_eq!(body["status"], json!(status));
    }
    (status, code)
}
