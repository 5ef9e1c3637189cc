//! How a node that has the genesis alone gets the state after a certified checkpoint from its peers, chunk by
//! chunk from all that have it. Pure.
//!
//! Nothing that comes is believed: an offer is checked from the genesis' validators on, over all changes of
//! them to those who certified the root, and each chunk against that root. A peer that gives another is blamed
//! and not asked again. Whoever cannot get a snapshot this way fetches blocks from the first on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use causeway_contracts::{
    block::{CertificateError, GenesisHash, Height},
    committee::{ValidatorId, ValidatorSet},
    merkle::Root,
    proof::{CertifiedHeader, Handover},
    snapshot::{Chunk, ManifestError},
};

use crate::{
    catch_up::{self, BadBlock},
    moment::Moment,
    scheme::Scheme,
    wire::{FetchRequest, FetchResponse, SnapshotOffer},
};

/// After the first good offer, others may come with a later one for so long.
const CHOICE_TIME: Duration = Duration::from_secs(2);

/// Without an answer that decides, blocks are fetched after so long.
const OFFER_TIME_MAX: Duration = Duration::from_secs(15);

/// A peer that did not answer, or could not be asked, is asked again after this.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Chunks that one peer is asked for at once.
const CHUNKS_PER_PEER_MAX: usize = 2;

/// Chunks that are asked for at once, of all peers: slow links are shared by those that come.
const CHUNKS_UNDER_WAY_MAX: usize = 8;

/// A peer that fails so often in a row is not asked for chunks any more.
const FAILURES_MAX: u32 = 5;

/// Peers are asked for offers so often without getting a single chunk,
const VAIN_ROUNDS_MAX: u32 = 3;

/// and so often in all: a node that is too slow for the snapshots of this network is not to begin one after the
/// other for ever.
const ROUNDS_MAX: u32 = 10;

/// Good offers of other snapshots that are remembered until one is chosen, the latest.
const OFFERS_MAX: usize = 4;

/// What one peer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncQuestion {
    Offer {
        to: ValidatorId,
    },
    Chunk {
        to: ValidatorId,
        height: Height,
        index: u32,
    },
}

impl SyncQuestion {
    pub fn to(&self) -> ValidatorId {
        match self {
            Self::Offer { to } | Self::Chunk { to, .. } => *to,
        }
    }

    pub fn request(&self) -> FetchRequest {
        match *self {
            Self::Offer { .. } => FetchRequest::Snapshot,
            Self::Chunk { height, index, .. } => FetchRequest::Chunk { height, index },
        }
    }
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncAction {
    /// Tell [`SnapshotSync::answered`] what comes, or that nothing does.
    Ask(SyncQuestion),
    Blame(ValidatorId, SyncMisconduct),
    /// This snapshot is fetched: tell [`SnapshotSync::has`] of each chunk that was kept before.
    Begin(Box<SnapshotOffer>),
    /// Keep this chunk, which is good, so that it need not be fetched again.
    Keep {
        index: u32,
        chunk: Chunk,
    },
    /// All is there: make a database of it.
    Complete,
    /// Fetch blocks instead.
    GiveUp(GiveUp),
}

/// Why blocks are fetched and no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GiveUp {
    #[error("those that answered have none")]
    NoneHeld,
    #[error("nobody offered one within {} s", OFFER_TIME_MAX.as_secs())]
    NoAnswer,
    #[error("nobody who offered one gave it")]
    NothingGiven,
}

/// What no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMisconduct {
    Answer,
    Offer,
    Chunk,
}

impl SyncMisconduct {
    /// For logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answer => "bad_sync_answer",
            Self::Offer => "bad_snapshot_offer",
            Self::Chunk => "bad_snapshot_chunk",
        }
    }
}

/// Why an offer is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOffer {
    #[error("the manifest: {0}")]
    Manifest(#[from] ManifestError),
    #[error("the manifest is of another network or height than the block")]
    OtherBlock,
    #[error("the certificate is for another root or height than the manifest's")]
    OtherRoot,
    #[error("a change of validators: {0}")]
    Handover(#[from] BadHandover),
    #[error("the block: {0}")]
    Block(#[from] BadBlock),
    #[error("the checkpoint's certificate: {0}")]
    Certificate(#[from] CertificateError),
}

/// Why a change of validators is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHandover {
    #[error("at height {0} it does not follow from the one before it")]
    NotFollowing(Height),
    #[error("at height {height} its block is not final: {source}")]
    NotFinal { height: Height, source: CertificateError },
}

/// Who decided a height, and who decides after the last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciders {
    pub of_height: ValidatorSet,
    pub last: ValidatorSet,
}

/// Follows changes of validators from those of the genesis on.
///
/// # Errors
/// If one of them is not final, does not name those who follow, or does not come after the one before it.
pub fn follow(
    genesis: &GenesisHash,
    first: &ValidatorSet,
    handovers: &[Handover],
    height: Height,
    scheme: &dyn Scheme,
) -> Result<Deciders, BadHandover> {
    let mut set = first.clone();
    let mut of_height = None;
    let mut before = Height::GENESIS;
    for Handover { last, next } in handovers {
        let CertifiedHeader { header, certificate } = last;
        let ascends = header.height > before;
        before = header.height;
        let is_named = |next: &ValidatorSet| {
            ascends
                && (certificate.height, certificate.block) == (header.height, header.id())
                && (header.genesis, header.validators_hash) == (*genesis, set.hash())
                && header.next_validators_hash == next.hash()
        };
        let next = ValidatorSet::try_from(next.clone()).ok().filter(is_named);
        let next = next.ok_or(BadHandover::NotFollowing(header.height))?;
        let verified = certificate.verify_with(genesis, &set, |signed| scheme.is_good(signed));
        verified.map_err(|source| BadHandover::NotFinal {
            height: header.height,
            source,
        })?;
        if header.height >= height {
            of_height.get_or_insert(set);
        }
        set = next;
    }
    Ok(Deciders {
        of_height: of_height.unwrap_or_else(|| set.clone()),
        last: set,
    })
}

/// Checks that an offer's root is the one of the network's state at its height.
pub fn check_offer(
    offer: &SnapshotOffer,
    genesis: &GenesisHash,
    first: &ValidatorSet,
    scheme: &dyn Scheme,
) -> Result<(), BadOffer> {
    let SnapshotOffer {
        manifest,
        block,
        certificate,
        handovers,
    } = offer;
    manifest.check()?;
    let height = manifest.height;
    if manifest.genesis != *genesis || block.block.header.genesis != *genesis {
        return Err(BadOffer::OtherBlock);
    }
    if (certificate.height, certificate.root) != (height, manifest.root()) {
        return Err(BadOffer::OtherRoot);
    }
    let deciders = follow(genesis, first, handovers, height, scheme)?;
    catch_up::check(block, height, genesis, &deciders.of_height, scheme)?;
    certificate.verify_with(genesis, &deciders.last, |signed| scheme.is_good(signed))?;
    Ok(())
}

#[derive(Debug, Default)]
struct Peer {
    /// What it said when it was asked for an offer.
    said: Option<Said>,
    lied: bool,
    /// Questions under way.
    asked: usize,
    /// In a row.
    failures: u32,
    /// It is not asked before.
    rests_until: Moment,
}

/// Names a snapshot: no two have the same root.
type Id = (Height, Root);

fn id_of(offer: &SnapshotOffer) -> Id {
    (offer.manifest.height, offer.certificate.root)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    None,
    Offers(Id),
    /// It offered, and does not give.
    GivesNothing,
}

#[derive(Debug)]
enum Stage {
    Asking {
        began: Moment,
        /// When the first good offer came.
        offered: Option<Moment>,
        /// When enough had said that they have none.
        refused: Option<Moment>,
        offers: BTreeMap<Id, Box<SnapshotOffer>>,
    },
    Fetching {
        offer: Box<SnapshotOffer>,
        missing: BTreeSet<u32>,
        asked: BTreeSet<u32>,
        /// Whether any chunk has come.
        gained: bool,
    },
    Over,
}

impl Stage {
    fn asking(began: Moment) -> Self {
        Self::Asking {
            began,
            offered: None,
            refused: None,
            offers: BTreeMap::new(),
        }
    }
}

/// The whole of it, from the first question to the last chunk.
#[derive(Debug)]
pub struct SnapshotSync {
    genesis: GenesisHash,
    /// Of the genesis.
    validators: ValidatorSet,
    scheme: Arc<dyn Scheme>,
    peers: BTreeMap<ValidatorId, Peer>,
    stage: Stage,
    /// How often offers were asked for again, and how often in a row without a chunk in between.
    rounds: u32,
    vain_rounds: u32,
    /// Snapshots of which those that offered them gave nothing.
    withheld: BTreeSet<Id>,
    /// Chunks are kept, be it by an earlier process: then it is worth waiting for peers.
    has_chunks: bool,
    actions: Vec<SyncAction>,
}

impl SnapshotSync {
    /// `peers` are all nodes that may be asked; `has_chunks` says whether an earlier process has kept any. Begins
    /// with [`Self::tick`].
    pub fn new(
        genesis: GenesisHash,
        validators: ValidatorSet,
        peers: impl IntoIterator<Item = ValidatorId>,
        scheme: Arc<dyn Scheme>,
        has_chunks: bool,
    ) -> Self {
        Self {
            genesis,
            validators,
            scheme,
            peers: peers.into_iter().map(|id| (id, Peer::default())).collect(),
            stage: Stage::asking(Moment::default()),
            rounds: 0,
            vain_rounds: 0,
            withheld: BTreeSet::new(),
            has_chunks,
            actions: Vec::new(),
        }
    }

    pub fn take_actions(&mut self) -> Vec<SyncAction> {
        std::mem::take(&mut self.actions)
    }

    /// Chunks that are there, and how many there are in all; nothing before there is an offer.
    pub fn progress(&self) -> Option<(usize, usize)> {
        match &self.stage {
            Stage::Fetching { offer, missing, .. } => {
                let all = offer.manifest.chunks.len();
                Some((all - missing.len(), all))
            }
            Stage::Asking { .. } | Stage::Over => None,
        }
    }

    /// A chunk of the snapshot that was begun is there already, checked.
    pub fn has(&mut self, index: u32) {
        if let Stage::Fetching { missing, .. } = &mut self.stage {
            missing.remove(&index);
        }
    }

    /// Asks what is due. Call it often: every 100 ms or so, and after [`SyncAction::Begin`].
    pub fn tick(&mut self, now: Moment) {
        match self.stage {
            Stage::Asking { .. } => self.ask_for_offers(now),
            Stage::Fetching { .. } => self.ask_for_chunks(now),
            Stage::Over => {}
        }
    }

    /// A question was not put to its peer: it is not connected, or this node asks too much already.
    pub fn not_asked(&mut self, question: SyncQuestion, now: Moment) {
        if let Some(peer) = self.end(question) {
            peer.rests_until = now + RETRY_AFTER;
        }
    }

    /// A question is no longer under way.
    fn end(&mut self, question: SyncQuestion) -> Option<&mut Peer> {
        if let (SyncQuestion::Chunk { height, index, .. }, Stage::Fetching { offer, asked, .. }) =
            (question, &mut self.stage)
            && offer.manifest.height == height
        {
            asked.remove(&index);
        }
        let peer = self.peers.get_mut(&question.to())?;
        peer.asked = peer.asked.saturating_sub(1);
        Some(peer)
    }

    /// What a peer answered; `None` if it did not.
    pub fn answered(&mut self, question: SyncQuestion, answer: Option<&[u8]>, now: Moment) {
        let Some(peer) = self.end(question) else { return };
        let answer = answer.map(FetchResponse::decode);
        match (question, answer) {
            (_, None) => {
                peer.failures += 1;
                peer.rests_until = now + RETRY_AFTER;
                let is_useless = peer.failures >= FAILURES_MAX;
                if let (true, Some(Said::Offers(_))) = (is_useless, peer.said) {
                    peer.said = Some(Said::GivesNothing);
                }
            }
            (SyncQuestion::Offer { to }, Some(Ok(FetchResponse::Snapshot(offer)))) => self.offered(to, offer, now),
            (SyncQuestion::Chunk { to, height, index }, Some(Ok(FetchResponse::Chunk(chunk)))) => {
                self.given(to, height, index, chunk);
            }
            (_, Some(_)) => self.lied(question.to(), SyncMisconduct::Answer),
        }
        self.tick(now);
    }

    fn lied(&mut self, peer: ValidatorId, how: SyncMisconduct) {
        self.peers.entry(peer).or_default().lied = true;
        self.actions.push(SyncAction::Blame(peer, how));
    }

    fn offered(&mut self, from: ValidatorId, offer: Option<Box<SnapshotOffer>>, now: Moment) {
        let Some(offer) = offer else {
            return self.say(from, Said::None);
        };
        match check_offer(&offer, &self.genesis, &self.validators, self.scheme.as_ref()) {
            Ok(()) => {}
            // Of a program that is newer than this one.
            Err(BadOffer::Manifest(ManifestError::Version(_))) => return self.say(from, Said::None),
            Err(_) => return self.lied(from, SyncMisconduct::Offer),
        }
        self.say(from, Said::Offers(id_of(&offer)));
        if let Stage::Asking { offered, offers, .. } = &mut self.stage {
            offered.get_or_insert(now);
            offers.insert(id_of(&offer), offer);
            if offers.len() > OFFERS_MAX {
                offers.pop_first();
            }
        }
    }

    /// The power of all who said so.
    fn power_of(&self, said: Said) -> u64 {
        let peers = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.said == Some(said) && !peer.lied);
        let members = peers.filter_map(|(id, _)| self.validators.by_id(id));
        members.map(|validator| validator.power).sum()
    }

    /// The latest that an honest one offers, else the latest of all: one peer alone may offer what it does not give.
    /// What was not given before comes last.
    fn best(&self, offers: &BTreeMap<Id, Box<SnapshotOffer>>) -> Option<Id> {
        let rank = |id: &Id| {
            let is_backed = self.validators.has_honest(self.power_of(Said::Offers(*id)));
            (!self.withheld.contains(id), is_backed, *id)
        };
        offers.keys().copied().max_by_key(rank)
    }

    fn say(&mut self, peer: ValidatorId, said: Said) {
        let peer = self.peers.entry(peer).or_default();
        peer.said = Some(said);
        peer.failures = 0;
    }

    /// Those that have not said anything yet: one that connects late helps too.
    fn ask_the_silent(&mut self, now: Moment) {
        for (&to, peer) in &mut self.peers {
            if peer.said.is_none() && !peer.lied && peer.asked == 0 && peer.rests_until <= now {
                peer.asked += 1;
                self.actions.push(SyncAction::Ask(SyncQuestion::Offer { to }));
            }
        }
    }

    fn ask_for_offers(&mut self, now: Moment) {
        self.ask_the_silent(now);
        let none_held = self.validators.has_honest(self.power_of(Said::None));
        let all_said = self.peers.values().all(|peer| peer.said.is_some() || peer.lied);
        let Stage::Asking {
            began,
            offered,
            refused,
            offers,
        } = &mut self.stage
        else {
            return;
        };
        if none_held {
            refused.get_or_insert(now);
        }
        let (began, offered, refused) = (*began, *offered, *refused);
        let is_over = |since: Option<Moment>| since.is_some_and(|since| all_said || now.since(since) >= CHOICE_TIME);
        if is_over(offered) {
            let mut offers = std::mem::take(offers);
            let best = self.best(&offers);
            if let Some(offer) = best.and_then(|id| offers.remove(&id)) {
                return self.begin(offer, now);
            }
        }
        if all_said || is_over(refused) {
            self.give_up(GiveUp::NoneHeld);
        } else if now.since(began) >= OFFER_TIME_MAX && !self.has_chunks {
            self.give_up(GiveUp::NoAnswer);
        }
    }

    fn begin(&mut self, offer: Box<SnapshotOffer>, now: Moment) {
        for peer in self.peers.values_mut() {
            peer.failures = 0;
            peer.rests_until = now;
        }
        self.actions.push(SyncAction::Begin(offer.clone()));
        let count = u32::try_from(offer.manifest.chunks.len()).expect("a manifest has fewer chunks");
        self.stage = Stage::Fetching {
            offer,
            missing: (0..count).collect(),
            asked: BTreeSet::new(),
            gained: false,
        };
    }

    fn given(&mut self, from: ValidatorId, height: Height, index: u32, chunk: Option<Chunk>) {
        let Stage::Fetching {
            offer, missing, gained, ..
        } = &mut self.stage
        else {
            return;
        };
        if offer.manifest.height != height {
            return;
        }
        let Some(chunk) = chunk else {
            // It may have made two later ones meanwhile.
            return self.say(from, Said::GivesNothing);
        };
        if offer.manifest.check_chunk(index, &chunk).is_err() {
            return self.lied(from, SyncMisconduct::Chunk);
        }
        let is_new = missing.remove(&index);
        *gained |= is_new;
        self.peers.entry(from).or_default().failures = 0;
        if is_new {
            self.has_chunks = true;
            self.actions.push(SyncAction::Keep { index, chunk });
        }
    }

    fn ask_for_chunks(&mut self, now: Moment) {
        self.ask_the_silent(now);
        let Stage::Fetching {
            offer,
            missing,
            asked,
            gained,
        } = &mut self.stage
        else {
            return;
        };
        if missing.is_empty() {
            self.stage = Stage::Over;
            self.actions.push(SyncAction::Complete);
            return;
        }
        let height = offer.manifest.height;
        let offers = Some(Said::Offers(id_of(offer)));
        let gives = |peer: &Peer| !peer.lied && peer.said == offers;
        let mut sources: Vec<_> = self.peers.iter_mut().filter(|(_, peer)| gives(peer)).collect();
        if sources.is_empty() {
            let withheld = (!*gained).then(|| id_of(offer));
            return self.ask_again(withheld, now);
        }
        let room = CHUNKS_UNDER_WAY_MAX.saturating_sub(asked.len());
        let waiting: Vec<_> = missing.difference(asked).copied().take(room).collect();
        for index in waiting {
            let free = sources
                .iter_mut()
                .filter(|(_, peer)| peer.asked < CHUNKS_PER_PEER_MAX && peer.rests_until <= now);
            let Some((to, peer)) = free.min_by_key(|(_, peer)| peer.asked) else {
                break;
            };
            let to = **to;
            peer.asked += 1;
            asked.insert(index);
            let question = SyncQuestion::Chunk { to, height, index };
            self.actions.push(SyncAction::Ask(question));
        }
    }

    /// Nobody gives this snapshot any more: there may be a later one.
    fn ask_again(&mut self, withheld: Option<Id>, now: Moment) {
        self.rounds += 1;
        self.vain_rounds = if withheld.is_some() { self.vain_rounds + 1 } else { 0 };
        self.withheld.extend(withheld);
        if self.vain_rounds >= VAIN_ROUNDS_MAX || self.rounds >= ROUNDS_MAX {
            return self.give_up(GiveUp::NothingGiven);
        }
        for peer in self.peers.values_mut() {
            peer.said = None;
            peer.failures = 0;
            peer.rests_until = now + RETRY_AFTER;
        }
        self.stage = Stage::asking(now);
    }

    fn give_up(&mut self, why: GiveUp) {
        self.stage = Stage::Over;
        self.actions.push(SyncAction::GiveUp(why));
    }
}

#[cfg(test)]
mod tests;
