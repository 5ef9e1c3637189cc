//! Payments at a steady rate while everything breaks, each written into the checker's books before it is
//! sent, and again when its client has proof of its end.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use causeway_contracts::{
    codec::Text, ledger::receipt::Outcome, money::Amount, transaction::Action, transaction::SignedTransaction,
    transaction::TxId,
};
use causeway_wallet::{
    client::{Client, ClientError},
    payment,
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    availability::{Availability, Window},
    books::{Books, Order, Told},
};
use crate::{
    latency::{Latencies, Percentiles},
    load::{self, Loader},
};

/// With this many unanswered payments no further ones are sent.
const IN_FLIGHT_MAX: usize = 8192;

/// How far the offering is, for those who watch it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pulse {
    pub offered: u64,
    pub acknowledged: u64,
    pub in_flight: usize,
    /// For how long nothing was finalized.
    pub waiting: Duration,
}

/// What came of all of it.
pub struct Offered {
    pub books: Books,
    pub offered: u64,
    /// Due and not sent, since too many were unanswered.
    pub unsent: u64,
    /// Without proof of an end, by why.
    pub failed: BTreeMap<String, u64>,
    pub finality: Option<Percentiles>,
    pub windows: Vec<Window>,
}

pub struct Offering {
    loader: Loader,
    rate: u64,
    books: Books,
    availability: Availability,
    latencies: Latencies,
    offered: u64,
    acknowledged: u64,
    unsent: u64,
    failed: BTreeMap<String, u64>,
    tasks: JoinSet<Ended>,
}

struct Ended {
    id: TxId,
    sent: Instant,
    told: Told,
    failed: Option<&'static str>,
}

impl Offering {
    pub fn new(loader: Loader, rate: u64) -> Self {
        Self {
            books: Books::new(loader.payers().len(), load::FUNDS),
            loader,
            rate,
            availability: Availability::default(),
            latencies: Latencies::default(),
            offered: 0,
            acknowledged: 0,
            unsent: 0,
            failed: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Offers until `stop` is true, and then waits until each payment has ended.
    pub async fn run(
        mut self,
        mut stop: watch::Receiver<bool>,
        pulse: watch::Sender<Pulse>,
    ) -> anyhow::Result<Offered> {
        let every = Duration::from_nanos(1_000_000_000 / self.rate);
        let mut ticks = tokio::time::interval(every);
        let mut number = 0;
        let mut stopping = false;
        while !stopping || !self.tasks.is_empty() {
            tokio::select! {
                _ = ticks.tick() => {
                    if !stopping {
                        self.offer(number)?;
                        number += 1;
                    }
                }
                Some(ended) = self.tasks.join_next() => self.end(ended.context("a payment's task panicked")?),
                // Its sender is gone only when all is over.
                _ = stop.wait_for(|stop| *stop), if !stopping => stopping = true,
            }
            pulse.send_replace(Pulse {
                offered: self.offered,
                acknowledged: self.acknowledged,
                in_flight: self.tasks.len(),
                waiting: self.availability.waiting(Instant::now()),
            });
        }
        Ok(Offered {
            books: self.books,
            offered: self.offered,
            unsent: self.unsent,
            failed: self.failed,
            finality: self.latencies.percentiles(),
            windows: self.availability.windows().to_vec(),
        })
    }

    fn offer(&mut self, number: u64) -> anyhow::Result<()> {
        if self.tasks.len() >= IN_FLIGHT_MAX {
            self.unsent += 1;
            return Ok(());
        }
        let order = order(number, self.loader.payers().len());
        let transaction = self.sign(order)?;
        let (id, sent) = (transaction.id(), Instant::now());
        self.books.sign(id, order);
        self.offered += 1;
        self.availability.offered(sent);
        let client = self.loader.client().clone();
        self.tasks.spawn(async move {
            let (told, failed) = told(&client, &transaction).await;
            Ended { id, sent, told, failed }
        });
        Ok(())
    }

    fn sign(&self, order: Order) -> anyhow::Result<SignedTransaction> {
        let payers = self.loader.payers();
        let transfer = Action::Transfer {
            from: payers[order.payer].id,
            to: payers[order.payee].id,
            currency: self.loader.currency(),
            amount: order.amount,
        };
        let genesis = self.loader.client().genesis();
        Ok(payment::sign(
            genesis,
            transfer,
            Text::default(),
            &payers[order.payer].key,
        )?)
    }

    fn end(&mut self, ended: Ended) {
        let now = Instant::now();
        self.books.tell(ended.id, ended.told);
        match ended.told {
            Told::Applied | Told::Rejected => {
                self.availability.finalized(now);
                self.latencies.extend([now - ended.sent]);
            }
            Told::Dead | Told::Nothing => self.availability.given_up(now),
        }
        self.acknowledged += u64::from(ended.told == Told::Applied);
        if let Some(why) = ended.failed {
            *self.failed.entry(why.to_owned()).or_default() += 1;
        }
    }
}

async fn told(client: &Arc<Client>, transaction: &SignedTransaction) -> (Told, Option<&'static str>) {
    match client.submit(transaction).await {
        Ok((_, verified)) => match verified.outcome {
            Outcome::Applied => (Told::Applied, None),
            Outcome::Rejected { .. } => (Told::Rejected, None),
        },
        Err(error) => {
            let dead = matches!(error, ClientError::Dead { .. });
            (if dead { Told::Dead } else { Told::Nothing }, Some(load::kind(&error)))
        }
    }
}

/// Who pays whom: everyone in turn, payees and amounts ever others.
fn order(number: u64, accounts: usize) -> Order {
    let payer = (number % accounts as u64) as usize;
    let further = 1 + (number / accounts as u64 % (accounts as u64 - 1)) as usize;
    Order {
        payer,
        payee: (payer + further) % accounts,
        amount: Amount(1 + number % 97),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everyone_pays_everyone_else_and_nobody_himself() {
        let pairs: BTreeSet<_> = (0..5 * 4)
            .map(|number| order(number, 5))
            .map(|o| (o.payer, o.payee))
            .collect();
        assert_eq!(pairs.len(), 20);
        assert!(pairs.iter().all(|(payer, payee)| payer != payee && *payee < 5));
    }
}
