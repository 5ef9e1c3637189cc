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

/// Chunks that are asked for at once, of all peers, at most; fewer where they do not come in time: they share a link.
const CHUNKS_UNDER_WAY_MAX: usize = 8;

/// A peer that has not answered so often, less one for each chunk that it gave since, is not asked for chunks any more.
const FAILURES_MAX: u32 = 5;

/// Peers are asked for offers so often without getting a single chunk.
const VAIN_ROUNDS_MAX: u32 = 3;

/// So many snapshots are begun: a node that is too slow for those of this network is not to begin one after the other
/// for ever.
const SNAPSHOTS_MAX: u32 = 10;

/// A node that has chunks waits so long for another, if peers answer it at all: blocks can be had from them.
const PATIENCE: Duration = Duration::from_secs(60);

/// A peer that had another snapshot, or none, may have this one later.
const ASK_OTHERS_EVERY: Duration = Duration::from_secs(10);

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
    #[error("nobody offered one in time")]
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
    /// No honest node keeps such: a list of them would fill those of whoever believed it.
    #[error("of its changes of validators that at height {0} changes nothing")]
    NoChange(Height),
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
    let mut headers = handovers.iter().map(|handover| &handover.last.header);
    if let Some(same) = headers.find(|header| header.validators_hash == header.next_validators_hash) {
        return Err(BadOffer::NoChange(same.height));
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
    said_at: Moment,
    lied: bool,
    /// Questions under way.
    asked: usize,
    /// Answers that did not come, less the chunks that did since.
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
    /// Snapshots that were begun, and the last of them.
    begun: u32,
    last: Option<Id>,
    /// How often in a row offers were asked for again without a chunk in between.
    vain_rounds: u32,
    /// When the last new chunk came.
    gained_at: Moment,
    /// Chunks that are asked for at once.
    window: usize,
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
            begun: 0,
            last: None,
            vain_rounds: 0,
            gained_at: Moment::default(),
            window: CHUNKS_UNDER_WAY_MAX,
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

    /// A question was not put to its peer, since this node asks too much already.
    pub fn not_asked(&mut self, question: SyncQuestion, now: Moment) {
        if let Some(peer) = self.end(question) {
            peer.rests_until = now + RETRY_AFTER;
        }
    }

    /// Its peer is not connected. When it is, it is asked for an offer again.
    pub fn not_connected(&mut self, question: SyncQuestion, now: Moment) {
        if let Some(peer) = self.end(question) {
            peer.rests_until = now + RETRY_AFTER;
            peer.said = None;
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
                if let SyncQuestion::Chunk { .. } = question {
                    self.window = (self.window / 2).max(1);
                }
            }
            (SyncQuestion::Offer { to }, Some(Ok(FetchResponse::Snapshot(offer)))) => self.offered(to, offer, now),
            (SyncQuestion::Chunk { to, height, index }, Some(Ok(FetchResponse::Chunk(chunk)))) => {
                self.given(to, (height, index), chunk, now);
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
            return self.say(from, Said::None, now);
        };
        match check_offer(&offer, &self.genesis, &self.validators, self.scheme.as_ref()) {
            Ok(()) => {}
            // Of a program that is newer than this one.
            Err(BadOffer::Manifest(ManifestError::Version(_))) => return self.say(from, Said::None, now),
            Err(_) => return self.lied(from, SyncMisconduct::Offer),
        }
        let id = id_of(&offer);
        self.say(from, Said::Offers(id), now);
        match &mut self.stage {
            Stage::Asking { offered, offers, .. } => {
                offered.get_or_insert(now);
                // A root does not say which changes of validators there were: one may leave some out.
                let known = offers.get(&id).map(|known| known.handovers.len());
                if known < Some(offer.handovers.len()) {
                    offers.insert(id, offer);
                }
                if offers.len() > OFFERS_MAX {
                    offers.pop_first();
                }
            }
            Stage::Fetching { offer: begun, .. } => {
                let begun = id_of(begun);
                if self.is_backed(&id) && !self.is_backed(&begun) {
                    self.begin(offer, now);
                }
            }
            Stage::Over => {}
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

    /// Whether so much of the power that the genesis gives offers it that an honest one does.
    fn is_backed(&self, id: &Id) -> bool {
        self.validators.has_honest(self.power_of(Said::Offers(*id)))
    }

    /// The latest that an honest one offers, else the latest of all. Of either, what was withheld before comes last.
    fn best(&self, offers: &BTreeMap<Id, Box<SnapshotOffer>>) -> Option<Id> {
        let rank = |id: &Id| (self.is_backed(id), !self.withheld.contains(id), *id);
        offers.keys().copied().max_by_key(rank)
    }

    fn say(&mut self, peer: ValidatorId, said: Said, now: Moment) {
        let peer = self.peers.entry(peer).or_default();
        peer.said = Some(said);
        peer.said_at = now;
        if let Said::Offers(_) = said {
            peer.failures = 0;
        }
    }

    /// Those that have not said anything yet: one that connects late helps too. Those that had something other than
    /// what is being fetched are asked again after a while.
    fn ask_the_silent(&mut self, now: Moment) {
        let wanted = match &self.stage {
            Stage::Fetching { offer, .. } => Some(Said::Offers(id_of(offer))),
            _ => None,
        };
        for (&to, peer) in &mut self.peers {
            let is_due = match (peer.said, wanted) {
                (None, _) => true,
                (Some(Said::GivesNothing), _) | (Some(_), None) => false,
                (said, wanted) => said != wanted && now.since(peer.said_at) >= ASK_OTHERS_EVERY,
            };
            if is_due && !peer.lied && peer.asked == 0 && peer.rests_until <= now {
                peer.asked += 1;
                self.actions.push(SyncAction::Ask(SyncQuestion::Offer { to }));
            }
        }
    }

    fn ask_for_offers(&mut self, now: Moment) {
        self.ask_the_silent(now);
        let none_held = self.validators.has_honest(self.power_of(Said::None));
        let all_said = self.peers.values().all(|peer| peer.said.is_some() || peer.lied);
        let any_said = self.peers.values().any(|peer| peer.said.is_some());
        if let (true, Stage::Asking { refused, .. }) = (none_held, &mut self.stage) {
            refused.get_or_insert(now);
        }
        let Stage::Asking {
            began,
            offered,
            refused,
            offers,
        } = &self.stage
        else {
            return;
        };
        let chosen = self.best(offers).filter(|best| {
            // Whoever is alone with an offer may not give what it offers, so that others have time to answer.
            let wait = if self.is_backed(best) {
                CHOICE_TIME
            } else {
                OFFER_TIME_MAX
            };
            all_said || offered.is_some_and(|offered| now.since(offered) >= wait)
        });
        if let Some(id) = chosen {
            let offer = offers[&id].clone();
            return self.begin(offer, now);
        }
        if !offers.is_empty() {
            return;
        }
        let is_refused = refused.is_some_and(|refused| now.since(refused) >= CHOICE_TIME);
        let is_vain = match self.has_chunks {
            true => any_said && now.since(self.gained_at) >= PATIENCE,
            false => now.since(*began) >= OFFER_TIME_MAX,
        };
        if all_said || (is_refused && !self.has_chunks) {
            self.give_up(GiveUp::NoneHeld);
        } else if is_vain {
            self.give_up(GiveUp::NoAnswer);
        }
    }

    fn begin(&mut self, offer: Box<SnapshotOffer>, now: Moment) {
        let id = id_of(&offer);
        if self.last.replace(id) != Some(id) {
            self.begun += 1;
            if self.begun > SNAPSHOTS_MAX {
                return self.give_up(GiveUp::NothingGiven);
            }
        }
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

    fn given(&mut self, from: ValidatorId, (height, index): (Height, u32), chunk: Option<Chunk>, now: Moment) {
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
            return self.say(from, Said::GivesNothing, now);
        };
        if offer.manifest.check_chunk(index, &chunk).is_err() {
            return self.lied(from, SyncMisconduct::Chunk);
        }
        let is_new = missing.remove(&index);
        *gained |= is_new;
        let peer = self.peers.entry(from).or_default();
        peer.failures = peer.failures.saturating_sub(1);
        if is_new {
            self.has_chunks = true;
            self.gained_at = now;
            self.window = (self.window + 1).min(CHUNKS_UNDER_WAY_MAX);
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
            let (id, gained) = (id_of(offer), *gained);
            return self.ask_again(id, gained, now);
        }
        let room = self.window.saturating_sub(asked.len());
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

    /// Nobody gives this snapshot any more: there may be a later one, or all who had it are away.
    fn ask_again(&mut self, id: Id, gained: bool, now: Moment) {
        let is_withheld = self.peers.values().any(|peer| peer.said == Some(Said::GivesNothing));
        if gained {
            self.vain_rounds = 0;
        } else if is_withheld || !self.has_chunks {
            self.vain_rounds += 1;
            self.withheld.insert(id);
        }
        if self.vain_rounds >= VAIN_ROUNDS_MAX {
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
