//! What messages of ISO 20022 say of a remittance: to the client who ordered it by one, and to the beneficiary's client
//! if that has a BIC.
//!
//! All of them follow from the remittance, its timeline, and who is who: the same remittance gives the same bytes, with
//! ids made of its own and times of its timeline. So nothing of them is stored, none can be lost, and none is written
//! that the remittance does not bear out. A message is about one moment of the timeline, which only grows.

mod credit;
mod parties;
mod payback;
mod recall;
mod status;
mod transfer;

use time::UtcDateTime;

pub use self::recall::decided;
use crate::{
    identifiers::{bic::Bic, uetr::Uetr},
    iso20022::payments::{
        Header, Money, OriginalInstructionId, OriginalMessage, OriginalPayment, Outgoing, Reason, ReasonCode,
        Reference, StatusReason, Text, write,
    },
    money::Exponents,
    remittance::{
        Moment, Remittance,
        instruction::Instruction,
        state::{Side, State},
    },
};

/// Who is who in the messages of a gateway.
#[derive(Debug, Clone)]
pub struct Banks<'a> {
    /// This gateway's operator.
    pub us: &'a Bic,
    pub sender_operator: Option<&'a Bic>,
    pub beneficiary_operator: Option<&'a Bic>,
    /// Whose remittance it is. One that has none gets no messages of incoming remittances.
    pub client: Option<&'a Bic>,
    pub exponents: &'a Exponents,
}

/// A message, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Such as `pacs.002.001.10`.
    pub kind: &'static str,
    /// MsgId, and BizMsgIdr of the header.
    pub id: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    pub xml: Vec<u8>,
}

/// All there are so far, in order: later ones are added at the end.
///
/// A message that names an amount is left out where messages have no such currency, and one between the two operators
/// where one of them has no BIC.
pub fn advices(remittance: &Remittance, banks: &Banks<'_>) -> Vec<Advice> {
    let mut all = Vec::new();
    match remittance.side {
        Side::Sender => {
            if let Some(instruction) = &remittance.instruction {
                outgoing(remittance, instruction, banks, &mut all);
            }
        }
        Side::Beneficiary => {
            if let Some(client) = banks.client {
                incoming(remittance, client, banks, &mut all);
            }
        }
    }
    all
}

fn outgoing(remittance: &Remittance, instruction: &Instruction, banks: &Banks<'_>, all: &mut Vec<Advice>) {
    let client = bic(&instruction.sender);
    let original = original(remittance, instruction);
    let mut last = None;
    let mut is_forwarded = false;
    let mut is_answered = false;
    for (at, moment) in remittance.timeline.iter().enumerate() {
        let about = About::new(remittance, moment, at);
        let answer = recall::answer(remittance, moment.state).filter(|_| !is_answered);
        // That it was called back, the answer to who called it back says.
        let is_said = moment.state == State::Cancelled && answer.is_some();
        let status = status::state(&about).filter(|_| !is_said);
        if let Some(state) = status.filter(|state| last != Some(state.code())) {
            last = Some(state.code());
            all.push(about.written(status::message(&about, banks.us, &client, original.clone(), state)));
        }
        if let Some((request, state)) = answer {
            is_answered = true;
            all.push(about.written(recall::message(&about, banks.us, request, original.clone(), state)));
        }
        if moment.state == State::Reserved && !is_forwarded {
            is_forwarded = true;
            all.extend(transfer::message(&about, banks).map(|message| about.written(message)));
        }
        if moment.state == State::Returned {
            let way = payback::Way {
                from: banks.us,
                to: &client,
            };
            all.extend(payback::message(&about, way, original.clone(), banks).map(|message| about.written(message)));
        }
    }
}

fn incoming(remittance: &Remittance, client: &Bic, banks: &Banks<'_>, all: &mut Vec<Advice>) {
    let mut forwarded = None;
    for (at, moment) in remittance.timeline.iter().enumerate() {
        let about = About::new(remittance, moment, at);
        match moment.state {
            State::Reserved if forwarded.is_none() => {
                forwarded = transfer::message(&about, banks);
                all.extend(forwarded.clone().map(|message| about.written(message)));
            }
            State::Completed => {
                all.extend(credit::message(&about, client, banks).map(|message| about.written(message)));
            }
            State::Returned => {
                let (Some(original), Some(other)) = (&forwarded, banks.sender_operator) else {
                    continue;
                };
                let way = payback::Way {
                    from: banks.us,
                    to: other,
                };
                all.extend(payback::message(&about, way, original.into(), banks).map(|message| about.written(message)));
            }
            _ => {}
        }
    }
}

/// A moment of a remittance.
struct About<'a> {
    remittance: &'a Remittance,
    moment: &'a Moment,
    /// In the timeline, from 0.
    at: usize,
}

impl<'a> About<'a> {
    fn new(remittance: &'a Remittance, moment: &'a Moment, at: usize) -> Self {
        Self { remittance, moment, at }
    }

    fn created(&self) -> UtcDateTime {
        utc(self.moment.at_ms)
    }

    /// Of its message of a kind: the remittance's own 32 digits, a letter for the kind, and the moment in two digits
    /// to the base 36, which are enough for 1,296.
    fn id(&self, letter: char) -> Reference {
        let (_, unique) = self.remittance.id.split_once('_').unwrap_or_default();
        let digit = |number: usize| char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 36]);
        let id = format!("{unique}{letter}{}{}", digit(self.at / 36), digit(self.at));
        Reference::new(&id).expect("32 hexadecimal digits and three letters")
    }

    fn uetr(&self) -> Uetr {
        self.remittance.order.uetr.parse().expect("checked when it was taken")
    }

    fn end_to_end_id(&self) -> Option<Reference> {
        // A client of the API may have used other characters.
        let id = self.remittance.order.end_to_end_id.as_ref()?;
        Reference::new(id).ok()
    }

    /// None where messages have no such amount.
    fn source(&self, exponents: &Exponents) -> Option<Money> {
        let currency = self.remittance.order.source.currency;
        Money::new(self.remittance.source, currency, exponents.of(currency).ok()?).ok()
    }

    fn target(&self, exponents: &Exponents) -> Option<Money> {
        let currency = self.remittance.order.target.currency;
        Money::new(self.remittance.target, currency, exponents.of(currency).ok()?).ok()
    }

    /// Why it ended as it did; `otherwise` where nobody has said.
    fn reason(&self, otherwise: (&str, &str)) -> StatusReason {
        let (code, text) = match &self.remittance.reason {
            Some(reason) => (reason.code.as_str(), reason.text.as_deref().unwrap_or_default()),
            None => otherwise,
        };
        // The gateway's own words are none of ISO's codes.
        let code = ReasonCode::new(code).unwrap_or(ReasonCode::NARRATIVE);
        StatusReason {
            originator: None,
            reason: Reason::Code(code),
            additional: lines(text),
        }
    }

    fn written<M: Outgoing>(&self, message: M) -> Advice {
        let header = message.header().expect("these have a header");
        Advice {
            kind: M::MESSAGE,
            id: header.id.to_string(),
            created_ms: self.moment.at_ms,
            xml: write(&message),
        }
    }

    fn header(&self, from: &Bic, to: &Bic, id: &Reference) -> Header {
        Header::new(from.clone(), to.clone(), id, self.created())
    }
}

/// In lines of 105 characters, at most two of them.
fn lines(text: &str) -> Vec<Text<105>> {
    let characters: Vec<char> = text.chars().collect();
    let lines = characters.chunks(105).take(2);
    lines
        .filter_map(|line| Text::fitted(&line.iter().collect::<String>()).ok())
        .collect()
}

/// Beyond the year 9999, the last moment before.
pub fn utc(ms: u64) -> UtcDateTime {
    const LAST_MS: u64 = 253_402_300_799_999;
    UtcDateTime::from_unix_timestamp_nanos(i128::from(ms.min(LAST_MS)) * 1_000_000).expect("within 1970 to 9999")
}

fn bic(text: &str) -> Bic {
    text.parse().expect("checked when it was taken")
}

/// The client's message, as answers name it.
fn original(remittance: &Remittance, instruction: &Instruction) -> OriginalPayment {
    let reference = |text: &str| Reference::new(text).expect("checked when it was taken");
    OriginalPayment {
        message: Some(OriginalMessage {
            id: reference(&instruction.message),
            name: Text::new("pacs.008.001.08").expect("of the set"),
            created: Some(utc(instruction.created_ms)),
        }),
        instruction_id: OriginalInstructionId::new(&instruction.instruction).ok(),
        end_to_end_id: remittance.order.end_to_end_id.as_deref().map(reference),
        transaction_id: instruction.transaction.as_deref().map(reference),
    }
}

#[cfg(test)]
mod tests;
