//! The task that owns the session and its connection.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use causeway_cards::iso8583::{Frame, FrameTooLong, Frames, Message, frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};

use super::{Answer, Command, Settings, Status};
use crate::acquiring::{
    client::{
        reversal::{Reversal, Reversals},
        session::{ClientSession, Effect, RequestId, Unanswered},
    },
    clock::now_ms,
    host::{
        LineId, Outcome,
        line::{Arrival, LinkDialect},
    },
};

/// A client has one connection at a time.
const LINE: LineId = LineId(0);
const PAUSE_MIN: Duration = Duration::from_millis(100);

pub(super) struct Owner<R> {
    pub(super) session: ClientSession,
    pub(super) link: LinkDialect,
    pub(super) settings: Settings,
    pub(super) store: Arc<R>,
    pub(super) asking: HashMap<RequestId, oneshot::Sender<Answer>>,
    pub(super) shown: watch::Sender<Status>,
    /// Something came on this connection that is sealed with no key of ours.
    pub(super) was_unsealed: bool,
    /// A key is offered, and nobody knows yet whether the host takes it.
    pub(super) is_changing: bool,
}

/// What is to be done with the connection after some effects.
type Bytes = Result<Vec<u8>, Closed>;

/// The connection is of no use any more.
struct Closed;

impl<R: Reversals> Owner<R> {
    pub(super) async fn run(mut self, mut arriving: mpsc::Receiver<Command>) {
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
                command = arriving.recv() => drop(self.command(command?).await),
                () = sleep(due) => {
                    let effects = self.session.tick(now_ms());
                    drop(self.apply(effects).await);
                }
            }
        }
    }

    /// Until nobody can give commands any more, or, as an error, the connection ends: whether it had signed on.
    async fn converse(&mut self, stream: TcpStream, arriving: &mut mpsc::Receiver<Command>) -> Result<(), bool> {
        let mut had_signed_on = false;
        self.was_unsealed = false;
        let ended = self.exchange(stream, arriving, &mut had_signed_on).await;
        self.session.disconnected();
        // Perhaps a refusal, by a key that this side has no more. A sign-on without an answer may have been heard: it comes again as it was.
        if !had_signed_on && self.was_unsealed {
            self.link.keys().try_next();
        }
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
        let mut bytes = self.apply(effects).await?;
        loop {
            timeout(self.wait_max(), writer.write_all(&bytes))
                .await
                .map_err(|_| Closed)?
                .map_err(closed)?;
            *had_signed_on |= self.session.is_signed_on();
            let due = due_in(&self.session);
            bytes = tokio::select! {
                command = arriving.recv() => match command {
                    Some(command) => self.command(command).await?,
                    None => return Ok(()),
                },
                read = reader.read(&mut piece) => match read.map_err(closed)? {
                    0 => return Err(Closed),
                    read => {
                        frames.push(&piece[..read]);
                        self.read(&mut frames).await?
                    }
                },
                () = sleep(due) => {
                    let effects = self.session.tick(now_ms());
                    self.apply(effects).await?
                }
            };
        }
    }

    async fn read(&mut self, frames: &mut Frames) -> Bytes {
        let mut bytes = Vec::new();
        while let Some(frame) = frames.take().map_err(|_| Closed)? {
            let Frame::Message(wire) = frame else { continue };
            match self.link.read(LINE, &wire, now_ms()).await {
                Arrival::Message(message) => {
                    let effects = self.session.heard(message, now_ms());
                    bytes.extend(self.apply(effects).await?);
                }
                Arrival::Refused(_, outcome) => {
                    self.was_unsealed |= outcome == Outcome::AuthenticationFailed;
                    self.session.unreadable();
                }
                Arrival::Unanswerable(_) => return Err(Closed),
            }
        }
        self.show();
        Ok(bytes)
    }

    async fn command(&mut self, command: Command) -> Bytes {
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
                self.is_changing = true;
                self.link.keys().offer(key);
                Vec::new()
            }
            Command::Withdraw => {
                self.is_changing = false;
                self.link.keys().withdraw();
                Vec::new()
            }
            Command::Switch(name, reply) => {
                self.is_changing = false;
                let is_there = self.link.keys().switch(&name, now_ms());
                // Who asked waits for it in a task that nobody ends.
                let _taken = reply.send(Ok(is_there));
                Vec::new()
            }
        };
        self.apply(effects).await
    }

    fn is_writable(&self, message: &Message) -> Result<(), Unanswered> {
        self.link.spec().to_bytes(message)?;
        if let Some(reversal) = Reversal::of(message) {
            self.link.spec().to_bytes(&reversal.message)?;
        }
        Ok(())
    }

    /// What is to be written.
    async fn apply(&mut self, effects: Vec<Effect>) -> Bytes {
        let (mut bytes, mut is_closed) = (Vec::new(), false);
        for effect in effects {
            match effect {
                Effect::Send(message) => self.write(message, &mut bytes).await,
                Effect::KeepAlive => bytes.extend([0, 0]),
                Effect::SignedOn => self.signed_on(),
                Effect::KeyRefused => self.link.refused(LINE),
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

    fn signed_on(&mut self) {
        self.link.keys().settle(now_ms());
        // The host may refuse a key now, and take it with its offer, which comes again after this.
        if !self.is_changing {
            self.link.keys().forget_refused();
        }
    }

    async fn write(&self, message: Message, bytes: &mut Vec<u8>) {
        let kind = message.message_type().number();
        let wire = self.link.write(None, message).await;
        let framed = wire.map_err(|error| error.to_string()).and_then(|wire| {
            let written = frame::<FrameTooLong>(bytes, |out| {
                out.extend_from_slice(&wire);
                Ok(())
            });
            written.map_err(|error| error.to_string())
        });
        if let Err(error) = framed {
            tracing::error!(kind, error, "a message of an issuer's link cannot be written");
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
