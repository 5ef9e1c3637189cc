//! Who has what: accounts and what is set aside by the word of enough validators, purses by their own.

use std::fmt;

use anyhow::Context;
use causeway_contracts::{
    money::{Amount, text::format_amount},
    offline::ids::LoadCounter,
};
use futures::future::try_join_all;
use serde::Serialize;

use super::{A, B, C, GIVEN, LOADED, NAMES, PAYMENTS, Person, Town};
use crate::{
    demo::report::Report,
    services::{ISSUERS, issuers::GUARANTEE},
};

/// In minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Books {
    pub accounts: [Amount; 3],
    pub purses: [Amount; 3],
    /// Of A's load, what the ledger still holds in A's account.
    pub escrow: Amount,
    /// What is set aside of the fund's money.
    pub guarantee: Amount,
}

impl Books {
    pub async fn read(town: &Town<'_>, people: &[Person]) -> anyhow::Result<Self> {
        let currency = town.currency.to_string();
        let accounts = people
            .iter()
            .map(|person| person.wallet.available(person.name, &currency));
        let purses = people.iter().map(Person::purse_balance);
        let (accounts, purses) = tokio::try_join!(try_join_all(accounts), try_join_all(purses))?;
        let key = town.network.seed.key(ISSUERS[0].operator);
        let load = town.client.load_of(&people[A].purse, LoadCounter(1), &key).await?;
        let load = load.answer.context("the ledger knows A's load")?;
        let view = town.client.purse_currency(town.currency).await?;
        let three = |all: Vec<Amount>| all.try_into().ok().context("there are three people");
        Ok(Self {
            accounts: three(accounts.into_iter().map(Amount).collect())?,
            purses: three(purses)?,
            escrow: load.left,
            guarantee: view.context("purses hold the currency")?.guarantee,
        })
    }

    /// After [`PAYMENTS`], once B and C have redeemed what they have.
    pub fn expected() -> Self {
        let mut purses = [LOADED.0, 0, 0];
        for (payer, payee, amount, _) in PAYMENTS {
            purses[payer] -= amount.0;
            purses[payee] += amount.0;
        }
        Self {
            accounts: [Amount(GIVEN.0 - LOADED.0), Amount(purses[B]), Amount(purses[C])],
            purses: [Amount(purses[A]), Amount::ZERO, Amount::ZERO],
            // What A's purse has, and nothing else.
            escrow: Amount(purses[A]),
            guarantee: GUARANTEE,
        }
    }

    pub fn check(&self, expected: &Self, when: &str, report: &mut Report) {
        report.check(self == expected, || {
            format!("{when} there is {self}, and should be {expected}")
        });
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = |amount: &Amount| format_amount(*amount, 2);
        for (what, amounts) in [("accounts", &self.accounts), ("purses", &self.purses)] {
            let each: Vec<_> = NAMES
                .iter()
                .zip(amounts)
                .map(|(name, amount)| format!("{name} {}", money(amount)))
                .collect();
            write!(f, "{what} {}; ", each.join(", "))?;
        }
        write!(
            f,
            "set aside for A's purse {}, guarantee {}",
            money(&self.escrow),
            money(&self.guarantee)
        )
    }
}
