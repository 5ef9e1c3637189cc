//! Follows the ledger, and stores what it booked for this operator's accounts: one gateway at a time, by a lease that
//! every write asks for.
//!
//! Watched are the operator's own account and all of its customers', each from before the block that opens it. A block's
//! entries and the height that they are of are written together. The Bookkeeper, which may be large, is written only now
//! and then: after a restart it takes the blocks since again, of which everything is stored already.
//!
//! Where entries may not be all that there is, the account is unsettled, which is stored too: the ledger is asked, and
//! when the height that it answers of has been booked, the difference becomes an entry of its own.

mod start;
mod unsettled;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use causeway_contracts::{
    block::{BlockId, Header},
    identity::AccountId,
    transaction::{Action, Transaction},
};
use causeway_wallet::client::VerifiedBlock;
use tokio::time::{Instant, sleep, timeout};

pub(super) use self::unsettled::held;
use super::{
    context::Gateway,
    currencies,
    engine::Due,
    orders,
    records::{
        accounts,
        entries::{self, Held},
        followed::{self, Followed, KeptBookkeeper},
        jobs::{self, Kind, Leased},
    },
};
use crate::{
    bookkeeping::{Booked, Bookkeeper},
    store::StoreError,
};

/// The only job of its kind.
const JOB: &str = "follow";

/// A height with nothing in it is stored no later than this, so that blocks without entries cost few writes.
const STORE_WITHIN: Duration = Duration::from_secs(1);

const KEEP_BOOKKEEPER_EVERY: Duration = Duration::from_secs(30);

const RETRY: Duration = Duration::from_secs(1);

/// Makes the job, if no gateway has made it yet.
pub(super) async fn begin(gateway: &Gateway) {
    loop {
        let now_ms = gateway.now_ms();
        let made = gateway
            .store
            .write(move |sql| jobs::kick(sql, Kind::Follow, JOB, now_ms));
        match made.await {
            Ok(()) => return,
            Err::<_, StoreError>(error) => {
                tracing::warn!(error = error.to_string(), "the ledger cannot be followed yet");
                sleep(RETRY).await;
            }
        }
    }
}

/// Goes on until the lease is another's, or the database fails.
pub(super) async fn follow(gateway: Arc<Gateway>, leased: Leased) -> Due {
    let stored = gateway
        .store
        .read::<_, StoreError, _>(|sql| Ok(followed::find(sql)?.zip(followed::bookkeeper(sql)?)))
        .await?;
    let (followed, kept) = match stored {
        Some(stored) => stored,
        None => match start::begin(&gateway, &leased).await {
            Ok(begun) => begun,
            Err(start::StartError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(error = told(&error), "the ledger cannot be followed yet");
                return Ok(Some(gateway.now_ms() + RETRY.as_millis() as u64));
            }
        },
    };
    tracing::info!(height = followed.height.0, "following the ledger");
    let mut follower = gateway.ledger.follow(kept.bookkeeper.next(), gateway.keys.operator());
    if let Some(block) = kept.block {
        follower = follower.after(block);
    }
    let mut job = Job {
        gateway: &gateway,
        leased,
        followed,
        bookkeeper: kept.bookkeeper,
        block: kept.block,
        answers: BTreeMap::new(),
        is_stored: true,
        stored: Instant::now(),
        kept: Instant::now(),
    };
    loop {
        job.ask_unsettled().await?;
        let next = match job.is_stored {
            true => follower.next().await,
            false => match timeout(STORE_WITHIN, follower.next()).await {
                Ok(next) => next,
                Err(_) => {
                    job.store(Booked::default()).await?;
                    continue;
                }
            },
        };
        match next {
            Ok(block) => job.book(block).await?,
            Err(error) => {
                tracing::warn!(error = told(&error), "no block could be had");
                sleep(RETRY).await;
            }
        }
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    told
}

struct Job<'a> {
    gateway: &'a Arc<Gateway>,
    leased: Leased,
    followed: Followed,
    bookkeeper: Bookkeeper,
    /// The last that the Bookkeeper has taken.
    block: Option<BlockId>,
    /// What the ledger said of unsettled accounts, until that height has been booked.
    answers: BTreeMap<AccountId, Held>,
    /// Whether the database has this height.
    is_stored: bool,
    stored: Instant,
    kept: Instant,
}

impl Job<'_> {
    async fn book(&mut self, block: VerifiedBlock) -> Result<(), StoreError> {
        let VerifiedBlock {
            id,
            header,
            receipts,
            transactions,
        } = block;
        for account in opened(self.gateway, &transactions).await? {
            self.bookkeeper.watch(account);
        }
        let booked = self.bookkeeper.book(&header, &receipts, &transactions);
        let booked = booked.expect("the follower gives blocks in order, with their transactions");
        self.block = Some(id);
        // Of an earlier one everything is stored; the Bookkeeper alone had to see it again.
        if header.height <= self.followed.height {
            return Ok(());
        }
        self.pass(&header, &booked);
        let is_due = self.answers.values().any(|held| held.height == header.height);
        let has_news = booked != Booked::default() || is_due;
        if has_news || self.stored.elapsed() >= STORE_WITHIN {
            self.know(&booked).await;
            self.store(booked).await?;
        }
        Ok(())
    }

    /// What is told of an entry has its amount. Its currency is on the ledger, so that enough validators say what it is
    /// sooner or later; until then no block is booked.
    async fn know(&self, booked: &Booked) {
        for currency in booked.entries.iter().map(|entry| entry.currency) {
            loop {
                match currencies::learn(self.gateway, currency).await {
                    Ok(true) => break,
                    Ok(false) => tracing::warn!(%currency, "too few validators know a currency that is paid in"),
                    Err(error) => tracing::warn!(%currency, error = told(&error), "a currency could not be asked for"),
                }
                sleep(RETRY).await;
            }
        }
    }

    fn pass(&mut self, header: &Header, booked: &Booked) {
        self.followed.height = header.height;
        self.followed.time_ms = header.time_ms;
        let touched = booked.touched.iter().map(|touched| touched.account);
        self.followed.unsettled.extend(touched);
        self.is_stored = false;
    }

    /// Entries of the block that was just booked, and what the ledger said of accounts as of this height.
    async fn store(&mut self, booked: Booked) -> Result<(), StoreError> {
        let height = self.followed.height;
        let answers = std::mem::take(&mut self.answers).into_iter();
        let (due, later): (BTreeMap<_, _>, _) = answers.partition(|(_, held)| held.height == height);
        self.answers = later;
        let due: Vec<Held> = due.into_values().collect();
        for held in &due {
            self.followed.unsettled.remove(&held.account);
        }
        let is_kept = self.kept.elapsed() < KEEP_BOOKKEEPER_EVERY;
        let kept = (!is_kept).then(|| KeptBookkeeper {
            block: self.block,
            bookkeeper: self.bookkeeper.clone(),
        });
        let (leased, followed) = (self.leased.clone(), self.followed.clone());
        let gateway = Arc::clone(self.gateway);
        let time_ms = followed.time_ms.0;
        let (has_orders, is_overdue) = self
            .gateway
            .store
            .write::<_, StoreError, _>(move |sql| {
                jobs::check(sql, &leased)?;
                entries::add(sql, &booked.entries)?;
                for held in &due {
                    let time_ms = followed.time_ms;
                    entries::settle(
                        sql,
                        &Held {
                            time_ms,
                            ..held.clone()
                        },
                    )?;
                }
                followed::save(sql, &followed)?;
                if let Some(kept) = kept {
                    followed::save_bookkeeper(sql, &kept)?;
                }
                let entries = orders::walk_in::with_orders(&gateway, sql, &booked.entries)?;
                let has_orders = orders::booked(&gateway, sql, &entries, &booked.holds)?;
                Ok((has_orders, orders::is_any_overdue(sql, time_ms)?))
            })
            .await?;
        if is_overdue {
            orders::expire_all(self.gateway, &self.leased, time_ms).await?;
        }
        if has_orders || is_overdue {
            self.gateway.wake_paybacks.notify_one();
            self.gateway.wake_card_advices.notify_one();
            self.gateway.wake_settlements.notify_one();
            self.gateway.wake_deliveries.notify_one();
        }
        self.is_stored = true;
        self.stored = Instant::now();
        if !is_kept {
            self.kept = Instant::now();
        }
        Ok(())
    }
}

/// Accounts of customers that these transactions open.
async fn opened(gateway: &Gateway, transactions: &[Transaction]) -> Result<Vec<AccountId>, StoreError> {
    let actions = transactions.iter().flat_map(|transaction| transaction.actions.iter());
    let opened = actions.filter_map(|action| match action {
        Action::OpenAccount {
            operator, keys, salt, ..
        } if *operator == gateway.us() => Some(AccountId::derive(gateway.genesis(), *operator, keys, salt)),
        _ => None,
    });
    let opened: Vec<_> = opened.map(|id| (id, gateway.address(id).to_string())).collect();
    if opened.is_empty() {
        return Ok(Vec::new());
    }
    gateway
        .store
        .read(move |sql| {
            let mut ours = Vec::new();
            for (id, address) in opened {
                if accounts::by_name(sql, "address", &address)?.is_some() {
                    ours.push(id);
                }
            }
            Ok(ours)
        })
        .await
}
