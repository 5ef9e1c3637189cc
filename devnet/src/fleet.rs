//! The validators' processes: started, waited for, killed, restarted, stopped.

use std::{
    fmt,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use futures::future::{join_all, try_join_all};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

pub use crate::daemon::Lifetime;
use crate::{
    daemon::{self, last_words},
    folder::{Folder, NetworkFolder, Trial, ValidatorFolder},
    genesis::validator_name,
    network::{Network, Plan},
    observer::Observer,
    process::ProcessId,
    progress, services,
};

/// A node has this long to stop by itself.
pub const STOP_BOUND: Duration = Duration::from_secs(10);

/// From start to healthy. Includes replaying the log and opening a large database.
const HEALTHY_BOUND: Duration = Duration::from_secs(60);

/// A node that has ended without being asked to.
#[derive(Debug)]
pub struct Ended {
    pub validator: u16,
    /// With the end of its log.
    why: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The processes of a network that this process started.
pub struct Fleet {
    network: Network,
    observer: Observer,
    binary: PathBuf,
    lifetime: Lifetime,
    children: Vec<Option<Child>>,
}

/// Beside this program, unless the environment names another.
pub fn node_binary() -> anyhow::Result<PathBuf> {
    sibling("CAUSEWAY_NODE", "causeway-node")
}

/// A program of this project: named by an environment variable, or beside this one.
pub fn sibling(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?.with_file_name(name),
    };
    if !path.is_file() {
        bail!(
            "{} is not there; build it with `cargo build --release --bin {name}`, or name it in ${variable}",
            path.display()
        );
    }
    Ok(path)
}

impl Fleet {
    /// Starts all validators and waits until each says that it is healthy. If that fails, or `stop`
    /// comes first, none of them is left running.
    pub async fn start(
        network: Network,
        binary: PathBuf,
        lifetime: Lifetime,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<Self> {
        refuse_running(&network.folder, network.plan)?;
        network.plan.base_port.check_free(network.plan.validators)?;
        network.write_configs()?;
        let mut fleet = Self {
            observer: Observer::new(network.plan)?,
            binary,
            lifetime,
            children: (0..network.plan.validators).map(|_| None).collect(),
            network,
        };
        let started = tokio::select! {
            started = fleet.start_all() => started,
            () = stop => Err(anyhow!("stopped while starting")),
        };
        match started {
            Ok(()) => Ok(fleet),
            Err(error) => match fleet.stop().await {
                Ok(_) => Err(error),
                Err(left) => Err(error.context(format!("validators may be left running ({left:#})"))),
            },
        }
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        let all: Vec<_> = (0..self.network.plan.validators).collect();
        if self.network.arrangement.single_process {
            self.spawn(0, &all[1..])?;
        } else {
            for &validator in &all {
                self.spawn(validator, &[])?;
            }
        }
        self.wait_healthy(&all).await
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    fn folder(&self, validator: u16) -> ValidatorFolder {
        self.network.folder.validator(validator)
    }

    /// Starts a validator's process, with others in it.
    fn spawn(&mut self, validator: u16, beside: &[u16]) -> anyhow::Result<()> {
        let folder = self.folder(validator);
        let mut command = Command::new(&self.binary);
        command.arg("run").arg("--config").arg(folder.config()).args(
            beside
                .iter()
                .flat_map(|&other| ["--beside".into(), self.folder(other).config()]),
        );
        let child = daemon::spawn(command, &folder.log(), self.lifetime)?;
        let pid = child.id();
        // Before anything else can fail: what is not in here is not stopped.
        self.children[usize::from(validator)] = Some(child);
        if let Some(pid) = pid {
            ProcessId::of(pid)?.save(&folder.process())?;
        }
        Ok(())
    }

    /// Fails as soon as one of them ends, with the end of its log.
    async fn wait_healthy(&mut self, validators: &[u16]) -> anyhow::Result<()> {
        let bar = progress::bar("starting validators", validators.len() as u64);
        let until = Instant::now() + HEALTHY_BOUND;
        let mut waiting = validators.to_vec();
        loop {
            let health = join_all(waiting.iter().map(|&validator| self.observer.is_healthy(validator))).await;
            let mut health = health.into_iter();
            waiting.retain(|_| !health.next().unwrap_or(false));
            bar.set_position((validators.len() - waiting.len()) as u64);
            let Some(&first) = waiting.first() else {
                bar.finish_and_clear();
                return Ok(());
            };
            if let Some(ended) = self.ended()? {
                bail!("{ended}");
            }
            if Instant::now() >= until {
                bail!(
                    "{} is not healthy after {} s; {}",
                    validator_name(first),
                    HEALTHY_BOUND.as_secs(),
                    last_words(&self.folder(first).log())
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A node that has ended without being asked to, if there is one, and what it said last.
    pub fn ended(&mut self) -> anyhow::Result<Option<Ended>> {
        for validator in 0..self.network.plan.validators {
            let Some(child) = &mut self.children[usize::from(validator)] else {
                continue;
            };
            if let Some(status) = child.try_wait()? {
                self.children[usize::from(validator)] = None;
                let log = self.folder(validator).log();
                let name = validator_name(validator);
                let why = format!("{name} ended ({status}); {}", last_words(&log));
                return Ok(Some(Ended { validator, why }));
            }
        }
        Ok(None)
    }

    /// Ends one without warning, as a power cut would. An error if it had ended by itself.
    pub async fn kill(&mut self, validator: u16) -> anyhow::Result<()> {
        let mut child = self.children[usize::from(validator)].take().context("it runs")?;
        daemon::kill(&mut child, &validator_name(validator), &self.folder(validator).log()).await
    }

    /// Starts one again and waits until it is healthy.
    pub async fn restart(&mut self, validator: u16) -> anyhow::Result<()> {
        self.begin(validator)?;
        self.wait_healthy(&[validator]).await
    }

    /// Asks all to stop, and waits until they have.
    pub async fn stop_all(&mut self) -> anyhow::Result<()> {
        let all: Vec<_> = (0..self.network.plan.validators).collect();
        for &validator in &all {
            self.signal(validator, Signal::SIGTERM)?;
        }
        for validator in all {
            let ended = self.end_of(validator, STOP_BOUND).await?;
            let status = ended.with_context(|| format!("{} does not stop", validator_name(validator)))?;
            if !status.success() {
                bail!("{} ended with {status}", validator_name(validator));
            }
        }
        Ok(())
    }

    /// Starts all again after [`Self::stop_all`], and waits until they are healthy.
    pub async fn restart_all(&mut self) -> anyhow::Result<()> {
        self.start_all().await
    }

    /// Starts one again, which may not become healthy before others do.
    pub fn begin(&mut self, validator: u16) -> anyhow::Result<()> {
        self.spawn(validator, &[])
    }

    /// Whether it was started and has not been seen to end.
    pub fn is_started(&self, validator: u16) -> bool {
        self.children[usize::from(validator)].is_some()
    }

    pub fn signal(&self, validator: u16, signal: Signal) -> anyhow::Result<()> {
        let child = self.children[usize::from(validator)].as_ref().context("it runs")?;
        if let Some(pid) = child.id() {
            ProcessId::of(pid).map_or(Ok(()), |id| id.signal(signal))?;
        }
        Ok(())
    }

    /// How one ends that was asked to, or was given a reason to; `None` if it still runs after `bound`.
    pub async fn end_of(&mut self, validator: u16, bound: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let child = &mut self.children[usize::from(validator)];
        let running = child.as_mut().context("it runs")?;
        let Ok(status) = tokio::time::timeout(bound, running.wait()).await else {
            return Ok(None);
        };
        *child = None;
        Ok(Some(status?))
    }

    /// Of its process, if it runs.
    pub fn pid(&self, validator: u16) -> Option<u32> {
        self.children[usize::from(validator)].as_ref()?.id()
    }

    pub fn resident_bytes(&self, validator: u16) -> Option<u64> {
        let pid = self.pid(validator)?;
        ProcessId::of(pid).ok()?.resident_bytes()
    }

    /// An error if one has ended that nobody killed.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        self.ended()?
            .map_or(Ok(()), |ended| bail!("nobody has killed it: {ended}"))
    }

    /// Asks all to stop, and kills those that have not after a while. Names of those that had to be, and of those that ended
    /// with an error, each with what it was.
    pub async fn stop(mut self) -> anyhow::Result<Vec<String>> {
        let mut wrong = Vec::new();
        for child in self.children.iter().flatten() {
            if let Some(pid) = child.id() {
                ProcessId::of(pid).map_or(Ok(()), |id| id.signal(Signal::SIGTERM))?;
            }
        }
        let until = tokio::time::Instant::now() + STOP_BOUND;
        for (validator, child) in (0..).zip(&mut self.children) {
            let Some(child) = child else { continue };
            let why = daemon::stopped(child, until).await?;
            wrong.extend(why.map(|why| format!("{} ({why})", validator_name(validator))));
        }
        Ok(wrong)
    }
}

/// The processes of a network that run now, whoever started them.
pub fn running(folder: &NetworkFolder, plan: Plan) -> anyhow::Result<Vec<(u16, ProcessId)>> {
    let mut running = Vec::new();
    for validator in 0..plan.validators {
        let id = ProcessId::load(&folder.validator(validator).process())?;
        if let Some(id) = id.filter(ProcessId::is_running) {
            running.push((validator, id));
        }
    }
    Ok(running)
}

/// An error if any of them runs: two processes must not share a folder, nor a plan be changed under one.
pub fn refuse_running(folder: &NetworkFolder, plan: Plan) -> anyhow::Result<()> {
    if let Some((validator, id)) = running(folder, plan)?.first() {
        bail!(
            "{} of this devnet is running already (process {}); `causeway-devnet down` stops it",
            validator_name(*validator),
            id.pid()
        );
    }
    Ok(())
}

/// Stops the processes of a network, whoever started them. How many there were, and which of them
/// had to be killed.
pub async fn stop_running(folder: &NetworkFolder, plan: Plan) -> anyhow::Result<(usize, Vec<String>)> {
    let running = running(folder, plan)?;
    let stopped = try_join_all(running.iter().map(|(_, id)| id.stop(STOP_BOUND))).await?;
    let forced = running.iter().zip(stopped).filter(|(_, by_itself)| !by_itself);
    Ok((
        running.len(),
        forced.map(|((validator, _), _)| validator_name(*validator)).collect(),
    ))
}

/// Deletes what an earlier trial of this kind left. If it was killed, its processes may still run.
pub async fn clear(folder: &Folder, trial: Trial) -> anyhow::Result<()> {
    let earlier = folder.network_of(trial);
    if earlier.is_complete() {
        services::stop_running(&earlier).await?;
        stop_running(&earlier, Plan::load(&earlier)?).await?;
    }
    Ok(folder.clear(trial)?)
}
