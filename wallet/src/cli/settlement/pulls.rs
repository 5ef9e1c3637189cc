//! `causeway allowance`, `mandate`, `request`, and `account category`.

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::{Bounded, Text},
    identity::ParticipantId,
    settlement::{
        Allowance, Collect, Mandate, MerchantCategory, PayRequest, Payees, Request, SettlementAction, Spend, Terms,
    },
    transaction::UnixSeconds,
};
use causeway_wallet::clock;

use super::{Desk, from_now, show};
use crate::cli::{
    args::settlement::{AllowanceCommand, MandateCommand, RequestCommand, Which},
    wallet::Wallet,
};

pub async fn allowance(wallet: &Wallet, command: AllowanceCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        AllowanceCommand::Grant {
            holder,
            budget,
            currency,
            from,
            payee,
            category,
            operator,
            max_payment,
            expires_in,
        } => {
            let from = desk.own(from.as_deref())?;
            let too_many = "at most 16 payees, categories or operators";
            let payees = match (&category[..], &operator[..]) {
                ([], []) => {
                    let accounts = payee.iter().map(|name| desk.party(name));
                    let accounts = accounts.collect::<anyhow::Result<Vec<_>>>()?;
                    Payees::Accounts(Bounded::new(accounts).context(too_many)?)
                }
                (_, []) => Payees::Categories(Bounded::new(category).context(too_many)?),
                _ => Payees::Operators(Bounded::new(operator).context(too_many)?),
            };
            let max_payment = match max_payment {
                Some(text) => Some(desk.amount(&text, currency).await?),
                None => None,
            };
            let allowance = Allowance {
                grantor: from.address.account,
                holder: desk.party(&holder)?,
                currency,
                budget: desk.amount(&budget, currency).await?,
                payees,
                max_payment,
                expires_at: from_now(expires_in),
            };
            let what = format!(
                "{} to {} for its purpose",
                desk.money(allowance.budget, currency).await?,
                allowance.holder.address(desk.client.prefix())
            );
            let done = desk.act(&from, SettlementAction::Allow(allowance)).await?;
            desk.opened(&done, ["Granted", &what])
        }
        AllowanceCommand::Spend { which, to, amount } => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Allowance(allowance) = view.terms else {
                bail!("contract {} is not an allowance", which.contract);
            };
            let spend = Spend {
                allowance: which.contract,
                holder: by.address.account,
                to: desk.party(&to)?,
                amount: desk.amount(&amount, allowance.currency).await?,
            };
            let what = format!(
                "{} to {}",
                desk.money(spend.amount, allowance.currency).await?,
                spend.to.address(desk.client.prefix())
            );
            let done = desk.act(&by, SettlementAction::Spend(spend)).await?;
            desk.done(&done, ["Paid", &what])
        }
        AllowanceCommand::Show(which) => show::show(&desk, &which).await,
    }
}

/// What kind of business an account's owner has, by its operator's word.
pub async fn category(
    wallet: &Wallet,
    account: &str,
    category: Option<MerchantCategory>,
    operator: ParticipantId,
    key: &str,
) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    let account = desk.party(account)?;
    let key = wallet.open_key(&desk.home, key)?;
    let action = SettlementAction::SetCategory {
        operator,
        account,
        category,
    };
    let done = desk
        .carry_out(std::slice::from_ref(&key), action, String::new())
        .await?;
    let what = match category {
        Some(category) => format!(
            "{} is in category {:04}",
            account.address(desk.client.prefix()),
            category.0
        ),
        None => format!("{} is in no category", account.address(desk.client.prefix())),
    };
    desk.done(&done, ["Recorded", &what])
}

pub async fn mandate(wallet: &Wallet, command: MandateCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        MandateCommand::Grant {
            payee,
            currency,
            from,
            max_payment,
            max_per_period,
            period,
            starts_in,
            ends_in,
        } => {
            let from = desk.own(from.as_deref())?;
            let mandate = Mandate {
                payer: from.address.account,
                payee: desk.party(&payee)?,
                currency,
                max_payment: desk.amount(&max_payment, currency).await?,
                max_per_period: desk.amount(&max_per_period, currency).await?,
                period_seconds: period.0,
                starts_at: starts_in.map_or(UnixSeconds(clock::now_ms().0 / 1000), from_now),
                ends_at: from_now(ends_in),
            };
            let what = format!(
                "{} to draw up to {} at a time",
                mandate.payee.address(desk.client.prefix()),
                desk.money(mandate.max_payment, currency).await?
            );
            let done = desk.act(&from, SettlementAction::Mandate(mandate)).await?;
            desk.opened(&done, ["Allowed", &what])
        }
        MandateCommand::Collect {
            which,
            amount,
            reference,
        } => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Mandate(state) = view.terms else {
                bail!("contract {} is not a mandate", which.contract);
            };
            let currency = state.mandate.currency;
            let collect = Collect {
                mandate: which.contract,
                payee: by.address.account,
                amount: desk.amount(&amount, currency).await?,
                reference: Text::new(reference).context("the reference has at most 35 bytes")?,
            };
            let what = format!(
                "{} from {}",
                desk.money(collect.amount, currency).await?,
                state.mandate.payer.address(desk.client.prefix())
            );
            let done = desk.act(&by, SettlementAction::Collect(collect)).await?;
            desk.done(&done, ["Collected", &what])
        }
        MandateCommand::Revoke(which) => revoke(&desk, &which, "mandate").await,
        MandateCommand::Show(which) => show::show(&desk, &which).await,
    }
}

pub async fn request(wallet: &Wallet, command: RequestCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        RequestCommand::Make {
            amount,
            currency,
            to,
            payer,
            reference,
            expires_in,
        } => {
            let to = desk.own(to.as_deref())?;
            let request = Request {
                payee: to.address.account,
                payer: payer.map(|payer| desk.party(&payer)).transpose()?,
                currency,
                amount: desk.amount(&amount, currency).await?,
                reference: Text::new(reference).context("the reference has at most 140 bytes")?,
                expires_at: from_now(expires_in),
            };
            let what = format!("for {}", desk.money(request.amount, currency).await?);
            let done = desk.act(&to, SettlementAction::Request(request)).await?;
            desk.opened(&done, ["Asked", &what])
        }
        RequestCommand::Pay(which) => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Request(request) = view.terms else {
                bail!("contract {} is not a request", which.contract);
            };
            let payment = PayRequest {
                request: which.contract,
                from: by.address.account,
                amount: request.amount,
            };
            let what = format!(
                "{} to {}",
                desk.money(request.amount, request.currency).await?,
                request.payee.address(desk.client.prefix())
            );
            let done = desk.act(&by, SettlementAction::PayRequest(payment)).await?;
            desk.done(&done, ["Paid", &what])
        }
        RequestCommand::Revoke(which) => revoke(&desk, &which, "request").await,
        RequestCommand::Show(which) => show::show(&desk, &which).await,
    }
}

pub(super) async fn revoke(desk: &Desk<'_>, which: &Which, kind: &str) -> anyhow::Result<()> {
    let by = desk.own(which.by.as_deref())?;
    let action = SettlementAction::Revoke {
        contract: which.contract,
        by: by.address.account,
    };
    let done = desk.act(&by, action).await?;
    desk.done(&done, ["Revoked", &format!("{kind} {}", which.contract)])
}
