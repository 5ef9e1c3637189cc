//! Where following begins, once for each database: at the ledger's height of then.

use std::collections::BTreeSet;

use causeway_contracts::{
    governance::CurrencyRecord,
    identity::{AccountId, Address, ParticipantId},
    money::Currency,
    settlement::Status,
};
use causeway_wallet::client::ClientError;

use super::unsettled::held;
use crate::{
    bookkeeping::Bookkeeper,
    service::{
        context::Gateway,
        records::{
            accounts, entries,
            followed::{self, Followed, KeptBookkeeper},
            jobs::{self, Leased},
        },
    },
    store::StoreError,
};

#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the network")]
    Ledger(#[from] ClientError),
    #[error("the address of account {0} is none")]
    Address(String),
}

/// What the operator's own account has at this height is its opening entry. Contracts that are open are asked for after
/// that, so that some may have ended in between: the account is settled once more. So are those of all customers: this
/// gateway may not have heard yet that one is open already.
pub(super) async fn begin(gateway: &Gateway, leased: &Leased) -> Result<(Followed, KeptBookkeeper), StartError> {
    let us = gateway.account_of(gateway.us());
    let opening = held(gateway, us).await?;
    let mut bookkeeper = Bookkeeper::new(opening.height.next(), *gateway.genesis(), issuers(gateway).await?);
    let known = gateway
        .store
        .read::<_, StoreError, _>(|sql| accounts::all_accounts(sql))
        .await?;
    let mut unsettled = BTreeSet::from([us]);
    let mut open = BTreeSet::from([us]);
    bookkeeper.watch(us);
    for account in known {
        let address: Address = account
            .address
            .parse()
            .map_err(|_| StartError::Address(account.id.clone()))?;
        bookkeeper.watch(address.account);
        unsettled.insert(address.account);
        // Of one that is not there, validators tell no contracts.
        if account.opened || is_open(gateway, &address.account).await? {
            open.insert(address.account);
        }
    }
    for account in &open {
        remember(gateway, account, &mut bookkeeper).await?;
    }
    let followed = Followed {
        height: opening.height,
        time_ms: opening.time_ms,
        since_ms: opening.time_ms,
        unsettled,
    };
    let kept = KeptBookkeeper {
        block: None,
        bookkeeper,
    };
    let begun = (followed.clone(), kept.clone());
    let leased = leased.clone();
    gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            jobs::check(sql, &leased)?;
            entries::settle(sql, &opening)?;
            followed::save(sql, &followed)?;
            followed::save_bookkeeper(sql, &kept)
        })
        .await?;
    Ok(begun)
}

/// Which currencies there are, one node may say; who issues each, more than f of the validators must.
async fn issuers(gateway: &Gateway) -> Result<Vec<(Currency, ParticipantId)>, StartError> {
    let told: Vec<CurrencyRecord> = gateway.ledger.ask("/v1/currencies").await?;
    let mut issuers = Vec::new();
    for record in told {
        if let Some(known) = gateway.ledger.currency(record.code).await? {
            issuers.push((known.code, known.issuer));
        }
    }
    Ok(issuers)
}

async fn is_open(gateway: &Gateway, account: &AccountId) -> Result<bool, ClientError> {
    let agreed = gateway.ledger.account_agreed(account, gateway.keys.operator()).await?;
    Ok(agreed.answer.is_some())
}

/// The account's contracts that are open now.
async fn remember(gateway: &Gateway, account: &AccountId, bookkeeper: &mut Bookkeeper) -> Result<(), StartError> {
    let key = gateway.keys.operator();
    let mut after = None;
    loop {
        let page = gateway.ledger.contracts(account, after, key).await?;
        for id in page.contracts.iter() {
            let view = gateway.ledger.contract(id, key).await?;
            if let Some(view) = view.filter(|view| view.status == Status::Open) {
                bookkeeper.remember(*id, &view.terms);
            }
        }
        after = page.contracts.last().copied();
        if !page.has_more || after.is_none() {
            return Ok(());
        }
    }
}
