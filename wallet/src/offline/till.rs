//! The payee's side of taps: collects one request from a purse that is held to a reader.
//!
//! A tap is SELECT, the news both ways, PAY, ACCEPT by the payee's own purse, ACK. It may be torn anywhere. The next
//! one begins with STATUS and goes on from there, with the same request: what was signed for it comes again, what was
//! received is answered by the same receipt, and no purse is asked to pay once one has paid.

use causeway_contracts::offline::{
    encoding::{Reader, Writer},
    field::Field,
    ids::{Epoch, ListVersion, MessageId},
    message::Message,
    messages::{Receipt, Request, Transfer},
    purse::{PurseRefusal, contents::Answer, request::SignedAnswer, status::Standing},
    signed::Signed,
};

use super::{
    card::{
        DATA_BYTES_MAX, IsoStatus as _, StatusWord, Terminal,
        terminal::{Channel, TerminalError},
    },
    element::{
        Element, ElementError,
        applet::{INS_ACKNOWLEDGE, INS_NEWS, INS_PAY, INS_RESEND, INS_STATUS, NEWS_GIVE, NEWS_TAKE},
    },
    memory::Memory,
    purses::news::{HearError, News},
};

/// What a tap came to.
#[derive(Debug)]
pub enum Tap {
    /// The purse has paid, and has the receipt.
    Paid,
    /// The person confirms on the payer's device first, and holds it to the reader again.
    Confirm,
    /// Another purse has paid the request before; this one was not asked to.
    PaidByAnother,
    /// This purse had signed a payment that is void, and knows it now: another has paid the request, or it was
    /// taken back.
    Voided,
    /// The payer's purse refuses with this word.
    Refused(StatusWord),
    /// What it gave is not taken, for this reason. The request is void now, and the payer's purse knows it.
    NotTaken(ElementError),
}

/// Why a tap came to nothing. Whether the payer's purse has paid is unknown: it is held to the reader again.
#[derive(Debug, thiserror::Error)]
pub enum TapError<E: std::error::Error + 'static> {
    #[error(transparent)]
    Terminal(#[from] TerminalError<E>),
    #[error("the payer's purse answers what no purse answers: {0}")]
    Answer(#[from] causeway_contracts::offline::encoding::Malformed),
    #[error("the payer's purse does not take the receipt: {0:?}")]
    NotAcknowledged(StatusWord),
    #[error(transparent)]
    Element(#[from] ElementError),
    #[error(transparent)]
    News(#[from] crate::durable::FileError),
}

/// Collects one request.
pub struct Till<'a, M> {
    element: &'a mut Element<M>,
    news: &'a mut News,
    request: Signed<Request>,
    /// Some purse was asked to pay, and has not said that it does not: it may have.
    pub may_be_paid: bool,
}

impl<'a, M: Memory> Till<'a, M> {
    pub fn new(element: &'a mut Element<M>, news: &'a mut News, request: Signed<Request>) -> Self {
        Self {
            element,
            news,
            request,
            may_be_paid: false,
        }
    }

    pub fn element(&mut self) -> &mut Element<M> {
        self.element
    }

    /// One tap, by a purse that was selected.
    pub fn tap<C: Channel>(&mut self, terminal: &mut Terminal<C>) -> Result<Tap, TapError<C::Error>> {
        self.swap_news(terminal)?;
        let request = self.request.id();
        let has_paid = asked_before(terminal, request)?;
        let bundle = match (self.element.state().standing(request), has_paid) {
            (Standing::Answered(Answer::Received(_)), false) => return Ok(Tap::PaidByAnother),
            (_, true) => call(terminal, INS_RESEND, &bytes_of(&request))?,
            (Standing::Open, false) => self.ask(terminal)?,
            (_, false) => return Ok(Tap::Voided),
        };
        match bundle {
            Err(StatusWord::CONFIRM) => Ok(Tap::Confirm),
            Err(word) => Ok(Tap::Refused(word)),
            Ok(bundle) => self.take(terminal, &bundle),
        }
    }

    fn ask<C: Channel>(&mut self, terminal: &mut Terminal<C>) -> Result<Called, TapError<C::Error>> {
        let mut data = self.request.to_bytes();
        data.extend(self.element.state().certificate().to_bytes());
        let before = std::mem::replace(&mut self.may_be_paid, true);
        let answer = call(terminal, INS_PAY, &data)?;
        if answer.is_err() {
            self.may_be_paid = before;
        }
        Ok(answer)
    }

    fn take<C: Channel>(&mut self, terminal: &mut Terminal<C>, bundle: &[u8]) -> Result<Tap, TapError<C::Error>> {
        match self.element.run(|state| state.accept(bundle)) {
            Ok(receipt) => {
                let is_for_it = is_receipt_of(&receipt, bundle);
                acknowledge(terminal, &receipt.to_bytes())?;
                Ok(if is_for_it { Tap::Paid } else { Tap::Voided })
            }
            Err(error @ ElementError::Commit(_)) => Err(error.into()),
            Err(error) => {
                // The payer has signed, and nobody will take it: his purse gives it back to him by this.
                let request = self.request.id();
                let answer = self.element.run(|state| state.cancel_request(request))?;
                acknowledge(terminal, &answer.to_bytes())?;
                Ok(match (answer, error) {
                    (SignedAnswer::Receipt(_), _) | (_, ElementError::Refused(PurseRefusal::WasVoided(_))) => {
                        Tap::Voided
                    }
                    (SignedAnswer::Void(_), error) => Tap::NotTaken(error),
                })
            }
        }
    }

    /// Both purses have the newest of what either has, as far as a tap carries it. Whatever is wrong with the other's
    /// news is no reason not to be paid.
    fn swap_news<C: Channel>(&mut self, terminal: &mut Terminal<C>) -> Result<(), TapError<C::Error>> {
        let (answer, status) = terminal.call(INS_NEWS, NEWS_TAKE, 0, &[])?;
        if status != StatusWord::OK {
            return Ok(());
        }
        let mut reader = Reader::new(&answer, DATA_BYTES_MAX)?;
        let theirs = (Epoch::read(&mut reader)?, ListVersion::read(&mut reader)?);
        let state = self.element.state();
        let ours = (state.counters().epoch, state.revoked().version());
        if ours.0 > theirs.0 || ours.1 > theirs.1 {
            let news = Message::concatenate(&self.news.after(theirs.1));
            if !news.is_empty() {
                terminal.call(INS_NEWS, NEWS_TAKE, 0, &news)?;
            }
        }
        if theirs.0 > ours.0 || theirs.1 > ours.1 {
            let (news, status) = terminal.call(INS_NEWS, NEWS_GIVE, 0, &bytes_of(&ours.1))?;
            if status == StatusWord::OK
                && let Ok(messages) = Message::read_all(&news, DATA_BYTES_MAX)
            {
                match self.news.hear(self.element, messages) {
                    Ok(()) | Err(HearError::Foreign | HearError::Element(ElementError::Refused(_))) => {}
                    Err(HearError::Element(error)) => return Err(error.into()),
                    Err(HearError::File(error)) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

/// Whether this purse has signed a payment of the request.
fn asked_before<C: Channel>(terminal: &mut Terminal<C>, request: MessageId) -> Result<bool, TapError<C::Error>> {
    const PAID: u8 = 4;
    let (answer, status) = terminal.call(INS_STATUS, 0, 0, &bytes_of(&request))?;
    Ok(status == StatusWord::OK && answer.first() == Some(&PAID))
}

type Called = Result<Vec<u8>, StatusWord>;

fn call<C: Channel>(terminal: &mut Terminal<C>, ins: u8, data: &[u8]) -> Result<Called, TapError<C::Error>> {
    let (answer, status) = terminal.call(ins, 0, 0, data)?;
    // It does not know what it did: the next tap asks.
    if status == StatusWord::MEMORY_FAILURE {
        return Err(TerminalError::Torn.into());
    }
    Ok(if status == StatusWord::OK {
        Ok(answer)
    } else {
        Err(status)
    })
}

fn acknowledge<C: Channel>(terminal: &mut Terminal<C>, word: &[u8]) -> Result<(), TapError<C::Error>> {
    call(terminal, INS_ACKNOWLEDGE, word)?
        .map(|_| ())
        .map_err(TapError::NotAcknowledged)
}

/// The new transfer of a bundle, which comes last.
pub fn last_payment(bundle: &[u8]) -> Option<Signed<Transfer>> {
    match Message::read_all(bundle, DATA_BYTES_MAX).ok()?.pop() {
        Some(Message::Transfer(transfer)) => Some(transfer),
        _ => None,
    }
}

/// Whether a receipt is for this payment, and not for another one of the same request.
pub fn is_receipt_of(receipt: &Signed<Receipt>, bundle: &[u8]) -> bool {
    last_payment(bundle).is_some_and(|transfer| transfer.id() == receipt.body.transfer)
}

fn bytes_of<T: Field>(value: &T) -> Vec<u8> {
    let mut writer = Writer::default();
    value.write(&mut writer);
    writer.into_bytes()
}
