//! The payroll that the demo pays, who is paid by it, and what the ledger must make of each line.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use causeway_contracts::{
    governance::Parameters,
    identity::{ParticipantId, Tier},
    ledger::rejection::Rejection,
    money::{Amount, Currency, text::parse_amount},
};
use serde::Deserialize;

/// Beneficiary, amount, currency, reference: 1,000 lines under a heading.
pub const PAYROLL: &str = include_str!("../../data/payroll.csv");

/// Whose accounts the payroll goes to: name, operator, tier, status.
const PEOPLE: &str = include_str!("../../data/accounts.csv");

/// What has become of a person's account by payday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Active,
    /// Takes money, pays none.
    Frozen,
    Closed,
    /// The person gave an address, and the operator has not opened the account.
    Unopened,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub name: String,
    pub operator: ParticipantId,
    pub tier: Tier,
    #[serde(rename = "status")]
    pub standing: Standing,
}

pub fn people() -> anyhow::Result<Vec<Person>> {
    let mut reader = csv::Reader::from_reader(PEOPLE.as_bytes());
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .context("devnet/data/accounts.csv")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In the file, counted from 1 with its heading.
    pub number: u64,
    pub beneficiary: String,
    pub amount: Amount,
    pub currency: Currency,
    pub reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    beneficiary: String,
    amount: String,
    currency: Currency,
    reference: String,
}

/// The lines of a payroll; `exponent` gives the digits after the point of a currency.
pub fn lines(text: &str, exponent: impl Fn(Currency) -> Option<u8>) -> anyhow::Result<Vec<Line>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<Row>();
    rows.zip(2..)
        .map(|(row, number)| {
            let row = row?;
            let exponent = exponent(row.currency).with_context(|| format!("line {number}: {}", row.currency))?;
            Ok(Line {
                number,
                beneficiary: row.beneficiary,
                amount: parse_amount(&row.amount, exponent)?,
                currency: row.currency,
                reference: row.reference,
            })
        })
        .collect()
}

/// What the ledger must make of each line, by its own rules, in a simpler model: that of a payer
/// without caps, who has `funds`, and of people who have nothing before payday. Lines are final in no
/// particular order, so a payroll on whose order an outcome depends is refused.
pub fn expected(
    lines: &[Line],
    people: &[Person],
    parameters: &Parameters,
    funds: &BTreeMap<Currency, Amount>,
) -> anyhow::Result<Vec<Result<(), Rejection>>> {
    let people: BTreeMap<_, _> = people.iter().map(|person| (person.name.as_str(), person)).collect();
    let mut paid: BTreeMap<Currency, u64> = BTreeMap::new();
    let mut received: BTreeMap<(&str, Currency), u64> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(lines.len());
    for line in lines {
        let person = people
            .get(line.beneficiary.as_str())
            .with_context(|| line.beneficiary.clone())?;
        let cap = parameters
            .limits_of(person.tier, line.currency)
            .and_then(|limits| limits.balance_max);
        let available = funds.get(&line.currency).copied().unwrap_or_default();
        let outcome = match person.standing {
            Standing::Unopened => Err(Rejection::UnknownAccount),
            Standing::Closed => Err(Rejection::AccountNotActive),
            _ if cap.is_some_and(|cap| line.amount > cap) => Err(Rejection::OverBalanceLimit),
            _ if line.amount > available => Err(Rejection::InsufficientFunds),
            _ => Ok(()),
        };
        if outcome.is_ok() {
            *paid.entry(line.currency).or_default() += line.amount.0;
            let total = received.entry((&line.beneficiary, line.currency)).or_default();
            *total += line.amount.0;
            if cap.is_some_and(|cap| *total > cap.0) {
                bail!("{} would reach a cap with one line or another", line.beneficiary);
            }
        }
        outcomes.push(outcome);
    }
    for (currency, paid) in paid {
        if funds.get(&currency).is_none_or(|funds| paid > funds.0) {
            bail!("the payer has too little {currency} for the lines that must be paid");
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        genesis::{Ingredients, Seed},
        ports::BasePort,
    };
    use causeway_contracts::{block::TimeMs, genesis::Genesis};

    fn genesis() -> Genesis {
        let seed = Seed::from_bytes([7; 32]);
        let ingredients = Ingredients {
            accounts: Vec::new(),
            seed: &seed,
            time_ms: TimeMs(0),
            checkpoint_period_seconds: 600,
            validators: 4,
            base_port: BasePort::new(27_100).unwrap(),
        };
        ingredients.genesis().unwrap()
    }

    #[test]
    fn the_payroll_has_a_thousand_lines_in_two_currencies_at_two_operators() {
        let genesis = genesis();
        let lines = lines(PAYROLL, |code| genesis.currency(code).map(|record| record.exponent)).unwrap();
        assert_eq!(lines.len(), 1000);
        let people = people().unwrap();
        let currencies: std::collections::BTreeSet<_> = lines.iter().map(|line| line.currency).collect();
        let operators: std::collections::BTreeSet<_> = people.iter().map(|person| person.operator).collect();
        assert_eq!((currencies.len(), operators.len()), (2, 2));
    }

    fn person(name: &str, tier: u8, standing: Standing) -> Person {
        Person {
            name: name.to_owned(),
            operator: ParticipantId::new("BANKA").unwrap(),
            tier: Tier(tier),
            standing,
        }
    }

    fn check(csv: &str, expect: &[Result<(), Rejection>]) {
        let genesis = genesis();
        let people = [
            person("verified", 2, Standing::Active),
            person("intern", 4, Standing::Active),
            person("frozen", 2, Standing::Frozen),
            person("gone", 2, Standing::Closed),
            person("new", 2, Standing::Unopened),
        ];
        let text = format!("beneficiary,amount,currency,reference\n{csv}");
        let lines = lines(&text, |code| genesis.currency(code).map(|record| record.exponent)).unwrap();
        let funds = BTreeMap::from([(Currency::new("CNY").unwrap(), Amount(100_000_000))]);
        let outcomes = expected(&lines, &people, &genesis.parameters, &funds).unwrap();
        assert_eq!(outcomes, expect);
    }

    #[test]
    fn each_reason_to_refuse_a_line_is_foreseen() {
        check("verified,12000.00,CNY,a", &[Ok(())]);
        check("frozen,12000.00,CNY,a", &[Ok(())]);
        check("intern,10000.00,CNY,a", &[Ok(())]);
        check("intern,10000.01,CNY,a", &[Err(Rejection::OverBalanceLimit)]);
        check("gone,1.00,CNY,a", &[Err(Rejection::AccountNotActive)]);
        check("new,1.00,CNY,a", &[Err(Rejection::UnknownAccount)]);
        check("verified,1.00,HKD,a", &[Err(Rejection::InsufficientFunds)]);
        check(
            "new,999999999.00,CNY,a\nverified,1,CNY,b",
            &[Err(Rejection::UnknownAccount), Ok(())],
        );
    }
}
