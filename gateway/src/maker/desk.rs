//! Whom takers ask: one owner of the quoter and of what is known of the account.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use causeway_contracts::{
    identity::AccountId,
    keys::SecretKey,
    money::{Amount, Currency},
    settlement::QuoteId,
    transaction::UnixSeconds,
};
use causeway_wallet::{client::Client, clock};

use super::{
    config::RatesFiles,
    quoter::{Answer, Ask, Available, Quoter, Refused},
};

/// How often the account is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the account had longer ago says nothing any more.
const LOOK_SECONDS_MAX: u64 = 30;

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
    seen: UnixSeconds,
    available: BTreeMap<Currency, Amount>,
}

pub struct Desk {
    quoter: Quoter,
    holder: Arc<Holder>,
    files: RatesFiles,
    inventory: Option<Inventory>,
}

impl Desk {
    pub fn new(quoter: Quoter, holder: Holder, files: RatesFiles) -> Self {
        Self {
            quoter,
            holder: Arc::new(holder),
            files,
            inventory: None,
        }
    }

    fn available(&self, now: UnixSeconds, currency: Currency) -> Result<Available, Refused> {
        let inventory = self.inventory.as_ref().ok_or(Refused::Unknown)?;
        if now.0.saturating_sub(inventory.seen.0) > LOOK_SECONDS_MAX {
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
        let begun = now();
        let asked = async move { holder.client.account(&holder.account, &holder.key).await };
        let told = asked
            .into_actor(self)
            .map(move |found, desk: &mut Self, context: &mut Context<Self>| {
                match found {
                    Ok(Some(view)) => {
                        let available = view.balances.iter().map(|balance| {
                            let amount = u64::try_from(balance.available.0.max(0)).unwrap_or(u64::MAX);
                            (balance.currency, Amount(amount))
                        });
                        desk.inventory = Some(Inventory {
                            seen: begun,
                            available: available.collect(),
                        });
                    }
                    Ok(None) => tracing::warn!("there is no such account on the network"),
                    Err(error) => tracing::warn!(%error, "cannot find out what the account has"),
                }
                // The next look begins when this one has ended, however long that took.
                context.run_later(LOOK_EVERY, Self::look);
            });
        context.spawn(told);
    }

    fn read_rates(&mut self) {
        match self.files.load() {
            Ok(rates) => self.quoter.rates = rates,
            Err(error) => tracing::warn!(%error, "the rates of before stay"),
        }
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
