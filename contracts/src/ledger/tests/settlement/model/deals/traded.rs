//! Exchange by quote, between currencies of equal exponents.

use super::{
    super::op::{Held, QUOTE_HELD_SECONDS, QUOTE_MAX, QUOTE_MIN, Trade},
    ContractId, Kind, Model,
};

impl Model {
    pub(super) fn exchange(&mut self, trade: &Trade, id: ContractId) -> Option<()> {
        let Trade {
            maker,
            taker,
            sell,
            mantissa,
            amount,
            ..
        } = *trade;
        let (sold, bought) = match trade.delivers {
            false => (amount, amount * mantissa / 100),
            true => ((amount * 100).div_ceil(mantissa), amount),
        };
        let is_in_range = (QUOTE_MIN..=QUOTE_MAX).contains(&sold);
        if !is_in_range || bought == 0 || !self.quotes.insert((maker, trade.id)) {
            return None;
        }
        let paid = (taker, maker, sell, sold + trade.fee);
        let Some(held) = &trade.held else {
            self.transfer(paid)?;
            return self.transfer((maker, taker, 1 - sell, bought));
        };
        let Held { post_by, void_by, .. } = *held;
        let fees = held.fees.iter().map(|(to, fee)| (taker, *to, sell, *fee));
        let legs: Vec<_> = [paid, (maker, held.deliver_to, 1 - sell, bought)]
            .into_iter()
            .chain(fees)
            .collect();
        self.open(id, held.seconds, &legs, Kind::Hold { post_by, void_by })?;
        (self.after(held.seconds) <= self.now + QUOTE_HELD_SECONDS).then_some(())
    }
}
