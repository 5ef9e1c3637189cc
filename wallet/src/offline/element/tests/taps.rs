use crate::offline::card::IsoStatus;
use causeway_contracts::offline::message::Message;

use super::*;

/// One pays another by three taps, all of it in APDUs.
fn pay(payer: &mut Element<&mut Ram>, payee: &mut Element<&mut Ram>, amount: u64) {
    let request = own(payee, INS_REQUEST, &asked(1, amount)).expect("it may ask");
    let bundle = tap(payer, INS_PAY, &request).expect("it may pay");
    let receipt = own(payee, INS_ACCEPT, &bundle).expect("it is money");
    assert_eq!(tap(payer, INS_ACKNOWLEDGE, &receipt), Ok(vec![1]));
}

#[test]
fn money_goes_from_one_purse_to_the_next_and_on_and_is_redeemed() {
    let [mut a, mut b, mut c] = [1, 2, 3].map(new_ram);
    let [mut a, mut b, mut c] = [open(&mut a), open(&mut b), open(&mut c)];
    load(&mut a, 10_000);
    pay(&mut a, &mut b, 1_250);
    pay(&mut b, &mut c, 1_000);
    let balances = [&a, &b, &c].map(|it| it.state().balance().0);
    assert_eq!(balances, [8_750, 250, 1_000]);
    assert_eq!(c.state().lots()[0].hop, 2);
    let account = AccountHash([0x70; 32]);
    let redeemed = own(&mut c, INS_REDEEM, &account.0).expect("it has a lot");
    let messages = Message::read_all(&redeemed, 4_096).expect("messages");
    let Message::Redeem(redeem) = &messages[0] else {
        panic!("a redemption comes first");
    };
    assert_eq!(
        (redeem.body.account, redeem.body.spend.amount),
        (account, Amount(1_000))
    );
    // Two certificates, a grant and two transfers; the request; the own certificate.
    assert_eq!(messages.len(), 1 + 5 + 1 + 1);
    assert_eq!(c.state().balance(), Amount(0));
    let again = session(&mut c, Interface::OwnHost)(INS_REDEEM, REDEEM_AGAIN, &[]);
    assert_eq!(again, Ok(redeemed));
}

#[test]
fn a_reader_may_not_do_what_is_the_own_hosts() {
    let mut ram = new_ram(1);
    let mut element = open(&mut ram);
    let before = element.state().clone();
    let request = asked(1, 10);
    let refused: [(u8, &[u8]); 9] = [
        (INS_REQUEST, &request),
        (INS_ACCEPT, &[]),
        (INS_VOID, &[0; 32]),
        (INS_LOAD, &request),
        (INS_REDEEM, &[0; 32]),
        (INS_STATUS, &[]),
        (INS_CHANGE_PIN, &[]),
        (INS_SYNC, &[]),
        (INS_REBASE, &[0; 32]),
    ];
    for (ins, data) in refused {
        let answer = tap(&mut element, ins, data);
        assert_eq!(answer, Err(StatusWord::CONDITIONS_NOT_SATISFIED), "{ins:02x}");
    }
    assert_eq!(*element.state(), before);
    assert_eq!(tap(&mut element, INS_CERT, &[]), Ok(before.certificate().to_bytes()));
    assert_eq!(tap(&mut element, INS_STATUS, &[0; 32]), Ok(vec![0]));
}

#[test]
fn above_the_cap_the_person_confirms_and_the_second_tap_pays() {
    let [mut a, mut b] = [1, 2].map(new_ram);
    let [mut a, mut b] = [open(&mut a), open(&mut b)];
    load(&mut a, 100_000);
    let unconfirmed = Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    let request = own(&mut b, INS_REQUEST, &asked(1, 6_000)).unwrap();
    assert_eq!(tap(&mut a, INS_PAY, &request), unconfirmed);
    assert!(a.consent("0000", id_of(&request)).is_err());
    assert_eq!(tap(&mut a, INS_PAY, &request), unconfirmed);
    a.consent(PIN, id_of(&request)).unwrap();
    let other = own(&mut b, INS_REQUEST, &asked(2, 6_000)).unwrap();
    assert_eq!(tap(&mut a, INS_PAY, &other), unconfirmed);
    assert!(tap(&mut a, INS_PAY, &request).is_ok());
    // The own host's session has the PIN until it ends.
    {
        let mut send = session(&mut a, Interface::OwnHost);
        assert_eq!(send(INS_VERIFY, 0, b"0000"), Err(StatusWord(0x63c2)));
        assert_eq!(send(INS_PAY, 0, &other), unconfirmed);
        assert_eq!(send(INS_VERIFY, 0, PIN.as_bytes()), Ok(vec![]));
        assert!(send(INS_PAY, 0, &other).is_ok());
    }
    let third = own(&mut b, INS_REQUEST, &asked(3, 6_000)).unwrap();
    assert_eq!(own(&mut a, INS_PAY, &third), unconfirmed);
}

#[test]
fn a_reader_can_neither_guess_the_pin_nor_block_it() {
    let mut ram = new_ram(1);
    let mut element = open(&mut ram);
    let before = element.state().clone();
    let mut send = session(&mut element, Interface::Reader);
    for digits in ["0000", "0001", "0002", PIN] {
        let refused = send(INS_VERIFY, 0, digits.as_bytes());
        assert_eq!(refused, Err(StatusWord::CONDITIONS_NOT_SATISFIED));
    }
    drop(send);
    assert_eq!(*element.state(), before);
    element.verify(PIN).unwrap();
}

#[test]
fn attack_47_commands_of_any_bytes_are_answered_and_change_nothing() {
    let mut ram = new_ram(1);
    let mut element = open(&mut ram);
    load(&mut element, 1_000);
    let before = element.state().clone();
    for ins in [
        INS_REQUEST,
        INS_PAY,
        INS_ACCEPT,
        INS_VOID,
        INS_ACKNOWLEDGE,
        INS_NEWS,
        INS_LOAD,
        INS_REDEEM,
        INS_CHANGE_PIN,
    ] {
        for length in [1, 2, 31, 33, 99, 255, 300, 2_048, 4_096] {
            let refused = own(&mut element, ins, &vec![0xff; length]).expect_err("it is nothing");
            assert_eq!(refused, StatusWord::MALFORMED, "{ins:02x} with {length} bytes");
        }
    }
    assert_eq!(own(&mut element, INS_CERT, &[0]), Err(StatusWord::WRONG_LENGTH));
    assert_eq!(
        own(&mut element, INS_ROUND_TRIP, &[0; 33]),
        Err(StatusWord::WRONG_LENGTH)
    );
    assert_eq!(own(&mut element, 0x99, &[]), Err(StatusWord::UNKNOWN_INSTRUCTION));
    assert_eq!(*element.state(), before);
    let mut card = Card::new(PurseApplet::new(&mut element, Interface::OwnHost));
    for broken in [&[0x80][..], &[0x80, 0x30, 0, 0, 5, 1], &[0x80, 0x30, 0, 0, 0, 0, 9, 1]] {
        assert_eq!(card.answer(broken), [0x67, 0x00]);
    }
    card.answer(&[0x90, INS_PAY, 0, 0, 1, 1]);
    assert_eq!(card.answer(&[0x80, INS_ACCEPT, 0, 0, 1, 1]), [0x6a, 0x80]);
}

#[test]
fn attack_48_the_receipt_of_one_payer_gives_the_other_his_lots_back() {
    let [mut a, mut b, mut c] = [1, 2, 3].map(new_ram);
    let [mut a, mut b, mut c] = [open(&mut a), open(&mut b), open(&mut c)];
    load(&mut a, 1_000);
    load(&mut c, 1_000);
    let request = own(&mut b, INS_REQUEST, &asked(1, 400)).unwrap();
    let [first, second] = [&mut a, &mut c].map(|payer| tap(payer, INS_PAY, &request).unwrap());
    let receipt = own(&mut b, INS_ACCEPT, &first).unwrap();
    assert_eq!(own(&mut b, INS_ACCEPT, &second), Ok(receipt.clone()));
    assert_eq!(tap(&mut c, INS_ACKNOWLEDGE, &receipt), Ok(vec![2]));
    assert_eq!(tap(&mut a, INS_ACKNOWLEDGE, &receipt), Ok(vec![1]));
    let balances = [&a, &b, &c].map(|it| it.state().balance().0);
    assert_eq!(balances, [600, 400, 1_000]);
    let id = id_of(&request).0;
    let known = tap(&mut c, INS_STATUS, &id).map(|known| known[..2].to_vec());
    assert_eq!(known, Ok(vec![4, 2]));
    // What was paid has no void: the receipt is what there is.
    assert_eq!(own(&mut b, INS_VOID, &id), Ok(receipt));
}
