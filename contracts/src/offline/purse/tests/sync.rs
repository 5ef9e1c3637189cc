//! What an upload brings, and what an answer does.

use super::*;
use crate::offline::{
    evidence::Facts,
    ids::CurrencyIndex,
    issuer::{IssuerKey, IssuerKeys, Untrusted},
    message::Message,
    messages::{Class, Grant, PaymentStatus, SyncUpload, Transfer},
    purse::{
        ANSWERS_MAX, LOG_MAX,
        refusal::Table,
        sync::{Download, SYNC_BYTES_MAX},
    },
    refusal::Refusal,
};

fn tell(facts: &mut Facts, message: &Message) {
    match message {
        Message::Transfer(it) => facts.insert(&it.body),
        Message::Redeem(it) => facts.insert(&it.body),
        Message::Request(it) => facts.insert(&it.body),
        Message::Receipt(it) => facts.insert(&it.body),
        Message::Void(it) => facts.insert(&it.body),
        other => panic!("{other:?} is no testimony"),
    }
}

/// A purse that pays its one lot three times: a void gives it back, then a receipt for another transfer; and redeems
/// what the third payment leaves.
fn pays_what_it_took_back() -> Purse {
    let mut payer = Purse::new(1);
    let grant = payer.grant(1_250);
    payer.run(|it| it.accept_grant(&grant)).unwrap();
    let mut voiding = Purse::new(2);
    let request = voiding.ask(1_250);
    payer.pay(&request, &voiding).unwrap();
    let void = voiding.void_of(&request);
    payer.run(|it| it.void(&void)).unwrap();
    let mut other = Purse::new(3);
    let request = other.ask(1_250);
    let first = Purse::loaded(4, 5_000).pay(&request, &other).unwrap();
    payer.pay(&request, &other).unwrap();
    let receipt = other.accept(&first).unwrap();
    payer.run(|it| it.receipt(&receipt)).unwrap();
    pay_whole(&mut payer, &mut Purse::new(5), 1_000).unwrap();
    let account = redeem().account;
    payer.run(|it| it.redeem(account, &[])).unwrap();
    payer
}

#[test]
fn an_upload_never_convicts_a_purse_that_spent_again_what_it_took_back() {
    let mut payer = pays_what_it_took_back();
    let upload = payer.run(|it| it.sync_upload()).unwrap();
    let mut facts = Facts::default();
    facts.insert(&payer.grant_of_first_lot().body);
    for message in &upload.messages {
        tell(&mut facts, message);
        assert_eq!(facts.verdicts(), Default::default(), "after {message:?}");
    }
    // VOID; REQ and RCPT; RCPT; then three transfers and a redemption, of one lot of 12.50.
    assert_eq!(upload.messages.len(), 4 + 4);
    // Without the payees' words it would be convicted.
    let mut facts = Facts::default();
    facts.insert(&payer.grant_of_first_lot().body);
    upload.messages[4..]
        .iter()
        .for_each(|message| tell(&mut facts, message));
    assert_eq!(facts.verdicts().len(), 1);
}

#[test]
fn a_purse_that_was_read_again_brings_the_same() {
    let mut payer = pays_what_it_took_back();
    let upload = payer.run(|it| it.sync_upload()).unwrap();
    let read = PurseState::from_bytes(&payer.state.to_bytes()).unwrap();
    assert_eq!(read.sync_upload().unwrap().release, upload);
    let voided = |entry: &&Entry| entry.status() == PaymentStatus::Voided;
    assert_eq!(read.log().iter().filter(voided).count(), 2);
}

#[test]
fn the_longest_upload_fits() {
    let of_log = Signed::<Request>::BYTES_MAX + Signed::<Receipt>::BYTES_MAX + Signed::<Transfer>::BYTES_MAX;
    let most = Signed::<SyncUpload>::BYTES_MAX + LOG_MAX * of_log + ANSWERS_MAX * Signed::<Receipt>::BYTES_MAX;
    const { assert!(Signed::<Void>::BYTES_MAX <= Signed::<Receipt>::BYTES_MAX) };
    assert!(most <= SYNC_BYTES_MAX, "{most} bytes");
}

#[test]
fn an_answer_is_one_sync_and_one_certificate_with_news() {
    let purse = Purse::new(1);
    let answer = Message::from(signed(sync_answer(), &issuer_secret(KeyRole::Grant)));
    let certificate = Message::from(purse.next_certificate());
    let beacon = Message::from(beacon_of(after(1)));
    let read = |messages: &[&Message]| Download::from_bytes(&Message::concatenate(messages.iter().copied()));
    let whole = read(&[&answer, &beacon, &certificate]).unwrap();
    assert_eq!((whole.answer.id(), whole.news.len()), (answer.id(), 1));
    let receipt = Message::from(signed(receipt(), &purse_secret(2)));
    let wrong: [&[&Message]; 5] = [
        &[],
        &[&answer, &beacon],
        &[&certificate],
        &[&answer, &answer, &certificate],
        &[&answer, &certificate, &receipt],
    ];
    for messages in wrong {
        assert_eq!(read(messages), Err(PurseRefusal::NotADownload));
    }
    assert!(Download::from_bytes(&vec![0; SYNC_BYTES_MAX + 1]).is_err());
}

#[test]
fn a_merchant_that_has_synced_forgets_receipts_where_there_is_no_room() {
    let mut merchant = Purse::with(2, |it| it.class = Class::MERCHANT);
    pay_whole(&mut Purse::loaded(1, 1_000), &mut merchant, 100).unwrap();
    let first = merchant.state.answered[0].clone();
    merchant.state.answered = vec![first.clone(); ANSWERS_MAX];
    let full = pay_whole(&mut Purse::loaded(3, 1_000), &mut merchant, 100);
    assert_eq!(full, Err(PurseRefusal::Full(Table::Answers)));
    merchant.sync(|_| None).unwrap();
    assert_eq!(merchant.state.answered.len(), ANSWERS_MAX);
    pay_whole(&mut Purse::loaded(3, 1_000), &mut merchant, 100).unwrap();
    assert_eq!(merchant.state.answered.len(), ANSWERS_MAX);
    let last = merchant.state.answered.last().expect("it was paid");
    assert!(!last.is_reported && last.request != first.request);
}

#[test]
fn a_purse_learns_the_keys_by_which_its_issuer_replaces_others_and_forgets_none() {
    let mut purse = Purse::new(1);
    let grant = purse.grant(1_250);
    let secret = crate::keys::SecretKey::from_seed(&[99; 32]);
    let new = IssuerKey {
        key: secret.public_key(),
        role: KeyRole::Grant,
        currency: CURRENCY,
    };
    let elsewhere = IssuerKey {
        currency: CurrencyIndex(CURRENCY.0 + 1),
        key: crate::keys::SecretKey::from_seed(&[98; 32]).public_key(),
        ..new.clone()
    };
    let by_new = signed(
        Grant {
            issuer: new.id(),
            ..grant.body.clone()
        },
        &secret,
    );
    let unknown = purse.run(|it| it.accept_grant(&by_new)).unwrap_err();
    assert!(matches!(
        unknown,
        PurseRefusal::Refused(Refusal::Untrusted(Untrusted::UnknownKey { .. }))
    ));
    let keys = IssuerKeys::new(vec![new, elsewhere.clone()]).unwrap();
    purse.run(|it| it.learn_keys(&keys)).unwrap();
    assert!(purse.state.learn_keys(&keys).unwrap().next.is_none(), "it knows them");
    assert!(purse.state.keys.iter().all(|key| *key != elsewhere));
    assert_eq!(
        PurseState::from_bytes(&purse.state.to_bytes()).unwrap().keys,
        purse.state.keys
    );
    purse.run(|it| it.accept_grant(&by_new)).unwrap();
    // What it knew before is believed as before.
    let grant = purse.grant(1_250);
    purse.run(|it| it.accept_grant(&grant)).unwrap();
}
