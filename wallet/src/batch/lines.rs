//! The CSV file: columns beneficiary, amount, currency, reference; read and checked as a whole.

use std::collections::BTreeMap;

use causeway_contracts::{
    codec::Text,
    identity::AccountId,
    money::{
        Amount, Currency, NotACurrency,
        text::{AmountTextError, parse_amount},
    },
};
use csv::{ByteRecord, ReaderBuilder, Trim};
use sha2::{Digest, Sha256};

use crate::{
    payee::{Contacts, PayeeError, shortened},
    payment::Payment,
};

pub const COLUMNS: [&str; 4] = ["beneficiary", "amount", "currency", "reference"];

/// A file is at most this long, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A file has at most this many payments.
pub const LINES_MAX: usize = 1_000_000;

/// One payment of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it begins in the file, counted from 1; the heading is most often line 1.
    pub number: u64,
    pub payment: Payment,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {reason}")]
pub struct BadLine {
    pub number: u64,
    pub reason: Reason,
}

/// What is wrong with a line; the first that is, from left to right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("it has {actual} columns; each line has {}: {}", COLUMNS.len(), COLUMNS.join(","))]
    Columns { actual: usize },
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("the beneficiary: {0}")]
    Beneficiary(#[from] PayeeError),
    #[error("the beneficiary is the account that pays")]
    PaysItself,
    #[error("currency '{code}': {source}")]
    CurrencyCode { code: String, source: NotACurrency },
    #[error("currency {0} is not registered on this network")]
    UnknownCurrency(Currency),
    #[error("the amount: {0}")]
    Amount(#[from] AmountTextError),
    #[error("the amount is zero")]
    AmountZero,
    #[error("the reference is {0} bytes long, and at most 140 are allowed")]
    Reference(usize),
}

/// A file that cannot be read as payments at all.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    #[error("the first line must name the columns: {}", COLUMNS.join(","))]
    Heading,
    #[error("there are no payments in it")]
    Empty,
    #[error("there are more than {LINES_MAX} payments in it; split it")]
    TooMany,
    #[error("{0}")]
    Csv(#[from] csv::Error),
}

/// The file as read: what can be paid, and what cannot with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    pub lines: Vec<Line>,
    pub bad: Vec<BadLine>,
}

/// What a line is checked against.
#[derive(Debug)]
pub struct Context<'a> {
    pub from: AccountId,
    pub contacts: &'a Contacts,
    /// The digits after the point of each registered currency.
    pub exponents: &'a BTreeMap<Currency, u8>,
}

impl Parsed {
    /// Currencies that lines name and the context did not know.
    pub fn unknown_currencies(&self) -> Vec<Currency> {
        let mut codes: Vec<_> = self
            .bad
            .iter()
            .filter_map(|bad| match bad.reason {
                Reason::UnknownCurrency(code) => Some(code),
                _ => None,
            })
            .collect();
        codes.sort();
        codes.dedup();
        codes
    }
}

/// What a journal is bound to: SHA-256 of the file's bytes.
pub fn file_hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub fn parse(bytes: &[u8], context: &Context) -> Result<Parsed, FileProblem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    let has_heading = reader.read_byte_record(&mut record)?;
    if !has_heading || !record.iter().eq(COLUMNS.iter().map(|name| name.as_bytes())) {
        return Err(FileProblem::Heading);
    }
    let mut parsed = Parsed {
        lines: Vec::new(),
        bad: Vec::new(),
    };
    let mut place = Place {
        bytes,
        offset: 0,
        line: 1,
    };
    while reader.read_byte_record(&mut record)? {
        if parsed.lines.len() + parsed.bad.len() == LINES_MAX {
            return Err(FileProblem::TooMany);
        }
        let number = place.line_at(record.position().map_or(0, csv::Position::byte));
        match payment(&record, context) {
            Ok(payment) => parsed.lines.push(Line { number, payment }),
            Err(reason) => parsed.bad.push(BadLine { number, reason }),
        }
    }
    if parsed.lines.is_empty() && parsed.bad.is_empty() {
        return Err(FileProblem::Empty);
    }
    Ok(parsed)
}

/// Counts lines. The reader's own count gives a record that follows empty lines the number of the
/// first of them.
struct Place<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: u64,
}

impl Place<'_> {
    /// The line of the first byte at or after `offset` that is not a line break. Offsets must ascend.
    fn line_at(&mut self, offset: u64) -> u64 {
        while let Some(byte) = self.bytes.get(self.offset) {
            let next = self.bytes.get(self.offset + 1);
            let is_break = *byte == b'\n' || *byte == b'\r';
            if !is_break && self.offset as u64 >= offset {
                break;
            }
            // A carriage return before a line feed is half of one break.
            self.line += u64::from(is_break && !(*byte == b'\r' && next == Some(&b'\n')));
            self.offset += 1;
        }
        self.line
    }
}

fn payment(record: &ByteRecord, context: &Context) -> Result<Payment, Reason> {
    if record.len() != COLUMNS.len() {
        return Err(Reason::Columns { actual: record.len() });
    }
    let text = |column: usize| std::str::from_utf8(&record[column]).map_err(|_| Reason::NotText);
    let (beneficiary, amount, code, reference) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let to = context.contacts.resolve(beneficiary)?;
    if to == context.from {
        return Err(Reason::PaysItself);
    }
    let currency = Currency::new(code).map_err(|source| Reason::CurrencyCode {
        code: shortened(code),
        source,
    })?;
    let exponent = context
        .exponents
        .get(&currency)
        .ok_or(Reason::UnknownCurrency(currency))?;
    let amount: Amount = parse_amount(amount, *exponent)?;
    if amount.is_zero() {
        return Err(Reason::AmountZero);
    }
    let memo = Text::new(reference).map_err(|too_long| Reason::Reference(too_long.actual))?;
    Ok(Payment {
        from: context.from,
        to,
        currency,
        amount,
        memo,
    })
}

#[cfg(test)]
mod tests;
