//! Netting cycles.

use anyhow::Context;
use causeway_contracts::{
    codec::Bounded,
    settlement::{
        SettlementAction,
        netting::{Cycle, Obligation},
    },
};

use super::{Desk, from_now, show};
use crate::cli::{args::settlement::NettingCommand, wallet::Wallet};

pub async fn netting(wallet: &Wallet, command: NettingCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        NettingCommand::Open {
            participant,
            mut currency,
            closes_in,
            from,
        } => {
            let from = desk.own(from.as_deref())?;
            let participants = participant.iter().map(|name| desk.party(name));
            let mut participants = participants.collect::<anyhow::Result<Vec<_>>>()?;
            participants.sort_unstable();
            participants.dedup();
            currency.sort_unstable();
            currency.dedup();
            let what = format!("of {} participants", participants.len());
            let cycle = Cycle {
                opener: from.address.account,
                participants: Bounded::new(participants).context("a cycle has 2 to 32 participants")?,
                currencies: Bounded::new(currency).context("a cycle has 1 to 8 currencies")?,
                closes_at: from_now(closes_in),
            };
            let done = desk.act(&from, SettlementAction::OpenCycle(cycle)).await?;
            desk.opened(&done, ["Opened a cycle", &what])
        }
        NettingCommand::Prefund {
            which,
            amount,
            currency,
        } => {
            let by = desk.own(which.by.as_deref())?;
            let amount = desk.amount(&amount, currency).await?;
            let action = SettlementAction::Prefund {
                cycle: which.contract,
                participant: by.address.account,
                currency,
                amount,
            };
            let what = format!("{} for cycle {}", desk.money(amount, currency).await?, which.contract);
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Set aside", &what])
        }
        NettingCommand::Owe {
            which,
            creditor,
            amount,
            currency,
        } => {
            let by = desk.own(which.by.as_deref())?;
            let obligation = Obligation {
                cycle: which.contract,
                debtor: by.address.account,
                creditor: desk.party(&creditor)?,
                currency,
                amount: desk.amount(&amount, currency).await?,
            };
            let what = format!(
                "that {} is owed {}",
                obligation.creditor.address(desk.client.prefix()),
                desk.money(obligation.amount, currency).await?
            );
            let done = desk.act(&by, SettlementAction::Oblige(obligation)).await?;
            desk.done(&done, ["Recorded", &what])
        }
        NettingCommand::Close(which) => {
            let by = desk.own(which.by.as_deref())?;
            let action = SettlementAction::CloseCycle {
                cycle: which.contract,
                by: by.address.account,
            };
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Closed", &format!("cycle {}", which.contract)])
        }
        NettingCommand::Show(which) => show::show(&desk, &which).await,
    }
}
