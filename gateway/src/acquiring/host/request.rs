//! What a message asks for, what is to be decided of it, and its answer.

use causeway_cards::iso8583::{DuplicateKey, Message, MessageType, OriginalElements, ProcessingCode};
use serde::{Deserialize, Serialize};

use super::Outcome;

/// Fields that an answer repeats.
const REPEATED: [u8; 16] = [2, 3, 4, 7, 11, 12, 13, 24, 32, 33, 37, 41, 42, 49, 70, 90];

/// A connection of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineId(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(super) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    PreAuthorization,
    Purchase,
    Refund,
    BalanceInquiry,
    /// 0220: posts what a 0100 held, or tells what was done without asking.
    Completion,
    Reversal,
    PinKey,
    MacKey,
}

/// What is to be decided.
#[derive(Debug)]
pub struct Request {
    pub operation: Operation,
    /// By which nothing is done twice.
    pub key: DuplicateKey,
    /// Of a reversal or completion, the original's, if this session knows it; else field 90 of the message names it.
    pub original: Option<DuplicateKey>,
    pub message: Message,
}

#[derive(Debug)]
pub enum Effect {
    Answer { line: LineId, message: Message },
    Decide { id: RequestId, request: Request },
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub outcome: Outcome,
    /// Field 38.
    pub approval: Option<[u8; 6]>,
    /// Field 55: what the issuer tells the chip.
    pub chip: Option<Vec<u8>>,
    /// Field 54, if approved.
    pub amounts: Option<String>,
}

impl From<Outcome> for Decision {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            approval: None,
            chip: None,
            amounts: None,
        }
    }
}

/// What a message asks for, if all is there that it needs.
pub(super) fn operation(message: &Message) -> Result<Operation, Outcome> {
    let message_type = message.message_type().original();
    if [MessageType::REVERSAL, MessageType::REVERSAL_ADVICE].contains(&message_type) {
        require(message, &[7, 11, 12, 13, 41, 90])?;
        return Ok(Operation::Reversal);
    }
    require(message, &[3, 4, 7, 11, 12, 13, 41, 49])?;
    let code = message.processing_code().map_err(|_| Outcome::FormatError)?;
    let code = code.ok_or(Outcome::FormatError)?;
    let is_sale = [ProcessingCode::GOODS, 1, 9].contains(&code.transaction);
    if message_type == MessageType::FINANCIAL_ADVICE {
        return if is_sale {
            Ok(Operation::Completion)
        } else {
            Err(Outcome::InvalidTransaction)
        };
    }
    if !message.has(2) && !message.has(35) {
        return Err(Outcome::FormatError);
    }
    let is_financial = message_type == MessageType::FINANCIAL;
    match code.transaction {
        _ if is_sale && is_financial => Ok(Operation::Purchase),
        _ if is_sale && message_type == MessageType::AUTHORIZATION => Ok(Operation::PreAuthorization),
        ProcessingCode::REFUND if is_financial => Ok(Operation::Refund),
        31 => Ok(Operation::BalanceInquiry),
        _ => Err(Outcome::InvalidTransaction),
    }
}

pub(super) fn require(message: &Message, fields: &[u8]) -> Result<(), Outcome> {
    let has_all = fields.iter().all(|field| message.has(*field));
    if has_all { Ok(()) } else { Err(Outcome::FormatError) }
}

/// Which message field 90 names, if it is there.
///
/// # Errors
/// It is not written as it should be.
pub fn original_of(message: &Message) -> Result<Option<OriginalElements>, Outcome> {
    let elements = message.original_elements().map_err(|_| Outcome::FormatError)?;
    Ok(elements.map(|elements| OriginalElements {
        message_type: elements.message_type.original(),
        ..elements
    }))
}

pub(super) fn skeleton(message: &Message) -> Message {
    let mut answer = Message::new(message.message_type().response());
    answer
        .copy_from(message, &REPEATED)
        .expect("fields of a message that was read fit into another");
    answer
}

pub(super) fn answer(line: LineId, mut message: Message, decision: &Decision) -> Effect {
    let code = decision.outcome.code();
    let approval = decision.approval.filter(|_| decision.outcome.is_approved());
    message.set(39, code.as_bytes()).expect("two characters fit");
    if let Some(approval) = approval {
        message.set(38, &approval).expect("six characters fit");
    }
    let amounts = decision.amounts.as_ref().filter(|_| decision.outcome.is_approved());
    let more = [(55, decision.chip.as_deref()), (54, amounts.map(String::as_bytes))];
    for (field, value) in more {
        // One that is too long for its field is left out.
        if let Some(value) = value
            && message.set(field, value).is_err()
        {
            message.remove(field);
        }
    }
    Effect::Answer { line, message }
}
