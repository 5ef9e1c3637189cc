//! What a maker is run with: a file, read once into values that cannot be wrong.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use causeway_contracts::money::{Amount, Currency, text::AmountTextError, text::parse_amount};
use causeway_wallet::durable::{self, FileError};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    pricing::{BasisPoints, NotASpread},
    rates::{Peg, RATES_BYTES_MAX, RatesError, ReferenceRates},
};

/// As it is written; paths are relative to the file's folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakerFile {
    /// The folder of the wallet that has the account's key, and knows the network.
    pub wallet: PathBuf,
    /// The account that exchanges: its label in the wallet.
    pub account: String,
    pub listen: SocketAddr,
    pub spread_bp: u16,
    /// How long a quote may be used.
    #[serde(default = "thirty_seconds")]
    pub valid_seconds: u64,
    /// How long an exchange may be held, at most; not at all if absent.
    #[serde(default)]
    pub hold_seconds_max: u32,
    pub rates: RatesFiles,
    /// By the currency that takers sell.
    pub sell: BTreeMap<Currency, LimitsText>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatesFiles {
    /// In the form of the European Central Bank's daily file; a currency is in one of them.
    pub files: Vec<PathBuf>,
    /// The oldest that they may be, in days: four, over a weekend and a holiday.
    #[serde(default = "four_days")]
    pub days_max: u16,
    #[serde(default)]
    pub pegs: Vec<PegText>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PegText {
    pub currency: Currency,
    pub to: Currency,
    pub rate: Decimal,
}

/// In major units, such as 12.50.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsText {
    pub min: String,
    pub max: String,
    #[serde(default = "nothing")]
    pub fee: String,
}

fn thirty_seconds() -> u64 {
    30
}

fn four_days() -> u16 {
    4
}

fn nothing() -> String {
    "0".to_owned()
}

/// What may be sold in one quote, and what that costs besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub min: Amount,
    pub max: Amount,
    pub fee: Amount,
}

/// By which a maker quotes.
#[derive(Debug, Clone)]
pub struct Terms {
    pub spread: BasisPoints,
    pub valid_seconds: u64,
    pub hold_seconds_max: u32,
    pub rates_days_max: u16,
    pub sell: BTreeMap<Currency, Limits>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Read(#[from] FileError),
    #[error("{} is not a maker's configuration", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("{}", path.display())]
    Rates {
        path: PathBuf,
        #[source]
        source: RatesError,
    },
    #[error("the rates")]
    Moves(#[source] RatesError),
    #[error("rates.files names no file")]
    NoRates,
    #[error("rates.pegs")]
    Peg(#[source] RatesError),
    #[error("spread_bp")]
    Spread(#[source] NotASpread),
    #[error("valid_seconds is {0}, and must be 1 to {VALID_SECONDS_MAX}")]
    Validity(u64),
    #[error("sell.{currency}")]
    Amount {
        currency: Currency,
        #[source]
        source: AmountTextError,
    },
    #[error("sell.{0}: min is above zero, and not above max")]
    Range(Currency),
    #[error("sell.{0}: the network has no such currency")]
    UnknownCurrency(Currency),
    #[error("there is nothing to sell: add a table [sell.EUR] with min and max")]
    NothingToSell,
}

/// Rates move, and the ledger takes quotes of a day at most.
const VALID_SECONDS_MAX: u64 = 3_600;

/// More is no configuration.
const CONFIG_BYTES_MAX: u64 = 64 * 1024;

impl MakerFile {
    /// Reads it; relative paths become those of the files that are meant.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = durable::read_text(path, CONFIG_BYTES_MAX)?;
        let mut file: Self = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.wallet = folder.join(&file.wallet);
        for rates in &mut file.rates.files {
            *rates = folder.join(&*rates);
        }
        Ok(file)
    }

    /// By the exponents of the network's currencies.
    pub fn terms(&self, exponent: impl Fn(Currency) -> Option<u8>) -> Result<Terms, ConfigError> {
        if !(1..=VALID_SECONDS_MAX).contains(&self.valid_seconds) {
            return Err(ConfigError::Validity(self.valid_seconds));
        }
        if self.sell.is_empty() {
            return Err(ConfigError::NothingToSell);
        }
        let mut sell = BTreeMap::new();
        for (&currency, texts) in &self.sell {
            let exponent = exponent(currency).ok_or(ConfigError::UnknownCurrency(currency))?;
            let amount =
                |text: &str| parse_amount(text, exponent).map_err(|source| ConfigError::Amount { currency, source });
            let limits = Limits {
                min: amount(&texts.min)?,
                max: amount(&texts.max)?,
                fee: amount(&texts.fee)?,
            };
            if limits.min.is_zero() || limits.min > limits.max {
                return Err(ConfigError::Range(currency));
            }
            sell.insert(currency, limits);
        }
        Ok(Terms {
            spread: BasisPoints::new(self.spread_bp).map_err(ConfigError::Spread)?,
            valid_seconds: self.valid_seconds,
            hold_seconds_max: self.hold_seconds_max,
            rates_days_max: self.rates.days_max,
            sell,
        })
    }
}

impl RatesFiles {
    /// All of them together, as old as the oldest.
    pub fn load(&self) -> Result<ReferenceRates, ConfigError> {
        let mut all: Option<ReferenceRates> = None;
        for path in &self.files {
            let text = durable::read_text(path, RATES_BYTES_MAX as u64)?;
            let wrong = |source| ConfigError::Rates {
                path: path.clone(),
                source,
            };
            let rates = ReferenceRates::parse(&text).map_err(wrong)?;
            match &mut all {
                None => all = Some(rates),
                Some(all) => all.add_all(rates).map_err(wrong)?,
            }
        }
        let mut rates = all.ok_or(ConfigError::NoRates)?;
        for peg in &self.pegs {
            let PegText { currency, to, rate } = *peg;
            rates.bind(Peg { currency, to, rate }).map_err(ConfigError::Peg)?;
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        wallet = "wallet"
        account = "maker"
        listen = "127.0.0.1:0"
        spread_bp = 30

        [rates]
        files = ["euro.csv", "/other/dinar.csv"]
        pegs = [{ currency = "AED", to = "USD", rate = "3.6725" }]

        [sell.EUR]
        min = "1.00"
        max = "50000"
        fee = "1.50"

        [sell.JPY]
        min = "100"
        max = "100000"
    "#;

    fn exponent(currency: Currency) -> Option<u8> {
        match currency.as_str() {
            "EUR" => Some(2),
            "JPY" => Some(0),
            _ => None,
        }
    }

    fn terms(text: &str) -> Result<Terms, ConfigError> {
        toml::from_str::<MakerFile>(text)
            .expect("its form is good")
            .terms(exponent)
    }

    #[test]
    fn a_file_is_read_and_its_paths_are_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("maker.toml");
        std::fs::write(&path, FILE).expect("written");
        let file = MakerFile::read(&path).expect("a good file");
        assert_eq!(file.wallet, folder.path().join("wallet"));
        assert_eq!(
            file.rates.files,
            [folder.path().join("euro.csv"), PathBuf::from("/other/dinar.csv")]
        );
        let terms = file.terms(exponent).expect("good terms");
        let limits = |min, max, fee| Limits {
            min: Amount(min),
            max: Amount(max),
            fee: Amount(fee),
        };
        let sell: Vec<_> = terms.sell.values().copied().collect();
        assert_eq!(sell, [limits(100, 5_000_000, 150), limits(100, 100_000, 0)]);
        assert_eq!(
            (terms.valid_seconds, terms.hold_seconds_max, terms.rates_days_max),
            (30, 0, 4)
        );
    }

    #[test]
    fn terms_that_cannot_be_are_told() {
        let check = |old: &str, new: &str, expected: &str| {
            let error = terms(&FILE.replacen(old, new, 1)).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        };
        check("spread_bp = 30", "spread_bp = 10000", "spread_bp");
        check(
            "spread_bp = 30",
            "spread_bp = 30\nvalid_seconds = 0",
            "valid_seconds is 0, and must be 1 to 3600",
        );
        check("\"1.00\"", "\"0\"", "sell.EUR: min is above zero, and not above max");
        check(
            "\"50000\"",
            "\"0.99\"",
            "sell.EUR: min is above zero, and not above max",
        );
        check("\"1.50\"", "\"1.505\"", "sell.EUR");
        check("sell.JPY", "sell.XAU", "sell.XAU: the network has no such currency");
    }

    #[test]
    fn rates_come_from_several_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let euro = file("euro.csv", "Date, USD\n13 April 2026, 1.1684\n");
        let dinar = file("dinar.csv", "Date, KWD\n12 April 2026, 0.36\n");
        let files = |files: &[&PathBuf]| RatesFiles {
            files: files.iter().map(|path| (*path).clone()).collect(),
            days_max: 4,
            pegs: Vec::new(),
        };
        let rates = files(&[&euro, &dinar]).load().expect("good files");
        assert_eq!(rates.as_of.to_string(), "2026-04-12");
        let code = |text| Currency::new(text).expect("a code");
        assert_eq!(rates.mid(code("EUR"), code("KWD")), Some("0.36".parse().unwrap()));
        assert!(rates.mid(code("USD"), code("KWD")).is_some());
        let twice = files(&[&euro, &euro]).load().expect_err("USD twice");
        assert!(matches!(
            twice,
            ConfigError::Rates {
                source: RatesError::Twice { .. },
                ..
            }
        ));
        assert!(matches!(files(&[]).load(), Err(ConfigError::NoRates)));
        let absent = folder.path().join("absent");
        assert!(matches!(files(&[&absent]).load(), Err(ConfigError::Read(_))));
    }
}
