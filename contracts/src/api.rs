//! The shapes of a node's HTTP API, shared by nodes and their clients, and how a request to read
//! what is not public is signed.

pub mod submission;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    block::{
        BatchDigest, BlockId, CheckpointCertificate, CommitCertificate, GenesisHash, Header, Height, StateHash, TimeMs,
    },
    codec::{self, Bounded, Text},
    committee::ValidatorId,
    evidence::EvidenceRecord,
    identity::AddressPrefix,
    keys::{BadSignature, Domain, PublicKey, SecretKey, Signature, Signed},
    ledger::receipt::{Outcome, Receipt},
    merkle::Root,
    money::{Amount, Currency},
    proof::{HANDOVERS_MAX, Handover},
    protocol::{Protocol, ProtocolVersion, Upcoming},
    registry::Registry,
    settlement::{ContractId, Rate},
    statement::SignedStatement,
    transaction::{SignedTransaction, TxId},
};

/// Content type of one signed transaction in canonical bytes.
pub const TRANSACTION_TYPE: &str = "application/octet-stream";

/// Content type of many: each in canonical bytes after its length as four bytes, big-endian.
pub const TRANSACTIONS_TYPE: &str = "application/vnd.causeway.transactions";

/// A submission carries at most this many transactions.
pub const SUBMIT_TRANSACTIONS_MAX: usize = 1024;

/// A submission's body is at most this long, in bytes.
pub const SUBMIT_BYTES_MAX: usize = 1024 * 1024;

/// A request to wait for a receipt waits at most this long, in milliseconds.
pub const WAIT_MS_MAX: u64 = 30_000;

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    pub network: String,
    pub genesis: GenesisHash,
    pub address_prefix: AddressPrefix,
    pub validator: ValidatorId,
    pub role: Role,
    /// The program's version.
    pub version: String,
    pub protocol: ProtocolStatus,
    /// The last final block on this node's disk.
    pub height: Height,
    pub time_ms: TimeMs,
    pub block: BlockId,
    pub state_hash: StateHash,
    pub validators: u32,
    /// Of those, connected to this node, itself not counted.
    pub peers: u32,
    /// Blocks that others have and this node has not yet.
    pub behind: u64,
    /// Whether it takes transactions now.
    pub accepting: bool,
    pub pending_transactions: u64,
}

/// By which version of the protocol blocks are made, and whether this program can go on making them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolStatus {
    /// In force for the next block.
    pub version: ProtocolVersion,
    /// What the council has set for a later height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upcoming: Option<Upcoming>,
    /// The last version that this program implements.
    pub implemented: ProtocolVersion,
    /// The node stops before `upcoming` is in force, unless a newer program is installed before.
    pub must_upgrade: bool,
}

impl ProtocolStatus {
    /// After a block of this height, of a program that implements versions up to `implemented`.
    pub fn new(protocol: &Protocol, height: Height, implemented: ProtocolVersion) -> Self {
        let next = height.next();
        let upcoming = protocol.upcoming.filter(|upcoming| upcoming.height > next);
        Self {
            version: protocol.at(next),
            upcoming,
            implemented,
            must_upgrade: upcoming.is_some_and(|upcoming| upcoming.version > implemented),
        }
    }
}

/// What a node does on its network, by the state after its last block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It votes, proposes and takes transactions.
    Validator,
    /// It does so from the second height after its last block on.
    Joining,
    /// The council has taken its key out of the set; it follows, and takes no transactions.
    Removed {
        /// The last height that it took part in deciding.
        last: Height,
    },
    /// Its key has not been in the set; it follows, and takes no transactions.
    Observer,
}

/// `GET /v1/nodes`: those that the others admit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Nodes {
    /// As of this block.
    pub height: Height,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::registry::Node>))]
    pub nodes: Registry,
}

/// `GET /v1/handovers`: the last changes of validators, the first of them first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Handovers {
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Handover>, max_items = 256))]
    pub handovers: Bounded<Handover, HANDOVERS_MAX>,
}

/// `POST /v1/transactions`: one entry for each transaction, in order. A submission that cannot be
/// read at all is refused as a whole, with a [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Submitted {
    pub results: Vec<SubmitResult>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubmitResult {
    pub id: TxId,
    /// Absent if the transaction was taken, or had been before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refused {
    /// A word for programs, such as `expired` or `busy`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// Whether the same bytes may be taken later, here or elsewhere.
    pub retry: bool,
}

/// `GET /v1/transactions/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransactionView {
    pub id: TxId,
    pub status: TransactionStatus,
    /// Where it is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Where it has no receipt: this validator's signed word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<SignedStatement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TransactionStatus {
    /// Not known here, or skipped, or forgotten before it was ordered.
    Unknown,
    /// Taken and not yet in a final block.
    Pending,
    /// In a final block; `outcome` says with what effect.
    Final,
}

/// `GET /v1/blocks/{height}`: what anyone may know of a block. Without its receipts: whoever has their
/// ids can ask for every payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockView {
    pub header: Header,
    pub certificate: CommitCertificate,
    /// What the header's `batches_root` is over.
    pub batches: Vec<BatchDigest>,
    /// For the state after an earlier block, if this one carries it; the header commits to it with the batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointCertificate>,
}

/// Each event of the stream of final blocks (`GET /v1/stream`), for validators and participants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamedBlock {
    pub header: Header,
    pub certificate: CommitCertificate,
    pub receipts: Vec<Receipt>,
    /// Those that the receipts are about, in their order; none unless they were asked for (`transactions=true`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transactions: Vec<SignedTransaction>,
}

/// `GET /v1/validators`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Validators {
    /// The set decides the block after this one.
    pub height: Height,
    pub hash: Root,
    pub validators: Vec<ValidatorView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidatorView {
    pub id: ValidatorId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Text<64>,
    pub key: PublicKey,
    pub power: u64,
    /// Passed over as a proposer, having missed its turn.
    pub absent: bool,
}

/// `GET /v1/evidence`: what the ledger holds of validators that signed twice, ascending by validator and
/// for each in the order of recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EvidencePage {
    /// The block after which it is so.
    pub height: Height,
    /// All records against each validator that is named: at most 79.
    #[cfg_attr(feature = "openapi", schema(max_items = 79))]
    pub evidence: Vec<EvidenceRecord>,
    /// There is more: ask again with this as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ValidatorId>,
}

/// `GET /v1/books/{sell}/{buy}`: the offers of a book, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookView {
    /// As of this block.
    pub height: Height,
    pub sell: Currency,
    pub buy: Currency,
    pub offers: Vec<OfferView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferView {
    pub id: ContractId,
    /// What is wanted for one of what is sold.
    pub rate: Rate,
    /// What is left to be sold.
    pub amount: Amount,
    /// Less than this is sold only if it is all that is left.
    pub min_fill: Amount,
}

/// `GET /v1/paths`: the best way for a payment through books, and what it would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PathView {
    /// As of this block.
    pub height: Height,
    /// Empty if there is none.
    pub path: Vec<Currency>,
    pub sent: Amount,
    pub delivered: Amount,
}

/// The body of every error: problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:causeway:problem:` and a word for programs.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What was wrong and what would be right.
    pub detail: String,
}

/// Headers of a request to read what is not public.
pub const KEY_HEADER: &str = "causeway-key";
pub const TIME_HEADER: &str = "causeway-time";
pub const SIGNATURE_HEADER: &str = "causeway-signature";

/// A signed request counts if its time is at most this far from the node's clock, in milliseconds.
pub const REQUEST_SKEW_MS: u64 = 30_000;

/// What the signature on a read request covers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReadRequest {
    pub genesis: GenesisHash,
    /// Path and query as sent, such as `/v1/accounts/cwdev1...`.
    pub path: Text<1024>,
    pub time_ms: TimeMs,
}

impl ReadRequest {
    pub fn sign(&self, key: &SecretKey) -> Signature {
        key.sign(Domain::Request, &codec::encode(self))
    }

    pub fn verify(&self, key: PublicKey, signature: Signature) -> Result<(), BadSignature> {
        let message = codec::encode(self);
        let signed = Signed {
            key,
            domain: Domain::Request,
            message: &message,
            signature,
        };
        signed.verify()
    }
}
