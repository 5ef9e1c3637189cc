//! The task that owns the swarm: it dials, admits, links, scores and disconnects peers, and carries
//! questions and answers. What flows on links does not pass through it.

mod questions;

use std::collections::{BTreeMap, HashMap};

use actix::Recipient;
use causeway_contracts::committee::ValidatorId;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    Multiaddr, PeerId, Swarm, connection_limits,
    core::ConnectedPoint,
    identify, ping,
    request_response::OutboundRequestId,
    swarm::{
        ConnectionId, DialError, ListenError, NetworkBehaviour, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use self::questions::{Asked, Served};
use super::{
    RegisteredNode, by_key, exchange,
    frame::{Hello, Mismatch, Violation},
    link::{self, End, News, Notice, Reader, Receivers, Reporter},
    links::{self, LinkEvent, NotAdmitted, PeerLinkEvent},
    message::{FetchError, Serve},
    metrics::{Metrics, Refused},
    peer::{Connection, FAULT_POINTS, Peer, Side, VIOLATION_POINTS, WAIT},
    queue::Outbox,
};

/// Outboxes of the peers that are linked now.
pub type Links = BTreeMap<ValidatorId, Outbox>;

/// What the actor asks of the driver.
#[derive(Debug)]
pub enum Command {
    Fetch {
        from: ValidatorId,
        request: Vec<u8>,
        answer: oneshot::Sender<Result<Vec<u8>, FetchError>>,
    },
    Fault {
        peer: ValidatorId,
        fault: &'static str,
    },
}

pub const COMMANDS_MAX: usize = 1024;

const NOTICES_MAX: usize = 256;

/// Admission and limits come first: request-response would otherwise count connections that another
/// part refuses after it.
#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub links: links::Behaviour,
    pub limits: connection_limits::Behaviour,
    pub ping: ping::Behaviour,
    pub identify: identify::Behaviour,
    pub fetch: exchange::Behaviour,
}

pub struct Driver {
    swarm: Swarm<Behaviour>,
    peers: HashMap<PeerId, Peer>,
    by_id: HashMap<ValidatorId, PeerId>,
    nodes: watch::Receiver<Vec<RegisteredNode>>,
    hello: Hello,
    receivers: Receivers,
    serve: Recipient<Serve>,
    metrics: Metrics,
    links: watch::Sender<Links>,
    notices: (mpsc::Sender<Notice>, mpsc::Receiver<Notice>),
    fetches: HashMap<OutboundRequestId, Asked>,
    serves: FuturesUnordered<BoxFuture<'static, Served>>,
}

/// What a driver starts with.
pub struct Start {
    pub swarm: Swarm<Behaviour>,
    pub peers: HashMap<PeerId, Peer>,
    pub nodes: watch::Receiver<Vec<RegisteredNode>>,
    pub hello: Hello,
    pub receivers: Receivers,
    pub serve: Recipient<Serve>,
    pub metrics: Metrics,
    pub links: watch::Sender<Links>,
}

impl Driver {
    pub fn new(start: Start) -> Self {
        let by_id = start.peers.iter().map(|(key, peer)| (peer.id, *key)).collect();
        Self {
            swarm: start.swarm,
            peers: start.peers,
            by_id,
            nodes: start.nodes,
            hello: start.hello,
            receivers: start.receivers,
            serve: start.serve,
            metrics: start.metrics,
            links: start.links,
            notices: mpsc::channel(NOTICES_MAX),
            fetches: HashMap::new(),
            serves: FuturesUnordered::new(),
        }
    }

    /// Runs until the actor is gone.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let due = self.peers.values().filter_map(Peer::due).min();
            let rest = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Notices come before the swarm's events: a peer that was told it is admitted may ask
                // at once, and its question must find it admitted.
                biased;
                Some(notice) = self.notices.1.recv() => self.on_notice(notice),
                command = commands.recv() => match command {
                    Some(Command::Fetch { from, request, answer }) => self.fetch(from, request, answer),
                    Some(Command::Fault { peer, fault }) => self.on_fault(peer, fault),
                    None => return,
                },
                Ok(()) = self.nodes.changed() => self.on_registry(),
                Some(served) = self.serves.next() => self.on_served(served),
                event = self.swarm.select_next_some() => self.on_swarm(event),
                () = rest => self.on_due(Instant::now()),
            }
        }
    }

    /// Lets go of who is no longer registered, and takes in who is. A peer that goes by another name from
    /// now on connects anew: its link tells who it is.
    fn on_registry(&mut self) {
        let own_key = *self.swarm.local_peer_id();
        let (_, mut registered) = by_key(&self.nodes.borrow_and_update(), own_key);
        self.swarm
            .behaviour_mut()
            .links
            .register(registered.keys().copied().collect());
        let now = Instant::now();
        let known: Vec<_> = self.peers.keys().copied().collect();
        for key in known {
            let peer = self.peers.get_mut(&key).expect("a known key");
            let connection = peer.connection.as_ref().map(|connection| connection.id);
            let Some(node) = registered.remove(&key) else {
                tracing::info!(node = %peer.name, "is no longer registered");
                if let Some(id) = connection {
                    self.disconnect(key, id, "it is no longer registered");
                }
                self.peers.remove(&key);
                // Fails if there is no other connection.
                self.swarm.disconnect_peer_id(key).ok();
                continue;
            };
            let fresh = Peer::new(node, now);
            if peer.address != fresh.address {
                peer.redial = fresh.redial;
                peer.address = fresh.address;
            }
            peer.name = fresh.name;
            if peer.id != fresh.id {
                if let Some(id) = connection {
                    self.disconnect(key, id, "its validator key has changed");
                }
                self.peers.get_mut(&key).expect("a known key").id = fresh.id;
            }
        }
        for (key, node) in registered {
            tracing::info!(node = %node.name, "is registered");
            self.peers.insert(key, Peer::new(node, now));
        }
        self.by_id = self.peers.iter().map(|(key, peer)| (peer.id, *key)).collect();
    }

    fn on_due(&mut self, now: Instant) {
        for (key, peer) in &mut self.peers {
            if peer.waits_until.is_some_and(|until| until <= now) {
                tracing::info!(validator = %peer.name, "may connect again");
                peer.waits_until = None;
                peer.score.forgive_all();
                peer.redial.at = Some(now);
                self.swarm.behaviour_mut().links.unbar(key);
            }
            if peer.waits_until.is_none() && peer.redial.at.is_some_and(|at| at <= now) {
                peer.redial.at = None;
                let Some(address) = &peer.address else { continue };
                // From a port of its own: from the listening port, dials that cross would meet in one
                // TCP connection with two dialers.
                let options = DialOpts::peer_id(*key)
                    .addresses(vec![address.clone()])
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .allocate_new_port()
                    .build();
                match self.swarm.dial(options) {
                    // The connection that is there, or the dial, will be heard of.
                    Ok(()) | Err(DialError::DialPeerConditionFalse(_)) => {}
                    Err(error) => {
                        tracing::debug!(validator = %peer.name, %error, "cannot dial");
                        peer.redial.failed(now);
                    }
                }
            }
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => self.on_connected(peer_id, connection_id, &endpoint),
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                let why = cause.map_or_else(|| "it hung up".to_owned(), |cause| cause.to_string());
                self.on_disconnected(peer_id, connection_id, &why);
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => self.on_dial_failed(peer, &error),
            SwarmEvent::IncomingConnectionError {
                error, send_back_addr, ..
            } => self.on_refused(&error, &send_back_addr),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::error!(?addresses, ?reason, "no longer listening; peers can only be dialed");
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "a connection could not be accepted");
            }
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Links(event) => self.on_link(event),
            BehaviourEvent::Fetch(event) => self.on_exchange(event),
            BehaviourEvent::Ping(ping::Event {
                peer,
                connection,
                result: Err(failure),
            }) => {
                tracing::debug!(%peer, %failure, "no answer to pings");
                self.disconnect(peer, connection, "it does not answer pings");
            }
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                if let Some(peer) = self.peers.get(&peer_id) {
                    tracing::debug!(validator = %peer.name, agent = ?info.agent_version, "identified");
                }
            }
            BehaviourEvent::Ping(_) | BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Limits(never) => match never {},
        }
    }

    fn on_connected(&mut self, key: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let now = Instant::now();
        let dialed_by = if endpoint.is_dialer() { Side::Us } else { Side::Peer };
        let preferred = if *self.swarm.local_peer_id() < key {
            Side::Us
        } else {
            Side::Peer
        };
        let Some(peer) = self.peers.get_mut(&key) else {
            self.swarm.close_connection(id);
            return;
        };
        peer.redial.at = None;
        if let Some(connection) = &peer.connection {
            if !connection.yields_to(dialed_by, preferred, now) {
                self.swarm.close_connection(id);
                return;
            }
            self.swarm.close_connection(connection.id);
            unpublish(&self.links, &self.metrics, peer.id);
        }
        peer.connection = Some(Connection::new(id, dialed_by, now));
    }

    fn on_disconnected(&mut self, key: PeerId, id: ConnectionId, why: &str) {
        let now = Instant::now();
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let Some(connection) = peer.connection.take_if(|connection| connection.id == id) {
            if connection.linked_since.is_some() {
                tracing::warn!(validator = %peer.name, why, "lost a validator");
                unpublish(&self.links, &self.metrics, peer.id);
            }
            if connection.mismatched {
                peer.redial.mismatched(now);
            } else {
                peer.redial.lost(connection.linked_since, now);
            }
        } else if peer.connection.is_none() && peer.redial.at.is_none() {
            peer.redial.failed(now);
        }
    }

    /// Lets go of a connection at once, not only when it has closed.
    fn disconnect(&mut self, key: PeerId, id: ConnectionId, why: &str) {
        self.swarm.close_connection(id);
        self.on_disconnected(key, id, why);
    }

    fn on_dial_failed(&mut self, key: PeerId, error: &DialError) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.connection.is_some() {
            return;
        }
        if let DialError::WrongPeerId { obtained, address } = error {
            if !std::mem::replace(&mut peer.complained, true) {
                tracing::warn!(validator = %peer.name, %address, expected = %key, %obtained,
                    "another key answers at the address of this validator; correct network.dial");
            }
        } else {
            tracing::debug!(validator = %peer.name, %error, "not reached");
        }
        peer.redial.failed(Instant::now());
    }

    fn on_refused(&mut self, error: &ListenError, address: &Multiaddr) {
        let why = match error {
            ListenError::Denied { cause } => match cause.downcast_ref::<NotAdmitted>() {
                Some(NotAdmitted::Unregistered(_)) => Refused::Unregistered,
                Some(NotAdmitted::Waiting(_)) => Refused::Waiting,
                None => Refused::TooMany,
            },
            _ => Refused::Handshake,
        };
        self.metrics.refused(why);
        tracing::debug!(%address, ?why, %error, "refused a connection");
    }

    fn on_link(&mut self, event: PeerLinkEvent) {
        let PeerLinkEvent {
            peer: key,
            connection: id,
            event,
        } = event;
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let from = peer.id;
        let Some(connection) = peer.connection(id) else { return };
        let reporter = Reporter {
            peer: key,
            connection: id,
            notices: self.notices.0.clone(),
        };
        match event {
            LinkEvent::Outgoing(stream) => {
                let task = link::send(stream, self.hello, reporter, self.metrics.clone());
                connection.tasks.spawn(task);
            }
            LinkEvent::Incoming(stream) => {
                let reader = Reader {
                    from,
                    hello: self.hello,
                    receivers: self.receivers.clone(),
                    metrics: self.metrics.clone(),
                };
                connection.tasks.spawn(reader.receive(stream, reporter));
            }
            LinkEvent::SecondIncoming => self.on_end(key, id, &Violation::SecondLink.into()),
            LinkEvent::NotTaken => self.on_end(key, id, &End::Silent),
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        let Notice {
            peer: key,
            connection: id,
            news,
        } = notice;
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let name = peer.name.clone();
        let validator = peer.id;
        let Some(connection) = peer.connection(id) else { return };
        match news {
            News::Admitted => connection.admitted = true,
            News::Linked(outbox) => {
                connection.linked_since = Some(Instant::now());
                peer.complained = false;
                self.links.send_modify(|links| {
                    links.insert(validator, outbox);
                    self.metrics.peers.set(links.len() as i64);
                });
                tracing::info!(validator = %name, "connected to a validator");
            }
            News::Mismatched(mismatch) => self.on_mismatch(key, id, mismatch),
            News::Ended(end) => self.on_end(key, id, &end),
        }
    }

    /// Says so once for each connection, as both of its links may find out.
    fn on_mismatch(&mut self, key: PeerId, id: ConnectionId, mismatch: Mismatch) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let name = peer.name.clone();
        let Some(connection) = peer.connection(id) else { return };
        if std::mem::replace(&mut connection.mismatched, true) {
            return;
        }
        tracing::warn!(validator = %name, "refused a validator: {mismatch}");
        self.metrics.refused(match mismatch {
            Mismatch::Version { .. } => Refused::OtherVersion,
            Mismatch::Genesis { .. } => Refused::OtherGenesis,
        });
    }

    /// Closes a connection whose link has ended, or never was.
    fn on_end(&mut self, key: PeerId, id: ConnectionId, end: &End) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.connection(id).is_none() {
            return;
        }
        let name = peer.name.clone();
        if let End::Mismatch(mismatch) = end {
            self.on_mismatch(key, id, *mismatch);
        }
        self.disconnect(key, id, &end.to_string());
        if let End::Violation(violation) = end {
            tracing::warn!(validator = %name, "a validator sent {violation}");
            self.metrics.fault(violation.kind());
            self.charge(key, VIOLATION_POINTS);
        }
    }

    /// The actor has counted it already.
    fn on_fault(&mut self, peer: ValidatorId, fault: &'static str) {
        let Some(key) = self.by_id.get(&peer).copied() else {
            return;
        };
        if let Some(peer) = self.peers.get(&key) {
            tracing::warn!(validator = %peer.name, fault, "a validator sent what no honest one sends");
        }
        self.charge(key, FAULT_POINTS);
    }

    fn charge(&mut self, key: PeerId, points: u32) {
        let now = Instant::now();
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if !peer.score.add(points, now) || peer.waits_until.is_some() {
            return;
        }
        tracing::warn!(validator = %peer.name, seconds = WAIT.as_secs(), "disconnected a validator for its faults; it must wait");
        peer.waits_until = Some(now + WAIT);
        let connection = peer.connection.as_ref().map(|connection| connection.id);
        self.swarm.behaviour_mut().links.bar(key);
        if let Some(id) = connection {
            self.disconnect(key, id, "of its faults");
        }
    }
}

fn unpublish(links: &watch::Sender<Links>, metrics: &Metrics, id: ValidatorId) {
    links.send_modify(|links| {
        links.remove(&id);
        metrics.peers.set(links.len() as i64);
    });
}
