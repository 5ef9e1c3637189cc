//! Every final block in order, from whichever node has it, and believed from none.
//!
//! A node that sends what does not verify, or nothing, is passed over, and the next one is asked from where the
//! follower was. What it takes: a header with a certificate of the trusted validators, which is at the next height
//! and names the block before as its parent, with the receipts that the header commits to and the transactions
//! that they are about.
//!
//! Of changes of validators it knows what the client knows: blocks more than 30 days older than the newest trust
//! are taken only if today's validators have decided them ([`TrustedSet`](causeway_contracts::proof::TrustedSet)).

mod chain;
mod sse;

use std::{collections::VecDeque, time::Duration};

use causeway_contracts::{
    api::StreamedBlock,
    block::{BATCHES_MAX, BlockId, Height, batch::BATCH_BYTES_MAX, genesis_block_id},
    keys::SecretKey,
};
use reqwest::header;
use tokio::time::{sleep, timeout};

use self::{
    chain::Place,
    sse::{Event, SseDecoder},
};
pub use self::{
    chain::{BlockFault, VerifiedBlock},
    sse::EventTooLong,
};
use super::{CallError, Client, ClientError, http};

/// In JSON a byte of a key or an id takes two, one of a text at most six (a control character), and each of a
/// transaction's 64 actions has the names of its fields besides.
const JSON_LONGER: usize = 8;

/// An event is at most this long, 512 MiB. The largest legal block has 256 batches of 256 KiB, together 64 MiB, which are
/// at most 16,384 transactions: less than 384 MiB for what is in them and 96 MiB for the names of fields. Header,
/// certificate and receipts are few beside that. With the parameters of a new network, whose blocks cost at most
/// 4,000,000, the longest is about a tenth of this.
pub const EVENT_BYTES_MAX: usize = BATCHES_MAX * BATCH_BYTES_MAX * JSON_LONGER;

/// Nodes send a comment every ten seconds at least.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A network that has nothing to do makes a block every few seconds: whoever says for so long that it is alive, and
/// has no block, withholds it, is cut off, or is far behind.
const BLOCK_WAIT_MAX: Duration = Duration::from_secs(60);

/// When no node had a block, before they are asked again.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

/// Why there is no block. It can be asked for again.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Trust(ClientError),
    #[error("none of {asked} nodes gave block {height} (the last: {last})")]
    NoBlock {
        height: Height,
        asked: usize,
        last: Box<NodeFault>,
    },
}

/// Why a node was passed over.
#[derive(Debug, thiserror::Error)]
pub enum NodeFault {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("no block came for {} s", .0.as_secs())]
    Withheld(Duration),
    #[error("the stream ended")]
    Ended,
    #[error(transparent)]
    TooLong(#[from] EventTooLong),
    #[error("an event that is no block: {0}")]
    Malformed(#[source] serde_json::Error),
    #[error(transparent)]
    Block(#[from] BlockFault),
}

#[derive(Debug, Clone, Copy)]
struct Patience {
    silence: Duration,
    block: Duration,
    round: Duration,
}

/// Gives every final block from a height on, see the module. Made by [`Client::follow`].
pub struct Follower<'a> {
    client: &'a Client,
    key: &'a SecretKey,
    place: Place,
    /// Who is asked, or who is next if nobody is.
    node: usize,
    stream: Option<Streaming>,
    patience: Patience,
}

struct Streaming {
    response: reqwest::Response,
    decoder: SseDecoder,
    /// Came whole, and were not looked at yet.
    events: VecDeque<Event>,
}

impl Client {
    /// Every final block from this height on, or from the first if it is 0. `key` is a validator's, a registered
    /// participant's or an issuer's service's: to others nodes do not show them.
    pub fn follow<'a>(&'a self, from: Height, key: &'a SecretKey) -> Follower<'a> {
        let next = from.max(Height::GENESIS.next());
        let is_first = next == Height::GENESIS.next();
        Follower {
            client: self,
            key,
            place: Place {
                next,
                parent: is_first.then(|| genesis_block_id(&self.genesis)),
            },
            node: self.in_order()[0],
            stream: None,
            patience: Patience {
                silence: SILENCE_MAX,
                block: BLOCK_WAIT_MAX,
                round: ROUND_PAUSE,
            },
        }
    }
}

impl Follower<'_> {
    /// The first block must name this one as its parent: the last that the caller had before a restart.
    pub fn after(mut self, parent: BlockId) -> Self {
        self.place.parent = Some(parent);
        self
    }

    /// The height of the block that [`Self::next`] gives.
    pub fn height(&self) -> Height {
        self.place.next
    }

    /// The next block, as soon as a node has it. Nothing is lost when it is dropped before it is ready.
    ///
    /// # Errors
    /// If all nodes were asked and none has it, after a pause of a second; or if the trust has lapsed. What was
    /// had stays so, and it may be called again.
    pub async fn next(&mut self) -> Result<VerifiedBlock, FollowError> {
        let mut opened = 0;
        loop {
            self.client.check_trust().map_err(FollowError::Trust)?;
            opened += usize::from(self.stream.is_none());
            let fault = match self.ask_node().await {
                Ok(block) => {
                    self.place = Place::after(&block);
                    return Ok(block);
                }
                Err(fault) => fault,
            };
            let asked = self.client.nodes.len();
            self.stream = None;
            self.node = (self.node + 1) % asked;
            if opened >= asked {
                sleep(self.patience.round).await;
                return Err(FollowError::NoBlock {
                    height: self.place.next,
                    asked,
                    last: Box::new(fault),
                });
            }
        }
    }

    async fn ask_node(&mut self) -> Result<VerifiedBlock, NodeFault> {
        let wait = self.patience.block;
        let received = timeout(wait, self.receive()).await;
        let block = received.map_err(|_| NodeFault::Withheld(wait))??;
        let check = || {
            let trusted = self.client.trusted();
            self.place
                .check(&block, &trusted, |certified| self.client.certified().has(certified))
        };
        let id = match check() {
            Err(fault) if fault.is_of_other_validators() => {
                self.client.follow_validators().await;
                check()?
            }
            other => other?,
        };
        self.client.certified().remember(id, &block.certificate);
        let mut trusted = self.client.trusted();
        trusted.seen(block.header.time_ms);
        self.client.trust(trusted);
        Ok(VerifiedBlock::new(id, block))
    }

    /// What the node says is the next block.
    async fn receive(&mut self) -> Result<StreamedBlock, NodeFault> {
        if self.stream.is_none() {
            self.stream = Some(self.open().await?);
        }
        let silence = self.patience.silence;
        let stream = self.stream.as_mut().expect("opened above");
        loop {
            while let Some(event) = stream.events.pop_front() {
                if event.name == b"block" {
                    return serde_json::from_slice(&event.data).map_err(NodeFault::Malformed);
                }
            }
            let chunk = timeout(silence, stream.response.chunk()).await;
            let chunk = chunk.map_err(|_| NodeFault::Silent(silence))?;
            let chunk = chunk.map_err(CallError::from)?.ok_or(NodeFault::Ended)?;
            stream.events.extend(stream.decoder.feed(&chunk)?);
        }
    }

    async fn open(&self) -> Result<Streaming, NodeFault> {
        let path = format!("/v1/stream?from_height={}&transactions=true", self.place.next);
        let request = self.client.signed_request(self.node, &path, self.key);
        let request = request.header(header::ACCEPT, "text/event-stream");
        Ok(Streaming {
            response: http::open(request).await?,
            decoder: SseDecoder::new(EVENT_BYTES_MAX),
            events: VecDeque::new(),
        })
    }
}

#[cfg(test)]
mod tests;
