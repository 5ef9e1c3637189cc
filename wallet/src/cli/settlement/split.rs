//! `causeway split`.

use anyhow::{Context, ensure};
use causeway_contracts::{
    codec::Bounded,
    money::Amount,
    settlement::{Part, SettlementAction, Share, Shares, Split},
};

use super::Desk;
use crate::cli::{args::settlement as args, wallet::Wallet};

pub async fn split(wallet: &Wallet, args: args::Split) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    let from = desk.own(args.from.as_deref())?;
    let currency = args.currency;
    let shares = match &args.total {
        None => {
            let mut shares = Vec::new();
            for share in &args.share {
                shares.push(Share {
                    to: desk.party(&share.who)?,
                    amount: desk.amount(&share.what, currency).await?,
                });
            }
            Shares::Amounts(Bounded::new(shares).context("at most 16 payees")?)
        }
        Some(total) => {
            let sum: u32 = args.part.iter().map(|part| u32::from(part.what)).sum();
            ensure!(sum == 10_000, "the parts sum to {sum}, and must sum to 10000");
            let parts = args.part.iter().map(|part| {
                anyhow::Ok(Part {
                    to: desk.party(&part.who)?,
                    basis_points: part.what,
                })
            });
            Shares::BasisPoints {
                amount: desk.amount(total, currency).await?,
                parts: Bounded::new(parts.collect::<anyhow::Result<Vec<_>>>()?).context("at most 16 payees")?,
            }
        }
    };
    let split = Split {
        from: from.address.account,
        currency,
        shares,
    };
    let shares = split.shares();
    let sum: u64 = shares.iter().map(|share| share.amount.0).sum();
    let what = format!(
        "{} to {} payees",
        desk.money(Amount(sum), currency).await?,
        shares.len()
    );
    let key = wallet.open_key(&desk.home, &from.key)?;
    let done = desk
        .carry_out(std::slice::from_ref(&key), SettlementAction::Split(split), args.memo)
        .await?;
    desk.done(&done, ["Paid", &what])
}
