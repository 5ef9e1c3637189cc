//! The client on TCP: one task owns the session and its connection; whoever asks waits for it.

mod owner;

use std::{collections::HashMap, sync::Arc, time::Duration};

use causeway_cards::iso8583::Message;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    reversal::{Reversal, Reversals, StoreError},
    session::{ClientSession, Limits, RequestId, Unanswered, is_passing},
};
use crate::acquiring::{
    clock::now_ms,
    host::{
        key::offer,
        line::{Dialect, LinkDialect},
    },
    hsm::KeyName,
    link_key::ModuleKey,
};
use owner::Owner;

const COMMANDS_MAX: usize = 256;

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
    Offer(ModuleKey),
    Withdraw,
    Switch(KeyName, oneshot::Sender<Result<bool, Unanswered>>),
}

/// What became of a key that was offered to a host.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered {
    /// It has approved, and is written to with it.
    Taken,
    /// By this field 39.
    Declined(String),
    /// It has approved, and this side has the key no more: the one before it stays.
    Lost,
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
        let mut link = LinkDialect::new(dialect);
        link.keys().try_newest();
        let owner = Owner {
            session: ClientSession::new(settings.limits, left, trace),
            link,
            settings,
            store: store.clone(),
            asking: HashMap::new(),
            shown,
            was_unsealed: false,
            is_changing: false,
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

    /// Offers the host a new key for authentication codes, in its key block, and writes with it from when the host has approved; the one before
    /// it is deleted a while later. Without an approval the new one is deleted, if nothing was written with it: the host writes with it only
    /// when it has heard it.
    /// One at a time. A process that ends in between finds both keys, and tries which one the host has.
    ///
    /// # Errors
    /// See [`Unanswered`]; a host that declines is an answer.
    pub async fn change_mac_key(&self, key: ModuleKey, block: &str) -> Result<Offered, Unanswered> {
        let (message, name) = (offer(block)?, key.name().clone());
        self.tell(Command::Offer(key)).await;
        let answer = self.request(message).await;
        let code = answer.as_ref().map(|answer| answer.text(39).unwrap_or_default());
        if code.is_ok_and(|code| code == "00") {
            let is_there = self.ask(|reply| Command::Switch(name, reply)).await?;
            return Ok(if is_there { Offered::Taken } else { Offered::Lost });
        }
        self.tell(Command::Withdraw).await;
        answer.map(|answer| Offered::Declined(answer.text(39).unwrap_or_default().to_owned()))
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
        let removed = match &answer {
            Ok(message) => self.store.answered(reversal.key(), message).await,
            Err(_) => self.store.remove(reversal.key()).await,
        };
        match removed {
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

#[cfg(test)]
mod tests;
