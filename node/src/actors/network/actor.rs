//! The network actor: it puts payloads into peers' queues, and hands the rest to the driver.

use std::sync::Arc;

use actix::{Actor, Context, Handler, MessageResult, ResponseFuture};
use causeway_consensus::wire::FETCH_REQUEST_BYTES_MAX;
use causeway_contracts::committee::ValidatorId;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    driver::{Command, Links},
    message::{Destination, Fetch, FetchError, Lane, PeerFault, Peers, Send},
    metrics::Metrics,
    queue::{NotQueued, Outbox},
};

const MAILBOX: usize = 1024;

/// Its mailbox holds [`MAILBOX`] messages; none of its handlers waits for a peer.
#[derive(Debug)]
pub struct Network {
    pub(super) links: watch::Receiver<Links>,
    commands: mpsc::Sender<Command>,
    metrics: Metrics,
}

impl Network {
    pub(super) fn new(links: watch::Receiver<Links>, commands: mpsc::Sender<Command>, metrics: Metrics) -> Self {
        Self {
            links,
            commands,
            metrics,
        }
    }

    fn queue(&self, peer: &ValidatorId, outbox: &Outbox, lane: Lane, payload: &Arc<[u8]>) {
        match outbox.push(lane, Arc::clone(payload)) {
            Ok(()) => {}
            Err(NotQueued::Full) => {
                self.metrics.lane(lane).dropped_sending.inc();
                tracing::debug!(%peer, ?lane, "the queue to a validator is full");
            }
            // The driver is about to take it from the links.
            Err(NotQueued::Disconnected) => {}
        }
    }
}

impl Actor for Network {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Send> for Network {
    type Result = ();

    fn handle(&mut self, Send { to, lane, payload }: Send, _: &mut Self::Context) {
        if payload.len() > lane.payload_bytes_max() {
            tracing::error!(
                ?lane,
                bytes = payload.len(),
                "a payload is too long to be sent, and was dropped"
            );
            return;
        }
        let links = self.links.borrow();
        match to {
            Destination::All => {
                for (peer, outbox) in links.iter() {
                    self.queue(peer, outbox, lane, &payload);
                }
            }
            Destination::One(peer) => {
                if let Some(outbox) = links.get(&peer) {
                    self.queue(&peer, outbox, lane, &payload);
                }
            }
        }
    }
}

impl Handler<Fetch> for Network {
    type Result = ResponseFuture<Result<Vec<u8>, FetchError>>;

    fn handle(&mut self, Fetch { from, request }: Fetch, _: &mut Self::Context) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        let asked = if request.len() > FETCH_REQUEST_BYTES_MAX {
            tracing::error!(bytes = request.len(), "a fetch is too long to be asked");
            Err(FetchError::NoAnswer(from))
        } else {
            let command = Command::Fetch { from, request, answer };
            self.commands.try_send(command).map_err(|_| FetchError::Busy)
        };
        Box::pin(async move {
            asked?;
            answered.await.map_err(|_| FetchError::NoAnswer(from))?
        })
    }
}

impl Handler<PeerFault> for Network {
    type Result = ();

    fn handle(&mut self, PeerFault { peer, fault }: PeerFault, _: &mut Self::Context) {
        self.metrics.fault(fault);
        if self.commands.try_send(Command::Fault { peer, fault }).is_err() {
            tracing::warn!(%peer, fault, "a fault was counted, but not held against the validator");
        }
    }
}

impl Handler<Peers> for Network {
    type Result = MessageResult<Peers>;

    fn handle(&mut self, _: Peers, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.links.borrow().keys().copied().collect())
    }
}
