//! A gateway's API as its clients use it.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use super::clients::Credentials;
use crate::folder;

/// A recall waits ten seconds for the ledger's word.
const PATIENCE: Duration = Duration::from_secs(30);

/// One client of one gateway.
pub struct Api {
    http: Client,
    credentials: Credentials,
    /// Good for ten minutes at most.
    token: RwLock<String>,
}

impl Api {
    /// By a file of [`Credentials`].
    pub async fn open(file: &std::path::Path) -> anyhow::Result<Self> {
        Self::of(read(file)?).await
    }

    /// The same client of one of several processes of an operator.
    pub async fn at(file: &std::path::Path, url: String) -> anyhow::Result<Self> {
        let credentials = read(file)?;
        Self::of(Credentials {
            api: url,
            ..credentials
        })
        .await
    }

    async fn of(credentials: Credentials) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let token = RwLock::new(token(&http, &credentials).await?);
        Ok(Self {
            http,
            credentials,
            token,
        })
    }

    /// Asks for a new token.
    pub async fn renew(&self) -> anyhow::Result<()> {
        let new = token(&self.http, &self.credentials).await?;
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Good for ten minutes at most.
    pub fn token(&self) -> String {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// With a key of the caller's; whatever the answer is.
    pub async fn try_post(&self, path: &str, body: &Value, key: &str) -> anyhow::Result<(u16, Value)> {
        let (status, text) = self.try_post_text(path, body, key).await?;
        Ok((status, json(status, &text)?))
    }

    /// The same, and the answer as it came.
    pub async fn try_post_text(&self, path: &str, body: &Value, key: &str) -> anyhow::Result<(u16, String)> {
        let request = self.http.post(format!("{}{path}", self.credentials.api)).json(body);
        let request = request.header("idempotency-key", key).bearer_auth(self.token());
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// `path` begins with a slash.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.credentials.api));
        self.good("GET", path, request).await
    }

    /// What is no JSON.
    pub async fn get_bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let request = self.http.get(format!("{}{path}", self.credentials.api));
        let response = request.bearer_auth(self.token()).send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        if !status.is_success() {
            let said = String::from_utf8_lossy(&bytes);
            bail!("GET {}{path} came to {status}: {said}", self.credentials.api);
        }
        Ok(bytes.into())
    }

    /// Each call is another order: with an idempotency key of its own.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)?;
        let request = self.http.post(format!("{}{path}", self.credentials.api)).json(body);
        self.good("POST", path, request.header("idempotency-key", hex::encode(key)))
            .await
    }

    async fn good(&self, method: &str, path: &str, request: RequestBuilder) -> anyhow::Result<Value> {
        let (status, answer) = answer(request.bearer_auth(self.token())).await?;
        if !status.is_success() {
            bail!("{method} {}{path} came to {status}: {answer}", self.credentials.api);
        }
        Ok(answer)
    }
}

async fn token(http: &Client, credentials: &Credentials) -> anyhow::Result<String> {
    let request = http
        .post(format!("{}/oauth/token", credentials.api))
        .basic_auth(&credentials.client_id, Some(&credentials.client_secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let (status, answer) = answer(request).await?;
    let token = answer["access_token"].as_str();
    let token = token.with_context(|| format!("{} gives no token: {status} {answer}", credentials.api))?;
    Ok(token.to_owned())
}

async fn answer(request: RequestBuilder) -> anyhow::Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    Ok((status, json(status.as_u16(), &text)?))
}

fn json(status: u16, text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{status}: no JSON in '{text}'"))
}

fn read(file: &std::path::Path) -> anyhow::Result<Credentials> {
    serde_json::from_str(&folder::read(file)?).with_context(|| file.display().to_string())
}

/// A text of an answer; `path` is a JSON pointer (RFC 6901).
pub fn text<'a>(answer: &'a Value, path: &str) -> anyhow::Result<&'a str> {
    let found = answer.pointer(path).and_then(Value::as_str);
    found.with_context(|| format!("there is no text {path} in {answer}"))
}
