//! The payer's side of taps: a purse on its own device, which asks its person before it lets a reader have money.
//!
//! The device stands between reader and element. A payment that the person has to agree to first is answered with
//! 6985; the device is taken away, the person is asked, and it is held to the reader again.

use std::sync::atomic::{AtomicBool, Ordering};

use causeway_contracts::{
    money::Amount,
    offline::{
        encoding::Reader,
        field::Field,
        ids::{ListVersion, MessageId},
        message::Message,
        messages::{Certificate, PaymentStatus, Request},
        purse::{PurseRefusal, pin::Consent, status::Standing},
        signed::Signed,
    },
};

use super::{
    card::{Applet, DATA_BYTES_MAX, StatusWord},
    element::{
        Element, ElementError,
        applet::{
            INS_ACKNOWLEDGE, INS_NEWS, INS_PAY, INS_RESEND, Interface, NEWS_GIVE, NEWS_TAKE, PurseApplet, read_request,
        },
    },
    memory::Memory,
    purses::news::News,
};

/// What a reader did, for the person.
#[derive(Debug)]
pub enum Event {
    /// It asks for this, and the person has to agree first.
    Asked(Signed<Request>, Signed<Certificate>),
    /// The purse has signed a payment, and given it to the reader.
    Signed(Signed<Request>),
    /// It was given again what had been signed before.
    SignedAgain(MessageId),
    /// The purse refuses a request.
    Refused(Signed<Request>, StatusWord),
    /// What became of a payment, by the payee's word.
    Ended(PaymentStatus),
    /// The purse has heard news, and passed news on.
    HeardNews,
    GaveNews,
}

/// What the person has agreed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreed {
    /// Each payment of at most so much.
    pub up_to: Amount,
    /// A request, whatever its amount.
    pub request: Option<MessageId>,
}

/// A purse as a reader sees it.
pub struct Holder<'a, M, T> {
    element: &'a mut Element<M>,
    news: &'a mut News,
    agreed: Agreed,
    tell: T,
    /// What this tap was for is done, so that the device may be taken away.
    is_done: bool,
    leave: &'a AtomicBool,
}

impl<'a, M: Memory, T: FnMut(Event)> Holder<'a, M, T> {
    /// `leave` is set when the reader is done with the purse.
    pub fn new(
        element: &'a mut Element<M>,
        news: &'a mut News,
        agreed: Agreed,
        leave: &'a AtomicBool,
        tell: T,
    ) -> Self {
        Self {
            element,
            news,
            agreed,
            tell,
            is_done: false,
            leave,
        }
    }

    fn pass(&mut self, ins: u8, p1: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        PurseApplet::new(&mut *self.element, Interface::Reader).apdu(ins, p1, 0, data)
    }

    fn pay(&mut self, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let Ok((request, payee)) = read_request(data) else {
            return self.pass(INS_PAY, 0, data);
        };
        let state = self.element.state();
        if matches!(state.standing(request.id()), Standing::Paid { .. }) {
            (self.tell)(Event::SignedAgain(request.id()));
            return self.pass(INS_PAY, 0, data);
        }
        let has_agreed = request.body.amount <= self.agreed.up_to || self.agreed.request == Some(request.id());
        if state.check_request(&request, &payee).is_ok() && !has_agreed {
            return self.ask(request, payee);
        }
        let (answer, status) = self.pass(INS_PAY, 0, data);
        match status {
            StatusWord::OK => (self.tell)(Event::Signed(request)),
            StatusWord::CONFIRM => return self.ask(request, payee),
            word => (self.tell)(Event::Refused(request, word)),
        }
        (answer, status)
    }

    fn ask(&mut self, request: Signed<Request>, payee: Signed<Certificate>) -> (Vec<u8>, StatusWord) {
        // A reader that asks again and again is told once in each tap.
        if !self.is_done {
            (self.tell)(Event::Asked(request, payee));
        }
        self.is_done = true;
        (Vec::new(), StatusWord::CONFIRM)
    }

    fn acknowledge(&mut self, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let (answer, status) = self.pass(INS_ACKNOWLEDGE, 0, data);
        if status == StatusWord::OK {
            let status = Reader::new(&answer, DATA_BYTES_MAX).and_then(|mut reader| PaymentStatus::read(&mut reader));
            (self.tell)(Event::Ended(status.expect("the purse has written it")));
            self.is_done = true;
        }
        (answer, status)
    }

    fn resend(&mut self, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let (answer, status) = self.pass(INS_RESEND, 0, data);
        if status == StatusWord::OK
            && let Ok(mut reader) = Reader::new(data, DATA_BYTES_MAX)
            && let Ok(request) = MessageId::read(&mut reader)
        {
            (self.tell)(Event::SignedAgain(request));
        }
        (answer, status)
    }

    fn take_news(&mut self, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let (answer, status) = self.pass(INS_NEWS, NEWS_TAKE, data);
        if status == StatusWord::OK
            && let Ok(messages) = Message::read_all(data, DATA_BYTES_MAX)
            && !messages.is_empty()
        {
            // Without it the purse has the news all the same, and cannot pass it on.
            if self.news.remember(self.element.state(), messages).is_ok() {
                (self.tell)(Event::HeardNews);
            }
        }
        (answer, status)
    }

    fn give_news(&mut self, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let read = Reader::new(data, DATA_BYTES_MAX).and_then(|mut reader| {
            let version = ListVersion::read(&mut reader)?;
            reader.end().map(|()| version)
        });
        match read {
            Ok(version) => {
                (self.tell)(Event::GaveNews);
                (Message::concatenate(&self.news.after(version)), StatusWord::OK)
            }
            Err(_) => (Vec::new(), StatusWord::MALFORMED),
        }
    }
}

impl<M: Memory, T: FnMut(Event)> Applet for Holder<'_, M, T> {
    fn apdu(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        match (ins, p1, p2) {
            (INS_PAY, 0, 0) => self.pay(data),
            (INS_RESEND, 0, 0) => self.resend(data),
            (INS_ACKNOWLEDGE, 0, 0) => self.acknowledge(data),
            (INS_NEWS, NEWS_TAKE, 0) => self.take_news(data),
            (INS_NEWS, NEWS_GIVE, 0) => self.give_news(data),
            _ => PurseApplet::new(&mut *self.element, Interface::Reader).apdu(ins, p1, p2, data),
        }
    }

    fn end_session(&mut self) {
        PurseApplet::new(&mut *self.element, Interface::Reader).end_session();
        if self.is_done {
            self.leave.store(true, Ordering::Release);
        }
    }
}

/// Whether a payment of this request takes the PIN, as far as can be said before it is made.
pub fn needs_pin<M: Memory>(
    element: &Element<M>,
    request: &Signed<Request>,
    payee: &Signed<Certificate>,
) -> Result<bool, ElementError> {
    match element.state().pay(request, payee, Consent::None) {
        Ok(_) => Ok(false),
        Err(PurseRefusal::Confirm) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
