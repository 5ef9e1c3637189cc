//! How any single transaction is carried out: signed, remembered, sent, and brought to its end.
//!
//! From the moment that a transaction is final nothing makes the command fail any more: whoever sees
//! it fail runs it again. What cannot be written down then is a warning.

use std::time::{Duration, Instant};

use causeway_contracts::{
    codec::Text,
    keys::SecretKey,
    ledger::receipt::Outcome,
    proof::{PaymentProof, VerifiedPayment},
    settlement::ContractId,
    transaction::{Action, SignedTransaction, Transaction},
};
use causeway_wallet::{
    client::{Client, ClientError, Delivery, Settled},
    clock,
    history::{End, History},
    home::Home,
    payment,
};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{
    Finding,
    output::{self, note, say},
    wallet::Wallet,
};

/// A command that takes this long shows that it is alive.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// What a transaction came to, and how long it took.
pub struct Done {
    pub action: Action,
    pub verified: VerifiedPayment,
    pub latency: Duration,
    pub made: Made,
}

/// When a transaction was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    Now,
    /// By an earlier run, so short a time ago that this run may have brought it to its end.
    Resumed,
    /// By an earlier run whose outcome nobody had looked up: it may be another payment than is meant now.
    Before,
}

/// Holds the history locked to its end: the next command of this wallet must see this one's outcome.
pub struct Teller<'a> {
    wallet: &'a Wallet,
    home: &'a Home,
    client: &'a Client,
    pub history: History,
}

impl<'a> Teller<'a> {
    pub fn new(wallet: &'a Wallet, home: &'a Home, client: &'a Client) -> anyhow::Result<Self> {
        let waits = || note!("Waiting for another payment of this wallet to end.");
        Ok(Self {
            wallet,
            home,
            client,
            history: History::open(&home.history_path(), waits)?,
        })
    }

    /// Signs an action, or takes the signed bytes of one like it whose outcome is still unknown, and
    /// brings it to its end. The bytes are in the history before they are sent.
    pub async fn carry_out(
        &mut self,
        keys: &[SecretKey],
        (action, memo): (Action, Text<140>),
        is_like: impl Fn(&Transaction) -> bool,
    ) -> anyhow::Result<Done> {
        if let Some(done) = self.earlier(is_like).await? {
            return Ok(done);
        }
        let tx = payment::sign_together(self.client.genesis(), action, memo, keys)?;
        self.send(&tx, Delivery::Never).await
    }

    /// The outcome of one like this that an earlier run has left unknown, if it had or may have an effect.
    pub async fn earlier(&mut self, is_like: impl Fn(&Transaction) -> bool) -> anyhow::Result<Option<Done>> {
        let Some(earlier) = self.history.unfinished(is_like)? else {
            return Ok(None);
        };
        let at = output::time(earlier.time_ms.0 / 1000);
        note!(
            "The outcome of the same transaction, made by an earlier run at {at} ({}), is unknown; finding it out first.",
            earlier.id
        );
        let tx = earlier.transaction;
        let made = match tx.transaction.valid_until.0 > clock::now_ms().0 / 1000 {
            true => Made::Resumed,
            false => Made::Before,
        };
        let started = Instant::now();
        match self.settle(&tx, Delivery::Earlier).await? {
            Settled::Final(confirmed) => match confirmed.1.outcome {
                Outcome::Rejected { reason, .. } if made == Made::Before => {
                    note!("It was refused by the ledger then: {reason}. Making a new one.");
                    Ok(None)
                }
                _ => Ok(Some(done(&tx, *confirmed, started, made))),
            },
            Settled::Dead { .. } => {
                note!("It is proved to have had no effect; making a new one.");
                Ok(None)
            }
        }
    }

    /// Brings a signed transaction to its end, which may have been sent before.
    pub async fn send(&mut self, tx: &SignedTransaction, delivery: Delivery) -> anyhow::Result<Done> {
        // First: what cannot be sent must not be remembered as if it had been.
        self.client.check(tx)?;
        if delivery == Delivery::Never {
            self.history.sent(tx)?;
        }
        let started = Instant::now();
        match self.settle(tx, delivery).await? {
            Settled::Final(confirmed) => Ok(done(tx, *confirmed, started, Made::Now)),
            Settled::Dead { height } => Err(ClientError::Dead { id: tx.id(), height }.into()),
        }
    }

    async fn settle(&mut self, tx: &SignedTransaction, delivery: Delivery) -> anyhow::Result<Settled> {
        let settled = with_sign_of_life(self.client.settle(tx, delivery)).await;
        match &settled {
            Ok(Settled::Final(confirmed)) => {
                let VerifiedPayment { height, outcome, .. } = confirmed.1;
                // The next run of the same command finds the outcome again by itself.
                if let Err(error) = self.history.ended(tx.id(), End::Final { height, outcome }) {
                    self.warn("the history does not have the outcome", error.into());
                }
            }
            Ok(Settled::Dead { height }) => self.history.ended(tx.id(), End::Dead { height: *height })?,
            // Only a transaction that has not left this machine ends so.
            Err(ClientError::Unreachable { .. }) => self.history.ended(tx.id(), End::Unsent)?,
            Err(_) => {}
        }
        keep_trust(self.wallet, self.home, self.client);
        Ok(settled?)
    }

    fn warn(&self, what: &str, error: anyhow::Error) {
        output::warning(self.wallet.json, format_args!("{what}: {}", output::message(&error)));
    }
}

/// Without the renewed trust the next command trusts as this one did, which is no reason to fail.
pub fn keep_trust(wallet: &Wallet, home: &Home, client: &Client) {
    if let Err(error) = home.keep_trust(client) {
        let error = output::message(&error.into());
        output::warning(wallet.json, format_args!("the renewed trust is not kept: {error}"));
    }
}

/// On the terminal only.
async fn with_sign_of_life<T>(work: impl Future<Output = T>) -> T {
    let show = async {
        tokio::time::sleep(QUIET_FOR).await;
        let spinner = ProgressBar::new_spinner().with_message("waiting for validators to confirm it");
        spinner.enable_steady_tick(Duration::from_millis(100));
        let _cleared = Cleared(spinner);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        done = work => done,
        () = show => unreachable!("it is pending for good"),
    }
}

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn done(tx: &SignedTransaction, (_, verified): (PaymentProof, VerifiedPayment), started: Instant, made: Made) -> Done {
    Done {
        action: tx.transaction.actions[0].clone(),
        verified,
        latency: started.elapsed(),
        made,
    }
}

/// Prints what became of a transaction; a rejection is an error with its reason. `what` is such as
/// `["Paid", "12.50 EUR to bob"]`.
pub fn report(wallet: &Wallet, done: &Done, words: [&str; 2]) -> anyhow::Result<()> {
    report_contract(wallet, done, words, None)
}

/// The same, of a transaction that opens a contract.
pub fn report_contract(
    wallet: &Wallet,
    done: &Done,
    [verb, what]: [&str; 2],
    contract: Option<ContractId>,
) -> anyhow::Result<()> {
    let VerifiedPayment {
        id,
        outcome,
        height,
        time_ms,
        ..
    } = &done.verified;
    let latency_ms = u64::try_from(done.latency.as_millis()).unwrap_or(u64::MAX);
    if wallet.json {
        let mut object = json!({
            "id": id,
            "outcome": output::outcome_word(*outcome),
            "height": height,
            "time_ms": time_ms,
            "latency_ms": latency_ms,
        });
        if done.made != Made::Now {
            object["resumed"] = Value::Bool(true);
        }
        if let Outcome::Rejected { reason, .. } = outcome {
            object["reason"] = Value::String(output::reason_word(*reason));
        } else if let Some(contract) = contract {
            object["contract"] = json!(contract);
        }
        if !done.verified.trades.is_empty() {
            object["trades"] = output::trades(&done.verified.trades, std::slice::from_ref(&done.action));
        }
        say!("{object}");
    }
    match (outcome, done.made) {
        (Outcome::Rejected { reason, .. }, _) => return Err(Finding::Rejected(*reason).into()),
        (Outcome::Applied, Made::Before) => {
            let at = output::time(time_ms.0 / 1000);
            let told = format!(
                "{verb} by an earlier run: {what}, final in block {height} at {at}; transaction {id}\n\
                 Nothing was sent now. To do the same once more, run the same command again."
            );
            if wallet.json {
                note!("{told}");
            } else {
                say!("{told}");
            }
        }
        (Outcome::Applied, _) if wallet.json => {}
        (Outcome::Applied, _) => {
            say!("{verb} {what}.");
            if let Some(contract) = contract {
                say!("Contract {contract}");
            }
            say!("Final in block {height} after {latency_ms} ms; transaction {id}");
        }
    }
    Ok(())
}
