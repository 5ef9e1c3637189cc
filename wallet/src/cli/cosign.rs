//! `causeway sign` and `causeway send`: a transaction that several wallets sign goes from one to the next as a file.

use std::path::Path;

use anyhow::{Context, ensure};
use causeway_contracts::{
    codec::{Bounded, Text},
    identity::AccountId,
    keys::SecretKey,
    settlement::{ContractId, SettlementAction, Side},
    transaction::{Action, SignedTransaction, TRANSACTION_BYTES_MAX, Transaction},
};
use causeway_wallet::{client::Delivery, clock, durable, home::Home, payment};
use serde_json::json;

use super::{
    Finding,
    output::{self, say},
    teller::{Teller, report, report_contract},
    wallet::Wallet,
};

/// JSON takes at most four bytes for one, and a little.
const FILE_BYTES_MAX: u64 = 6 * TRANSACTION_BYTES_MAX as u64;

/// Writes a transaction of one action, with the signatures that this wallet has, in place of sending it.
pub fn write(wallet: &Wallet, home: &Home, file: &Path, made: Made<'_>) -> anyhow::Result<()> {
    let transaction = payment::transaction(&home.genesis().hash(), made.action, Text::default(), made.valid_seconds)?;
    let signed = SignedTransaction {
        transaction,
        signatures: Bounded::default(),
    };
    keep(wallet, file, &signed.also_by(made.keys)?)
}

/// What is written to a file.
pub struct Made<'a> {
    pub action: Action,
    pub keys: &'a [SecretKey],
    pub valid_seconds: u64,
}

fn keep(wallet: &Wallet, file: &Path, signed: &SignedTransaction) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(signed)?;
    text.push(b'\n');
    durable::replace(file, &text)?;
    if wallet.json {
        say!("{}", json!({ "id": signed.id(), "file": file, "transaction": signed }));
        return Ok(());
    }
    let until = output::time(signed.transaction.valid_until.0);
    let count = signed.signatures.len();
    say!(
        "Transaction {} is in {}, with {count} signatures.",
        signed.id(),
        file.display()
    );
    say!(
        "Others add theirs with `causeway sign {0} --key NAME`; then `causeway send {0}`, until {until}.",
        file.display()
    );
    Ok(())
}

fn read(home: &Home, file: &Path) -> anyhow::Result<SignedTransaction> {
    let bytes = durable::read(file, FILE_BYTES_MAX).map_err(|error| Finding::BadInput(error.into()))?;
    let what = || format!("{}: not a transaction that can be signed here", file.display());
    let signed: SignedTransaction = serde_json::from_slice(&bytes)
        .with_context(what)
        .map_err(Finding::BadInput)?;
    signed
        .verify_signatures()
        .with_context(what)
        .map_err(Finding::BadInput)?;
    ensure!(
        signed.transaction.genesis == home.genesis().hash().prefix(),
        Finding::BadInput(anyhow::anyhow!("{}: it is for another network", file.display()))
    );
    Ok(signed)
}

fn check_time(transaction: &Transaction) -> anyhow::Result<()> {
    ensure!(
        transaction.valid_until.0 > clock::now_ms().0 / 1000,
        "its time was over at {}; make it again, with a longer --valid-for",
        output::time(transaction.valid_until.0)
    );
    Ok(())
}

/// Shows what it does, and adds signatures.
pub fn sign(wallet: &Wallet, file: &Path, names: &[String]) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let signed = read(&home, file)?;
    check_time(&signed.transaction)?;
    if !wallet.json {
        show(&home, &signed.transaction)?;
    }
    let keys = names.iter().map(|name| wallet.open_key(&home, name));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    keep(wallet, file, &signed.also_by(&keys)?)
}

fn show(home: &Home, transaction: &Transaction) -> anyhow::Result<()> {
    let genesis = home.genesis();
    let name = |id: AccountId| id.address(genesis.address_prefix);
    say!("It does this:");
    for action in &transaction.actions {
        match action {
            Action::Settle(SettlementAction::Hold(hold)) => {
                for leg in &hold.legs {
                    let money = output::genesis_money(genesis, leg.amount, leg.currency);
                    say!(
                        "  sets aside {money} of {} for {}",
                        name(leg.debtor),
                        name(leg.creditor)
                    );
                }
                for (what, parties) in [("posted", &hold.post_by), ("voided", &hold.void_by)] {
                    let parties: Vec<_> = parties.iter().map(|id| name(*id).to_string()).collect();
                    say!("  to be {what} by {}", parties.join(" or "));
                }
                say!("  until {}", output::time(hold.expires_at.0));
            }
            Action::Settle(SettlementAction::Claim(claim)) => {
                let side = match claim.side {
                    Side::Release => "releases",
                    Side::Refund => "refunds",
                };
                say!("  {side} escrow {}", claim.escrow);
            }
            // As it is signed: accounts by their ids, amounts in minor units.
            other => say!("{}", serde_json::to_string_pretty(other)?),
        }
    }
    if !transaction.memo.is_empty() {
        say!("  memo: {}", transaction.memo.escape_debug());
    }
    Ok(())
}

/// Sent before or not, it has its effect once.
pub async fn send(wallet: &Wallet, file: &Path) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let client = home.client()?.with_short_proofs();
    let signed = read(&home, file)?;
    let mut teller = Teller::new(wallet, &home, &client)?;
    let was_sent = teller.history.items()?.iter().any(|item| item.id == signed.id());
    if !was_sent {
        check_time(&signed.transaction)?;
    }
    let delivery = if was_sent { Delivery::Earlier } else { Delivery::Never };
    let done = teller.send(&signed, delivery).await?;
    let what = file.display().to_string();
    match &signed.transaction.actions[..] {
        [Action::Settle(action)] if action.opens() => report_contract(
            wallet,
            &done,
            ["Carried out", &what],
            Some(ContractId::derive(&signed.id(), 0)),
        ),
        _ => report(wallet, &done, ["Carried out", &what]),
    }
}
