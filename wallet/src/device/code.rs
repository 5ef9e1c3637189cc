//! The code that a customer shows instead of a tap ([`causeway_cards::emv::applet::Offer`] has what it is bound to).

use causeway_cards::{
    emv::applet::{CODE_SECONDS, Offer},
    qr::cpm::BuildError,
};
use zeroize::Zeroizing;

use super::{Device, DeviceError, Until, file::now};
use crate::clock;

/// A code to show, once.
pub struct OneTimeCode {
    pub text: Zeroizing<String>,
    pub counter: u16,
    /// From then on it is not to be taken.
    pub until: Until,
}

#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("a code is for 1 to {AMOUNT_MAX} minor units, and {0} is not")]
    Amount(u64),
    #[error("the code cannot be written")]
    Build(#[from] BuildError),
    #[error("this machine's clock is past 2106")]
    Clock,
}

const AMOUNT_MAX: u64 = 999_999_999_999;

impl Device {
    /// A code that is good from now on for [`CODE_SECONDS`]. Its counter is saved as used before it is had. `amount_max`
    /// is in minor units.
    pub fn code(&mut self, amount_max: Option<u64>) -> Result<OneTimeCode, CodeError> {
        if let Some(amount) = amount_max.filter(|amount| !(1..=AMOUNT_MAX).contains(amount)) {
            return Err(CodeError::Amount(amount));
        }
        let until = now() + u64::from(CODE_SECONDS);
        let (year, month, day) = clock::date(until / 86_400);
        let offer = Offer {
            amount_max,
            currency: self.currency_number()?,
            date: [year % 100, month, day].map(|part| part as u8),
            until: until.try_into().map_err(|_| CodeError::Clock)?,
        };
        let mut applet = self.applet()?;
        let unsaved = applet.offer(&offer).map_err(|_| DeviceError::OutOfKeys)?;
        let counter = unsaved.counter();
        self.spend(counter)?;
        Ok(OneTimeCode {
            text: unsaved.saved()?,
            counter,
            until: Until(until),
        })
    }
}
