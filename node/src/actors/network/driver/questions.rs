//! Questions to peers, and theirs to this node: how many are under way, and what becomes of each.

use std::io;

use causeway_consensus::wire::FETCH_RESPONSE_BYTES_MAX;
use causeway_contracts::committee::ValidatorId;
use futures::FutureExt;
use libp2p::{
    PeerId,
    request_response::{InboundRequestId, Message, OutboundFailure, OutboundRequestId, ResponseChannel},
    swarm::ConnectionId,
};
use tokio::{sync::oneshot, time::timeout};

use super::{
    super::{
        exchange,
        message::{FetchError, Serve},
        metrics::FetchOutcome,
        peer::VIOLATION_POINTS,
    },
    Driver,
};

/// A question of this node's that is under way.
pub struct Asked {
    of: PeerId,
    answer: oneshot::Sender<Result<Vec<u8>, FetchError>>,
}

/// An answer to a peer's question, if it gets one.
pub type Served = (PeerId, ResponseChannel<Vec<u8>>, Option<Vec<u8>>);

impl Driver {
    pub(super) fn fetch(
        &mut self,
        from: ValidatorId,
        request: Vec<u8>,
        answer: oneshot::Sender<Result<Vec<u8>, FetchError>>,
    ) {
        let linked = self.by_id.get(&from).copied().and_then(|key| {
            let peer = self.peers.get_mut(&key).filter(|peer| peer.is_linked())?;
            Some((key, peer))
        });
        let (key, peer) = match linked {
            None => return self.answer(answer, Err(FetchError::NotConnected(from))),
            Some((_, peer))
                if peer.fetches >= exchange::FETCHES_PER_PEER_MAX || self.fetches.len() >= exchange::FETCHES_MAX =>
            {
                return self.answer(answer, Err(FetchError::Busy));
            }
            Some(linked) => linked,
        };
        peer.fetches += 1;
        let id = self.swarm.behaviour_mut().fetch.send_request(&key, request);
        self.fetches.insert(id, Asked { of: key, answer });
    }

    fn answer(&self, answer: oneshot::Sender<Result<Vec<u8>, FetchError>>, result: Result<Vec<u8>, FetchError>) {
        self.metrics.fetched(match &result {
            Ok(_) => FetchOutcome::Answered,
            Err(FetchError::NotConnected(_)) => FetchOutcome::NotConnected,
            Err(FetchError::NoAnswer(_)) => FetchOutcome::NoAnswer,
            Err(FetchError::Busy) => FetchOutcome::Busy,
        });
        // Who asked may have stopped waiting.
        answer.send(result).ok();
    }

    pub(super) fn on_exchange(&mut self, event: exchange::Event) {
        match event {
            exchange::Event::Message {
                peer,
                connection_id,
                message,
            } => match message {
                Message::Request {
                    request_id,
                    request,
                    channel,
                } => self.serve(peer, connection_id, request_id, request, channel),
                Message::Response { request_id, response } => self.on_answer(request_id, Ok(response)),
            },
            exchange::Event::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "a fetch failed");
                if let OutboundFailure::Io(error) = &error
                    && error.kind() == io::ErrorKind::InvalidData
                {
                    self.metrics.fault("response_too_long");
                    self.charge(peer, VIOLATION_POINTS);
                }
                self.on_answer(request_id, Err(()));
            }
            exchange::Event::InboundFailure { peer, request_id, .. }
            | exchange::Event::ResponseSent { peer, request_id, .. } => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.serving.remove(&request_id);
                }
            }
        }
    }

    fn on_answer(&mut self, id: OutboundRequestId, response: Result<Vec<u8>, ()>) {
        let Some(Asked { of, answer }) = self.fetches.remove(&id) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&of) else { return };
        peer.fetches -= 1;
        let from = peer.id;
        self.answer(answer, response.map_err(|()| FetchError::NoAnswer(from)));
    }

    /// Dropping the channel refuses.
    fn serve(
        &mut self,
        key: PeerId,
        connection: ConnectionId,
        id: InboundRequestId,
        request: Vec<u8>,
        channel: ResponseChannel<Vec<u8>>,
    ) {
        // Answers still being made count too after their askers are gone.
        let sending: usize = self.peers.values().map(|peer| peer.serving.len()).sum();
        let serving = sending.max(self.serves.len());
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let admitted = peer
            .connection(connection)
            .is_some_and(|connection| connection.admitted);
        if !admitted || peer.serving.len() >= exchange::SERVES_PER_PEER_MAX || serving >= exchange::SERVES_MAX {
            tracing::debug!(validator = %peer.name, admitted, "refused a fetch");
            return;
        }
        peer.serving.insert(id);
        let from = peer.id;
        let answering = self.serve.send(Serve { from, request });
        let served = async move {
            let answer = match timeout(exchange::FETCH_TIME_MAX, answering).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => None,
            };
            (key, channel, answer)
        };
        self.serves.push(served.boxed());
    }

    pub(super) fn on_served(&mut self, (key, channel, answer): Served) {
        let Some(answer) = answer else { return };
        if answer.len() > FETCH_RESPONSE_BYTES_MAX {
            tracing::error!(peer = %key, bytes = answer.len(), "an answer to a peer is too long to be sent");
            return;
        }
        // Too late an answer has nobody waiting for it.
        self.swarm.behaviour_mut().fetch.send_response(channel, answer).ok();
    }
}
