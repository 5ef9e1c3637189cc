//! Customers, their accounts, and the names by which others find these.

use causeway_contracts::identity::Salt;
use serde::{Deserialize, Serialize};

use super::{PAGE_MAX, document, int};
use crate::{
    remittance::order::Party,
    store::{Row, Sql, StoreError, Value},
};

/// Who has accounts here.
#[derive(Debug, Clone)]
pub struct Customer {
    pub id: String,
    pub client: String,
    pub created_ms: u64,
    pub body: CustomerBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerBody {
    pub party: Party,
}

#[derive(Debug, Clone)]
pub struct Account {
    pub id: String,
    pub client: String,
    pub customer: String,
    /// On the ledger.
    pub address: String,
    pub iban: Option<String>,
    /// Whether the ledger has it.
    pub opened: bool,
    pub body: AccountBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountBody {
    /// Its key is made from it.
    pub salt: Salt,
    /// Whose it is.
    pub name: String,
    pub aliases: Vec<AliasText>,
    /// Money for it goes to the operator's own account, and is paid out beyond the ledger.
    pub external: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasText {
    /// `phone`, `email` or `merchant`.
    #[schema(pattern = "^(phone|email|merchant)$")]
    pub kind: String,
    #[schema(min_length = 1, max_length = 254)]
    pub value: String,
}

/// Whether it was not there.
pub fn add_customer(sql: &mut dyn Sql, customer: &Customer) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO customers (id, client, created_ms, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
        &[
            (&customer.id).into(),
            (&customer.client).into(),
            int(customer.created_ms).into(),
            (&document(&customer.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

fn customer(row: &Row) -> Result<Customer, StoreError> {
    Ok(Customer {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        created_ms: super::unsigned(row.int(2)?, 2)?,
        body: row.json(3)?,
    })
}

pub fn find_customer(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Customer>, StoreError> {
    let row = sql.query_one(
        "SELECT id, client, created_ms, body FROM customers WHERE id = $1 AND client = $2",
        &[id.into(), client.into()],
    )?;
    row.map(|row| customer(&row)).transpose()
}

/// After this id, one more than a page holds if there are more.
pub fn customers(sql: &mut dyn Sql, client: &str, after: &str, limit: usize) -> Result<Vec<Customer>, StoreError> {
    let rows = sql.query(
        "SELECT id, client, created_ms, body FROM customers WHERE client = $1 AND id > $2 ORDER BY id LIMIT $3",
        &[client.into(), after.into(), page(limit)],
    )?;
    rows.iter().map(customer).collect()
}

fn page(limit: usize) -> Value<'static> {
    Value::Int(limit.min(PAGE_MAX) as i64 + 1)
}

const ACCOUNT: &str = "SELECT id, client, customer, address, iban, opened, body FROM accounts";

fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        customer: row.text(2)?.to_owned(),
        address: row.text(3)?.to_owned(),
        iban: row.optional_text(4)?.map(str::to_owned),
        opened: row.flag(5)?,
        body: row.json(6)?,
    })
}

/// Whether the IBAN was free.
pub fn add_account(sql: &mut dyn Sql, account: &Account) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO accounts (id, client, customer, address, iban, opened, body) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT DO NOTHING",
        &[
            (&account.id).into(),
            (&account.client).into(),
            (&account.customer).into(),
            (&account.address).into(),
            account.iban.as_ref().into(),
            account.opened.into(),
            (&document(&account.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

pub fn set_opened(sql: &mut dyn Sql, id: &str) -> Result<(), StoreError> {
    sql.execute("UPDATE accounts SET opened = 1 WHERE id = $1", &[id.into()])?;
    Ok(())
}

pub fn find_account(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Account>, StoreError> {
    let statement = format!("{ACCOUNT} WHERE client = $2 AND (id = $1 OR address = $1)");
    let row = sql.query_one(&statement, &[id.into(), client.into()])?;
    row.map(|row| account(&row)).transpose()
}

/// Whoever's it is: for the gateway itself, not for clients.
pub fn any_account(sql: &mut dyn Sql, id: &str) -> Result<Option<Account>, StoreError> {
    let row = sql.query_one(&format!("{ACCOUNT} WHERE id = $1"), &[id.into()])?;
    row.map(|row| account(&row)).transpose()
}

/// Of a customer.
pub fn of_customer(sql: &mut dyn Sql, customer: &str) -> Result<Vec<Account>, StoreError> {
    let rows = sql.query(
        &format!("{ACCOUNT} WHERE customer = $1 ORDER BY id"),
        &[customer.into()],
    )?;
    rows.iter().map(account).collect()
}

pub fn accounts(sql: &mut dyn Sql, client: &str, after: &str, limit: usize) -> Result<Vec<Account>, StoreError> {
    let statement = format!("{ACCOUNT} WHERE client = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sql.query(&statement, &[client.into(), after.into(), page(limit)])?;
    rows.iter().map(account).collect()
}

/// All that the ledger has, to be followed there.
pub fn all_accounts(sql: &mut dyn Sql) -> Result<Vec<Account>, StoreError> {
    let rows = sql.query(&format!("{ACCOUNT} ORDER BY id"), &[])?;
    rows.iter().map(account).collect()
}

/// By address, IBAN, or alias.
pub fn by_name(sql: &mut dyn Sql, kind: &str, value: &str) -> Result<Option<Account>, StoreError> {
    let row = match kind {
        "address" => sql.query_one(&format!("{ACCOUNT} WHERE address = $1"), &[value.into()])?,
        "iban" => sql.query_one(&format!("{ACCOUNT} WHERE iban = $1"), &[value.into()])?,
        kind => {
            let statement =
                format!("{ACCOUNT} WHERE id = (SELECT account FROM aliases WHERE kind = $1 AND value = $2)");
            sql.query_one(&statement, &[kind.into(), value.into()])?
        }
    };
    row.map(|row| account(&row)).transpose()
}

/// Whether it was free.
pub fn add_alias(sql: &mut dyn Sql, kind: &str, value: &str, account: &str) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO aliases (kind, value, account) VALUES ($1, $2, $3) ON CONFLICT (kind, value) DO NOTHING",
        &[kind.into(), value.into(), account.into()],
    )?;
    Ok(added > 0)
}
