//! The device at a reader: the application that terminals are paid with, whose counter is on disk before an answer
//! with a cryptogram leaves.

use std::sync::atomic::{AtomicBool, Ordering};

use causeway_cards::emv::{
    apdu::StatusWord,
    applet::{Applet, Consent, NOT_AGREED, OUT_OF_KEYS, Step, UNLOCK},
};

use super::{Device, DeviceError};
use crate::offline::card::Chip;

/// What happens at the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A cryptogram goes to the reader; its counter is used. Amount in minor units and currency (ISO 4217 numeric) as
    /// the terminal has told them, `None` where that was no number.
    Paid {
        counter: u16,
        amount: Option<u64>,
        currency: Option<u16>,
    },
    /// The amount is more than the holder has agreed to, or of another currency.
    NotAgreed,
    /// The terminal wants the holder verified, and the phone is locked.
    Locked,
    OutOfKeys,
}

/// A device in a reader. After a counter that could not be saved, it leaves.
pub struct Phone<'a, F> {
    device: &'a mut Device,
    applet: Applet,
    terms: Terms,
    /// Set when the phone is to be taken away.
    leave: &'a AtomicBool,
    /// Payments that are still to be made; `None` is any number.
    left: Option<u32>,
    has_paid: bool,
    failure: Option<DeviceError>,
    tell: F,
}

/// What the holder wants of a phone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Whatever a terminal asks for, without one.
    pub consent: Option<Consent>,
    /// The next payment, and it only, says that the holder was verified.
    pub is_unlocked: bool,
    /// After so many payments, the phone leaves as soon as the terminal has let go of it.
    pub payments: Option<u32>,
}

impl<'a, F: FnMut(Event)> Phone<'a, F> {
    /// # Errors
    /// The device has no key that is good.
    pub fn new(device: &'a mut Device, terms: Terms, leave: &'a AtomicBool, tell: F) -> Result<Self, DeviceError> {
        Ok(Self {
            applet: applet(device, &terms)?,
            device,
            left: terms.payments,
            terms,
            leave,
            has_paid: false,
            failure: None,
            tell,
        })
    }

    /// How it went: an error if a counter could not be saved, or the keys are no longer good.
    pub fn end(self) -> Result<(), DeviceError> {
        self.failure.map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: DeviceError) {
        self.failure = Some(error);
        self.leave.store(true, Ordering::Release);
    }
}

fn applet(device: &Device, terms: &Terms) -> Result<Applet, DeviceError> {
    let mut applet = device.applet()?;
    if let Some(consent) = terms.consent {
        applet.agree(consent);
    }
    if terms.is_unlocked {
        applet.unlock();
    }
    Ok(applet)
}

impl<F: FnMut(Event)> Chip for Phone<'_, F> {
    fn reset(&mut self) {
        self.applet.reset();
        if std::mem::take(&mut self.has_paid)
            && let Some(left) = &mut self.left
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.leave.store(true, Ordering::Release);
            }
        }
        // A phone may lie at a reader for days.
        if self.device.has_lapsed_keys() {
            match applet(self.device, &self.terms) {
                Ok(applet) => self.applet = applet,
                Err(error) => self.fail(error),
            }
        }
    }

    fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        let response = match self.applet.command(command) {
            Step::Answer(response) => response,
            Step::Save(unsaved) => match self.device.spend(unsaved.counter()) {
                Ok(()) => {
                    (self.tell)(Event::Paid {
                        counter: unsaved.counter(),
                        amount: unsaved.amount(),
                        currency: unsaved.currency(),
                    });
                    self.terms.is_unlocked = false;
                    self.has_paid = true;
                    unsaved.saved()
                }
                Err(error) => {
                    let response = unsaved.failed();
                    self.fail(error);
                    response
                }
            },
        };
        if let Some(event) = refusal(response.status) {
            (self.tell)(event);
        }
        response.to_bytes().to_vec()
    }
}

fn refusal(status: StatusWord) -> Option<Event> {
    match status {
        NOT_AGREED => Some(Event::NotAgreed),
        UNLOCK => Some(Event::Locked),
        OUT_OF_KEYS => Some(Event::OutOfKeys),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
