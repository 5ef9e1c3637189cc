//! The bytes of a link: a hello, then frames.
//!
//! A link is a substream that carries one direction of the traffic between two validators. It begins
//! with a [`Hello`] from each side. Then its opener sends frames: the lane (1 byte), the payload's
//! bytes from this frame on (4 bytes, big-endian), and as many of them as fit a frame. So a header says
//! both how long its frame is and how much is to come, and a payload's length is known, and checked,
//! before any memory is given to it. Frames of different lanes may interleave.

use causeway_contracts::block::{GenesisHash, batch::BATCH_BYTES_MAX};

/// A frame with its header is at most this long.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

pub const HEADER_BYTES: usize = 5;

const BODY_BYTES_MAX: usize = FRAME_BYTES_MAX - HEADER_BYTES;

/// Of the hello and the frames, and of what consensus, batches and fetches look like in them. Versions of
/// the ledger's rules are another matter ([`causeway_contracts::protocol`]): programs that implement different
/// ones talk to each other.
pub const WIRE_VERSION: u16 = 1;

pub const HELLO_BYTES: usize = 4 + 2 + 32;

const MAGIC: [u8; 4] = *b"CWAY";

/// What each side of a link says first: `CWAY`, the version (2 bytes, big-endian) and the hash of its
/// genesis (32 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    pub version: u16,
    pub genesis: GenesisHash,
}

/// The peer is not one to talk to, though it may be honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("its wire version is {theirs}, this node's {ours}; one of the two programs is too old")]
    Version { theirs: u16, ours: u16 },
    #[error("it belongs to another network: its genesis hash is {theirs}, this node's is {ours}")]
    Genesis { theirs: GenesisHash, ours: GenesisHash },
}

/// What no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("a link that does not begin with a hello")]
    NotAHello,
    #[error("a second link on one connection")]
    SecondLink,
    #[error("a frame of the unknown lane {0}")]
    UnknownLane(u8),
    #[error("a payload of {bytes} bytes on the lane {lane:?}, which takes {max}", max = .lane.payload_bytes_max())]
    PayloadTooLong { lane: Lane, bytes: usize },
    #[error("a frame with {actual} bytes to come on the lane {lane:?}, after one that left {expected}")]
    OutOfStep { lane: Lane, expected: usize, actual: usize },
}

impl Violation {
    /// For metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotAHello => "not_a_hello",
            Self::SecondLink => "second_link",
            Self::UnknownLane(_) => "unknown_lane",
            Self::PayloadTooLong { .. } => "payload_too_long",
            Self::OutOfStep { .. } => "frame_out_of_step",
        }
    }
}

impl Hello {
    pub fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&self.version.to_be_bytes());
        bytes[6..].copy_from_slice(self.genesis.as_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8; HELLO_BYTES]) -> Result<Self, Violation> {
        let (magic, rest) = bytes.split_first_chunk::<4>().expect("38 bytes");
        let (version, genesis) = rest.split_first_chunk::<2>().expect("34 bytes");
        if *magic != MAGIC {
            return Err(Violation::NotAHello);
        }
        Ok(Self {
            version: u16::from_be_bytes(*version),
            genesis: GenesisHash(genesis.try_into().expect("32 bytes")),
        })
    }

    pub fn check(&self, theirs: &Self) -> Result<(), Mismatch> {
        if theirs.version != self.version {
            return Err(Mismatch::Version {
                theirs: theirs.version,
                ours: self.version,
            });
        }
        if theirs.genesis != self.genesis {
            return Err(Mismatch::Genesis {
                theirs: theirs.genesis,
                ours: self.genesis,
            });
        }
        Ok(())
    }
}

/// Kinds of traffic, the most urgent first. A frame of an earlier lane overtakes those of later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Proposals, votes, certificates.
    Consensus,
    /// Sealed batches.
    Batches,
    /// Statuses.
    Sync,
}

impl Lane {
    pub const ALL: [Self; 3] = [Self::Consensus, Self::Batches, Self::Sync];

    /// The largest payload of this lane, in bytes; a longer one is a peer's fault.
    pub const fn payload_bytes_max(self) -> usize {
        match self {
            Self::Consensus => 64 * 1024,
            Self::Batches => BATCH_BYTES_MAX,
            Self::Sync => 1024,
        }
    }

    /// Its place in [`Lane::ALL`], and its byte in a frame's header.
    pub const fn index(self) -> usize {
        match self {
            Self::Consensus => 0,
            Self::Batches => 1,
            Self::Sync => 2,
        }
    }

    /// For metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Batches => "batches",
            Self::Sync => "sync",
        }
    }
}

/// Appends the next frame of a payload of which `sent` bytes are out already; gives the bytes that are
/// out with it.
pub fn append_frame(buffer: &mut Vec<u8>, lane: Lane, payload: &[u8], sent: usize) -> usize {
    let rest = &payload[sent..];
    let remaining = u32::try_from(rest.len()).expect("no lane takes payloads of 4 GiB");
    let body = &rest[..rest.len().min(BODY_BYTES_MAX)];
    buffer.push(lane.index() as u8);
    buffer.extend_from_slice(&remaining.to_be_bytes());
    buffer.extend_from_slice(body);
    sent + body.len()
}

/// Puts payloads together from frames, one at a time per lane.
#[derive(Debug, Default)]
pub struct Assembler {
    lanes: [Option<Partial>; Lane::ALL.len()],
}

#[derive(Debug)]
struct Partial {
    payload: Vec<u8>,
    total: usize,
}

impl Assembler {
    /// The lane of a frame, and the place for its body, which the caller fills before it calls
    /// [`Self::complete`].
    pub fn open(&mut self, header: &[u8; HEADER_BYTES]) -> Result<(Lane, &mut [u8]), Violation> {
        let [lane, remaining @ ..] = *header;
        let lane = *Lane::ALL.get(usize::from(lane)).ok_or(Violation::UnknownLane(lane))?;
        let remaining = u32::from_be_bytes(remaining) as usize;
        let slot = &mut self.lanes[lane.index()];
        match slot {
            Some(partial) => {
                let expected = partial.total - partial.payload.len();
                if remaining != expected {
                    return Err(Violation::OutOfStep {
                        lane,
                        expected,
                        actual: remaining,
                    });
                }
            }
            None if remaining > lane.payload_bytes_max() => {
                return Err(Violation::PayloadTooLong { lane, bytes: remaining });
            }
            None => {}
        }
        let partial = slot.get_or_insert_with(|| Partial {
            payload: Vec::with_capacity(remaining),
            total: remaining,
        });
        let start = partial.payload.len();
        partial.payload.resize(start + remaining.min(BODY_BYTES_MAX), 0);
        Ok((lane, &mut partial.payload[start..]))
    }

    /// The lane's payload, if the frame just filled was its last.
    pub fn complete(&mut self, lane: Lane) -> Option<Vec<u8>> {
        let slot = &mut self.lanes[lane.index()];
        let partial = slot.take_if(|partial| partial.payload.len() == partial.total)?;
        Some(partial.payload)
    }
}

#[cfg(test)]
mod tests;
