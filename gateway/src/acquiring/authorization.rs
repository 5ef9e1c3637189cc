//! What stands of a card's payment, and what a later message may do about it. Purely.

use causeway_contracts::{money::Amount, settlement::ContractId};
use serde::{Deserialize, Serialize};

use super::host::{Operation, Outcome};

/// What of a payment is on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing: it was declined, or reversed, or moves no money.
    #[default]
    Nothing,
    /// The cardholder's money is set aside.
    Held { hold: ContractId, amount: Amount },
    /// The acquirer has it, but for what was returned.
    Paid { amount: Amount, returned: Amount },
    /// A refund: the cardholder has it.
    PaidBack { amount: Amount },
}

/// What a later message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// 0220 pays so much of what is held.
    Complete(Amount),
    /// 0400 and 0420 undo it but for so much (field 95).
    Reverse {
        keep: Amount,
    },
    Refund(Amount),
}

/// What the ledger is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The rest is the cardholder's again.
    Post {
        hold: ContractId,
        amount: Amount,
    },
    Void {
        hold: ContractId,
    },
    /// Less is held, by a hold in the place of the one before.
    Shrink {
        hold: ContractId,
        keep: Amount,
    },
    /// From acquirer to cardholder.
    PayBack {
        amount: Amount,
    },
    /// A refund is undone, from cardholder to acquirer.
    TakeBack {
        amount: Amount,
    },
}

impl Standing {
    /// What is to be done; `None` if all is as it should be.
    ///
    /// # Errors
    /// `InvalidAmount`: nothing, or more than stands. `InvalidTransaction`: it is not in a state for it.
    pub fn step(self, later: Later) -> Result<Option<Step>, Outcome> {
        match (self, later) {
            (_, Later::Complete(Amount(0)) | Later::Refund(Amount(0))) => Err(Outcome::InvalidAmount),
            (Self::Held { hold, amount }, Later::Complete(part)) if part <= amount => {
                Ok(Some(Step::Post { hold, amount: part }))
            }
            (Self::Held { .. }, Later::Complete(_)) => Err(Outcome::InvalidAmount),
            (Self::Paid { amount, returned }, Later::Refund(part)) => {
                if part.0 > amount.0 - returned.0 {
                    return Err(Outcome::InvalidAmount);
                }
                Ok(Some(Step::PayBack { amount: part }))
            }
            (_, Later::Complete(_) | Later::Refund(_)) => Err(Outcome::InvalidTransaction),
            (Self::Nothing, Later::Reverse { .. }) => Ok(None),
            (Self::Held { hold, amount }, Later::Reverse { keep }) => Ok(match surplus(amount, keep)? {
                0 => None,
                _ if keep == Amount(0) => Some(Step::Void { hold }),
                _ => Some(Step::Shrink { hold, keep }),
            }),
            (Self::Paid { amount, returned }, Later::Reverse { keep }) => {
                let back = surplus(Amount(amount.0 - returned.0), keep)?;
                Ok((back > 0).then_some(Step::PayBack { amount: Amount(back) }))
            }
            (Self::PaidBack { amount }, Later::Reverse { keep }) => {
                let back = surplus(amount, keep)?;
                Ok((back > 0).then_some(Step::TakeBack { amount: Amount(back) }))
            }
        }
    }

    /// After a step of its was applied, for what was asked. `hold`: the one that the step has opened, if it opens one.
    #[must_use]
    pub fn after(self, step: Step, asked: Operation, hold: Option<ContractId>) -> Self {
        match (self, step) {
            (_, Step::Post { amount, .. }) => Self::Paid {
                amount,
                returned: Amount(0),
            },
            (_, Step::Shrink { keep, .. }) => match hold {
                Some(hold) => Self::Held { hold, amount: keep },
                None => self,
            },
            (Self::Paid { amount, returned }, Step::PayBack { amount: back }) => {
                let returned = Amount(returned.0 + back.0);
                // A refund does not make the payment unmade.
                if returned == amount && asked == Operation::Reversal {
                    Self::Nothing
                } else {
                    Self::Paid { amount, returned }
                }
            }
            (Self::PaidBack { amount }, Step::TakeBack { amount: back }) if back < amount => Self::PaidBack {
                amount: Amount(amount.0 - back.0),
            },
            (_, Step::Void { .. } | Step::TakeBack { .. }) => Self::Nothing,
            (_, Step::PayBack { .. }) => self,
        }
    }
}

fn surplus(stands: Amount, keep: Amount) -> Result<u64, Outcome> {
    stands.0.checked_sub(keep.0).ok_or(Outcome::InvalidAmount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOLD: ContractId = ContractId([1; 20]);
    const NEXT: ContractId = ContractId([2; 20]);

    const fn held(amount: u64) -> Standing {
        Standing::Held {
            hold: HOLD,
            amount: Amount(amount),
        }
    }

    const fn paid(amount: u64, returned: u64) -> Standing {
        Standing::Paid {
            amount: Amount(amount),
            returned: Amount(returned),
        }
    }

    #[test]
    fn each_message_does_what_the_state_allows() {
        let check = |standing: Standing, later, expected: Result<Option<Step>, Outcome>| {
            assert_eq!(standing.step(later), expected, "{standing:?} {later:?}");
        };
        let (complete, refund) = (|part| Later::Complete(Amount(part)), |part| Later::Refund(Amount(part)));
        let reverse = |keep| Later::Reverse { keep: Amount(keep) };
        let back = |amount| Ok(Some(Step::PayBack { amount: Amount(amount) }));
        let post = |amount| {
            Ok(Some(Step::Post {
                hold: HOLD,
                amount: Amount(amount),
            }))
        };
        check(held(10), complete(10), post(10));
        check(held(10), complete(9), post(9));
        check(held(10), complete(11), Err(Outcome::InvalidAmount));
        check(held(10), complete(0), Err(Outcome::InvalidAmount));
        check(paid(10, 0), complete(10), Err(Outcome::InvalidTransaction));
        check(held(10), reverse(0), Ok(Some(Step::Void { hold: HOLD })));
        let shrink = Step::Shrink {
            hold: HOLD,
            keep: Amount(4),
        };
        check(held(10), reverse(4), Ok(Some(shrink)));
        check(held(10), reverse(10), Ok(None));
        check(held(10), reverse(11), Err(Outcome::InvalidAmount));
        check(held(10), refund(1), Err(Outcome::InvalidTransaction));
        check(paid(10, 3), reverse(0), back(7));
        check(paid(10, 3), reverse(2), back(5));
        check(paid(10, 10), reverse(0), Ok(None));
        check(paid(10, 3), refund(7), back(7));
        check(paid(10, 3), refund(8), Err(Outcome::InvalidAmount));
        check(Standing::Nothing, reverse(0), Ok(None));
        check(Standing::Nothing, refund(1), Err(Outcome::InvalidTransaction));
        let taken = Step::TakeBack { amount: Amount(10) };
        check(Standing::PaidBack { amount: Amount(10) }, reverse(0), Ok(Some(taken)));
    }

    #[test]
    fn only_a_payment_that_a_reversal_has_sent_back_in_full_was_never_made() {
        let check = |standing: Standing, back, asked, expected| {
            let step = Step::PayBack { amount: Amount(back) };
            assert_eq!(standing.after(step, asked, None), expected, "{standing:?} {asked:?}");
        };
        check(paid(10, 0), 10, Operation::Reversal, Standing::Nothing);
        check(paid(10, 3), 7, Operation::Reversal, Standing::Nothing);
        check(paid(10, 3), 6, Operation::Reversal, paid(10, 9));
        check(paid(10, 0), 10, Operation::Refund, paid(10, 10));
        check(paid(10, 3), 7, Operation::Refund, paid(10, 10));
    }

    proptest! {
        /// The cardholder's money is where the steps say: never paid twice, never returned beyond what was paid.
        #[test]
        fn invariant_no_messages_move_more_than_was_authorised(
            is_held: bool,
            amount in 1_u64..100,
            asks in proptest::collection::vec((0_u8..3, 0_u64..120), 0..20),
        ) {
            let mut standing = if is_held { held(amount) } else { paid(amount, 0) };
            let mut acquirer = if is_held { 0_i128 } else { i128::from(amount) };
            let mut set_aside = if is_held { i128::from(amount) } else { 0 };
            for (kind, value) in asks {
                let (asked, later) = match kind {
                    0 => (Operation::Completion, Later::Complete(Amount(value))),
                    1 => (Operation::Refund, Later::Refund(Amount(value))),
                    _ => (Operation::Reversal, Later::Reverse { keep: Amount(value) }),
                };
                let Ok(Some(step)) = standing.step(later) else { continue };
                match step {
                    Step::Post { amount, .. } => {
                        acquirer += i128::from(amount.0);
                        set_aside = 0;
                    }
                    Step::Void { .. } => set_aside = 0,
                    Step::Shrink { keep, .. } => set_aside = i128::from(keep.0),
                    Step::PayBack { amount } => acquirer -= i128::from(amount.0),
                    Step::TakeBack { .. } => prop_assert!(false, "there was no refund on its own"),
                }
                standing = standing.after(step, asked, Some(NEXT));
                prop_assert!(acquirer >= 0 && set_aside >= 0);
                prop_assert!(acquirer + set_aside <= i128::from(amount));
                let stands = match standing {
                    Standing::Held { amount, .. } => (0, i128::from(amount.0)),
                    Standing::Paid { amount, returned } => (i128::from(amount.0 - returned.0), 0),
                    _ => (0, 0),
                };
                prop_assert_eq!(stands, (acquirer, set_aside));
            }
        }
    }
}
