//! What this node knows of one registered peer: its connections, when to dial it again, and how much
//! it has done wrong.

use std::{collections::HashSet, time::Duration};

use causeway_contracts::committee::ValidatorId;
use libp2p::{Multiaddr, request_response::InboundRequestId, swarm::ConnectionId};
use tokio::{task::JoinSet, time::Instant};

use super::RegisteredNode;

const REDIAL_MIN: Duration = Duration::from_millis(100);
const REDIAL_MAX: Duration = Duration::from_secs(3);

/// Before a peer of another network or version is dialed again.
const MISMATCH_WAIT: Duration = Duration::from_secs(10);

/// After a link has lived this long, the peer is dialed at once when it is lost.
const STABLE: Duration = Duration::from_secs(3);

/// Two connections made within this time are taken for the two sides' dials having crossed.
const CROSSING: Duration = Duration::from_secs(5);

pub const FAULT_POINTS: u32 = 10;
pub const VIOLATION_POINTS: u32 = 50;

/// With more points a peer is disconnected and waits.
const POINTS_MAX: u32 = 100;

/// How long a disconnected peer waits.
pub const WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Peer {
    pub id: ValidatorId,
    pub name: String,
    /// None: it is not dialed, and may dial.
    pub address: Option<Multiaddr>,
    /// The one in use.
    pub connection: Option<Connection>,
    pub redial: Redial,
    pub score: Score,
    pub waits_until: Option<Instant>,
    /// Questions of this node to it, under way.
    pub fetches: usize,
    /// Its questions, being answered.
    pub serving: HashSet<InboundRequestId>,
    /// The log has already said why it cannot be reached.
    pub complained: bool,
}

#[derive(Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub dialed_by: Side,
    pub since: Instant,
    /// The peer's hello fits.
    pub admitted: bool,
    /// The peer's hello does not; the log says so.
    pub mismatched: bool,
    pub linked_since: Option<Instant>,
    /// Its links; they end with it.
    pub tasks: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Us,
    Peer,
}

impl Peer {
    pub fn new(node: RegisteredNode, now: Instant) -> Self {
        Self {
            id: node.id,
            name: node.name,
            address: node.address.map(|address| address.multiaddress().clone()),
            connection: None,
            redial: Redial {
                after: REDIAL_MIN,
                at: Some(now),
            },
            score: Score {
                points: 0,
                counted: now,
            },
            waits_until: None,
            fetches: 0,
            serving: HashSet::new(),
            complained: false,
        }
    }

    pub fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connection.as_mut().filter(|connection| connection.id == id)
    }

    pub fn is_linked(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.linked_since.is_some())
    }

    /// The next time something is to be done about it.
    pub fn due(&self) -> Option<Instant> {
        match self.waits_until {
            Some(until) => Some(until),
            None => self.redial.at,
        }
    }
}

impl Connection {
    pub fn new(id: ConnectionId, dialed_by: Side, now: Instant) -> Self {
        Self {
            id,
            dialed_by,
            since: now,
            admitted: false,
            mismatched: false,
            linked_since: None,
            tasks: JoinSet::new(),
        }
    }

    /// Whether a second connection takes this one's place. Both sides must come to the same answer, so
    /// that they do not each close the one that the other keeps.
    ///
    /// Nobody dials a peer it is connected to. So a second dial by the same side, or a late one, says
    /// that this connection is dead at the other end. Otherwise two dials have crossed: `preferred`,
    /// on which both sides agree, wins.
    pub fn yields_to(&self, dialed_by: Side, preferred: Side, now: Instant) -> bool {
        dialed_by == self.dialed_by || now - self.since > CROSSING || dialed_by == preferred
    }
}

/// Dials again after 100 ms, doubling to 3 s.
#[derive(Debug)]
pub struct Redial {
    after: Duration,
    pub at: Option<Instant>,
}

impl Redial {
    /// A dial failed.
    pub fn failed(&mut self, now: Instant) {
        self.at = Some(now + self.after);
        self.after = (self.after * 2).min(REDIAL_MAX);
    }

    /// A connection was lost.
    pub fn lost(&mut self, linked_since: Option<Instant>, now: Instant) {
        if linked_since.is_some_and(|since| now - since >= STABLE) {
            self.after = REDIAL_MIN;
        }
        self.failed(now);
    }

    pub fn mismatched(&mut self, now: Instant) {
        self.at = Some(now + MISMATCH_WAIT);
    }
}

/// Points for faults; one is forgiven each second.
#[derive(Debug)]
pub struct Score {
    points: u32,
    counted: Instant,
}

impl Score {
    /// Whether it is too much now.
    pub fn add(&mut self, points: u32, now: Instant) -> bool {
        let seconds = (now - self.counted).as_secs();
        self.counted += Duration::from_secs(seconds);
        let forgiven = u32::try_from(seconds).unwrap_or(u32::MAX);
        self.points = self.points.saturating_sub(forgiven).saturating_add(points);
        self.points > POINTS_MAX
    }

    pub fn forgive_all(&mut self) {
        self.points = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn faults_add_up_and_are_forgiven_with_time() {
        let start = Instant::now();
        let mut score = Score {
            points: 0,
            counted: start,
        };
        for _ in 0..10 {
            assert!(!score.add(FAULT_POINTS, start));
        }
        assert!(score.add(FAULT_POINTS, start));
        assert!(!score.add(FAULT_POINTS, start + 20 * SECOND));

        let mut slow = Score {
            points: 0,
            counted: start,
        };
        for step in 0..1000 {
            assert!(
                !slow.add(1, start + step * SECOND),
                "a fault a second is always forgiven"
            );
        }
    }

    #[test]
    fn redials_slow_down_and_start_anew_after_a_stable_link() {
        let now = Instant::now();
        let mut redial = Redial {
            after: REDIAL_MIN,
            at: None,
        };
        let mut waits = Vec::new();
        for _ in 0..7 {
            redial.failed(now);
            waits.push((redial.at.unwrap() - now).as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3000, 3000]);
        redial.lost(Some(now), now + SECOND);
        assert_eq!(redial.at, Some(now + SECOND + REDIAL_MAX));
        redial.lost(Some(now), now + 3 * SECOND);
        assert_eq!(redial.at, Some(now + 3 * SECOND + REDIAL_MIN));
    }

    #[test]
    fn crossing_dials_end_in_the_same_connection_at_both_ends() {
        let now = Instant::now();
        let soon = now + SECOND / 10;
        // For the two ends, "us" and "peer" change places.
        for (preferred_here, preferred_there) in [(Side::Us, Side::Peer), (Side::Peer, Side::Us)] {
            let first = |dialed_by| Connection::new(ConnectionId::new_unchecked(1), dialed_by, now);
            for (first_here, second_here) in [(Side::Us, Side::Peer), (Side::Peer, Side::Us)] {
                let here = if first(first_here).yields_to(second_here, preferred_here, soon) {
                    second_here
                } else {
                    first_here
                };
                // The other end may see them in either order.
                for (first_there, second_there) in [(Side::Us, Side::Peer), (Side::Peer, Side::Us)] {
                    let there = if first(first_there).yields_to(second_there, preferred_there, soon) {
                        second_there
                    } else {
                        first_there
                    };
                    assert_ne!(here, there, "one end's own dial is the other end's peer's dial");
                }
            }
        }
        let old = Connection::new(ConnectionId::new_unchecked(1), Side::Us, now);
        assert!(
            old.yields_to(Side::Us, Side::Peer, soon),
            "the same side dials again only when it lost the first"
        );
        assert!(old.yields_to(Side::Peer, Side::Us, now + 6 * SECOND));
        assert!(!old.yields_to(Side::Peer, Side::Us, soon));
    }
}
