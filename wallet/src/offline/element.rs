//! A purse in software: the [state machine](causeway_contracts::offline::purse) in a [memory](super::memory) that keeps
//! it.
//!
//! Every command is one commit, and nothing leaves the element before it. A command that changes nothing, such as the
//! same receipt again, writes nothing. The PIN takes two, since a try is gone before it is looked at; and news one each.
//!
//! [`applet`] is what the element says to readers. The purse's own host calls [`Element`] itself.

pub mod applet;

use causeway_contracts::offline::{
    ids::MessageId,
    purse::{
        PurseRefusal, PurseState, StateError, Step,
        pin::{self, Consent},
        sync::Download,
    },
};
use zeroize::Zeroizing;

use self::applet::Interface;
use super::memory::{
    Memory, Staged, State, Store, TooLong, Unit,
    store::{CommitError, OpenError, format},
};

impl State for PurseState {
    type Error = StateError;

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.to_bytes())
    }

    fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        Self::from_bytes(bytes)
    }

    fn may_follow(&self, before: &Self) -> bool {
        PurseState::may_follow(self, before)
    }
}

/// Why a command has no result. After [`ElementError::Commit`] the element says nothing any more until it is opened
/// again, and whether the command was carried out is asked then.
#[derive(Debug, thiserror::Error)]
pub enum ElementError {
    #[error(transparent)]
    Refused(#[from] PurseRefusal),
    #[error("the purse's memory failed: {0}")]
    Commit(#[from] CommitError),
}

/// A new memory that holds an empty purse, with room for all that it may come to hold.
pub fn new_memory(first: &PurseState) -> Result<Zeroizing<Vec<Unit>>, TooLong> {
    format(first, PurseState::BYTES_MAX)
}

/// The one owner of a purse.
pub struct Element<M> {
    store: Store<M, PurseState>,
    /// The person has given the PIN in the own host's session.
    is_verified: bool,
    /// The request to which the person has consented on the purse's own host, for one payment.
    consented: Option<MessageId>,
}

impl<M: Memory> Element<M> {
    /// # Errors
    /// [`OpenError::Locked`] if the memory holds what no loss of power leaves.
    pub fn open(memory: M) -> Result<Self, OpenError<StateError>> {
        Ok(Self {
            store: Store::open(memory)?,
            is_verified: false,
            consented: None,
        })
    }

    pub fn state(&self) -> &PurseState {
        self.store.state()
    }

    /// Carries a command out, and gives what it releases once its state is in memory.
    pub fn run<R>(
        &mut self,
        command: impl FnOnce(&PurseState) -> Result<Step<R>, PurseRefusal>,
    ) -> Result<R, ElementError> {
        let Step { next, release } = command(self.store.state())?;
        match next {
            Some(next) => Ok(self.store.commit(Staged::new(next, release))?),
            // A memory that has failed may hold another state than this.
            None if self.store.is_spent() => Err(CommitError::Spent.into()),
            None => Ok(release),
        }
    }

    /// The PIN, for what the own host does until its session ends.
    pub fn verify(&mut self, digits: &str) -> Result<(), ElementError> {
        self.is_verified = false;
        self.run(|state| state.try_pin())?;
        self.run(|state| state.verify_pin(digits))?;
        self.is_verified = true;
        Ok(())
    }

    /// Another PIN, for who knows the old one: a wrong one costs a try.
    pub fn change_pin(&mut self, old: &str, new: &str) -> Result<(), ElementError> {
        pin::check_pin(new)?;
        self.run(|state| state.try_pin())?;
        self.run(|state| state.change_pin(old, new))
    }

    /// What the issuer's service is told: SYNC, and the messages that follow it.
    pub fn sync_upload(&mut self) -> Result<Vec<u8>, ElementError> {
        Ok(self.run(|state| state.sync_upload())?.to_bytes())
    }

    /// Takes what the issuer's service has answered. First the answer with its certificate, which are for what the purse
    /// would upload now; then the news, each in a commit of its own: those before one that is refused are kept.
    pub fn sync_answer(&mut self, bytes: &[u8]) -> Result<(), ElementError> {
        let download = Download::from_bytes(bytes)?;
        self.run(|state| state.sync_answer(&download.answer, &download.certificate))?;
        let mut news = download.news.iter();
        news.try_for_each(|message| self.run(|state| state.news(message)))
    }

    /// The PIN on the purse's own host, for one payment of this request: it holds for the next tap too.
    pub fn consent(&mut self, digits: &str, request: MessageId) -> Result<(), ElementError> {
        self.consented = None;
        self.run(|state| state.try_pin())?;
        self.run(|state| state.verify_pin(digits))?;
        self.consented = Some(request);
        Ok(())
    }

    fn consent_to(&self, request: MessageId, interface: Interface) -> Consent {
        let is_verified = self.is_verified && interface == Interface::OwnHost;
        if is_verified || self.consented == Some(request) {
            Consent::Pin
        } else {
            Consent::None
        }
    }

    fn end_session(&mut self, interface: Interface) {
        self.is_verified &= interface != Interface::OwnHost;
    }
}

#[cfg(test)]
mod tests;
