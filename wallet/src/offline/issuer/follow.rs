//! The service's work for all purses: it follows final blocks, and brings to the ledger what follows from them.
//!
//! While validators are not there it waits, says so once, and goes on where it was.

mod ready;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use causeway_contracts::{
    block::Height,
    identity::AccountId,
    keys::SecretKey,
    ledger::rejection::Rejection,
    offline::{
        action::OfflineAction,
        ids::{Epoch, KeyId, PurseId, RevocationEntry},
        issuer::KeyRole,
        message::Message,
        revocation::{RevocationError, RevocationList},
    },
};
use tokio::{sync::watch, time::timeout};

use self::ready::Waiting;
use super::{
    config::{ConfigError, LimitsText},
    desk::Desk,
    events::Events,
    journal::{Journal, JournalFile},
    plan::{self, Book, Known, Standing},
    rules::{Rules, ServiceKeys},
};
use crate::{
    client::{ClientError, FollowError, Follower, VerifiedBlock},
    durable::FileError,
    trust,
};

/// Blocks that are there already are looked at together, up to so many.
const BLOCKS_MAX: usize = 64;

/// So many blocks in which nothing had to be done may be looked at again after a crash.
const UNSAVED_BLOCKS_MAX: u64 = 100;

/// How long the next block is waited for before those that are there are looked at.
const NEXT_BLOCK_WAIT: Duration = Duration::from_millis(5);

/// Before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Why the service cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error("{0}; a service is told so by a genesis file that you trust, and its trust.json deleted")]
    Trust(#[source] ClientError),
    #[error("what was signed could not be kept, so it must not be sent")]
    Journal(#[from] FileError),
    #[error(transparent)]
    Limits(#[from] ConfigError),
    #[error(
        "the {role:?} key {id} was withdrawn on the ledger, for good; give the service another, which the issuer has made known"
    )]
    KeyWithdrawn { role: KeyRole, id: KeyId },
    #[error("the {role:?} key {id} is on the ledger for something else")]
    KeyOfOtherRole { role: KeyRole, id: KeyId },
    #[error("the ledger's revocation list does not fit together: {0}")]
    List(#[from] RevocationError),
}

/// What the work is done with.
pub struct Work {
    pub desk: Desk,
    pub keys: ServiceKeys,
    pub account: AccountId,
    pub account_key: SecretKey,
    /// To which nodes show all blocks.
    pub stream_key: SecretKey,
    pub limits: LimitsText,
    pub beacon_hours: u32,
    pub lot_proof_hours: u32,
    pub from_height: Height,
    pub journal: JournalFile,
    /// Told once the currency is open and the keys are its issuer's.
    pub rules: watch::Sender<Option<Arc<Rules>>>,
}

/// What is known of the ledger besides the blocks.
struct Position {
    journal: Journal,
    saved: Height,
    list: RevocationList,
    beacon: Option<Epoch>,
}

impl Work {
    /// Works until it cannot go on, from where the journal says.
    pub async fn run(self, journal: Journal) -> Stop {
        match self.work(journal).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn work(&self, journal: Journal) -> Result<Infallible, Stop> {
        let mut waiting = Waiting::default();
        let (rules, beacon) = self.ready(&mut waiting).await?;
        let journal = journal.reopened(&self.keys.ids());
        let mut position = Position {
            saved: journal.book.height,
            journal,
            list: RevocationList::default(),
            beacon,
        };
        self.catch_up(&mut position.list, &mut waiting).await?;
        self.finish(&mut position, &mut waiting).await?;
        self.rules.send_replace(Some(Arc::new(rules)));
        let mut follower = self.follower(&position.journal.book);
        loop {
            let blocks = collect(&mut follower, &mut waiting).await?;
            let of = |block| Events::of(block, self.desk.currency, rules.currency);
            let events: Vec<_> = blocks.iter().map(of).collect();
            self.round(&mut position, &events, &rules, &mut waiting).await?;
        }
    }

    fn follower(&self, book: &Book) -> Follower<'_> {
        let (client, key) = (&self.desk.client, &self.stream_key);
        match book.block {
            Some(block) => client.follow(book.height.next(), key).after(block),
            None => client.follow(self.from_height, key),
        }
    }

    /// Adds to the list what the ledger has besides.
    async fn catch_up(&self, list: &mut RevocationList, waiting: &mut Waiting) -> Result<(), Stop> {
        loop {
            match self.desk.revocations(list.version()).await {
                Ok(page) => {
                    waiting.over();
                    page.deltas.iter().try_for_each(|delta| list.apply(&delta.body))?;
                    if !page.has_more {
                        return Ok(());
                    }
                }
                Err(error) => waiting.pause("the revocation list is not had", error).await?,
            }
        }
    }

    async fn round(
        &self,
        position: &mut Position,
        events: &[Events],
        rules: &Rules,
        waiting: &mut Waiting,
    ) -> Result<(), Stop> {
        let standings = self.standings(position, events, rules, waiting).await?;
        let known = Known {
            list: &position.list,
            beacon: position.beacon,
            standings: &standings,
        };
        let plan = plan::plan(&position.journal.book, events, &known, rules, &self.keys.ids());
        if plan.unlisted > 0 {
            tracing::error!("the revocation list is full: {} entries found no room", plan.unlisted);
        }
        position.journal = position.journal.begin(&plan, &self.keys);
        let height = plan.book.height;
        let is_old = height.0 >= position.saved.0 + UNSAVED_BLOCKS_MAX;
        if position.journal.open.is_some() || is_old {
            // Before any of it leaves: after a crash nothing else may be signed in its place.
            self.save(position)?;
        }
        self.finish(position, waiting).await?;
        let withdrawn = |id| events.iter().any(|block| block.withdrawn.contains(&id));
        let own = self.keys.public(rules.currency);
        match own.iter().find(|key| withdrawn(key.id())) {
            Some(key) => Err(Stop::KeyWithdrawn {
                role: key.role,
                id: key.id(),
            }),
            None => Ok(()),
        }
    }

    /// How the purses stand that something was said of, as of the last of these blocks or later.
    async fn standings(
        &self,
        position: &Position,
        events: &[Events],
        rules: &Rules,
        waiting: &mut Waiting,
    ) -> Result<BTreeMap<PurseId, Standing>, Stop> {
        let asked = plan::asked_of(&position.journal.book, events, &position.list, rules);
        let asked: Vec<_> = asked.into_iter().collect();
        let height = events.last().map_or(Height::GENESIS, |block| block.height);
        loop {
            match self.desk.purses(&asked, height).await {
                Ok(purses) => {
                    waiting.over();
                    return Ok(purses.iter().map(|purse| (purse.id, Standing::of(purse))).collect());
                }
                Err(error) => waiting.pause("purses are not shown", error).await?,
            }
        }
    }

    /// Brings to the ledger what is open.
    async fn finish(&self, position: &mut Position, waiting: &mut Waiting) -> Result<(), Stop> {
        let Some(open) = position.journal.open.clone() else {
            return Ok(());
        };
        let actions: Vec<_> = open.messages.iter().map(|message| self.action(message)).collect();
        let brought = loop {
            match self.desk.bring(actions.clone(), &self.account_key).await {
                Ok(brought) => break brought,
                Err(error) => waiting.pause("what is signed is not taken", error).await?,
            }
        };
        waiting.over();
        let mut missed = Vec::new();
        for (message, taken) in open.messages.iter().zip(brought.taken) {
            self.taken(position, message, taken, &mut missed)?;
        }
        self.catch_up(&mut position.list, waiting).await?;
        position.journal = std::mem::take(&mut position.journal).done();
        let is_new = |entry: &RevocationEntry| position.list.entries().binary_search(entry).is_err();
        position.journal.book.missed.extend(missed.into_iter().filter(is_new));
        self.save(position)
    }

    fn action(&self, message: &Message) -> OfflineAction {
        let by = self.account;
        match message.clone() {
            Message::Grant(grant) => OfflineAction::Grant { by, grant },
            Message::Beacon(beacon) => OfflineAction::Beacon { by, beacon },
            Message::RevocationDelta(delta) => OfflineAction::AddRevocations { by, delta },
            other => unreachable!("a journal has no other messages: {other:?}"),
        }
    }

    /// After the ledger took a message, or refused it for good.
    fn taken(
        &self,
        position: &mut Position,
        message: &Message,
        taken: Result<(), Rejection>,
        missed: &mut Vec<RevocationEntry>,
    ) -> Result<(), Stop> {
        let (role, id, what) = match message {
            Message::Grant(signed) => {
                let what = format!(
                    "the grant for load {} of purse {}",
                    signed.body.load_counter, signed.body.purse
                );
                (KeyRole::Grant, signed.body.issuer, what)
            }
            Message::RevocationDelta(signed) => {
                let what = format!("version {} of the revocation list", signed.body.version);
                (KeyRole::Beacon, signed.body.issuer, what)
            }
            Message::Beacon(signed) => {
                let what = format!("the beacon of hour {}", signed.body.epoch);
                // Another one's for the same hour is as good.
                position.beacon = position.beacon.max(Some(signed.body.epoch));
                (KeyRole::Beacon, signed.body.issuer, what)
            }
            other => unreachable!("a journal has no other messages: {other:?}"),
        };
        match taken {
            Ok(()) => {
                tracing::info!("the ledger has {what}");
                if let Message::RevocationDelta(signed) = message {
                    // Validators that lag may not show it yet.
                    match position.list.apply(&signed.body) {
                        Ok(()) | Err(RevocationError::NotNext { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(())
            }
            Err(Rejection::UnknownServiceKey) => Err(Stop::KeyWithdrawn { role, id }),
            Err(reason) => {
                tracing::warn!("the ledger refused {what}: {reason}");
                if let Message::RevocationDelta(signed) = message {
                    missed.extend(signed.body.entries.iter().copied());
                }
                Ok(())
            }
        }
    }

    fn save(&self, position: &mut Position) -> Result<(), Stop> {
        self.journal.save(&position.journal)?;
        position.saved = position.journal.book.height;
        Ok(trust::save(&self.journal.trust_path(), &self.desk.client.trusted())?)
    }
}

/// The next blocks: at least one, and those that are there already.
async fn collect(follower: &mut Follower<'_>, waiting: &mut Waiting) -> Result<Vec<VerifiedBlock>, Stop> {
    let first = loop {
        match follower.next().await {
            Ok(block) => break block,
            Err(FollowError::Trust(error)) => return Err(Stop::Trust(error)),
            Err(error) => waiting.tell("no blocks come", &error),
        }
    };
    waiting.over();
    let mut blocks = vec![first];
    while blocks.len() < BLOCKS_MAX {
        match timeout(NEXT_BLOCK_WAIT, follower.next()).await {
            Ok(Ok(block)) => blocks.push(block),
            // What went wrong is met again when the next block is waited for.
            Ok(Err(_)) | Err(_) => break,
        }
    }
    Ok(blocks)
}
