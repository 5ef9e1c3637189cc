//! Blocks: drafted and committed.

use super::*;

impl Node {
    pub(super) fn draft(
        &mut self,
        height: Height,
        round: u32,
        checkpoint: Option<CheckpointCertificate>,
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        let (now, proposer) = (self.wall(env), self.id);
        self.database.sync();
        let process = self.process();
        let batches = process.exchange.ready(BATCHES_MAX, 16 * 1024);
        let draft = Draft {
            height,
            now,
            proposer,
            batches,
            checkpoint,
        };
        match process.chain.draft(&draft) {
            Ok(block) => {
                let held = |digest: &BatchDigest| draft.batches.iter().find(|batch| batch.digest() == *digest);
                let drafted = block.batches.iter().filter_map(held).cloned().collect();
                process.batches.insert(block.id(), drafted);
                let block = Arc::new(block);
                self.input(Input::Drafted { height, round, block }, shared, env, checks)
            }
            Err(_) => Ok(()),
        }
    }

    pub(super) fn commit_soon(
        &mut self,
        block: Block,
        certificate: CommitCertificate,
        batches: Vec<HashedBatch>,
        env: &mut Env,
    ) -> Done {
        let after = env.work(self.place, 10 * MS);
        let wake = Wake::Commit {
            block,
            certificate,
            batches,
        };
        self.later(env, after, wake);
        Ok(())
    }

    pub(super) fn commit(
        &mut self,
        block: Block,
        certificate: CommitCertificate,
        batches: &[HashedBatch],
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        let height = block.header.height;
        let process = self.process.as_mut().expect("runs");
        let execution = match process.chain.certified(&block, batches) {
            Ok(execution) => execution,
            Err(why) => {
                return Err(End::Stopped(format!(
                    "block {height} is final, and its result differs: {why}"
                )));
            }
        };
        let (digests, time_ms) = (execution.batches.clone(), block.header.time_ms);
        let counts = batches.iter().map(|it| (it.batch().author, it.ids().len()));
        let learned = yields(counts, &execution.skips);
        let certified = CertifiedBlock { block, certificate };
        // The power may fail before the write or after it.
        let fails = self.files.with_wear(|wear| wear.crashes_per_mille);
        if env.chance.per_mille(fails) {
            return Err(End::Disk(DiskError::Crash));
        }
        self.database.commit(certified.clone(), &execution);
        if env.chance.per_mille(fails) {
            return Err(End::Disk(DiskError::Crash));
        }
        let before = process.chain.ledger().next_version();
        let deciding = process.chain.ledger().validators().clone();
        process.chain.commit(execution.clone());
        process.exchange.set_authors(Authors::of(process.chain.ledger()));
        let members = process.chain.ledger().validators().len();
        env.reached.left += u64::from(members < deciding.len());
        env.reached.joined += u64::from(members > deciding.len());
        let tip = process.chain.tip();
        env.reached.certified += u64::from(certified.block.checkpoint.is_some());
        env.reached.upgraded += u64::from(tip.next_version() > before);
        process.exchange.set_in_force(tip.next_version());
        env.reached.later_rounds += u64::from(certified.certificate.round > 0);
        env.trace(self.place, format_args!("commits {height} {}", tip.block));
        if self.byzantine.is_none() {
            let judge = (&deciding, self.signing.scheme.as_ref());
            checks.committed(
                self.place,
                &certified,
                &execution,
                process.chain.ledger(),
                env.wall(),
                judge,
            );
        }
        for of in &learned {
            process.exchange.learn(of);
        }
        let kept = u64::from(process.chain.ledger().parameters().validity_seconds_max) * 1000;
        let expired = process.exchange.ordered(&digests, time_ms, TimeMs(time_ms.0 + kept));
        self.database.drop_expired(&expired);
        process.batches.clear();
        self.input(Input::Committed(Box::new(tip)), shared, env, checks)?;
        if !self.process().exchange.ready(1, 1).is_empty() {
            self.input(Input::BatchWaiting, shared, env, checks)?;
        }
        Ok(())
    }
}
