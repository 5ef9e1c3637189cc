use std::{collections::BTreeSet, time::Duration};

use causeway_contracts::{
    block::{
        BATCHES_MAX, Batch, BatchDigest, GenesisHash, HashedBatch, Height, SignedBatch, TimeMs,
        batch::{BATCH_BYTES_MAX, BATCH_VERSION},
    },
    codec::{self, Bounded, Text},
    committee::{Validator, ValidatorId, ValidatorSet, change::FormerValidator},
    governance::CouncilAction,
    identity::{AccountId, KeyPolicy, ParticipantId},
    keys::{SecretKey, Signature, Signed},
    money::{Amount, Currency},
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionError, TxId, UnixSeconds,
    },
};
use proptest::prelude::*;

use super::{
    gather::{ASK_EVERY, Answer},
    *,
};

const GENESIS: GenesisHash = GenesisHash([7; 32]);

/// A program of today before the council has set anything.
const FIRST: Versions = Versions {
    in_force: PROTOCOL_MIN,
    known: PROTOCOL_MAX,
};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn author(seed: u8) -> ValidatorId {
    ValidatorId::of(&key(seed).public_key())
}

fn transfer(nonce: u64, valid_until: u64) -> SignedTransaction {
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: GENESIS.prefix(),
        valid_until: UnixSeconds(valid_until),
        nonce: Nonce(nonce),
        actions: Bounded::new(vec![Action::Transfer {
            from: AccountId([1; 20]),
            to: AccountId([2; 20]),
            currency: Currency::new("EUR").unwrap(),
            amount: Amount(5),
        }])
        .unwrap(),
        memo: Text::default(),
    };
    transaction.sign([&key(100)]).unwrap()
}

/// Closes as many accounts as a transaction can.
fn closing(nonce: u64) -> SignedTransaction {
    let close = Action::CloseAccount {
        operator: ParticipantId::new("BANK").unwrap(),
        account: AccountId([1; 20]),
    };
    let transaction = Transaction {
        actions: Bounded::new(vec![close; 64]).unwrap(),
        ..transfer(nonce, 100).transaction
    };
    transaction.sign([&key(9)]).unwrap()
}

fn batch(author_seed: u8, transactions: Vec<SignedTransaction>) -> Batch {
    Batch {
        version: BATCH_VERSION,
        genesis: GENESIS,
        author: author(author_seed),
        transactions: Bounded::new(transactions).unwrap(),
    }
}

fn checked(author_seed: u8, nonces: &[u64], valid_until: u64) -> CheckedBatch {
    let batch = batch(
        author_seed,
        nonces.iter().map(|&nonce| transfer(nonce, valid_until)).collect(),
    );
    CheckedBatch::stored(SignedBatch::seal(batch, &key(author_seed)))
}

fn digests(batches: &[HashedBatch]) -> Vec<BatchDigest> {
    batches.iter().map(HashedBatch::digest).collect()
}

#[test]
fn ready_gives_the_oldest_batches_within_both_bounds() {
    let mut pool = Pool::new(usize::MAX);
    let batches = [
        checked(1, &[1, 2], 100),
        checked(2, &[3], 100),
        checked(3, &[4, 5, 6], 100),
    ];
    for batch in &batches {
        assert_eq!(pool.insert(batch.clone(), Claim::Offered), Insert::Held);
    }
    let all: Vec<_> = batches.iter().map(|checked| checked.batch.digest()).collect();
    assert_eq!(digests(&pool.ready(10, 10)), all);
    assert_eq!(digests(&pool.ready(2, 10)), all[..2]);
    assert_eq!(digests(&pool.ready(10, 5)), all[..2]);
    assert_eq!(digests(&pool.ready(10, 1)), all[..1], "at least one, whatever its size");
    assert_eq!(pool.transactions(), 6);
}

#[test]
fn an_ordered_batch_is_not_held_again_until_the_ledger_forgets_it() {
    let mut pool = Pool::new(usize::MAX);
    let batch = checked(1, &[1], 1_000);
    pool.insert(batch.clone(), Claim::Offered);
    pool.ordered(&[batch.batch.digest()], TimeMs(10), TimeMs(600_010));
    assert!(!pool.is_pending(&batch.batch.ids()[0]));
    assert_eq!(pool.insert(batch.clone(), Claim::Offered), Insert::Known);
    pool.ordered(&[], TimeMs(600_009), TimeMs(1_200_009));
    assert_eq!(pool.insert(batch.clone(), Claim::Offered), Insert::Known);
    pool.ordered(&[], TimeMs(600_010), TimeMs(1_200_010));
    assert_eq!(pool.insert(batch, Claim::Offered), Insert::Held);
}

#[test]
fn a_batch_leaves_when_all_in_it_has_expired() {
    let mut pool = Pool::new(usize::MAX);
    let batch = checked(1, &[1], 100);
    pool.insert(batch.clone(), Claim::Offered);
    pool.ordered(&[], TimeMs(99_999), TimeMs(1_000_000));
    assert_eq!(pool.batches(), 1);
    pool.ordered(&[], TimeMs(100_000), TimeMs(1_000_000));
    assert_eq!(pool.batches(), 0);
    assert!(!pool.is_pending(&batch.batch.ids()[0]));
}

#[test]
fn an_author_has_a_share_and_a_named_batch_is_held_all_the_same() {
    let first = checked(1, &[1], 100);
    let mut pool = Pool::new(first.wire.len());
    assert_eq!(pool.insert(first, Claim::Offered), Insert::Held);
    assert_eq!(pool.insert(checked(1, &[2], 100), Claim::Offered), Insert::AuthorFull);
    assert_eq!(pool.insert(checked(2, &[2], 100), Claim::Offered), Insert::Held);
    assert_eq!(pool.insert(checked(1, &[2], 100), Claim::Named), Insert::Held);
}

/// A batch of one transaction that says how large it is.
fn large(nonce: u64, bytes: usize, valid_until: u64) -> CheckedBatch {
    CheckedBatch {
        wire: vec![0; bytes].into(),
        ..checked(1, &[nonce], valid_until)
    }
}

#[test]
fn blocks_that_are_made_up_round_after_round_fill_no_memory() {
    let bytes = BATCH_BYTES_MAX;
    let fit = NAMED_BYTES_MAX / bytes;
    let mut pool = Pool::new(bytes);
    let (own, theirs) = (checked(2, &[9_999], 100), large(0, bytes, 100));
    pool.insert(own.clone(), Claim::Own);
    pool.insert(theirs.clone(), Claim::Offered);
    let named: Vec<_> = (1..=fit as u64 + 2).map(|nonce| large(nonce, bytes, 100)).collect();
    for (count, batch) in named.iter().enumerate() {
        assert_eq!(pool.insert(batch.clone(), Claim::Named), Insert::Held);
        assert_eq!(pool.batches(), 2 + (count + 1).min(fit));
    }
    let held = |pool: &Pool, batch: &CheckedBatch| pool.get(&batch.batch.digest()).is_some();
    assert!(held(&pool, &own) && held(&pool, &theirs), "what was in its share stays");
    let held_or_not: Vec<_> = named[..3].iter().map(|batch| held(&pool, batch)).collect();
    assert_eq!(held_or_not, [false, false, true], "the oldest of those named made room");
    assert!(
        !pool.knows(&named[0].batch.digest()),
        "it is looked for on disk when a block names it"
    );

    assert_eq!(pool.insert(named[0].clone(), Claim::Named), Insert::Held);
    assert!(!held(&pool, &named[2]));
    pool.ordered(&[named[1].batch.digest()], TimeMs(1), TimeMs(2));
    let expired = pool.ordered(&[], TimeMs(100_000), TimeMs(200_000));
    assert_eq!(
        expired.len(),
        2 + fit + 1,
        "put out or not, what has expired leaves the disk"
    );
    assert_eq!(pool.batches(), 0);
    assert!(pool.has_room(&author(1), bytes));
    assert!(pool.ordered(&[], TimeMs(200_000), TimeMs(300_000)).is_empty(), "once");
}

/// Of this author's last transactions, these many of 1,000 were skipped.
fn skipped(author_seed: u8, skipped: u64) -> Yield {
    Yield {
        author: author(author_seed),
        ordered: 1_000,
        skipped,
    }
}

#[test]
fn an_author_of_many_skips_gives_way_in_a_draft() {
    let mut pool = Pool::new(usize::MAX);
    let poor: Vec<_> = (0..4).map(|n| checked(1, &[2 * n, 2 * n + 1], 100)).collect();
    let good: Vec<_> = (0..4).map(|n| checked(2, &[100 + 2 * n, 101 + 2 * n], 100)).collect();
    for batch in poor.iter().chain(&good) {
        pool.insert(batch.clone(), Claim::Offered);
    }
    let names = |batches: &[CheckedBatch]| batches.iter().map(|batch| batch.batch.digest()).collect::<Vec<_>>();
    let in_order = [names(&poor), names(&good)].concat();
    assert_eq!(digests(&pool.ready(4, 1_000)), in_order[..4]);

    pool.learn(&skipped(1, 51));
    assert!(pool.is_poor(&author(1)));
    let given_way = [names(&poor[..1]), names(&good), names(&poor[1..])].concat();
    assert_eq!(digests(&pool.ready(4, 1_000)), given_way[..4], "one in four");
    assert_eq!(digests(&pool.ready(99, 8)), given_way[..4], "of transactions too");
    assert_eq!(digests(&pool.ready(6, 1_000)), given_way[..6], "no room is left empty");
    assert_eq!(digests(&pool.ready(1, 1)), given_way[..1], "nor does it starve");

    pool.learn(&skipped(1, 0));
    assert!(!pool.is_poor(&author(1)));
    assert_eq!(digests(&pool.ready(4, 1_000)), in_order[..4]);
}

#[test]
fn an_author_of_many_skips_has_less_memory_but_room_for_a_batch() {
    let mut pool = Pool::new(8 * BATCH_BYTES_MAX);
    assert!(pool.has_room(&author(1), 8 * BATCH_BYTES_MAX));
    pool.learn(&skipped(1, 51));
    assert!(pool.has_room(&author(1), 2 * BATCH_BYTES_MAX));
    assert!(!pool.has_room(&author(1), 2 * BATCH_BYTES_MAX + 1));
    assert!(pool.has_room(&author(2), 8 * BATCH_BYTES_MAX));
    let mut small = Pool::new(2 * BATCH_BYTES_MAX);
    small.learn(&skipped(1, 51));
    assert!(small.has_room(&author(1), BATCH_BYTES_MAX));
    pool.learn(&skipped(1, 0));
    assert!(pool.has_room(&author(1), 8 * BATCH_BYTES_MAX));
}

proptest! {
    /// Whatever comes and goes, what the pool counts is what it holds.
    #[test]
    fn invariant_the_pool_counts_what_it_holds(steps in proptest::collection::vec((0u8..3, 0u64..12, 1u64..6), 1..60)) {
        let mut pool = Pool::new(4_000);
        let mut time = 0;
        for (author_seed, nonce, step) in steps {
            let batch = checked(author_seed + 1, &[nonce, nonce + 1], 3 + nonce);
            if step < 4 {
                pool.insert(batch, if step == 3 { Claim::Named } else { Claim::Offered });
            } else {
                time += step * 100;
                pool.ordered(&[batch.batch.digest()], TimeMs(time), TimeMs(time + 900));
                prop_assert!(!pool.ready(99, 9_999).iter().any(|stored| stored.digest() == batch.batch.digest()));
            }
            let held = pool.ready(usize::MAX, usize::MAX);
            prop_assert_eq!(held.len(), pool.batches());
            let ids: BTreeSet<TxId> = held.iter().flat_map(|stored| stored.batch().transactions.iter().map(|t| t.id())).collect();
            prop_assert_eq!(ids.len(), pool.transactions());
            prop_assert!(ids.iter().all(|id| pool.is_pending(id)));
        }
    }
}

#[test]
fn a_gather_asks_the_likely_at_once_and_the_others_in_turns() {
    let mut gathers = Gathers::default();
    let now = Moment::default();
    let digest = checked(1, &[1], 100).batch.digest();
    let others = [author(1), author(2), author(3), author(4), author(5)];
    let likely = [author(3), author(2), author(3)];
    let sources = Sources::new(&author(5), likely, others).unwrap();
    assert!(gathers.wait((), vec![digest], [digest].into(), sources, now).is_none());
    let mut asked = |after: Duration, late: bool| {
        if late {
            gathers.ask_next(&[digest], now + after);
        }
        let questions = gathers.due(now + after, |_| false);
        questions.into_iter().map(|question| question.to).collect::<Vec<_>>()
    };
    assert_eq!(
        asked(Duration::ZERO, false),
        [author(3), author(2)],
        "never itself, none twice"
    );
    assert_eq!(asked(Duration::ZERO, false), []);
    assert_eq!(
        asked(ASK_EVERY / 2, true),
        [author(1)],
        "one has answered that it has none"
    );
    assert_eq!(asked(ASK_EVERY, false), []);
    assert_eq!(asked(ASK_EVERY * 2, false), [author(4)]);
    assert_eq!(asked(ASK_EVERY * 3, false), [author(3)], "and round again, one by one");
}

#[test]
fn sources_are_somebody_else() {
    let me = author(1);
    assert_eq!(Sources::new(&me, [me, me], [me]), None);
    let only = Sources::new(&me, [me], [me, author(2)]);
    assert_eq!(only, Sources::new(&me, [author(2)], []));
}

#[test]
fn a_gather_is_answered_when_all_is_there() {
    let mut gathers = Gathers::default();
    let now = Moment::default();
    let batches = [checked(1, &[1], 100), checked(1, &[2], 100)];
    let names: Vec<_> = batches.iter().map(|checked| checked.batch.digest()).collect();
    let failed = gathers.wait(
        7,
        names.clone(),
        names.iter().copied().collect(),
        Sources::new(&author(9), [author(1)], [author(2)]).unwrap(),
        now,
    );
    assert!(failed.is_none());
    let mut sorted = names.clone();
    sorted.sort();
    let question = |seed, digests: &[BatchDigest]| Question {
        to: author(seed),
        digests: digests.to_vec(),
    };
    assert_eq!(gathers.due(now, |_| false), [question(1, &sorted)]);
    assert_eq!(gathers.due(now, |_| false), []);
    assert_eq!(
        gathers.due(now + ASK_EVERY, |digest| *digest == sorted[0]),
        [question(2, &sorted[1..])]
    );

    let mut pool = Pool::new(usize::MAX);
    pool.insert(batches[0].clone(), Claim::Named);
    assert!(gathers.arrived(&names[0], |digest| pool.get(digest)).is_empty());
    pool.insert(batches[1].clone(), Claim::Named);
    let (request, batches) = gathers.arrived(&names[1], |digest| pool.get(digest)).remove(0);
    assert_eq!((request, digests(&batches.unwrap())), (7, names));
}

#[test]
fn a_gather_fails_for_an_invalid_batch_and_after_a_while() {
    let mut gathers = Gathers::default();
    let now = Moment::default();
    let digest = checked(1, &[1], 100).batch.digest();
    let sources = Sources::new(&author(9), [author(1)], []).unwrap();
    let wait = |gathers: &mut Gathers<u32>, request| {
        gathers.wait(request, vec![digest], [digest].into(), sources.clone(), now)
    };
    let error = |answers: Vec<Answer<u32>>| {
        let answers = answers.into_iter();
        answers
            .map(|(request, gathered)| (request, gathered.unwrap_err()))
            .collect::<Vec<_>>()
    };
    assert!(wait(&mut gathers, 1).is_none());
    assert_eq!(error(gathers.invalid(&digest)), [(1, GatherError::Invalid(digest))]);
    assert!(wait(&mut gathers, 2).is_none());
    assert!(gathers.late(now + Duration::from_secs(9)).is_empty());
    let late = gathers.late(now + Duration::from_secs(11));
    assert_eq!(error(late), [(2, GatherError::Missing(digest))]);
    assert_eq!(gathers.due(now, |_| false), []);
    for request in 3..19 {
        assert!(wait(&mut gathers, request).is_none());
    }
    let oldest = wait(&mut gathers, 19).into_iter().collect();
    assert_eq!(
        error(oldest),
        [(3, GatherError::Missing(digest))],
        "there is no more room"
    );
}

fn validators() -> ValidatorSet {
    ValidatorSet::new(
        (1..=4)
            .map(|seed| Validator {
                key: key(seed).public_key(),
                power: 1,
            })
            .collect(),
    )
    .unwrap()
}

fn raw(signed: &SignedBatch) -> RawBatch {
    RawBatch::new(signed.batch.author, codec::encode(signed).into()).unwrap()
}

struct OneByOne;

impl Signatures for OneByOne {
    fn all_good(&mut self, all: &[Signed<'_>]) -> bool {
        all.iter().all(|signed| signed.verify().is_ok())
    }

    fn is_good(&mut self, signed: &Signed<'_>) -> bool {
        signed.verify().is_ok()
    }
}

/// Checks one batch beside a good one, which must stay good.
fn check_batch(signed: &SignedBatch) -> Result<BatchDigest, BatchFault> {
    let good = SignedBatch::seal(batch(2, vec![transfer(50, 100)]), &key(2));
    let mut results = check_batches(
        vec![raw(&good), raw(signed)],
        &GENESIS,
        &validators().into(),
        FIRST,
        &mut OneByOne,
    );
    assert_eq!(results.remove(0).unwrap().batch, HashedBatch::new(good.batch.clone()));
    results.remove(0).map(|checked| checked.batch.digest())
}

#[test]
fn a_batch_is_checked_in_full() {
    let good = SignedBatch::seal(batch(1, vec![transfer(1, 100), transfer(2, 100)]), &key(1));
    assert_eq!(check_batch(&good), Ok(good.batch.digest()));

    let empty = SignedBatch::seal(batch(1, vec![]), &key(1));
    assert_eq!(check_batch(&empty), Err(BatchFault::Empty));
    let cheap_enough = SignedBatch::seal(batch(1, (0..11).map(closing).collect()), &key(1));
    assert!(check_batch(&cheap_enough).is_ok());
    let dear = SignedBatch::seal(batch(1, (0..12).map(closing).collect()), &key(1));
    assert_eq!(check_batch(&dear), Err(BatchFault::TooCostly(12 * 170_452)));

    let version = SignedBatch::seal(
        Batch {
            version: 9,
            ..(*good.batch).clone()
        },
        &key(1),
    );
    assert_eq!(check_batch(&version), Err(BatchFault::Version(9)));

    let other = SignedBatch::seal(
        Batch {
            genesis: GenesisHash([8; 32]),
            ..(*good.batch).clone()
        },
        &key(1),
    );
    assert_eq!(check_batch(&other), Err(BatchFault::OtherGenesis));

    let stranger = SignedBatch::seal(batch(77, vec![transfer(1, 100)]), &key(77));
    assert_eq!(check_batch(&stranger), Err(BatchFault::UnknownAuthor(author(77))));

    let forged = SignedBatch {
        signature: Signature([0; 64]),
        ..good.clone()
    };
    assert_eq!(check_batch(&forged), Err(BatchFault::AuthorSignature));

    let mut bad = transfer(3, 100);
    let mut signatures = bad.signatures.into_vec();
    signatures[0].signature = Signature([1; 64]);
    bad.signatures = Bounded::new(signatures).unwrap();
    let bad = SignedBatch::seal(batch(1, vec![transfer(1, 100), bad]), &key(1));
    let source = TransactionError::BadSignature {
        key: key(100).public_key(),
    };
    assert_eq!(check_batch(&bad), Err(BatchFault::Transaction { index: 1, source }));
}

#[test]
fn the_digest_of_a_raw_batch_is_that_of_the_decoded_one() {
    let signed = SignedBatch::seal(batch(1, vec![transfer(1, 100)]), &key(1));
    assert_eq!(raw(&signed).bytes.digest(), signed.batch.digest());
    assert!(RawBatch::new(author(1), vec![0; 63].into()).is_none());
    assert!(RawBatch::new(author(1), vec![0; 256 * 1024 + 1].into()).is_none());
}

/// Validator 4's, with so much room for each author.
fn exchange(author_bytes_max: usize) -> Exchange<u32> {
    Exchange::new(author(4), validators(), FIRST, author_bytes_max)
}

fn wanted(batch: &CheckedBatch) -> Wanted {
    Wanted {
        digests: vec![batch.batch.digest()],
        proposer: author(1),
        author: author(2),
        in_force: PROTOCOL_MIN,
    }
}

fn asked(exchange: &mut Exchange<u32>) -> Vec<ValidatorId> {
    let actions = exchange.take_actions().into_iter();
    let asked = actions.filter_map(|action| match action {
        ExchangeAction::Ask(question) => Some(question.to),
        _ => None,
    });
    asked.collect()
}

fn answers(exchange: &mut Exchange<u32>) -> Vec<(u32, Vec<BatchDigest>)> {
    let actions = exchange.take_actions().into_iter();
    let answers = actions.filter_map(|action| match action {
        ExchangeAction::Answer(request, gathered) => Some((request, digests(&gathered.unwrap()))),
        _ => None,
    });
    answers.collect()
}

#[test]
fn a_request_is_answered_in_whatever_way_its_batch_comes() {
    let batch = checked(1, &[1], 100);
    let digest = batch.batch.digest();
    let expected = [(7, vec![digest])];
    for way in 0..3 {
        let mut exchange = exchange(1_000_000);
        exchange.gather(7, wanted(&batch), Moment::default());
        assert_eq!(asked(&mut exchange), [author(1), author(2)]);
        match way {
            0 => exchange.checked(vec![(author(3), digest)], vec![Ok(batch.clone())], Moment::default()),
            1 => exchange.load(batch.clone()),
            _ => {
                exchange.resume(batch.clone());
                exchange.hold_own(batch.clone());
            }
        }
        assert_eq!(answers(&mut exchange), expected, "way {way}");
        exchange.gather(8, wanted(&batch), Moment::default());
        assert_eq!(answers(&mut exchange), [(8, vec![digest])]);
    }
}

#[test]
fn what_blocks_name_waits_in_bounded_memory_to_be_checked() {
    let mut exchange = exchange(1_000_000);
    let payload = |n: usize| {
        let mut bytes = vec![0; BATCH_BYTES_MAX];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        Arc::<[u8]>::from(bytes)
    };
    let fit = WANTED_ARRIVALS_BYTES_MAX / BATCH_BYTES_MAX;
    let digests: Vec<_> = (0..=fit)
        .map(|n| RawBatch::new(author(1), payload(n)).unwrap().bytes.digest())
        .collect();
    for (request, digests) in (0..).zip(digests.chunks(BATCHES_MAX)) {
        let wanted = Wanted {
            digests: digests.to_vec(),
            proposer: author(1),
            author: author(1),
            in_force: PROTOCOL_MIN,
        };
        exchange.gather(request, wanted, Moment::default());
    }
    exchange.take_actions();
    for n in 0..=fit {
        exchange.arrive(author(1), payload(n));
    }
    assert_eq!(exchange.arrivals_bytes, WANTED_ARRIVALS_BYTES_MAX);
    let dropped = exchange.take_actions();
    assert!(matches!(dropped[..], [ExchangeAction::Dropped(WhyDropped::NoRoom)]));
    exchange.ask_due(Moment(ASK_EVERY));
    let asked_again = exchange
        .take_actions()
        .into_iter()
        .any(|action| matches!(action, ExchangeAction::Ask(question) if question.digests == digests[fit..]));
    assert!(asked_again, "what was dropped is asked for again, and only that");
}

#[test]
fn its_own_batches_always_have_room() {
    let mut exchange = exchange(1);
    let (own, theirs) = (checked(4, &[1], 100), checked(1, &[2], 100));
    exchange.hold_own(own.clone());
    assert!(exchange.holds(&own.batch.digest()));
    let digest = theirs.batch.digest();
    exchange.checked(vec![(author(1), digest)], vec![Ok(theirs)], Moment::default());
    assert!(!exchange.holds(&digest));
    assert!(
        exchange
            .take_actions()
            .iter()
            .any(|action| matches!(action, ExchangeAction::Dropped(WhyDropped::AuthorFull)))
    );
}

#[test]
fn an_answer_that_is_short_bad_or_of_another_batch_makes_it_ask_the_next() {
    let signed = |seed, nonce| SignedBatch::seal(batch(seed, vec![transfer(nonce, 100)]), &key(seed));
    let asked_for = CheckedBatch::stored(signed(1, 1));
    let other = FetchResponse::batches([signed(1, 2)]).encode();
    let none = FetchResponse::batches([]).encode();
    let blocks = FetchResponse::blocks(Vec::new()).encode();
    for (answer, blame) in [
        (None, None),
        (Some(none), None),
        (Some(other), Some("unasked_batch")),
        (Some(blocks), Some("bad_fetch_response")),
        (Some(vec![9, 9]), Some("bad_fetch_response")),
    ] {
        let mut exchange = exchange(1_000_000);
        exchange.gather(7, wanted(&asked_for), Moment::default());
        let questions: Vec<_> = exchange
            .take_actions()
            .into_iter()
            .filter_map(|action| match action {
                ExchangeAction::Ask(question) => Some(question),
                _ => None,
            })
            .collect();
        exchange.answered(&questions[0], answer.as_deref(), Moment::default());
        let blamed: Vec<_> = exchange
            .take_actions()
            .into_iter()
            .filter_map(|action| match action {
                ExchangeAction::Blame(peer, misconduct) => Some((peer, misconduct.name())),
                _ => None,
            })
            .collect();
        assert_eq!(
            blamed,
            blame.map(|name| (author(1), name)).into_iter().collect::<Vec<_>>()
        );
        exchange.ask_due(Moment::default());
        assert_eq!(asked(&mut exchange), [author(3)], "of {answer:?}");
    }
}

#[test]
fn a_forged_copy_does_not_stop_the_search() {
    let good = SignedBatch::seal(batch(1, vec![transfer(1, 100)]), &key(1));
    let checked = CheckedBatch::stored(good.clone());
    let digest = checked.batch.digest();
    let mut exchange = exchange(1_000_000);
    exchange.gather(7, wanted(&checked), Moment::default());
    exchange.take_actions();
    let forged = SignedBatch {
        signature: Signature([0; 64]),
        ..good
    };
    exchange.arrive(author(2), codec::encode(&forged).into());
    let group = exchange.next_arrivals();
    let names = group.iter().map(|raw| (raw.from, raw.bytes.digest())).collect();
    let results = check_batches(group, &GENESIS, &validators().into(), FIRST, &mut OneByOne);
    exchange.checked(names, results, Moment::default());
    let blamed = exchange.take_actions().into_iter().any(|action| {
        matches!(action, ExchangeAction::Blame(peer, BatchMisconduct::Batch(of, BatchFault::AuthorSignature))
            if peer == author(2) && of == digest)
    });
    assert!(blamed);
    exchange.ask_due(Moment::default());
    assert_eq!(asked(&mut exchange), [author(3)]);
    exchange.checked(vec![(author(3), digest)], vec![Ok(checked)], Moment::default());
    assert_eq!(answers(&mut exchange), [(7, vec![digest])]);
}

/// With an act that exists from version 2 on.
fn later() -> SignedBatch {
    let keys = KeyPolicy::single(key(100).public_key());
    let transaction = Transaction {
        actions: Bounded::new(vec![Action::Council(CouncilAction::SetCouncil(keys))]).unwrap(),
        ..transfer(1, 100).transaction
    };
    SignedBatch::seal(batch(1, vec![transaction.sign([&key(100)]).unwrap()]), &key(1))
}

const V2: ProtocolVersion = ProtocolVersion(2);

/// Lets a batch arrive, checks it by these versions and takes in the answer; gives what comes of it.
fn arrive(exchange: &mut Exchange<u32>, signed: &SignedBatch, versions: Versions) -> Vec<String> {
    exchange.arrive(author(1), codec::encode(signed).into());
    let group = exchange.next_arrivals();
    let names = group.iter().map(|raw| (raw.from, raw.bytes.digest())).collect();
    let results = check_batches(group, &GENESIS, exchange.authors(), versions, &mut OneByOne);
    exchange.checked(names, results, Moment::default());
    let actions = exchange.take_actions().into_iter();
    actions
        .map(|action| match action {
            ExchangeAction::Ask(question) => format!("asks {}", question.to),
            ExchangeAction::Answer(request, Ok(batches)) => format!("gives {request} {} batches", batches.len()),
            ExchangeAction::Answer(request, Err(error)) => format!("gives {request} {error:?}"),
            ExchangeAction::Waiting => "holds it".to_owned(),
            ExchangeAction::Blame(_, BatchMisconduct::Batch(_, fault)) => format!("blames for {fault:?}"),
            ExchangeAction::Blame(_, misconduct) => format!("blames for {misconduct:?}"),
            ExchangeAction::Dropped(why) => format!("drops as {why:?}"),
        })
        .collect()
}

/// Its author is at the activation height, this node a height before it.
#[test]
fn a_batch_for_a_later_version_is_dropped_and_nobody_blamed() {
    let mut exchange = exchange(1_000_000);
    let signed = later();
    let versions = exchange.versions();
    assert_eq!(arrive(&mut exchange, &signed, versions), ["drops as NotInForce"]);
    assert!(!exchange.knows(&signed.batch.digest()));
    // Once it is here, the batch is taken, or fetched from whoever sent it.
    exchange.set_in_force(V2);
    let wanted = Wanted {
        digests: vec![signed.batch.digest()],
        proposer: author(3),
        author: author(3),
        in_force: V2,
    };
    exchange.gather(7, wanted, Moment::default());
    assert_eq!(asked(&mut exchange), [author(3), author(1)]);
    let versions = exchange.versions();
    assert_eq!(
        arrive(&mut exchange, &signed, versions),
        ["holds it", "gives 7 1 batches"]
    );
}

/// Nor is it kept for whoever asks next.
#[test]
fn a_block_with_a_batch_for_a_later_version_is_invalid() {
    let mut exchange = exchange(1_000_000);
    let signed = later();
    let digest = signed.batch.digest();
    let wanted = |in_force| Wanted {
        digests: vec![digest],
        proposer: author(1),
        author: author(1),
        in_force,
    };
    exchange.gather(7, wanted(PROTOCOL_MIN), Moment::default());
    assert_eq!(asked(&mut exchange), [author(1)]);
    let invalid = format!("gives 7 {:?}", GatherError::Invalid(digest));
    let versions = exchange.versions();
    assert_eq!(
        arrive(&mut exchange, &signed, versions),
        ["drops as NotInForce".to_owned(), invalid]
    );
    assert!(!exchange.holds(&digest));
}

/// The check began at the height before, and ended when a block of the activation height was gathered.
#[test]
fn a_batch_that_was_early_when_its_check_began_is_asked_for_again() {
    let mut exchange = exchange(1_000_000);
    let signed = later();
    let before = exchange.versions();
    let wanted = Wanted {
        digests: vec![signed.batch.digest()],
        proposer: author(1),
        author: author(1),
        in_force: V2,
    };
    exchange.gather(7, wanted, Moment::default());
    exchange.take_actions();
    assert_eq!(arrive(&mut exchange, &signed, before), ["drops as NotInForce"]);
    exchange.ask_due(Moment::default());
    assert_eq!(asked(&mut exchange).len(), 1, "another is asked, and the request waits");
    let versions = exchange.versions();
    assert_eq!(
        arrive(&mut exchange, &signed, versions),
        ["holds it", "gives 7 1 batches"]
    );
}

/// The set of validators has changed, and this node learns it while it asks for a final block's batch.
#[test]
fn a_batch_of_an_author_who_is_not_known_yet_is_asked_for_again_and_nobody_blamed() {
    let mut exchange = exchange(1_000_000);
    let signed = SignedBatch::seal(batch(9, vec![transfer(1, 100)]), &key(9));
    let wanted = Wanted {
        digests: vec![signed.batch.digest()],
        proposer: author(1),
        author: author(1),
        in_force: PROTOCOL_MIN,
    };
    exchange.gather(7, wanted, Moment::default());
    assert_eq!(asked(&mut exchange), [author(1)]);
    let versions = exchange.versions();
    assert_eq!(arrive(&mut exchange, &signed, versions), ["drops as NotAValidators"]);
    exchange.ask_due(Moment::default());
    assert_eq!(asked(&mut exchange).len(), 1, "another is asked, and the request waits");
    let members = [1, 2, 3, 9].map(|number| Validator {
        key: key(number).public_key(),
        power: 1,
    });
    exchange.set_authors(ValidatorSet::new(members.to_vec()).unwrap().into());
    assert_eq!(
        arrive(&mut exchange, &signed, versions),
        ["holds it", "gives 7 1 batches"]
    );
}

/// Four validators, of whom one has left.
fn after_leaving(gone: u8) -> Authors {
    let members: Vec<_> = (1..=4)
        .filter(|number| *number != gone)
        .map(|number| Validator {
            key: key(number).public_key(),
            power: 1,
        })
        .collect();
    let left = FormerValidator {
        key: key(gone).public_key(),
        last: Height(9),
    };
    Authors::new(&[ValidatorSet::new(members).unwrap()], [&left])
}

/// Nobody offers it as its own or another's, and a block may still name it.
#[test]
fn who_has_left_offers_no_new_batches() {
    let mut exchange = exchange(1_000_000);
    exchange.set_authors(after_leaving(4));
    let signed = SignedBatch::seal(batch(4, vec![transfer(1, 100)]), &key(4));
    let digest = signed.batch.digest();
    let versions = exchange.versions();
    assert_eq!(arrive(&mut exchange, &signed, versions), ["drops as NotAValidators"]);
    assert!(!exchange.holds(&digest));
    let wanted = Wanted {
        digests: vec![digest],
        proposer: author(2),
        author: author(2),
        in_force: PROTOCOL_MIN,
    };
    exchange.gather(7, wanted, Moment::default());
    assert_eq!(asked(&mut exchange), [author(2), author(1)]);
    assert_eq!(
        arrive(&mut exchange, &signed, versions),
        ["holds it", "gives 7 1 batches"]
    );
}

/// At the latest when the round that wanted it is long over.
#[test]
fn a_block_of_an_unknown_authors_batch_is_judged_by_nobody() {
    let mut exchange = exchange(1_000_000);
    let signed = SignedBatch::seal(batch(9, vec![transfer(1, 100)]), &key(9));
    let digest = signed.batch.digest();
    let wanted = Wanted {
        digests: vec![digest],
        proposer: author(1),
        author: author(1),
        in_force: PROTOCOL_MIN,
    };
    exchange.gather(7, wanted, Moment::default());
    let versions = exchange.versions();
    arrive(&mut exchange, &signed, versions);
    exchange.ask_due(Moment(Duration::from_secs(10)));
    let actions = exchange.take_actions();
    let failed = actions
        .iter()
        .any(|action| matches!(action, ExchangeAction::Answer(7, Err(GatherError::Missing(of))) if *of == digest));
    assert!(failed, "{actions:?}");
}

#[test]
fn a_program_of_before_cannot_read_what_is_newer_than_it() {
    let known = PROTOCOL_MIN;
    let old = Versions { in_force: known, known };
    let mut exchange = exchange(1_000_000);
    let source = TransactionError::UnknownAction { needs: V2, known };
    let fault = BatchFault::Transaction { index: 0, source };
    assert_eq!(
        arrive(&mut exchange, &later(), old),
        ["drops as Bad".to_owned(), format!("blames for {fault:?}")]
    );
}
