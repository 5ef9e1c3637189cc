//! What the API is given, and what its handlers share.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix::{MailboxError, Message, Recipient};
use causeway_contracts::{
    block::{GenesisHash, Height},
    genesis::Genesis,
    keys::SecretKey,
    ledger,
    protocol::ProtocolVersion,
    statement::{Answer, SignedStatement, Statement},
};
use prometheus::Registry;
use std::{net::IpAddr, sync::Arc};
use tokio::sync::{Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{error::ApiError, hub::Hub, metrics::HttpMetrics};
use crate::{
    actors::{
        budget::{BudgetRates, Rate},
        ledger::{
            Membership,
            message::{ContractsOf, Finalized, Tip},
        },
        mempool::message::{GetCapacity, IsPending, Submit},
        network::message::Peers,
        penalty::Penalties,
    },
    store::{Reader, StoreError},
};

/// Gives the time by which addresses wait and connections' budgets refill.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What the API is made of.
#[derive(Clone)]
pub struct ApiContext {
    pub genesis: Arc<Genesis>,
    pub genesis_hash: GenesisHash,
    /// The validator's key; the API signs statements with it, and nothing else.
    pub key: SecretKey,
    pub reader: Reader,
    pub submit: Recipient<Submit>,
    pub is_pending: Recipient<IsPending>,
    pub capacity: Recipient<GetCapacity>,
    pub peers: Recipient<Peers>,
    pub tip: Recipient<Tip>,
    pub contracts: Recipient<ContractsOf>,
    pub members: watch::Receiver<Membership>,
    /// Where the ledger publishes each block once it is on disk.
    pub finalized: broadcast::Sender<Finalized>,
    pub progress: watch::Receiver<Progress>,
    pub registry: Registry,
    pub limits: ApiLimits,
    pub clock: Clock,
    /// The last version of the protocol that this program implements.
    pub known: ProtocolVersion,
}

/// How far this node is, and the others are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub height: Height,
    /// The highest final height that a peer has reported.
    pub best_height_seen: Height,
}

impl Progress {
    pub fn behind(&self) -> u64 {
        self.best_height_seen.0.saturating_sub(self.height.0)
    }
}

/// What bounds the API. The defaults suit a validator on a small machine.
#[derive(Debug, Clone)]
pub struct ApiLimits {
    pub connections_max: usize,
    /// Of those, from one address; one more is closed at once.
    pub address_connections_max: usize,
    /// Of transactions that one connection brings.
    pub connection_budget: Rate,
    /// Of a request's headers, names and values together.
    pub header_bytes_max: usize,
    /// Of all submissions that are being read or answered.
    pub body_bytes_held_max: usize,
    /// A request's headers, and after them its body, must each have arrived within this time.
    pub arrival_max: Duration,
    /// A connection without a request is closed after this time.
    pub keep_alive: Duration,
    /// Requests that wait for a receipt.
    pub waiters_max: usize,
    pub streams_max: usize,
    /// A stream says that it is alive when it has had nothing else to say for this long.
    pub stream_quiet_max: Duration,
    /// A client that takes nothing off its connection for this long is cut off.
    pub stalled_max: Duration,
    /// Actors answer within this time, or the request fails.
    pub answer_max: Duration,
    /// With more blocks to catch up with than this, `GET /health` says so.
    pub behind_max: u64,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            connections_max: 2048,
            address_connections_max: 1536,
            connection_budget: BudgetRates::default().connection,
            header_bytes_max: 8 * 1024,
            body_bytes_held_max: 64 * 1024 * 1024,
            arrival_max: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            waiters_max: 4096,
            streams_max: 64,
            stream_quiet_max: Duration::from_secs(10),
            stalled_max: Duration::from_secs(30),
            answer_max: Duration::from_secs(2),
            behind_max: 20,
        }
    }
}

/// What the handlers of one server share.
pub(super) struct Api {
    pub context: ApiContext,
    pub hub: Hub,
    pub metrics: HttpMetrics,
    /// `/openapi.json` and `/`, which do not change while the node runs.
    pub document: String,
    pub index: String,
    pub body_bytes: Arc<Semaphore>,
    pub streams: Arc<Semaphore>,
    pub stopping: CancellationToken,
    penalties: Mutex<Penalties>,
}

impl Api {
    pub fn new(context: ApiContext, hub: Hub, metrics: HttpMetrics, stopping: CancellationToken) -> Self {
        let document = super::openapi::document();
        Self {
            hub,
            metrics,
            index: super::openapi::index(&document),
            document: document.to_json().expect("the document has a JSON form"),
            body_bytes: Arc::new(Semaphore::new(context.limits.body_bytes_held_max)),
            streams: Arc::new(Semaphore::new(context.limits.streams_max)),
            stopping,
            penalties: Mutex::default(),
            context,
        }
    }

    /// Asks an actor. Gives up when it does not answer in time: its mailbox is full, or it is stuck.
    pub async fn ask<M>(&self, actor: &Recipient<M>, message: M) -> Result<M::Result, ApiError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match actor.send(message).timeout(self.context.limits.answer_max).await {
            Ok(answer) => Ok(answer),
            Err(MailboxError::Timeout) => Err(ApiError::NoAnswer),
            Err(MailboxError::Closed) => Err(ApiError::Stopping),
        }
    }

    /// Reads the store on a thread that may block.
    pub async fn read<T, F>(&self, read: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    {
        let reader = self.context.reader.clone();
        match actix_web::web::block(move || read(&reader)).await {
            Ok(result) => result.map_err(|error| {
                error.stop_if_damaged();
                ApiError::Store(error)
            }),
            Err(_) => Err(ApiError::Stopping),
        }
    }

    /// This validator's word for `answer`, as of `tip`.
    pub fn state(&self, tip: &ledger::Tip, answer: Answer) -> SignedStatement {
        Statement {
            genesis: self.context.genesis_hash,
            height: tip.height,
            time_ms: tip.time_ms,
            answer,
        }
        .sign(&self.context.key)
    }

    /// Refuses an address that has sent too much that is invalid.
    pub fn check_penalty(&self, client: IpAddr) -> Result<(), ApiError> {
        let penalties = self.penalties.lock().unwrap_or_else(PoisonError::into_inner);
        match penalties.left(client, self.now()) {
            Some(left) => Err(ApiError::Penalized { left }),
            None => Ok(()),
        }
    }

    /// Counts something invalid against an address.
    pub fn penalize(&self, client: IpAddr, count: usize) {
        let mut penalties = self.penalties.lock().unwrap_or_else(PoisonError::into_inner);
        penalties.add(client, count, self.now());
    }

    pub fn now(&self) -> Instant {
        (self.context.clock)()
    }
}
