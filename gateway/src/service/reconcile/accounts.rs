//! Whether entries add up to balances.

use std::{collections::BTreeSet, time::Duration};

use causeway_contracts::identity::Address;
use futures::{StreamExt, stream};
use tokio::time::sleep;

use super::{AT_ONCE, AccountId, Difference, Gateway, ReconcileError, Report, StoreError, records};
use crate::service::{
    follow::held,
    records::{
        entries::{self, Held},
        followed,
    },
};

/// What differs is looked at again: an account may be about to be settled.
const ATTEMPTS: usize = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// The follower gets to a height that is final within seconds.
const REACH_ATTEMPTS: usize = 120;
const REACH_PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone)]
struct Account {
    id: AccountId,
    /// `None`: the operator's own.
    name: Option<String>,
}

pub(super) async fn reconcile(gateway: &Gateway) -> Result<Report, ReconcileError> {
    let known = gateway
        .store
        .read::<_, StoreError, _>(|sql| records::accounts::all_accounts(sql));
    let mut accounts = vec![Account {
        id: gateway.account_of(gateway.us()),
        name: None,
    }];
    for account in known.await?.into_iter().filter(|account| account.opened) {
        let address = account.address.parse::<Address>();
        let address = address.map_err(|_| ReconcileError::Address(account.id.clone()))?;
        accounts.push(Account {
            id: address.account,
            name: Some(account.id),
        });
    }
    let mut reports = stream::iter(accounts)
        .map(|account| compared(gateway, account))
        .buffer_unordered(AT_ONCE);
    let mut all = Report::default();
    while let Some(report) = reports.next().await {
        all.add(report?);
    }
    Ok(all)
}

async fn compared(gateway: &Gateway, account: Account) -> Result<Report, ReconcileError> {
    let mut attempt = 1;
    loop {
        let held = held(gateway, account.id).await?;
        reach(gateway, &held).await?;
        let report = compare(gateway, &account, held).await?;
        if report.differences.is_empty() || attempt == ATTEMPTS {
            return Ok(report);
        }
        attempt += 1;
        sleep(PAUSE).await;
    }
}

/// Waits until the height of the ledger's answer is booked.
async fn reach(gateway: &Gateway, held: &Held) -> Result<(), ReconcileError> {
    let mut attempt = 1;
    loop {
        let followed = gateway
            .store
            .read::<_, StoreError, _>(|sql| followed::find(sql))
            .await?;
        let followed = followed.ok_or(ReconcileError::NotFollowed)?;
        if followed.height >= held.height {
            return Ok(());
        }
        if attempt == REACH_ATTEMPTS {
            return Err(ReconcileError::Behind {
                asked: held.height,
                reached: followed.height,
            });
        }
        attempt += 1;
        sleep(REACH_PAUSE).await;
    }
}

async fn compare(gateway: &Gateway, account: &Account, held: Held) -> Result<Report, ReconcileError> {
    let prefix = gateway.prefix();
    let (account, address) = (account.clone(), account.id.address(prefix).to_string());
    let compared = gateway.store.read::<_, StoreError, _>(move |sql| {
        let mut currencies: BTreeSet<_> = held.balances.keys().copied().collect();
        currencies.extend(entries::currencies_of(sql, &held.account)?);
        let mut report = Report::default();
        report.counts.accounts = 1;
        for currency in currencies {
            let until_ms = held.time_ms.0.saturating_add(1);
            let booked = entries::totals_before(sql, &held.account, currency, Some(until_ms))?.balance();
            let ledger = held.balances.get(&currency).copied().unwrap_or_default();
            report.counts.balances += 1;
            if booked != ledger {
                report.differs(Difference::Balance {
                    account: account.name.clone(),
                    address: address.clone(),
                    currency,
                    height: held.height,
                    booked: booked.to_string(),
                    ledger: ledger.to_string(),
                });
            }
        }
        Ok(report)
    });
    Ok(compared.await?)
}
