//! What a purse's own host does when there is a network: syncs, rebases, changes the PIN.

use causeway_contracts::{
    block::{GenesisHash, TimeMs},
    codec::{self, Bounded},
    identity::AccountId,
    keys::{PublicKey, Signature},
    money::Currency,
    offline::{
        field::Fixed,
        message::Message,
        messages::{Beacon, LoadRequest, LogEntry, PaymentStatus, Settled, SettledStatus, SyncAnswer, SyncUpload},
        purse::sync::SYNC_BYTES_MAX,
        registration::{PurseClass, RegistrationTerms},
    },
};

use super::*;
use crate::offline::card::{DATA_BYTES_MAX, IsoStatus};

/// A session of the own host, with P2.
fn host(element: &mut Element<&mut Ram>) -> impl FnMut(u8, u8, u8, &[u8]) -> Answered {
    let card = Card::new(PurseApplet::new(element, Interface::OwnHost));
    let mut terminal = Terminal::select(InProcess(card), &AID).expect("it is there");
    move |ins, p1, p2, data| {
        let (data, status) = terminal.call(ins, p1, p2, data).expect("an answer");
        (status == StatusWord::OK).then_some(data).ok_or(status)
    }
}

fn upload(element: &mut Element<&mut Ram>) -> Vec<u8> {
    let mut call = host(element);
    let (mut bytes, mut last) = (Vec::new(), DATA_BYTES_MAX);
    for piece in 0.. {
        if last < DATA_BYTES_MAX {
            break;
        }
        let got = call(INS_SYNC, SYNC_UPLOAD, piece, &[]).expect("there is more");
        last = got.len();
        bytes.extend(got);
    }
    bytes
}

/// All that is pending was paid; an hour has passed.
pub fn answer(upload: &[u8], state: &PurseState) -> Vec<u8> {
    let messages = Message::read_all(upload, SYNC_BYTES_MAX).expect("messages");
    let Message::SyncUpload(upload) = &messages[0] else {
        panic!("SYNC comes first");
    };
    let own = &state.certificate().body;
    assert_eq!(upload.verify(&own.key), Ok(()));
    let is_pending = |entry: &&LogEntry| entry.status == PaymentStatus::Pending;
    let settled = |entry: &LogEntry| Settled {
        seq: entry.seq,
        status: SettledStatus::Paid,
    };
    let SyncUpload { log, epoch, .. } = &upload.body;
    let answer = SyncAnswer {
        direction: Fixed,
        issuer: issuer_id(KeyRole::Grant),
        purse: own.purse,
        upload: upload.id(),
        epoch: *epoch,
        list_version: ListVersion(0),
        settled: Bounded::new(log.iter().filter(is_pending).map(settled).collect()).expect("as many"),
    };
    let beacon = Beacon {
        issuer: issuer_id(KeyRole::Beacon),
        epoch: Epoch(epoch.0 + 1),
        list_version: ListVersion(0),
        list_root: RevocationList::default().root(),
    };
    let next = Certificate {
        serial: Serial(own.serial.0 + 1),
        ..own.clone()
    };
    let messages = [
        Message::from(by_issuer(answer, KeyRole::Grant)),
        by_issuer(beacon, KeyRole::Beacon).into(),
        by_issuer(next, KeyRole::Certificate).into(),
    ];
    Message::concatenate(&messages)
}

/// The certificate of the successor, which has this key.
pub fn successors(state: &PurseState, key: &[u8]) -> Signed<Certificate> {
    let body = Certificate {
        purse: PurseId([state.id().0[0] + 100; 8]),
        key: PublicKey::Ed25519(key.try_into().expect("32 bytes")),
        serial: Serial(1),
        ..state.certificate().body.clone()
    };
    by_issuer(body, KeyRole::Certificate)
}

fn pays(payer: &mut Element<&mut Ram>, payee: &mut Element<&mut Ram>, nonce: u8) {
    let request = own(payee, INS_REQUEST, &asked(nonce, 100)).expect("it may ask");
    let bundle = tap(payer, INS_PAY, &request).expect("it may pay");
    let receipt = own(payee, INS_ACCEPT, &bundle).expect("it is money");
    assert_eq!(tap(payer, INS_ACKNOWLEDGE, &receipt), Ok(vec![1]));
}

#[test]
fn an_upload_comes_in_pieces_and_its_answer_ends_what_was_pending() {
    let [mut a, mut b] = [new_memory(&new_purse(1)), new_memory(&new_purse(2))].map(|it| Ram::new(it.unwrap()));
    let [mut a, mut b] = [open(&mut a), open(&mut b)];
    load(&mut a, 10_000);
    for nonce in 0..25 {
        if nonce % 5 == 0 {
            a.verify(PIN).unwrap();
        }
        pays(&mut a, &mut b, nonce);
    }
    let bytes = upload(&mut a);
    assert!(bytes.len() > DATA_BYTES_MAX, "{} bytes", bytes.len());
    assert_eq!(a.sync_upload().unwrap(), bytes);
    // SYNC, and of each payment the transfer and its receipt.
    assert_eq!(Message::read_all(&bytes, SYNC_BYTES_MAX).unwrap().len(), 1 + 2 * 25);
    assert!(!a.state().log().is_empty());
    let answered = answer(&bytes, a.state());
    let known = host(&mut a)(INS_SYNC, SYNC_ANSWER, 0, &answered).unwrap();
    assert_eq!(known.last(), Some(&0));
    assert_eq!(
        (a.state().log(), a.state().counters().epoch),
        (&[][..], Epoch(HOUR.0 + 1))
    );
    assert_eq!(a.state().certificate().body.serial, Serial(2));
    let again = host(&mut a)(INS_SYNC, SYNC_ANSWER, 0, &answered);
    assert_eq!(again, Err(StatusWord::REPLAY));
}

#[test]
fn a_piece_is_of_the_upload_that_was_begun() {
    let mut ram = new_ram(1);
    let mut element = open(&mut ram);
    let mut call = host(&mut element);
    let early = call(INS_SYNC, SYNC_UPLOAD, 1, &[]);
    assert_eq!(early, Err(StatusWord::CONDITIONS_NOT_SATISFIED));
    call(INS_SYNC, SYNC_UPLOAD, 0, &[]).unwrap();
    assert_eq!(call(INS_SYNC, SYNC_UPLOAD, 1, &[]), Err(StatusWord::WRONG_PARAMETERS));
    assert_eq!(call(INS_SYNC, SYNC_UPLOAD, 0, &[1]), Err(StatusWord::WRONG_LENGTH));
    assert_eq!(call(INS_SYNC, 2, 0, &[]), Err(StatusWord::WRONG_PARAMETERS));
    assert_eq!(call(INS_SYNC, SYNC_ANSWER, 1, &[]), Err(StatusWord::WRONG_PARAMETERS));
    assert_eq!(call(INS_SYNC, SYNC_ANSWER, 0, &[]), Err(StatusWord::MALFORMED));
}

#[test]
fn a_purse_redeems_all_and_goes_on_as_its_successor() {
    let [mut a, mut b] = [1, 2].map(new_ram);
    let [mut a, mut b] = [open(&mut a), open(&mut b)];
    load(&mut a, 10_000);
    pays(&mut a, &mut b, 1);
    let key = host(&mut b)(INS_REBASE, REBASE_BEGIN, 0, &[9; 32]).unwrap();
    let next = successors(b.state(), &key);
    let terms = RegistrationTerms {
        genesis: GenesisHash([1; 32]),
        currency: Currency::new("EUR").unwrap(),
        account: AccountId([2; 20]),
        public_key: next.body.key,
        class: PurseClass::Purse,
        time_ms: TimeMs(3),
    };
    let signature = host(&mut b)(INS_REBASE, REBASE_REGISTER, 0, &codec::encode(&terms)).unwrap();
    let signature = Signature(signature.try_into().expect("64 bytes"));
    assert_eq!(terms.verify(next.body.key, signature), Ok(()));
    let finish = |element: &mut _| host(element)(INS_REBASE, REBASE_FINISH, 0, &next.to_bytes());
    assert_eq!(finish(&mut b), Err(StatusWord::CONDITIONS_NOT_SATISFIED));
    let redeemed = own(&mut b, INS_REDEEM, &[0x70; 32]).unwrap();
    let mut seq = Writer::default();
    b.state().log()[0].seq().write(&mut seq);
    let again = host(&mut b)(INS_REDEEM, REDEEM_AGAIN, 0, &seq.into_bytes());
    assert_eq!(again, Ok(redeemed));
    let mut ask = Writer::default();
    Nonce16([1; 16]).write(&mut ask);
    Amount(100).write(&mut ask);
    let ask = [ask.into_bytes(), next.to_bytes()].concat();
    let request = host(&mut b)(INS_REBASE, REBASE_LOAD, 0, &ask).unwrap();
    let request = Signed::<LoadRequest>::from_bytes(&request).unwrap();
    assert_eq!(request.verify(&next.body.key), Ok(()));
    let bytes = upload(&mut b);
    let answered = answer(&bytes, b.state());
    host(&mut b)(INS_SYNC, SYNC_ANSWER, 0, &answered).unwrap();
    assert_eq!(finish(&mut b), Ok(vec![]));
    assert_eq!((finish(&mut b), b.state().id()), (Ok(vec![]), next.body.purse));
    load(&mut b, 100);
    assert_eq!(b.state().lots()[0].hop, 0);
}

#[test]
fn the_own_host_changes_the_pin() {
    let mut ram = new_ram(1);
    let mut element = open(&mut ram);
    let change = |element: &mut _, old: &str, new: &str| {
        let text = |digits: &str| [&[digits.len() as u8], digits.as_bytes()].concat();
        own(element, INS_CHANGE_PIN, &[text(old), text(new)].concat())
    };
    // What can be no PIN costs no try.
    assert_eq!(change(&mut element, "0000", "12"), Err(StatusWord::MALFORMED));
    assert_eq!(change(&mut element, "0000", "1234"), Err(StatusWord(0x63c2)));
    assert_eq!(change(&mut element, PIN, "123456"), Ok(vec![]));
    assert_eq!(own(&mut element, INS_VERIFY, PIN.as_bytes()), Err(StatusWord(0x63c2)));
    assert_eq!(own(&mut element, INS_VERIFY, b"123456"), Ok(vec![]));
}

#[test]
fn the_pin_of_one_interface_opens_no_other() {
    let [mut a, mut b] = [1, 2].map(new_ram);
    let [mut a, mut b] = [open(&mut a), open(&mut b)];
    load(&mut a, 100_000);
    a.verify(PIN).unwrap();
    let request = own(&mut b, INS_REQUEST, &asked(1, 6_000)).unwrap();
    let refused = PurseApplet::new(&mut a, Interface::Reader).apdu(INS_PAY, 0, 0, &request);
    assert_eq!(refused.1, StatusWord::CONDITIONS_NOT_SATISFIED);
    let paid = PurseApplet::new(&mut a, Interface::OwnHost).apdu(INS_PAY, 0, 0, &request);
    assert_eq!(paid.1, StatusWord::OK);
}
