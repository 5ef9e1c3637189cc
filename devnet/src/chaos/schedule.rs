//! What is broken, when and for how long: drawn from a seed before anything starts.
//!
//! Episodes follow one another. In each but the *outages* only validators with at most f of the power are
//! touched, so payments must go on; in an outage they may stop, and must go on after it. Between two
//! episodes everything heals, and all validators catch up.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::draw::Draw;
use crate::genesis::validator_name;

/// Ways of breaking a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// SIGKILL, and a start later.
    Kill,
    /// SIGSTOP, and SIGCONT later.
    Pause,
    /// Connections with all others are reset, and none can be made.
    Cut,
    /// Nothing reaches it; what it sends arrives.
    Deaf,
    /// What it sends does not arrive; everything reaches it.
    Mute,
    /// What it sends and receives is late.
    Slow,
    /// Its connections are reset, again and again.
    Flaky,
    /// One after the other is stopped as an operator would, and started.
    RollingRestart,
    /// Killed, its database deleted, made anew with `db renew`.
    DatabaseLost,
    /// Killed, its sign record deleted.
    SignRecordLost,
    /// Nothing more can be written to its disk.
    DiskFull,
    /// Outage: SIGKILL to all.
    KillAll,
    /// Outage: SIGTERM to all.
    StopAll,
    /// Outage: SIGSTOP to all.
    PauseAll,
    /// Outage: two parts, none with a quorum.
    Split,
}

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::Kill,
        Self::Pause,
        Self::Cut,
        Self::Deaf,
        Self::Mute,
        Self::Slow,
        Self::Flaky,
        Self::RollingRestart,
        Self::DatabaseLost,
        Self::SignRecordLost,
        Self::DiskFull,
        Self::KillAll,
        Self::StopAll,
        Self::PauseAll,
        Self::Split,
    ];

    /// Whether more than f may be unable at once.
    pub fn is_outage(self) -> bool {
        matches!(self, Self::KillAll | Self::StopAll | Self::PauseAll | Self::Split)
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Cut => "cut off",
            Self::Deaf => "deaf",
            Self::Mute => "mute",
            Self::Slow => "slow links",
            Self::Flaky => "flaky links",
            Self::RollingRestart => "rolling restart",
            Self::DatabaseLost => "database lost",
            Self::SignRecordLost => "sign record lost",
            Self::DiskFull => "disk full",
            Self::KillAll => "outage: all killed",
            Self::StopAll => "outage: all stopped",
            Self::PauseAll => "outage: all paused",
            Self::Split => "outage: network split",
        }
    }
}

/// A directed pair of validators whose messages are late throughout an episode, whatever else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Delay {
    pub from: u16,
    pub to: u16,
    pub by: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Episode {
    pub number: usize,
    /// All is well for so long before it.
    pub calm: Duration,
    pub kind: Kind,
    /// Who is touched, ascending; in a split, one of its parts.
    pub victims: Vec<u16>,
    pub hold: Duration,
    /// How late slow links are, or how often flaky ones are reset.
    pub pace: Duration,
    pub delays: Vec<Delay>,
}

/// Healing and catching up take about this long, which a plan allows for.
const HEALING: Duration = Duration::from_secs(3);

/// The endless sequence of episodes of a seed.
pub struct Schedule {
    draw: Draw,
    powers: Vec<u64>,
    /// The one whose disk is small enough to be filled.
    small_disk: u16,
    /// Every kind comes once before any comes again.
    deck: Vec<Kind>,
    number: usize,
}

impl Schedule {
    /// For validators of these powers.
    pub fn new(seed: u64, powers: &[u64], small_disk: u16) -> Self {
        Self {
            draw: Draw::new(seed),
            powers: powers.to_vec(),
            small_disk,
            deck: Vec::new(),
            number: 0,
        }
    }

    /// Those that fit into a time. A longer time begins with those of a shorter one.
    pub fn planned(self, time: Duration) -> Vec<Episode> {
        let mut planned = Duration::ZERO;
        let fits = |episode: &Episode| {
            planned += episode.calm + episode.hold + HEALING;
            planned <= time
        };
        self.take_while(fits).collect()
    }

    /// The most power that may be unable while payments go on.
    fn power_unable_max(&self) -> u64 {
        self.powers.iter().sum::<u64>().saturating_sub(1) / 3
    }

    fn validators(&self) -> Vec<u16> {
        (0..).zip(&self.powers).map(|(validator, _)| validator).collect()
    }

    /// In a random order, as long as their power stays within the bound, and no more than `count`.
    fn within(&mut self, bound: u64, count: usize) -> Vec<u16> {
        let mut order = self.validators();
        self.draw.shuffle(&mut order);
        let mut power = 0;
        let mut chosen = Vec::new();
        for validator in order {
            let with = power + self.powers[usize::from(validator)];
            if with <= bound && chosen.len() < count {
                power = with;
                chosen.push(validator);
            }
        }
        chosen.sort();
        chosen
    }

    fn victims(&mut self, kind: Kind) -> Vec<u16> {
        match kind {
            Kind::RollingRestart | Kind::KillAll | Kind::StopAll | Kind::PauseAll => self.validators(),
            Kind::DiskFull => vec![self.small_disk],
            // Half of the power at most is no quorum; nor is the rest, unless one has a third alone.
            Kind::Split => {
                let half = self.powers.iter().sum::<u64>() / 2;
                self.within(half, usize::MAX)
            }
            Kind::DatabaseLost | Kind::SignRecordLost => self.within(self.power_unable_max(), 1),
            _ => {
                let count = 1 + self.draw.below(self.powers.len().max(1));
                self.within(self.power_unable_max(), count)
            }
        }
    }

    fn delays(&mut self) -> Vec<Delay> {
        if self.draw.coin() {
            return Vec::new();
        }
        let count = 1 + self.draw.below(3);
        let validators = self.powers.len();
        let mut delays: Vec<Delay> = Vec::new();
        for _ in 0..count {
            let from = self.draw.below(validators);
            let to = (from + 1 + self.draw.below(validators - 1)) % validators;
            let by = self.draw.milliseconds(5..=60);
            let (from, to) = (from as u16, to as u16);
            if !delays.iter().any(|delay| (delay.from, delay.to) == (from, to)) {
                delays.push(Delay { from, to, by });
            }
        }
        delays
    }
}

impl Iterator for Schedule {
    type Item = Episode;
    fn next(&mut self) -> Option<Episode> {
        if self.deck.is_empty() {
            self.deck = Kind::ALL.to_vec();
            self.draw.shuffle(&mut self.deck);
        }
        let kind = self.deck.pop()?;
        let pace = match kind {
            Kind::Slow => self.draw.milliseconds(50..=400),
            Kind::Flaky => self.draw.milliseconds(300..=2000),
            _ => Duration::ZERO,
        };
        let hold = match kind {
            Kind::RollingRestart => Duration::ZERO,
            _ => self.draw.milliseconds(3000..=8000),
        };
        self.number += 1;
        Some(Episode {
            number: self.number,
            calm: self.draw.milliseconds(1000..=3000),
            kind,
            victims: self.victims(kind),
            hold,
            pace,
            delays: self.delays(),
        })
    }
}

impl fmt::Display for Episode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: Duration| format!("{:.1} s", duration.as_secs_f64());
        write!(f, "{:>3}  {}", self.number, self.kind.label())?;
        let everyone = self.kind.is_outage() && self.kind != Kind::Split;
        if !everyone && self.kind != Kind::RollingRestart {
            let names: Vec<_> = self.victims.iter().map(|&victim| validator_name(victim)).collect();
            write!(f, " {}", names.join(" "))?;
        }
        match self.kind {
            Kind::RollingRestart => {}
            Kind::Slow => write!(f, " by {} ms for {}", self.pace.as_millis(), seconds(self.hold))?,
            Kind::Flaky => write!(f, " every {} ms for {}", self.pace.as_millis(), seconds(self.hold))?,
            _ => write!(f, " for {}", seconds(self.hold))?,
        }
        for Delay { from, to, by } in &self.delays {
            write!(f, ", {from}>{to} {} ms late", by.as_millis())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seed: u64, powers: &[u64], minutes: u64) -> Vec<Episode> {
        Schedule::new(seed, powers, 0).planned(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_a_longer_one_begins_with_it() {
        let short = of(1, &[1; 4], 3);
        let long = of(1, &[1; 4], 10);
        assert!(short.len() > 8 && long.len() > short.len());
        assert_eq!(long[..short.len()], short);
        assert_ne!(of(2, &[1; 4], 3), short);
    }

    #[test]
    fn every_kind_comes_before_any_comes_again() {
        let mut kinds: Vec<_> = Schedule::new(5, &[1; 4], 0)
            .take(15)
            .map(|episode| episode.kind)
            .collect();
        kinds.sort();
        assert_eq!(kinds, Kind::ALL);
    }

    #[test]
    fn no_more_than_f_are_touched_but_in_outages() {
        for powers in [&[1; 4][..], &[1; 7], &[5, 1, 4, 2, 3, 1]] {
            let total: u64 = powers.iter().sum();
            for episode in Schedule::new(3, powers, 1).take(300) {
                let power: u64 = episode.victims.iter().map(|&victim| powers[usize::from(victim)]).sum();
                assert!(power > 0, "{episode}");
                match episode.kind {
                    // One at a time.
                    Kind::RollingRestart | Kind::DiskFull => {}
                    Kind::Split => {
                        assert!(3 * power <= 2 * total && 3 * (total - power) <= 2 * total, "{episode}");
                    }
                    kind if kind.is_outage() => assert_eq!(power, total),
                    _ => assert!(3 * power < total, "{episode}"),
                }
            }
        }
    }

    #[test]
    fn an_episode_fits_a_line() {
        let episode = Episode {
            number: 7,
            calm: Duration::ZERO,
            kind: Kind::Slow,
            victims: vec![2],
            hold: Duration::from_millis(3210),
            pace: Duration::from_millis(120),
            delays: vec![Delay {
                from: 0,
                to: 3,
                by: Duration::from_millis(9),
            }],
        };
        assert_eq!(
            episode.to_string(),
            "  7  slow links validator-2 by 120 ms for 3.2 s, 0>3 9 ms late"
        );
    }
}
