//! Clients of the API, as the operator manages them.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    authenticate::place,
    id,
    keys::Keys,
    records::clients::{self, Client, ClientBody, KeyBody},
};
use crate::{
    identifiers::bic::Bic,
    keys::{KeyFault, VerifyingKey},
    oauth::{KeySet, KeySetFault, Scopes},
    store::{Store, StoreError},
};

#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no random bytes from the system")]
    Random(#[from] getrandom::Error),
    #[error("the JWK set")]
    Jwks(#[from] KeySetFault),
    #[error("the public key is 64 hexadecimal digits")]
    NotAKey,
    #[error("the public key")]
    Key(#[from] KeyFault),
    #[error("a key with this id is there already")]
    KeyTaken,
    #[error("there is no client {0}; `causeway-gateway clients list` shows those there are")]
    Unknown(String),
}

/// What is told once: of a client, or of a key.
pub struct Made {
    pub id: String,
    pub secret: Zeroizing<String>,
}

/// With a secret, and perhaps keys for assertions.
pub async fn add(
    store: &Store,
    name: String,
    scopes: &Scopes,
    jwks: Option<&[u8]>,
    bic: Option<&Bic>,
    now_ms: u64,
) -> Result<Made, ClientsError> {
    let jwks = match jwks {
        Some(json) => {
            KeySet::read(json)?;
            serde_json::from_slice(json).map_err(|_| KeySetFault::Form)?
        }
        None => None,
    };
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut())?;
    let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(random.as_ref()));
    let client = Client {
        id: id::new("client", now_ms)?,
        disabled: false,
        body: ClientBody {
            name,
            scopes: scopes.to_string(),
            secret_hash: Some(hex::encode(Sha256::digest(secret.as_bytes()))),
            jwks,
            bic: bic.map(Bic::to_string),
        },
    };
    let id = client.id.clone();
    store
        .write::<_, StoreError, _>(move |sql| clients::add(sql, &client))
        .await?;
    Ok(Made { id, secret })
}

pub async fn list(store: &Store) -> Result<Vec<Client>, ClientsError> {
    Ok(store.read::<_, StoreError, _>(|sql| clients::list(sql)).await?)
}

/// From the next request on.
pub async fn set_disabled(store: &Store, id: String, disabled: bool) -> Result<(), ClientsError> {
    let known = id.clone();
    let found = store
        .write::<_, StoreError, _>(move |sql| clients::set_disabled(sql, &known, disabled))
        .await?;
    if found { Ok(()) } else { Err(ClientsError::Unknown(id)) }
}

/// A secret by which the client signs requests (hmac-sha256), kept sealed. Gives the id by which they name it, and the
/// secret in base64, once.
pub async fn add_secret(store: &Store, keys: &Keys, client: String) -> Result<Made, ClientsError> {
    let mut secret = Zeroizing::new([0; 32]);
    let mut name = [0; 8];
    getrandom::fill(secret.as_mut())?;
    getrandom::fill(&mut name)?;
    let id = format!("key_{}", hex::encode(name));
    let body = KeyBody::HmacSha256 {
        secret: hex::encode(keys.seal(&place(&id), secret.as_ref())?),
    };
    add_any(store, client, &id, body).await?;
    Ok(Made {
        id,
        secret: Zeroizing::new(BASE64_STANDARD.encode(secret.as_ref())),
    })
}

/// A public key, in hexadecimal, by which the client signs requests. Gives the id by which they name it.
pub async fn add_key(store: &Store, client: String, key: &str) -> Result<String, ClientsError> {
    let bytes = hex::decode(key.trim()).map_err(|_| ClientsError::NotAKey)?;
    VerifyingKey::from_bytes(&bytes)?;
    let id = format!("key_{}", hex::encode(&Sha256::digest(&bytes)[..8]));
    let body = KeyBody::Ed25519 {
        key: hex::encode(&bytes),
    };
    add_any(store, client, &id, body).await?;
    Ok(id)
}

async fn add_any(store: &Store, client: String, id: &str, body: KeyBody) -> Result<(), ClientsError> {
    let (known, key_id) = (client.clone(), id.to_owned());
    let added = store
        .write::<_, StoreError, _>(move |sql| {
            if clients::find(sql, &known)?.is_none() {
                return Ok(None);
            }
            clients::add_key(sql, &key_id, &known, &body).map(Some)
        })
        .await?;
    match added {
        Some(true) => Ok(()),
        Some(false) => Err(ClientsError::KeyTaken),
        None => Err(ClientsError::Unknown(client)),
    }
}
