use causeway_contracts::{
    block::{
        Block, BlockId, CheckpointCertificate, CommitCertificate, CommitSignature, Header, StateHash, TimeMs, VoteKind,
        batches_root, checkpoint_message, vote_message,
    },
    codec::Bounded,
    committee::Validator,
    keys::{Domain, SecretKey},
    merkle::Root,
    protocol::PROTOCOL_MIN,
    snapshot::{self, SnapshotEntry},
    transaction::{TxId, UnixSeconds},
};

use super::*;
use crate::{scheme::Ed25519, wire::CertifiedBlock};

const GENESIS: GenesisHash = GenesisHash([1; 32]);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn id(seed: u8) -> ValidatorId {
    ValidatorId::of(&key(seed).public_key())
}

fn set(seeds: &[u8]) -> ValidatorSet {
    let validators = seeds.iter().map(|&seed| Validator {
        key: key(seed).public_key(),
        power: 1,
    });
    ValidatorSet::new(validators.collect()).expect("keys differ")
}

fn signatures(seeds: &[u8], domain: Domain, message: &[u8]) -> Bounded<CommitSignature, 256> {
    let validators = set(seeds);
    let mut signatures: Vec<_> = seeds
        .iter()
        .map(|&seed| CommitSignature {
            signer: validators.index_of(&id(seed)).expect("a member"),
            signature: key(seed).sign(domain, message),
        })
        .collect();
    signatures.sort_unstable_by_key(|signature| signature.signer);
    Bounded::new(signatures).expect("a few")
}

fn certified(height: u64, deciders: &[u8], next: &[u8]) -> CertifiedBlock {
    let header = Header {
        version: PROTOCOL_MIN,
        genesis: GENESIS,
        height: Height(height),
        time_ms: TimeMs(1_790_000_000_000 + height),
        parent: BlockId([2; 32]),
        proposer: id(deciders[0]),
        batches_root: batches_root(&[], None),
        transaction_count: 0,
        receipts_root: Root([3; 32]),
        changes_root: Root([4; 32]),
        state_hash: StateHash([5; 32]),
        checkpoint_root: Root([6; 32]),
        validators_hash: set(deciders).hash(),
        next_validators_hash: set(next).hash(),
    };
    let message = vote_message(&GENESIS, VoteKind::Precommit, header.height, 0, Some(&header.id()));
    CertifiedBlock {
        certificate: CommitCertificate {
            height: header.height,
            round: 0,
            block: header.id(),
            signatures: signatures(deciders, Domain::Vote, &message),
        },
        block: Block {
            header,
            batches: Bounded::default(),
            checkpoint: None,
        },
    }
}

fn handover(height: u64, deciders: &[u8], next: &[u8]) -> Handover {
    let CertifiedBlock { block, certificate } = certified(height, deciders, next);
    Handover {
        last: CertifiedHeader {
            header: block.header,
            certificate,
        },
        next: Bounded::new(set(next).iter().map(|(_, member)| member.clone()).collect()).expect("a few"),
    }
}

/// A snapshot of `height`, and its chunks.
fn offer(height: u64, deciders: &[u8], signers: &[u8], handovers: Vec<Handover>) -> (SnapshotOffer, Vec<Chunk>) {
    let entry = |number: u32| {
        let mut id = TxId([8; 32]);
        id.0[..4].copy_from_slice(&number.to_be_bytes());
        SnapshotEntry::Id(UnixSeconds(1_800_000_000 + height), id)
    };
    let (chunks, manifest) = snapshot::cut(GENESIS, Height(height), (0..4096 * 4 + 5).map(entry));
    let root = manifest.root();
    let message = checkpoint_message(&GENESIS, Height(height), &root);
    let offer = SnapshotOffer {
        manifest,
        block: certified(height, deciders, deciders),
        certificate: CheckpointCertificate {
            height: Height(height),
            root,
            signatures: signatures(signers, Domain::Checkpoint, &message),
        },
        handovers: Bounded::new(handovers).expect("a few"),
    };
    (offer, chunks)
}

const OLD: [u8; 4] = [1, 2, 3, 4];

fn simple(height: u64) -> (SnapshotOffer, Vec<Chunk>) {
    offer(height, &OLD, &OLD, Vec::new())
}

fn judged(offer: &SnapshotOffer) -> Result<(), BadOffer> {
    check_offer(offer, &GENESIS, &set(&OLD), &Ed25519)
}

#[test]
fn an_offer_is_believed_over_changes_of_validators() {
    assert_eq!(judged(&simple(9).0), Ok(()));
    let new = [2, 3, 4, 5];
    let newer = [3, 4, 5, 6];
    let changes = || vec![handover(5, &OLD, &new), handover(12, &new, &newer)];
    // Changed before the snapshot's block, and again before the one that carries the certificate.
    assert_eq!(judged(&offer(9, &new, &newer, changes()).0), Ok(()));
    assert_eq!(judged(&offer(12, &new, &newer, changes()).0), Ok(()));
    assert_eq!(judged(&offer(13, &newer, &newer, changes()).0), Ok(()));
    // By those who have left, or are to come.
    let refused = |deciders: &[u8], signers: &[u8], changes: Vec<Handover>| {
        judged(&offer(9, deciders, signers, changes).0).expect_err("it is not good")
    };
    assert!(matches!(refused(&OLD, &newer, changes()), BadOffer::Block(_)));
    assert!(matches!(refused(&newer, &newer, changes()), BadOffer::Block(_)));
    assert!(matches!(refused(&new, &OLD, changes()), BadOffer::Certificate(_)));
    // Changes that leave one out, come in another order, twice, or from elsewhere.
    let mut reversed = changes();
    reversed.reverse();
    let twice = vec![handover(5, &OLD, &new), handover(5, &new, &OLD)];
    let taken = vec![handover(5, &newer, &new)];
    for wrong in [changes()[1..].to_vec(), reversed, twice, taken] {
        let refused = refused(&new, &new, wrong);
        assert!(
            matches!(refused, BadOffer::Handover(BadHandover::NotFollowing(_))),
            "{refused}"
        );
    }
    let mut padded = changes();
    padded.insert(0, handover(4, &OLD, &OLD));
    let refused = refused(&new, &newer, padded);
    assert!(matches!(refused, BadOffer::NoChange(Height(4))), "{refused}");
    let refused = |deciders: &[u8], signers: &[u8], changes: Vec<Handover>| {
        judged(&offer(9, deciders, signers, changes).0).expect_err("it is not good")
    };
    let mut unsigned = changes();
    unsigned[0].last.certificate.signatures = signatures(&OLD[..2], Domain::Vote, b"something else");
    let refused = refused(&new, &newer, unsigned);
    assert!(
        matches!(refused, BadOffer::Handover(BadHandover::NotFinal { .. })),
        "{refused}"
    );
}

#[test]
fn an_offer_of_another_state_height_or_network_is_not_believed() {
    let check = |change: fn(&mut SnapshotOffer), expected: &str| {
        let (mut offer, _) = simple(9);
        change(&mut offer);
        let refused = judged(&offer).expect_err("it is not good").to_string();
        assert!(refused.contains(expected), "'{refused}' does not say '{expected}'");
    };
    check(|offer| offer.manifest.entries += 1, "another root");
    check(|offer| offer.manifest.entries += 4096, "chunks");
    check(|offer| offer.manifest.height = Height(8), "another root or height");
    check(|offer| offer.manifest.genesis.0[0] ^= 1, "another network");
    check(|offer| offer.certificate.root.0[0] ^= 1, "another root");
    check(|offer| offer.certificate.height = Height(8), "another root or height");
    check(|offer| offer.block = certified(8, &OLD, &OLD), "another height");
    check(|offer| offer.block.block.header.time_ms.0 += 1, "another block");
    check(
        |offer| {
            let chunks = offer.manifest.chunks.iter().copied().rev().collect();
            offer.manifest.chunks = Bounded::new(chunks).expect("as many");
        },
        "another root",
    );
    check(
        |offer| {
            let few = offer.certificate.signatures.to_vec();
            offer.certificate.signatures = Bounded::new(few[..2].to_vec()).expect("fewer");
        },
        "checkpoint's certificate",
    );
}

/// A node that syncs, and what its peers would answer.
struct Trial {
    sync: SnapshotSync,
    now: Moment,
    asked: Vec<SyncQuestion>,
    blamed: Vec<(ValidatorId, SyncMisconduct)>,
    begun: Option<SnapshotOffer>,
    /// Chunks that an earlier process has kept.
    found: Vec<u32>,
    kept: BTreeMap<u32, Chunk>,
    over: Option<Result<(), GiveUp>>,
}

impl Trial {
    fn new() -> Self {
        Self::of(&[1, 2, 3])
    }

    fn of(peers: &[u8]) -> Self {
        Self::with(peers, false)
    }

    fn with(peers: &[u8], has_chunks: bool) -> Self {
        let peers = peers.iter().map(|&seed| id(seed));
        let sync = SnapshotSync::new(GENESIS, set(&OLD), peers, Arc::new(Ed25519), has_chunks);
        let mut trial = Self {
            sync,
            now: Moment::default(),
            asked: Vec::new(),
            blamed: Vec::new(),
            begun: None,
            found: Vec::new(),
            kept: BTreeMap::new(),
            over: None,
        };
        trial.pass(0);
        trial
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.sync.tick(self.now);
        self.look();
    }

    fn look(&mut self) {
        for action in self.sync.take_actions() {
            assert_eq!(self.over, None, "nothing is done after the end, such as {action:?}");
            match action {
                SyncAction::Ask(question) => self.asked.push(question),
                SyncAction::Blame(peer, how) => self.blamed.push((peer, how)),
                SyncAction::Begin(offer) => {
                    self.begun = Some(*offer);
                    for &index in &self.found {
                        self.sync.has(index);
                    }
                    self.sync.tick(self.now);
                    self.look();
                }
                SyncAction::Keep { index, chunk } => assert!(self.kept.insert(index, chunk).is_none()),
                SyncAction::Complete => self.over = Some(Ok(())),
                SyncAction::GiveUp(why) => self.over = Some(Err(why)),
            }
        }
        for peer in [1, 2, 3, 4] {
            let asked = self.asked.iter().filter(|question| question.to() == id(peer));
            assert!(asked.count() <= CHUNKS_PER_PEER_MAX);
        }
    }

    fn answer(&mut self, question: SyncQuestion, answer: Option<&FetchResponse>) {
        let at = self.asked.iter().position(|asked| *asked == question);
        self.asked.remove(at.expect("asked before"));
        let answer = answer.map(FetchResponse::encode);
        self.sync.answered(question, answer.as_deref(), self.now);
        self.look();
    }

    fn offers(&mut self, peer: u8, offer: Option<&SnapshotOffer>) {
        let offer = FetchResponse::snapshot(offer.cloned());
        self.answer(SyncQuestion::Offer { to: id(peer) }, Some(&offer));
    }

    fn all_offer(&mut self, offer: &SnapshotOffer) {
        for peer in [1, 2, 3] {
            self.offers(peer, Some(offer));
        }
    }

    fn next_chunk(&self) -> Option<(SyncQuestion, usize)> {
        self.asked.iter().find_map(|question| match question {
            SyncQuestion::Chunk { index, .. } => Some((*question, *index as usize)),
            SyncQuestion::Offer { .. } => None,
        })
    }

    /// Nobody is connected for a minute.
    fn outage(&mut self) {
        for _ in 0..120 {
            for question in std::mem::take(&mut self.asked) {
                self.sync.not_connected(question, self.now);
            }
            if self.over.is_none() {
                self.pass(500);
            }
        }
        self.asked
            .retain(|question| matches!(question, SyncQuestion::Offer { .. }));
    }

    /// All honest answers to what is asked, until nothing is.
    fn give(&mut self, chunks: &[Chunk]) {
        while let Some((question, index)) = self.next_chunk() {
            self.answer(question, Some(&FetchResponse::Chunk(Some(chunks[index].clone()))));
        }
    }
}

#[test]
fn takes_the_latest_offer_from_all_that_have_it() {
    let ((old, _), (new, chunks)) = (simple(7), simple(9));
    let mut trial = Trial::of(&[1, 2, 3, 4]);
    assert_eq!(trial.asked.len(), 4);
    trial.offers(1, Some(&old));
    trial.offers(2, Some(&new));
    trial.offers(3, Some(&new));
    assert_eq!(trial.begun, None, "the fourth may have a later one");
    trial.pass(1_999);
    assert_eq!(trial.begun, None);
    trial.pass(1);
    assert_eq!(trial.begun, Some(new.clone()));
    assert_eq!(trial.sync.progress(), Some((0, 5)));
    // It comes late, and helps.
    trial.offers(4, Some(&new));
    let asked = |trial: &Trial, peer| trial.asked.iter().filter(|question| question.to() == id(peer)).count();
    assert_eq!([1, 2, 3, 4].map(|peer| asked(&trial, peer)), [0, 2, 2, 1]);
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
    assert!(trial.kept.values().eq(&chunks));
}

/// Two others are slow to answer: what one alone offers is not begun before they had time, and is left for what they
/// offer.
#[test]
fn an_offer_that_nobody_backs_waits_for_others_and_gives_way_to_theirs() {
    let ((old, old_chunks), (new, chunks)) = (simple(7), simple(9));
    let mut trial = Trial::new();
    trial.offers(1, Some(&old));
    trial.pass(14_999);
    assert_eq!(trial.begun, None);
    trial.pass(1);
    assert_eq!(trial.begun, Some(old));
    let (question, index) = trial.next_chunk().expect("asked");
    trial.answer(question, Some(&FetchResponse::Chunk(Some(old_chunks[index].clone()))));
    trial.offers(2, Some(&new));
    assert_ne!(trial.begun, Some(new.clone()), "one of two may not be honest");
    trial.offers(3, Some(&new));
    assert_eq!(trial.begun, Some(new));
    trial.kept.clear();
    trial
        .asked
        .retain(|question| !matches!(question, SyncQuestion::Chunk { height: Height(7), .. }));
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
}

/// Whoever had another one, or none, a moment ago is asked again, and one that went away is not waited for.
#[test]
fn one_that_goes_away_is_replaced_by_those_that_have_it_later() {
    let ((old, _), (new, chunks)) = (simple(7), simple(9));
    let mut trial = Trial::new();
    trial.offers(1, Some(&new));
    trial.offers(2, Some(&old));
    trial.offers(3, None);
    assert_eq!(trial.begun, Some(new.clone()));
    for _ in 0..30 {
        let (gone, there): (Vec<_>, Vec<_>) = trial.asked.iter().partition(|question| question.to() == id(1));
        trial.asked = there;
        gone.into_iter()
            .for_each(|question| trial.sync.not_connected(question, trial.now));
        for peer in [2, 3] {
            if trial.asked.contains(&SyncQuestion::Offer { to: id(peer) }) {
                trial.offers(peer, Some(&new));
            }
        }
        trial.give(&chunks);
        if trial.over.is_some() {
            break;
        }
        trial.pass(500);
    }
    assert_eq!(trial.over, Some(Ok(())));
    assert_eq!(trial.blamed, []);
}

#[test]
fn fewer_are_asked_for_at_once_where_they_do_not_come_in_time() {
    let (new, chunks) = simple(9);
    let mut trial = Trial::new();
    trial.all_offer(&new);
    assert_eq!(trial.asked.len(), 5, "all there are");
    // So slow a link carries one at a time.
    for _ in 0..20 {
        let open = std::mem::take(&mut trial.asked);
        let is_alone = open.len() == 1;
        for question in open {
            let SyncQuestion::Chunk { index, .. } = question else {
                continue;
            };
            let chunk = FetchResponse::Chunk(Some(chunks[index as usize].clone()));
            trial.asked.push(question);
            trial.answer(question, is_alone.then_some(&chunk));
        }
        if trial.over.is_some() {
            break;
        }
        trial.pass(500);
    }
    assert_eq!(trial.over, Some(Ok(())));
}

#[test]
fn of_equal_offers_the_one_with_all_changes_of_validators_is_taken() {
    let new = [2, 3, 4, 5];
    let there_and_back = || vec![handover(3, &OLD, &new), handover(5, &new, &OLD)];
    let (whole, _) = offer(9, &OLD, &OLD, there_and_back());
    let (short, _) = simple(9);
    for order in [[&whole, &short, &short], [&short, &short, &whole]] {
        let mut trial = Trial::new();
        for (peer, offer) in (1..).zip(order) {
            trial.offers(peer, Some(offer));
        }
        assert_eq!(trial.begun.as_ref(), Some(&whole));
    }
}

#[test]
fn a_liar_is_blamed_once_and_left_and_what_was_kept_is_not_asked_for() {
    let (new, chunks) = simple(9);
    let mut trial = Trial::new();
    trial.found = vec![1];
    let mut forged = new.clone();
    forged.certificate.root.0[0] ^= 1;
    trial.offers(3, Some(&forged));
    assert_eq!(trial.blamed, [(id(3), SyncMisconduct::Offer)]);
    trial.offers(1, Some(&new));
    trial.offers(2, Some(&new));
    assert_eq!(trial.begun, Some(new), "all have answered");
    let (question, index) = trial.next_chunk().expect("asked");
    let mut changed = chunks[index].entries.to_vec();
    changed.pop();
    let entries = Bounded::new(changed).expect("fewer");
    trial.answer(question, Some(&FetchResponse::Chunk(Some(Chunk { entries }))));
    let liar = question.to();
    assert_eq!(trial.blamed[1..], [(liar, SyncMisconduct::Chunk)]);
    // Its other question is still open; all else goes to the other, which gives it.
    let open: Vec<_> = trial.asked.iter().copied().filter(|it| it.to() == liar).collect();
    for question in open {
        trial.answer(question, None);
    }
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
    assert!(trial.kept.keys().copied().eq([0, 2, 3, 4]));
    assert_eq!(trial.blamed.len(), 2);
}

#[test]
fn goes_by_blocks_where_an_honest_one_has_none_or_nobody_answers() {
    let mut trial = Trial::new();
    trial.offers(1, None);
    trial.pass(1_000);
    trial.offers(2, None);
    assert_eq!(trial.over, None, "the third may have one");
    trial.pass(2_000);
    assert_eq!(trial.over, Some(Err(GiveUp::NoneHeld)));

    let mut trial = Trial::new();
    trial.offers(1, None);
    for _ in 0..40 {
        trial.pass(499);
        let open: Vec<_> = trial.asked.clone();
        for question in open {
            trial.answer(question, None);
        }
    }
    assert_eq!(trial.over, Some(Err(GiveUp::NoAnswer)));
    assert_eq!(trial.blamed, []);

    // One that lies has not refused.
    let mut trial = Trial::new();
    trial.offers(1, None);
    trial.answer(
        SyncQuestion::Offer { to: id(2) },
        Some(&FetchResponse::blocks(Vec::new())),
    );
    trial.pass(5_000);
    assert_eq!((trial.over, trial.blamed.len()), (None, 1));
    let (late, chunks) = simple(9);
    trial.offers(3, Some(&late));
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
}

#[test]
fn asks_anew_when_nobody_has_the_snapshot_any_more_and_gives_up_in_the_end() {
    let ((old, old_chunks), (new, chunks)) = (simple(7), simple(9));
    let mut trial = Trial::new();
    trial.all_offer(&old);
    let (question, index) = trial.next_chunk().expect("asked");
    let good = FetchResponse::Chunk(Some(old_chunks[index].clone()));
    trial.answer(question, Some(&good));
    while let Some((question, _)) = trial.next_chunk() {
        trial.answer(question, Some(&FetchResponse::Chunk(None)));
    }
    trial.pass(500);
    trial.all_offer(&new);
    assert_eq!(trial.begun, Some(new));
    trial.kept.clear();
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
    assert_eq!(trial.blamed, []);

    let mut trial = Trial::new();
    for _ in 0..VAIN_ROUNDS_MAX {
        trial.all_offer(&old);
        while let Some((question, _)) = trial.next_chunk() {
            trial.answer(question, Some(&FetchResponse::Chunk(None)));
        }
        trial.pass(500);
    }
    assert_eq!(trial.over, Some(Err(GiveUp::NothingGiven)));
}

#[test]
fn a_peer_that_goes_away_is_replaced() {
    let (new, chunks) = simple(9);
    let mut trial = Trial::new();
    trial.all_offer(&new);
    for _ in 0..100 {
        let open: Vec<_> = trial.asked.clone();
        for question in open {
            match question {
                SyncQuestion::Chunk { index, .. } if question.to() == id(2) => {
                    let chunk = chunks[index as usize].clone();
                    trial.answer(question, Some(&FetchResponse::Chunk(Some(chunk))));
                }
                _ => trial.answer(question, None),
            }
        }
        if trial.over.is_some() {
            break;
        }
        trial.pass(100);
    }
    assert_eq!(trial.over, Some(Ok(())));
    assert_eq!(trial.blamed, []);
}

/// Alone it offers the latest, and it does not give what it offers.
#[test]
fn one_that_gives_nothing_keeps_nobody_from_what_honest_ones_have() {
    let ((old, chunks), (new, _)) = (simple(7), simple(9));
    let mut trial = Trial::new();
    trial.offers(1, Some(&new));
    trial.offers(2, Some(&old));
    trial.offers(3, Some(&old));
    assert_eq!(trial.begun, Some(old.clone()), "two of four offer it");
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));

    // With one honest one alone it is believed once.
    let mut trial = Trial::new();
    for expected in [new.clone(), old.clone()] {
        trial.asked.retain(|question| question.to() != id(3));
        trial.sync.not_asked(SyncQuestion::Offer { to: id(3) }, trial.now);
        trial.offers(1, Some(&new));
        trial.offers(2, Some(&old));
        trial.pass(15_000);
        assert_eq!(trial.begun, Some(expected));
        if trial.begun == Some(old.clone()) {
            break;
        }
        while let Some((question, _)) = trial.next_chunk() {
            trial.answer(question, Some(&FetchResponse::Chunk(None)));
        }
        trial.pass(500);
    }
    trial.kept.clear();
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
    assert_eq!(trial.blamed, []);
}

#[test]
fn an_outage_loses_nothing_that_was_kept() {
    let (new, chunks) = simple(9);
    let mut trial = Trial::new();
    trial.all_offer(&new);
    let (question, index) = trial.next_chunk().expect("asked");
    trial.answer(question, Some(&FetchResponse::Chunk(Some(chunks[index].clone()))));
    trial.outage();
    assert_eq!((trial.over, trial.kept.len()), (None, 1));
    trial.found = trial.kept.keys().copied().collect();
    trial.all_offer(&new);
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
    assert!(trial.kept.values().eq(&chunks));

    // Nor does a restart without anybody there, if something was kept.
    for (has_chunks, expected) in [(true, None), (false, Some(Err(GiveUp::NoAnswer)))] {
        let mut trial = Trial::with(&[1, 2, 3], has_chunks);
        trial.outage();
        assert_eq!(trial.over, expected);
    }

    // One that is there has blocks at least, which are worth more than chunks that nobody completes.
    let mut trial = Trial::with(&[1, 2, 3], true);
    trial.offers(1, None);
    trial.pass(59_000);
    assert_eq!(trial.over, None);
    trial.pass(1_000);
    assert_eq!(trial.over, Some(Err(GiveUp::NoAnswer)));
}

#[test]
fn one_that_connects_late_is_asked_too() {
    let (new, chunks) = simple(9);
    let mut trial = Trial::new();
    trial.asked.retain(|question| question.to() != id(3));
    trial.sync.not_asked(SyncQuestion::Offer { to: id(3) }, trial.now);
    trial.offers(1, Some(&new));
    trial.offers(2, Some(&new));
    trial.pass(2_000);
    assert_eq!(trial.begun, Some(new.clone()));
    trial.pass(500);
    trial.offers(3, Some(&new));
    assert!(
        trial
            .asked
            .iter()
            .any(|question| matches!(question, SyncQuestion::Chunk { to, .. } if *to == id(3)))
    );
    trial.give(&chunks);
    assert_eq!(trial.over, Some(Ok(())));
}
