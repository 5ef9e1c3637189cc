//! Whom takers ask: one owner of the quoter and of what is known of the account.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use causeway_contracts::{
    identity::{AccountId, AccountStatus},
    keys::SecretKey,
    money::{Amount, Currency},
    settlement::QuoteId,
    statement::AccountView,
    transaction::UnixSeconds,
};
use causeway_wallet::{
    client::{Agreed, Client},
    clock,
};

use super::{
    config::{ConfigError, RatesFiles},
    quoter::{Answer, Ask, Available, Quoter, Refused},
};

/// How often the account is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the account had longer ago says nothing any more.
const LOOK_AGE_MAX: Duration = Duration::from_secs(30);

/// Clocks differ by less. A block that is made so long after a quote has ended by the clock here has a later time than
/// the quote, though no block may have said so: an idle network makes none.
const CLOCKS_SECONDS: u64 = 60;

/// How often the files of rates are read again.
const RATES_EVERY: Duration = Duration::from_secs(60);

/// Requests that wait; who sends one more waits, and then gives up.
const MAILBOX_MESSAGES_MAX: usize = 256;

impl Message for Ask {
    type Result = Result<Answer, Refused>;
}

/// The account, as the network knows it.
pub struct Holder {
    pub client: Client,
    pub account: AccountId,
    /// Asks with it.
    pub key: SecretKey,
}

/// What the account has, by the statement of a moment.
struct Inventory {
    looked: Instant,
    seen: UnixSeconds,
    available: BTreeMap<Currency, Amount>,
}

pub struct Desk {
    quoter: Quoter,
    holder: Arc<Holder>,
    files: RatesFiles,
    inventory: Option<Inventory>,
    /// Until then quotes may be good that were made before this process began.
    quiet_until: UnixSeconds,
}

impl Desk {
    pub fn new(quoter: Quoter, holder: Holder, files: RatesFiles) -> Self {
        Self {
            quiet_until: UnixSeconds(now().0 + quoter.terms.valid_seconds),
            quoter,
            holder: Arc::new(holder),
            files,
            inventory: None,
        }
    }

    fn available(&self, now: UnixSeconds, currency: Currency) -> Result<Available, Refused> {
        let inventory = self.inventory.as_ref().ok_or(Refused::Unknown)?;
        if inventory.looked.elapsed() > LOOK_AGE_MAX || now < self.quiet_until {
            return Err(Refused::Unknown);
        }
        Ok(Available {
            amount: inventory.available.get(&currency).copied().unwrap_or(Amount::ZERO),
            seen: inventory.seen,
        })
    }

    /// Asks the network what the account has.
    fn look(&mut self, context: &mut Context<Self>) {
        let holder = Arc::clone(&self.holder);
        let (looked, begun) = (Instant::now(), now());
        let asked = async move { holder.client.account_agreed(&holder.account, &holder.key).await };
        let told = asked
            .into_actor(self)
            .map(move |found, desk: &mut Self, context: &mut Context<Self>| {
                match found {
                    Ok(Agreed {
                        answer: Some(view),
                        time_ms,
                        ..
                    }) => {
                        desk.inventory = desk.holder.inventory(&view).map(|available| Inventory {
                            looked,
                            seen: UnixSeconds(time_ms.0 / 1000)
                                .max(UnixSeconds(begun.0.saturating_sub(CLOCKS_SECONDS))),
                            available,
                        });
                    }
                    Ok(Agreed { answer: None, .. }) => tracing::warn!("there is no such account on the network"),
                    Err(error) => tracing::warn!(%error, "cannot find out what the account has"),
                }
                // The next look begins when this one has ended, however long that took.
                context.run_later(LOOK_EVERY, Self::look);
            });
        context.spawn(told);
    }

    fn read_rates(&mut self) {
        let read = self.files.load();
        match read.and_then(|rates| {
            let moves = rates.check_moves(&self.quoter.rates);
            moves.map(|()| rates).map_err(ConfigError::Moves)
        }) {
            Ok(rates) => self.quoter.rates = rates,
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the rates of before stay"),
        }
    }
}

impl Holder {
    /// What it can pay with; nothing, said in the log, if its key alone does not sign for it or nothing may leave it.
    fn inventory(&self, view: &AccountView) -> Option<BTreeMap<Currency, Amount>> {
        if !view.keys.is_met_by([&self.key.public_key()]) {
            tracing::warn!("the key does not sign for the account alone: its quotes would be worth nothing");
            return None;
        }
        if view.status != AccountStatus::Active {
            tracing::warn!("the account is frozen or closed");
            return None;
        }
        let moves = view.balances.iter().filter(|balance| balance.frozen.is_none());
        let available = moves.map(|balance| {
            let amount = u64::try_from(balance.available.0.max(0)).unwrap_or(u64::MAX);
            (balance.currency, Amount(amount))
        });
        Some(available.collect())
    }
}

impl Actor for Desk {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        self.look(context);
        context.run_interval(RATES_EVERY, |desk, _| desk.read_rates());
    }
}

impl Handler<Ask> for Desk {
    type Result = Result<Answer, Refused>;

    fn handle(&mut self, ask: Ask, _: &mut Context<Self>) -> Self::Result {
        let now = now();
        let available = self.available(now, ask.buy)?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Refused::NoRandom)?;
        self.quoter.quote(now, QuoteId(id), &ask, available)
    }
}

fn now() -> UnixSeconds {
    UnixSeconds(clock::now_ms().0 / 1000)
}
