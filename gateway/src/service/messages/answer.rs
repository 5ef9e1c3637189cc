//! Answers to messages that were not taken, or whose payments have no answers of their own.

use super::read::Received;
use crate::{
    advice::utc,
    identifiers::bic::Bic,
    iso20022::payments::{
        Actor, Agent, CancellationAnswer, CancellationRequest, CancellationState, Case, Header, Reference,
        TransferState, TransferStatus, write,
    },
    service::{
        call::Reply,
        problem::{Code, Problem},
    },
};

pub const XML: &str = "application/xml";

pub fn reply(xml: Vec<u8>) -> Reply {
    Reply::of(XML, xml)
}

/// What an answer is made of beside what it says.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub us: Bic,
    /// Its 32 hexadecimal digits.
    pub object: String,
    pub now_ms: u64,
}

impl Envelope {
    /// Apart from the ids of messages that a remittance's course gives, which have three letters more.
    pub fn id(&self) -> Reference {
        Reference::new(&format!("{}Z", self.object)).expect("hexadecimal digits and a letter")
    }
}

/// pacs.002 about the payment of a pacs.008 or pacs.004.
pub fn status(envelope: &Envelope, received: &Received, state: TransferState) -> Vec<u8> {
    let id = envelope.id();
    let created = utc(envelope.now_ms);
    write(&TransferStatus {
        header: Header::new(envelope.us.clone(), received.bank().clone(), &id, created),
        message_id: id,
        created,
        original: received.original.clone(),
        uetr: received.uetr.clone(),
        state,
        instructing_agent: envelope.us.clone(),
        instructed_agent: received.bank().clone(),
    })
}

/// camt.029 about a request to cancel. Without `request`, of one that was refused as it was read.
///
/// # Errors
/// The request does not say which payment it is about.
pub fn cancellation(
    envelope: &Envelope,
    received: &Received,
    request: Option<&CancellationRequest>,
    state: CancellationState,
) -> Result<Vec<u8>, Problem> {
    let uetr = request.map(|request| request.uetr.clone()).or(received.uetr.clone());
    let uetr = uetr.ok_or_else(|| {
        let why = match &state {
            CancellationState::Rejected(reason) | CancellationState::Pending(reason) => reason,
            CancellationState::Cancelled => unreachable!("of a payment that was found"),
        };
        let lines: Vec<_> = why.additional.iter().map(ToString::to_string).collect();
        let detail = format!("the request does not name a payment by its UETR: {}", lines.join(" "));
        Problem::new(Code::BodyMalformed, detail)
    })?;
    let id = envelope.id();
    let created = utc(envelope.now_ms);
    Ok(write(&CancellationAnswer {
        header: Header::new(envelope.us.clone(), received.bank().clone(), &id, created),
        id,
        assigner: envelope.us.clone(),
        assignee: received.bank().clone(),
        created,
        case: request.and_then(case),
        cancellation_id: request.and_then(|request| request.cancellation_id.clone()),
        original: request.map_or_else(|| received.original.clone(), |request| request.original.clone()),
        uetr,
        state,
    }))
}

fn case(request: &CancellationRequest) -> Option<Case> {
    let (id, creator) = named_case(request)?;
    Some(Case {
        id: crate::iso20022::payments::Text::new(&id).expect("it was read as one"),
        creator: Actor::Bank(Agent::of(creator)),
    })
}

/// Of a request: its case's id, and the bank that has made it.
pub fn named_case(request: &CancellationRequest) -> Option<(String, Bic)> {
    let case = request.case.as_ref()?;
    let creator = match &case.creator {
        Actor::Bank(bank) => bank.bic.clone(),
        Actor::Customer(party) => party.bic().cloned(),
    };
    Some((case.id.to_string(), creator?))
}
