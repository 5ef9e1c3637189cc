//! One direction of the traffic with a peer: the task that writes it, and the task that reads it.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix::{Recipient, prelude::SendError};
use causeway_contracts::{block::TimeMs, committee::ValidatorId};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{PeerId, swarm::ConnectionId};
use tokio::{sync::mpsc, time::timeout};

use super::{
    frame::{Assembler, HEADER_BYTES, HELLO_BYTES, Hello, Mismatch, Violation},
    message::{Lane, Received},
    metrics::Metrics,
    queue::{Appended, Outbox, Outlet, queues},
};

const HELLO_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a peer whose hello does not fit has to read ours.
const HANGING_UP_TIME_MAX: Duration = Duration::from_secs(1);

/// Small frames are written together up to this, so that a hundred votes are not a hundred writes.
const WRITE_BYTES: usize = 16 * 1024;

/// What the task of a link tells the driver.
#[derive(Debug)]
pub struct Notice {
    pub peer: PeerId,
    pub connection: ConnectionId,
    pub news: News,
}

#[derive(Debug)]
pub enum News {
    /// The peer said a hello that fits; it may be served.
    Admitted,
    /// The peer took our hello; this goes to it.
    Linked(Outbox),
    /// The peer said a hello that does not fit. It is answered all the same.
    Mismatched(Mismatch),
    /// The connection is of no more use.
    Ended(End),
}

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
    #[error("it said no hello")]
    Silent,
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error("it sent {0}")]
    Violation(#[from] Violation),
    #[error("this node let it go")]
    LetGo,
}

/// Tells the driver about one connection.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub peer: PeerId,
    pub connection: ConnectionId,
    pub notices: mpsc::Sender<Notice>,
}

impl Reporter {
    async fn tell(&self, news: News) {
        let notice = Notice {
            peer: self.peer,
            connection: self.connection,
            news,
        };
        // Without a driver there is nobody to tell, and the connection goes with it.
        self.notices.send(notice).await.ok();
    }
}

/// Who is given what arrives, by lane.
#[derive(Debug, Clone)]
pub struct Receivers {
    pub consensus: Recipient<Received>,
    pub batches: Recipient<Received>,
    pub sync: Recipient<Received>,
}

impl Receivers {
    fn of(&self, lane: Lane) -> &Recipient<Received> {
        match lane {
            Lane::Consensus => &self.consensus,
            Lane::Batches => &self.batches,
            Lane::Sync => &self.sync,
        }
    }
}

/// Says hello and, once it is answered, sends what is put into the outbox.
pub async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, hello: Hello, reporter: Reporter, metrics: Metrics) {
    let end = match greet(&mut stream, hello).await {
        Ok(()) => {
            let (outbox, outlet) = queues();
            reporter.tell(News::Linked(outbox)).await;
            write(&mut stream, outlet, &metrics).await
        }
        Err(end) => end,
    };
    reporter.tell(News::Ended(end)).await;
}

async fn greet(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), hello: Hello) -> Result<(), End> {
    let exchange = async {
        stream.write_all(&hello.encode()).await?;
        stream.flush().await?;
        read_hello(stream).await
    };
    let theirs = timeout(HELLO_TIME_MAX, exchange).await.map_err(|_| End::Silent)??;
    hello.check(&theirs)?;
    Ok(())
}

async fn read_hello(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, End> {
    let mut bytes = [0; HELLO_BYTES];
    stream.read_exact(&mut bytes).await?;
    Ok(Hello::decode(&bytes)?)
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), mut outlet: Outlet, metrics: &Metrics) -> End {
    let mut buffer = Vec::new();
    while outlet.ready().await {
        buffer.clear();
        let mut sent = Vec::new();
        while buffer.len() < WRITE_BYTES {
            match outlet.append_frame(&mut buffer) {
                Appended::Nothing => break,
                Appended::Part => {}
                Appended::Last(payload) => sent.push(payload),
            }
        }
        if let Err(error) = write_all(stream, &buffer).await {
            return End::Lost(error);
        }
        for payload in sent {
            metrics.lane(payload.lane).bytes_sent.inc_by(payload.bytes as u64);
        }
    }
    End::LetGo
}

async fn write_all(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// What the reading side of a link works with.
#[derive(Debug, Clone)]
pub struct Reader {
    pub from: ValidatorId,
    pub hello: Hello,
    pub receivers: Receivers,
    pub metrics: Metrics,
}

impl Reader {
    /// Answers the peer's hello and gives its payloads to their receivers.
    pub async fn receive(self, mut stream: impl AsyncRead + AsyncWrite + Unpin, reporter: Reporter) {
        let end = match self.run(&mut stream, &reporter).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        reporter.tell(News::Ended(end)).await;
    }

    async fn run(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        reporter: &Reporter,
    ) -> Result<std::convert::Infallible, End> {
        let theirs = timeout(HELLO_TIME_MAX, read_hello(stream))
            .await
            .map_err(|_| End::Silent)??;
        if let Err(mismatch) = self.hello.check(&theirs) {
            // Told before the peer knows: it hangs up as soon as it does.
            reporter.tell(News::Mismatched(mismatch)).await;
            // Answered, so that the peer's operator reads the reason too.
            let answer = async {
                write_all(stream, &self.hello.encode()).await?;
                stream.read(&mut [0]).await
            };
            timeout(HANGING_UP_TIME_MAX, answer).await.ok();
            return Err(mismatch.into());
        }
        // Told before the peer knows, so that its first question finds it admitted.
        reporter.tell(News::Admitted).await;
        write_all(stream, &self.hello.encode()).await?;
        let mut assembler = Assembler::default();
        loop {
            let mut header = [0; HEADER_BYTES];
            stream.read_exact(&mut header).await?;
            let (lane, place) = assembler.open(&header)?;
            stream.read_exact(place).await?;
            if let Some(payload) = assembler.complete(lane) {
                self.deliver(lane, payload).await;
            }
        }
    }

    /// A full mailbox holds up consensus messages, and with them this peer alone. Batches and statuses
    /// are dropped: the first can be fetched, the others are sent again.
    async fn deliver(&self, lane: Lane, payload: Vec<u8>) {
        let metrics = self.metrics.lane(lane);
        metrics.bytes_received.inc_by(payload.len() as u64);
        let received = Received {
            from: self.from,
            lane,
            payload,
            arrived: now(),
        };
        let receiver = self.receivers.of(lane);
        let delivered = match receiver.try_send(received) {
            Ok(()) => true,
            // Goes to the end of the mailbox whatever its bound, and waits until it was handled: one
            // message a peer beyond the bound.
            Err(SendError::Full(received)) if lane == Lane::Consensus => receiver.send(received).await.is_ok(),
            Err(_) => false,
        };
        if !delivered {
            metrics.dropped_receiving.inc();
        }
    }
}

fn now() -> TimeMs {
    // A clock set to before 1970 makes every proposal untimely, which is what it is worth.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(since.as_millis() as u64)
}
