//! Accounts on the ledger, whose keys the gateway keeps for its clients' customers.

use std::sync::Arc;

use causeway_contracts::{identity::Address, money::Amount};

use super::{
    customers,
    lists::{ListQuery, page},
};
use crate::{
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::Problem,
        records::accounts::{self, Account},
        views::{self, AccountView, BalanceView, Page},
    },
    store::{Sql, StoreError},
};

/// Accounts, the oldest first
#[utoipa::path(get, path = "/v1/accounts", params(ListQuery),
    responses((status = 200, body = Page<AccountView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit| {
        accounts::accounts(sql, &client, cursor.as_deref().unwrap_or_default(), limit)
    };
    let view = |account: Account| Ok::<_, Problem>(views::account(&account, None));
    page(gateway, call.query()?, read, |account| account.id.clone(), view).await
}

/// An account, with its balances on the ledger
#[utoipa::path(get, path = "/v1/accounts/{id}", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| accounts::find_account(sql, &client, &id))
        .await?;
    let account = found.ok_or_else(|| Problem::not_found("account"))?;
    // One whose opening was cut off is opened now.
    let account = customers::opened(gateway, account).await?;
    if !account.opened {
        return Ok(Reply::ok(&views::account(&account, None)));
    }
    let address: Address = account
        .address
        .parse()
        .map_err(|error: <Address as std::str::FromStr>::Err| Problem::internal(&error))?;
    let key = gateway.keys.account(&account.body.salt);
    let view = gateway.ledger.account(&address.account, &key).await?;
    let balances = view.map(|view| {
        let balances = view.balances.iter().filter_map(|balance| {
            // Only an issuer's own account is below zero, and none of those is a customer's.
            let available = u64::try_from(balance.available.0).map(Amount).ok()?;
            Some(BalanceView {
                available: gateway.exponents.write(available, balance.currency).ok()?,
                held: gateway.exponents.write(balance.held, balance.currency).ok()?,
            })
        });
        balances.collect()
    });
    Ok(Reply::ok(&views::account(&account, balances)))
}
