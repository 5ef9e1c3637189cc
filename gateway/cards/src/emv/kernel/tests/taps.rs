//! Taps of a phone at a terminal, torn anywhere.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{terminal, *};
use crate::emv::applet::Step as CardStep;

/// Where a tap is torn: at which command, and how.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tear {
    /// The card has not heard the command.
    Before,
    /// The card has answered, and the terminal has not heard it.
    After,
    /// The phone's power fails before the counter is saved, or after it.
    PowerUnsaved,
    PowerSaved,
}

/// A phone's application and what is saved of it.
pub(super) struct Phone {
    pub applet: Applet,
    saved: u16,
    /// Of every answer with a cryptogram that left the phone.
    released: Vec<(u16, Vec<u8>)>,
}

impl Phone {
    fn answer(&mut self, command: &[u8], tear: Option<Tear>) -> Option<Vec<u8>> {
        match self.applet.command(command) {
            CardStep::Answer(response) => Some(response.to_bytes().to_vec()),
            CardStep::Save(unsaved) => {
                let counter = unsaved.counter();
                if matches!(tear, Some(Tear::PowerUnsaved)) {
                    self.applet = applet(self.saved);
                    return None;
                }
                self.saved = counter;
                if matches!(tear, Some(Tear::PowerSaved)) {
                    self.applet = applet(self.saved);
                    return None;
                }
                let bytes = unsaved.saved().to_bytes().to_vec();
                self.released.push((counter, bytes.clone()));
                Some(bytes)
            }
        }
    }

    pub fn tap(&mut self, transaction: Transaction, tear: Option<(usize, Tear)>) -> Result<Outcome, Failure> {
        self.applet.reset();
        let (mut kernel, mut command) = Kernel::start(terminal(), transaction).unwrap();
        for at in 0.. {
            let tear = tear.filter(|(torn, _)| *torn == at).map(|(_, tear)| tear);
            if matches!(tear, Some(Tear::Before)) {
                return Err(Failure::Torn);
            }
            let Some(answer) = self.answer(&command.to_bytes(), tear) else {
                return Err(Failure::Torn);
            };
            let heard = if tear.is_some() { &[][..] } else { &answer };
            match kernel.on_response(heard) {
                Next::Command(next) => command = next,
                Next::Finished(outcome) => return Ok(outcome),
                Next::Failed(failure) => return Err(failure),
            }
        }
        unreachable!("a tap ends")
    }
}

pub(super) fn phone() -> Phone {
    Phone {
        applet: applet(0),
        saved: 0,
        released: Vec::new(),
    }
}

fn tears() -> impl Strategy<Value = Option<(usize, Tear)>> {
    let tear = prop_oneof![
        Just(Tear::Before),
        Just(Tear::After),
        Just(Tear::PowerUnsaved),
        Just(Tear::PowerSaved)
    ];
    prop_oneof![1 => Just(None), 4 => (0..4_usize, tear).prop_map(Some)]
}

proptest! {
    #[test]
    fn invariant_a_counter_gives_one_cryptogram(
        taps in prop::collection::vec((1..=100_000_u64, 1..=999_u16, tears(), any::<bool>()), 1..24)
    ) {
        let phone = &mut phone();
        for (amount, currency, tear, is_unlocked) in taps {
            if is_unlocked {
                phone.applet.unlock();
            }
            match phone.tap(transaction(amount, currency), tear) {
                Ok(outcome) => {
                    prop_assert_eq!(verify(&outcome.de55), phone.saved);
                    let all = values(&outcome.de55);
                    prop_assert_eq!(hex::encode(&all[&0x9f02]), format!("{amount:012}"));
                    prop_assert_eq!(hex::encode(&all[&0x5f2a]), format!("{currency:04}"));
                }
                Err(Failure::Torn) => prop_assert!(tear.is_some()),
                Err(Failure::Locked) => prop_assert!(amount >= 5_000 && !is_unlocked),
                Err(Failure::Refused(Asked::Options, StatusWord(0x9e10))) => prop_assert_eq!(phone.applet.keys_left(), 0),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        let counters: HashSet<_> = phone.released.iter().map(|(counter, _)| *counter).collect();
        prop_assert_eq!(counters.len(), phone.released.len());
        prop_assert!(counters.iter().all(|counter| *counter <= phone.saved));
    }

    #[test]
    fn invariant_a_hostile_card_ends_within_bounds(
        answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        changes in prop::collection::vec((0..4_usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (mut kernel, _) = Kernel::start(terminal(), transaction(1_250, 978)).unwrap();
        let mut ended = false;
        for answer in &answers {
            let whole = [answer.as_slice(), &[0x90, 0]].concat();
            ended |= !matches!(kernel.on_response(&whole), Next::Command(_));
        }
        prop_assert!(ended, "noise is no card");

        let applet = &mut applet(0);
        let (mut kernel, mut command) = Kernel::start(terminal(), transaction(1_250, 978)).unwrap();
        for at in 0..=COMMANDS_MAX {
            prop_assert!(at < COMMANDS_MAX, "more commands than a tap has");
            let mut answer = match applet.command(&command.to_bytes()) {
                CardStep::Answer(response) => response.to_bytes(),
                CardStep::Save(unsaved) => unsaved.saved().to_bytes(),
            };
            for (_, index, byte) in changes.iter().filter(|(torn, ..)| *torn == at) {
                let place = index.index(answer.len());
                answer[place] = *byte;
            }
            match kernel.on_response(&answer) {
                Next::Command(next) => command = next,
                Next::Finished(_) | Next::Failed(_) => break,
            }
        }
        prop_assert!(matches!(kernel.on_response(&[0x90, 0]), Next::Failed(Failure::Over)));
    }
}
