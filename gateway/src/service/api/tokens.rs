//! Access tokens by client credentials (RFC 6749, section 4.4), and what verifies them.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::json;

use crate::{
    oauth::{ASSERTION_TYPE, AssertionTerms, ClientId, Grant, KeySet, Lifetime, Presented, Scopes},
    service::{
        call::{Call, Reply},
        context::Gateway,
        id,
        problem::Problem,
        records::clients::{self, Client},
    },
    store::StoreError,
};

/// RFC 6749, section 5.1.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenView {
    pub access_token: String,
    /// `Bearer`
    pub token_type: &'static str,
    /// In seconds.
    pub expires_in: u64,
    pub scope: String,
}

/// RFC 6749, section 5.2.
struct Refused(u16, &'static str, String);

/// The form that is posted. A parameter that comes twice is refused (RFC 6749, section 3.2).
#[derive(Debug, Default)]
struct Form(Vec<(String, String)>);

impl Form {
    fn read(call: &Call) -> Result<Self, Refused> {
        let kind = call.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let bad = |detail: &str| Refused(400, "invalid_request", detail.to_owned());
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(bad("the body is a form: application/x-www-form-urlencoded"));
        }
        let text = std::str::from_utf8(&call.body).map_err(|_| bad("the form is not in UTF-8"))?;
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text);
        let pairs = pairs.map_err(|_| bad("the form cannot be read"))?.into_inner();
        let twice = |at: usize| pairs[..at].iter().any(|(name, _)| *name == pairs[at].0);
        if (0..pairs.len()).any(twice) {
            return Err(bad("a parameter is there twice"));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// An access token
///
/// By `client_secret_basic`, or by `private_key_jwt` (RFC 7523) with EdDSA. Good for at most ten minutes.
#[utoipa::path(post, path = "/oauth/token",
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "grant_type=client_credentials, perhaps scope, and for private_key_jwt client_assertion_type and client_assertion"),
    responses((status = 200, body = TokenView)))]
pub async fn token(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let reply = match issue(gateway, call).await? {
        Ok(view) => Reply::ok(&view),
        Err(Refused(status, error, description)) => {
            let mut reply = Reply::json(status, &json!({ "error": error, "error_description": description }));
            if status == 401 {
                reply.headers.push(("www-authenticate", "Basic".to_owned()));
            }
            reply
        }
    };
    let mut reply = reply;
    reply.headers.push(("cache-control", "no-store".to_owned()));
    Ok(reply)
}

async fn issue(gateway: &Gateway, call: &Call) -> Result<Result<TokenView, Refused>, Problem> {
    let form = match Form::read(call) {
        Ok(form) => form,
        Err(refused) => return Ok(Err(refused)),
    };
    if form.get("grant_type") != Some("client_credentials") {
        let detail = "grant_type is client_credentials".to_owned();
        return Ok(Err(Refused(400, "unsupported_grant_type", detail)));
    }
    let client = match form.get("client_assertion") {
        Some(assertion) => by_assertion(gateway, call, &form, assertion).await?,
        None => by_secret(gateway, call).await?,
    };
    let Some(client) = client else {
        let detail = "the client is not known, is disabled, or does not prove who it is".to_owned();
        return Ok(Err(Refused(401, "invalid_client", detail)));
    };
    let scopes = match form.get("scope").filter(|scope| !scope.is_empty()) {
        None => client.scopes(),
        Some(text) => match text.parse::<Scopes>() {
            Ok(scopes) if scopes.is_within(&client.scopes()) => scopes,
            Ok(_) => {
                let detail = "the client may not have all of these scopes".to_owned();
                return Ok(Err(Refused(400, "invalid_scope", detail)));
            }
            Err(fault) => return Ok(Err(Refused(400, "invalid_scope", fault.to_string()))),
        },
    };
    let grant = Grant {
        client_id: client
            .id
            .parse()
            .map_err(|fault: crate::oauth::ClientIdFault| Problem::internal(&fault))?,
        scopes: scopes.clone(),
        issued_at: call.now_ms / 1000,
        lifetime: Lifetime::MAX,
        token_id: id::unique(call.now_ms)?,
    };
    Ok(Ok(TokenView {
        access_token: gateway.issuer.issue(&grant),
        token_type: "Bearer",
        expires_in: Lifetime::MAX.as_seconds(),
        scope: scopes.to_string(),
    }))
}

async fn find(gateway: &Gateway, id: String) -> Result<Option<Client>, Problem> {
    if id.parse::<ClientId>().is_err() {
        return Ok(None);
    }
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| clients::find(sql, &id))
        .await?;
    Ok(found.filter(|client| !client.disabled))
}

/// RFC 6749, section 2.3.1: both parts are encoded as in a form.
async fn by_secret(gateway: &Gateway, call: &Call) -> Result<Option<Client>, Problem> {
    let read = || {
        let header = call.authorization.as_deref()?;
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 1024 {
            return None;
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some((decoded_form(id)?, decoded_form(secret)?))
    };
    let Some((id, secret)) = read() else {
        return Ok(None);
    };
    let found = find(gateway, id).await?;
    Ok(found.filter(|client| client.has_secret(&secret)))
}

fn decoded_form(text: &str) -> Option<String> {
    let pair = format!("v={text}");
    let read = actix_web::web::Query::<Vec<(String, String)>>::from_query(&pair).ok()?;
    read.into_inner().pop().map(|(_, value)| value)
}

async fn by_assertion(gateway: &Gateway, call: &Call, form: &Form, assertion: &str) -> Result<Option<Client>, Problem> {
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Ok(None);
    }
    let Ok(presented) = Presented::read(assertion) else {
        return Ok(None);
    };
    let Some(client) = find(gateway, presented.client_id().to_string()).await? else {
        return Ok(None);
    };
    let keys = client.body.jwks.as_ref().map(ToString::to_string);
    let Some(keys) = keys.and_then(|json| KeySet::read(json.as_bytes()).ok()) else {
        return Ok(None);
    };
    let endpoint = format!("{}/oauth/token", gateway.config.public_url);
    let terms = AssertionTerms {
        audiences: &[&gateway.issuer.issuer, &endpoint],
        keys: &keys,
        now: call.now_ms / 1000,
    };
    let verified = match presented.verify(&terms) {
        Ok(verified) => verified,
        Err(fault) => {
            tracing::info!(client = client.id, fault = fault.to_string(), "an assertion is refused");
            return Ok(None);
        }
    };
    let until_ms = verified.expires_at.saturating_mul(1000).saturating_add(1000);
    let (key_id, now_ms) = (format!("jwt {}", client.id), call.now_ms);
    let is_new = gateway
        .store
        .write::<_, StoreError, _>(move |sql| clients::use_nonce(sql, &key_id, &verified.token_id, now_ms, until_ms))
        .await?;
    Ok(is_new.then_some(client))
}

/// The keys that verify access tokens (RFC 7517)
#[utoipa::path(get, path = "/.well-known/jwks.json", responses((status = 200, body = Object)))]
pub async fn jwks(gateway: &Arc<Gateway>, _: &Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&gateway.jwks))
}

/// Where tokens are had (RFC 8414)
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", responses((status = 200, body = Object)))]
pub async fn metadata(gateway: &Arc<Gateway>, _: &Call) -> Result<Reply, Problem> {
    let issuer = &gateway.config.public_url;
    let scopes: Vec<_> = crate::oauth::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    Ok(Reply::ok(&json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/oauth/token"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA"],
        "scopes_supported": scopes,
    })))
}
