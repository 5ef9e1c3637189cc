//! Bringing a transaction to its end: to one node, to the next with the same bytes when there is no
//! receipt after 500 ms, until a proof verifies or the transaction is proved dead.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use causeway_contracts::{
    api::{Refused, SUBMIT_BYTES_MAX, SUBMIT_TRANSACTIONS_MAX, Submitted, TRANSACTIONS_TYPE},
    block::{Height, TimeMs},
    proof::{PaymentProof, VerifiedPayment},
    transaction::{SignedTransaction, TransactionError, TxId},
};
use futures::{StreamExt, stream::FuturesUnordered};
use reqwest::header;
use tokio::time::{Instant, sleep, sleep_until};

use super::{CallError, Client, ClientError, expiry_ms, http};
use crate::clock;

/// A node that has no receipt after this is helped by the next.
const NEXT_NODE_AFTER: Duration = Duration::from_millis(500);

/// A node's words for "full just now" and for what its budgets refuse, all of which pass.
const PASSING: [&str; 4] = ["busy", "connection_budget", "account_budget", "operator_budget"];

/// What else may pass, such as an account that a block under way opens, is waited for this long.
const UNWILLING_FOR: Duration = Duration::from_secs(3);

/// How long one request waits for a receipt.
const RECEIPT_WAIT: Duration = Duration::from_secs(5);

/// While nothing has been delivered anywhere, nodes are tried this often before giving up.
const ROUNDS_UNDELIVERED: u32 = 3;

const SUBMITTED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How a transaction ended.
#[derive(Debug)]
pub enum Settled {
    Final(Box<(PaymentProof, VerifiedPayment)>),
    /// Never applied, and never will be: a certified block past its time, and more than f of the
    /// power signing at or past that block that it has no receipt.
    Dead {
        height: Height,
    },
}

/// Where a transaction's bytes may be already; each says more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// They have not left this machine.
    Never,
    /// A node was given them and says that it did not take them.
    Declined,
    /// An earlier run of the program may have brought them to a node.
    Earlier,
    /// A node was given them just now, and did not say whether it took them.
    Possible,
    /// This node says that it took them.
    Taken(usize),
}

/// How one node's attempt at a transaction ended.
enum Attempt {
    Confirmed(Box<(PaymentProof, VerifiedPayment)>),
    Refused(Refused),
    Failed(CallError),
    /// Its proof does not verify, or is for another transaction.
    Lied,
}

/// What all nodes together came to.
enum Race {
    Confirmed(Box<(PaymentProof, VerifiedPayment)>),
    TimeOver,
    /// By every node that answered, and none may have the bytes but those.
    Refused(Refused),
    /// The bytes have not left this machine in this run.
    Unreachable(CallError),
}

impl Client {
    /// Brings a transaction to a verified proof, of its rejection too. The same bytes may be
    /// submitted again at any time: they take effect at most once.
    pub async fn submit(&self, tx: &SignedTransaction) -> Result<(PaymentProof, VerifiedPayment), ClientError> {
        match self.settle(tx, Delivery::Never).await? {
            Settled::Final(confirmed) => Ok(*confirmed),
            Settled::Dead { height } => Err(ClientError::Dead { id: tx.id(), height }),
        }
    }

    /// Gives transactions to one node in as few requests as fit; the next node is tried if one does
    /// not answer. Says where each of them is then. Nothing is proved by it: [`Self::settle`] does that.
    pub async fn offer(&self, txs: &[SignedTransaction]) -> Result<Vec<Delivery>, ClientError> {
        let bytes = txs
            .iter()
            .map(SignedTransaction::to_bytes)
            .collect::<Result<Vec<_>, TransactionError>>()?;
        let ids: Vec<_> = txs.iter().map(SignedTransaction::id).collect();
        let mut deliveries = vec![Delivery::Never; txs.len()];
        for node in self.in_order() {
            match self.offer_groups(node, &bytes, &ids, &mut deliveries).await {
                Ok(()) => break,
                Err(_) => self.pass_over(node),
            }
        }
        Ok(deliveries)
    }

    async fn offer_groups(
        &self,
        node: usize,
        bytes: &[Vec<u8>],
        ids: &[TxId],
        deliveries: &mut [Delivery],
    ) -> Result<(), CallError> {
        let mut from = 0;
        while from < bytes.len() {
            let mut body = Vec::new();
            let mut to = from;
            while to < bytes.len() && to - from < SUBMIT_TRANSACTIONS_MAX {
                if body.len() + 4 + bytes[to].len() > SUBMIT_BYTES_MAX {
                    break;
                }
                push_framed(&mut body, &bytes[to]);
                to += 1;
            }
            let posted = self.post(node, body, &ids[from..to]).await;
            for (place, delivery) in deliveries[from..to].iter_mut().enumerate() {
                let now = match &posted {
                    Ok(results) if results[place].is_none() => Delivery::Taken(node),
                    Ok(_) => Delivery::Declined,
                    Err(error) if error.is_connect() => Delivery::Never,
                    Err(error) if error.busy_for().is_some() => Delivery::Declined,
                    Err(_) => Delivery::Possible,
                };
                *delivery = now.max(*delivery);
            }
            posted?;
            from = to;
        }
        Ok(())
    }

    async fn post(&self, node: usize, body: Vec<u8>, ids: &[TxId]) -> Result<Vec<Option<Refused>>, CallError> {
        let request = self
            .http
            .post(self.url(node, "/v1/transactions"))
            .header(header::CONTENT_TYPE, TRANSACTIONS_TYPE)
            .body(body);
        let reply = http::exchange(request, http::REQUEST_TIMEOUT, SUBMITTED_BYTES_MAX).await?;
        // Where none was taken the status is an error's, and the body still says why for each.
        let Ok(answer) = serde_json::from_slice::<Submitted>(&reply.body) else {
            return Err(reply.into_error());
        };
        if !answer.results.iter().map(|result| &result.id).eq(ids) {
            return Err(CallError::OtherSubject);
        }
        Ok(answer.results.into_iter().map(|result| result.refused).collect())
    }

    /// Whether a transaction may be sent at all: it is one of this network, and its proof could be
    /// believed.
    pub fn check(&self, tx: &SignedTransaction) -> Result<(), ClientError> {
        self.check_trust()?;
        Ok(tx.check(&self.genesis)?)
    }

    /// Waits until a transaction is final or proved dead. It fails with [`ClientError::Unreachable`]
    /// only if the bytes have not left this machine, in this call or, by `delivery`, before it.
    pub async fn settle(&self, tx: &SignedTransaction, delivery: Delivery) -> Result<Settled, ClientError> {
        self.check(tx)?;
        let mut body = Vec::new();
        push_framed(&mut body, &tx.to_bytes()?);
        let id = tx.id();
        let valid_until = tx.transaction.valid_until;
        let left = expiry_ms(valid_until).0.saturating_sub(clock::now_ms().0);
        if left > 0 {
            let submission = Submission {
                client: self,
                id,
                body,
                given: AtomicUsize::new(usize::from(matches!(
                    delivery,
                    Delivery::Declined | Delivery::Possible | Delivery::Taken(_)
                ))),
                taken: AtomicBool::new(delivery >= Delivery::Earlier),
                until: Instant::now() + Duration::from_millis(left),
            };
            let offered = match delivery {
                Delivery::Taken(node) => Some(node),
                _ => None,
            };
            match submission.race(offered).await {
                Race::Confirmed(confirmed) => return Ok(Settled::Final(confirmed)),
                Race::Refused(refused) => {
                    return Err(ClientError::Refused {
                        id,
                        refused: Box::new(refused),
                    });
                }
                // An earlier run may have been luckier.
                Race::Unreachable(_) if delivery != Delivery::Never => {
                    return Err(ClientError::Unconfirmed { id, valid_until });
                }
                Race::Unreachable(last) => {
                    return Err(ClientError::Unreachable {
                        asked: self.nodes.len(),
                        last: Box::new(last),
                    });
                }
                Race::TimeOver => {}
            }
        }
        self.aftermath(id, expiry_ms(valid_until))
            .await?
            .ok_or(ClientError::Unconfirmed { id, valid_until })
    }

    /// Looks for what became of a transaction whose time is over.
    async fn aftermath(&self, id: TxId, expiry: TimeMs) -> Result<Option<Settled>, ClientError> {
        let until = Instant::now() + self.patience;
        loop {
            match self.proof(&id).await {
                Ok(Some(confirmed)) => return Ok(Some(Settled::Final(Box::new(confirmed)))),
                Err(error @ ClientError::TrustLapsed) => return Err(error),
                // A node that lied, or silence, leaves the outcome unknown.
                Ok(None) | Err(_) => {}
            }
            if let Some(height) = self.proved_dead(&id, expiry).await {
                return Ok(Some(Settled::Dead { height }));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}

fn push_framed(body: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a transaction is at most 16 KiB");
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(bytes);
}

/// One transaction on its way, at several nodes at once.
struct Submission<'a> {
    client: &'a Client,
    id: TxId,
    body: Vec<u8>,
    /// How many requests with the bytes may have left this machine in this run.
    given: AtomicUsize,
    /// Whether some node said that it took the bytes, or did not say.
    taken: AtomicBool,
    until: Instant,
}

impl Submission<'_> {
    async fn race(&self, mut offered: Option<usize>) -> Race {
        let mut refused = None;
        for round in 0.. {
            let mut failed = None;
            match self.round(offered.take(), &mut refused, &mut failed).await {
                Some(confirmed) => return Race::Confirmed(confirmed),
                None if Instant::now() >= self.until => return Race::TimeOver,
                None => {}
            }
            let enough = round + 1 >= ROUNDS_UNDELIVERED;
            let (given, taken) = (
                self.given.load(Ordering::Relaxed) > 0,
                self.taken.load(Ordering::Relaxed),
            );
            match (refused.take(), failed) {
                (Some(why), None) if !taken => return Race::Refused(why),
                (Some(why), Some(_)) if !taken && enough => return Race::Refused(why),
                (None, Some(error)) if !given && enough => return Race::Unreachable(error),
                (why, _) => refused = why,
            }
            let pause = Duration::from_millis(250 << round.min(3));
            sleep_until(self.until.min(Instant::now() + pause)).await;
        }
        unreachable!("rounds end with the transaction's time")
    }

    /// Every node once, each a little after the one before. `failed` is left empty if every node
    /// refused.
    async fn round(
        &self,
        offered: Option<usize>,
        refused: &mut Option<Refused>,
        failed: &mut Option<CallError>,
    ) -> Option<Box<(PaymentProof, VerifiedPayment)>> {
        let mut waiting = self.client.in_order();
        if let Some(node) = offered {
            waiting.retain(|other| *other != node);
            waiting.insert(0, node);
        }
        waiting.reverse();
        let mut attempts = FuturesUnordered::new();
        let mut next_at = Instant::now();
        let mut last = None;
        loop {
            tokio::select! {
                biased;
                Some((node, ended)) = attempts.next(), if !attempts.is_empty() => {
                    match ended {
                        Attempt::Confirmed(confirmed) => return Some(confirmed),
                        Attempt::Refused(why) => *refused = Some(why),
                        Attempt::Failed(error) => *failed = Some(error),
                        Attempt::Lied => *failed = Some(CallError::OtherSubject),
                    }
                    self.client.pass_over(node);
                    next_at = Instant::now();
                }
                () = sleep_until(next_at), if !waiting.is_empty() => {
                    let node = waiting.pop().expect("not empty, as just checked");
                    attempts.push(async move { (node, self.attempt(node, offered == Some(node)).await) });
                    if let Some(slow) = last.replace(node) {
                        self.client.pass_over(slow);
                    }
                    next_at = Instant::now() + NEXT_NODE_AFTER;
                }
                () = sleep_until(self.until) => return None,
            }
            if attempts.is_empty() && waiting.is_empty() {
                return None;
            }
        }
    }

    async fn attempt(&self, node: usize, mut offered: bool) -> Attempt {
        let unwilling_at = Instant::now() + UNWILLING_FOR;
        loop {
            let mut refused = None;
            if !offered {
                // Before, and taken back if there was no connection: a request that is dropped on its
                // way counts.
                self.given.fetch_add(1, Ordering::Relaxed);
                match self.client.post(node, self.body.clone(), &[self.id]).await {
                    Ok(results) => refused = results.into_iter().flatten().next(),
                    Err(error) if error.is_connect() => {
                        self.given.fetch_sub(1, Ordering::Relaxed);
                        return Attempt::Failed(error);
                    }
                    Err(error) => match error.busy_for() {
                        Some(pause) => {
                            sleep(pause).await;
                            continue;
                        }
                        None => {
                            self.taken.store(true, Ordering::Relaxed);
                            return Attempt::Failed(error);
                        }
                    },
                }
                if refused.is_none() {
                    self.taken.store(true, Ordering::Relaxed);
                }
            }
            // A node that refuses what is final already can still show it.
            let wait = if refused.is_some() {
                Duration::ZERO
            } else {
                RECEIPT_WAIT
            };
            let from = self.client.proofs_from();
            match (self.client.receipt_at(node, &self.id, wait, from).await, refused) {
                (Ok(Some(proof)), _) => {
                    return match self.client.believe_following(&proof).await {
                        Ok(verified) if verified.id == self.id => Attempt::Confirmed(Box::new((proof, verified))),
                        _ => {
                            self.taken.store(true, Ordering::Relaxed);
                            Attempt::Lied
                        }
                    };
                }
                (Ok(None) | Err(_), Some(why))
                    if PASSING.contains(&&*why.code) || (why.retry && Instant::now() < unwilling_at) =>
                {
                    sleep(NEXT_NODE_AFTER).await;
                }
                (Ok(None) | Err(_), Some(why)) => return Attempt::Refused(why),
                // It may have lost the bytes, by a crash say: offer them again.
                (Ok(None), None) => {}
                (Err(error), None) => return Attempt::Failed(error),
            }
            offered = false;
        }
    }
}
