//! What a network allows its purses; certificates may allow less.

use super::record::record;
use crate::{money::Amount, offline::provenance::Limits};

record! {
    /// Hours are counted as [`Epoch`](crate::offline::ids::Epoch)s are.
    #[derive(Copy)]
    Rules {
        /// The most that one payment may be.
        payment_max: Amount,
        /// At most [`HOPS_MAX`](crate::offline::HOPS_MAX).
        hops_max: u8,
        /// Payments above this need a revocation list that is not stale.
        stale_floor: Amount,
        list_hours_max: u32,
        /// The most that is taken from one payer under one of its certificates.
        payer_max: Amount,
        /// The most that one payment may be without a PIN.
        no_pin_payment_max: Amount,
        /// The most that payments without a PIN may sum up to since the last PIN.
        no_pin_sum_max: Amount,
        no_pin_payments_max: u32,
        /// How long a lot lives: so long a void is remembered.
        lot_hours: u32,
    }
}

impl Rules {
    /// 500.00 a payment and from one payer; without a PIN 50.00 a payment, 150.00 and five payments in all; lots live for
    /// 30 days.
    pub const DEVNET: Self = Self {
        payment_max: Limits::DEVNET.payment_max,
        hops_max: Limits::DEVNET.hops_max,
        stale_floor: Limits::DEVNET.stale_floor,
        list_hours_max: Limits::DEVNET.list_hours_max,
        payer_max: Amount(50_000),
        no_pin_payment_max: Amount(5_000),
        no_pin_sum_max: Amount(15_000),
        no_pin_payments_max: 5,
        lot_hours: 30 * 24,
    };

    pub fn limits(&self) -> Limits {
        Limits {
            payment_max: self.payment_max,
            hops_max: self.hops_max,
            stale_floor: self.stale_floor,
            list_hours_max: self.list_hours_max,
        }
    }
}
