//! Stands between validators: each dials each other through a port of its own here, so that what passes
//! from one to another can be delayed, held back or cut, each direction by itself. In the same way it stands between the
//! gateways of an acquirer and an issuer, of which one dials the other.
//!
//! A connection carries both directions, whoever dialed it. Holding one back is what a lossy one-way
//! route looks like to TCP: nothing arrives, and the sender's buffers fill. Cutting a direction ends the
//! connections that carry it and refuses others.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// One read of a socket at most.
const CHUNK_BYTES: usize = 16 * 1024;

/// Chunks that wait for their time, for each direction of a connection. When they are full, its sender
/// waits, as TCP makes it.
const CHUNKS_MAX: usize = 64;

/// Connections through one port. Validators need one.
const CONNECTIONS_MAX: usize = 16;

/// From one validator to another.
pub type Pair = (u16, u16);

/// How what one validator sends another passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passage {
    #[default]
    Open,
    Late(Duration),
    /// Nothing passes and nothing is lost.
    Held,
    /// Connections end, and others are refused.
    Cut,
}

/// The present passage, and how often connections were reset.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    passage: Passage,
    resets: u64,
}

/// One direction, as who carries it sees it.
#[derive(Clone)]
struct Direction {
    state: watch::Receiver<State>,
    carried: Arc<AtomicU64>,
}

/// The ports; closed when it is dropped.
pub struct Relay {
    states: BTreeMap<Pair, watch::Sender<State>>,
    /// By direction, in bytes.
    carried: BTreeMap<Pair, Arc<AtomicU64>>,
    addresses: BTreeMap<Pair, SocketAddr>,
    /// One for each port, with its connections.
    _tasks: JoinSet<()>,
}

impl Relay {
    /// A port for each of `pairs`, from who dials to where the dialed one listens.
    pub async fn open(pairs: &BTreeMap<Pair, SocketAddr>) -> io::Result<Self> {
        let directions = pairs
            .keys()
            .flat_map(|&(dialer, dialed)| [(dialer, dialed), (dialed, dialer)]);
        let states: BTreeMap<Pair, _> = directions
            .map(|direction| (direction, watch::Sender::new(State::default())))
            .collect();
        let carried: BTreeMap<Pair, Arc<AtomicU64>> = states.keys().map(|&pair| (pair, Arc::default())).collect();
        let direction = |pair| Direction {
            state: states[&pair].subscribe(),
            carried: Arc::clone(&carried[&pair]),
        };
        let mut addresses = BTreeMap::new();
        let mut tasks = JoinSet::new();
        for (&(dialer, dialed), &target) in pairs {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            addresses.insert((dialer, dialed), listener.local_addr()?);
            let route = Route {
                there: direction((dialer, dialed)),
                back: direction((dialed, dialer)),
                target,
            };
            tasks.spawn(serve(listener, route));
        }
        Ok(Self {
            states,
            carried,
            addresses,
            _tasks: tasks,
        })
    }

    /// Where each validator dials each other.
    pub fn addresses(&self) -> &BTreeMap<Pair, SocketAddr> {
        &self.addresses
    }

    pub fn set(&self, pair: Pair, passage: Passage) {
        if let Some(state) = self.states.get(&pair) {
            state.send_modify(|state| state.passage = passage);
        }
    }

    /// Ends the connections that carry this direction; others can be made at once.
    pub fn reset(&self, pair: Pair) {
        if let Some(state) = self.states.get(&pair) {
            state.send_modify(|state| state.resets += 1);
        }
    }

    /// How many bytes have arrived of what one has sent the other.
    pub fn carried(&self, pair: Pair) -> u64 {
        self.carried
            .get(&pair)
            .map_or(0, |carried| carried.load(Ordering::Relaxed))
    }

    pub fn open_all(&self) {
        for &pair in self.states.keys() {
            self.set(pair, Passage::Open);
        }
    }
}

/// From a dialing validator to the one it dials.
#[derive(Clone)]
struct Route {
    there: Direction,
    back: Direction,
    target: SocketAddr,
}

async fn serve(listener: TcpListener, route: Route) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                    connections.spawn(carry(stream, route.clone()));
                }
                Ok(_) => {}
                // Out of file descriptors, say; a validator dials again.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Errors end a connection: its ends find out for themselves, as they would without a relay.
async fn carry(dialer: TcpStream, route: Route) {
    let (there, back) = (ended(route.there.state.clone()), ended(route.back.state.clone()));
    let carried = async {
        let dialed = TcpStream::connect(route.target).await?;
        for stream in [&dialer, &dialed] {
            stream.set_nodelay(true)?;
            // Whoever is cut off sees a reset and not an orderly end.
            stream.set_zero_linger()?;
        }
        let (from_dialer, to_dialer) = dialer.into_split();
        let (from_dialed, to_dialed) = dialed.into_split();
        tokio::select! {
            ended = pipe(from_dialer, to_dialed, route.there) => ended,
            ended = pipe(from_dialed, to_dialer, route.back) => ended,
        }
    };
    tokio::select! {
        _ = carried => {}
        () = there => {}
        () = back => {}
    }
}

/// Until connections that are there now must end.
async fn ended(mut state: watch::Receiver<State>) {
    let resets = state.borrow().resets;
    let over = |state: &State| state.passage == Passage::Cut || state.resets != resets;
    // The relay is gone, if it cannot be waited for.
    state.wait_for(over).await.ok();
}

/// Carries one direction until its sender ends it.
async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, direction: Direction) -> io::Result<()> {
    let Direction { mut state, carried } = direction;
    let (chunks, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_MAX);
    let passages = state.clone();
    let read = async move {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return Ok(());
            }
            chunk.truncate(length);
            let late = match passages.borrow().passage {
                Passage::Late(by) => by,
                _ => Duration::ZERO,
            };
            if chunks.send((Instant::now() + late, chunk)).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some((due, chunk)) = waiting.recv().await {
            sleep_until(due).await;
            if state.wait_for(|state| state.passage != Passage::Held).await.is_err() {
                return Ok(());
            }
            to.write_all(&chunk).await?;
            carried.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(drop)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const LATE: Duration = Duration::from_millis(150);

    struct Trial {
        relay: Relay,
        listener: TcpListener,
        _other: TcpListener,
    }

    impl Trial {
        /// Validator 0 dials validator 1.
        async fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let pairs = [
                ((0, 1), listener.local_addr().unwrap()),
                ((1, 0), other.local_addr().unwrap()),
            ];
            Self {
                relay: Relay::open(&pairs.into()).await.unwrap(),
                listener,
                _other: other,
            }
        }

        async fn connect(&self) -> (TcpStream, TcpStream) {
            let dialer = TcpStream::connect(self.relay.addresses()[&(0, 1)]).await.unwrap();
            let (dialed, _) = timeout(SOON, self.listener.accept()).await.unwrap().unwrap();
            (dialer, dialed)
        }
    }

    async fn say(stream: &mut TcpStream) {
        stream.write_all(b"hello").await.unwrap();
    }

    async fn hear(stream: &mut TcpStream) {
        let mut heard = [0; 5];
        timeout(SOON, stream.read_exact(&mut heard)).await.unwrap().unwrap();
        assert_eq!(&heard, b"hello");
    }

    async fn hears_nothing(stream: &mut TcpStream) {
        let mut heard = [0; 5];
        assert!(timeout(LATE, stream.read(&mut heard)).await.is_err());
    }

    async fn is_reset(stream: &mut TcpStream) {
        let mut heard = [0; 5];
        let ended = timeout(SOON, stream.read(&mut heard)).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }

    #[tokio::test]
    async fn an_open_passage_carries_both_ways() {
        let trial = Trial::new().await;
        let (mut dialer, mut dialed) = trial.connect().await;
        say(&mut dialer).await;
        hear(&mut dialed).await;
        say(&mut dialed).await;
        hear(&mut dialer).await;
        drop(dialer);
        is_reset(&mut dialed).await;
    }

    #[tokio::test]
    async fn what_has_passed_is_counted_in_each_direction() {
        let trial = Trial::new().await;
        let (mut dialer, mut dialed) = trial.connect().await;
        let becomes = async |pair, bytes| {
            while trial.relay.carried(pair) != bytes {
                sleep(Duration::from_millis(5)).await;
            }
        };
        for _ in 0..2 {
            say(&mut dialer).await;
            hear(&mut dialed).await;
        }
        say(&mut dialed).await;
        hear(&mut dialer).await;
        let both = async {
            becomes((0, 1), 10).await;
            becomes((1, 0), 5).await;
        };
        timeout(SOON, both).await.unwrap();
        trial.relay.set((0, 1), Passage::Held);
        say(&mut dialer).await;
        hears_nothing(&mut dialed).await;
        assert_eq!(trial.relay.carried((0, 1)), 10);
    }

    #[tokio::test]
    async fn each_direction_is_held_by_itself_and_loses_nothing() {
        let trial = Trial::new().await;
        let (mut dialer, mut dialed) = trial.connect().await;
        trial.relay.set((0, 1), Passage::Held);
        say(&mut dialer).await;
        hears_nothing(&mut dialed).await;
        say(&mut dialed).await;
        hear(&mut dialer).await;
        trial.relay.open_all();
        hear(&mut dialed).await;
    }

    #[tokio::test]
    async fn where_one_side_alone_dials_both_directions_are_held_too() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let one = BTreeMap::from([((1, 0), listener.local_addr().unwrap())]);
        let relay = Relay::open(&one).await.unwrap();
        let mut dialer = TcpStream::connect(relay.addresses()[&(1, 0)]).await.unwrap();
        let (mut dialed, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        relay.set((0, 1), Passage::Held);
        say(&mut dialer).await;
        hear(&mut dialed).await;
        say(&mut dialed).await;
        hears_nothing(&mut dialer).await;
        relay.open_all();
        hear(&mut dialer).await;
    }

    #[tokio::test]
    async fn a_late_passage_is_late() {
        let trial = Trial::new().await;
        let (mut dialer, mut dialed) = trial.connect().await;
        trial.relay.set((0, 1), Passage::Late(LATE));
        // What was being read when the passage changed may not be late.
        say(&mut dialer).await;
        hear(&mut dialed).await;
        let said = Instant::now();
        say(&mut dialer).await;
        hear(&mut dialed).await;
        assert!(said.elapsed() >= LATE);
    }

    #[tokio::test]
    async fn a_cut_in_either_direction_ends_connections_and_refuses_others() {
        for pair in [(0, 1), (1, 0)] {
            let trial = Trial::new().await;
            let (mut dialer, mut dialed) = trial.connect().await;
            trial.relay.set(pair, Passage::Cut);
            is_reset(&mut dialer).await;
            is_reset(&mut dialed).await;
            let mut refused = TcpStream::connect(trial.relay.addresses()[&(0, 1)]).await.unwrap();
            is_reset(&mut refused).await;
            trial.relay.open_all();
            // Without those that were refused: the target may have seen them.
            while let Ok(Ok((stream, _))) = timeout(LATE, trial.listener.accept()).await {
                drop(stream);
            }
            let (mut dialer, mut dialed) = trial.connect().await;
            say(&mut dialer).await;
            hear(&mut dialed).await;
        }
    }

    #[tokio::test]
    async fn a_reset_ends_connections_and_lets_others_through() {
        let trial = Trial::new().await;
        let (mut dialer, mut dialed) = trial.connect().await;
        trial.relay.reset((1, 0));
        is_reset(&mut dialer).await;
        is_reset(&mut dialed).await;
        let (mut dialer, mut dialed) = trial.connect().await;
        say(&mut dialer).await;
        hear(&mut dialed).await;
    }
}
