//! `causeway pay` for one payment, `issue`, `history`; and how any single transaction is carried out.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::Text,
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::text::parse_amount,
    proof::{PaymentProof, VerifiedPayment},
    transaction::{Action, Transaction},
};
use causeway_wallet::{
    client::{Client, Settled},
    history::{End, History},
    home::Home,
    payment::{self, Payment},
};
use serde_json::{Value, json};

use super::{
    Finding,
    args::{Issue, Pay},
    output,
    wallet::{Wallet, exponent},
};

/// What a transaction came to, and how long it took.
pub struct Done {
    pub action: Action,
    pub verified: VerifiedPayment,
    pub latency: Duration,
}

/// Signs an action, or takes the signed bytes of one like it whose outcome is still unknown, and
/// brings it to its end. The bytes are in the history before they are sent.
pub async fn carry_out(
    home: &Home,
    client: &Client,
    key: &SecretKey,
    (action, memo): (Action, Text<140>),
    is_like: impl Fn(&Transaction) -> bool,
) -> anyhow::Result<Done> {
    // Held to the end: the next command of this wallet must see this one's outcome.
    let mut history = History::open(&home.history_path())?;
    if let Some(earlier) = history.unfinished(is_like)? {
        eprintln!(
            "The outcome of the same transaction from an earlier run ({}) is unknown; going on with that one.",
            earlier.id()
        );
        let started = Instant::now();
        if let Settled::Final(confirmed) = settle(home, client, &mut history, &earlier).await? {
            return Ok(done(&earlier, confirmed, started));
        }
        eprintln!("It is proved to have had no effect; making a new one.");
    }
    let tx = payment::sign(client.genesis(), action, memo, key)?;
    history.sent(&tx)?;
    let started = Instant::now();
    match settle(home, client, &mut history, &tx).await? {
        Settled::Final(confirmed) => Ok(done(&tx, confirmed, started)),
        Settled::Dead { height } => Err(causeway_wallet::client::ClientError::Dead { id: tx.id(), height }.into()),
    }
}

async fn settle(
    home: &Home,
    client: &Client,
    history: &mut History,
    tx: &causeway_contracts::transaction::SignedTransaction,
) -> anyhow::Result<Settled> {
    let settled = client.settle(tx, None).await?;
    let end = match &settled {
        Settled::Final(confirmed) => End::Final {
            height: confirmed.1.height,
            outcome: confirmed.1.outcome,
        },
        Settled::Dead { height } => End::Dead { height: *height },
    };
    history.ended(tx.id(), end)?;
    home.keep_trust(client)?;
    Ok(settled)
}

fn done(
    tx: &causeway_contracts::transaction::SignedTransaction,
    confirmed: Box<(PaymentProof, VerifiedPayment)>,
    started: Instant,
) -> Done {
    Done {
        action: tx.transaction.actions[0].clone(),
        verified: confirmed.1,
        latency: started.elapsed(),
    }
}

pub async fn pay(wallet: &Wallet, pay: Pay) -> anyhow::Result<()> {
    let (Some(to), Some(amount), Some(currency)) = (pay.to, pay.amount, pay.currency) else {
        bail!("who is paid, how much and in which currency is needed");
    };
    let home = wallet.home()?;
    let account = home.account(pay.from.as_deref())?;
    let to = home.contacts()?.resolve(&to)?;
    let client = home.client()?;
    let exponent = exponent(&home, &client, currency).await?;
    let payment = Payment {
        from: account.address.account,
        to,
        currency,
        amount: parse_amount(&amount, exponent)?,
        memo: Text::new(pay.memo).context("the memo")?,
    };
    let key = wallet.open_key(&home, &account.key)?;
    let asked = (payment.action(), payment.memo.clone());
    let done = carry_out(&home, &client, &key, asked, |tx| payment.is_made_by(tx)).await?;
    let what = format!(
        "{} to {}",
        output::money(payment.amount, exponent, currency),
        to.address(client.prefix())
    );
    report(wallet, &done, "Paid", &what)
}

pub async fn issue(wallet: &Wallet, issue: Issue) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let to = home.contacts()?.resolve(&issue.to)?;
    let client = home.client()?;
    let exponent = exponent(&home, &client, issue.currency).await?;
    let amount = parse_amount(&issue.amount, exponent)?;
    let memo = Text::new(issue.memo).context("the memo")?;
    let action = Action::Issue {
        currency: issue.currency,
        to,
        amount,
    };
    let key = wallet.open_key(&home, &issue.key)?;
    let like = |tx: &Transaction| *tx.actions == [action.clone()] && tx.memo == memo;
    let done = carry_out(&home, &client, &key, (action.clone(), memo.clone()), like).await?;
    let what = format!(
        "{} to {}",
        output::money(amount, exponent, issue.currency),
        to.address(client.prefix())
    );
    report(wallet, &done, "Issued", &what)
}

/// Prints what became of a transaction; a rejection is an error with its reason.
pub fn report(wallet: &Wallet, done: &Done, verb: &str, what: &str) -> anyhow::Result<()> {
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
        if let Outcome::Rejected { reason, .. } = outcome {
            object["reason"] = Value::String(output::reason_word(*reason));
        }
        println!("{object}");
    }
    match outcome {
        Outcome::Applied => {
            if !wallet.json {
                println!("{verb} {what}.");
                println!("Final in block {height} after {latency_ms} ms; transaction {id}");
            }
            Ok(())
        }
        Outcome::Rejected { reason, .. } => Err(Finding::Rejected(*reason).into()),
    }
}

pub fn history(wallet: &Wallet, limit: Option<usize>) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let items = History::open(&home.history_path())?.items()?;
    let skipped = items.len().saturating_sub(limit.unwrap_or(usize::MAX));
    if items.is_empty() && !wallet.json {
        println!("Nothing sent yet.");
    }
    for item in &items[skipped..] {
        let end = match item.end {
            End::Unknown => "unknown".to_owned(),
            End::Dead { .. } => "expired without effect".to_owned(),
            End::Final {
                outcome: Outcome::Applied,
                ..
            } => "applied".to_owned(),
            End::Final {
                outcome: Outcome::Rejected { reason, .. },
                ..
            } => format!("rejected: {}", output::reason_word(reason)),
        };
        let body = &item.transaction.transaction;
        if wallet.json {
            let object = json!({
                "time_ms": item.time_ms,
                "id": item.id,
                "outcome": end,
                "actions": body.actions,
                "memo": body.memo,
            });
            println!("{object}");
        } else {
            let time = output::time(item.time_ms.0 / 1000);
            let what: Vec<_> = body.actions.iter().map(|action| describe(&home, action)).collect();
            println!("{time}  {}  {}  {end}", item.id, what.join("; "));
        }
    }
    Ok(())
}

fn describe(home: &Home, action: &Action) -> String {
    let prefix = home.genesis().address_prefix;
    let money = |amount, currency| match home.genesis().currency(currency) {
        Some(record) => output::money(amount, record.exponent, currency),
        None => format!("{amount} minor units of {currency}"),
    };
    match action {
        Action::Transfer {
            to, currency, amount, ..
        } => format!("pay {} to {}", money(*amount, *currency), to.address(prefix)),
        Action::Issue { to, currency, amount } => {
            format!("issue {} to {}", money(*amount, *currency), to.address(prefix))
        }
        Action::OpenAccount { operator, .. } => format!("open an account at {operator}"),
        _ => "another action".to_owned(),
    }
}
