//! What is broken, and for how long: drawn from a seed, the same each time.

use std::time::Duration;

use tokio::time::sleep;

use super::{ACQUIRER, ISSUER, LINK};
use crate::{
    crash::{VALIDATORS, Victims},
    draw::Draw,
    relay::{Pair, Passage, Relay},
    services::Service,
};

/// From the issuer to the acquirer.
const BACK: Pair = (LINK.1, LINK.0);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Killed together, and away for so long.
    Killed(Vec<Service>, Duration),
    Validator(u16, Duration),
    /// The link is refused.
    Cut(Duration),
    /// What one of them sends arrives late.
    Held(Pair, Duration),
    /// The connection ends, and others can be made.
    Reset,
}

/// Until the next fault: mostly long enough for payments to come to their end, at times in the middle of a start.
pub(super) fn pause(draw: &mut Draw) -> Duration {
    match draw.below(4) {
        0 => draw.milliseconds(0..=400),
        _ => draw.milliseconds(500..=4_000),
    }
}

impl Fault {
    pub fn draw(draw: &mut Draw) -> Self {
        // Mostly short; at times so long that requests time out.
        let most = if draw.below(4) == 0 { 3_000 } else { 400 };
        match draw.below(16) {
            0..=4 => Self::Killed(vec![ACQUIRER], draw.milliseconds(0..=most)),
            5..=8 => Self::Killed(vec![ISSUER], draw.milliseconds(0..=most)),
            9 => Self::Killed(vec![ACQUIRER, ISSUER], draw.milliseconds(0..=most)),
            10 => {
                let validator = draw.below(usize::from(VALIDATORS)) as u16;
                Self::Validator(validator, draw.milliseconds(0..=400))
            }
            11 | 12 => Self::Cut(draw.milliseconds(50..=most + 500)),
            13 => Self::Held(LINK, draw.milliseconds(200..=most + 500)),
            14 => Self::Held(BACK, draw.milliseconds(200..=most + 500)),
            _ => Self::Reset,
        }
    }

    /// Until it is over. Processes may not be healthy again then.
    pub async fn strike(self, victims: &mut Victims, relay: &Relay) -> anyhow::Result<()> {
        let Victims { fleet, services, .. } = victims;
        match self {
            Self::Killed(gateways, away) => {
                for gateway in &gateways {
                    services.kill(*gateway).await?;
                }
                sleep(away).await;
                for gateway in gateways {
                    services.restart(gateway)?;
                }
            }
            Self::Validator(validator, away) => {
                fleet.kill(validator).await?;
                sleep(away).await;
                fleet.restart(validator).await?;
            }
            Self::Cut(time) => pass(relay, LINK, Passage::Cut, time).await,
            Self::Held(direction, time) => pass(relay, direction, Passage::Held, time).await,
            Self::Reset => relay.reset(LINK),
        }
        Ok(())
    }
}

async fn pass(relay: &Relay, direction: Pair, passage: Passage, time: Duration) {
    relay.set(direction, passage);
    sleep(time).await;
    relay.set(direction, Passage::Open);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_faults_and_200_have_each_kind() {
        let drawn = |seed| {
            let mut draw = Draw::new(seed);
            (0..200).map(|_| Fault::draw(&mut draw)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let is_there = |kind: fn(&Fault) -> bool| drawn(1).iter().any(kind);
        assert!(is_there(
            |fault| matches!(fault, Fault::Killed(of, _) if of[..] == [ACQUIRER])
        ));
        assert!(is_there(
            |fault| matches!(fault, Fault::Killed(of, _) if of[..] == [ISSUER])
        ));
        assert!(is_there(|fault| matches!(fault, Fault::Killed(of, _) if of.len() == 2)));
        assert!(is_there(|fault| matches!(fault, Fault::Validator(..))));
        assert!(is_there(|fault| matches!(fault, Fault::Cut(_))));
        assert!(is_there(|fault| matches!(fault, Fault::Held(LINK, _))));
        assert!(is_there(|fault| matches!(fault, Fault::Held(BACK, _))));
        assert!(is_there(|fault| *fault == Fault::Reset));
    }
}
