//! The service's work for all purses: it follows final blocks, and brings to the ledger what follows from them.
//!
//! While validators are not there it waits, says so once, and goes on where it was.

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
    statement::PurseCurrencyView,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    config::{ConfigError, LimitsText},
    desk::{Desk, DeskError},
    events::Events,
    journal::{Journal, JournalFile},
    plan::{self, Known, Standing},
    rules::{Rules, ServiceKeys},
};
use crate::{
    client::{FollowError, Follower, VerifiedBlock},
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
    #[error(transparent)]
    Trust(FollowError),
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

/// Says once what is waited for, however often it is tried.
#[derive(Default)]
struct Waiting(Option<String>);

impl Waiting {
    fn tell(&mut self, what: &str, error: &dyn std::error::Error) {
        // Another cause of the same wait is no news.
        if self.0.as_deref() != Some(what) {
            tracing::warn!("{what}: {error}; waiting");
            self.0 = Some(what.to_owned());
        }
    }

    fn over(&mut self) {
        if let Some(what) = self.0.take() {
            tracing::info!("no longer: {what}");
        }
    }
}

/// Why the service is not ready yet.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error("the ledger does not know the {role:?} key {id} yet; the issuer makes it known by set_service_key")]
    KeyUnknown { role: KeyRole, id: KeyId },
    #[error(transparent)]
    Stop(#[from] Stop),
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
        let book = &position.journal.book;
        let mut follower = self
            .desk
            .client
            .follow(book.height.next().max(self.from_height), &self.stream_key);
        if let Some(block) = book.block {
            follower = follower.after(block);
        }
        loop {
            let blocks = collect(&mut follower, &mut waiting).await?;
            let of = |block| Events::of(block, self.desk.currency, rules.currency);
            let events: Vec<_> = blocks.iter().map(of).collect();
            self.round(&mut position, &events, &rules, &mut waiting).await?;
        }
    }

    /// Waits until the currency is open for purses and the keys are those of its issuer.
    async fn ready(&self, waiting: &mut Waiting) -> Result<(Rules, Option<Epoch>), Stop> {
        loop {
            match self.look().await {
                Ok(found) => {
                    waiting.over();
                    return Ok(found);
                }
                Err(Unready::Stop(stop)) => return Err(stop),
                Err(error) => waiting.tell("the service is not ready", &error),
            }
            sleep(PAUSE).await;
        }
    }

    async fn look(&self) -> Result<(Rules, Option<Epoch>), Unready> {
        let view = self.desk.purse_currency().await?;
        for key in self.keys.public(view.index) {
            self.check_key(&view, key.role, key.id())?;
        }
        let found = self
            .desk
            .client
            .currency(self.desk.currency)
            .await
            .map_err(DeskError::from)?;
        let record = found.ok_or(DeskError::NotOpen(self.desk.currency))?;
        let rules = Rules {
            currency: view.index,
            exponent: record.exponent,
            limits: self.limits.resolve(record.exponent).map_err(Stop::from)?,
            beacon_hours: self.beacon_hours,
            lot_proof_hours: self.lot_proof_hours,
        };
        Ok((rules, view.beacon.map(|beacon| beacon.body.epoch)))
    }

    fn check_key(&self, view: &PurseCurrencyView, role: KeyRole, id: KeyId) -> Result<(), Unready> {
        match view.keys.iter().find(|entry| KeyId::of(&entry.key) == id) {
            None => Err(Unready::KeyUnknown { role, id }),
            Some(entry) if entry.is_withdrawn => Err(Stop::KeyWithdrawn { role, id }.into()),
            Some(entry) if entry.role != role => Err(Stop::KeyOfOtherRole { role, id }.into()),
            Some(_) => Ok(()),
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
                Err(error) => {
                    waiting.tell("the revocation list is not had", &error);
                    sleep(PAUSE).await;
                }
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
        let standings = self.standings(position, events, rules, waiting).await;
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
    ) -> BTreeMap<PurseId, Standing> {
        let asked = plan::asked_of(&position.journal.book, events, &position.list, rules);
        let asked: Vec<_> = asked.into_iter().collect();
        let height = events.last().map_or(Height::GENESIS, |block| block.height);
        loop {
            match self.desk.purses(&asked, height).await {
                Ok(purses) => {
                    waiting.over();
                    return purses.iter().map(|purse| (purse.id, Standing::of(purse))).collect();
                }
                Err(error) => waiting.tell("purses are not shown", &error),
            }
            sleep(PAUSE).await;
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
                Err(error) => waiting.tell("what is signed is not taken", &error),
            }
            sleep(PAUSE).await;
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
            Err(error @ FollowError::Trust(_)) => return Err(Stop::Trust(error)),
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
