//! What a merchant and its acquirer have agreed to, of all currencies.

use std::collections::BTreeMap;

use causeway_contracts::{
    money::{Amount, Currency},
    settlement::Part,
};
use serde::{Deserialize, Serialize};

use super::{Schedule, Terms, TermsFault};
use crate::{fee::Fee, maker::pricing::BasisPoints};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    pub schedule: Schedule,
    /// Of each capture; nothing in a currency that is not there.
    pub fixed: BTreeMap<Currency, Amount>,
    pub share: BasisPoints,
    /// The merchant's own account is the first.
    parts: Vec<Part>,
}

impl Agreement {
    /// As of [`Terms::new`].
    pub fn new(
        schedule: Schedule,
        fixed: BTreeMap<Currency, Amount>,
        share: BasisPoints,
        parts: Vec<Part>,
    ) -> Result<Self, TermsFault> {
        let fee = Fee {
            fixed: Amount::ZERO,
            share,
        };
        Terms::new(fee, parts.clone())?;
        Ok(Self {
            schedule,
            fixed,
            share,
            parts,
        })
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn terms(&self, currency: Currency) -> Terms {
        let fee = Fee {
            fixed: self.fixed.get(&currency).copied().unwrap_or(Amount::ZERO),
            share: self.share,
        };
        Terms::new(fee, self.parts.clone()).expect("checked when it was made")
    }
}
