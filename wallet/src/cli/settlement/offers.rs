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
    output::{money, say},
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
            desk.opened(&done, ["Offered", &what])?;
            if let (Some(trade), false) = (done.verified.trades.first(), wallet.json) {
                let (sold, bought) = (
                    desk.money(trade.sold, sell).await?,
                    desk.money(trade.bought, buy).await?,
                );
                say!("{sold} of it sold at once, for {bought}");
            }
            Ok(())
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

/// What is to be sent, or delivered.
async fn asked(desk: &Desk<'_>, wanted: &FindPath) -> anyhow::Result<Amount> {
    let currency = if wanted.deliver { wanted.to } else { wanted.from };
    desk.amount(&wanted.amount, currency).await
}

/// The best way, with what it comes to now.
async fn find(desk: &Desk<'_>, wanted: &FindPath, amount: Amount) -> anyhow::Result<PathView> {
    let name = if wanted.deliver { "deliver" } else { "send" };
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
    Ok(found)
}

pub async fn path(wallet: &Wallet, command: PathCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        PathCommand::Find(wanted) => {
            let amount = asked(&desk, &wanted).await?;
            let found = find(&desk, &wanted, amount).await?;
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
            // Once it is final, nothing is asked any more.
            let exponents = (desk.exponent(wanted.from).await?, desk.exponent(wanted.to).await?);
            let asked = asked(&desk, &wanted).await?;
            let bound = desk
                .amount(&bound, if wanted.deliver { wanted.from } else { wanted.to })
                .await?;
            ensure!(!bound.is_zero(), "a bound of nothing is none");
            let amount = match wanted.deliver {
                true => PathAmount::DeliverExact {
                    deliver: asked,
                    send_max: bound,
                },
                false => PathAmount::SendExact {
                    send: asked,
                    deliver_min: bound,
                },
            };
            let direct = PathPayment {
                from: by.address.account,
                to,
                path: Bounded::new(vec![wanted.from, wanted.to])?,
                amount,
            };
            // Before the books are asked: they may have no way any more, because it took it.
            let done = match desk.earlier(&SettlementAction::PayPath(direct.clone())).await? {
                Some(done) => done,
                None => {
                    let path = Bounded::new(find(&desk, &wanted, asked).await?.path)?;
                    let payment = PathPayment { path, ..direct };
                    desk.act(&by, SettlementAction::PayPath(payment)).await?
                }
            };
            let (sold, bought) = done.verified.trades.first().map_or_else(
                || match amount {
                    PathAmount::SendExact { send, deliver_min } => (send, deliver_min),
                    PathAmount::DeliverExact { deliver, send_max } => (send_max, deliver),
                },
                |trade| (trade.sold, trade.bought),
            );
            let what = format!(
                "{} for {}",
                money(sold, exponents.0, wanted.from),
                money(bought, exponents.1, wanted.to)
            );
            desk.done(&done, ["Paid", &what])
        }
    }
}
