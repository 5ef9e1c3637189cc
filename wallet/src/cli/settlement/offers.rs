//! Offers, books, and payments through them.

use anyhow::{bail, ensure};
use causeway_contracts::{
    api::{BookView, PathView},
    codec::Bounded,
    money::Amount,
    settlement::{Offer, PathAmount, PathPayment, SettlementAction},
};
use serde_json::json;

use super::{Desk, from_now, revoke, show};
use crate::cli::{
    args::settlement::{FindPath, OfferCommand, PathCommand},
    output::say,
    wallet::Wallet,
};

pub async fn offer(wallet: &Wallet, command: OfferCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        OfferCommand::Place {
            sell,
            buy,
            rate,
            amount,
            from,
            min_fill,
            expires_in,
        } => {
            let from = desk.own(from.as_deref())?;
            let offer = Offer {
                maker: from.address.account,
                sell,
                buy,
                rate,
                amount: desk.amount(&amount, sell).await?,
                min_fill: desk.amount(&min_fill, sell).await?,
                expires_at: from_now(expires_in),
            };
            let what = format!("{} at {rate} {buy} or more", desk.money(offer.amount, sell).await?);
            let done = desk.act(&from, SettlementAction::Offer(offer)).await?;
            desk.opened(&done, ["Offered", &what])
        }
        OfferCommand::Revoke(which) => revoke(&desk, &which, "offer").await,
        OfferCommand::Show(which) => show::show(&desk, &which).await,
        OfferCommand::Book { sell, buy } => {
            let book: BookView = desk.client.ask(&format!("/v1/books/{sell}/{buy}")).await?;
            if wallet.json {
                say!("{}", serde_json::to_value(&book)?);
                return Ok(());
            }
            if book.offers.is_empty() {
                say!("Nobody offers {sell} for {buy}.");
            }
            for offer in &book.offers {
                let left = desk.money(offer.amount, sell).await?;
                say!("{left} at {} {buy}  {}", offer.rate, offer.id);
            }
            Ok(())
        }
    }
}

/// The best way, with what it comes to now.
async fn find(desk: &Desk<'_>, wanted: &FindPath) -> anyhow::Result<(PathView, Amount)> {
    let (name, currency) = match wanted.deliver {
        true => ("deliver", wanted.to),
        false => ("send", wanted.from),
    };
    let amount = desk.amount(&wanted.amount, currency).await?;
    let query = format!("/v1/paths?from={}&to={}&{name}={amount}", wanted.from, wanted.to);
    let found: PathView = desk.client.ask(&query).await?;
    if found.path.is_empty() {
        bail!(
            "the books have no way from {} to {} for that much; ask a liquidity provider for a quote",
            wanted.from,
            wanted.to
        );
    }
    let ends = (found.path.first(), found.path.last());
    ensure!(
        ends == (Some(&wanted.from), Some(&wanted.to)),
        "a node named a path between other currencies; give the wallet other nodes"
    );
    Ok((found, amount))
}

pub async fn path(wallet: &Wallet, command: PathCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        PathCommand::Find(wanted) => {
            let (found, _) = find(&desk, &wanted).await?;
            if wallet.json {
                say!("{}", json!(found));
                return Ok(());
            }
            let names: Vec<_> = found.path.iter().map(ToString::to_string).collect();
            say!(
                "{}: {} for {}",
                names.join(" > "),
                desk.money(found.sent, wanted.from).await?,
                desk.money(found.delivered, wanted.to).await?
            );
            Ok(())
        }
        PathCommand::Pay {
            payee,
            find: wanted,
            by,
            bound,
        } => {
            let by = desk.own(by.as_deref())?;
            let to = desk.party(&payee)?;
            let (found, amount) = find(&desk, &wanted).await?;
            let bound = desk
                .amount(&bound, if wanted.deliver { wanted.from } else { wanted.to })
                .await?;
            ensure!(!bound.is_zero(), "a bound of nothing is none");
            let amount = match wanted.deliver {
                true => PathAmount::DeliverExact {
                    deliver: amount,
                    send_max: bound,
                },
                false => PathAmount::SendExact {
                    send: amount,
                    deliver_min: bound,
                },
            };
            let what = match amount {
                PathAmount::SendExact { send, deliver_min } => format!(
                    "{} for at least {}",
                    desk.money(send, wanted.from).await?,
                    desk.money(deliver_min, wanted.to).await?
                ),
                PathAmount::DeliverExact { deliver, send_max } => format!(
                    "{} for at most {}",
                    desk.money(deliver, wanted.to).await?,
                    desk.money(send_max, wanted.from).await?
                ),
            };
            let payment = PathPayment {
                from: by.address.account,
                to,
                path: Bounded::new(found.path)?,
                amount,
            };
            let done = desk.act(&by, SettlementAction::PayPath(payment)).await?;
            desk.done(&done, ["Paid", &what])
        }
    }
}
