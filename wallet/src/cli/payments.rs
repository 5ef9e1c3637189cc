//! `causeway pay` for one payment, `issue`, `history`.

use anyhow::bail;
use causeway_contracts::{
    ledger::receipt::Outcome,
    money::text::parse_amount,
    settlement::{ContractId, SettlementAction},
    transaction::{Action, Transaction},
};
use causeway_wallet::{
    history::{End, History},
    home::Home,
    payment::{Payment, memo},
};
use serde_json::json;

use super::{
    args::{Issue, Pay},
    output::{self, say},
    purse_words::words,
    teller::{Teller, report},
    wallet::{Wallet, exponent},
};

pub async fn pay(wallet: &Wallet, pay: Pay) -> anyhow::Result<()> {
    let (Some(to), Some(amount), Some(currency)) = (pay.to, pay.amount, pay.currency) else {
        bail!("who is paid, how much and in which currency is needed");
    };
    let home = wallet.home()?;
    let account = home.account(pay.from.as_deref())?;
    let to = home.contacts()?.resolve(&to)?;
    let client = home.client()?.with_short_proofs();
    let exponent = exponent(&home, &client, currency).await?;
    let payment = Payment {
        from: account.address.account,
        to,
        currency,
        amount: parse_amount(&amount, exponent)?,
        memo: memo(pay.memo)?,
    };
    let key = wallet.open_key(&home, &account.key)?;
    let asked = (payment.action(), payment.memo.clone());
    let mut teller = Teller::new(wallet, &home, &client)?;
    let done = teller
        .carry_out(std::slice::from_ref(&key), asked, |tx| payment.is_made_by(tx))
        .await?;
    let what = format!(
        "{} to {}",
        output::money(payment.amount, exponent, currency),
        to.address(client.prefix())
    );
    report(wallet, &done, ["Paid", &what])
}

pub async fn issue(wallet: &Wallet, issue: Issue) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let to = home.contacts()?.resolve(&issue.to)?;
    let client = home.client()?.with_short_proofs();
    let exponent = exponent(&home, &client, issue.currency).await?;
    let amount = parse_amount(&issue.amount, exponent)?;
    let memo = memo(issue.memo)?;
    let action = Action::Issue {
        currency: issue.currency,
        to,
        amount,
    };
    let key = wallet.open_key(&home, &issue.key)?;
    let like = |tx: &Transaction| *tx.actions == [action.clone()] && tx.memo == memo;
    let mut teller = Teller::new(wallet, &home, &client)?;
    let done = teller
        .carry_out(std::slice::from_ref(&key), (action.clone(), memo.clone()), like)
        .await?;
    let what = format!(
        "{} to {}",
        output::money(amount, exponent, issue.currency),
        to.address(client.prefix())
    );
    report(wallet, &done, ["Issued", &what])
}

pub fn history(wallet: &Wallet, limit: Option<usize>) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let items = History::read(&home.history_path())?;
    let skipped = items.len().saturating_sub(limit.unwrap_or(usize::MAX));
    if items.is_empty() && !wallet.json {
        say!("Nothing sent yet.");
    }
    for item in &items[skipped..] {
        let end = match item.end {
            End::Unknown => "unknown".to_owned(),
            End::Dead { .. } => "expired without effect".to_owned(),
            End::Unsent => "never sent".to_owned(),
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
                // Of the contract that it opened, if it did.
                "contract": body.actions.iter().any(|it| matches!(it, Action::Settle(_))).then(|| ContractId::derive(&item.id, 0)),
            });
            say!("{object}");
        } else {
            let time = output::time(item.time_ms.0 / 1000);
            let what: Vec<_> = body.actions.iter().map(|action| describe(&home, action)).collect();
            say!("{time}  {}  {}  {end}", item.id, what.join("; "));
        }
    }
    Ok(())
}

/// The name that a contract's action has in JSON.
fn settlement_word(action: &SettlementAction) -> String {
    let json = serde_json::to_value(action).unwrap_or_default();
    let name = json.as_object().and_then(|object| object.keys().next().cloned());
    name.map_or("a contract".to_owned(), |name| name.replace('_', " "))
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
        Action::Settle(action) => settlement_word(action),
        Action::Offline(action) => words(action, |id| id.address(prefix).to_string(), money).swap_remove(0),
        _ => "another action".to_owned(),
    }
}
