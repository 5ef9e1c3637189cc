//! Asking the ledger for what entries may not explain.

use std::{collections::BTreeMap, time::Duration};

use causeway_contracts::identity::AccountId;
use causeway_wallet::client::ClientError;
use futures::{StreamExt, stream};
use tokio::time::sleep;

use super::Job;
use crate::{
    bookkeeping::Booked,
    service::{context::Gateway, records::entries::Held},
    store::StoreError,
};

/// Accounts that are asked for between two blocks, and at the same time.
const ASKED_MAX: usize = 64;
const ASKED_AT_ONCE: usize = 8;

/// Validators may be a block behind the follower: they are asked again before the next block.
const ATTEMPTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// What the ledger says that an account has, of the height that it says it of. Of one that it does not have: nothing.
pub(in crate::service) async fn held(gateway: &Gateway, account: AccountId) -> Result<Held, ClientError> {
    let agreed = gateway
        .ledger
        .account_at_one_height(&account, gateway.keys.operator())
        .await?;
    let mut balances = BTreeMap::new();
    for balance in agreed.answer.iter().flat_map(|view| view.balances.iter()) {
        let has = balance.available.checked_credit(balance.held);
        balances.insert(balance.currency, has.expect("the ledger's sums are within 128 bits"));
    }
    Ok(Held {
        account,
        height: agreed.height,
        time_ms: agreed.time_ms,
        balances,
    })
}

impl Job<'_> {
    /// Those of whom there is no answer yet. An answer of an earlier height than this one is of no use: what it does not
    /// explain has been booked, in part, since.
    pub(super) async fn ask_unsettled(&mut self) -> Result<(), StoreError> {
        for attempt in 0..ATTEMPTS {
            let unanswered = self.followed.unsettled.iter();
            let unanswered = unanswered.filter(|account| !self.answers.contains_key(account));
            let unanswered: Vec<AccountId> = unanswered.copied().take(ASKED_MAX).collect();
            if unanswered.is_empty() {
                break;
            }
            if attempt > 0 {
                sleep(PAUSE).await;
            }
            let gateway = self.gateway;
            let asked = stream::iter(unanswered)
                .map(|account| held(gateway, account))
                .buffer_unordered(ASKED_AT_ONCE);
            let answers: Vec<Result<Held, ClientError>> = asked.collect().await;
            for answer in answers {
                match answer {
                    Ok(held) if held.height >= self.followed.height => {
                        self.answers.insert(held.account, held);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::info!(error = error.to_string(), "an account is unsettled"),
                }
            }
        }
        let height = self.followed.height;
        if self.answers.values().any(|held| held.height == height) {
            self.store(Booked::default()).await?;
        }
        Ok(())
    }
}
