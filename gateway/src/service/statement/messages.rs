//! Accounts and entries as messages of ISO 20022 have them.

use causeway_contracts::money::Amount;
use sha2::{Digest, Sha256};
use time::UtcDateTime;

use super::Subject;
use crate::{
    bookkeeping::{Direction as Booked, Kind},
    identifiers::bic::Bic,
    iso20022::payments::{
        Account, AccountId, AmountFault, BankTransactionCode, Direction, Entry, EntryDetails, EntryStatus, Header,
        Moment, Money, Notification, Other, Party, Position, Reference, Remittance as Paid, Scheme, StatementHead,
        Text, Totals as Sums,
    },
    remittance::Remittance,
    service::{
        records::{
            accounts,
            entries::{Recorded, Totals},
        },
        time::moment,
    },
};

/// Whose account it is, who says so, and when.
pub struct Owner<'a> {
    pub account: &'a accounts::Account,
    pub bic: Bic,
    pub now_ms: u64,
}

impl Owner<'_> {
    /// By IBAN; else by the end of its id, which is 32 long where 34 fit. Named after its address on the ledger.
    fn account(&self, currency: Money) -> Account {
        let iban = self.account.iban.as_ref().and_then(|iban| iban.parse().ok());
        let id = match iban {
            Some(iban) => AccountId::Iban(iban),
            None => {
                let unique = self.account.id.rsplit('_').next().unwrap_or_default();
                AccountId::Other(Other {
                    id: text(unique),
                    scheme: Some(Scheme::Proprietary(text("CAUSEWAY"))),
                    issuer: None,
                })
            }
        };
        Account {
            id,
            currency: Some(currency.currency_code()),
            name: Text::new(&self.account.address).ok(),
            proxy: None,
        }
    }

    /// A customer has no BIC: the message is from the operator, for its customer.
    fn header(&self, id: &Reference) -> Header {
        Header::new(self.bic.clone(), self.bic.clone(), id, self.created())
    }

    fn created(&self) -> UtcDateTime {
        UtcDateTime::from(moment(self.now_ms))
    }

    fn party(&self) -> Option<Party> {
        Text::fitted(&self.account.body.name).ok().map(Party::named)
    }
}

/// Of our own texts, which are neither empty nor too long.
pub(in crate::service) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("a short text of the smaller set")
}

/// The same for the same thing, so that who has it twice can tell.
pub(in crate::service) fn message_id(what: &str) -> Reference {
    let hash = hex::encode(Sha256::digest(format!("causeway-gateway/message/1 {what}")));
    Reference::new(&hash[..32]).expect("32 hexadecimal digits")
}

/// # Errors
/// The currency is none of ISO 4217, or an amount has more digits than a message has.
pub fn statement_head(
    owner: &Owner<'_>,
    subject: &Subject,
    opening: Totals,
    closing: Totals,
) -> Result<StatementHead, AmountFault> {
    let id = message_id(&format!(
        "statement {} {} {}",
        owner.account.id,
        subject.currency,
        subject.day.date()
    ));
    let position = |totals: Totals| Position::new(totals.balance(), subject.currency, subject.exponent);
    let sum = |from: u128, to: u128| {
        let between = u64::try_from(to - from).map_err(|_| AmountFault::TooLarge)?;
        Ok::<_, AmountFault>(Amount(between))
    };
    let nothing = Money::new(Amount::ZERO, subject.currency, subject.exponent)?;
    Ok(StatementHead {
        header: owner.header(&id),
        message_id: id.clone(),
        created: owner.created(),
        id,
        sequence: None,
        day: subject.day.date(),
        account: owner.account(nothing),
        owner: owner.party(),
        servicer: Some(owner.bic.clone()),
        opening: position(opening)?,
        closing: position(closing)?,
        credits: Sums {
            count: closing.credits - opening.credits,
            sum: sum(opening.credited, closing.credited)?,
        },
        debits: Sums {
            count: closing.debits - opening.debits,
            sum: sum(opening.debited, closing.debited)?,
        },
    })
}

/// # Errors
/// As of [`statement_head`].
pub fn notification(owner: &Owner<'_>, recorded: &Recorded, exponent: u8) -> Result<Notification, AmountFault> {
    let id = message_id(&format!("notification {} {}", owner.account.id, recorded.place));
    let entry = entry(recorded, exponent)?;
    Ok(Notification {
        header: owner.header(&id),
        message_id: id.clone(),
        created: owner.created(),
        id,
        account: owner.account(entry.amount),
        owner: owner.party(),
        servicer: Some(owner.bic.clone()),
        entries: vec![entry],
    })
}

/// # Errors
/// As of [`statement_head`].
pub fn entry(recorded: &Recorded, exponent: u8) -> Result<Entry, AmountFault> {
    let booked = &recorded.entry;
    let time = UtcDateTime::from(moment(booked.time_ms.0));
    let direction = match booked.direction {
        Booked::Credit => Direction::Credit,
        Booked::Debit => Direction::Debit,
    };
    let additional = booked.transaction.map(|id| text(&format!("ledger transaction {id}")));
    Ok(Entry {
        reference: None,
        amount: Money::new(booked.amount, booked.currency, exponent)?,
        direction,
        reversal: false,
        status: EntryStatus::Booked,
        booked: Some(Moment::Time(time)),
        value_date: Some(Moment::Date(time.date())),
        servicer_reference: Some(text(&recorded.place.to_string())),
        code: code(recorded),
        details: details(recorded).into_iter().collect(),
        additional,
    })
}

/// Whether the entry came of sending a remittance's money back.
fn is_return(recorded: &Recorded, remittance: &Remittance) -> bool {
    recorded.entry.transaction.is_some() && recorded.entry.transaction == remittance.ledger.returning
}

/// ISO's codes where it has one for the kind, else our own.
fn code(recorded: &Recorded) -> BankTransactionCode {
    let is_credit = recorded.entry.direction == Booked::Credit;
    let transfers = if is_credit { "RCDT" } else { "ICDT" };
    let charges = if is_credit { "MCOP" } else { "MDOP" };
    let domain = |family: &str, sub_family: &str| BankTransactionCode::Domain {
        domain: text("PMNT"),
        family: text(family),
        sub_family: text(sub_family),
    };
    let own = |code: &str| BankTransactionCode::Proprietary {
        code: text(code),
        issuer: Some(text("CAUSEWAY")),
    };
    match (&recorded.remittance, recorded.entry.kind) {
        (_, Kind::Fee) => domain(charges, "CHRG"),
        (Some(remittance), _) if is_return(recorded, remittance) => domain(transfers, "RRTN"),
        (Some(_), Kind::Exchange | Kind::HoldPosted | Kind::Transfer) => domain(transfers, "XBCT"),
        (_, Kind::Transfer | Kind::Split) => domain(transfers, "BOOK"),
        (_, Kind::Issue) => own("ISSUE"),
        (_, Kind::Redeem) => own("REDEEM"),
        (_, Kind::Exchange) => own("EXCHANGE"),
        (_, Kind::HoldPosted) => own("HOLD"),
        (_, Kind::Escrow) => own("ESCROW"),
        (_, Kind::Request) => own("REQUEST"),
        (_, Kind::Collection) => own("COLLECTION"),
        (_, Kind::Spend) => own("SPEND"),
        (_, Kind::Offer) => own("OFFER"),
        (_, Kind::Path) => own("PATH"),
        (_, Kind::Other) => own("OTHER"),
    }
}

/// `None` where there are none: an element with nothing in it says nothing.
fn details(recorded: &Recorded) -> Option<EntryDetails> {
    let Some(remittance) = &recorded.remittance else {
        let memo = Text::fitted(&recorded.entry.memo).ok()?;
        return Some(EntryDetails {
            remittance: Some(Paid::Unstructured(vec![memo])),
            ..EntryDetails::default()
        });
    };
    let order = &remittance.order;
    let party = |name: &str| Text::fitted(name).ok().map(Party::named);
    // Who pays it back is the beneficiary's operator.
    let (debtor, creditor) = match is_return(recorded, remittance) {
        true => (None, party(&order.sender.name)),
        false => (party(&order.sender.name), party(&order.beneficiary.name)),
    };
    let end_to_end_id = order.end_to_end_id.as_ref();
    let paid_for = order.reference.as_ref().and_then(|text| Text::fitted(text).ok());
    Some(EntryDetails {
        end_to_end_id: end_to_end_id.and_then(|id| Reference::new(id).ok()),
        uetr: order.uetr.parse().ok(),
        debtor,
        creditor,
        remittance: paid_for.map(|text| Paid::Unstructured(vec![text])),
        ..EntryDetails::default()
    })
}
