//! `causeway hold`.

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::Bounded,
    money::Currency,
    settlement::{Hold, Leg, Parties, SettlementAction, Terms},
};
use causeway_wallet::home::{AccountEntry, HomeError};

use super::{Desk, from_now, show};
use crate::cli::{
    args::settlement::{HoldCommand, HoldTerms, Signing},
    wallet::Wallet,
};

pub async fn hold(wallet: &Wallet, command: HoldCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        HoldCommand::Open {
            to,
            amount,
            currency,
            terms,
            from,
        } => {
            let from = desk.own(from.as_deref())?;
            let leg = Leg {
                debtor: from.address.account,
                creditor: desk.party(&to)?,
                currency,
                amount: desk.amount(&amount, currency).await?,
            };
            open_hold(&desk, vec![leg], &[from], (&terms, None)).await
        }
        HoldCommand::Group { leg, terms, signing } => {
            let mut legs = Vec::new();
            let mut payers: Vec<AccountEntry> = Vec::new();
            for words in leg.chunks(4) {
                let [from, to, amount, currency] = words else {
                    bail!("a leg is FROM TO AMOUNT CURRENCY");
                };
                let currency: Currency = currency.parse()?;
                let debtor = match (desk.own(Some(from)), &signing.to_file) {
                    (Ok(own), _) => {
                        let account = own.address.account;
                        if !payers.iter().any(|payer| payer.key == own.key) {
                            payers.push(own);
                        }
                        account
                    }
                    // Of another wallet.
                    (Err(error), Some(_)) if is_not_here(&error) => desk.party(from)?,
                    (Err(error), None) if is_not_here(&error) => {
                        return Err(error.context("a payer of another wallet signs a file: give --to-file"));
                    }
                    (Err(error), _) => return Err(error),
                };
                legs.push(Leg {
                    debtor,
                    creditor: desk.party(to)?,
                    currency,
                    amount: desk.amount(amount, currency).await?,
                });
            }
            open_hold(&desk, legs, &payers, (&terms, Some(&signing))).await
        }
        HoldCommand::Post {
            which,
            amount,
            keep_rest,
        } => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Hold(hold) = view.terms else {
                bail!("contract {} is not a hold", which.contract);
            };
            let (hold_id, account) = (which.contract, by.address.account);
            let action = match (&hold.legs[..], amount) {
                ([leg], amount) => SettlementAction::Post {
                    hold: hold_id,
                    by: account,
                    amount: match amount {
                        Some(text) => Some(desk.amount(&text, leg.currency).await?),
                        None => None,
                    },
                    keep_rest,
                },
                (_, None) => SettlementAction::PostGroup {
                    hold: hold_id,
                    by: account,
                },
                (legs, Some(_)) => bail!("the hold has {} legs, which are posted whole", legs.len()),
            };
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Posted", &format!("hold {hold_id}")])
        }
        HoldCommand::Void(which) => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Hold(hold) = view.terms else {
                bail!("contract {} is not a hold", which.contract);
            };
            let (hold_id, account) = (which.contract, by.address.account);
            let action = match hold.legs.len() {
                1 => SettlementAction::Void {
                    hold: hold_id,
                    by: account,
                },
                _ => SettlementAction::VoidGroup {
                    hold: hold_id,
                    by: account,
                },
            };
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Voided", &format!("hold {hold_id}")])
        }
        HoldCommand::Show(which) => show::show(&desk, &which).await,
    }
}

/// Whether an account is none of this wallet's.
fn is_not_here(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(HomeError::UnknownAccount { .. }))
}

async fn open_hold(
    desk: &Desk<'_>,
    legs: Vec<Leg>,
    payers: &[AccountEntry],
    (terms, signing): (&HoldTerms, Option<&Signing>),
) -> anyhow::Result<()> {
    let parties = |named: &[String]| -> anyhow::Result<Parties> {
        let mut accounts = match named {
            [] => legs.iter().map(|leg| leg.creditor).collect(),
            named => named
                .iter()
                .map(|name| desk.party(name))
                .collect::<anyhow::Result<Vec<_>>>()?,
        };
        accounts.sort_unstable();
        accounts.dedup();
        Bounded::new(accounts).context("at most four may post, and four void; name them with --post-by and --void-by")
    };
    let mut what = Vec::new();
    for leg in &legs {
        let money = desk.money(leg.amount, leg.currency).await?;
        what.push(format!("{money} for {}", leg.creditor.address(desk.client.prefix())));
    }
    let hold = Hold {
        expires_at: from_now(terms.expires_in),
        post_by: parties(&terms.post_by)?,
        void_by: parties(&terms.void_by)?,
        legs: Bounded::new(legs).context("a hold has at most 16 legs")?,
    };
    let keys = payers.iter().map(|payer| desk.wallet.open_key(&desk.home, &payer.key));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let action = SettlementAction::Hold(hold);
    if let Some(signing) = signing
        && let Some(file) = &signing.to_file
    {
        return desk.write(file, signing, action, &keys);
    }
    let done = desk.carry_out(&keys, action, String::new()).await?;
    desk.opened(&done, ["Set aside", &what.join(", ")])
}
