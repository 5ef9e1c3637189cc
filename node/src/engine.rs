//! Puts a validator together: reads what it is given, opens what it owns, starts its actors, and
//! stops them when asked to.

mod bootstrap;
pub mod continuing;
pub mod database;
mod disk;
mod open_files;
mod server;

use std::{
    ffi::CStr,
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, available_parallelism},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix::{Actor, Addr};
use actix_rt::{Arbiter, System};
use anyhow::{Context as _, anyhow};
use causeway_consensus::{Status, Stop};
use causeway_contracts::{
    api::Role,
    block::{Height, TimeMs},
    codec,
    committee::ValidatorId,
    genesis::{GENESIS_BYTES_MAX, Genesis, GenesisValidator},
    keys::SecretKey,
    ledger::Ledger,
    protocol::{ProtocolVersion, Versions},
    registry::Node,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{broadcast, watch},
};

use self::server::{FetchServer, Shelf};
use crate::{
    actors::{
        self,
        api::{self, ApiContext, ApiLimits, ApiServer, Listen, Progress, ServeError},
        consensus::{ConsensusActor, ConsensusMetrics, Ports, Start},
        ledger::{
            self, LedgerActor, LedgerMetrics, Membership,
            message::{Finalized, Tip},
        },
        mempool::{
            actor::{self as mempool, Connections, Mempool},
            metrics::MempoolMetrics,
            verifier::Verifier,
        },
        network::{self, Network, NetworkError, Receivers, RegisteredNode, TcpAddress},
    },
    config::Config,
    exit::{self, ExitStatus},
    keyfile,
    log::{Absent, DiskFolder, Files, FilesError, FolderError, JournalError, Recovered},
    store::{
        self, Expect, Opened, Store, StoreError, check::CheckError, chunks::ChunkFolder, kept::KeptSnapshots,
        snapshot::SnapshotError,
    },
};

/// Finalized blocks that a slow subscriber may lag behind before it must read them from the store.
const FINALIZED_MAX: usize = 256;

/// Threads that check signatures: one for each core, up to this.
const VERIFIER_THREADS_MAX: usize = 8;

/// Why the process ends, with its exit status.
#[derive(Debug)]
pub struct Failure {
    pub status: ExitStatus,
    pub reason: anyhow::Error,
}

impl Failure {
    pub fn config(reason: impl Into<anyhow::Error>) -> Self {
        Self {
            status: ExitStatus::Config,
            reason: reason.into(),
        }
    }

    fn genesis(reason: impl Into<anyhow::Error>) -> Self {
        Self {
            status: ExitStatus::Genesis,
            reason: reason.into(),
        }
    }

    fn bug(reason: impl Into<anyhow::Error>) -> Self {
        Self {
            status: ExitStatus::Bug,
            reason: reason.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            status: error.exit_status(),
            reason: error.into(),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(error) => error.into(),
            CheckError::Validators(error) => Self::genesis(error),
        }
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        Self {
            status: error.exit_status(),
            reason: error.into(),
        }
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        let status = match error {
            FilesError::Journal(JournalError::Foreign { .. }) => ExitStatus::Genesis,
            _ => ExitStatus::Database,
        };
        Self {
            status,
            reason: error.into(),
        }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Self {
            status: ExitStatus::Database,
            reason: error.into(),
        }
    }
}

impl From<prometheus::Error> for Failure {
    fn from(error: prometheus::Error) -> Self {
        Self::bug(error)
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self {
            status: error.exit_status(),
            reason: error.into(),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let status = match error {
            ServeError::Listen { .. } => ExitStatus::Listen,
            ServeError::Metrics(_) => ExitStatus::Bug,
        };
        Self {
            status,
            reason: anyhow::Error::from(error)
                .context("choose another address in the configuration, or stop what uses it"),
        }
    }
}

/// Which node of which network a configuration makes this process.
pub struct Member {
    pub id: ValidatorId,
    pub genesis: Genesis,
    /// Of an observer it is of no meaning: no set has it, and nobody believes what it signs.
    key: SecretKey,
    is_observer: bool,
    network_seed: [u8; 32],
}

impl Member {
    /// In the genesis, which may not have it.
    pub fn name(&self) -> &str {
        let own = |entry: &&GenesisValidator| ValidatorId::of(&entry.key) == self.id;
        match self.genesis.validators.iter().find(own) {
            Some(entry) => &entry.name,
            None if self.is_observer => "an observer",
            None => "not in the genesis",
        }
    }
}

pub fn load_genesis(path: &Path) -> Result<Genesis, Failure> {
    Genesis::parse(&read_genesis_text(path)?)
        .with_context(|| format!("the genesis file {} cannot be used", path.display()))
        .map_err(Failure::genesis)
}

fn read_genesis_text(path: &Path) -> Result<String, Failure> {
    let length = fs::metadata(path).with_context(|| format!("cannot read the genesis file {}", path.display()));
    if length.map_err(Failure::genesis)?.len() > GENESIS_BYTES_MAX as u64 {
        let reason = anyhow!(
            "the genesis file {} is longer than {GENESIS_BYTES_MAX} bytes",
            path.display()
        );
        return Err(Failure::genesis(reason));
    }
    fs::read_to_string(path)
        .with_context(|| format!("cannot read the genesis file {}", path.display()))
        .map_err(Failure::genesis)
}

/// Reads the genesis and the keys. That they belong together can be told of those in the genesis only; of
/// others the registry decides, as of the block that this node has come to.
pub fn identify(config: &Config) -> Result<Member, Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let network_seed = keyfile::read_seed(&config.keys.network).map_err(Failure::config)?;
    let key = match &config.keys.validator {
        Some(file) => keyfile::read(file).map_err(Failure::config)?,
        None => observers_key(&network_seed),
    };
    let network_key = SecretKey::from_seed(&network_seed).public_key();
    let public = key.public_key();
    if let Some(entry) = genesis.validators.iter().find(|entry| entry.key == public)
        && entry.network_key != network_key
    {
        let reason = anyhow!(
            "the key {network_key} in {} is not the network key of validator {}, whose validator key is in use here",
            config.keys.network.display(),
            entry.name
        );
        return Err(Failure::config(reason));
    }
    for entry in &genesis.validators {
        let (name, file) = (&entry.name, config.genesis.display());
        if !config.network.dial.contains_key(&**name) {
            let address: Result<TcpAddress, _> = entry.address.parse();
            address
                .with_context(|| format!("the address of validator {name} in {file}, which network.dial can replace"))
                .map_err(Failure::genesis)?;
        }
    }
    Ok(Member {
        id: ValidatorId::of(&public),
        key,
        is_observer: config.keys.validator.is_none(),
        network_seed,
        genesis,
    })
}

/// No two nodes have the same, and only its own can know it.
fn observers_key(network_seed: &[u8; 32]) -> SecretKey {
    SecretKey::from_seed(&codec::hash("causeway/observer/1", &[network_seed]))
}

fn database_folder(config: &Config) -> PathBuf {
    config.data.join("db")
}

/// Each key has a consensus log and a sign record of its own: what one has signed must not be forgotten
/// when another takes its place.
fn log_folder(config: &Config, id: &ValidatorId) -> PathBuf {
    config.data.join("consensus").join(id.to_string())
}

/// Makes the data folder of a validator whose key has signed nothing yet: an empty sign record, without
/// which it would sign nothing. A node that takes another key has its database, and the records of its other
/// keys, already; they stay as they are. Gives the folder.
pub fn init(config: &Config) -> Result<&Path, Failure> {
    let member = identify(config)?;
    let data = &config.data;
    let log = log_folder(config, &member.id);
    let database = database_folder(config);
    let used = if log.exists() {
        Some(log.clone())
    } else if database.exists() && !is_new_key(config, &member)? {
        Some(database)
    } else {
        None
    };
    if let Some(used) = used {
        let reason = anyhow!(
            "{} is there already: this validator has run, here or elsewhere, and what it has signed must not be \
             forgotten. Bring its folder in data/consensus along if another node has it; then just run causeway-node \
             run, which signs nothing before it has caught up",
            used.display()
        );
        return Err(Failure::config(reason));
    }
    fs::create_dir_all(&log)
        .with_context(|| format!("cannot make the data folder {}", log.display()))
        .map_err(Failure::config)?;
    let folder = DiskFolder::open(&log)?;
    Files::open(folder, member.genesis.hash(), member.id, Absent::Create)?;
    Ok(data)
}

/// Whether this node has run with other keys only: by the chain that it has, this one was in no set.
fn is_new_key(config: &Config, member: &Member) -> Result<bool, Failure> {
    let others = fs::read_dir(config.data.join("consensus")).is_ok_and(|mut folders| folders.next().is_some());
    if !others {
        return Ok(false);
    }
    let (store, opened) = Store::open(&database_folder(config), &member.genesis, Expect::Existing)?;
    let role = Membership::of(&opened.ledger).role(&member.id);
    // The state remembers for a while only who has left; one who returns has signed before.
    let began_with = member
        .genesis
        .validators
        .iter()
        .any(|entry| ValidatorId::of(&entry.key) == member.id);
    let is_known = began_with || store.reader().has_been_validator(&member.id)?;
    Ok(matches!(role, Role::Observer | Role::Joining) && !is_known)
}

/// How a validator is run, besides its configuration.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// Vote although the sign record is missing.
    pub trust_missing_sign_record: bool,
    /// The last version of the protocol that it implements: this program's, or in a drill an earlier one.
    pub known: ProtocolVersion,
}

/// Runs the validator until SIGINT or SIGTERM; and, so that a profiler sees a whole network as one process, others
/// beside it, which have nothing in common with it but the process. What ends one of them ends all.
pub fn run(config: Config, beside: Vec<Config>, options: RunOptions) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(config.log.to_filter())
        .with_writer(io::stderr)
        // Where the log cannot be written, nor can a complaint about it, and that would be a panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let others: Vec<_> = beside
        .into_iter()
        .map(|config| {
            let thread = thread::Builder::new().name("validator".to_owned());
            let run = move || {
                run_one(config, options)
                    .unwrap_or_else(|failure| exit::stop(failure.status, &format!("{:#}", failure.reason)))
            };
            thread.spawn(run).map_err(Failure::bug)
        })
        .collect::<Result<_, _>>()?;
    run_one(config, options)?;
    for other in others {
        other
            .join()
            .map_err(|_| Failure::bug(anyhow!("a validator beside this one has panicked; see above")))?;
    }
    Ok(())
}

fn run_one(config: Config, options: RunOptions) -> Result<(), Failure> {
    let member = identify(&config)?;
    tracing::info!(
        validator = %member.id,
        observer = member.is_observer,
        network = %member.genesis.name,
        genesis = %member.genesis.hash(),
        "starting"
    );
    let system = System::new();
    system.block_on(async move {
        let running = start(config, member, options).await?;
        wait_for_signal().await?;
        tracing::info!("stopping");
        running.stop().await;
        tracing::info!("stopped");
        Ok(())
    })
}

async fn wait_for_signal() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::bug)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::bug)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Messages that wait for the consensus actor.
const CONSENSUS_MAILBOX: usize = 4096;

/// What runs. The actors run as long as the process; the listeners are stopped first.
struct Running {
    api: ApiServer,
    network: network::Running,
    arbiters: Vec<Arbiter>,
    store: Store,
}

impl Running {
    async fn stop(self) {
        self.api.stop().await;
        self.network.arbiter.stop();
        end(self.arbiters);
        // Whatever is queued gets written; what is not yet final is sent again by its clients.
        self.store.sync().await;
        drop(self.store);
        wait_for_databases();
    }
}

/// Actors that have not let go of the database by then are left to the end of the process.
const END_TIME_MAX: Duration = Duration::from_secs(5);

fn wait_for_databases() {
    if !store::wait_until_closed(END_TIME_MAX) {
        tracing::warn!("a database is still in use");
    }
}

/// Ends the actors and waits for it: a database that another thread closes while the process exits can
/// abort it, and the status would be lost.
fn end(arbiters: Vec<Arbiter>) {
    for arbiter in &arbiters {
        arbiter.stop();
    }
    let (ended, wait) = mpsc::channel();
    thread::spawn(move || {
        for arbiter in arbiters {
            if arbiter.join().is_err() {
                tracing::error!("an actor panicked");
            }
        }
        // Nobody waits any more after END_TIME_MAX.
        ended.send(()).ok();
    });
    if wait.recv_timeout(END_TIME_MAX).is_err() {
        tracing::warn!("actors are still at work");
    }
}

/// What a validator has on disk.
struct Opening {
    files: Files,
    recovered: Recovered,
    store: Store,
    opened: Opened,
}

fn kept_snapshots(config: &Config) -> KeptSnapshots {
    KeptSnapshots::new(&config.data.join("snapshots"), config.limits.disk_free_bytes_min)
}

fn open(config: &Config, member: &Member, options: RunOptions) -> Result<Opening, Failure> {
    let log = log_folder(config, &member.id);
    // First, since the disk may be full of it.
    if let Err(error) = kept_snapshots(config).clean() {
        tracing::warn!(%error, "cannot remove a snapshot that was not finished");
    }
    fs::create_dir_all(&log)
        .with_context(|| format!("cannot make the data folder {}", log.display()))
        .map_err(Failure::config)?;
    let folder = database_folder(config);
    // An observer's key has never signed anything that counts.
    let absent = if options.trust_missing_sign_record || member.is_observer {
        Absent::Create
    } else {
        Absent::Observe
    };
    let files = DiskFolder::open(&log)?;
    let (files, recovered) = Files::open(files, member.genesis.hash(), member.id, absent)?;
    if recovered.dropped_bytes > 0 {
        let bytes = recovered.dropped_bytes;
        tracing::warn!(
            bytes,
            "dropped from the consensus log or sign record what a crash left half-written"
        );
    }
    // A validator that has signed or logged anything has had a database.
    let took_part = !recovered.log.is_empty() || recovered.record.height() > Height::GENESIS;
    let expect = if took_part {
        Expect::Existing
    } else {
        Expect::NewOrExisting
    };
    let (store, opened) = Store::open(&folder, &member.genesis, expect)?;
    check_version(&opened.ledger, options.known)?;
    Ok(Opening {
        files,
        recovered,
        store,
        opened,
    })
}

/// A program that does not know the rules of the next height must not begin it.
fn check_version(ledger: &Ledger, known: ProtocolVersion) -> Result<(), Failure> {
    let needed = ledger.next_version();
    if needed <= known {
        return Ok(());
    }
    let from = ledger.tip().height.next();
    Err(Failure {
        status: ExitStatus::Outdated,
        reason: Stop::NeedsVersion { needed, known, from }.into(),
    })
}

async fn start(config: Config, member: Member, options: RunOptions) -> Result<Running, Failure> {
    let opening = open(&config, &member, options)?;
    let arbiters = Arbiters {
        ledger: arbiter(c"ledger"),
        mempool: arbiter(c"mempool"),
        consensus: arbiter(c"consensus"),
        server: arbiter(c"server"),
    };
    match start_actors(config, member, opening, &arbiters, options.known).await {
        Ok((api, network, store)) => Ok(Running {
            api,
            network,
            arbiters: arbiters.into(),
            store,
        }),
        Err(failure) => {
            end(arbiters.into());
            wait_for_databases();
            Err(failure)
        }
    }
}

/// A thread for each kind of actor that may be busy for long.
struct Arbiters {
    ledger: Arbiter,
    mempool: Arbiter,
    consensus: Arbiter,
    server: Arbiter,
}

/// Its thread shows by this name in what the system says of processor time.
fn arbiter(name: &'static CStr) -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(move || {
        if let Err(error) = nix::sys::prctl::set_name(name) {
            tracing::debug!(%error, "a thread keeps its name");
        }
    });
    arbiter
}

impl From<Arbiters> for Vec<Arbiter> {
    fn from(arbiters: Arbiters) -> Self {
        vec![arbiters.ledger, arbiters.mempool, arbiters.consensus, arbiters.server]
    }
}

async fn start_actors(
    config: Config,
    member: Member,
    opening: Opening,
    arbiters: &Arbiters,
    known: ProtocolVersion,
) -> Result<(ApiServer, network::Running, Store), Failure> {
    let Opening {
        files,
        recovered,
        store,
        opened,
    } = opening;
    let genesis = member.genesis.hash();
    let (membership, members) = watch::channel(Membership::of(&opened.ledger));
    let nodes = registered(&config, members.clone());
    tracing::info!(height = %opened.ledger.tip().height, created = opened.created, "the database is open");

    let registry = prometheus::Registry::new();
    let snapshots = kept_snapshots(&config);

    // These two and the network know each other, so their mailboxes are there before they are.
    let (mempool, mempool_mailbox) = actors::mailbox::<Mempool>(mempool::MAILBOX);
    let (consensus, consensus_mailbox) = actors::mailbox::<ConsensusActor>(CONSENSUS_MAILBOX);
    let shelf = Shelf::new(snapshots.clone(), &registry)?;
    let reader = shelf.reader.clone();
    let server = FetchServer::start_in_arbiter(&arbiters.server.handle(), move |_| FetchServer::new(shelf));
    let network = network::start(network::Setup {
        seed: member.network_seed,
        listen: config.network.listen.clone(),
        nodes,
        genesis,
        receivers: Receivers {
            consensus: consensus.clone().recipient(),
            batches: mempool.clone().recipient(),
            sync: consensus.clone().recipient(),
        },
        serve: server.recipient(),
        metrics: registry.clone(),
    })
    .await?;

    let (store, opened) = bootstrapped(&config, &member, &network.network, store, opened).await?;
    check_version(&opened.ledger, known)?;
    membership.send_replace(Membership::of(&opened.ledger));
    reader.get_or_init(|| store.reader());
    let versions = Versions {
        in_force: opened.ledger.next_version(),
        known,
    };
    let validity_seconds_max = opened.ledger.parameters().validity_seconds_max;
    let threads = available_parallelism().map_or(1, usize::from).min(VERIFIER_THREADS_MAX);
    let verifier = Verifier::start(threads, genesis).map_err(Failure::bug)?;
    let disk_low = disk::watch(config.data.clone(), config.limits.disk_free_bytes_min);
    let (finalized, _) = broadcast::channel::<Finalized>(FINALIZED_MAX);
    let ledger = LedgerActor::start_in(
        &arbiters.ledger.handle(),
        ledger::Start {
            ledger: opened.ledger,
            store: store.clone(),
            finalized: finalized.clone(),
            members: membership,
            metrics: LedgerMetrics::register(&registry)?,
            known,
            snapshots,
        },
    );
    let tip = ledger.send(Tip).await.map_err(Failure::bug)?;

    let setup = mempool::Setup {
        genesis,
        key: member.key.clone(),
        members: members.clone(),
        versions,
        limits: config.limits.clone(),
        budgets: config.budgets,
        validity_seconds_max,
        verifier,
        store: store.clone(),
        disk_low,
        metrics: MempoolMetrics::register(&registry)?,
    };
    let connections = Connections {
        ledger: ledger.clone().recipient(),
        consensus: consensus.clone().recipient(),
        send: network.network.clone().recipient(),
        fetch: network.network.clone().recipient(),
        faults: network.network.clone().recipient(),
    };
    actors::run(&arbiters.mempool.handle(), mempool_mailbox, move |_| {
        Mempool::new(setup, connections)
    });

    let (actor, status) = ConsensusActor::new(Start {
        genesis,
        key: member.key.clone(),
        tip,
        files,
        recovered,
        data: config.data.clone(),
        disk_free_bytes_min: config.limits.disk_free_bytes_min,
        ports: Ports {
            send: network.network.clone().recipient(),
            fetch: network.network.clone().recipient(),
            fault: network.network.clone().recipient(),
            ready: mempool.clone().recipient(),
            gather: mempool.clone().recipient(),
            ordered: mempool.clone().recipient(),
            submit: mempool.clone().recipient(),
            draft: ledger.clone().recipient(),
            execute: ledger.clone().recipient(),
            commit: ledger.clone().recipient(),
            root: ledger.clone().recipient(),
        },
        metrics: ConsensusMetrics::register(&registry)?,
        known,
    });
    actors::run(&arbiters.consensus.handle(), consensus_mailbox, move |_| actor);

    let api = api::serve(
        ApiContext {
            genesis: Arc::new(member.genesis),
            genesis_hash: genesis,
            key: member.key,
            reader: store.reader(),
            submit: mempool.clone().recipient(),
            is_pending: mempool.clone().recipient(),
            capacity: mempool.recipient(),
            peers: network.network.clone().recipient(),
            tip: ledger.clone().recipient(),
            contracts: ledger.recipient(),
            members,
            finalized,
            progress: progress(status),
            registry,
            limits: limits(&config),
            clock: Arc::new(Instant::now),
            known,
        },
        Listen {
            api: config.api.listen,
            metrics: config.metrics.listen,
        },
    )?;
    tracing::info!(api = %config.api.listen, metrics = %config.metrics.listen, "ready");
    Ok((api, network, store))
}

/// The store and its ledger, after a sync from a snapshot if this node has the genesis state alone and the
/// others may have one.
async fn bootstrapped(
    config: &Config,
    member: &Member,
    network: &Addr<Network>,
    store: Store,
    opened: Opened,
) -> Result<(Store, Opened), Failure> {
    let genesis = &member.genesis;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = TimeMs(since.as_millis() as u64);
    let folder = ChunkFolder::new(config.data.join("snapshot-sync"));
    if !bootstrap::is_wanted(config.sync.from, genesis, &genesis.hash(), opened.ledger.tip(), now) {
        // A sync may have been ended by a kill when its database was there.
        folder.remove()?;
        return Ok((store, opened));
    }
    let members = Membership::of(&opened.ledger);
    let own = SecretKey::from_seed(&member.network_seed).public_key();
    let others = members.nodes.iter().filter(|node| node.network_key != own);
    let peers = others.map(|node| members.peer_id(node)).collect();
    let Some(offer) = bootstrap::fetch(genesis, peers, network, &folder).await? else {
        return Ok((store, opened));
    };
    // Closes the database, which nobody else has a reader of yet.
    drop((store, opened));
    let database = database_folder(config);
    bootstrap::build(&database, genesis, &offer, &folder)?;
    let (store, opened) = Store::open(&database, genesis, Expect::Existing)?;
    tracing::info!(height = %opened.ledger.tip().height, "the database begins with a certified snapshot");
    Ok((store, opened))
}

fn limits(config: &Config) -> ApiLimits {
    let limits = ApiLimits::default();
    let connections_max = open_files::make_room(limits.connections_max);
    ApiLimits {
        connections_max,
        // A quarter is left to others.
        address_connections_max: limits
            .address_connections_max
            .min(connections_max - connections_max / 4),
        connection_budget: config.budgets.connection,
        ..limits
    }
}

/// Who may connect, and where this node dials them, whenever that changes.
fn registered(config: &Config, mut members: watch::Receiver<Membership>) -> watch::Receiver<Vec<RegisteredNode>> {
    let dial = config.network.dial.clone();
    let register = move |members: &Membership| {
        let address = |node: &Node| match dial.get(&*node.name) {
            Some(address) => Some(address.clone()),
            None => match node.address.parse() {
                Ok(address) => Some(address),
                Err(error) => {
                    tracing::warn!(node = %node.name, %error, "cannot dial the address of this node; network.dial can replace it");
                    None
                }
            },
        };
        let register = |node: &Node| RegisteredNode {
            id: members.peer_id(node),
            name: node.name.to_string(),
            network_key: node.network_key,
            address: address(node),
        };
        for name in dial
            .keys()
            .filter(|name| !members.nodes.iter().any(|node| *node.name == ***name))
        {
            tracing::warn!(name, "network.dial names a node that is not registered");
        }
        members.nodes.iter().map(register).collect::<Vec<_>>()
    };
    let (sender, nodes) = watch::channel(register(&members.borrow_and_update()));
    actix_rt::spawn(async move {
        while members.changed().await.is_ok() {
            sender.send_replace(register(&members.borrow_and_update()));
        }
    });
    nodes
}

/// What the API says of how far this node is.
fn progress(mut status: watch::Receiver<Status>) -> watch::Receiver<Progress> {
    let of = |status: &Status| Progress {
        height: status.committed,
        best_height_seen: status.best,
    };
    let (sender, progress) = watch::channel(of(&status.borrow()));
    actix_rt::spawn(async move {
        while status.changed().await.is_ok() {
            sender.send_replace(of(&status.borrow_and_update()));
        }
    });
    progress
}

#[cfg(test)]
mod tests;
