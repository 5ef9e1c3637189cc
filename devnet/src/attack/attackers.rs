//! Attackers on a thread of their own, so that they hold up nobody in this program. What they do in a
//! second is bounded: they share the machine with whom they attack.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Options, http, kind::Kind, targets::Targets};

/// Connections of a slow attack.
const SLOW_CONNECTIONS: usize = 1024;

const BYTE_EVERY: Duration = Duration::from_millis(250);

/// Those who never read ask on so many connections for so much each.
const DEAF_CONNECTIONS: usize = 256;
const DEAF_REQUESTS: usize = 256;

/// Those who send too much or sign wrongly are so many.
const BUSY_CONNECTIONS: usize = 128;

/// Of a body without end; then it gives up.
const FLOOD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A body without end counts as so many requests.
const FLOODS_COST: u32 = 10;

/// Before a slow connection that was closed is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// All connections of an attack are opened within this.
const OPENED_WITHIN: Duration = Duration::from_secs(2);

/// What attackers count, since the measurement began.
#[derive(Debug, Default)]
pub struct Tally {
    began: Mutex<Option<Instant>>,
    connected: AtomicU64,
    refused: AtomicU64,
    requests: AtomicU64,
    closed: AtomicU64,
    bytes: AtomicU64,
    answers: Mutex<BTreeMap<u16, u64>>,
}

/// What they came to.
#[derive(Debug, Default, Serialize)]
pub struct Taken {
    pub seconds: f64,
    pub connected: u64,
    /// Connections that could not be made.
    pub refused: u64,
    /// Requests begun.
    pub requests: u64,
    /// Connections that the node closed.
    pub closed: u64,
    pub bytes: u64,
    pub answers: BTreeMap<u16, u64>,
}

impl Taken {
    pub fn add(&mut self, more: &Self) {
        self.seconds += more.seconds;
        self.connected += more.connected;
        self.refused += more.refused;
        self.requests += more.requests;
        self.closed += more.closed;
        self.bytes += more.bytes;
        for (status, count) in &more.answers {
            *self.answers.entry(*status).or_default() += count;
        }
    }
}

impl Tally {
    pub fn measure(&self) {
        *locked(&self.began) = Some(Instant::now());
        for count in [
            &self.connected,
            &self.refused,
            &self.requests,
            &self.closed,
            &self.bytes,
        ] {
            count.store(0, Ordering::Relaxed);
        }
        locked(&self.answers).clear();
    }

    pub fn taken(&self) -> Taken {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Taken {
            seconds: locked(&self.began).map_or(0.0, |began| began.elapsed().as_secs_f64()),
            connected: of(&self.connected),
            refused: of(&self.refused),
            requests: of(&self.requests),
            closed: of(&self.closed),
            bytes: of(&self.bytes),
            answers: locked(&self.answers).clone(),
        }
    }

    fn answer(&self, status: u16) {
        *locked(&self.answers).entry(status).or_default() += 1;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

pub struct Attackers {
    tally: Arc<Tally>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Attackers {
    /// Those of another round come from other new addresses.
    pub fn start(kind: Kind, targets: Targets, options: Options, round: u64) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the attackers")?;
        let tally = Arc::new(Tally::default());
        let (stop, mut stopped) = watch::channel(false);
        let party = Party {
            kind,
            targets,
            tally: Arc::clone(&tally),
            turns: Arc::new(AtomicU64::new(round << 20)),
            options,
        };
        let attack = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = party.attack() => {}
                    // Without its sender it is over too.
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("attackers".to_owned()).spawn(attack)?;
        Ok(Self { tally, stop, thread })
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Closes all their connections.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let ended = tokio::task::spawn_blocking(move || self.thread.join()).await?;
        ended.map_err(|_| anyhow::anyhow!("the attackers' thread panicked"))
    }
}

#[derive(Clone)]
struct Party {
    kind: Kind,
    targets: Targets,
    tally: Arc<Tally>,
    /// Connections that were begun.
    turns: Arc<AtomicU64>,
    options: Options,
}

impl Party {
    async fn attack(self) {
        let count = match self.kind {
            Kind::SlowHeaders | Kind::SlowBodies => SLOW_CONNECTIONS,
            Kind::NeverRead => DEAF_CONNECTIONS,
            Kind::HugeBodies | Kind::EndlessBodies | Kind::InvalidSignatures | Kind::NewAddresses => BUSY_CONNECTIONS,
            Kind::Idle => self.options.connections,
        };
        let mut all = JoinSet::new();
        for number in 0..count {
            let attacker = self.clone();
            let wait = OPENED_WITHIN.mul_f64(number as f64 / count as f64);
            // So many together make as many requests a second as they may.
            let every = Duration::from_secs_f64(count as f64 / self.options.requests as f64);
            all.spawn(async move {
                sleep(wait).await;
                loop {
                    if attacker.connection(number, every).await.is_err() {
                        one(&attacker.tally.refused);
                    }
                    sleep(attacker.pause(every)).await;
                }
            });
        }
        all.join_all().await;
    }

    /// Before a connection that has ended is opened again.
    fn pause(&self, every: Duration) -> Duration {
        match self.kind {
            // A mebibyte and more each.
            Kind::HugeBodies | Kind::EndlessBodies => every * FLOODS_COST,
            Kind::InvalidSignatures | Kind::NewAddresses => every,
            Kind::SlowHeaders | Kind::SlowBodies | Kind::NeverRead | Kind::Idle => AGAIN_AFTER,
        }
    }

    /// One connection, until the node has closed it. It is an error if there is none.
    async fn connection(&self, number: usize, every: Duration) -> io::Result<()> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let connection = match self.kind {
            Kind::NewAddresses => self.targets.connect_anew(number, turn).await?,
            _ => self.targets.connect(number).await?,
        };
        one(&self.tally.connected);
        match self.kind {
            Kind::SlowHeaders => {
                let begin = b"GET /v1/status HTTP/1.1\r\nhost: node\r\nx-padding: ".to_vec();
                self.drip(connection, begin).await;
            }
            Kind::SlowBodies => {
                let begin = self.targets.head("content-length: 1048576");
                self.drip(connection, begin).await;
            }
            Kind::NeverRead => self.never_read(connection).await,
            Kind::HugeBodies => {
                let head = self.targets.head("content-length: 10000000000");
                self.flood(connection, head).await;
            }
            Kind::EndlessBodies => {
                let head = self.targets.head("transfer-encoding: chunked");
                self.flood(connection, head).await;
            }
            Kind::Idle => self.idle(connection, number).await,
            Kind::InvalidSignatures => self.forge(connection, number, every).await,
            Kind::NewAddresses => self.forge_list(connection, turn).await,
        }
        one(&self.tally.closed);
        Ok(())
    }

    async fn drip(&self, mut connection: TcpStream, begin: Vec<u8>) {
        one(&self.tally.requests);
        if connection.write_all(&begin).await.is_err() {
            return;
        }
        let (mut reader, mut writer) = connection.split();
        let dripping = async {
            loop {
                sleep(BYTE_EVERY).await;
                if writer.write_all(b"x").await.is_err() {
                    break;
                }
                self.tally.bytes.fetch_add(1, Ordering::Relaxed);
            }
        };
        tokio::select! {
            () = dripping => {}
            status = http::answer(&mut reader) => {
                if let Some(status) = status {
                    self.tally.answer(status);
                }
            }
        }
    }

    async fn never_read(&self, mut connection: TcpStream) {
        let request = b"GET /openapi.json HTTP/1.1\r\nhost: node\r\n\r\n";
        for _ in 0..DEAF_REQUESTS {
            match timeout(BYTE_EVERY, connection.write_all(request)).await {
                Ok(Ok(())) => one(&self.tally.requests),
                // The node reads no more of it.
                Err(_) => break,
                Ok(Err(_)) => return,
            }
        }
        // That it was closed is seen without reading: writing fails.
        while connection.write_all(b"\r\n").await.is_ok() {
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn flood(&self, mut connection: TcpStream, head: Vec<u8>) {
        one(&self.tally.requests);
        let (mut reader, mut writer) = connection.split();
        let flooding = async {
            let mut sent = head.len();
            if writer.write_all(&head).await.is_err() {
                return;
            }
            while sent < FLOOD_BYTES_MAX && writer.write_all(&self.targets.chunk).await.is_ok() {
                sent += self.targets.chunk.len();
                self.tally
                    .bytes
                    .fetch_add(self.targets.chunk.len() as u64, Ordering::Relaxed);
            }
        };
        let answered = async {
            if let Some(status) = http::answer(&mut reader).await {
                self.tally.answer(status);
            }
        };
        tokio::join!(flooding, answered);
    }

    async fn idle(&self, mut connection: TcpStream, number: usize) {
        if number % 2 == 1 {
            one(&self.tally.requests);
            let request = b"HEAD /v1/status HTTP/1.1\r\nhost: node\r\n\r\n";
            if connection.write_all(request).await.is_err() {
                return;
            }
        }
        let mut buffer = [0; 1024];
        while matches!(connection.read(&mut buffer).await, Ok(count) if count > 0) {}
    }

    async fn forge(&self, mut connection: TcpStream, number: usize, every: Duration) {
        for turn in 0.. {
            one(&self.tally.requests);
            let request = self.targets.forged(number + turn * BUSY_CONNECTIONS);
            if connection.write_all(request).await.is_err() {
                return;
            }
            match http::answer(&mut connection).await {
                Some(status) => self.tally.answer(status),
                None => return,
            }
            sleep(every).await;
        }
    }

    async fn forge_list(&self, mut connection: TcpStream, turn: u64) {
        one(&self.tally.requests);
        let request = self.targets.forged_list(turn as usize);
        if connection.write_all(request).await.is_ok()
            && let Some(status) = http::answer(&mut connection).await
        {
            self.tally.answer(status);
        }
    }
}
