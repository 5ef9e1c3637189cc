//! Batches that a block names are asked for until all are there.

use super::*;

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
