//! Answers what peers ask for, from the store and the snapshots that are kept.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use actix::{Actor, Context, Handler, ResponseFuture};
use causeway_consensus::wire::{BLOCKS_MAX, CertifiedBlock, FetchRequest, FetchResponse, SnapshotOffer};
use causeway_contracts::{block::Height, snapshot::Chunk};
use prometheus::{IntCounter, Registry};

use crate::{
    actors::network::message::Serve,
    store::{
        Reader,
        kept::KeptSnapshots,
        snapshot::{SnapshotError, SnapshotFile},
    },
};

/// What is there to be read. Before the reader is set, as while this node has nothing yet, all answers say
/// that there is nothing.
#[derive(Clone)]
pub struct Shelf {
    pub reader: Arc<OnceLock<Reader>>,
    kept: KeptSnapshots,
    /// Those that have been asked for, open.
    open: Arc<Mutex<BTreeMap<Height, SnapshotFile>>>,
    chunks_served: IntCounter,
}

impl Shelf {
    /// # Errors
    /// If the registry has one of the names already.
    pub fn new(kept: KeptSnapshots, registry: &Registry) -> Result<Self, prometheus::Error> {
        let chunks_served = IntCounter::new(
            "causeway_snapshot_chunks_served_total",
            "Chunks of snapshots that this node gave to others.",
        )?;
        registry.register(Box::new(chunks_served.clone()))?;
        Ok(Self {
            reader: Arc::default(),
            kept,
            open: Arc::default(),
            chunks_served,
        })
    }
}

/// Reads run on threads of their own; the network bounds how many are under way.
pub struct FetchServer {
    shelf: Shelf,
}

impl FetchServer {
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf }
    }
}

impl Actor for FetchServer {
    type Context = Context<Self>;
}

impl Handler<Serve> for FetchServer {
    type Result = ResponseFuture<Option<Vec<u8>>>;

    fn handle(&mut self, Serve { from, request }: Serve, _: &mut Context<Self>) -> Self::Result {
        let shelf = self.shelf.clone();
        Box::pin(async move {
            let request = FetchRequest::decode(&request).ok()?;
            let answer = tokio::task::spawn_blocking(move || answer(&shelf, &request))
                .await
                .ok()?;
            match answer {
                Ok(answer) => Some(answer.encode()),
                Err(error) => {
                    if let SnapshotError::Store(error) = &error {
                        error.stop_if_damaged();
                    }
                    tracing::error!(%error, %from, "cannot read what a validator asks for");
                    None
                }
            }
        })
    }
}

fn answer(shelf: &Shelf, request: &FetchRequest) -> Result<FetchResponse, SnapshotError> {
    let reader = shelf.reader.get();
    match request {
        FetchRequest::Blocks { from, count } => {
            let count = usize::from(*count).min(BLOCKS_MAX);
            reader.map_or_else(
                || Ok(FetchResponse::blocks(Vec::new())),
                |reader| blocks(reader, *from, count),
            )
        }
        FetchRequest::Batches { digests } => {
            // Each once, however often it is asked for, and none read that the answer has no room for.
            let asked: BTreeSet<_> = digests.iter().collect();
            let mut failed = None;
            let found =
                asked
                    .into_iter()
                    .filter(|_| reader.is_some())
                    .map_while(|digest| match reader?.batch(digest) {
                        Ok(batch) => Some(batch),
                        Err(error) => {
                            failed = Some(error);
                            None
                        }
                    });
            let answer = FetchResponse::batches(found.flatten());
            failed.map_or(Ok(answer), |error| Err(error.into()))
        }
        FetchRequest::Snapshot => match reader {
            Some(reader) => Ok(FetchResponse::snapshot(shelf.offer(reader)?)),
            None => Ok(FetchResponse::snapshot(None)),
        },
        FetchRequest::Chunk { height, index } => Ok(FetchResponse::Chunk(shelf.chunk(*height, *index)?)),
    }
}

fn blocks(reader: &Reader, from: Height, count: usize) -> Result<FetchResponse, SnapshotError> {
    let mut blocks = Vec::new();
    let mut height = from;
    while blocks.len() < count {
        let Some(stored) = reader.block(height)? else { break };
        blocks.push(CertifiedBlock {
            block: stored.block,
            certificate: stored.certificate,
        });
        height = height.next();
    }
    Ok(FetchResponse::blocks(blocks))
}

impl Shelf {
    /// The snapshot of the last checkpoint, if this node keeps it and it is certified.
    fn offer(&self, reader: &Reader) -> Result<Option<SnapshotOffer>, SnapshotError> {
        let Some((carrier, certificate)) = reader.certified()? else {
            return Ok(None);
        };
        let Some(handovers) = reader.all_handovers(carrier)? else {
            return Ok(None);
        };
        let offer = self.with_file(certificate.height, |file| {
            let block = file.block();
            SnapshotOffer {
                manifest: file.manifest().clone(),
                block: CertifiedBlock {
                    block: block.block.clone(),
                    certificate: block.certificate.clone(),
                },
                certificate: certificate.clone(),
                handovers,
            }
        })?;
        Ok(offer.filter(|offer| offer.manifest.root() == certificate.root))
    }

    fn chunk(&self, height: Height, index: u32) -> Result<Option<Chunk>, SnapshotError> {
        let read = |file: &mut SnapshotFile| match file.manifest().entries_of(index) {
            Some(_) => file.chunk(index).map(|(chunk, _)| Some(chunk)),
            None => Ok(None),
        };
        let chunk = self.with_file(height, read)?.transpose()?.flatten();
        self.chunks_served.inc_by(u64::from(chunk.is_some()));
        Ok(chunk)
    }

    /// `None` if there is no such file, or not any more.
    fn with_file<T>(
        &self,
        height: Height,
        read: impl FnOnce(&mut SnapshotFile) -> T,
    ) -> Result<Option<T>, SnapshotError> {
        // Nothing is left half-done by a panic there.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|height, _| self.kept.path(*height).exists());
        let file = match open.entry(height) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(vacant) => {
                let path = self.kept.path(height);
                if !path.exists() {
                    return Ok(None);
                }
                vacant.insert(SnapshotFile::open(&path)?)
            }
        };
        Ok(Some(read(file)))
    }
}
