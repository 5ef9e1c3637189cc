//! Who asks: a client by an access token or by a signature over its request, or another operator by one with its key on
//! the ledger.

use causeway_contracts::identity::ParticipantId;

use super::{
    call::Caller,
    context::Gateway,
    problem::{Code, Problem},
    records::clients::{self, Client, KeyBody},
};
use crate::{
    http_signatures::{Acceptance, InputFault, Key, Refusal, Request, TargetFault, TargetUri, WINDOW_SECONDS, read},
    keys::{KeyFault, SecretFault, SharedSecret, VerifyingKey},
    oauth::{Scope, Scopes, Terms, TokenFault},
    store::StoreError,
};

/// What of a request says who made it.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    pub method: &'a str,
    /// Path and query, as sent.
    pub target: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// Whether the path asks for an `Idempotency-Key`.
    pub idempotent: bool,
}

/// Why it is not known who asks.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("send an access token (Authorization: Bearer ...) or a signature (RFC 9421)")]
    Nothing,
    #[error("the access token: {0}")]
    Token(#[from] TokenFault),
    #[error("the signature: {0}")]
    Input(#[from] InputFault),
    #[error("the signature names no key (keyid)")]
    NoKeyId,
    #[error("the signature's key is not known here")]
    NoSuchKey,
    #[error("the signature: {0}")]
    Signature(#[from] Refusal),
    #[error("the signature's nonce was used already")]
    NonceUsed,
    #[error("the client is not known, or disabled")]
    Client,
    #[error("the target: {0}")]
    Target(#[from] TargetFault),
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        Self::new(Code::Unauthenticated, unknown.to_string())
    }
}

fn field<'a>(credentials: &Credentials<'a>, name: &str) -> Option<&'a str> {
    let mut found = credentials
        .fields
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| *value)
}

/// For a path that is for clients with this scope.
pub async fn client(gateway: &Gateway, credentials: &Credentials<'_>, scope: Scope) -> Result<Caller, Problem> {
    let (client, scopes) = if field(credentials, "signature-input").is_some() {
        let client = by_signature(gateway, credentials).await?;
        let scopes = client.scopes();
        (client, scopes)
    } else {
        by_token(gateway, credentials).await?
    };
    // What is allowed now counts, whatever a token says.
    if !scopes.contains(scope) || !client.scopes().contains(scope) {
        let detail = format!("this needs the scope {scope}, which the client or its token has not");
        return Err(Problem::new(Code::Forbidden, detail));
    }
    Ok(Caller::Client(Box::new(client)))
}

/// Before a long body is read: whoever has a token has a good one, and who signs, whose signature is over the body, says
/// so. Strangers do not make the gateway hold megabytes.
pub async fn known(gateway: &Gateway, authorization: Option<&str>, signs: bool) -> Result<(), Problem> {
    if signs {
        return Ok(());
    }
    by_header(gateway, authorization).await.map(drop)
}

async fn by_token(gateway: &Gateway, credentials: &Credentials<'_>) -> Result<(Client, Scopes), Problem> {
    by_header(gateway, field(credentials, "authorization")).await
}

async fn by_header(gateway: &Gateway, header: Option<&str>) -> Result<(Client, Scopes), Problem> {
    let header = header.ok_or(Unknown::Nothing)?;
    let token = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Unknown::Nothing)?;
    let terms = Terms {
        issuer: &gateway.issuer.issuer,
        audience: &gateway.issuer.audience,
        keys: &gateway.token_keys,
        now: gateway.now_ms() / 1000,
    };
    let token = gateway.tokens.verify(token, &terms).map_err(Unknown::from)?;
    let id = token.client_id.to_string();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| clients::find(sql, &id))
        .await?;
    let client = found.filter(|client| !client.disabled).ok_or(Unknown::Client)?;
    Ok((client, token.scopes))
}

async fn by_signature(gateway: &Gateway, credentials: &Credentials<'_>) -> Result<Client, Problem> {
    let key_id = key_id(gateway, credentials)?;
    let found = gateway
        .store
        .read::<_, StoreError, _>({
            let id = key_id.clone();
            move |sql| {
                let Some((client, key)) = clients::find_key(sql, &id)? else {
                    return Ok(None);
                };
                Ok(clients::find(sql, &client)?.map(|client| (client, key)))
            }
        })
        .await?;
    let (client, key) = found.ok_or(Unknown::NoSuchKey)?;
    if client.disabled {
        return Err(Unknown::Client.into());
    }
    let key = verifying(gateway, &key_id, &key)?;
    verify(gateway, credentials, &key_id, &key).await?;
    Ok(client)
}

/// A key's record is one, since it was written by this gateway.
fn verifying(gateway: &Gateway, key_id: &str, key: &KeyBody) -> Result<Key, Problem> {
    #[derive(Debug, thiserror::Error)]
    enum Broken {
        #[error("a stored key is not in hexadecimal")]
        Hex(#[from] hex::FromHexError),
        #[error("a stored key")]
        Key(#[from] KeyFault),
        #[error("a stored secret")]
        Secret(#[from] SecretFault),
        #[error(transparent)]
        Sealed(#[from] super::keys::NotSealedHere),
    }
    let read = || match key {
        KeyBody::Ed25519 { key } => Ok::<_, Broken>(Key::Ed25519(VerifyingKey::from_bytes(&hex::decode(key)?)?)),
        KeyBody::HmacSha256 { secret } => {
            let secret = gateway.keys.open(&place(key_id), &hex::decode(secret)?)?;
            Ok(Key::HmacSha256(SharedSecret::new(secret)?))
        }
    };
    read().map_err(|broken| Problem::internal(&broken))
}

/// Where a client's secret is sealed for.
pub fn place(key_id: &str) -> String {
    format!("client_keys/{key_id}")
}

/// For a path that is for other operators.
pub async fn operator(gateway: &Gateway, credentials: &Credentials<'_>) -> Result<Caller, Problem> {
    let key_id = key_id(gateway, credentials)?;
    let bytes = key_id
        .strip_prefix("ed25519:")
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or(Unknown::NoSuchKey)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| Unknown::NoSuchKey)?;
    let id: ParticipantId = gateway.operator_of(&key).ok_or(Unknown::NoSuchKey)?;
    verify(gateway, credentials, &key_id, &Key::Ed25519(key)).await?;
    Ok(Caller::Operator(id))
}

fn with_request<T>(
    gateway: &Gateway,
    credentials: &Credentials<'_>,
    with: impl FnOnce(&Request<'_>) -> Result<T, Unknown>,
) -> Result<T, Unknown> {
    let target = TargetUri::parse(&format!("{}{}", gateway.config.public_url, credentials.target))?;
    with(&Request {
        method: credentials.method,
        target: &target,
        fields: credentials.fields,
    })
}

fn key_id(gateway: &Gateway, credentials: &Credentials<'_>) -> Result<String, Unknown> {
    with_request(gateway, credentials, |request| {
        let offered = read(request)?;
        let first = offered.first().ok_or(Unknown::Nothing)?;
        first.key_id().map(str::to_owned).ok_or(Unknown::NoKeyId)
    })
}

/// The first of the signatures counts.
async fn verify(gateway: &Gateway, credentials: &Credentials<'_>, key_id: &str, key: &Key) -> Result<(), Problem> {
    let now_ms = gateway.now_ms();
    let authenticated = with_request(gateway, credentials, |request| {
        let offered = read(request)?;
        let first = offered.first().ok_or(Unknown::Nothing)?;
        let acceptance = Acceptance {
            key,
            now: now_ms / 1000,
            body: credentials.body,
            idempotent: credentials.idempotent,
        };
        Ok(first.verify(request, &acceptance)?)
    })?;
    let until_ms = now_ms + 2 * WINDOW_SECONDS * 1000 + 1000;
    let key_id = key_id.to_owned();
    let is_new = gateway
        .store
        .write::<_, StoreError, _>(move |sql| clients::use_nonce(sql, &key_id, &authenticated.nonce, now_ms, until_ms))
        .await?;
    if is_new { Ok(()) } else { Err(Unknown::NonceUsed.into()) }
}
