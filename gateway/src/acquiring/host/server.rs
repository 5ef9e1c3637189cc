//! The session on TCP: connections in frames, one owner of the session, and whoever decides.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use causeway_cards::iso8583::{Frame, Frames, frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::{Id, JoinSet},
    time::{Instant, sleep, timeout},
};

use super::{
    Decision, Effect, HostSession, Limits, LineId, Outcome, Request, RequestId,
    line::{Arrival, Dialect, LinkDialect},
    request::Operation,
};
use crate::acquiring::{clock::now_ms, link_key::ModuleKey};

const EVENTS_MAX: usize = 1_024;
/// Answers that wait to be written on one connection; one that reads more slowly is closed.
const ANSWERS_MAX: usize = 256;
/// After a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Decides requests. One that fails, or panics, is answered 96.
pub trait Authorizer: Send + Sync + 'static {
    fn decide(&self, request: Request) -> impl Future<Output = Decision> + Send;

    /// The key that an 0800/160 offers ([`super::key::take`]), which is none of `known`. When this is done its module has it, beside the one
    /// before it, as the link may be written with either after a restart. By default no key is taken.
    fn mac_key(
        &self,
        _request: Request,
        _known: Vec<ModuleKey>,
    ) -> impl Future<Output = Result<ModuleKey, Outcome>> + Send {
        async { Err(Outcome::InvalidTransaction) }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub limits: Limits,
    pub connections_max: usize,
    /// A connection on which nothing came for so long, not even a frame of length zero, is closed; and one without a message
    /// that the link takes since it was opened, or nobody's connections could take all that an acquirer has.
    pub idle: Duration,
}

enum Event {
    Opened(LineId, Line),
    Frame(LineId, Frame),
    Closed(LineId),
}

/// A connection, as the owner of the session has it. It ends when this is dropped.
struct Line {
    answers: mpsc::Sender<Vec<u8>>,
    /// A message came on it that the link takes.
    is_heard: Arc<AtomicBool>,
}

/// With the key that was offered, if it was taken.
type Decided = (Decision, Option<ModuleKey>);

struct Owner<A> {
    session: HostSession,
    link: LinkDialect,
    authorizer: Arc<A>,
    lines: HashMap<LineId, Line>,
    deciding: JoinSet<Decided>,
    ids: HashMap<Id, RequestId>,
}

/// Serves one link until the future is dropped, which closes its connections.
pub async fn serve<A: Authorizer>(listener: TcpListener, dialect: Dialect, settings: Settings, authorizer: Arc<A>) {
    let stop = Stop {
        when: std::future::pending::<()>(),
        within: Duration::ZERO,
    };
    serve_until(listener, dialect, settings, authorizer, stop).await;
}

/// When to stop, and how long what is under way may take then.
pub struct Stop<F> {
    pub when: F,
    pub within: Duration,
}

/// Serves one link until it is to stop: then takes no connection and no message more, waits for the decisions that are under way and
/// answers them, and closes. What is not decided in time is dropped without an answer: its acquirer repeats or reverses it.
pub async fn serve_until<A: Authorizer>(
    listener: TcpListener,
    dialect: Dialect,
    settings: Settings,
    authorizer: Arc<A>,
    stop: Stop<impl Future<Output = ()>>,
) {
    let (events, mut arriving) = mpsc::channel(EVENTS_MAX);
    let free = Arc::new(Semaphore::new(settings.connections_max));
    let mut connections = JoinSet::new();
    let mut next = 0;
    let mut owner = Owner {
        session: HostSession::new(settings.limits),
        link: LinkDialect::new(dialect),
        authorizer,
        lines: HashMap::new(),
        deciding: JoinSet::new(),
        ids: HashMap::new(),
    };
    tokio::pin! { let stopped = stop.when; }
    loop {
        tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => {
                let stream = match accepted {
                    Ok((stream, _)) => stream,
                    // Such as too many open files, which do not end by themselves at once.
                    Err(error) => {
                        tracing::warn!(%error, "a connection of an acquirer cannot be accepted");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let Ok(permit) = free.clone().try_acquire_owned() else {
                    tracing::warn!(connections = settings.connections_max, "a connection more than an acquirer may have is closed");
                    continue;
                };
                next += 1;
                let (line, events) = (LineId(next), events.clone());
                connections.spawn(async move {
                    // A connection that breaks is no fault of ours; its peer repeats what it has no answer to.
                    let _broken = connection(line, stream, &events, settings.idle).await;
                    let _stopped = events.send(Event::Closed(line)).await;
                    drop(permit);
                });
            }
            Some(event) = arriving.recv() => owner.take(event).await,
            Some(decided) = owner.deciding.join_next_with_id() => owner.decided(decided).await,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    drop(arriving);
    let finishing = async {
        while let Some(decided) = owner.deciding.join_next_with_id().await {
            owner.decided(decided).await;
        }
        // Each connection writes what is left, and ends.
        owner.lines.clear();
        while connections.join_next().await.is_some() {}
    };
    // Dropping the rest is what the bound is for.
    let _in_time = timeout(stop.within, finishing).await;
}

impl<A: Authorizer> Owner<A> {
    async fn take(&mut self, event: Event) {
        match event {
            Event::Opened(id, line) => drop(self.lines.insert(id, line)),
            Event::Closed(line) => {
                self.lines.remove(&line);
                self.link.closed(line);
                self.session.closed(line);
            }
            Event::Frame(line, Frame::KeepAlive) => self.send(line, vec![0, 0]),
            Event::Frame(line, Frame::Message(wire)) => {
                let now_ms = now_ms();
                let effects = match self.link.read(line, &wire, now_ms).await {
                    Arrival::Message(message) => {
                        if let Some(line) = self.lines.get(&line) {
                            line.is_heard.store(true, Ordering::Release);
                        }
                        self.session.handle(line, message, now_ms)
                    }
                    Arrival::Refused(message, outcome) => self.session.refuse(line, &message, outcome),
                    Arrival::Unanswerable(_) => {
                        self.lines.remove(&line);
                        Vec::new()
                    }
                };
                self.apply(effects).await;
            }
        }
    }

    async fn decided(&mut self, decided: Result<(Id, Decided), tokio::task::JoinError>) {
        let (task, (decision, key)) = match decided {
            Ok(decided) => decided,
            Err(failed) => (failed.id(), (Outcome::SystemMalfunction.into(), None)),
        };
        if let Some(key) = key {
            self.link.keys().offer(key);
        }
        if let Some(id) = self.ids.remove(&task) {
            let effects = self.session.decided(id, decision);
            self.apply(effects).await;
        }
    }

    async fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer { line, message } => {
                    let mut framed = Vec::new();
                    let wire = match self.link.write(Some(line), message).await {
                        Ok(wire) => wire,
                        Err(error) => {
                            tracing::error!(error = error.to_string(), "an answer to an acquirer cannot be written");
                            continue;
                        }
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
                    let known = is_key(&request).then(|| self.link.keys().known());
                    let task = self.deciding.spawn(decide(self.authorizer.clone(), request, known));
                    self.ids.insert(task.id(), id);
                }
            }
        }
    }

    fn send(&mut self, line: LineId, bytes: Vec<u8>) {
        let is_full = self
            .lines
            .get(&line)
            .is_some_and(|line| line.answers.try_send(bytes).is_err());
        if is_full {
            self.lines.remove(&line);
        }
    }
}

fn is_key(request: &Request) -> bool {
    matches!(request.operation, Operation::MacKey | Operation::PinKey)
}

/// `known` are the link's keys, if the request offers one.
async fn decide<A: Authorizer>(authorizer: Arc<A>, request: Request, known: Option<Vec<ModuleKey>>) -> Decided {
    let known = match known {
        // A link without a key gets none by a message that nothing vouches for.
        Some(known) if known.is_empty() => return (Outcome::InvalidTransaction.into(), None),
        Some(known) if request.operation == Operation::MacKey => known,
        _ => return (authorizer.decide(request).await, None),
    };
    match authorizer.mac_key(request, known).await {
        Ok(key) => (Outcome::Approved.into(), Some(key)),
        Err(outcome) => (outcome.into(), None),
    }
}

/// Ends when the peer closes, is silent for too long, says nothing that the link takes, sends a frame that is too long, or when the owner drops the line.
async fn connection(line: LineId, stream: TcpStream, events: &mpsc::Sender<Event>, idle: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let (answers, mut waiting) = mpsc::channel::<Vec<u8>>(ANSWERS_MAX);
    let is_heard = Arc::new(AtomicBool::new(false));
    let opened = Line {
        answers,
        is_heard: is_heard.clone(),
    };
    if events.send(Event::Opened(line, opened)).await.is_err() {
        return Ok(());
    }
    let unheard_until = Instant::now() + idle;
    let patience = || match is_heard.load(Ordering::Acquire) {
        true => idle,
        false => unheard_until.saturating_duration_since(Instant::now()),
    };
    let reading = async {
        let (mut frames, mut piece) = (Frames::default(), [0; 4_096]);
        while let Ok(read) = timeout(patience(), reader.read(&mut piece)).await {
            let read = read?;
            if read == 0 {
                break;
            }
            frames.push(&piece[..read]);
            while let Some(frame) = frames.take().map_err(io::Error::other)? {
                if events.send(Event::Frame(line, frame)).await.is_err() {
                    // The host stops: what is under way is answered yet.
                    std::future::pending::<()>().await;
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

#[cfg(test)]
mod tests;
