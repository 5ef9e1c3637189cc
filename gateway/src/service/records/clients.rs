//! Clients of the API, and what they sign with.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    oauth::Scopes,
    store::{Sql, StoreError, Value},
};

#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub disabled: bool,
    pub body: ClientBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientBody {
    pub name: String,
    /// Separated by spaces.
    pub scopes: String,
    /// SHA-256 of a secret of 256 random bits, in hexadecimal: such a one cannot be guessed from it.
    pub secret_hash: Option<String>,
    /// A JWK set, by which it signs assertions.
    pub jwks: Option<Json>,
    /// By which messages of ISO 20022 name it: it sends none as another, and gets those of incoming remittances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
}

impl Client {
    pub fn scopes(&self) -> Scopes {
        self.body.scopes.parse().unwrap_or_default()
    }

    pub fn has_secret(&self, secret: &str) -> bool {
        let hash = hex::encode(Sha256::digest(secret.as_bytes()));
        // Of equal hashes nothing is learned by the time that it takes to compare them.
        self.body.secret_hash.as_ref().is_some_and(|known| *known == hash)
    }
}

/// By which a client signs requests (RFC 9421).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "kebab-case")]
pub enum KeyBody {
    /// The public key, in hexadecimal.
    Ed25519 { key: String },
    /// Sealed, in hexadecimal.
    HmacSha256 { secret: String },
}

pub fn add(sql: &mut dyn Sql, client: &Client) -> Result<(), StoreError> {
    let body = serde_json::to_string(&client.body).expect("it has a JSON form");
    sql.execute(
        "INSERT INTO clients (id, disabled, body) VALUES ($1, $2, $3)",
        &[(&client.id).into(), client.disabled.into(), (&body).into()],
    )?;
    Ok(())
}

pub fn set_disabled(sql: &mut dyn Sql, id: &str, disabled: bool) -> Result<bool, StoreError> {
    let changed = sql.execute(
        "UPDATE clients SET disabled = $2 WHERE id = $1",
        &[id.into(), disabled.into()],
    )?;
    Ok(changed > 0)
}

pub fn find(sql: &mut dyn Sql, id: &str) -> Result<Option<Client>, StoreError> {
    let row = sql.query_one("SELECT id, disabled, body FROM clients WHERE id = $1", &[id.into()])?;
    row.map(|row| client(&row)).transpose()
}

pub fn list(sql: &mut dyn Sql) -> Result<Vec<Client>, StoreError> {
    let rows = sql.query("SELECT id, disabled, body FROM clients ORDER BY id", &[])?;
    rows.iter().map(client).collect()
}

fn client(row: &crate::store::Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: row.text(0)?.to_owned(),
        disabled: row.flag(1)?,
        body: row.json(2)?,
    })
}

/// Whether the id was free.
pub fn add_key(sql: &mut dyn Sql, id: &str, client: &str, key: &KeyBody) -> Result<bool, StoreError> {
    let body = serde_json::to_string(key).expect("it has a JSON form");
    let added = sql.execute(
        "INSERT INTO client_keys (id, client, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
        &[id.into(), client.into(), (&body).into()],
    )?;
    Ok(added > 0)
}

pub fn find_key(sql: &mut dyn Sql, id: &str) -> Result<Option<(String, KeyBody)>, StoreError> {
    let row = sql.query_one("SELECT client, body FROM client_keys WHERE id = $1", &[id.into()])?;
    row.map(|row| Ok((row.text(0)?.to_owned(), row.json(1)?))).transpose()
}

/// Whether it is used for the first time; it is remembered until then.
pub fn use_nonce(sql: &mut dyn Sql, key_id: &str, nonce: &str, now_ms: u64, until_ms: u64) -> Result<bool, StoreError> {
    sql.execute(
        "DELETE FROM used_nonces WHERE until_ms < $1",
        &[Value::Int(now_ms as i64)],
    )?;
    let added = sql.execute(
        "INSERT INTO used_nonces (key_id, nonce, until_ms) VALUES ($1, $2, $3) ON CONFLICT (key_id, nonce) DO NOTHING",
        &[key_id.into(), nonce.into(), Value::Int(until_ms as i64)],
    )?;
    Ok(added > 0)
}
