//! What waits to be sent to one peer: a bounded queue for each lane.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{frame, message::Lane};

/// What a lane's queue holds at most, for one peer. Payloads are shared between peers, so the bytes
/// are in memory once.
struct Bounds {
    payloads: usize,
    bytes: usize,
}

const fn bounds(lane: Lane) -> Bounds {
    match lane {
        Lane::Consensus => Bounds {
            payloads: 1024,
            bytes: 4 * 1024 * 1024,
        },
        Lane::Batches => Bounds {
            payloads: 256,
            bytes: 16 * 1024 * 1024,
        },
        Lane::Sync => Bounds {
            payloads: 64,
            bytes: 64 * 1024,
        },
    }
}

/// Where payloads for a connected peer are put.
#[derive(Debug, Clone)]
pub struct Outbox {
    lanes: [LaneQueue; Lane::ALL.len()],
}

#[derive(Debug, Clone)]
struct LaneQueue {
    payloads: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

/// Gives its bytes back to the lane's bound when it is dropped.
#[derive(Debug)]
struct Queued {
    payload: Arc<[u8]>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    Full,
    Disconnected,
}

/// Where the peer's writer takes frames from.
#[derive(Debug)]
pub struct Outlet {
    lanes: [mpsc::Receiver<Queued>; Lane::ALL.len()],
    under_way: [Option<UnderWay>; Lane::ALL.len()],
}

#[derive(Debug)]
struct UnderWay {
    queued: Queued,
    sent: usize,
}

pub fn queues() -> (Outbox, Outlet) {
    let pairs = Lane::ALL.map(|lane| {
        let Bounds { payloads, bytes } = bounds(lane);
        let (sender, receiver) = mpsc::channel(payloads);
        let queue = LaneQueue {
            payloads: sender,
            room: Arc::new(Semaphore::new(bytes)),
        };
        (queue, receiver)
    });
    let [(a, x), (b, y), (c, z)] = pairs;
    let outlet = Outlet {
        lanes: [x, y, z],
        under_way: [const { None }; Lane::ALL.len()],
    };
    (Outbox { lanes: [a, b, c] }, outlet)
}

impl Outbox {
    /// Queues a payload, or drops it if its lane is full.
    pub fn push(&self, lane: Lane, payload: Arc<[u8]>) -> Result<(), NotQueued> {
        assert!(payload.len() <= lane.payload_bytes_max(), "checked by who sends");
        let queue = &self.lanes[lane.index()];
        let room = Arc::clone(&queue.room)
            .try_acquire_many_owned(payload.len() as u32)
            .map_err(|_| NotQueued::Full)?;
        queue
            .payloads
            .try_send(Queued { payload, _room: room })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => NotQueued::Full,
                mpsc::error::TrySendError::Closed(_) => NotQueued::Disconnected,
            })
    }
}

/// A payload's last frame is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub lane: Lane,
    pub bytes: usize,
}

/// What [`Outlet::append_frame`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Nothing,
    Part,
    Last(Sent),
}

impl Outlet {
    /// Appends the next frame of the most urgent lane that has any.
    pub fn append_frame(&mut self, buffer: &mut Vec<u8>) -> Appended {
        for lane in Lane::ALL {
            let slot = &mut self.under_way[lane.index()];
            if slot.is_none() {
                *slot = self.lanes[lane.index()].try_recv().ok().map(UnderWay::new);
            }
            let Some(under_way) = slot else { continue };
            let payload = &under_way.queued.payload;
            under_way.sent = frame::append_frame(buffer, lane, payload, under_way.sent);
            if under_way.sent < payload.len() {
                return Appended::Part;
            }
            let bytes = payload.len();
            *slot = None;
            return Appended::Last(Sent { lane, bytes });
        }
        Appended::Nothing
    }

    /// Waits until there is something to send; `false` when there never will be.
    pub async fn ready(&mut self) -> bool {
        if self.under_way.iter().any(Option::is_some) {
            return true;
        }
        let [consensus, batches, sync] = &mut self.lanes;
        let (lane, queued) = tokio::select! {
            biased;
            queued = consensus.recv() => (Lane::Consensus, queued),
            queued = batches.recv() => (Lane::Batches, queued),
            queued = sync.recv() => (Lane::Sync, queued),
        };
        let Some(queued) = queued else { return false };
        self.under_way[lane.index()] = Some(UnderWay::new(queued));
        true
    }
}

impl UnderWay {
    fn new(queued: Queued) -> Self {
        Self { queued, sent: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: usize) -> Arc<[u8]> {
        vec![1; bytes].into()
    }

    fn lane_of(buffer: &[u8]) -> Lane {
        Lane::ALL[usize::from(buffer[0])]
    }

    #[tokio::test]
    async fn a_vote_overtakes_a_batch_between_two_frames() {
        let (outbox, mut outlet) = queues();
        outbox
            .push(Lane::Batches, payload(Lane::Batches.payload_bytes_max()))
            .unwrap();
        let mut lanes = Vec::new();
        for step in 0.. {
            if step == 2 {
                outbox.push(Lane::Sync, payload(10)).unwrap();
                outbox.push(Lane::Consensus, payload(100)).unwrap();
            }
            let mut buffer = Vec::new();
            if outlet.append_frame(&mut buffer) == Appended::Nothing {
                break;
            }
            lanes.push(lane_of(&buffer));
        }
        use Lane::*;
        assert_eq!(lanes, [Batches, Batches, Consensus, Batches, Batches, Batches, Sync]);
    }

    #[tokio::test]
    async fn a_full_lane_refuses_by_count_and_by_bytes_and_frees_what_is_sent() {
        for lane in Lane::ALL {
            let Bounds { payloads, bytes } = bounds(lane);
            let (outbox, mut outlet) = queues();
            for _ in 0..payloads {
                outbox.push(lane, payload(1)).unwrap();
            }
            assert_eq!(outbox.push(lane, payload(1)), Err(NotQueued::Full));
            assert!(matches!(outlet.append_frame(&mut Vec::new()), Appended::Last(_)));
            outbox.push(lane, payload(1)).unwrap();

            let (outbox, mut outlet) = queues();
            let large = lane.payload_bytes_max();
            for _ in 0..bytes / large {
                outbox.push(lane, payload(large)).unwrap();
            }
            assert_eq!(outbox.push(lane, payload(large)), Err(NotQueued::Full));
            while outlet.append_frame(&mut Vec::new()) == Appended::Part {}
            outbox.push(lane, payload(large)).unwrap();
        }
    }

    #[tokio::test]
    async fn an_outlet_ends_with_its_outbox() {
        let (outbox, mut outlet) = queues();
        outbox.push(Lane::Sync, payload(1)).unwrap();
        assert!(outlet.ready().await);
        assert!(matches!(outlet.append_frame(&mut Vec::new()), Appended::Last(_)));
        drop(outbox);
        assert!(!outlet.ready().await);
    }
}
