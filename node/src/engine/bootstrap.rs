//! Brings a node that has the genesis state alone to that of the last certified checkpoint, before anything else
//! of it but the network runs.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix::Addr;
use causeway_consensus::{Ed25519, Moment, SnapshotSync, SyncAction, SyncQuestion, wire::SnapshotOffer};
use causeway_contracts::{
    block::{GenesisHash, TimeMs, genesis_block_id},
    committee::ValidatorId,
    genesis::Genesis,
    keys::SecretKey,
    ledger::Tip,
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::{Instant, interval};

use super::{
    Failure,
    member::{Member, database_folder},
};
use crate::{
    actors::{
        ledger::Membership,
        network::{
            Network,
            message::{Fetch, FetchError, PeerFault},
        },
    },
    config::{Config, SyncFrom},
    store::{
        Expect, Opened, Store, StoredBlock,
        backup::{self, Origin},
        chunks::ChunkFolder,
    },
};

const TICK: Duration = Duration::from_millis(100);

/// How often it is logged how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// The store and its ledger, after a sync from a snapshot if this node has the genesis state alone and the
/// others may have one.
pub async fn bootstrapped(
    config: &Config,
    member: &Member,
    network: &Addr<Network>,
    store: Store,
    opened: Opened,
) -> Result<(Store, Opened), Failure> {
    let genesis = &member.genesis;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = TimeMs(since.as_millis() as u64);
    let folder = ChunkFolder::new(config.data.join("snapshot-sync"));
    if !is_wanted(config.sync.from, genesis, &genesis.hash(), opened.ledger.tip(), now) {
        // A sync may have been ended by a kill when its database was there.
        folder.remove()?;
        return Ok((store, opened));
    }
    let members = Membership::of(&opened.ledger);
    let own = SecretKey::from_seed(&member.network_seed).public_key();
    let others = members.nodes.iter().filter(|node| node.network_key != own);
    let peers = others.map(|node| members.peer_id(node)).collect();
    let Some(offer) = fetch(genesis, peers, network, &folder).await? else {
        return Ok((store, opened));
    };
    // Closes the database, which nobody else has a reader of yet.
    drop((store, opened));
    let database = database_folder(config);
    build(&database, genesis, &offer, &folder)?;
    let (store, opened) = Store::open(&database, genesis, Expect::Existing)?;
    tracing::info!(height = %opened.ledger.tip().height, "the database begins with a certified snapshot");
    Ok((store, opened))
}

/// Whether there may be a snapshot to begin with that is of use.
fn is_wanted(from: SyncFrom, genesis: &Genesis, hash: &GenesisHash, tip: &Tip, now: TimeMs) -> bool {
    let period_ms = u64::from(genesis.parameters.checkpoint_period_seconds) * 1000;
    from == SyncFrom::Snapshot
        && genesis.continues.is_none()
        && tip.block == genesis_block_id(hash)
        && now.0 >= genesis.time_ms.0.saturating_add(period_ms)
}

type Answer = Result<Vec<u8>, FetchError>;

type Answers = FuturesUnordered<BoxFuture<'static, (SyncQuestion, Answer)>>;

/// Fetches the last certified snapshot into a folder; `None` if blocks are to be fetched instead.
async fn fetch(
    genesis: &Genesis,
    peers: Vec<ValidatorId>,
    network: &Addr<Network>,
    folder: &ChunkFolder,
) -> Result<Option<SnapshotOffer>, Failure> {
    let validators = genesis.validator_set().expect("a genesis is checked when it is read");
    tracing::info!(
        nodes = peers.len(),
        "this node has the genesis state alone; asking the others for a snapshot"
    );
    let has_chunks = folder.has_any();
    let mut sync = SnapshotSync::new(genesis.hash(), validators, peers, Arc::new(Ed25519), has_chunks);
    let began = Instant::now();
    let now = || Moment(began.elapsed());
    let mut answers = Answers::new();
    let mut ticks = interval(TICK);
    let mut offer: Option<Box<SnapshotOffer>> = None;
    let mut told = began;
    loop {
        tokio::select! {
            _ = ticks.tick() => sync.tick(now()),
            Some((question, answer)) = answers.next() => match answer {
                Ok(answer) => sync.answered(question, Some(&answer), now()),
                Err(FetchError::NoAnswer(_)) => sync.answered(question, None, now()),
                Err(FetchError::Busy) => sync.not_asked(question, now()),
                Err(FetchError::NotConnected(_)) => sync.not_connected(question, now()),
            },
        }
        for action in sync.take_actions() {
            match action {
                SyncAction::Ask(question) => answers.push(ask(network, question)),
                SyncAction::Blame(peer, misconduct) => {
                    let fault = misconduct.name();
                    tracing::warn!(%peer, fault, "a peer misleads about snapshots, and is not asked again");
                    network.send(PeerFault { peer, fault }).await.map_err(Failure::bug)?;
                }
                SyncAction::Begin(begun) => {
                    let (height, chunks) = (begun.manifest.height, begun.manifest.chunks.len());
                    let found = folder.begin(&begun.manifest)?;
                    tracing::info!(%height, chunks, kept = found.len(), "fetching the state after this block");
                    found.into_iter().for_each(|index| sync.has(index));
                    offer = Some(begun);
                }
                SyncAction::Keep { index, chunk } => {
                    let offer = offer.as_ref().expect("chunks are of an offer that was begun");
                    folder.put(&offer.manifest, index, &chunk)?;
                }
                SyncAction::Complete => return Ok(offer.map(|offer| *offer)),
                SyncAction::GiveUp(why) => {
                    // Until there is a block, a restart goes on with the chunks that are there.
                    tracing::info!(%why, "no snapshot to begin with; blocks are fetched from the first on");
                    return Ok(None);
                }
            }
        }
        if let Some((there, all)) = sync.progress()
            && told.elapsed() >= TOLD_EVERY
        {
            told = Instant::now();
            tracing::info!(there, all, "chunks of the snapshot");
        }
    }
}

fn ask(network: &Addr<Network>, question: SyncQuestion) -> BoxFuture<'static, (SyncQuestion, Answer)> {
    let answer = network.send(Fetch {
        from: question.to(),
        request: question.request().encode(),
    });
    Box::pin(async move {
        // A mailbox that takes no more is as good as too many fetches.
        let answer = answer.await.unwrap_or(Err(FetchError::Busy));
        (question, answer)
    })
}

/// Makes a database of what was fetched, in the place of the one with the genesis state, which nobody has open.
fn build(database: &Path, genesis: &Genesis, offer: &SnapshotOffer, folder: &ChunkFolder) -> Result<(), Failure> {
    let height = offer.manifest.height;
    let handovers = offer.handovers.iter();
    let origin = Origin {
        block: StoredBlock {
            block: offer.block.block.clone(),
            certificate: offer.block.certificate.clone(),
        },
        // Later ones come with the blocks that make them.
        handovers: handovers
            .filter(|handover| handover.last.header.height <= height)
            .cloned()
            .collect(),
    };
    backup::begin_with(database, genesis, &origin, folder.all(&offer.manifest))?;
    folder.remove()?;
    Ok(())
}
