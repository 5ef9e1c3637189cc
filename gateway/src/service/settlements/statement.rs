//! A settlement as a statement (camt.053): of what the acquirer owes the merchant, from what was brought forward to what
//! is carried forward. What the ledger has booked is named by its transaction.

use causeway_contracts::money::{Amount, Balance};
use time::UtcDateTime;

use crate::{
    acquiring::settlement::{DAY_MS, Kind, Movement},
    identifiers::bic::Bic,
    iso20022::payments::{
        Account, AccountId, AmountFault, BankTransactionCode, Direction, Entry, EntryDetails, EntryStatus, Header,
        Moment, Money, Other, Party, Position, Remittance, Scheme, Statement, StatementHead, Text, Totals,
    },
    service::{
        records::{merchants::Merchant, settlements::Stored},
        statement::messages::{message_id, text},
        time::moment,
    },
};

/// Of what a statement is written.
pub struct Subject<'a> {
    pub stored: &'a Stored,
    pub merchant: &'a Merchant,
    pub movements: &'a [Movement],
    pub exponent: u8,
    pub bic: Bic,
    pub now_ms: u64,
}

impl Subject<'_> {
    /// # Errors
    /// The currency is none of ISO 4217, or an amount has more digits than a message has.
    pub fn statement(&self) -> Result<Statement, AmountFault> {
        let entries = self.entries()?;
        let sums = &self.stored.body.settlement;
        let owed = |amount: Amount| Position::new(Balance(-i128::from(amount.0)), sums.currency, self.exponent);
        let created = UtcDateTime::from(moment(self.now_ms));
        let id = message_id(&format!("settlement {}", self.stored.id));
        let head = StatementHead {
            header: Header::new(self.bic.clone(), self.bic.clone(), &id, created),
            message_id: id.clone(),
            created,
            id,
            sequence: Some(self.stored.number),
            day: moment(self.stored.day * DAY_MS).date(),
            account: self.account()?,
            owner: Text::fitted(&self.merchant.body.name).ok().map(Party::named),
            servicer: Some(self.bic.clone()),
            opening: owed(sums.brought_forward)?,
            closing: owed(sums.carried_forward)?,
            credits: totals(&entries, Direction::Credit)?,
            debits: totals(&entries, Direction::Debit)?,
        };
        Ok(Statement { head, entries })
    }

    fn money(&self, amount: Amount) -> Result<Money, AmountFault> {
        Money::new(amount, self.stored.body.settlement.currency, self.exponent)
    }

    /// What the acquirer keeps for the merchant, by the merchant's id.
    fn account(&self) -> Result<Account, AmountFault> {
        let unique = self.merchant.id.rsplit('_').next().unwrap_or_default();
        Ok(Account {
            id: AccountId::Other(Other {
                id: text(unique),
                scheme: Some(Scheme::Proprietary(text("CAUSEWAY"))),
                issuer: None,
            }),
            currency: Some(self.money(Amount::ZERO)?.currency_code()),
            name: Text::fitted(&self.merchant.body.name).ok(),
            proxy: None,
        })
    }

    fn entries(&self) -> Result<Vec<Entry>, AmountFault> {
        let (body, sums) = (&self.stored.body, &self.stored.body.settlement);
        let mut entries = Vec::with_capacity(self.movements.len() + 1 + sums.payouts.len());
        for movement in self.movements {
            let (direction, code) = match movement.kind {
                Kind::Capture => (Direction::Credit, domain("RCDT", "BOOK")),
                Kind::Refund => (Direction::Debit, domain("ICDT", "RRTN")),
                Kind::Chargeback => (Direction::Debit, own("CHARGEBACK")),
                Kind::Reversal => (Direction::Debit, own("REVERSAL")),
            };
            let about = match movement.reference.as_str() {
                "" => movement.order.clone(),
                reference => format!("{} {reference}", movement.order),
            };
            let entry = self.entry(movement.amount, direction, code, movement.at_ms)?;
            entries.push(explained(entry, Some(&about), Some(&movement.transaction)));
        }
        if !sums.fees.is_zero() {
            let code = domain("MDOP", "CHRG");
            let entry = self.entry(sums.fees, Direction::Debit, code, body.created_ms)?;
            entries.push(explained(entry, Some("fees"), None));
        }
        let paid_ms = body.paid_ms.unwrap_or(body.created_ms);
        let transaction = body.transaction.map(|id| id.to_string());
        for payout in &sums.payouts {
            let entry = self.entry(payout.amount, Direction::Debit, domain("ICDT", "BOOK"), paid_ms)?;
            entries.push(explained(entry, Some(&self.stored.id), transaction.as_deref()));
        }
        Ok(entries)
    }

    fn entry(
        &self,
        amount: Amount,
        direction: Direction,
        code: BankTransactionCode,
        at_ms: u64,
    ) -> Result<Entry, AmountFault> {
        let time = UtcDateTime::from(moment(at_ms));
        Ok(Entry {
            reference: None,
            amount: self.money(amount)?,
            direction,
            reversal: false,
            status: EntryStatus::Booked,
            booked: Some(Moment::Time(time)),
            value_date: Some(Moment::Date(time.date())),
            servicer_reference: None,
            code,
            details: Vec::new(),
            additional: None,
        })
    }
}

fn explained(mut entry: Entry, about: Option<&str>, transaction: Option<&str>) -> Entry {
    let about = about.and_then(|about| Text::fitted(about).ok());
    entry.details = Vec::from_iter(about.map(|about| EntryDetails {
        remittance: Some(Remittance::Unstructured(vec![about])),
        ..EntryDetails::default()
    }));
    entry.additional = transaction.map(|id| text(&format!("ledger transaction {id}")));
    entry
}

fn domain(family: &str, sub_family: &str) -> BankTransactionCode {
    BankTransactionCode::Domain {
        domain: text("PMNT"),
        family: text(family),
        sub_family: text(sub_family),
    }
}

fn own(code: &str) -> BankTransactionCode {
    BankTransactionCode::Proprietary {
        code: text(code),
        issuer: Some(text("CAUSEWAY")),
    }
}

fn totals(entries: &[Entry], direction: Direction) -> Result<Totals, AmountFault> {
    let mut totals = Totals::default();
    for entry in entries.iter().filter(|entry| entry.direction == direction) {
        totals.count += 1;
        let sum = totals.sum.checked_add(entry.amount.amount());
        totals.sum = sum.ok_or(AmountFault::TooLarge)?;
    }
    Ok(totals)
}
