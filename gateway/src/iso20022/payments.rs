//! Messages of payments as typed values: read from a document that [`super::xml`] took apart, and written as one.
//!
//! Reading comes after [`super::inspection`] and takes what the schema leaves open: amounts in minor units of their
//! currency, identifiers with right check digits, times in UTC, and one payment in a message between banks. What is
//! wrong is a [`Refusal`], with the reason code that the sender's status report gives. Whether a message or a payment
//! was there before (DU01, DU03), whether an account exists (AC01) or has enough (AM04), others say.
//!
//! Of a message is kept what a payment needs. What is not kept (regulatory reporting, tax, contact details,
//! structured remittance but for a creditor's reference, and so on) is in the bytes that came, and only there. So is
//! a name as it was written: texts are transliterated into the characters of CBPR+. Screening looks at those bytes.
//!
//! Nothing here reads a clock or a source of randomness: times and identifiers are the caller's.

mod account;
mod address;
mod agent;
mod amount;
mod cancellation;
mod credit_transfer;
mod entry;
mod header;
mod initiation;
mod notification;
mod original;
mod party;
mod payment_return;
mod payment_status;
mod read;
mod refusal;
mod statement;
mod text;
mod transfer_status;
mod write;

use std::io::{self, Write};

use time::UtcDateTime;

pub use self::{
    account::{Account, AccountId, Proxy, Remittance},
    address::Address,
    agent::{Actor, Agent, Member},
    amount::{AmountFault, Money, Position, Rate},
    cancellation::{CancellationAnswer, CancellationRequest, CancellationState, Case},
    credit_transfer::{Charge, ChargeBearer, CreditTransfer, SettlementMethod},
    entry::{BankTransactionCode, Direction, Entry, EntryDetails, EntryStatus, Moment},
    header::Header,
    initiation::{Initiation, OrderedAmount, OrderedBatch, OrderedTransfer, PaymentMethod, TRANSFERS_MAX},
    notification::Notification,
    original::{OriginalMessage, OriginalPayment, Reason, StatusReason},
    party::{Birth, Identification, Other, Party, Scheme},
    payment_return::{PaymentReturn, ReturnChain},
    payment_status::{BatchStatus, GroupStatus, OrderStatus, PaymentStatus},
    refusal::{Fault, ReasonCode, Refusal},
    statement::{Statement, StatementError, StatementHead, StatementWriter, Totals},
    text::{Extended, InstructionId, OriginalInstructionId, Plain, Reference, Text, TextFault, Unslashed},
    transfer_status::{TransferState, TransferStatus},
};
use self::{
    read::{at, value},
    write::Xml,
};
use super::{
    message::{Message, MessageId},
    xml::Node,
};

/// What stands where something is mandatory and was not given.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// Additional texts of a reason; the schema sets no bound.
const ADDITIONAL_TEXTS_MAX: usize = 10;

/// A message that is written whole.
pub trait Outgoing {
    /// Such as `pacs.002.001.10`.
    const MESSAGE: &'static str;

    /// Only an answer to pain.001 may go without.
    fn header(&self) -> Option<&Header>;

    /// The one element in `Document`.
    #[doc(hidden)]
    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()>;
}

/// Where the body of a message is written to.
pub struct Body<'w> {
    xml: Xml<&'w mut dyn Write>,
}

/// The message in its envelope, as UTF-8.
pub fn write<M: Outgoing>(message: &M) -> Vec<u8> {
    let mut written = Vec::new();
    let mut body = Body {
        xml: Xml::new(&mut written as &mut dyn Write),
    };
    begin(&mut body.xml, M::MESSAGE, message.header())
        .and_then(|()| message.write_body(&mut body))
        .and_then(|()| end(&mut body.xml))
        .expect("memory takes what is written to it");
    drop(body);
    written
}

fn begin<W: Write>(xml: &mut Xml<W>, message: &str, header: Option<&Header>) -> io::Result<()> {
    xml.declaration()?;
    xml.begin("Envelope")?;
    if let Some(header) = header {
        header.write(xml, message)?;
    }
    xml.begin_in("Document", &MessageId::namespace_of(message))
}

fn end<W: Write>(xml: &mut Xml<W>) -> io::Result<()> {
    xml.end("Document")?;
    xml.end("Envelope")
}

/// The one element in the `Document` of a message.
fn body<'a>(message: &Message<'a>, expected: &'static str, name: &'static str) -> Result<Node<'a>, Refusal> {
    let document = &message.document;
    if document.id.as_ref().is_none_or(|id| id.as_str() != expected) {
        return Err(Refusal::at(
            document.node,
            Fault::Message { expected },
            ReasonCode::FORMAT,
        ));
    }
    read::required(document.node, name)
}

/// That a group header counts its transactions rightly: AM18.
fn check_count(group: Node<'_>, counted: usize) -> Result<(), Refusal> {
    let Some(declared) = at(group, "NbOfTxs")? else {
        return Ok(());
    };
    let text = value(declared);
    if text.parse() != Ok(counted) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let declared_text = text.chars().take(15).collect();
        let fault = Fault::Count {
            declared: declared_text,
            counted,
        };
        return Err(Refusal::at(declared, fault, ReasonCode::TRANSACTIONS));
    }
    Ok(())
}

/// Messages have three digits of a second's fraction.
pub fn to_milliseconds(time: UtcDateTime) -> UtcDateTime {
    time.replace_millisecond(time.millisecond())
        .expect("its own milliseconds")
}

#[cfg(test)]
pub(crate) mod tests;
