//! A payee asks, takes it back, and repeats what it has answered.

use super::{
    ANSWERS_MAX, PurseRefusal, PurseState, REQUESTS_MAX, Step,
    contents::{Answer, Answered},
    refusal::Table,
};
use crate::{
    codec::Text,
    money::Amount,
    offline::{
        field::Fixed,
        ids::{Epoch, MessageId, Nonce16, RequestSeq},
        message::Message,
        messages::{Receipt, ReceiptStatus, Request, Void},
        refusal::{Limit, Refusal},
        signed::Signed,
    },
};

/// What a payee asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    pub amount: Amount,
    pub memo: Text<40>,
    /// Drawn at random.
    pub nonce: Nonce16,
}

/// A request, and the void of the one that had to make room for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub request: Signed<Request>,
    pub voided: Option<Signed<Void>>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedAnswer {
    Receipt(Signed<Receipt>),
    Void(Signed<Void>),
}

impl SignedAnswer {
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Receipt(receipt) => receipt.to_bytes(),
            Self::Void(void) => void.to_bytes(),
        }
    }
}

impl From<SignedAnswer> for Message {
    fn from(answer: SignedAnswer) -> Self {
        match answer {
            SignedAnswer::Receipt(receipt) => receipt.into(),
            SignedAnswer::Void(void) => void.into(),
        }
    }
}

impl PurseState {
    pub fn open_request(&self, ask: Ask) -> Result<Step<Opened>, PurseRefusal> {
        let own = self.own();
        if !own.class.can_receive {
            return Err(Refusal::MayNotReceive(own.purse).into());
        }
        let (max, given) = (self.rules.payment_max, ask.amount);
        if given > max {
            let limit = Limit::Payment;
            return Err(Refusal::OverLimit { limit, max, given }.into());
        }
        self.check_balance(ask.amount)?;
        let mut nonces = self
            .requests
            .iter()
            .map(|open| open.body.nonce)
            .chain(self.answered.iter().map(|it| it.nonce));
        if nonces.any(|nonce| nonce == ask.nonce) {
            return Err(PurseRefusal::SameNonce);
        }
        let seq = self.counters.request_seq.next().ok_or(PurseRefusal::CounterEnd)?;
        let request = self.sign(Request {
            payee: own.purse,
            nonce: ask.nonce,
            seq,
            amount: ask.amount,
            epoch: self.counters.epoch,
            list_version: self.revoked.version(),
            flags: Fixed,
            memo: ask.memo,
        })?;
        let evicted = (self.requests.len() >= REQUESTS_MAX).then(|| &self.requests[0]);
        if evicted.is_some() {
            self.check_room_to_answer()?;
        }
        let voided = evicted.map(|old| self.sign_void(old.id(), old.body.seq)).transpose()?;
        let evicted = evicted.map(Signed::id);
        let opened = Opened {
            request: request.clone(),
            voided,
        };
        Ok(self.step(opened, |next| {
            if let Some(evicted) = evicted {
                next.end_request(evicted, Answer::Voided, self.void_until());
            }
            next.counters.request_seq = seq;
            next.requests.push(request);
        }))
    }

    /// Signs that nothing will be accepted for an open request. One that was answered gives its answer again: a
    /// request that was paid has no void.
    pub fn cancel_request(&self, request: MessageId) -> Result<Step<SignedAnswer>, PurseRefusal> {
        let Some(open) = self.requests.iter().find(|open| open.id() == request) else {
            return self.answer(request);
        };
        self.check_room_to_answer()?;
        let void = self.sign_void(request, open.body.seq)?;
        let until = self.void_until();
        Ok(self.step(SignedAnswer::Void(void), |next| {
            next.end_request(request, Answer::Voided, until);
        }))
    }

    /// Repeats what was answered, as often as asked.
    pub fn answer(&self, request: MessageId) -> Result<Step<SignedAnswer>, PurseRefusal> {
        let answered = self.answered(request).ok_or(PurseRefusal::Unknown(request))?;
        Ok(Step::unchanged(self.sign_answer(answered)?))
    }

    pub(super) fn answered(&self, request: MessageId) -> Option<&Answered> {
        self.answered.iter().find(|answered| answered.request == request)
    }

    pub(super) fn sign_answer(&self, answered: &Answered) -> Result<SignedAnswer, PurseRefusal> {
        Ok(match answered.answer {
            Answer::Received(transfer) => SignedAnswer::Receipt(self.sign_receipt(answered.seq, transfer)?),
            Answer::Voided => SignedAnswer::Void(self.sign_void(answered.request, answered.seq)?),
        })
    }

    pub(super) fn sign_receipt(&self, seq: RequestSeq, transfer: MessageId) -> Result<Signed<Receipt>, PurseRefusal> {
        Ok(self.sign(Receipt {
            payee: self.id(),
            seq,
            transfer,
            status: ReceiptStatus::Accepted,
        })?)
    }

    fn sign_void(&self, request: MessageId, seq: RequestSeq) -> Result<Signed<Void>, PurseRefusal> {
        Ok(self.sign(Void {
            payee: self.id(),
            seq,
            request,
        })?)
    }

    /// No transfer that was signed by now outlives this hour.
    fn void_until(&self) -> Epoch {
        Epoch(self.counters.epoch.0.saturating_add(self.rules.lot_hours))
    }

    /// A void may be forgotten to make room, since its payer has the money back when it expires; a receipt only once the
    /// issuer has it, of whom its payer hears by a sync.
    pub(super) fn check_room_to_answer(&self) -> Result<(), PurseRefusal> {
        let now = self.counters.epoch;
        let may_go = |it: &Answered| it.answer == Answer::Voided || it.is_reported || now.has_reached(it.forget);
        if self.answered.len() >= ANSWERS_MAX && !self.answered.iter().any(may_go) {
            return Err(PurseRefusal::Full(Table::Answers));
        }
        Ok(())
    }

    pub(super) fn end_request(&mut self, request: MessageId, answer: Answer, forget: Epoch) {
        let now = self.counters.epoch;
        let at = self.requests.iter().position(|open| open.id() == request);
        let open = self.requests.remove(at.expect("only an open request ends"));
        self.answered.retain(|it| !now.has_reached(it.forget));
        if self.answered.len() >= ANSWERS_MAX {
            let oldest = |may_go: fn(&Answered) -> bool| self.answered.iter().position(may_go);
            let goes = oldest(|it| it.answer == Answer::Voided).or_else(|| oldest(|it| it.is_reported));
            self.answered.remove(goes.expect("there was room"));
        }
        self.answered.push(Answered {
            request,
            seq: open.body.seq,
            nonce: open.body.nonce,
            answer,
            forget,
            is_reported: false,
        });
    }
}
