//! `causeway sign` and `causeway send`: a transaction that several wallets sign goes from one to the next as a file.

use std::{io::IsTerminal, path::Path};

use anyhow::{Context, bail, ensure};
use causeway_contracts::{
    codec::{Bounded, Text},
    identity::AccountId,
    keys::SecretKey,
    settlement::{ContractId, SettlementAction, Side},
    transaction::{Action, Authority, SignedTransaction, TRANSACTION_BYTES_MAX, Transaction},
};
use causeway_wallet::{
    client::{ClientError, Delivery},
    clock, durable,
    history::End,
    home::{AccountEntry, Home},
    payment,
};
use serde_json::json;

use super::{
    Finding, args,
    output::{self, say},
    passphrase,
    purse_words::words,
    teller::{Teller, report_contract},
    wallet::Wallet,
};

/// A share of a split takes some seven times as much in JSON.
const FILE_BYTES_MAX: u64 = 16 * TRANSACTION_BYTES_MAX as u64;

/// What is written to a file.
pub struct Draft<'a> {
    pub action: Action,
    pub keys: &'a [SecretKey],
    pub valid_seconds: u64,
}

/// Writes a transaction of one action, with the signatures that this wallet has, in place of sending it. The file must
/// not be there: an earlier one may be with others already.
pub fn write(wallet: &Wallet, home: &Home, file: &Path, draft: Draft<'_>) -> anyhow::Result<()> {
    let transaction = payment::transaction(
        &home.genesis().hash(),
        draft.action,
        Text::default(),
        draft.valid_seconds,
    )?;
    let unsigned = SignedTransaction {
        transaction,
        signatures: Bounded::default(),
    };
    let signed = unsigned.also_by(draft.keys)?;
    durable::create(file, &text_of(&signed)?)?;
    told(wallet, file, &signed);
    Ok(())
}

fn text_of(signed: &SignedTransaction) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(signed)?;
    text.push(b'\n');
    Ok(text)
}

fn told(wallet: &Wallet, file: &Path, signed: &SignedTransaction) {
    if wallet.json {
        say!("{}", json!({ "id": signed.id(), "file": file, "transaction": signed }));
        return;
    }
    let until = output::time(signed.transaction.valid_until.0);
    let count = signed.signatures.len();
    let file = file.display();
    say!("Transaction {} is in {file}, with {count} signatures.", signed.id());
    say!("Others look at it and sign it with `causeway sign {file}`. Whoever has it when all have signed");
    say!("may send it, with `causeway send {file}`, until {until}.");
}

fn read(home: &Home, file: &Path) -> anyhow::Result<SignedTransaction> {
    let bytes = durable::read(file, FILE_BYTES_MAX).map_err(|error| Finding::BadInput(error.into()))?;
    let what = || format!("{}: not a transaction that can be signed", file.display());
    let signed: SignedTransaction = serde_json::from_slice(&bytes)
        .with_context(what)
        .map_err(Finding::BadInput)?;
    signed
        .verify_signatures()
        .with_context(what)
        .map_err(Finding::BadInput)?;
    if signed.transaction.genesis != home.genesis().hash().prefix() {
        let other = anyhow::anyhow!("{}: it is for another network", file.display());
        return Err(Finding::BadInput(other).into());
    }
    Ok(signed)
}

fn is_over(transaction: &Transaction) -> bool {
    transaction.valid_until.0 <= clock::now_ms().0 / 1000
}

/// Shows what it does, and, with keys, signs that.
pub fn sign(wallet: &Wallet, args: &args::Sign) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let file = &args.file;
    let signed = read(&home, file)?;
    let id = signed.id();
    if args.keys.is_empty() {
        if wallet.json {
            say!("{}", json!({ "id": id, "file": file, "transaction": signed }));
        } else {
            show(&home, &signed)?;
        }
        return Ok(());
    }
    ensure!(
        !is_over(&signed.transaction),
        "its time is over: it can only be found out what became of it, with `causeway send {}`",
        file.display()
    );
    for name in &args.keys {
        check_key(&home, &signed.transaction, name)?;
    }
    match args.id {
        Some(meant) => ensure!(meant == id, "the file has another transaction than {meant}: {id}"),
        None => {
            if !std::io::stdin().is_terminal() {
                bail!(
                    "say which transaction is meant, as `causeway sign {}` shows it: --id {id}",
                    file.display()
                );
            }
            show(&home, &signed)?;
            let answer = passphrase::prompt("Type yes to sign this: ", "say which is meant with --id")?;
            ensure!(answer.trim() == "yes", "nothing was signed");
        }
    }
    let keys = args.keys.iter().map(|name| wallet.open_key(&home, name));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    // Another may have signed it meanwhile.
    let signed = read(&home, file)?.also_by(&keys)?;
    ensure!(
        signed.id() == id,
        "the file has another transaction now: {}",
        signed.id()
    );
    durable::replace(file, &text_of(&signed)?)?;
    told(wallet, file, &signed);
    Ok(())
}

/// One signature that counts for nothing, and validators take none of it.
fn check_key(home: &Home, transaction: &Transaction, name: &str) -> anyhow::Result<()> {
    let needed: Vec<_> = transaction.actions.iter().flat_map(Action::authorities).collect();
    // Whose keys others are, only the ledger knows.
    if !needed
        .iter()
        .all(|authority| matches!(authority, Authority::Account(_)))
    {
        return Ok(());
    }
    let accounts = home.accounts()?;
    let signs_for = |own: &AccountEntry| own.key == name && needed.contains(&Authority::Account(own.address.account));
    ensure!(
        accounts.iter().any(signs_for),
        "key {name} is of no account of this wallet that must sign this, and one signature that counts for nothing \
         spoils it; if it is such an account's, say so with `causeway account add`"
    );
    Ok(())
}

fn show(home: &Home, signed: &SignedTransaction) -> anyhow::Result<()> {
    let genesis = home.genesis();
    let accounts = home.accounts()?;
    let name = |id: AccountId| {
        let address = id.address(genesis.address_prefix);
        match accounts.iter().find(|own| own.address.account == id) {
            Some(own) => format!("{address} (yours: {})", own.label),
            None => address.to_string(),
        }
    };
    let transaction = &signed.transaction;
    say!("Transaction {} does this:", signed.id());
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
                    let parties: Vec<_> = parties.iter().map(|id| name(*id)).collect();
                    say!("  to be {what} by {}", parties.join(" or "));
                }
                say!("  until {}", output::time(hold.expires_at.0));
            }
            Action::Settle(SettlementAction::Claim(claim)) => {
                let side = match claim.side {
                    Side::Release => "releases to its payee",
                    Side::Refund => "refunds to its payer",
                };
                say!("  {side} escrow {}, asked for by {}", claim.escrow, name(claim.by));
                say!("  (`causeway escrow show {}` says what that holds)", claim.escrow);
            }
            Action::Offline(action) => {
                let money = |amount, currency| output::genesis_money(genesis, amount, currency);
                for line in words(action, name, money) {
                    say!("  {line}");
                }
            }
            // As it is signed: accounts by their ids, amounts in minor units.
            other => say!("{}", plain(&serde_json::to_string_pretty(other)?)),
        }
    }
    if !transaction.memo.is_empty() {
        say!("  memo: {}", transaction.memo.escape_debug());
    }
    for entry in &signed.signatures {
        say!("  signed by {}", entry.key);
    }
    say!("  to be sent until {}", output::time(transaction.valid_until.0));
    Ok(())
}

/// Without what could make a terminal show something else than is there.
fn plain(text: &str) -> String {
    let is_plain = |letter: char| letter == '\n' || (' '..='~').contains(&letter);
    let letters = text.chars().map(|letter| match is_plain(letter) {
        true => letter.to_string(),
        false => letter.escape_unicode().to_string(),
    });
    letters.collect()
}

/// Sent before or not, here or elsewhere, it has its effect once.
pub async fn send(wallet: &Wallet, file: &Path) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let client = home.client()?.with_short_proofs();
    let signed = read(&home, file)?;
    let id = signed.id();
    let mut teller = Teller::new(wallet, &home, &client)?;
    let was_sent = teller.history.items()?.iter().any(|item| item.transaction == signed);
    let delivery = match (is_over(&signed.transaction), was_sent) {
        // Others may have sent it: that is found out, and no more.
        (true, _) => Delivery::Earlier,
        (false, true) => Delivery::Declined,
        (false, false) => Delivery::Never,
    };
    let done = match teller.send(&signed, delivery).await {
        Ok(done) => done,
        Err(error) => {
            if let Some(ClientError::Refused { .. }) = error.downcast_ref() {
                // Not all have signed, most likely; what they sign later is sent then.
                teller.history.ended(id, End::Unsent)?;
            }
            return Err(error);
        }
    };
    let what = file.display().to_string();
    report_contract(wallet, &done, ["Carried out", &what], opened(&signed))
}

/// The contract that a transaction of one action opens, if it opens one.
fn opened(signed: &SignedTransaction) -> Option<ContractId> {
    match &signed.transaction.actions[..] {
        [Action::Settle(action)] if action.opens() => Some(ContractId::derive(&signed.id(), 0)),
        _ => None,
    }
}
