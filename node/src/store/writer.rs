//! The one thread that writes.

use std::sync::Arc;

use causeway_contracts::{
    block::{BatchDigest, Block, CommitCertificate},
    codec,
    ledger::{Execution, StateKey, StateValue, Tip},
    proof::{CertifiedHeader, Handover},
};
use rocksdb::WriteBatch;
use tokio::sync::{mpsc, oneshot};

use super::{
    database::Database,
    error::{Damage, StoreError},
    format::{
        CERTIFIER_KEY, Column, IndexEntry, Location, StoredBlock, StoredReceipts, TIP_KEY, digest_from, digest_key,
        handover_key, height_key, id_from, tip_value,
    },
    ids::put_ids,
    open::{first_kept, first_remembered},
};
use crate::exit::{self, ExitStatus};

/// A batch's digest, and the canonical bytes of the [`SignedBatch`](causeway_contracts::block::SignedBatch).
pub type StoredBatch = (BatchDigest, Arc<[u8]>);

/// A block to be made durable with all that follows from it.
#[derive(Debug)]
pub struct BlockCommit {
    pub block: Block,
    pub certificate: CommitCertificate,
    pub execution: Execution,
}

pub(super) enum Request {
    Put {
        batches: Vec<StoredBatch>,
        done: oneshot::Sender<()>,
    },
    Drop {
        digests: Vec<BatchDigest>,
        done: oneshot::Sender<()>,
    },
    Sync {
        done: oneshot::Sender<()>,
    },
    Commit {
        commit: Box<BlockCommit>,
        done: oneshot::Sender<Box<BlockCommit>>,
    },
}

pub(super) struct Writer {
    database: Arc<Database>,
    tip: Tip,
    /// Whether something was written that no sync has followed.
    unsynced: bool,
}

impl Writer {
    pub fn new(database: Arc<Database>, tip: Tip) -> Self {
        Self {
            database,
            tip,
            unsynced: false,
        }
    }

    /// Serves requests in their order until all senders are gone.
    pub fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            self.serve(request).unwrap_or_else(|error| stop(&error));
        }
    }

    /// Answers that nobody waits for any more are dropped: what was asked for has been done.
    fn serve(&mut self, request: Request) -> Result<(), StoreError> {
        match request {
            Request::Put { batches, done } => {
                self.put(&batches)?;
                done.send(()).ok();
            }
            Request::Drop { digests, done } => {
                self.drop_pending(&digests)?;
                done.send(()).ok();
            }
            Request::Sync { done } => {
                self.sync()?;
                done.send(()).ok();
            }
            Request::Commit { commit, done } => {
                self.commit(&commit)?;
                done.send(commit).ok();
            }
        }
        Ok(())
    }

    fn put(&mut self, batches: &[StoredBatch]) -> Result<(), StoreError> {
        let mut write = WriteBatch::default();
        for (digest, wire) in batches {
            // Also keeps a committed batch that comes again from being pending.
            if self.database.contains(Column::Batches, digest.as_bytes())? {
                continue;
            }
            write.put_cf(self.database.column(Column::Batches), digest.as_bytes(), wire);
            write.put_cf(self.database.column(Column::Pending), digest.as_bytes(), []);
        }
        self.write_unsynced(write)
    }

    fn drop_pending(&mut self, digests: &[BatchDigest]) -> Result<(), StoreError> {
        let mut write = WriteBatch::default();
        for digest in digests {
            if self.database.contains(Column::Pending, digest.as_bytes())? {
                write.delete_cf(self.database.column(Column::Pending), digest.as_bytes());
                write.delete_cf(self.database.column(Column::Batches), digest.as_bytes());
            }
        }
        self.write_unsynced(write)
    }

    fn write_unsynced(&mut self, write: WriteBatch) -> Result<(), StoreError> {
        if write.is_empty() {
            return Ok(());
        }
        self.unsynced = true;
        self.database.write(write, false)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            self.database.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    fn commit(&mut self, commit: &BlockCommit) -> Result<(), StoreError> {
        let tip = self.check(commit)?;
        self.database.write(self.block_write(commit, &tip), true)?;
        self.tip = tip;
        self.unsynced = false;
        Ok(())
    }

    /// What a caller can only get wrong by a bug, which must not reach the disk; and that the bodies
    /// of the block's transactions are there, without which no payment of it could be proved.
    fn check(&self, commit: &BlockCommit) -> Result<Tip, StoreError> {
        let BlockCommit {
            block,
            certificate,
            execution,
        } = commit;
        let (header, id) = (&block.header, block.id());
        assert_eq!(
            header.height,
            self.tip.height.next(),
            "a block is committed after its parent"
        );
        assert_eq!(header.parent, self.tip.block, "a block is committed after its parent");
        assert_eq!(*header, execution.header, "the execution is this block's");
        assert_eq!(
            (certificate.height, certificate.block),
            (header.height, id),
            "the certificate is this block's"
        );
        for digest in &block.batches {
            if !self.database.contains(Column::Batches, digest.as_bytes())? {
                return Err(self.database.damaged(Damage::NoBatch {
                    height: header.height,
                    digest: *digest,
                }));
            }
        }
        Ok(Tip {
            height: header.height,
            time_ms: header.time_ms,
            block: id,
            state_hash: header.state_hash,
            checkpoint_root: header.checkpoint_root,
        })
    }

    fn block_write(&self, commit: &BlockCommit, tip: &Tip) -> WriteBatch {
        let mut write = WriteBatch::default();
        self.add_block(&mut write, commit);
        self.add_receipts(&mut write, &commit.execution);
        self.add_changes(&mut write, &commit.execution);
        self.add_remembered(&mut write, &commit.execution, tip);
        self.add_handover(&mut write, commit);
        write.put_cf(
            self.database.column(Column::Meta),
            TIP_KEY,
            codec::encode(&tip_value(tip)),
        );
        write
    }

    fn add_block(&self, write: &mut WriteBatch, BlockCommit { block, certificate, .. }: &BlockCommit) {
        let stored = StoredBlock {
            block: block.clone(),
            certificate: certificate.clone(),
        };
        write.put_cf(
            self.database.column(Column::Blocks),
            height_key(block.header.height),
            codec::encode(&stored),
        );
        if block.checkpoint.is_some() {
            let meta = self.database.column(Column::Meta);
            write.put_cf(meta, CERTIFIER_KEY, codec::encode(&block.header.height));
        }
        let pending = self.database.column(Column::Pending);
        for digest in &block.batches {
            write.delete_cf(pending, digest.as_bytes());
        }
    }

    fn add_receipts(&self, write: &mut WriteBatch, execution: &Execution) {
        let height = execution.header.height;
        let receipts = StoredReceipts::new(execution.receipts.clone()).expect("a valid block has fewer receipts");
        write.put_cf(
            self.database.column(Column::Receipts),
            height_key(height),
            codec::encode(&receipts),
        );
        let index = self.database.column(Column::Index);
        let mut entries = Vec::with_capacity(execution.receipts.len());
        for (id, receipt, location) in execution.of_transactions() {
            let entry = IndexEntry {
                location: Location {
                    height,
                    index: receipt.index,
                },
                batch: location.batch,
                transaction: location.transaction,
            };
            entries.push((id, entry));
        }
        // The memtable finds the place of a key sooner from that of one before it.
        entries.sort_unstable_by_key(|(id, _)| *id);
        for (id, entry) in entries {
            write.put_cf(index, id.as_bytes(), codec::encode(&entry));
        }
    }

    fn add_changes(&self, write: &mut WriteBatch, execution: &Execution) {
        let state = self.database.column(Column::State);
        for (key, value) in &execution.changes {
            match value {
                Some(value) => write.put_cf(state, codec::encode(key), codec::encode(value)),
                None => write.delete_cf(state, codec::encode(key)),
            }
        }
    }

    /// With the last block of a set the one that follows it becomes the set that decides.
    fn add_handover(&self, write: &mut WriteBatch, commit: &BlockCommit) {
        let header = &commit.block.header;
        for (key, value) in &commit.execution.changes {
            if let (StateKey::Validators, Some(StateValue::Validators(next))) = (key, value) {
                assert_ne!(
                    header.validators_hash, header.next_validators_hash,
                    "the header names the next set"
                );
                let meta = self.database.column(Column::Meta);
                let handover = Handover {
                    last: CertifiedHeader {
                        header: header.clone(),
                        certificate: commit.certificate.clone(),
                    },
                    next: next.clone(),
                };
                write.put_cf(meta, handover_key(header.height), codec::encode(&handover));
            }
        }
    }

    fn add_remembered(&self, write: &mut WriteBatch, execution: &Execution, tip: &Tip) {
        let ids = self.database.column(Column::Ids);
        put_ids(&self.database, write, &execution.ids, (execution.header.height, 0));
        // Once a second is enough, and spares the tombstones.
        let (from, to) = (first_remembered(self.tip.time_ms), first_remembered(tip.time_ms));
        if from < to {
            write.delete_range_cf(ids, id_from(from), id_from(to));
        }
        let digests = self.database.column(Column::Digests);
        let (from, to) = (first_kept(self.tip.time_ms), first_kept(tip.time_ms));
        for (forgotten_at, digest) in &execution.digests {
            // A batch may hold nothing but what has expired: there is nothing to remember then.
            if *forgotten_at >= to {
                write.put_cf(digests, digest_key(*forgotten_at, digest), []);
            }
        }
        write.delete_range_cf(digests, digest_from(from), digest_from(to));
    }
}

/// A validator that cannot write cannot keep its word: it ends before it gives it.
fn stop(error: &StoreError) -> ! {
    error.stop_if_damaged();
    exit::stop(
        ExitStatus::SafetyWrite,
        &format!(
            "{error}. Nothing that was final is lost. Free disk space or repair the disk, then start this node again"
        ),
    )
}
