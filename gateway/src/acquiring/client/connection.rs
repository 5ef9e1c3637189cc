//! The client on TCP: one task owns the session and its connection; whoever asks waits for it.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use causeway_cards::{
    crypto::key::TdesKey,
    iso8583::{Frame, FrameTooLong, Frames, Message, frame},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};

use super::{
    reversal::{Reversal, Reversals, StoreError},
    session::{ClientSession, Effect, Limits, RequestId, Unanswered, is_passing},
};
use crate::acquiring::{
    clock::now_ms,
    host::{
        LineId,
        key::{Usage, offer},
        line::{Arrival, Dialect, LinkDialect},
    },
};

const COMMANDS_MAX: usize = 256;
/// A client has one connection at a time.
const LINE: LineId = LineId(0);
const PAUSE_MIN: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub struct Settings {
    /// `host:port` of the issuer's host.
    pub address: String,
    pub limits: Limits,
    /// Between two tries to connect: from 100 ms on, twice as long each time, up to this.
    pub pause_max: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    pub is_signed_on: bool,
    /// Reversals without an answer.
    pub reversals: usize,
    /// Answers that nobody waited for, late ones among them, and what could not be read.
    pub unmatched: u64,
}

type Answer = Result<Message, Unanswered>;
type Taken = Result<(RequestId, Option<Reversal>), Unanswered>;

enum Command {
    Take(Message, oneshot::Sender<Taken>),
    Send(RequestId, oneshot::Sender<Answer>),
    Abandon(RequestId),
    Reverse(Reversal),
    Offer(TdesKey),
    Switch,
}

/// A link to one host. Its copies share it; it ends with the last of them, and leaves what is not reversed in its store.
pub struct Client<R> {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
    store: Arc<R>,
}

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            status: self.status.clone(),
            store: self.store.clone(),
        }
    }
}

impl<R: Reversals> Client<R> {
    /// Connects in the background, again and again, and sends the reversals that the store has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(settings: Settings, dialect: Dialect, store: Arc<R>) -> Result<Self, StoreError> {
        let left = store.load().await?;
        let trace = u32::try_from(now_ms() / 10 % 1_000_000).unwrap_or_default();
        let (commands, arriving) = mpsc::channel(COMMANDS_MAX);
        let (shown, status) = watch::channel(Status::default());
        let owner = Owner {
            session: ClientSession::new(settings.limits, left, trace),
            link: LinkDialect::new(dialect),
            settings,
            store: store.clone(),
            asking: HashMap::new(),
            shown,
        };
        tokio::spawn(owner.run(arriving));
        Ok(Self {
            commands,
            status,
            store,
        })
    }

    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Waits until the link is signed on.
    pub async fn signed_on(&self) -> Result<(), Unanswered> {
        let mut status = self.status.clone();
        let found = status.wait_for(|status| status.is_signed_on).await;
        found.map(|_| ()).map_err(|_| Unanswered::Stopped)
    }

    /// Sends a request with its fields 7 and 11, and waits for its answer. It goes on if the caller goes away. One that is answered 63, 91, 92 or 96
    /// is undone, as one without an answer: those do not say whether it was done.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn request(&self, message: Message) -> Answer {
        let asked = tokio::spawn(self.clone().exchange(message)).await;
        asked.unwrap_or(Err(Unanswered::Stopped))
    }

    /// Offers the host a new key for authentication codes, in a key block, and writes with it from when the host has approved. Until then, and
    /// if no answer comes, the one before it is good. The caller has stored both, and afterwards which one it is.
    ///
    /// # Errors
    /// See [`Unanswered`]; a host that declines is an answer.
    pub async fn change_mac_key(&self, key: TdesKey, block: &str) -> Answer {
        let message = offer(Usage::AuthenticationCode, block)?;
        self.tell(Command::Offer(key)).await;
        let answer = self.request(message).await?;
        if answer.text(39) == Some("00") {
            self.tell(Command::Switch).await;
        }
        Ok(answer)
    }

    async fn exchange(self, message: Message) -> Answer {
        let (id, reversal) = self.ask(|reply| Command::Take(message, reply)).await?;
        if let Some(reversal) = &reversal
            && let Err(failed) = self.store.store(reversal).await
        {
            self.tell(Command::Abandon(id)).await;
            return Err(Unanswered::Unstored(failed));
        }
        let answer = self.ask(|reply| Command::Send(id, reply)).await;
        match (reversal, &answer) {
            // The session reverses it.
            (Some(_), Ok(message)) if is_passing(message) => answer,
            (Some(reversal), Ok(_) | Err(Unanswered::NotSignedOn)) => self.settle(reversal, answer).await,
            _ => answer,
        }
    }

    /// Removes the reversal of a request that was answered, or not sent.
    async fn settle(&self, reversal: Reversal, answer: Answer) -> Answer {
        match self.store.remove(reversal.key()).await {
            Ok(()) => answer,
            // It would be sent after a restart, when its request was told as approved.
            Err(failed) => {
                self.tell(Command::Reverse(reversal)).await;
                Err(Unanswered::Unkept(failed))
            }
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Unanswered>>) -> Command,
    ) -> Result<T, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply)).await;
        answer.await.unwrap_or(Err(Unanswered::Stopped))
    }

    async fn tell(&self, command: Command) {
        // If the owner is gone, the reply's sender is dropped with the command, and that is the answer.
        let _stopped = self.commands.send(command).await;
    }
}

struct Owner<R> {
    session: ClientSession,
    link: LinkDialect,
    settings: Settings,
    store: Arc<R>,
    asking: HashMap<RequestId, oneshot::Sender<Answer>>,
    shown: watch::Sender<Status>,
}

/// What is to be done with the connection after some effects.
type Bytes = Result<Vec<u8>, Closed>;

/// The connection is of no use any more.
struct Closed;

impl<R: Reversals> Owner<R> {
    async fn run(mut self, mut arriving: mpsc::Receiver<Command>) {
        let mut pause = PAUSE_MIN;
        loop {
            let connecting = timeout(self.wait_max(), TcpStream::connect(self.settings.address.clone()));
            let connected = self.meanwhile(&mut arriving, connecting).await;
            match connected {
                None => return,
                Some(Ok(Ok(stream))) => match self.converse(stream, &mut arriving).await {
                    Ok(()) => return,
                    Err(had_signed_on) if had_signed_on => pause = PAUSE_MIN,
                    Err(_) => {}
                },
                Some(_) => {}
            }
            if self.meanwhile(&mut arriving, sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(self.settings.pause_max.max(PAUSE_MIN));
        }
    }

    fn wait_max(&self) -> Duration {
        Duration::from_millis(self.settings.limits.answer_within_ms)
    }

    /// Without a connection: commands are refused, and time goes on. `None` if nobody can give commands any more.
    async fn meanwhile<T>(
        &mut self,
        arriving: &mut mpsc::Receiver<Command>,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(future);
        loop {
            let due = due_in(&self.session);
            tokio::select! {
                done = &mut future => return Some(done),
                command = arriving.recv() => drop(self.command(command?)),
                () = sleep(due) => {
                    let effects = self.session.tick(now_ms());
                    drop(self.apply(effects));
                }
            }
        }
    }

    /// Until nobody can give commands any more, or, as an error, the connection ends: whether it had signed on.
    async fn converse(&mut self, stream: TcpStream, arriving: &mut mpsc::Receiver<Command>) -> Result<(), bool> {
        let mut had_signed_on = false;
        let ended = self.exchange(stream, arriving, &mut had_signed_on).await;
        self.session.disconnected();
        self.show();
        ended.map_err(|_| had_signed_on)
    }

    async fn exchange(
        &mut self,
        stream: TcpStream,
        arriving: &mut mpsc::Receiver<Command>,
        had_signed_on: &mut bool,
    ) -> Result<(), Closed> {
        stream.set_nodelay(true).map_err(closed)?;
        let (mut reader, mut writer): (OwnedReadHalf, OwnedWriteHalf) = stream.into_split();
        let (mut frames, mut piece) = (Frames::default(), [0; 4_096]);
        let effects = self.session.connected(now_ms());
        let mut bytes = self.apply(effects)?;
        loop {
            timeout(self.wait_max(), writer.write_all(&bytes))
                .await
                .map_err(|_| Closed)?
                .map_err(closed)?;
            *had_signed_on |= self.session.is_signed_on();
            let due = due_in(&self.session);
            bytes = tokio::select! {
                command = arriving.recv() => match command {
                    Some(command) => self.command(command)?,
                    None => return Ok(()),
                },
                read = reader.read(&mut piece) => match read.map_err(closed)? {
                    0 => return Err(Closed),
                    read => {
                        frames.push(&piece[..read]);
                        self.read(&mut frames)?
                    }
                },
                () = sleep(due) => {
                    let effects = self.session.tick(now_ms());
                    self.apply(effects)?
                }
            };
        }
    }

    fn read(&mut self, frames: &mut Frames) -> Bytes {
        let mut bytes = Vec::new();
        while let Some(frame) = frames.take().map_err(|_| Closed)? {
            let Frame::Message(wire) = frame else { continue };
            match self.link.read(LINE, &wire, now_ms()) {
                Arrival::Message(message) => {
                    let effects = self.session.heard(message, now_ms());
                    bytes.extend(self.apply(effects)?);
                }
                Arrival::Refused(..) => self.session.unreadable(),
                Arrival::Unanswerable(_) => return Err(Closed),
            }
        }
        self.show();
        Ok(bytes)
    }

    fn command(&mut self, command: Command) -> Bytes {
        let effects = match command {
            Command::Take(message, reply) => {
                let taken = self
                    .is_writable(&message)
                    .and_then(|()| self.session.take(message, now_ms()));
                // Who asked waits for it in a task that nobody ends.
                let _taken = reply.send(taken);
                Vec::new()
            }
            Command::Send(id, reply) => {
                self.asking.insert(id, reply);
                self.session.send(id, now_ms())
            }
            Command::Abandon(id) => {
                self.session.abandon(id);
                Vec::new()
            }
            Command::Reverse(reversal) => self.session.reverse(reversal, now_ms()),
            Command::Offer(key) => {
                self.link.offer(key);
                Vec::new()
            }
            Command::Switch => {
                self.link.switch(now_ms());
                self.link.closed(LINE);
                Vec::new()
            }
        };
        self.apply(effects)
    }

    fn is_writable(&self, message: &Message) -> Result<(), Unanswered> {
        self.link.spec().to_bytes(message)?;
        if let Some(reversal) = Reversal::of(message) {
            self.link.spec().to_bytes(&reversal.message)?;
        }
        Ok(())
    }

    /// What is to be written.
    fn apply(&mut self, effects: Vec<Effect>) -> Bytes {
        let (mut bytes, mut is_closed) = (Vec::new(), false);
        for effect in effects {
            match effect {
                Effect::Send(message) => self.write(message, &mut bytes),
                Effect::KeepAlive => bytes.extend([0, 0]),
                Effect::SignedOn => {}
                Effect::Close => is_closed = true,
                Effect::Ended(id, answer) => {
                    if let Some(reply) = self.asking.remove(&id) {
                        let _taken = reply.send(answer);
                    }
                }
                Effect::Reversed { key, code } => self.reversed(key, &code),
            }
        }
        self.show();
        if is_closed { Err(Closed) } else { Ok(bytes) }
    }

    fn write(&self, mut message: Message, bytes: &mut Vec<u8>) {
        let framed = frame::<FrameTooLong>(bytes, |out| {
            let wire = self.link.write(LINE, &mut message).map_err(|_| FrameTooLong(0))?;
            out.extend_from_slice(&wire);
            Ok(())
        });
        if let Err(failed) = framed {
            tracing::error!(message = %message.masked(), %failed, "a message of an issuer's link cannot be written");
        }
    }

    fn reversed(&self, key: String, code: &str) {
        if !["00", "25"].contains(&code) {
            tracing::warn!(original = key, code, "a host declined a reversal");
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(failed) = store.remove(&key).await {
                tracing::warn!(original = key, %failed, "a reversal that was answered stays stored, and will be sent again");
            }
        });
    }

    fn show(&self) {
        let status = Status {
            is_signed_on: self.session.is_signed_on(),
            reversals: self.session.reversals(),
            unmatched: self.session.unmatched(),
        };
        self.shown
            .send_if_modified(|shown| std::mem::replace(shown, status) != status);
    }
}

fn due_in(session: &ClientSession) -> Duration {
    let due = session
        .due_ms()
        .map_or(60_000, |due_ms| due_ms.saturating_sub(now_ms()));
    Duration::from_millis(due)
}

fn closed(_: io::Error) -> Closed {
    Closed
}

#[cfg(test)]
mod tests;
