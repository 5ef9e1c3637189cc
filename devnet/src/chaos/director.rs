//! Breaks and heals what the schedule says, and watches that nothing else breaks.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use nix::sys::signal::Signal;
use tokio::{
    process::Command,
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    offering::Pulse,
    report::{Done, Report},
    schedule::{Episode, Kind},
    small_disk::SmallDisk,
};
use crate::{
    fleet::{Fleet, STOP_BOUND, node_binary},
    folder::ValidatorFolder,
    genesis::validator_name,
    relay::{Passage, Relay},
};

const POLL: Duration = Duration::from_millis(100);

/// From healing to a network that is whole again.
const RECOVERY_BOUND: Duration = Duration::from_secs(90);

/// A validator that cannot write finds out within this.
const FULL_BOUND: Duration = Duration::from_secs(30);

/// `causeway-node`: a write that safety depends on failed.
const SAFETY_WRITE: i32 = 14;

/// What a validator says in its log that has begun with a snapshot.
const BEGAN_WITH_SNAPSHOT: &str = "the database begins with a certified snapshot";

/// What a validator without its sign record says in its log.
const OBSERVES: &str = "the sign record is missing";

pub struct Director {
    pub fleet: Fleet,
    pub relay: Relay,
    /// Why there is none, if there is none.
    pub disk: Result<SmallDisk, String>,
    pub pulse: watch::Receiver<Pulse>,
    /// When the first payment was offered.
    pub start: Instant,
    pub bar: ProgressBar,
}

impl Director {
    /// One episode after the other, none begun after `end`; and calm until then.
    pub async fn run(&mut self, episodes: &[Episode], end: Instant, report: &mut Report) -> anyhow::Result<()> {
        for episode in episodes {
            if Instant::now() >= end {
                break;
            }
            if let (Kind::DiskFull, Err(why)) = (episode.kind, &self.disk) {
                report.not_done.insert(episode.kind, why.clone());
                continue;
            }
            self.bar.suspend(|| println!("{:>6.1} s  {episode}", self.seconds()));
            self.watch(episode.calm, report).await?;
            let done = self.pass(episode, report).await;
            // Whatever went wrong, the rest of the network is to be seen as it is.
            self.relay.open_all();
            report
                .episodes
                .push(done.with_context(|| format!("episode {episode}"))?);
        }
        self.watch(end.saturating_duration_since(Instant::now()), report).await
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn validators(&self) -> u16 {
        self.fleet.network().plan.validators
    }

    fn folder(&self, validator: u16) -> ValidatorFolder {
        self.fleet.network().folder.validator(validator)
    }

    async fn pass(&mut self, episode: &Episode, report: &mut Report) -> anyhow::Result<Done> {
        let broken_at = self.seconds();
        for delay in &episode.delays {
            self.relay.set((delay.from, delay.to), Passage::Late(delay.by));
        }
        let logs = self.log_lengths(&episode.victims)?;
        let can_take_snapshot = match episode.kind {
            Kind::DatabaseLost => self.can_take_snapshot(&episode.victims).await?,
            _ => false,
        };
        self.strike(episode, report).await?;
        if episode.kind == Kind::Flaky {
            let until = Instant::now() + episode.hold;
            while Instant::now() < until {
                self.watch(episode.pace, report).await?;
                for pair in self.pairs(&episode.victims) {
                    self.relay.reset(pair);
                }
            }
        } else {
            self.watch(episode.hold, report).await?;
        }
        self.heal(episode).await?;
        let healed_at = self.seconds();
        self.recovered(report).await?;
        let by_snapshot = match episode.kind {
            Kind::DatabaseLost => Some(self.said_since(&logs, BEGAN_WITH_SNAPSHOT)?),
            _ => None,
        };
        if can_take_snapshot && by_snapshot == Some(false) {
            report.fail(format!(
                "{episode}: it came back by blocks, although a checkpoint was certified"
            ));
        }
        Ok(Done {
            by_snapshot,
            number: episode.number,
            kind: episode.kind,
            broken_at,
            healed_at,
            recovered_at: self.seconds(),
        })
    }

    /// Whether they are to come back by a snapshot: none fetches blocks always, and another validator knows of a
    /// certified checkpoint, of which at least two others have kept the snapshot.
    async fn can_take_snapshot(&self, victims: &[u16]) -> anyhow::Result<bool> {
        let archives = self.fleet.network().arrangement.archives;
        let mut others = (0..self.validators()).filter(|other| !victims.contains(other));
        let other = others.next().context("an episode leaves some alone")?;
        let metrics = self.fleet.observer().metrics(other).await;
        let certified = metrics.and_then(|metrics| metrics.sum("causeway_checkpoint_height"));
        let certified = certified.with_context(|| format!("{} says nothing of checkpoints", validator_name(other)))?;
        Ok(victims.iter().all(|&victim| victim >= archives) && certified > 0.0)
    }

    fn log_lengths(&self, victims: &[u16]) -> anyhow::Result<Vec<(u16, u64)>> {
        let length = |&victim| Ok((victim, fs::metadata(self.folder(victim).log())?.len()));
        victims.iter().map(length).collect()
    }

    /// Whether each of them has logged that since its log was so long.
    fn said_since(&self, logs: &[(u16, u64)], what: &str) -> anyhow::Result<bool> {
        for &(victim, length) in logs {
            let log = fs::read(self.folder(victim).log())?;
            let since = log.get(usize::try_from(length)?..).unwrap_or(&log);
            if !String::from_utf8_lossy(since).contains(what) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn strike(&mut self, episode: &Episode, report: &mut Report) -> anyhow::Result<()> {
        let victims = &episode.victims;
        match episode.kind {
            Kind::Kill | Kind::KillAll => self.kill(victims).await?,
            Kind::Pause | Kind::PauseAll => self.signal(victims, Signal::SIGSTOP)?,
            Kind::StopAll => self.stop(victims, report).await?,
            Kind::Cut | Kind::Split => self.route(self.pairs(victims), Passage::Cut),
            Kind::Deaf => self.route(self.pairs_to(victims), Passage::Held),
            Kind::Mute => self.route(self.pairs_from(victims), Passage::Held),
            Kind::Slow => self.route(self.pairs(victims), Passage::Late(episode.pace)),
            Kind::Flaky => {}
            Kind::RollingRestart => {
                for &victim in victims {
                    self.stop(&[victim], report).await?;
                    self.fleet.begin(victim)?;
                    self.recovered(report).await?;
                }
            }
            Kind::DatabaseLost => {
                self.kill(victims).await?;
                for &victim in victims {
                    fs::remove_dir_all(self.folder(victim).database())?;
                }
            }
            Kind::SignRecordLost => {
                self.kill(victims).await?;
                for &victim in victims {
                    fs::remove_file(self.folder(victim).sign_record())?;
                    self.start_observing(victim).await?;
                }
            }
            Kind::DiskFull => {
                for &victim in victims {
                    self.fill_disk(victim).await?;
                }
            }
        }
        Ok(())
    }

    async fn heal(&mut self, episode: &Episode) -> anyhow::Result<()> {
        self.relay.open_all();
        let victims = &episode.victims;
        match episode.kind {
            Kind::Kill | Kind::KillAll | Kind::StopAll => self.begin(victims)?,
            Kind::Pause | Kind::PauseAll => self.signal(victims, Signal::SIGCONT)?,
            Kind::DatabaseLost => {
                for &victim in victims {
                    self.renew(victim).await?;
                }
                self.begin(victims)?;
            }
            Kind::DiskFull => {
                if let Ok(disk) = &self.disk {
                    disk.give_room().context("cannot make room on the small disk")?;
                }
                self.begin(victims)?;
            }
            Kind::Cut | Kind::Split | Kind::Deaf | Kind::Mute | Kind::Slow | Kind::Flaky => {}
            Kind::RollingRestart | Kind::SignRecordLost => {}
        }
        Ok(())
    }

    /// Ends whatever an episode that was broken off has left broken.
    pub fn restore(&mut self) -> anyhow::Result<()> {
        self.relay.open_all();
        if let Ok(disk) = &self.disk {
            disk.give_room()?;
        }
        self.fleet.ended()?;
        for validator in 0..self.validators() {
            if self.fleet.is_started(validator) {
                self.fleet.signal(validator, Signal::SIGCONT)?;
            } else {
                self.fleet.begin(validator)?;
            }
        }
        Ok(())
    }

    /// From the victims to all others.
    fn pairs_from(&self, victims: &[u16]) -> Vec<(u16, u16)> {
        let others = (0..self.validators()).filter(|other| !victims.contains(other));
        others
            .flat_map(|other| victims.iter().map(move |&victim| (victim, other)))
            .collect()
    }

    fn pairs_to(&self, victims: &[u16]) -> Vec<(u16, u16)> {
        self.pairs_from(victims)
            .into_iter()
            .map(|(from, to)| (to, from))
            .collect()
    }

    fn pairs(&self, victims: &[u16]) -> Vec<(u16, u16)> {
        [self.pairs_from(victims), self.pairs_to(victims)].concat()
    }

    fn route(&self, pairs: Vec<(u16, u16)>, passage: Passage) {
        for pair in pairs {
            self.relay.set(pair, passage);
        }
    }

    async fn kill(&mut self, victims: &[u16]) -> anyhow::Result<()> {
        for &victim in victims {
            self.fleet.kill(victim).await?;
        }
        Ok(())
    }

    fn signal(&self, victims: &[u16], signal: Signal) -> anyhow::Result<()> {
        victims.iter().try_for_each(|&victim| self.fleet.signal(victim, signal))
    }

    fn begin(&mut self, victims: &[u16]) -> anyhow::Result<()> {
        victims.iter().try_for_each(|&victim| self.fleet.begin(victim))
    }

    /// As an operator would; all at once.
    async fn stop(&mut self, victims: &[u16], report: &mut Report) -> anyhow::Result<()> {
        self.signal(victims, Signal::SIGTERM)?;
        for &victim in victims {
            let name = validator_name(victim);
            match self.fleet.end_of(victim, STOP_BOUND).await? {
                Some(status) if status.success() => {}
                Some(status) => report.fail(format!("{name} was asked to stop and ended with {status}")),
                None => {
                    report.fail(format!("{name} was asked to stop and did not"));
                    self.fleet.kill(victim).await?;
                }
            }
        }
        Ok(())
    }

    /// It must say that it will not sign: its key may have signed anything.
    async fn start_observing(&mut self, victim: u16) -> anyhow::Result<()> {
        let log = self.folder(victim).log();
        let before = [(victim, fs::metadata(&log)?.len())];
        self.fleet.begin(victim)?;
        let said = async {
            while !self.said_since(&before, OBSERVES)? {
                sleep(POLL).await;
            }
            anyhow::Ok(())
        };
        timeout(RECOVERY_BOUND, said)
            .await
            .with_context(|| format!("{} has not said that it only observes", validator_name(victim)))?
    }

    async fn fill_disk(&mut self, victim: u16) -> anyhow::Result<()> {
        let Ok(disk) = &self.disk else {
            bail!("there is no small disk");
        };
        let name = validator_name(victim);
        let until = Instant::now() + FULL_BOUND;
        let status = loop {
            disk.take_room().context("cannot fill the small disk")?;
            if let Some(status) = self.fleet.end_of(victim, POLL).await? {
                break status;
            }
            if Instant::now() >= until {
                bail!("{name} goes on with a full disk");
            }
        };
        if status.code() != Some(SAFETY_WRITE) {
            bail!("with a full disk {name} ended with {status}, not {SAFETY_WRITE}");
        }
        Ok(())
    }

    async fn renew(&self, victim: u16) -> anyhow::Result<()> {
        let output = Command::new(node_binary()?)
            .args(["db", "renew", "--config"])
            .arg(self.folder(victim).config())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "`causeway-node db renew` ended with {}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    /// Lets time pass. A validator that ends without a reason is a failure, and is started again.
    async fn watch(&mut self, time: Duration, report: &mut Report) -> anyhow::Result<()> {
        let until = Instant::now() + time;
        loop {
            self.look(report)?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            sleep(left.min(POLL)).await;
        }
    }

    fn look(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let pulse = *self.pulse.borrow();
        self.bar.set_message(format!(
            "{:.0} s · {} offered · {} acknowledged · {} under way · nothing final for {:.1} s",
            self.seconds(),
            pulse.offered,
            pulse.acknowledged,
            pulse.in_flight,
            pulse.waiting.as_secs_f64()
        ));
        while let Some(ended) = self.fleet.ended()? {
            self.bar.suspend(|| println!("{:>6.1} s  {ended}", self.seconds()));
            report.fail(ended.to_string());
            self.fleet.begin(ended.validator)?;
        }
        Ok(())
    }

    /// Waits until all validators have what any of them had, are connected to all others, have their sign
    /// records, and a payment that was offered since is final.
    async fn recovered(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let healed = Instant::now();
        let acknowledged = self.pulse.borrow().acknowledged;
        let mut target = None;
        loop {
            self.look(report)?;
            let statuses = self.fleet.observer().statuses().await;
            let highest = statuses.iter().flatten().map(|status| status.height).max();
            let target = *target.get_or_insert(highest);
            let others = u32::from(self.validators() - 1);
            let missing: Vec<_> = (0..)
                .zip(&statuses)
                .filter(|(validator, status)| {
                    let whole = status.as_ref().is_some_and(|status| {
                        status.behind == 0 && Some(status.height) >= target && status.peers == others
                    });
                    !whole || !self.folder(*validator).sign_record().exists()
                })
                .collect();
            if missing.is_empty() && self.pulse.borrow().acknowledged > acknowledged {
                return Ok(());
            }
            if healed.elapsed() >= RECOVERY_BOUND {
                let said = missing.iter().map(|(validator, status)| match status {
                    None => format!("{} does not answer", validator_name(*validator)),
                    Some(status) => format!(
                        "{} is at height {} with {} peers, {} behind",
                        validator_name(*validator),
                        status.height,
                        status.peers,
                        status.behind
                    ),
                });
                let said: Vec<_> = said.collect();
                bail!(
                    "the network is not whole again {} s after healing, {} payments since: {}",
                    RECOVERY_BOUND.as_secs(),
                    self.pulse.borrow().acknowledged - acknowledged,
                    said.join("; ")
                );
            }
            sleep(POLL).await;
        }
    }
}
