//! The part of the swarm that decides who may connect, and opens one link each way on a connection.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, transport::PortUse, upgrade::ReadyUpgrade},
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
        SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};

/// Without a version, so that a peer of another version gets as far as the hello and can be told.
pub const LINK_PROTOCOL: StreamProtocol = StreamProtocol::new("/causeway/link");

const OPENING_TIME_MAX: Duration = Duration::from_secs(5);

/// Why a peer may not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("peer {0} is not registered")]
    Unregistered(PeerId),
    #[error("peer {0} has to wait")]
    Waiting(PeerId),
}

/// A link's substream, or why there is none.
#[derive(Debug)]
pub enum LinkEvent {
    /// This node sends on it.
    Outgoing(Stream),
    /// The peer sends on it.
    Incoming(Stream),
    /// The peer opened one more.
    SecondIncoming,
    /// The peer did not take ours.
    NotTaken,
}

#[derive(Debug)]
pub struct PeerLinkEvent {
    pub peer: PeerId,
    pub connection: ConnectionId,
    pub event: LinkEvent,
}

pub struct Behaviour {
    registered: HashSet<PeerId>,
    waiting: HashSet<PeerId>,
    events: VecDeque<PeerLinkEvent>,
}

impl Behaviour {
    pub fn new(registered: HashSet<PeerId>) -> Self {
        Self {
            registered,
            waiting: HashSet::new(),
            events: VecDeque::new(),
        }
    }

    /// Refuses connections of all others from now on; those that they have stay.
    pub fn register(&mut self, registered: HashSet<PeerId>) {
        self.registered = registered;
    }

    /// Refuses the peer's connections from now on; those it has stay.
    pub fn bar(&mut self, peer: PeerId) {
        self.waiting.insert(peer);
    }

    pub fn unbar(&mut self, peer: &PeerId) {
        self.waiting.remove(peer);
    }

    fn admit(&self, peer: PeerId) -> Result<Handler, ConnectionDenied> {
        if !self.registered.contains(&peer) {
            return Err(ConnectionDenied::new(NotAdmitted::Unregistered(peer)));
        }
        if self.waiting.contains(&peer) {
            return Err(ConnectionDenied::new(NotAdmitted::Waiting(peer)));
        }
        Ok(Handler::default())
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = PeerLinkEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(peer)
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.events.push_back(PeerLinkEvent {
            peer,
            connection,
            event,
        });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.events.pop_front() {
            Some(event) => Poll::Ready(ToSwarm::GenerateEvent(event)),
            None => Poll::Pending,
        }
    }
}

/// Asks for one substream to send on, takes one to receive on, and gives both away.
#[derive(Default)]
pub struct Handler {
    asked: bool,
    incoming: usize,
    /// At most four: one for each kind.
    events: VecDeque<LinkEvent>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = LinkEvent;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(LINK_PROTOCOL), ())
    }

    /// Who closes it is the driver, whatever is open on it.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        if !self.asked {
            self.asked = true;
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(LINK_PROTOCOL), ()).with_timeout(OPENING_TIME_MAX);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        match self.events.pop_front() {
            Some(event) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event)),
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>) {
        let event = match event {
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                LinkEvent::Outgoing(protocol)
            }
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                self.incoming += 1;
                match self.incoming {
                    1 => LinkEvent::Incoming(protocol),
                    2 => LinkEvent::SecondIncoming,
                    _ => return,
                }
            }
            ConnectionEvent::DialUpgradeError(_) => LinkEvent::NotTaken,
            _ => return,
        };
        self.events.push_back(event);
    }
}
