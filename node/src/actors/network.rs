//! The network of a node: libp2p between registered peers, and nobody else. Who is registered may change at any
//! time: a node that no longer is, is disconnected.
//!
//! A small actor takes messages; the swarm runs in a task of its own behind bounded channels, and each
//! link (one direction of the traffic with a peer) has a task that writes or reads it. Payloads do not
//! pass through the swarm's task.
//!
//! - A connection is kept if its authenticated key is registered, its peer does not have to wait, and
//!   the hello at the start of each link names this protocol version and this genesis.
//! - One connection is used per peer. Both sides dial, so that a restarted validator is back at once;
//!   when dials cross, both ends keep the one dialed by the smaller key.
//! - Lost peers are dialed again after 100 ms, doubling to 3 s. Pings, one in 3 s, notice a dead one
//!   within ten seconds or so.
//! - Each lane has a bounded queue per peer, and a full one drops the newest. The writer takes frames
//!   of at most 64 KiB from the most urgent lane that has any.
//! - What no honest validator sends costs points, of which one is forgiven each second. Broken frames
//!   also end the connection; with more than 100 points the peer is disconnected and waits 60 s.
//!
//! Absent on purpose: discovery, relaying, gossip, addresses learned from others, name resolution.

mod actor;
mod address;
mod driver;
mod exchange;
mod link;
mod links;
pub mod message;
mod metrics;
mod peer;
mod queue;

use std::{
    collections::{HashMap, HashSet},
    io,
    net::TcpListener,
    thread::available_parallelism,
    time::Duration,
};

use actix::{Actor, Addr, Arbiter, Recipient};
use causeway_consensus::frame::{self, Hello, WIRE_VERSION};
use causeway_contracts::{block::GenesisHash, committee::ValidatorId, keys::PublicKey, registry::NODES_MAX};
use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, connection_limits, connection_limits::ConnectionLimits,
    core::upgrade::Version, identify, identity, identity::Keypair, noise, ping, swarm::SwarmEvent, tcp, yamux,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

pub use self::{
    actor::Network,
    address::{AddressError, TcpAddress},
    link::Receivers,
};
use self::{
    driver::{Behaviour, COMMANDS_MAX, Driver, Links, Start},
    message::Serve,
    metrics::Metrics,
    peer::Peer,
};
use crate::exit::ExitStatus;

/// What a network starts with.
pub struct Setup {
    /// The seed of the key that names this node to its peers (RFC 8032, section 5.1.5).
    pub seed: [u8; 32],
    pub listen: TcpAddress,
    /// All nodes that may connect, whenever that changes; this node may be among them.
    pub nodes: watch::Receiver<Vec<RegisteredNode>>,
    pub genesis: GenesisHash,
    pub receivers: Receivers,
    /// Answers peers' questions.
    pub serve: Recipient<Serve>,
    pub metrics: prometheus::Registry,
}

/// A node that may connect.
#[derive(Debug, Clone)]
pub struct RegisteredNode {
    /// By which the other actors know it: the validator's that it is, or would be.
    pub id: ValidatorId,
    /// For logs.
    pub name: String,
    pub network_key: PublicKey,
    /// Where it is dialed, if that can be told.
    pub address: Option<TcpAddress>,
}

/// A network that is listening.
#[derive(Debug)]
pub struct Running {
    pub network: Addr<Network>,
    /// With the port that the system chose, if 0 was asked for.
    pub listening: Multiaddr,
    /// The actor's thread and the network's other threads; stopping it ends them.
    pub arbiter: Arbiter,
}

#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("cannot listen on {address}: another process uses this port; stop it, or choose another as network.listen")]
    InUse { address: TcpAddress },
    #[error("cannot listen on {address}: {source}; network.listen must be an address of this machine")]
    Listen { address: TcpAddress, source: io::Error },
    #[error("cannot register the network's metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot set up encryption: {0}")]
    Encryption(#[from] noise::Error),
    #[error("cannot start the network's threads: {0}")]
    Threads(#[source] io::Error),
}

impl NetworkError {
    /// With what the process ends.
    pub const fn exit_status(&self) -> ExitStatus {
        match self {
            Self::InUse { .. } | Self::Listen { .. } => ExitStatus::Listen,
            Self::Metrics(_) | Self::Encryption(_) | Self::Threads(_) => ExitStatus::Bug,
        }
    }
}

/// Starts the network, within an actix system. It listens when this returns.
pub async fn start(setup: Setup) -> Result<Running, NetworkError> {
    let workers = available_parallelism().map_or(1, |cores| (cores.get() / 4).clamp(1, 4));
    let runtime = move || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("network")
            .enable_all()
            .build()
    };
    let arbiter = Arbiter::try_with_tokio_rt(runtime).map_err(NetworkError::Threads)?;
    let (report, reported) = oneshot::channel();
    arbiter.spawn(async move {
        // The caller of `start` may be gone, and then nobody wants the network.
        report.send(listen_and_run(setup).await).ok();
    });
    let started = match reported.await {
        Ok(started) => started,
        Err(_) => Err(NetworkError::Threads(io::ErrorKind::BrokenPipe.into())),
    };
    match started {
        Ok((network, listening)) => Ok(Running {
            network,
            listening,
            arbiter,
        }),
        Err(error) => {
            arbiter.stop();
            Err(error)
        }
    }
}

async fn listen_and_run(mut setup: Setup) -> Result<(Addr<Network>, Multiaddr), NetworkError> {
    let keypair = Keypair::ed25519_from_bytes(&mut setup.seed).expect("any 32 bytes are a seed");
    let own_key = keypair.public().to_peer_id();
    let mut nodes = setup.nodes;
    let (own, others) = by_key(&nodes.borrow_and_update(), own_key);
    if own.is_none() {
        tracing::warn!(
            key = %own_key,
            "this node's network key is not registered, as far as this node knows the chain; nodes that know more \
             of it decide by that, and refuse it if it is not"
        );
    }
    let now = Instant::now();
    let peers: HashMap<_, _> = others
        .into_iter()
        .map(|(key, node)| (key, Peer::new(node, now)))
        .collect();
    let metrics = Metrics::register(&setup.metrics)?;
    let mut swarm = swarm(keypair, peers.keys().copied().collect())?;
    let listening = listen(&mut swarm, &setup.listen).await?;
    tracing::info!(address = %listening, key = %own_key, "listening for validators");

    let (links_sender, links) = watch::channel(Links::new());
    let (commands, driver_commands) = mpsc::channel(COMMANDS_MAX);
    let driver = Driver::new(Start {
        swarm,
        peers,
        nodes,
        hello: Hello {
            version: WIRE_VERSION,
            genesis: setup.genesis,
        },
        receivers: setup.receivers,
        serve: setup.serve,
        metrics: metrics.clone(),
        links: links_sender,
    });
    tokio::spawn(driver.run(driver_commands));
    Ok((Network::new(links, commands, metrics).start(), listening))
}

/// The registered nodes by their keys: this one, and the others.
fn by_key(nodes: &[RegisteredNode], own_key: PeerId) -> (Option<RegisteredNode>, HashMap<PeerId, RegisteredNode>) {
    let mut others = HashMap::new();
    for node in nodes {
        match identity::ed25519::PublicKey::try_from_bytes(node.network_key.as_bytes()) {
            Ok(key) => drop(others.insert(identity::PublicKey::from(key).to_peer_id(), node.clone())),
            Err(error) => tracing::error!(node = node.name, %error, "cannot use the network key of a registered node"),
        }
    }
    (others.remove(&own_key), others)
}

fn swarm(keypair: Keypair, registered: HashSet<PeerId>) -> Result<Swarm<Behaviour>, NetworkError> {
    let peers = u32::try_from(NODES_MAX).expect("far fewer nodes than that");
    let behaviour = |keypair: &Keypair| Behaviour {
        links: links::Behaviour::new(registered),
        limits: connection_limits::Behaviour::new(
            ConnectionLimits::default()
                .with_max_pending_incoming(Some(64 + peers))
                .with_max_pending_outgoing(Some(peers))
                // Two when dials cross, one more while a lost one closes.
                .with_max_established_per_peer(Some(3))
                .with_max_established(Some(3 * peers)),
        ),
        ping: ping::Behaviour::new(
            ping::Config::new()
                .with_interval(Duration::from_secs(3))
                .with_timeout(Duration::from_secs(3)),
        ),
        identify: identify::Behaviour::new(
            identify::Config::new("/causeway/1".to_owned(), keypair.public())
                .with_agent_version(concat!("causeway-node/", env!("CARGO_PKG_VERSION")).to_owned())
                .with_cache_size(0)
                .with_hide_listen_addrs(true),
        ),
        fetch: exchange::behaviour(),
    };
    let multiplexing = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(64);
        config
    };
    let Ok(builder) = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, multiplexing)?
        .with_behaviour(behaviour);
    let swarm = builder
        .with_swarm_config(|config| {
            config
                .with_max_negotiating_inbound_streams(16)
                // Each protocol has one version, so there is nothing to wait for before speaking it.
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
        })
        .with_connection_timeout(Duration::from_secs(5))
        .build();
    Ok(swarm)
}

async fn listen(swarm: &mut Swarm<Behaviour>, address: &TcpAddress) -> Result<Multiaddr, NetworkError> {
    let refused = |source: io::Error| {
        let address = address.clone();
        match source.kind() {
            io::ErrorKind::AddrInUse => NetworkError::InUse { address },
            _ => NetworkError::Listen { address, source },
        }
    };
    // libp2p sets SO_REUSEPORT, with which a second process of the same user would share the port
    // without an error. A plain socket tells.
    drop(TcpListener::bind(address.socket()).map_err(refused)?);
    swarm
        .listen_on(address.multiaddress().clone())
        .map_err(|error| refused(io::Error::other(error)))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => return Ok(address),
            SwarmEvent::ListenerClosed { reason, .. } => {
                return Err(refused(reason.err().unwrap_or(io::ErrorKind::BrokenPipe.into())));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
