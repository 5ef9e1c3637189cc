//! pain.001: a bulk, as if its transfers had been lines of a table. Each transfer that can be told to be wrong at once is
//! refused in the status report, and the others are taken: BtchBookg, which is about how they are booked, changes nothing.

use std::sync::Arc;

use super::{
    answer::Envelope,
    is_same, names, order,
    read::{Orders, Received, refused},
};
use crate::{
    advice::utc,
    iso20022::payments::{
        BatchStatus, GroupStatus, Header, Initiation, OrderStatus, OrderedAmount, OrderedBatch, OrderedTransfer,
        OriginalMessage, PaymentStatus, ReasonCode, StatusReason, Text, TransferState, write,
    },
    service::{
        api::{checks, remittances::lookup},
        bulk::line::LineOrder,
        context::Gateway,
        id,
        problem::Problem,
        records::{accounts::Account, bulks::Bulk},
    },
};

/// A report, and the bulk that it is about: to be stored together, since another reading of the same message may come to
/// another report.
pub struct Taken {
    pub report: Vec<u8>,
    /// `None` if no transfer is taken.
    pub bulk: Option<(Bulk, Vec<LineOrder>)>,
}

/// The report of what is taken: pain.002. The bulk's id is `bulk_` and the first 32 characters of its MsgId.
///
/// # Errors
/// It may go better when the message comes again.
pub async fn take(
    gateway: &Arc<Gateway>,
    client: &str,
    envelope: &Envelope,
    received: &Received,
    orders: &Orders,
) -> Result<Taken, Problem> {
    let mut lines = Vec::new();
    let mut batches = Vec::new();
    for (batch, names) in orders.message.batches.iter().zip(&orders.names) {
        let account = order::own_account(gateway, client, Some(&batch.debtor_account)).await?;
        let read = match payer(gateway, batch, account) {
            Ok(account) => {
                let transfers = batch.transfers.iter().zip(&names.creditors);
                let read = transfers.map(|(transfer, name)| {
                    let mut line = line(gateway, batch, &account, transfer, name.as_ref())?;
                    line.sender = Some(names::party(&batch.debtor, names.debtor.as_ref()));
                    Ok(line)
                });
                read.collect()
            }
            Err(reason) => vec![Err(reason); batch.transfers.len()],
        };
        batches.push(status(batch, &read));
        lines.extend(read.into_iter().flatten());
    }
    let all: usize = orders.message.batches.iter().map(|batch| batch.transfers.len()).sum();
    let status = group_status(lines.len(), all);
    let bulk = Bulk {
        id: id::named("bulk", &envelope.object),
        client: client.to_owned(),
        created_ms: envelope.now_ms,
        completed: false,
        atomic: false,
        intent: None,
    };
    let report = Report {
        status,
        reason: None,
        batches,
    };
    Ok(Taken {
        report: written(envelope, received, report)?,
        bulk: (!lines.is_empty()).then_some((bulk, lines)),
    })
}

/// None of it was taken.
///
/// # Errors
/// The message's own identification is none that can be repeated.
pub fn not_taken(envelope: &Envelope, received: &Received, reason: StatusReason) -> Result<Vec<u8>, Problem> {
    let report = Report {
        status: GroupStatus::Rejected,
        reason: Some(reason),
        batches: Vec::new(),
    };
    written(envelope, received, report)
}

struct Report {
    status: GroupStatus,
    reason: Option<StatusReason>,
    batches: Vec<BatchStatus>,
}

fn written(envelope: &Envelope, received: &Received, report: Report) -> Result<Vec<u8>, Problem> {
    let id = envelope.id();
    let created = utc(envelope.now_ms);
    let header = received.sender.clone();
    let original = received.original.message.clone().unwrap_or_else(|| OriginalMessage {
        id: received.id.clone(),
        name: Text::new(Initiation::MESSAGE).expect("of the set"),
        created: None,
    });
    Ok(write(&PaymentStatus {
        header: header.map(|to| Header::new(envelope.us.clone(), to, &id, created)),
        message_id: id,
        created,
        initiating_party: None,
        original,
        status: Some(report.status),
        reason: report.reason,
        batches: report.batches,
    }))
}

fn group_status(taken: usize, all: usize) -> GroupStatus {
    match taken {
        0 => GroupStatus::Rejected,
        taken if taken == all => GroupStatus::Accepted,
        _ => GroupStatus::Partly,
    }
}

/// Transfers that were taken are not named one by one.
fn status(batch: &OrderedBatch, read: &[Result<LineOrder, Box<StatusReason>>]) -> BatchStatus {
    let refused = batch.transfers.iter().zip(read).filter_map(|(transfer, read)| {
        let reason = read.as_ref().err()?;
        Some(OrderStatus {
            instruction_id: transfer.instruction_id.clone(),
            end_to_end_id: transfer.end_to_end_id.clone(),
            uetr: transfer.uetr.clone(),
            state: TransferState::Rejected((**reason).clone()),
        })
    });
    let refused: Vec<_> = refused.collect();
    BatchStatus {
        id: batch.id.clone(),
        status: Some(group_status(read.len() - refused.len(), read.len())),
        reason: None,
        transfers: refused,
    }
}

fn payer(gateway: &Gateway, batch: &OrderedBatch, account: Option<Account>) -> Result<Account, Box<StatusReason>> {
    let today = utc(gateway.now_ms()).date();
    if batch.execution.date() > today {
        return Err(refused(ReasonCode::DATE, order::LATER));
    }
    account.ok_or_else(|| {
        let why = "the debtor account is no account of this client's here";
        refused(ReasonCode::DEBTOR_ACCOUNT, why)
    })
}

/// `name`: the creditor's, as it was written.
fn line(
    gateway: &Gateway,
    batch: &OrderedBatch,
    account: &Account,
    transfer: &OrderedTransfer,
    name: Option<&String>,
) -> Result<LineOrder, Box<StatusReason>> {
    order::no_ultimate([
        ("UltmtDbtr", transfer.ultimate_debtor.as_ref()),
        ("UltmtCdtr", transfer.ultimate_creditor.as_ref()),
    ])?;
    let OrderedAmount::Instructed(amount) = transfer.amount else {
        let why = "the amount is what is to arrive, InstdAmt; EqvtAmt is not taken";
        return Err(refused(ReasonCode::NOT_SUPPORTED, why));
    };
    let amount = order::money(amount);
    let told = |problem: Problem| match order::code(&problem) {
        Some(code) => refused(code, &problem.detail),
        None => refused(ReasonCode::NARRATIVE, &problem.detail),
    };
    gateway.exponents.read(&amount).map_err(|fault| told(fault.into()))?;
    // What the account is said to be in, is paid with.
    let source = match batch.debtor_account.currency {
        Some(code) => code.as_str().parse().map_err(|_| {
            let why = "the account's currency is none of the network";
            refused(ReasonCode::CURRENCY_NOT_PROCESSED, why)
        })?,
        None => amount.currency,
    };
    gateway.exponents.of(source).map_err(|fault| told(fault.into()))?;
    let bic = transfer.creditor_agent.as_ref().and_then(|agent| agent.bic.as_ref());
    let operator = bic.and_then(|bic| {
        let mut operators = gateway.operators.values();
        operators.find(|operator| operator.bic.as_ref().is_some_and(|known| is_same(known, bic)))
    });
    let operator = operator.ok_or_else(|| {
        let why = "the creditor agent is no operator of the network by its BIC";
        refused(ReasonCode::CREDITOR_AGENT, why)
    })?;
    let beneficiary_account = transfer.creditor_account.as_ref().and_then(names::account);
    let beneficiary_account = beneficiary_account.ok_or_else(|| {
        let why = "the creditor account is named by an IBAN, or by a scheme or proxy: TELE, EMAL, merchant or address";
        refused(ReasonCode::CREDITOR_ACCOUNT, why)
    })?;
    let beneficiary = names::party(&transfer.creditor, name);
    lookup(&beneficiary_account, &beneficiary.name).map_err(told)?;
    checks::party("beneficiary.party", &beneficiary).map_err(told)?;
    let line = LineOrder {
        account: account.id.clone(),
        source,
        target: amount.currency,
        amount: amount.value,
        beneficiary,
        beneficiary_account,
        operator: operator.id,
        sender: None,
        uetr: transfer.uetr.as_ref().map(ToString::to_string),
        purpose: transfer.purpose.as_ref().and_then(order::purpose),
        reference: transfer.remittance.as_ref().and_then(order::reference),
        end_to_end_id: transfer.end_to_end_id.as_ref().map(ToString::to_string),
    };
    Ok(line)
}
