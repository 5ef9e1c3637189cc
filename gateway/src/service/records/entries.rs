//! Entries of account statements, each with what was credited and debited in its account and currency up to it: so the
//! balance at any moment, and the sums of any time between two, are one indexed look-up each.

mod forgotten;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use causeway_contracts::{
    block::{Height, TimeMs},
    codec::Text,
    identity::AccountId,
    money::{Amount, Balance, Currency},
    settlement::ContractId,
    transaction::TxId,
};
use serde::{Deserialize, Serialize};

pub use self::forgotten::{ForgottenHold, Trace, trace};
use super::{document, int, unsigned};
use crate::{
    bookkeeping::{Direction, Entry, Kind},
    remittance::Remittance,
    store::{Row, Sql, StoreError, Value},
};

/// Where an entry stands among those of its account: by its block's time, which no other block has, and within the
/// block. Written as the entry's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub time_ms: u64,
    pub within: u64,
}

/// Digits of each half of an id: 48 bits, which are enough for a time before the year 10,000 and for 32 bits of a
/// receipt's place with 16 of a part.
const HALF_DIGITS: usize = 12;

impl Place {
    /// After all that can be before this moment.
    pub fn last_before(time_ms: u64) -> Option<Self> {
        let time_ms = time_ms.checked_sub(1)?;
        Some(Self {
            time_ms,
            within: (1 << (4 * HALF_DIGITS)) - 1,
        })
    }

    fn of(entry: &Entry) -> Self {
        Self {
            time_ms: entry.time_ms.0,
            within: u64::from(entry.index) << 16 | u64::from(entry.part),
        }
    }

    fn index(self) -> Option<u32> {
        u32::try_from(self.within >> 16).ok()
    }

    fn part(self) -> u16 {
        (self.within & 0xFFFF) as u16
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ent_{:012x}{:012x}", self.time_ms, self.within)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no entry's id, which is ent_ and 24 hexadecimal digits")]
pub struct NotAPlace;

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let digits = text.strip_prefix("ent_").ok_or(NotAPlace)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 2 * HALF_DIGITS || !digits.bytes().all(is_digit) {
            return Err(NotAPlace);
        }
        let half = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| NotAPlace);
        Ok(Self {
            time_ms: half(&digits[..HALF_DIGITS])?,
            within: half(&digits[HALF_DIGITS..])?,
        })
    }
}

/// All that was booked in one currency of an account, up to an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub credits: u64,
    /// In minor units.
    pub credited: u128,
    pub debits: u64,
    pub debited: u128,
}

impl Totals {
    pub fn balance(self) -> Balance {
        let signed = |sum: u128| i128::try_from(sum).expect("sums of 64 bits");
        Balance(signed(self.credited) - signed(self.debited))
    }

    fn with(self, entry: &Entry) -> Self {
        let amount = u128::from(entry.amount.0);
        match entry.direction {
            Direction::Credit => Self {
                credits: self.credits + 1,
                credited: self.credited + amount,
                ..self
            },
            Direction::Debit => Self {
                debits: self.debits + 1,
                debited: self.debited + amount,
                ..self
            },
        }
    }
}

/// An entry as it is stored.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub entry: Entry,
    pub place: Place,
    /// With it.
    pub totals: Totals,
    /// That it belongs to.
    pub remittance: Option<Box<Remittance>>,
}

/// Whether an entry is of a remittance that its transaction is about. One transaction may be about several: another
/// operator posts the holds of two senders by one, and neither may see who the other is.
fn belongs(entry: &Entry, remittance: &Remittance) -> bool {
    let (order, ledger) = (&remittance.order, &remittance.ledger);
    let is_its_account = [order.sender_account, order.deliver_to]
        .iter()
        .any(|address| address.account == entry.account);
    let is_of_hold = entry.contract.is_some() && entry.contract == ledger.hold;
    let is_of = |own: Option<TxId>| own.is_some() && own == entry.transaction;
    let is_fee = entry.kind == Kind::Fee && is_of(ledger.reservation);
    is_its_account && (is_of_hold || is_of(ledger.returning) || is_fee)
}

/// What of an entry is only shown.
#[derive(Serialize, Deserialize)]
struct Body {
    kind: Kind,
    counterparty: Option<AccountId>,
    contract: Option<ContractId>,
    memo: Text<140>,
}

/// Stores entries in the order in which they were booked. One that is there already stays as it is.
pub fn add(sql: &mut dyn Sql, entries: &[Entry]) -> Result<(), StoreError> {
    let amount = sql.dialect().amount(7);
    let insert = format!(
        "INSERT INTO entries (account, currency, time_ms, place, height, is_credit, amount, credits, credited, debits, \
         debited, transaction_id, body) VALUES ($1, $2, $3, $4, $5, $6, {amount}, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (account, time_ms, place) DO NOTHING"
    );
    let mut known: BTreeMap<(AccountId, Currency), Totals> = BTreeMap::new();
    for entry in entries {
        let before = match known.get(&(entry.account, entry.currency)) {
            Some(totals) => *totals,
            None => totals_before(sql, &entry.account, entry.currency, None)?,
        };
        let after = before.with(entry);
        let place = Place::of(entry);
        let body = Body {
            kind: entry.kind,
            counterparty: entry.counterparty,
            contract: entry.contract,
            memo: entry.memo.clone(),
        };
        let transaction = entry.transaction.map(|id| id.to_string());
        let added = sql.execute(
            &insert,
            &[
                (&entry.account.to_string()).into(),
                entry.currency.as_str().into(),
                int(place.time_ms).into(),
                int(place.within).into(),
                int(entry.height.0).into(),
                (entry.direction == Direction::Credit).into(),
                (&entry.amount.to_string()).into(),
                int(after.credits).into(),
                (&after.credited.to_string()).into(),
                int(after.debits).into(),
                (&after.debited.to_string()).into(),
                transaction.as_ref().into(),
                (&document(&body)).into(),
            ],
        )?;
        let stands = if added > 0 { after } else { before };
        known.insert((entry.account, entry.currency), stands);
    }
    Ok(())
}

/// What the ledger says an account has: available and held together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub account: AccountId,
    pub height: Height,
    pub time_ms: TimeMs,
    pub balances: BTreeMap<Currency, Balance>,
}

/// What all entries up to this height do not explain becomes entries of kind [`Kind::Other`], after the block's own.
pub fn settle(sql: &mut dyn Sql, held: &Held) -> Result<(), StoreError> {
    let mut currencies: BTreeSet<Currency> = held.balances.keys().copied().collect();
    currencies.extend(currencies_of(sql, &held.account)?);
    let mut entries = Vec::new();
    for currency in currencies {
        let booked = totals_before(sql, &held.account, currency, None)?.balance();
        let has = held.balances.get(&currency).copied().unwrap_or_default();
        let direction = if has > booked {
            Direction::Credit
        } else {
            Direction::Debit
        };
        let mut left = has.0.abs_diff(booked.0);
        // An issuer's balance may be more than one amount can say.
        while left > 0 {
            let amount = u64::try_from(left).unwrap_or(u64::MAX);
            left -= u128::from(amount);
            let part = u16::try_from(entries.len()).map_err(|_| StoreError::Changed)?;
            entries.push(Entry {
                account: held.account,
                currency,
                height: held.height,
                index: u32::MAX,
                part,
                time_ms: held.time_ms,
                direction,
                amount: Amount(amount),
                kind: Kind::Other,
                counterparty: None,
                transaction: None,
                contract: None,
                memo: Text::default(),
            });
        }
    }
    add(sql, &entries)
}

/// In which anything was booked, in order.
pub fn currencies_of(sql: &mut dyn Sql, account: &AccountId) -> Result<Vec<Currency>, StoreError> {
    let account = account.to_string();
    let mut found: Vec<Currency> = Vec::new();
    loop {
        let last = found.last().map_or(String::new(), |last| last.to_string());
        let row = sql.query_one(
            "SELECT currency FROM entries WHERE account = $1 AND currency > $2 ORDER BY currency LIMIT 1",
            &[(&account).into(), (&last).into()],
        )?;
        match row {
            Some(row) => found.push(parsed(&row, 0)?),
            None => return Ok(found),
        }
    }
}

/// Of all entries before this time in milliseconds; without one, of all.
pub fn totals_before(
    sql: &mut dyn Sql,
    account: &AccountId,
    currency: Currency,
    until_ms: Option<u64>,
) -> Result<Totals, StoreError> {
    let row = sql.query_one(
        "SELECT credits, credited, debits, debited FROM entries WHERE account = $1 AND currency = $2 AND time_ms < $3 \
         ORDER BY time_ms DESC, place DESC LIMIT 1",
        &[
            (&account.to_string()).into(),
            currency.as_str().into(),
            int(until_ms.unwrap_or(u64::MAX)).into(),
        ],
    )?;
    row.map_or(Ok(Totals::default()), |row| totals(&row, 0))
}

const RECORDED: &str = "SELECT e.account, e.currency, e.time_ms, e.place, e.height, e.is_credit, \
    CAST(e.amount AS TEXT), e.credits, e.credited, e.debits, e.debited, e.transaction_id, e.body, r.body FROM entries e \
    LEFT JOIN remittances r ON r.id = (SELECT MIN(p.remittance) FROM proofs p JOIN remittances x ON x.id = p.remittance \
    WHERE p.transaction_id = e.transaction_id AND x.account = e.account) \
    WHERE e.account = $1";

/// Which entries of an account.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    pub account: AccountId,
    /// `None`: of all its currencies.
    pub currency: Option<Currency>,
    /// The entry here is left out.
    pub after: Option<Place>,
    /// Only those of an earlier time.
    pub until_ms: Option<u64>,
}

/// At most `limit` of them, the oldest first.
pub fn list(sql: &mut dyn Sql, range: &Range, limit: usize) -> Result<Vec<Recorded>, StoreError> {
    let account = range.account.to_string();
    let (time_ms, within) = match range.after {
        Some(place) => (int(place.time_ms), int(place.within)),
        None => (-1, -1),
    };
    let mut values: Vec<Value<'_>> = vec![
        (&account).into(),
        time_ms.into(),
        within.into(),
        int(range.until_ms.unwrap_or(u64::MAX)).into(),
        (limit as i64).into(),
    ];
    let of_currency = match &range.currency {
        Some(currency) => {
            values.push(currency.as_str().into());
            "AND e.currency = $6"
        }
        None => "",
    };
    let statement = format!(
        "{RECORDED} {of_currency} AND (e.time_ms, e.place) > ($2, $3) AND e.time_ms < $4 \
         ORDER BY e.time_ms, e.place LIMIT $5"
    );
    sql.query(&statement, &values)?.iter().map(recorded).collect()
}

pub fn find(sql: &mut dyn Sql, account: &AccountId, place: Place) -> Result<Option<Recorded>, StoreError> {
    let row = sql.query_one(
        &format!("{RECORDED} AND e.time_ms = $2 AND e.place = $3"),
        &[
            (&account.to_string()).into(),
            int(place.time_ms).into(),
            int(place.within).into(),
        ],
    )?;
    row.map(|row| recorded(&row)).transpose()
}

fn parsed<T: FromStr>(row: &Row, column: usize) -> Result<T, StoreError> {
    row.text(column)?.parse().map_err(|_| StoreError::Column { column })
}

/// From four columns.
fn totals(row: &Row, first: usize) -> Result<Totals, StoreError> {
    Ok(Totals {
        credits: unsigned(row.int(first)?, first)?,
        credited: parsed(row, first + 1)?,
        debits: unsigned(row.int(first + 2)?, first + 2)?,
        debited: parsed(row, first + 3)?,
    })
}

fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    let place = Place {
        time_ms: unsigned(row.int(2)?, 2)?,
        within: unsigned(row.int(3)?, 3)?,
    };
    let body: Body = row.json(12)?;
    let transaction: Option<TxId> = match row.optional_text(11)? {
        Some(_) => Some(parsed(row, 11)?),
        None => None,
    };
    let entry = Entry {
        account: parsed(row, 0)?,
        currency: parsed(row, 1)?,
        height: Height(unsigned(row.int(4)?, 4)?),
        index: place.index().ok_or(StoreError::Column { column: 3 })?,
        part: place.part(),
        time_ms: TimeMs(place.time_ms),
        direction: if row.flag(5)? {
            Direction::Credit
        } else {
            Direction::Debit
        },
        amount: parsed(row, 6)?,
        kind: body.kind,
        counterparty: body.counterparty,
        transaction,
        contract: body.contract,
        memo: body.memo,
    };
    let remittance: Option<Box<Remittance>> = match row.is_null(13) {
        true => None,
        false => Some(row.json(13)?),
    };
    let remittance = remittance.filter(|remittance| belongs(&entry, remittance));
    Ok(Recorded {
        entry,
        place,
        totals: totals(row, 7)?,
        remittance,
    })
}

#[cfg(test)]
pub(crate) mod tests;
