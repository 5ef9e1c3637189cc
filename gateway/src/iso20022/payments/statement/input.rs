//! A statement read back: our own, or another bank's of one account and one day.

use causeway_contracts::money::Balance;

use super::{Direction, Entry, EntryStatus, MESSAGE, Statement, StatementHead, Totals};
use crate::iso20022::{
    message::Message,
    payments::{
        Account, AmountFault, Fault, Header, Money, Party, Position, ReasonCode, Refusal, body,
        entry::Moment,
        read::{at, find, get, parsed, required, value},
    },
    xml::Node,
};

impl Statement {
    /// Balances other than OPBD and CLBD are not kept, nor entries that are not booked.
    ///
    /// # Errors
    /// The first thing that is wrong. Where the statement says how many entries there are, and their sums, they are.
    pub fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let body = body(message, MESSAGE, "BkToCstmrStmt")?;
        let group = required(body, "GrpHdr")?;
        let statement = required(body, "Stmt")?;
        let account = required(statement, "Acct")?;
        let (day, closing) = balance(statement, "CLBD")?;
        let (_, opening) = balance(statement, "OPBD")?;
        let mut entries = Vec::new();
        let (mut credits, mut debits) = (Totals::default(), Totals::default());
        for node in statement.children().filter(|child| child.name() == "Ntry") {
            let entry = Entry::read(node)?;
            if entry.status != EntryStatus::Booked {
                continue;
            }
            check_currency(node, entry.amount, opening)?;
            let totals = match entry.direction {
                Direction::Credit => &mut credits,
                Direction::Debit => &mut debits,
            };
            *totals = totals.add(&entry).ok_or_else(|| too_large(node))?;
            entries.push(entry);
        }
        check_summary(statement, "TxsSummry/TtlCdtNtries", credits, opening)?;
        check_summary(statement, "TxsSummry/TtlDbtNtries", debits, opening)?;
        let head = StatementHead {
            header: Header::read(message)?,
            message_id: get(group, "MsgId", ReasonCode::FORMAT)?,
            created: get(group, "CreDtTm", ReasonCode::CREATED)?,
            id: get(statement, "Id", ReasonCode::FORMAT)?,
            sequence: find(statement, "ElctrncSeqNb", ReasonCode::FORMAT)?,
            day,
            account: Account::read(account, ReasonCode::ACCOUNT)?,
            owner: Party::find(account, "Ownr")?,
            servicer: find(account, "Svcr/FinInstnId/BICFI", ReasonCode::BIC)?,
            opening,
            closing,
            credits,
            debits,
        };
        Ok(Self { head, entries })
    }
}

/// The balance of a kind, and its day.
fn balance(statement: Node<'_>, code: &'static str) -> Result<(time::Date, Position), Refusal> {
    let mut found = statement.children().filter(|child| {
        let codes = child.find("Tp/CdOrPrtry/Cd");
        child.name() == "Bal" && codes.iter().any(|found| value(*found) == code)
    });
    let node = found.next().ok_or_else(|| {
        let path = if code == "OPBD" { "Bal of OPBD" } else { "Bal of CLBD" };
        Refusal::at(statement, Fault::Missing { path }, ReasonCode::MISSING)
    })?;
    if found.next().is_some() {
        let name = format!("Bal of {code}");
        return Err(Refusal::at(statement, Fault::Repeated { name }, ReasonCode::FORMAT));
    }
    let money = Money::read(required(node, "Amt")?)?;
    let size = i128::from(money.amount().0);
    let balance = match get(node, "CdtDbtInd", ReasonCode::FORMAT)? {
        Direction::Credit => Balance(size),
        Direction::Debit => Balance(-size),
    };
    let position = Position::within(balance, money)
        .map_err(|fault| Refusal::at(node, Fault::Amount(fault), ReasonCode::AMOUNT))?;
    Ok((Moment::read(required(node, "Dt")?)?.date(), position))
}

fn check_currency(node: Node<'_>, amount: Money, account: Position) -> Result<(), Refusal> {
    let (found, expected) = (amount.currency_code(), account.currency_code());
    if found == expected {
        return Ok(());
    }
    let fault = AmountFault::OtherCurrency {
        found: found.to_string(),
        expected: expected.to_string(),
    };
    Err(Refusal::at(node, Fault::Amount(fault), ReasonCode::CURRENCY))
}

fn check_summary(statement: Node<'_>, path: &str, totals: Totals, account: Position) -> Result<(), Refusal> {
    let Some(summary) = at(statement, path)? else {
        return Ok(());
    };
    if let Some(count) = at(summary, "NbOfNtries")?
        && parsed::<u64>(count, ReasonCode::TRANSACTIONS)? != totals.count
    {
        let declared = value(count).to_owned();
        let counted = usize::try_from(totals.count).unwrap_or(usize::MAX);
        return Err(Refusal::at(
            count,
            Fault::Count { declared, counted },
            ReasonCode::TRANSACTIONS,
        ));
    }
    let Some(sum) = at(summary, "Sum")? else {
        return Ok(());
    };
    let declared = Money::parse(value(sum), account.currency_code().as_str())
        .map_err(|fault| Refusal::at(sum, Fault::Amount(fault), ReasonCode::AMOUNT))?;
    if declared.amount() != totals.sum {
        let (declared, sum_text) = (declared.to_string(), account.money(totals.sum));
        let found = sum_text.map_err(|_| too_large(sum))?.to_string();
        let fault = Fault::ControlSum { declared, sum: found };
        return Err(Refusal::at(sum, fault, ReasonCode::CONTROL_SUM));
    }
    Ok(())
}

fn too_large(node: Node<'_>) -> Refusal {
    Refusal::at(node, Fault::Amount(AmountFault::TooLarge), ReasonCode::AMOUNT_TOO_LARGE)
}
