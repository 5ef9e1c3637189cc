//! pacs.008: a quote and a remittance, as if they had been asked for.

use std::sync::Arc;

use time::Date;

use super::{
    is_same, names,
    read::{Transfer, refused},
};
use crate::{
    advice::utc,
    iso20022::payments::{
        self, AccountId, CreditTransfer, Party, ReasonCode, Remittance as Purposes, Scheme, StatusReason,
    },
    money::Money,
    remittance::{Remittance, instruction::Instruction, state::Side},
    service::{
        api::{
            quotes::{self, Asked, QuoteBodyRequest, SideRequest},
            remittances::{self, BeneficiaryRequest, Ordered, RemittanceRequest},
        },
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            accounts::{self, Account},
            remittances as records,
        },
    },
    store::StoreError,
};

/// Why there is no remittance.
pub enum NotTaken {
    /// For good: a status report says so.
    Refused(Box<StatusReason>),
    /// It may go better when the message comes again.
    Later(Problem),
}

impl From<Problem> for NotTaken {
    fn from(problem: Problem) -> Self {
        match code(&problem) {
            Some(code) => Self::Refused(refused(code, &problem.detail)),
            None => Self::Later(problem),
        }
    }
}

impl From<StoreError> for NotTaken {
    fn from(error: StoreError) -> Self {
        Self::Later(error.into())
    }
}

/// The code of ISO's ExternalStatusReason1Code; none for what may be otherwise in a moment.
pub fn code(problem: &Problem) -> Option<ReasonCode> {
    let param = problem.param.as_deref().unwrap_or_default();
    Some(match problem.code {
        Code::PayerAccountUnknown => ReasonCode::DEBTOR_ACCOUNT,
        Code::PayeeUnknown | Code::PayeeRefused => ReasonCode::CREDITOR_ACCOUNT,
        Code::OperatorUnknown => ReasonCode::CREDITOR_AGENT,
        Code::AmountInvalid => ReasonCode::AMOUNT,
        Code::CurrencyUnknown => ReasonCode::CURRENCY_NOT_PROCESSED,
        Code::UetrTaken => ReasonCode::TRANSACTION_TWICE,
        Code::ComplianceRefused => ReasonCode::REGULATORY,
        Code::FieldInvalid if param.starts_with("beneficiary.account") => ReasonCode::CREDITOR_ACCOUNT,
        Code::FieldInvalid if param.starts_with("beneficiary") => ReasonCode::CREDITOR_NAME,
        Code::FieldInvalid if param.starts_with("sender") => ReasonCode::DEBTOR_NAME,
        Code::FieldInvalid => ReasonCode::FORMAT,
        _ => return None,
    })
}

/// `object`: names what comes of it, also when it comes again after a crash.
pub async fn order(
    gateway: &Arc<Gateway>,
    client: &str,
    transfer: &Transfer,
    object: &str,
) -> Result<Remittance, NotTaken> {
    let message = &transfer.message;
    let id = id::named("rem", object);
    if let Some(known) = known(gateway, message, &id).await? {
        return Ok(known);
    }
    let not = |code: ReasonCode, why: &str| NotTaken::Refused(refused(code, why));
    let us = gateway.config.bic.as_ref();
    if us.is_none_or(|us| !is_same(us, &message.header.to) || !is_same(us, &message.instructed_agent)) {
        return Err(not(
            ReasonCode::AGENT,
            "the instructed agent is another bank than the one that was sent this",
        ));
    }
    supported(message, utc(gateway.now_ms()).date()).map_err(NotTaken::Refused)?;
    if message.instructing_agent != message.header.from {
        return Err(not(
            ReasonCode::AGENT,
            "the instructing agent is another than who sends this",
        ));
    }
    let operator = message.creditor_agent.bic.as_ref().and_then(|bic| {
        let mut operators = gateway.operators.values();
        operators.find(|operator| operator.bic.as_ref().is_some_and(|known| is_same(known, bic)))
    });
    let operator = operator.ok_or_else(|| {
        not(
            ReasonCode::CREDITOR_AGENT,
            "the creditor agent is no operator of the network by its BIC",
        )
    })?;
    let name = message.creditor_account.as_ref().and_then(names::account);
    let name = name.ok_or_else(|| {
        let why = "the creditor account is named by an IBAN, or by a scheme or proxy: TELE, EMAL, merchant or address";
        not(ReasonCode::CREDITOR_ACCOUNT, why)
    })?;
    let account = own_account(gateway, client, message.debtor_account.as_ref()).await?;
    let account = account.ok_or_else(|| {
        not(
            ReasonCode::DEBTOR_ACCOUNT,
            "the debtor account is no account of this client's here",
        )
    })?;
    let now_ms = gateway.now_ms();
    let asked = Asked {
        id: id::new("quote", now_ms).map_err(Problem::from)?,
        client: client.to_owned(),
        now_ms,
    };
    let quote = quotes::make(gateway, asked, quote_request(message, account)).await?;
    // What the debtor ordered is the most that may be exchanged.
    if let Some(instructed) = message.instructed
        && instructed.currency() != message.settled.currency()
        && gateway.exponents.read(&money(instructed)).map_err(Problem::from)? < quote.body.sent
    {
        let costs = gateway.exponents.write(quote.body.sent, quote.body.source);
        let costs = costs.map_err(Problem::from)?;
        let why = format!(
            "it takes {} {}, which is more than InstdAmt",
            costs.value, costs.currency
        );
        return Err(not(ReasonCode::WRONG_AMOUNT, &why));
    }
    let request = RemittanceRequest {
        quote: quote.id,
        beneficiary: BeneficiaryRequest {
            party: names::party(&message.creditor, transfer.creditor.as_ref()),
            account: name,
            operator: operator.id,
        },
        sender: Some(names::party(&message.debtor, transfer.debtor.as_ref())),
        uetr: Some(message.uetr.to_string()),
        end_to_end_id: message.end_to_end_id.as_ref().map(ToString::to_string),
        purpose: message.purpose.as_ref().and_then(purpose),
        reference: message.remittance.as_ref().and_then(reference),
    };
    remittances::check(&request)?;
    let ordered = Ordered {
        id,
        client: client.to_owned(),
        now_ms,
        instruction: Some(instruction(message)),
    };
    let made = remittances::make(gateway, ordered, request).await?;
    gateway.wake.notify_one();
    gateway.wake_deliveries.notify_one();
    Ok(made)
}

/// What would be executed otherwise than it is said is not executed. Nobody screens ultimate parties here, and no order
/// passes them on.
fn supported(message: &CreditTransfer, today: Date) -> Result<(), Box<StatusReason>> {
    if message.settlement_date > today {
        return Err(refused(ReasonCode::DATE, LATER));
    }
    no_ultimate([
        ("UltmtDbtr", message.ultimate_debtor.as_ref()),
        ("UltmtCdtr", message.ultimate_creditor.as_ref()),
    ])
}

pub const LATER: &str = "it is executed at once; it is not kept for a later day";

pub fn no_ultimate(parties: [(&str, Option<&Party>); 2]) -> Result<(), Box<StatusReason>> {
    let found = parties.into_iter().find(|(_, party)| party.is_some());
    found.map_or(Ok(()), |(name, _)| {
        let why = format!("{name} is not supported: parties behind the debtor and the creditor are not passed on");
        Err(refused(ReasonCode::NOT_SUPPORTED, &why))
    })
}

/// The one that this message has made already. One that another has made with the same UETR is a duplicate.
async fn known(gateway: &Gateway, message: &CreditTransfer, id: &str) -> Result<Option<Remittance>, NotTaken> {
    let uetr = message.uetr.to_string();
    let known = gateway
        .store
        .read::<_, StoreError, _>(move |sql| records::seen(sql, &uetr, Side::Sender))
        .await?;
    match known {
        Some(known) if known.id != id => Err(NotTaken::Refused(refused(
            ReasonCode::TRANSACTION_TWICE,
            "another payment has this UETR",
        ))),
        known => Ok(known),
    }
}

/// An account of a client here, by what its message calls it.
pub async fn own_account(
    gateway: &Gateway,
    client: &str,
    account: Option<&payments::Account>,
) -> Result<Option<Account>, StoreError> {
    let Some(account) = account.cloned() else {
        return Ok(None);
    };
    let client = client.to_owned();
    gateway
        .store
        .read(move |sql| {
            if let AccountId::Iban(iban) = &account.id {
                let found = accounts::by_name(sql, "iban", iban.as_str())?;
                return Ok(found.filter(|found| found.client == client));
            }
            for name in names::own(&account) {
                if let Some(found) = accounts::find_account(sql, &client, &name)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
        .await
}

pub fn money(money: payments::Money) -> Money {
    Money {
        value: money.to_string(),
        currency: money.currency(),
    }
}

/// By what arrives. Another currency of InstdAmt is the one that is exchanged for it.
fn quote_request(message: &CreditTransfer, account: Account) -> QuoteBodyRequest {
    let target = money(message.settled);
    let source = message.instructed.map_or(target.currency, payments::Money::currency);
    QuoteBodyRequest {
        account: account.id,
        source: SideRequest {
            currency: source,
            value: None,
        },
        target: SideRequest {
            currency: target.currency,
            value: Some(target.value),
        },
    }
}

pub fn purpose(purpose: &Scheme) -> Option<String> {
    let Scheme::Code(code) = purpose else { return None };
    let code = code.as_str();
    let is_code = code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then(|| code.to_owned())
}

/// CBPR+ has one line of 140 characters; what others write beyond them is in their message alone.
pub fn reference(purposes: &Purposes) -> Option<String> {
    let text = match purposes {
        Purposes::Unstructured(lines) => lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Purposes::Reference(reference) => reference.to_string(),
    };
    let text: String = text.chars().take(140).collect();
    (!text.is_empty()).then_some(text)
}

fn instruction(message: &CreditTransfer) -> Instruction {
    let created_ms = message.created.unix_timestamp_nanos() / 1_000_000;
    Instruction {
        sender: message.header.from.to_string(),
        message: message.message_id.to_string(),
        created_ms: u64::try_from(created_ms).unwrap_or_default(),
        instruction: message.instruction_id.to_string(),
        transaction: message.transaction_id.as_ref().map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::iso20022::{message::Message, payments::tests::TRANSFER, xml};

    #[test]
    fn what_would_be_done_otherwise_than_it_is_said_is_refused() {
        let check = |from: &str, to: &str, today: Date, expected: Option<ReasonCode>| {
            assert!(TRANSFER.contains(from), "{from}");
            let text = TRANSFER.replacen(from, to, 1);
            let document = xml::read(text.as_bytes()).expect("well-formed");
            let message = Message::find(&document).0.expect("a message");
            let transfer = CreditTransfer::read(&message).expect("right");
            let found = supported(&transfer, today).err().map(|reason| reason.reason);
            assert_eq!(found, expected.map(payments::Reason::Code), "{to} {today}");
        };
        let settled = date!(2026 - 03 - 31);
        check("", "", settled, None);
        check("", "", settled.next_day().expect("a day"), None);
        check("", "", settled.previous_day().expect("a day"), Some(ReasonCode::DATE));
        let ultimate = |name: &str| format!("<{name}><Nm>Carl</Nm></{name}>");
        let debtor = format!("{}<Dbtr>", ultimate("UltmtDbtr"));
        check("<Dbtr>", &debtor, settled, Some(ReasonCode::NOT_SUPPORTED));
        let creditor = format!("{}<Purp>", ultimate("UltmtCdtr"));
        check("<Purp>", &creditor, settled, Some(ReasonCode::NOT_SUPPORTED));
    }
}
