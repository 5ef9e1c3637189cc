//! camt.053.001.08: the statement of one account over one day of UTC, with the balances booked at its beginning
//! (OPBD) and its end (CLBD).
//!
//! A statement can have a million entries. [`StatementWriter`] needs no more memory for them than for one: what the
//! head says of them, their number and sums, is given beforehand, and compared at the end with what was written.

mod input;

use std::io::{self, Write};

use causeway_contracts::money::{Amount, Balance};
use time::{Date, UtcDateTime};

use super::{
    account::Account,
    agent::write_agent_bic,
    amount::Position,
    begin, end,
    entry::{Direction, Entry, EntryStatus},
    header::Header,
    party::Party,
    text::Reference,
    write::Xml,
};
use crate::identifiers::bic::Bic;

pub(super) const MESSAGE: &str = "camt.053.001.08";

/// The entries of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub count: u64,
    /// In the currency of the account.
    pub sum: Amount,
}

impl Totals {
    fn add(self, entry: &Entry) -> Option<Self> {
        Some(Self {
            count: self.count.checked_add(1)?,
            sum: self.sum.checked_add(entry.amount.amount())?,
        })
    }
}

/// All of a statement but its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementHead {
    pub header: Header,
    pub message_id: Reference,
    pub created: UtcDateTime,
    /// Of the statement in the message.
    pub id: Reference,
    /// Counts the statements of the account, so that a missing one is missed.
    pub sequence: Option<u64>,
    pub day: Date,
    pub account: Account,
    pub owner: Option<Party>,
    pub servicer: Option<Bic>,
    pub opening: Position,
    pub closing: Position,
    pub credits: Totals,
    pub debits: Totals,
}

impl StatementHead {
    /// That the balances are in one currency, and that one is the other with the entries.
    fn check(&self) -> Result<(), StatementError> {
        if self.opening.currency_code() != self.closing.currency_code() {
            return Err(StatementError::Currency {
                found: self.closing.currency_code().to_string(),
                expected: self.opening.currency_code().to_string(),
            });
        }
        for sum in [self.credits.sum, self.debits.sum] {
            self.opening.money(sum).map_err(|_| StatementError::TooLarge)?;
        }
        let closing = self.opening.balance().checked_credit(self.credits.sum);
        let closing = closing.and_then(|balance| balance.checked_debit(self.debits.sum));
        if closing != Some(self.closing.balance()) {
            return Err(StatementError::Unbalanced {
                opening: self.opening.balance(),
                closing: self.closing.balance(),
            });
        }
        Ok(())
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("GrpHdr", |xml| {
            xml.leaf("MsgId", &self.message_id)?;
            xml.time("CreDtTm", self.created)
        })?;
        xml.begin("Stmt")?;
        xml.leaf("Id", &self.id)?;
        xml.maybe("ElctrncSeqNb", self.sequence)?;
        xml.time("CreDtTm", self.created)?;
        xml.parent("FrToDt", |xml| {
            xml.time("FrDtTm", self.day.midnight().as_utc())?;
            let last = self.day.with_hms_milli(23, 59, 59, 999).expect("a time of day");
            xml.time("ToDtTm", last.as_utc())
        })?;
        write_account(xml, &self.account, self.owner.as_ref(), self.servicer.as_ref())?;
        self.write_balance(xml, "OPBD", self.opening)?;
        self.write_balance(xml, "CLBD", self.closing)?;
        self.write_summary(xml)
    }

    fn write_balance<W: Write>(&self, xml: &mut Xml<W>, code: &str, position: Position) -> io::Result<()> {
        xml.parent("Bal", |xml| {
            xml.leaf("Tp/CdOrPrtry/Cd", code)?;
            xml.money("Amt", position.size())?;
            xml.leaf("CdtDbtInd", direction_of(position.balance()))?;
            xml.date("Dt/Dt", self.day)
        })
    }

    fn write_summary<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        let sum = |amount| self.opening.money(amount).expect("checked before anything is written");
        xml.parent("TxsSummry", |xml| {
            xml.leaf(
                "TtlNtries/NbOfNtries",
                self.credits.count.saturating_add(self.debits.count),
            )?;
            for (name, totals) in [("TtlCdtNtries", self.credits), ("TtlDbtNtries", self.debits)] {
                xml.parent(name, |xml| {
                    xml.leaf("NbOfNtries", totals.count)?;
                    xml.leaf("Sum", sum(totals.sum))
                })?;
            }
            Ok(())
        })
    }
}

fn direction_of(balance: Balance) -> Direction {
    if balance.0 < 0 {
        Direction::Debit
    } else {
        Direction::Credit
    }
}

pub(super) fn write_account<W: Write>(
    xml: &mut Xml<W>,
    account: &Account,
    owner: Option<&Party>,
    servicer: Option<&Bic>,
) -> io::Result<()> {
    xml.parent("Acct", |xml| {
        account.write_inside(xml)?;
        Party::write_some(owner, xml, "Ownr")?;
        servicer.map_or(Ok(()), |bic| write_agent_bic(xml, "Svcr", bic))
    })
}

/// Why a statement is not written. What was written of it before is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("cannot write the statement")]
    Write(#[source] io::Error),
    #[error("the entries do not lead from the opening balance {opening} to the closing balance {closing}")]
    Unbalanced { opening: Balance, closing: Balance },
    #[error("an amount is in {found}; the account is in {expected}")]
    Currency { found: String, expected: String },
    #[error("a sum of the statement has more than 18 digits, the most that a message has")]
    TooLarge,
    #[error("an entry is not booked; a statement has booked entries only, with a date")]
    NotBooked,
    #[error("the head says {declared:?} of the entries of one direction, and there were {written:?}")]
    Totals { declared: Totals, written: Totals },
}

/// Writes a statement entry by entry: the head, the entries, the end.
pub struct StatementWriter<W: Write> {
    xml: Xml<W>,
    head: StatementHead,
    credits: Totals,
    debits: Totals,
}

impl<W: Write> StatementWriter<W> {
    /// # Errors
    /// The head contradicts itself, or `out` takes nothing.
    pub fn begin(out: W, head: StatementHead) -> Result<Self, StatementError> {
        head.check()?;
        let mut xml = Xml::new(out);
        begin(&mut xml, MESSAGE, Some(&head.header))
            .and_then(|()| xml.begin("BkToCstmrStmt"))
            .and_then(|()| head.write(&mut xml))
            .map_err(StatementError::Write)?;
        Ok(Self {
            xml,
            head,
            credits: Totals::default(),
            debits: Totals::default(),
        })
    }

    /// # Errors
    /// The entry is not one of the statement, or `out` takes nothing.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), StatementError> {
        if entry.status != EntryStatus::Booked || (entry.booked.is_none() && entry.value_date.is_none()) {
            return Err(StatementError::NotBooked);
        }
        if entry.amount.currency_code() != self.head.opening.currency_code() {
            return Err(StatementError::Currency {
                found: entry.amount.currency_code().to_string(),
                expected: self.head.opening.currency_code().to_string(),
            });
        }
        let totals = match entry.direction {
            Direction::Credit => &mut self.credits,
            Direction::Debit => &mut self.debits,
        };
        *totals = totals.add(entry).ok_or(StatementError::TooLarge)?;
        entry.write(&mut self.xml).map_err(StatementError::Write)
    }

    /// Gives back what was written to.
    ///
    /// # Errors
    /// The entries are not those that the head counts, or `out` takes nothing.
    pub fn finish(mut self) -> Result<W, StatementError> {
        for (declared, written) in [(self.head.credits, self.credits), (self.head.debits, self.debits)] {
            if declared != written {
                return Err(StatementError::Totals { declared, written });
            }
        }
        self.xml
            .end("Stmt")
            .and_then(|()| self.xml.end("BkToCstmrStmt"))
            .and_then(|()| end(&mut self.xml))
            .map_err(StatementError::Write)?;
        Ok(self.xml.out())
    }
}

/// A statement with its entries, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub head: StatementHead,
    pub entries: Vec<Entry>,
}

impl Statement {
    /// # Errors
    /// As of [`StatementWriter`].
    pub fn write(&self) -> Result<Vec<u8>, StatementError> {
        let mut writer = StatementWriter::begin(Vec::new(), self.head.clone())?;
        self.entries.iter().try_for_each(|entry| writer.entry(entry))?;
        writer.finish()
    }
}
