//! Requests of batches, and what comes instead of them.

use super::*;

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
