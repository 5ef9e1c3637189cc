//! Batches: taken from clients, sealed, exchanged, checked.

use super::*;

impl Node {
    pub(super) fn gather(
        &mut self,
        request: Request,
        wanted: Wanted,
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        let now = self.moment(env);
        let (database, process) = (&self.database, self.process.as_mut().expect("runs"));
        for digest in &wanted.digests {
            if !process.exchange.knows(digest)
                && let Some(stored) = database.batch(digest)
            {
                process.exchange.load(CheckedBatch::stored(stored.clone()));
            }
        }
        process.exchange.gather(request, wanted, now);
        self.exchange(shared, env, checks)
    }

    /// Does what the exchange asks for.
    pub(super) fn exchange(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        for action in self.process().exchange.take_actions() {
            match action {
                ExchangeAction::Ask(question) => {
                    env.reached.asked += 1;
                    let (to, request) = (shared.place(&question.to), question.request().encode());
                    let number = self.question(Asked::Batches(question), env);
                    self.send(to, Packet::Ask(number, request), env);
                }
                ExchangeAction::Answer(request, gathered) => self.gathered(request, gathered, shared, env, checks)?,
                ExchangeAction::Waiting => self.input(Input::BatchWaiting, shared, env, checks)?,
                ExchangeAction::Blame(peer, misconduct) => {
                    self.blame(&peer, &misconduct.to_string(), shared, env, checks);
                }
                ExchangeAction::Dropped(why) => env.reached.early += u64::from(why == WhyDropped::NotInForce),
            }
        }
        let place = self.place;
        let process = self.process();
        if !process.checking && process.exchange.has_arrivals() {
            process.checking = true;
            let group = process.exchange.next_arrivals();
            let after = env.work(place, 5 * MS);
            self.later(env, after, Wake::Check(group));
        }
        Ok(())
    }

    pub(super) fn gathered(
        &mut self,
        request: Request,
        gathered: Result<Vec<HashedBatch>, GatherError>,
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        match (request, gathered) {
            (Request::Execute { height, id, block }, Ok(batches)) => {
                let after = env.work(self.place, 10 * MS);
                let wake = Wake::Execute {
                    height,
                    id,
                    block,
                    batches,
                };
                self.later(env, after, wake);
                Ok(())
            }
            (Request::Execute { height, id, .. }, Err(error)) => {
                let verdict = match error {
                    GatherError::Missing(_) => Verdict::Unknown,
                    GatherError::Invalid(_) => Verdict::Invalid,
                };
                let block = id;
                self.input(Input::Executed { height, block, verdict }, shared, env, checks)
            }
            (Request::Commit { block, certificate, .. }, Ok(batches)) => {
                self.commit_soon(block, certificate, batches, env)
            }
            (request @ Request::Commit { .. }, Err(GatherError::Missing(_))) => {
                let Request::Commit { block, source, .. } = &request else {
                    unreachable!("matched above")
                };
                let wanted = Wanted {
                    digests: block.batches.to_vec(),
                    proposer: *source,
                    author: block.header.proposer,
                    in_force: self.process().validator.tip().next_version(),
                };
                self.later(env, RETRY_AFTER, Wake::Gather(request, wanted));
                Ok(())
            }
            (Request::Commit { block, .. }, Err(error @ GatherError::Invalid(_))) => Err(End::Stopped(format!(
                "block {} is final, and {error}",
                block.header.height
            ))),
        }
    }

    /// A client sends a transaction.
    pub fn submit(&mut self, transaction: SignedTransaction, shared: &Shared, env: &mut Env) {
        let wall = self.wall(env);
        let honest = self.is_honest();
        let Some(process) = &mut self.process else { return };
        let id = transaction.id();
        let admitted = match process.chain.ledger().admit_at(&transaction, &id, wall) {
            // No honest validator seals it; this one sees what the others do with it.
            Err(Skip::NotInForce(_)) => !honest,
            admitted => admitted.is_ok(),
        };
        if !admitted
            || transaction.check(&shared.genesis.hash()).is_err()
            || process.exchange.is_pending(&id)
            || process.intake.iter().any(|waiting| waiting.id() == id)
        {
            return;
        }
        let signed: Vec<_> = transaction.signed(&id).collect();
        if !causeway_consensus::Signatures::all_good(&mut self.signing, &signed) {
            return;
        }
        process.intake.push(transaction);
        if process.intake.len() == 1 {
            self.later(env, 5 * MS, Wake::Seal);
        }
    }

    pub(super) fn seal(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        let transactions = std::mem::take(&mut self.process().intake);
        if transactions.is_empty() {
            return Ok(());
        }
        let batch = HashedBatch::new(Batch {
            version: BATCH_VERSION,
            genesis: shared.genesis.hash(),
            author: self.id,
            transactions: Bounded::new(transactions).expect("few"),
        });
        let digest = batch.digest();
        let signature = self.signing.scheme.sign(&self.key, Domain::Batch, digest.as_bytes());
        let signed = batch.under(signature);
        let payload = codec::encode(&signed);
        self.database.put(digest, signed);
        let checked = CheckedBatch {
            batch,
            wire: payload.as_slice().into(),
        };
        self.broadcast(&Packet::Batch(payload), env);
        self.process().exchange.hold_own(checked);
        self.exchange(shared, env, checks)
    }

    pub(super) fn check(&mut self, group: Vec<RawBatch>, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        let names = group.iter().map(|raw| (raw.from, raw.bytes.digest())).collect();
        let authors = self.process().exchange.authors().clone();
        let versions = self.process().exchange.versions();
        let results: Vec<Result<CheckedBatch, BatchFault>> =
            check_batches(group, &shared.genesis.hash(), &authors, versions, &mut self.signing);
        for checked in results.iter().flatten() {
            let signed = codec::decode(&checked.wire, BATCH_BYTES_MAX).expect("it was read from these bytes");
            self.database.put(checked.batch.digest(), signed);
        }
        let now = self.moment(env);
        self.process().checking = false;
        self.process().exchange.checked(names, results, now);
        self.exchange(shared, env, checks)
    }
}
