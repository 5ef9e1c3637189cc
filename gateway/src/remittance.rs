//! A remittance: money for somebody at another operator, held on the ledger as one group before that operator decides,
//! so that both sides move or neither.
//!
//! This is the pure part: where it stands ([`state`]), what both operators agree on ([`order`]), what they tell each
//! other ([`fact`], [`telling`]), what is to be done next ([`step`]), and what follows from what came of it
//! ([`outcome`]). It reads no clock, and neither asks nor tells anyone.
//!
//! Each side keeps its own copy. That it is reserved, paid, voided or returned, both take from final blocks alone;
//! that something is asked, held by compliance or paid out beyond the ledger, from the other operator's signed word.

pub mod fact;
pub mod instruction;
pub mod order;
pub mod outcome;
pub mod state;
pub mod step;
pub mod telling;

#[cfg(test)]
mod simulation;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use causeway_contracts::{
    block::Height,
    identity::ParticipantId,
    money::Amount,
    settlement::{ContractId, SignedQuote},
    transaction::{TxId, UnixSeconds},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::{
    fact::{Fact, Question, Reason},
    instruction::{Instruction, RecallRequest},
    order::Order,
    state::{Change, Side, Standing, State},
};

/// No more than so many moments but those that lead to its end: the other operator may ask and hold again and again.
const MOMENTS_MAX: usize = 100;

/// The order's own operator's copy has the sender's side, the other the beneficiary's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remittance {
    pub id: String,
    /// Of this gateway: who sees it.
    pub client: String,
    pub side: Side,
    pub order: Order,
    /// As it was sent; its hash is in the hold's memo.
    pub order_text: String,
    pub standing: Standing,
    /// One more with each change.
    pub version: u64,
    pub timeline: Vec<Moment>,
    pub created_ms: u64,
    /// Of the account here whose money it is, or will be.
    pub account: String,
    /// The sender's side: by what it is exchanged. None if the currencies are the same.
    pub quote: Option<QuoteUse>,
    /// The sender's side: in minor units of the source's currency, to its operator.
    pub fee: Amount,
    pub source: Amount,
    pub target: Amount,
    /// The sender's side: whether the other operator has the order.
    pub introduced: bool,
    /// The beneficiary's side: whether the account that the hold pays is the beneficiary's own.
    pub is_direct: bool,
    pub ledger: LedgerTrace,
    /// Signed, and perhaps sent: nothing else may be signed until its end is known.
    pub intent: Option<Intent>,
    pub wish: Option<Wish>,
    /// Whether names have been looked for on lists, or an officer has looked at them.
    pub is_screened: bool,
    /// The beneficiary's operator's last one.
    pub question: Option<Question>,
    pub answers: BTreeMap<String, String>,
    /// Why it ended as it did, if not well.
    pub reason: Option<Reason>,
    /// To be told to the other operator, in this order.
    pub untold: Vec<Fact>,
    /// So many facts have been told: the number of the next, from 0.
    pub told: u32,
    /// The other operator's facts with lesser numbers have been heard.
    pub heard: u32,
    /// Attempts to tell the first of `untold` that have failed.
    pub telling_failures: u32,
    /// It is not told before this time.
    pub tell_not_before_ms: u64,
    /// Attempts at the present step that have failed, one after another.
    pub failures: u32,
    /// The present step is not tried before this time.
    pub not_before_ms: u64,
    /// The sender's side: the message that ordered it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Instruction>,
    /// The sender's side: the message that calls it back, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallRequest>,
    /// The last request that changed it, by its object: it is done, if it comes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steered_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteUse {
    pub id: String,
    pub signed: SignedQuote,
}

/// A change, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Side>,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Who has brought it about: an operator, or `ledger`.
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub height: Option<Height>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub transaction: Option<TxId>,
}

/// Where it is found on the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerTrace {
    pub reservation: Option<TxId>,
    pub hold: Option<ContractId>,
    pub hold_expires_at: Option<UnixSeconds>,
    /// Said to post the hold.
    pub posting: Option<TxId>,
    /// Once it is posted the beneficiary has the money, by its operator's word.
    pub posting_pays: bool,
    /// The posting's receipt has been seen.
    pub posting_seen: bool,
    /// The hold seems to have ended otherwise than thought.
    pub look: bool,
    /// Said to void it.
    pub voiding: Option<TxId>,
    /// Said to send it back.
    pub returning: Option<TxId>,
    /// When the other operator last pointed to a transaction, which was final by then.
    pub pointed_ms: u64,
}

/// What a signed transaction is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Reserve,
    Post,
    Void,
    Return,
}

/// Stored before it is sent, and sent again as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub purpose: Purpose,
    pub id: TxId,
    /// The signed transaction's canonical bytes, in hexadecimal.
    pub bytes: String,
}

/// What somebody who may has asked for, and the ledger has not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Accept,
    Refuse(Reason),
    Recall(Reason),
    Return(Reason),
}

/// That cannot happen to this remittance now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a remittance that is {} cannot come to this", state.as_str())]
pub struct NotNow {
    pub state: State,
}

/// By whom, and in which transaction of which block.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    pub by: Option<ParticipantId>,
    pub height: Option<Height>,
    pub transaction: Option<TxId>,
}

impl Cause {
    pub fn by(participant: ParticipantId) -> Self {
        Self {
            by: Some(participant),
            ..Self::default()
        }
    }

    pub fn ledger(height: Height, transaction: Option<TxId>) -> Self {
        Self {
            by: None,
            height: Some(height),
            transaction,
        }
    }
}

/// What a remittance begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    pub id: String,
    pub client: String,
    pub side: Side,
    pub order: Order,
    /// As it is sent, or as it came.
    pub order_text: String,
    /// Of the account here.
    pub account: String,
    pub source: Amount,
    pub target: Amount,
    pub now_ms: u64,
}

impl Remittance {
    /// Nothing is set aside or asked yet. Without a quote and a fee: those are the caller's.
    pub fn begin(beginning: Beginning) -> Self {
        let Beginning {
            id,
            client,
            side,
            order,
            order_text,
            account,
            source,
            target,
            now_ms,
        } = beginning;
        Self {
            id,
            client,
            side,
            order_text,
            standing: Standing::at(State::AwaitingFunds),
            version: 1,
            timeline: vec![Moment {
                state: State::AwaitingFunds,
                held_by: None,
                at_ms: now_ms,
                by: order.sender_operator.to_string(),
                height: None,
                transaction: None,
            }],
            created_ms: now_ms,
            account,
            quote: None,
            fee: Amount(0),
            source,
            target,
            // The beneficiary's side has the order, or would not be there.
            introduced: side == Side::Beneficiary,
            is_direct: false,
            ledger: LedgerTrace::default(),
            intent: None,
            wish: None,
            is_screened: false,
            question: None,
            answers: BTreeMap::new(),
            reason: None,
            untold: Vec::new(),
            told: 0,
            heard: 0,
            telling_failures: 0,
            tell_not_before_ms: 0,
            failures: 0,
            not_before_ms: 0,
            instruction: None,
            recall: None,
            steered_by: None,
            order,
        }
    }

    pub fn state(&self) -> State {
        self.standing.state
    }

    /// The operator on whose side this copy is.
    pub fn us(&self) -> ParticipantId {
        match self.side {
            Side::Sender => self.order.sender_operator,
            Side::Beneficiary => self.order.beneficiary_operator,
        }
    }

    pub fn other(&self) -> ParticipantId {
        match self.side {
            Side::Sender => self.order.beneficiary_operator,
            Side::Beneficiary => self.order.sender_operator,
        }
    }

    /// Whether a receipt has shown that this transaction did what the timeline says of it.
    pub fn has_seen(&self, transaction: &TxId) -> bool {
        self.timeline
            .iter()
            .any(|moment| moment.transaction.as_ref() == Some(transaction))
    }

    pub fn allows(&self, change: Change) -> bool {
        let is_aside = matches!(change, Change::Held(_) | Change::InfoAsked);
        self.standing.after(change).is_some()
            && !self.is_signed_otherwise(change)
            && !(is_aside && self.timeline.len() >= MOMENTS_MAX)
    }

    /// What is signed may be done already: until its end is known, nothing is decided that it would overtake.
    fn is_signed_otherwise(&self, change: Change) -> bool {
        match self.intent.as_ref().map(|intent| intent.purpose) {
            None => false,
            Some(Purpose::Reserve) => change != Change::Reserved,
            Some(Purpose::Return) => change != Change::Returned,
            Some(Purpose::Post | Purpose::Void) => {
                self.side == Side::Beneficiary && matches!(change, Change::Held(_) | Change::InfoAsked)
            }
        }
    }

    /// Takes the change, with its place in the timeline.
    pub fn apply(&mut self, change: Change, now_ms: u64, cause: Cause) -> Result<(), NotNow> {
        let not_now = NotNow { state: self.state() };
        let next = self.standing.after(change).ok_or(not_now)?;
        if !self.allows(change) {
            return Err(not_now);
        }
        // The other operator waits for a reservation, which will not come.
        let is_sender = self.side == Side::Sender;
        if is_sender && self.may_be_known(change) && self.standing.is_unreserved() && next.state.is_end() {
            self.untold.push(Fact::Withdrawn);
        }
        self.standing = next;
        self.touched();
        self.timeline.push(Moment {
            state: next.state,
            held_by: next.held_by,
            at_ms: now_ms,
            by: cause.by.map_or_else(|| "ledger".to_owned(), |by| by.to_string()),
            height: cause.height,
            transaction: cause.transaction,
        });
        if next.state.is_end() {
            self.intent = None;
            self.wish = None;
        }
        Ok(())
    }

    /// Whether the other operator may have the order. It is handed over only after names were looked for and nobody
    /// has to decide, which is stored before; if it fails then, that operator has refused it.
    fn may_be_known(&self, change: Change) -> bool {
        let is_held = self.standing == Standing::held(Side::Sender);
        self.introduced || self.is_screened && !is_held && change != Change::Failed
    }

    /// When a hold for this order has ended, whenever it was made: in milliseconds since 1970.
    pub(super) fn over_ms(&self) -> u64 {
        let hold_ms = u64::from(self.order.hold_seconds) * 1000;
        self.order.reserve_until.0.saturating_mul(1000).saturating_add(hold_ms)
    }

    /// What is to be done is another thing than before.
    pub fn touched(&mut self) {
        self.version += 1;
        self.failures = 0;
        self.not_before_ms = 0;
    }
}
