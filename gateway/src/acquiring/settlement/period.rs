//! When what is open becomes a settlement: a day of UTC at a time after it is over, or each capture at once.

use causeway_contracts::money::Amount;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Movement};

pub const DAY_MS: u64 = 86_400_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Each capture at once. What goes back is netted with the next capture.
    T0,
    /// A day of UTC at a time, when it is over.
    T1,
}

/// What one settlement is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Of UTC, counted from 1970.
    pub day: u64,
    /// Places in the list of open movements, ascending.
    pub taken: Vec<usize>,
}

/// What is due of the open movements of one merchant and currency, which are in the order of their times. `over_ms`: the
/// ledger's time, up to which days are over; `None` closes the day that is not over, too.
///
/// No movement is in two periods. One that is booked after its day was settled is in another period of that day.
pub fn periods(schedule: Schedule, open: &[Movement], over_ms: Option<u64>) -> Vec<Period> {
    match schedule {
        Schedule::T0 => captures(open),
        Schedule::T1 => days(open, over_ms),
    }
}

fn captures(open: &[Movement]) -> Vec<Period> {
    let places = |is_capture| {
        let those = open.iter().enumerate();
        those.filter(move |(_, movement)| (movement.kind == Kind::Capture) == is_capture)
    };
    let mut periods: Vec<_> = places(true)
        .map(|(at, movement)| Period {
            day: movement.at_ms / DAY_MS,
            taken: vec![at],
        })
        .collect();
    if let Some(first) = periods.first_mut() {
        first.taken.extend(places(false).map(|(at, _)| at));
        first.taken.sort_unstable();
    }
    periods
}

fn days(open: &[Movement], over_ms: Option<u64>) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    let mut sums = Sums::default();
    for (at, movement) in open.iter().enumerate() {
        let day = movement.at_ms / DAY_MS;
        if over_ms.is_some_and(|over_ms| (day + 1) * DAY_MS > over_ms) {
            break;
        }
        let fits = sums.add(movement);
        match periods.last_mut().filter(|last| last.day == day && fits) {
            Some(last) => last.taken.push(at),
            None => {
                sums = Sums::default();
                sums.add(movement);
                periods.push(Period { day, taken: vec![at] });
            }
        }
    }
    periods
}

/// Of a period that is being made: neither may be more than an amount can be.
#[derive(Default)]
struct Sums {
    came: Amount,
    went: Amount,
}

impl Sums {
    fn add(&mut self, movement: &Movement) -> bool {
        let sum = match movement.kind {
            Kind::Capture => &mut self.came,
            Kind::Refund | Kind::Chargeback | Kind::Reversal => &mut self.went,
        };
        let added = sum.checked_add(movement.amount);
        *sum = added.unwrap_or(*sum);
        added.is_some()
    }
}
