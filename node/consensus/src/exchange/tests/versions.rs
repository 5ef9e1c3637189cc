//! Batches that are ahead of this node: of a later version, or of authors whom it does not know yet.

use super::*;

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
