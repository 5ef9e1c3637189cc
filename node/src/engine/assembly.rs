//! Starts the actors of a node and connects them.

use std::{ffi::CStr, sync::Arc, thread::available_parallelism, time::Instant};

use actix::Actor;
use actix_rt::Arbiter;
use causeway_consensus::Status;
use causeway_contracts::{
    protocol::{ProtocolVersion, Versions},
    registry::Node,
};
use tokio::sync::{broadcast, watch};

use super::{
    Failure, Opening,
    bootstrap::bootstrapped,
    check_version, disk, kept_snapshots,
    member::Member,
    open_files,
    server::{FetchServer, Shelf},
};
use crate::{
    actors::{
        self,
        api::{self, ApiContext, ApiLimits, ApiServer, Listen, Progress},
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
        network::{self, Receivers, RegisteredNode},
    },
    config::Config,
    store::Store,
};

/// Finalized blocks that a slow subscriber may lag behind before it must read them from the store.
const FINALIZED_MAX: usize = 256;

/// Threads that check signatures: one for each core, up to this.
const VERIFIER_THREADS_MAX: usize = 8;

/// Messages that wait for the consensus actor.
const CONSENSUS_MAILBOX: usize = 4096;

/// A thread for each kind of actor that may be busy for long.
pub(super) struct Arbiters {
    ledger: Arbiter,
    mempool: Arbiter,
    consensus: Arbiter,
    server: Arbiter,
}

impl Arbiters {
    pub(super) fn start() -> Self {
        Self {
            ledger: arbiter(c"ledger"),
            mempool: arbiter(c"mempool"),
            consensus: arbiter(c"consensus"),
            server: arbiter(c"server"),
        }
    }
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

pub(super) async fn start_actors(
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
