//! Who has the connections. HTTP knows many ways to hold one open for nothing; this way neither a single
//! client nor a crowd of idle ones keeps others out.
//!
//! An address, or an IPv6 network, has at most its share. When all are taken, one that has been quiet for
//! longest, of the address that has most, makes room for an address that has at least two fewer. One that has
//! had no request under way for too long is closed in any case, whatever it sends.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Shutdown},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::rt::net::TcpStream;
use socket2::{SockRef, Socket};

use super::metrics::ConnectionMetrics;
use crate::actors::penalty::network_of;

#[derive(Debug, Clone, Copy)]
pub(super) struct SharesMax {
    pub connections: usize,
    pub of_address: usize,
}

#[derive(Clone)]
pub(super) struct Shares {
    max: SharesMax,
    metrics: ConnectionMetrics,
    /// Counts connections and requests: who is quietest is a question of order, not of time.
    turns: Arc<AtomicU64>,
    began: Instant,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    /// By the turn in which each came.
    open: HashMap<u64, Open>,
    by_address: HashMap<IpAddr, usize>,
}

struct Open {
    address: IpAddr,
    activity: Arc<Activity>,
    /// To cut it off with.
    socket: Socket,
}

/// A connection's part of its address's share; given back when it is dropped.
pub(super) struct Share {
    shares: Shares,
    number: u64,
    activity: Arc<Activity>,
}

/// What a connection has done last.
struct Activity {
    /// The turn in which its last request began, or it came.
    turn: AtomicU64,
    /// When its last request ended, or it came, in milliseconds since the server began; [`NEVER`] while one is
    /// under way.
    quiet_since_ms: AtomicU64,
}

const NEVER: u64 = u64::MAX;

/// A request of a connection, until it is dropped.
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    began: Instant,
}

/// Why a connection is closed as soon as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// Its address has its share.
    AddressFull,
    /// All are taken, and nobody has so many more.
    Full,
    /// It is closed already, or the process may open no more files.
    Lost,
}

impl TurnedAway {
    /// For metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressFull => "address_full",
            Self::Full => "full",
            Self::Lost => "lost",
        }
    }
}

impl Shares {
    pub fn new(max: SharesMax, metrics: ConnectionMetrics) -> Self {
        Self {
            max,
            metrics,
            turns: Arc::default(),
            began: Instant::now(),
            table: Arc::default(),
        }
    }

    pub fn take(&self, stream: &TcpStream) -> Result<Share, TurnedAway> {
        let taken = self.admit(stream);
        if let Err(why) = &taken {
            self.metrics.closed(why.name());
        }
        taken
    }

    fn admit(&self, stream: &TcpStream) -> Result<Share, TurnedAway> {
        let lost = |_: io::Error| TurnedAway::Lost;
        let address = network_of(stream.peer_addr().map_err(lost)?.ip());
        let socket = SockRef::from(stream).try_clone().map_err(lost)?;
        let mut table = self.table();
        if table.count(&address) >= self.max.of_address {
            return Err(TurnedAway::AddressFull);
        }
        if table.open.len() >= self.max.connections {
            let quietest = table.quietest_beside(&address).ok_or(TurnedAway::Full)?;
            table.remove(quietest).expect("it was found there").cut_off();
            self.metrics.closed("made_room");
        }
        let number = self.next_turn();
        let activity = Arc::new(Activity {
            turn: AtomicU64::new(number),
            quiet_since_ms: AtomicU64::new(since_ms(self.began)),
        });
        let open = Open {
            address,
            activity: Arc::clone(&activity),
            socket,
        };
        table.insert(number, open);
        self.metrics.set_open(table.open.len());
        Ok(Share {
            shares: self.clone(),
            number,
            activity,
        })
    }

    /// Closes those that have had no request under way for longer than this.
    pub fn close_quiet(&self, quiet_max: Duration) {
        let now_ms = since_ms(self.began);
        let quiet_max_ms = u64::try_from(quiet_max.as_millis()).unwrap_or(u64::MAX);
        let is_quiet = |open: &Open| {
            let since_ms = open.activity.quiet_since_ms.load(Ordering::Relaxed);
            now_ms.saturating_sub(since_ms) > quiet_max_ms
        };
        let mut table = self.table();
        let open = table.open.iter();
        let quiet: Vec<_> = open
            .filter(|(_, open)| is_quiet(open))
            .map(|(number, _)| *number)
            .collect();
        for number in quiet {
            table.remove(number).expect("it was found there").cut_off();
            self.metrics.closed("quiet");
        }
        self.metrics.set_open(table.open.len());
    }

    fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn count(&self, address: &IpAddr) -> usize {
        self.by_address.get(address).copied().unwrap_or(0)
    }

    fn insert(&mut self, number: u64, open: Open) {
        *self.by_address.entry(open.address).or_default() += 1;
        self.open.insert(number, open);
    }

    /// `None` if it has made room for another.
    fn remove(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        let count = self.by_address.get_mut(&open.address).expect("counted when it came");
        *count -= 1;
        if *count == 0 {
            self.by_address.remove(&open.address);
        }
        Some(open)
    }

    /// The quietest connection of the address that has most, if it has at least two more than this one.
    fn quietest_beside(&self, address: &IpAddr) -> Option<u64> {
        let (busiest, &most) = self.by_address.iter().max_by_key(|(_, count)| **count)?;
        if most < self.count(address) + 2 {
            return None;
        }
        let theirs = self.open.iter().filter(|(_, open)| open.address == *busiest);
        let quietest = theirs.min_by_key(|(_, open)| open.activity.turn.load(Ordering::Relaxed))?;
        Some(*quietest.0)
    }
}

impl Open {
    /// Whoever reads from it or writes to it finds that it has ended.
    fn cut_off(self) {
        if let Err(error) = self.socket.shutdown(Shutdown::Both) {
            tracing::debug!(%error, "a connection was closed already");
        }
    }
}

impl Share {
    pub fn begin(&self) -> UnderWay {
        self.activity.turn.store(self.shares.next_turn(), Ordering::Relaxed);
        self.activity.quiet_since_ms.store(NEVER, Ordering::Relaxed);
        UnderWay {
            activity: Arc::clone(&self.activity),
            began: self.shares.began,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now_ms = since_ms(self.began);
        self.activity.quiet_since_ms.store(now_ms, Ordering::Relaxed);
    }
}

fn since_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).expect("a process lives less than 500 million years")
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut table = self.shares.table();
        table.remove(self.number);
        self.shares.metrics.set_open(table.open.len());
    }
}
