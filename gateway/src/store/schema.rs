//! The tables, and how a database comes to the version that this program knows.
//!
//! What the gateway decides by is in columns; what it only shows is in a document, in JSON. Times are milliseconds since
//! 1970.

use super::{Sql, StoreError, sql::Dialect};

/// Written in `meta` of the database.
pub const VERSION: i64 = 1;

/// From nothing to version 1. `AMOUNT`, `BYTES` and `KEYED` are put in by dialect; the last for tables of short rows, which
/// SQLite keeps in their key's tree alone.
const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    disabled BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE client_keys (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE used_nonces (
    key_id TEXT NOT NULL,
    nonce TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (key_id, nonce)
)KEYED;
CREATE INDEX used_nonces_until ON used_nonces (until_ms);
CREATE TABLE idempotency (
    client TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTES NOT NULL,
    object TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    running_until_ms BIGINT NOT NULL,
    status BIGINT,
    answer BYTES,
    PRIMARY KEY (client, method, path, key)
);
CREATE INDEX idempotency_created ON idempotency (created_ms);
CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX customers_client ON customers (client, id);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    customer TEXT NOT NULL,
    address TEXT NOT NULL UNIQUE,
    iban TEXT UNIQUE,
    opened BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX accounts_client ON accounts (client, id);
CREATE TABLE aliases (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE TABLE quotes (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    used_by TEXT,
    expires_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE remittances (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    side TEXT NOT NULL,
    uetr TEXT NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (uetr, side)
);
CREATE INDEX remittances_client ON remittances (client, id);
CREATE TABLE proofs (
    transaction_id TEXT NOT NULL,
    remittance TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (transaction_id, remittance)
);
CREATE TABLE trackers (
    token_hash BYTES PRIMARY KEY,
    remittance TEXT NOT NULL
)KEYED;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    lease TEXT NOT NULL,
    kicks BIGINT NOT NULL,
    attempts BIGINT NOT NULL
)KEYED;
CREATE INDEX jobs_due ON jobs (kind, due_ms);
CREATE TABLE events (
    seq BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    client TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_client ON events (client, seq);
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX webhooks_client ON webhooks (client, id);
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    webhook TEXT NOT NULL,
    event BIGINT NOT NULL,
    attempts TEXT NOT NULL,
    done BIGINT NOT NULL
)KEYED;
CREATE INDEX deliveries_webhook ON deliveries (webhook, event);
CREATE TABLE bulks (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    atomic BIGINT NOT NULL,
    intent TEXT
);
CREATE TABLE bulk_lines (
    bulk TEXT NOT NULL,
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    remittance TEXT,
    transaction_id TEXT,
    problem TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (bulk, number)
);
CREATE INDEX bulk_lines_state ON bulk_lines (bulk, state, number);
CREATE TABLE messages (
    client TEXT NOT NULL,
    sender TEXT NOT NULL,
    id TEXT NOT NULL,
    fingerprint BYTES NOT NULL,
    object TEXT NOT NULL,
    running_until_ms BIGINT NOT NULL,
    answer BYTES,
    PRIMARY KEY (client, sender, id)
);
CREATE TABLE entries (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    time_ms BIGINT NOT NULL,
    place BIGINT NOT NULL,
    height BIGINT NOT NULL,
    is_credit BIGINT NOT NULL,
    amount AMOUNT NOT NULL,
    credits BIGINT NOT NULL,
    credited TEXT NOT NULL,
    debits BIGINT NOT NULL,
    debited TEXT NOT NULL,
    transaction_id TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (account, time_ms, place)
);
CREATE INDEX entries_currency ON entries (account, currency, time_ms, place);
CREATE TABLE merchants (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    suspended BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX merchants_client ON merchants (client, id);
CREATE TABLE stores (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    merchant TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX stores_merchant ON stores (merchant, id);
CREATE TABLE terminals (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    merchant TEXT NOT NULL,
    store TEXT NOT NULL,
    number TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (merchant, number)
);
CREATE INDEX terminals_store ON terminals (store, id);
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    merchant TEXT NOT NULL,
    reference TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    checkout BYTES NOT NULL UNIQUE,
    body TEXT NOT NULL,
    UNIQUE (merchant, reference)
);
CREATE INDEX orders_client ON orders (client, id);
CREATE INDEX orders_merchant ON orders (client, merchant, id);
CREATE INDEX orders_reference ON orders (client, reference, id);
CREATE INDEX orders_state ON orders (client, state, id);
CREATE INDEX orders_expires ON orders (state, expires_ms);
CREATE TABLE order_proofs (
    order_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
CREATE TABLE paybacks (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    reference TEXT,
    state TEXT NOT NULL,
    intent TEXT,
    body TEXT NOT NULL,
    UNIQUE (order_id, reference)
);
CREATE INDEX paybacks_order ON paybacks (order_id, id);
CREATE TABLE cards (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    account TEXT NOT NULL,
    status TEXT NOT NULL,
    number_hash BYTES NOT NULL UNIQUE,
    number BYTES NOT NULL,
    pin TEXT,
    pin_tries_left BIGINT NOT NULL,
    wrong_values BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX cards_client ON cards (client, id);
CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    card TEXT NOT NULL,
    status TEXT NOT NULL,
    number_hash BYTES NOT NULL UNIQUE,
    number BYTES NOT NULL,
    counter BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX devices_card ON devices (card, id);
CREATE TABLE device_keys (
    device TEXT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    good_until BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    PRIMARY KEY (device, first)
)KEYED;
CREATE TABLE card_payments (
    message TEXT PRIMARY KEY,
    card TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    released BIGINT NOT NULL
)KEYED;
CREATE INDEX card_payments_day ON card_payments (card, day);
CREATE TABLE movements (
    id TEXT PRIMARY KEY,
    merchant TEXT NOT NULL,
    currency TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    settlement TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX movements_settlement ON movements (settlement, merchant, currency, at_ms, id);
CREATE TABLE settlements (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    merchant TEXT NOT NULL,
    currency TEXT NOT NULL,
    day BIGINT NOT NULL,
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    intent TEXT,
    body TEXT NOT NULL,
    UNIQUE (merchant, currency, number)
);
CREATE INDEX settlements_client ON settlements (client, id);
CREATE TABLE disputes (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX disputes_client ON disputes (client, id);
CREATE INDEX disputes_order ON disputes (order_id, id);
CREATE TABLE authorizations (
    id TEXT PRIMARY KEY,
    message_key TEXT NOT NULL UNIQUE,
    elements TEXT NOT NULL,
    reference TEXT,
    original TEXT,
    state TEXT NOT NULL,
    intent TEXT,
    created_ms BIGINT NOT NULL,
    is_reversal BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX authorizations_elements ON authorizations (elements, id);
CREATE INDEX authorizations_reference ON authorizations (reference, id);
CREATE INDEX authorizations_original ON authorizations (original, is_reversal, created_ms);
CREATE INDEX paybacks_state ON paybacks (state, id);
CREATE TABLE card_reversals (
    route TEXT NOT NULL,
    message_key TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    message BYTES NOT NULL,
    PRIMARY KEY (route, message_key)
)KEYED;
CREATE TABLE card_traces (
    route TEXT PRIMARY KEY,
    last BIGINT NOT NULL
)KEYED;
CREATE TABLE card_attempts (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    route TEXT NOT NULL,
    message_key TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    outcome TEXT,
    undone_ms BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX card_attempts_message ON card_attempts (route, message_key);
CREATE INDEX card_attempts_order ON card_attempts (order_id, id);
CREATE TABLE card_advices (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    attempt TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    message BYTES NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX card_advices_order ON card_advices (order_id, id);
CREATE TABLE order_holds (
    hold TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX order_holds_order ON order_holds (order_id, state, opened_ms);
CREATE TABLE followed (
    name TEXT PRIMARY KEY,
    height BIGINT NOT NULL,
    body TEXT NOT NULL
);
";

/// The version of an open database; `None` if it has no tables yet.
pub fn version(sql: &mut dyn Sql) -> Result<Option<i64>, StoreError> {
    let found = match sql.dialect() {
        Dialect::Sqlite => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
        Dialect::Postgres => {
            "SELECT CAST(1 AS BIGINT) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'meta'"
        }
    };
    if sql.query(found, &[])?.is_empty() {
        return Ok(None);
    }
    let row = sql.query_one("SELECT value FROM meta WHERE name = 'version'", &[])?;
    row.map(|row| row.int(0)).transpose()
}

/// Brings it to [`VERSION`]. Of several gateways that begin at once, one does it and the others wait.
pub fn migrate(sql: &mut dyn Sql) -> Result<(), StoreError> {
    const MIGRATING: i64 = 1;
    sql.exclusive(MIGRATING)?;
    match version(sql)? {
        Some(VERSION) => Ok(()),
        Some(found) => Err(StoreError::Version { found, known: VERSION }),
        None => {
            let (amount, bytes, keyed) = match sql.dialect() {
                Dialect::Sqlite => ("TEXT", "BLOB", " WITHOUT ROWID"),
                Dialect::Postgres => ("NUMERIC(20,0)", "BYTEA", ""),
            };
            let tables = TABLES.replace("AMOUNT", amount).replace("BYTES", bytes);
            sql.script(&tables.replace("KEYED", keyed))?;
            sql.execute(
                "INSERT INTO meta (name, value) VALUES ('version', $1)",
                &[VERSION.into()],
            )?;
            Ok(())
        }
    }
}

/// That it is of the version that this program knows.
pub fn check(sql: &mut dyn Sql) -> Result<(), StoreError> {
    match version(sql)? {
        Some(VERSION) => Ok(()),
        found => Err(StoreError::Version {
            found: found.unwrap_or(0),
            known: VERSION,
        }),
    }
}
