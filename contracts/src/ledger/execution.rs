//! A block's effects, worked out over the committed state without touching it.

use std::hint::black_box;

use super::{
    Ledger,
    apply::{self, Context, EVIDENCE_HEIGHTS_MAX},
    authority,
    overlay::{Changes, Overlay, Turnover},
    receipt::{Outcome, Receipt, Subject, Trade, receipts_root},
    rejection::Skip,
    state::{Change, changes_root},
    sweep::sweep,
    table::{Row, Table},
};
use crate::{
    block::{BatchDigest, HashedBatch, Header, Height, TimeMs, checkpoint::Turn},
    codec::Bounded,
    committee::ValidatorId,
    governance::Parameters,
    merkle::Root,
    transaction::{SignedTransaction, TxId, UnixSeconds},
};

/// Batches in a block's order. Each has been verified: its author's signature and its transactions'
/// shape and signatures.
pub type Batches<'a> = &'a [HashedBatch];

/// Where in its block a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchLocation {
    /// The batch's place in the block.
    pub batch: u32,
    /// The transaction's place in the batch.
    pub transaction: u32,
}

/// What a block does. Made by [`Ledger::draft`] and [`Ledger::check`], taken by [`Ledger::commit`].
#[derive(Debug, Clone)]
pub struct Execution {
    pub header: Header,
    pub batches: Vec<BatchDigest>,
    /// Of the contracts that the ledger ended by itself, then of the transactions.
    pub receipts: Vec<Receipt>,
    /// Of each transaction that has a receipt.
    pub locations: Vec<BatchLocation>,
    /// Ascending by key, which is the order of the encoded keys.
    pub changes: Vec<Change>,
    /// Where in their tables the changed entries are. In another copy of the same state they may be
    /// elsewhere.
    pub(super) places: Vec<Option<Row>>,
    /// Ids that are remembered from now on, in the order of their receipts.
    pub ids: Vec<(UnixSeconds, TxId)>,
    /// The batches, with the block time at which they are forgotten.
    pub digests: Vec<(TimeMs, BatchDigest)>,
    /// The skipped transactions, each with the author of its batch.
    pub skips: Vec<(ValidatorId, Skip)>,
}

impl Execution {
    /// The receipts of transactions, each with the place of its transaction.
    pub fn of_transactions(&self) -> impl Iterator<Item = (TxId, &Receipt, BatchLocation)> {
        let receipts = self.receipts.iter().filter_map(|receipt| match receipt.subject {
            Subject::Transaction(id) => Some((id, receipt)),
            Subject::System { .. } => None,
        });
        receipts
            .zip(&self.locations)
            .map(|((id, receipt), at)| (id, receipt, *at))
    }
}

/// What a block's transactions did.
pub(super) struct Effects {
    pub(super) receipts: Vec<Receipt>,
    pub(super) locations: Vec<BatchLocation>,
    pub(super) changes: Changes,
    pub(super) ids: Vec<(UnixSeconds, TxId)>,
    pub(super) skips: Vec<(ValidatorId, Skip)>,
}

/// The header fields that only execution can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Results {
    pub(super) receipts_root: Root,
    pub(super) changes_root: Root,
}

impl Effects {
    pub(super) fn results(&self) -> Results {
        Results {
            receipts_root: receipts_root(&self.receipts),
            changes_root: changes_root(&self.changes.entries),
        }
    }
}

/// How many transactions' state is loaded at a time ahead of their execution.
const READ_AHEAD: usize = 16;

/// A block that is being executed.
struct Run<'a> {
    ledger: &'a Ledger,
    time: TimeMs,
    overlay: Overlay<'a>,
    /// Ids with a receipt in this block.
    known: Table<TxId, ()>,
    receipts: Vec<Receipt>,
    ids: Vec<(UnixSeconds, TxId)>,
}

/// What a block says besides its batches.
pub(super) struct Setting<'a> {
    pub(super) time: TimeMs,
    pub(super) author: &'a ValidatorId,
    /// The height whose state it certifies.
    pub(super) certified: Option<Height>,
}

/// Executes the transactions of batches in a block that says this.
pub(super) fn execute(ledger: &Ledger, setting: &Setting<'_>, batches: Batches<'_>) -> Effects {
    let Setting { time, author, .. } = *setting;
    let count = batches.iter().map(|batch| batch.ids().len()).sum();
    let mut overlay = Overlay::for_transactions(&ledger.state, ledger.seed, count);
    let mut receipts = sweep(&ledger.state, &mut overlay, time);
    receipts.reserve(count);
    let mut run = Run {
        ledger,
        time,
        overlay,
        known: Table::with_room_for(ledger.seed, count),
        receipts,
        ids: Vec::with_capacity(count),
    };
    let mut locations = Vec::with_capacity(count);
    let mut skips = Vec::new();
    for (at, hashed) in batches.iter().enumerate() {
        let batch = hashed.batch();
        let mut index = 0;
        let next = batch.transactions.chunks(READ_AHEAD);
        for (transactions, ids) in next.zip(hashed.ids().chunks(READ_AHEAD)) {
            run.read_ahead(transactions, ids);
            for (signed, id) in transactions.iter().zip(ids) {
                match run.transaction(signed, *id) {
                    Ok(()) => locations.push(BatchLocation {
                        batch: at as u32,
                        transaction: index,
                    }),
                    Err(skip) => skips.push((batch.author, skip)),
                }
                index += 1;
            }
        }
    }
    let Run {
        overlay, receipts, ids, ..
    } = run;
    let state = &ledger.state;
    let height = ledger.tip.height.next();
    let (validators, next) = (&state.validators, &state.next_validators);
    let rotation = state.rotation.after(validators, next, height, author);
    let former = state
        .former_validators
        .after(validators, next, height, EVIDENCE_HEIGHTS_MAX);
    let checkpoints = state.checkpoints.after(&Turn {
        height,
        parent_time: ledger.tip.time_ms,
        time,
        period_seconds: state.parameters.checkpoint_period_seconds,
        certified: setting.certified,
    });
    let changes = overlay.into_changes(Turnover {
        height,
        rotation,
        former,
        checkpoints,
    });
    Effects {
        receipts,
        locations,
        changes,
        ids,
        skips,
    }
}

impl Run<'_> {
    /// Loads what these transactions are going to read.
    fn read_ahead(&self, transactions: &[SignedTransaction], ids: &[TxId]) {
        black_box(self.known.read_ahead(ids, |()| 0));
        self.ledger.ids.read_ahead(
            transactions
                .iter()
                .map(|signed| signed.transaction.valid_until)
                .zip(ids.iter()),
        );
        self.overlay.read_ahead(transactions);
    }

    /// Orders one transaction; adds its receipt unless it is skipped.
    fn transaction(&mut self, signed: &SignedTransaction, id: TxId) -> Result<(), Skip> {
        let body = &signed.transaction;
        if body.valid_until.is_past(self.time) {
            return Err(Skip::Expired);
        }
        if is_too_far_ahead(body.valid_until, self.time, &self.ledger.state.parameters) {
            return Err(Skip::TooFarAhead);
        }
        let hash = self.known.hash(&id);
        if self.known.find(hash, &id).is_some() || self.ledger.ids.contains(body.valid_until, &id) {
            return Err(Skip::AlreadyKnown);
        }
        authority::check(&self.overlay, signed)?;
        let (outcome, trades) = self.actions(signed, id);
        self.known.insert_new(hash, id, ());
        self.ids.push((body.valid_until, id));
        let index = u32::try_from(self.receipts.len()).expect("a block has fewer receipts");
        self.receipts.push(Receipt {
            subject: Subject::Transaction(id),
            index,
            outcome,
            trades: Bounded::new(trades).expect("as many as actions, at most"),
        });
        Ok(())
    }

    /// Applies all actions or none.
    fn actions(&mut self, signed: &SignedTransaction, id: TxId) -> (Outcome, Vec<Trade>) {
        let body = &signed.transaction;
        let mut trades = Vec::new();
        let receipt = u32::try_from(self.receipts.len()).expect("a block has fewer receipts");
        for at in 0..body.actions.len() {
            let context = Context {
                height: self.ledger.tip.height.next(),
                time: self.time,
                id,
                receipt,
                signatures: &signed.signatures,
                is_good: self.ledger.is_good,
                actions: &body.actions[..=at],
            };
            match apply::apply(&mut self.overlay, &context) {
                Ok(trade) => trades.extend(trade),
                Err(reason) => {
                    self.overlay.take_back();
                    let action = u8::try_from(at).expect("at most 64 actions");
                    return (Outcome::Rejected { action, reason }, Vec::new());
                }
            }
        }
        self.overlay.keep();
        (Outcome::Applied, trades)
    }
}

/// Whether `valid_until` lies further after this time than a block of this time allows.
pub(super) fn is_too_far_ahead(valid_until: UnixSeconds, time: TimeMs, parameters: &Parameters) -> bool {
    let latest_ms = u128::from(time.0) + u128::from(parameters.validity_seconds_max) * 1000;
    u128::from(valid_until.0) * 1000 > latest_ms
}
