//! The price of the remittance that completes, and all that it is made of.

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::{Report, text};

/// As the gateway gives it, amounts with their currencies.
#[derive(Debug, Clone, Serialize)]
pub struct Quote {
    pub id: String,
    pub source: String,
    pub target: String,
    pub rate: String,
    pub mid_rate: String,
    pub spread_bp: u64,
    /// Who takes it, and how much.
    pub fees: Vec<(String, String)>,
    pub total: String,
    pub expires_at: String,
}

impl Quote {
    /// By the rates of the devnet's file, the spread of its first maker, and its gateways' fees.
    pub fn check(&self, report: &mut Report) {
        let found = (self.rate.as_str(), self.mid_rate.as_str(), self.spread_bp);
        report.check(found == ("37.63368", "37.728", 25), || {
            format!("the quote's rate, mid rate and spread are {found:?}")
        });
        let found = (self.source.as_str(), self.target.as_str(), self.total.as_str());
        report.check(found == ("1000.00 EUR", "37633.68 THB", "1002.50 EUR"), || {
            format!("the quote's source, target and total are {found:?}")
        });
        let fees: Vec<_> = self
            .fees
            .iter()
            .map(|(name, amount)| (name.as_str(), amount.as_str()))
            .collect();
        report.check(fees == [("provider", "0.50 EUR"), ("operator", "2.00 EUR")], || {
            format!("the quote's fees are {fees:?}")
        });
    }

    pub fn of(quoted: &Value) -> anyhow::Result<Self> {
        let own = |path: &str| text(quoted, path).map(str::to_owned);
        let fees = quoted["fees"].as_array().context("a quote has fees")?;
        let fee = |fee: &Value| Ok((text(fee, "/name")?.to_owned(), money(&fee["amount"])?));
        Ok(Self {
            id: own("/id")?,
            source: money(&quoted["source"])?,
            target: money(&quoted["target"])?,
            rate: own("/rate")?,
            mid_rate: own("/mid_rate")?,
            spread_bp: quoted["spread_bp"].as_u64().context("a quote has a spread")?,
            fees: fees.iter().map(fee).collect::<anyhow::Result<_>>()?,
            total: money(&quoted["total"])?,
            expires_at: own("/expires_at")?,
        })
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let fees: Vec<_> = self
            .fees
            .iter()
            .map(|(name, amount)| format!("{amount} to the {name}"))
            .collect();
        vec![
            format!("{} for {}", self.source, self.target),
            format!(
                "rate {}, mid {}, spread {} bp",
                self.rate, self.mid_rate, self.spread_bp
            ),
            format!(
                "fees {}; in all {}; until {}",
                fees.join(" and "),
                self.total,
                self.expires_at
            ),
        ]
    }
}

fn money(value: &Value) -> anyhow::Result<String> {
    Ok(format!("{} {}", text(value, "/value")?, text(value, "/currency")?))
}
