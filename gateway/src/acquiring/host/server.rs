//! The session on TCP: connections in frames, one owner of the session, and whoever decides.

use std::{
    collections::HashMap,
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use causeway_cards::iso8583::{Frame, Frames, frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::{Id, JoinSet},
    time::timeout,
};

use super::{
    Decision, Effect, HostSession, Limits, LineId, Outcome, Request, RequestId,
    line::{Arrival, Dialect},
};

const EVENTS_MAX: usize = 1_024;
/// Answers that wait to be written on one connection; one that reads more slowly is closed.
const ANSWERS_MAX: usize = 256;

/// Decides requests. One that fails, or panics, is answered 96.
pub trait Authorizer: Send + Sync + 'static {
    fn decide(&self, request: Request) -> impl Future<Output = Decision> + Send;
}

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub limits: Limits,
    pub connections_max: usize,
    /// A connection on which nothing came for so long, not even a frame of length zero, is closed.
    pub idle: Duration,
}

enum Event {
    Opened(LineId, mpsc::Sender<Vec<u8>>),
    Frame(LineId, Frame),
    Closed(LineId),
}

struct Owner<A> {
    session: HostSession,
    dialect: Dialect,
    authorizer: Arc<A>,
    lines: HashMap<LineId, mpsc::Sender<Vec<u8>>>,
    deciding: JoinSet<Decision>,
    ids: HashMap<Id, RequestId>,
}

/// Serves one link until the future is dropped, which closes its connections.
pub async fn serve<A: Authorizer>(listener: TcpListener, dialect: Dialect, settings: Settings, authorizer: Arc<A>) {
    let (events, mut arriving) = mpsc::channel(EVENTS_MAX);
    let free = Arc::new(Semaphore::new(settings.connections_max));
    let mut connections = JoinSet::new();
    let mut next = 0;
    let mut owner = Owner {
        session: HostSession::new(settings.limits),
        dialect,
        authorizer,
        lines: HashMap::new(),
        deciding: JoinSet::new(),
        ids: HashMap::new(),
    };
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let Ok(permit) = free.clone().try_acquire_owned() else { continue };
                next += 1;
                let (line, events) = (LineId(next), events.clone());
                connections.spawn(async move {
                    // A connection that breaks is no fault of ours; its peer repeats what it has no answer to.
                    let _broken = connection(line, stream, &events, settings.idle).await;
                    let _stopped = events.send(Event::Closed(line)).await;
                    drop(permit);
                });
            }
            Some(event) = arriving.recv() => owner.take(event),
            Some(decided) = owner.deciding.join_next_with_id() => owner.decided(decided),
            Some(_) = connections.join_next() => {}
        }
    }
}

impl<A: Authorizer> Owner<A> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Opened(line, answers) => drop(self.lines.insert(line, answers)),
            Event::Closed(line) => {
                self.lines.remove(&line);
                self.session.closed(line);
            }
            Event::Frame(line, Frame::KeepAlive) => self.send(line, vec![0, 0]),
            Event::Frame(line, Frame::Message(wire)) => {
                let effects = match self.dialect.read(&wire) {
                    Arrival::Message(message) => self.session.handle(line, message, now_ms()),
                    Arrival::Refused(message, outcome) => self.session.refuse(line, &message, outcome),
                    Arrival::Unanswerable(_) => {
                        self.lines.remove(&line);
                        Vec::new()
                    }
                };
                self.apply(effects);
            }
        }
    }

    fn decided(&mut self, decided: Result<(Id, Decision), tokio::task::JoinError>) {
        let (task, decision) = match decided {
            Ok(decided) => decided,
            Err(failed) => (failed.id(), Outcome::SystemMalfunction.into()),
        };
        if let Some(id) = self.ids.remove(&task) {
            let effects = self.session.decided(id, decision);
            self.apply(effects);
        }
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer { line, mut message } => {
                    let mut framed = Vec::new();
                    let Ok(wire) = self.dialect.write(&mut message) else {
                        continue;
                    };
                    let written = frame::<causeway_cards::iso8583::FrameTooLong>(&mut framed, |out| {
                        out.extend_from_slice(&wire);
                        Ok(())
                    });
                    if written.is_ok() {
                        self.send(line, framed);
                    }
                }
                Effect::Decide { id, request } => {
                    let authorizer = self.authorizer.clone();
                    let task = self.deciding.spawn(async move { authorizer.decide(request).await });
                    self.ids.insert(task.id(), id);
                }
            }
        }
    }

    fn send(&mut self, line: LineId, bytes: Vec<u8>) {
        let is_full = self
            .lines
            .get(&line)
            .is_some_and(|answers| answers.try_send(bytes).is_err());
        if is_full {
            self.lines.remove(&line);
        }
    }
}

/// Ends when the peer closes, is silent for too long, sends a frame that is too long, or when the owner drops the line.
async fn connection(line: LineId, stream: TcpStream, events: &mpsc::Sender<Event>, idle: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let (answers, mut waiting) = mpsc::channel::<Vec<u8>>(ANSWERS_MAX);
    if events.send(Event::Opened(line, answers)).await.is_err() {
        return Ok(());
    }
    let reading = async {
        let (mut frames, mut piece) = (Frames::default(), [0; 4_096]);
        while let Ok(read) = timeout(idle, reader.read(&mut piece)).await {
            let read = read?;
            if read == 0 {
                break;
            }
            frames.push(&piece[..read]);
            while let Some(frame) = frames.take().map_err(io::Error::other)? {
                if events.send(Event::Frame(line, frame)).await.is_err() {
                    return Ok(());
                }
            }
        }
        io::Result::Ok(())
    };
    let writing = async {
        while let Some(bytes) = waiting.recv().await {
            writer.write_all(&bytes).await?;
        }
        io::Result::Ok(())
    };
    tokio::select! { ended = reading => ended, ended = writing => ended }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use causeway_cards::iso8583::{Message, MessageType, Spec};

    use super::*;

    struct Fixed(Outcome);

    impl Authorizer for Fixed {
        async fn decide(&self, _: Request) -> Decision {
            self.0.into()
        }
    }

    fn message(message_type: MessageType, fields: &[(u8, &str)]) -> Message {
        let mut message = Message::new(message_type);
        for (field, value) in fields {
            message.set(*field, value.as_bytes()).expect("short");
        }
        message
    }

    async fn ask(stream: &mut TcpStream, spec: &Spec, message: &Message) -> String {
        let wire = spec.to_bytes(message).expect("listed fields");
        let length = u16::try_from(wire.len()).expect("short").to_be_bytes();
        stream.write_all(&[&length[..], &wire].concat()).await.expect("written");
        let mut answer = vec![0; usize::from(stream.read_u16().await.expect("an answer"))];
        stream.read_exact(&mut answer).await.expect("all of it");
        spec.parse(&answer)
            .expect("a message")
            .text(39)
            .expect("a code")
            .to_owned()
    }

    #[tokio::test]
    async fn every_outcome_comes_back_over_tcp_in_both_variants_and_a_long_frame_ends_the_line() {
        for spec in [Spec::a(), Spec::b()] {
            for outcome in Outcome::ALL {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("bound");
                let limits = Limits {
                    undecided_max: 8,
                    remembered_max: 8,
                };
                let settings = Settings {
                    limits,
                    connections_max: 2,
                    idle: Duration::from_secs(60),
                };
                let host = serve(
                    listener,
                    Dialect { spec, mac_key: None },
                    settings,
                    Arc::new(Fixed(*outcome)),
                );
                let host = tokio::spawn(host);
                let mut stream = TcpStream::connect(address).await.expect("connected");
                let head = [(7, "1130011500"), (11, "000001")];
                let sign_on = message(MessageType::NETWORK, &[&head[..], &[(70, "001")]].concat());
                assert_eq!(ask(&mut stream, spec, &sign_on).await, "00");
                let rest = [
                    (2, "4123709999000029"),
                    (3, "000000"),
                    (4, "000000001000"),
                    (12, "011500"),
                    (13, "1130"),
                ];
                let fields = [&head[..], &rest, &[(41, "TERM0001"), (49, "978")]].concat();
                let purchase = message(MessageType::FINANCIAL, &fields);
                assert_eq!(ask(&mut stream, spec, &purchase).await, outcome.code());
                stream.write_all(&[0, 0]).await.expect("written");
                assert_eq!(stream.read_u16().await.expect("alive"), 0);
                stream.write_all(&[0xFF, 0xFF, 0]).await.expect("written");
                assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
                host.abort();
            }
        }
    }
}
