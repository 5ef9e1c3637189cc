//! A validator without a database: it begins with the last certified snapshot of the others.

use causeway_consensus::{SnapshotSync, SyncAction, SyncQuestion, wire::SnapshotOffer};

use super::*;

/// What a process is that has nothing to run on yet.
pub(super) struct Syncing {
    sync: SnapshotSync,
    began: u64,
    questions: BTreeMap<u64, SyncQuestion>,
    offer: Option<Box<SnapshotOffer>>,
}

impl Node {
    pub(super) fn begin_sync(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        env.trace(self.place, "has no database");
        let others = shared.ids.iter().copied().filter(|id| *id != self.id);
        let scheme = Arc::clone(&self.signing.scheme);
        self.syncing = Some(Syncing {
            sync: SnapshotSync::new(
                self.genesis,
                shared.validators.clone(),
                others,
                scheme,
                !self.kept.is_empty(),
            ),
            began: env.now,
            questions: BTreeMap::new(),
            offer: None,
        });
        self.tick_sync(shared, env, checks)
    }

    pub(super) fn tick_sync(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        let Some(syncing) = &mut self.syncing else {
            return Ok(());
        };
        let now = syncing.now(env);
        syncing.sync.tick(now);
        self.later(env, TICK, Wake::Tick);
        self.go_on_syncing(shared, env, checks)
    }

    /// What came, or that nothing did, on a question of a sync.
    pub(super) fn answered_sync(
        &mut self,
        number: u64,
        answer: Option<&[u8]>,
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        let Some(syncing) = &mut self.syncing else {
            return Ok(());
        };
        if let Some(question) = syncing.questions.remove(&number) {
            let now = syncing.now(env);
            syncing.sync.answered(question, answer, now);
        }
        self.go_on_syncing(shared, env, checks)
    }

    fn go_on_syncing(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        while let Some(syncing) = &mut self.syncing {
            let actions = syncing.sync.take_actions();
            if actions.is_empty() {
                break;
            }
            for action in actions {
                self.sync_step(action, shared, env, checks)?;
            }
        }
        Ok(())
    }

    fn sync_step(&mut self, action: SyncAction, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        let place = self.place;
        let Some(syncing) = &mut self.syncing else {
            return Ok(());
        };
        match action {
            SyncAction::Ask(question) => {
                let number = env.number();
                syncing.questions.insert(number, question);
                self.later(env, FETCH_TIME_MAX, Wake::Unanswered(number));
                let to = shared.place(&question.to());
                self.send(to, Packet::Ask(number, question.request().encode()), env);
            }
            SyncAction::Blame(peer, how) => {
                env.reached.misled += 1;
                self.blame(&peer, how.name(), shared, env, checks);
            }
            SyncAction::Begin(offer) => {
                env.trace(place, format_args!("takes the snapshot of {}", offer.manifest.height));
                for (index, root) in (0..).zip(offer.manifest.chunks.iter()) {
                    if self.kept.contains_key(root) {
                        syncing.sync.has(index);
                    }
                }
                let now = syncing.now(env);
                syncing.sync.tick(now);
                syncing.offer = Some(offer);
            }
            SyncAction::Keep { index, chunk } => {
                let fails = self.files.with_wear(|wear| wear.crashes_per_mille);
                if env.chance.per_mille(fails * 10) {
                    return Err(End::Disk(DiskError::Crash));
                }
                let offer = syncing.offer.as_ref().expect("begun");
                self.kept.insert(offer.manifest.chunks[index as usize], chunk);
            }
            SyncAction::Complete => {
                let offer = *syncing.offer.take().expect("begun");
                self.syncing = None;
                env.reached.synced += 1;
                let chunks = offer.manifest.chunks.iter();
                let chunks: Vec<_> = chunks.map(|root| self.kept[root].clone()).collect();
                match Database::of_snapshot(offer, &chunks, &shared.genesis) {
                    Ok(database) => self.database = database,
                    Err(error) => return Err(End::Stopped(format!("cannot use a snapshot: {error}"))),
                }
                self.kept.clear();
                self.run(shared, env, checks)?;
            }
            SyncAction::GiveUp(why) => {
                env.trace(place, format_args!("goes by blocks: {why}"));
                self.syncing = None;
                env.reached.by_blocks += 1;
                self.run(shared, env, checks)?;
            }
        }
        Ok(())
    }
}

impl Syncing {
    fn now(&self, env: &Env) -> Moment {
        Moment(std::time::Duration::from_micros(env.now - self.began))
    }
}
