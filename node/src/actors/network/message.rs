//! What the network actor takes and gives. Payloads are opaque to it: their receivers decode them,
//! and report a peer that sent a bad one.

use std::sync::Arc;

use actix::Message;
pub use causeway_consensus::frame::Lane;
use causeway_contracts::{block::TimeMs, committee::ValidatorId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Every other validator.
    All,
    One(ValidatorId),
}

/// Sends a payload, or drops it if the peer's lane is full or the peer is away: everything sent is
/// either sent again or can be fetched.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Send {
    pub to: Destination,
    pub lane: Lane,
    pub payload: Arc<[u8]>,
}

/// A payload from a validator, authenticated by its network key, given to the receiver of its lane.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Received {
    pub from: ValidatorId,
    pub lane: Lane,
    pub payload: Vec<u8>,
    /// By this node's clock.
    pub arrived: TimeMs,
}

/// A question to one peer, of at most [`causeway_consensus::wire::FETCH_REQUEST_BYTES_MAX`].
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Vec<u8>, FetchError>")]
pub struct Fetch {
    pub from: ValidatorId,
    pub request: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("validator {0} is not connected")]
    NotConnected(ValidatorId),
    #[error("validator {0} did not answer")]
    NoAnswer(ValidatorId),
    #[error("too many fetches are under way")]
    Busy,
}

/// A peer's [`Fetch`], to be answered. `None` refuses.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Vec<u8>>")]
pub struct Serve {
    pub from: ValidatorId,
    pub request: Vec<u8>,
}

/// A peer sent something that no honest validator sends.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct PeerFault {
    pub peer: ValidatorId,
    /// What, for logs and metrics, such as `bad_vote_signature`.
    pub fault: &'static str,
}

/// Who is connected.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Vec<ValidatorId>")]
pub struct Peers;
