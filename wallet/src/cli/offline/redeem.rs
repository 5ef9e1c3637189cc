//! `causeway offline redeem` and `evidence`.
//!
//! What the purse has signed and the ledger has not paid yet comes first, so that a run that was stopped is gone on with.
//! What the ledger has is never asked for again: a redemption is paid once.

use anyhow::Context;
use causeway_contracts::{
    ledger::rejection::Rejection,
    money::{Amount, Balance},
    offline::{
        action::{MESSAGES_MAX, OfflineAction, Testimony},
        bundle::Behind,
        ids::{AccountHash, Id16},
        message::Message,
        messages::{PaymentStatus, Redeem},
        purse::{
            PurseState,
            contents::{Entry, Lot, Origin},
            request::SignedAnswer,
        },
        signed::Signed,
    },
};
use causeway_wallet::offline::purses::Purse;
use serde_json::json;

use super::{
    super::{
        Finding,
        output::{note, say},
        wallet::Wallet,
    },
    desk,
    online::{self, Online},
};

/// What came of it all.
#[derive(Default)]
pub struct Sum {
    pub redeemed: Amount,
    /// Of purses against which something is proved: nothing is paid while it is.
    unpaid: Amount,
}

pub async fn redeem(wallet: &Wallet, name: &str, account: Option<&str>) -> anyhow::Result<()> {
    let mut purse = desk::open(wallet, name)?;
    let own = purse.info.account.to_string();
    let online = Online::new(wallet, Some(account.unwrap_or(&own)))?;
    let owner = Online::of(wallet, &purse.info)?;
    let before = available(&online, &purse).await?;
    let sum = all(&mut purse, &owner, &online).await?;
    let paid = Amount(available(&online, &purse).await?.0.saturating_sub(before.0).max(0) as u64);
    tell(wallet, &purse, &online, &sum, paid.min(sum.redeemed))
}

/// Has all paid that the purse has: first what earlier runs have signed, the rest to the account of `online`.
pub async fn all(purse: &mut Purse, owner: &Online<'_>, online: &Online<'_>) -> anyhow::Result<Sum> {
    let mut sum = Sum::default();
    let state = purse.element.state();
    let (pending, has_lots) = (pending(state), state.lots().iter().any(|lot| !lot.left.is_zero()));
    if !pending.is_empty() || has_lots {
        // Before what came back is asked for: the ledger may know that it was paid, and would take it for spent twice.
        for words in voided(state).chunks(MESSAGES_MAX / VOIDED_MESSAGES_MAX) {
            owner.testify(&words.concat()).await?;
        }
    }
    for redeem in pending {
        bring(owner, purse, &redeem, &mut sum).await?;
    }
    let hash = AccountHash::of(&online.account.address.account);
    while purse.element.state().lots().iter().any(|lot| !lot.left.is_zero()) {
        let redemption = purse.element.run(|state| state.redeem(hash, &[]));
        let redemption = redemption.map_err(|error| desk::explain(purse, error))?;
        bring(owner, purse, &redemption.redeem, &mut sum).await?;
    }
    Ok(sum)
}

impl Sum {
    /// That nothing is left unpaid; `command` is the one that tries again.
    pub fn check(&self, purse: &Purse, command: &str) -> anyhow::Result<()> {
        if self.unpaid.is_zero() {
            return Ok(());
        }
        let (money, name) = (desk::money(&purse.info, self.unpaid), &purse.place.name);
        let says = anyhow::anyhow!(
            "{money} are not paid as long as something is proved against this purse; `causeway offline {command} {name}` \
             tries again"
        );
        Err(Finding::PurseRefuses(says).into())
    }
}

/// What was signed, and has no outcome by a sync yet.
fn pending(state: &PurseState) -> Vec<Signed<Redeem>> {
    let pending = state.log().iter().filter(|entry| entry.is_pending());
    let redeemed = pending.filter_map(|entry| match entry {
        Entry::Redeemed(redeem) => Some(redeem.clone()),
        Entry::Paid(_) => None,
    });
    redeemed.collect()
}

/// A request, what its payee said, and the payment.
const VOIDED_MESSAGES_MAX: usize = 3;

/// Of each payment of the log that came back: what says so. The payment is with it, as one that the ledger knows needs no
/// room for what its payee said.
fn voided(state: &PurseState) -> Vec<Vec<Testimony>> {
    let payments = state.log().iter().filter_map(Entry::payment);
    let voided = payments.filter(|payment| payment.status() == PaymentStatus::Voided);
    let words = voided.filter_map(|payment| {
        let mut words = match payment.answer.clone()? {
            SignedAnswer::Receipt(other) => {
                let request = Testimony::Request(payment.request.clone());
                vec![request, Testimony::Receipt(other)]
            }
            SignedAnswer::Void(void) => vec![Testimony::Void(void)],
        };
        words.push(Testimony::Transfer(payment.transfer.clone()));
        Some(words)
    });
    words.collect()
}

/// Has one redemption paid, if the ledger has not done so before.
async fn bring(owner: &Online<'_>, purse: &Purse, redeem: &Signed<Redeem>, sum: &mut Sum) -> anyhow::Result<()> {
    if is_settled(owner, purse, redeem).await? {
        return Ok(());
    }
    let lots: Vec<_> = redeem.body.spend.lots.iter().map(|part| part.lot).collect();
    owner.testify(&evidence(purse.element.state(), &lots)?).await?;
    let payee = payee(owner, redeem)?;
    let action = OfflineAction::Redeem {
        account: payee.account.address.account,
        redeem: redeem.clone(),
    };
    let acted = payee.act(action.clone(), |other| *other == action).await;
    match acted {
        Err(error) if is_lot_unknown(&error) => {
            // A load behind it may be one that its ledger never had: what the issuer's service signed is paid all the same.
            owner.testify(&grants(purse.element.state(), &lots)).await?;
            payee.act(action.clone(), |other| *other == action).await?;
        }
        acted => drop(acted?),
    }
    let amount = redeem.body.spend.amount;
    let total = if is_settled(owner, purse, redeem).await? {
        &mut sum.redeemed
    } else {
        &mut sum.unpaid
    };
    total.0 += amount.0;
    Ok(())
}

fn is_lot_unknown(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Finding::Rejected(Rejection::LotUnknown)))
}

async fn is_settled(owner: &Online<'_>, purse: &Purse, redeem: &Signed<Redeem>) -> anyhow::Result<bool> {
    let spent = owner
        .client
        .spent(&purse.info.purse, redeem.body.seq, &owner.key)
        .await?;
    let id = redeem.id();
    Ok(spent.answer.iter().any(|it| it.id == id && it.is_settled))
}

/// The account of this wallet to which it was signed, which may be another than this run's.
fn payee<'a>(owner: &Online<'a>, redeem: &Signed<Redeem>) -> anyhow::Result<Online<'a>> {
    let accounts = owner.home.accounts()?;
    let is_payee = |account: &AccountHash| *account == redeem.body.account;
    let found = accounts
        .iter()
        .find(|entry| is_payee(&AccountHash::of(&entry.address.account)));
    let found =
        found.context("an earlier run has redeemed to an account that this wallet has no more; add it again")?;
    Online::new(owner.wallet, Some(&found.address.to_string()))
}

/// What proves that these lots are money: all that was paid to get them here, and what this purse has asked and
/// answered. The ledger mostly has their grants ([`grants`]). Requests and receipts come before transfers.
fn evidence(state: &PurseState, lots: &[Id16]) -> anyhow::Result<Vec<Testimony>> {
    let (mut words, mut transfers) = (Vec::new(), Vec::new());
    for lot in state.lots().iter().filter(|lot| lots.contains(&lot.id)) {
        words.extend(words_of(state, lot)?);
        if let Behind::Bundle(bundle) = lot.behind() {
            for message in bundle.messages() {
                if let Message::Transfer(transfer) = message
                    && !transfers.contains(&Testimony::Transfer(transfer.clone()))
                {
                    transfers.push(Testimony::Transfer(transfer));
                }
            }
        }
    }
    words.extend(transfers);
    Ok(words)
}

/// The grants of the loads behind these lots, which others have paid on.
fn grants(state: &PurseState, lots: &[Id16]) -> Vec<Testimony> {
    let mut grants = Vec::new();
    for lot in state.lots().iter().filter(|lot| lots.contains(&lot.id)) {
        if let Behind::Bundle(bundle) = lot.behind() {
            grants.extend(bundle.messages().filter_map(|message| match message {
                Message::Grant(grant) => Some(Testimony::Grant(grant)),
                _ => None,
            }));
        }
    }
    grants.dedup();
    grants
}

fn words_of(state: &PurseState, lot: &Lot) -> anyhow::Result<Vec<Testimony>> {
    let Origin::Bundle { request, .. } = &lot.origin else {
        return Ok(Vec::new());
    };
    let mut words = vec![Testimony::Request(request.clone())];
    // It is forgotten when the lot expires.
    if let Ok(step) = state.answer(request.id())
        && let SignedAnswer::Receipt(receipt) = step.release
    {
        words.push(Testimony::Receipt(receipt));
    }
    Ok(words)
}

async fn available(online: &Online<'_>, purse: &Purse) -> anyhow::Result<Balance> {
    let account = &online.account.address.account;
    let view = online.client.account_agreed(account, &online.key).await?.answer;
    let view = view.with_context(|| format!("there is no account {} on this network", online.account.address))?;
    let found = view.balances.iter().find(|entry| entry.currency == purse.info.currency);
    Ok(found.map_or(Balance(0), |entry| entry.available))
}

fn tell(wallet: &Wallet, purse: &Purse, online: &Online<'_>, sum: &Sum, paid: Amount) -> anyhow::Result<()> {
    let waits = Amount(sum.redeemed.0 - paid.0);
    if wallet.json {
        let object = json!({
            "purse": purse.info.purse,
            "account": online.account.address,
            "currency": purse.info.currency,
            "redeemed": sum.redeemed,
            "paid": paid,
            "waits": waits,
            "balance": purse.element.state().balance(),
        });
        say!("{object}");
    } else if sum.redeemed.is_zero() && sum.unpaid.is_zero() {
        say!("There is nothing in the purse that was not redeemed.");
    } else {
        let money = |amount| desk::money(&purse.info, amount);
        say!(
            "Redeemed {}: the account has {} more than before.",
            money(sum.redeemed),
            money(paid)
        );
        if !waits.is_zero() {
            say!(
                "{} wait as a claim, until more is guaranteed or the issuer releases it.",
                money(waits)
            );
        }
    }
    sum.check(purse, "redeem")
}

/// Has the ledger know what the purse was paid, before it is redeemed.
pub async fn upload(wallet: &Wallet, name: &str) -> anyhow::Result<()> {
    let (purse, online) = online::open(wallet, name)?;
    let state = purse.element.state();
    let lots: Vec<_> = state.lots().iter().map(|lot| lot.id).collect();
    let told = evidence(state, &lots)?;
    online.testify(&told).await?;
    if wallet.json {
        say!("{}", json!({ "purse": purse.info.purse, "messages": told.len() }));
    } else if told.is_empty() {
        note!("The purse was paid nothing that it still holds.");
    } else {
        say!(
            "The ledger knows all {} messages behind what the purse was paid.",
            told.len()
        );
    }
    Ok(())
}
