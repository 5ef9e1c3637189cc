//! camt.054: what was credited to the beneficiary.

use super::{About, Banks, parties};
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{
        Account, BankTransactionCode, Direction, Entry, EntryDetails, EntryStatus, Moment, Notification, Remittance,
        Text,
    },
};

pub fn message(about: &About<'_>, client: &Bic, banks: &Banks<'_>) -> Option<Notification> {
    let order = &about.remittance.order;
    let amount = about.target(banks.exponents)?;
    let id = about.id('C');
    let code = |text: &str| Text::new(text).expect("four capitals");
    let reference = order.reference.as_deref().and_then(|text| Text::fitted(text).ok());
    let creditor_account = parties::account(&order.beneficiary_account);
    let details = EntryDetails {
        end_to_end_id: about.end_to_end_id(),
        uetr: Some(about.uetr()),
        amount: Some(amount),
        debtor: Some(parties::party(&order.sender)),
        debtor_account: Some(parties::account(&order.sender_account.to_string())),
        creditor: Some(parties::party(&order.beneficiary)),
        creditor_account: Some(creditor_account.clone()),
        remittance: reference.map(|line| Remittance::Unstructured(vec![line])),
        ..EntryDetails::default()
    };
    let entry = Entry {
        reference: None,
        amount,
        direction: Direction::Credit,
        reversal: false,
        status: EntryStatus::Booked,
        booked: Some(Moment::Time(about.created())),
        value_date: Some(Moment::Date(about.created().date())),
        servicer_reference: Text::new(id.as_str()).ok(),
        // Payments, received credit transfers, across a border.
        code: BankTransactionCode::Domain {
            domain: code("PMNT"),
            family: code("RCDT"),
            sub_family: code("XBCT"),
        },
        details: vec![details],
        additional: None,
    };
    Some(Notification {
        header: about.header(banks.us, client, &id),
        message_id: id.clone(),
        created: about.created(),
        id,
        account: Account {
            currency: Some(amount.currency_code()),
            ..creditor_account
        },
        owner: Some(parties::party(&order.beneficiary)),
        servicer: Some(banks.us.clone()),
        entries: vec![entry],
    })
}
