use causeway_contracts::{
    codec::{Bounded, Text},
    money::Amount,
    offline::{
        field::Fixed,
        ids::{AccountHash, Id16, ListVersion, LoadCounter, Nonce16, RequestSeq, Serial},
        messages::{LotPart, Receipt, ReceiptStatus, Redeem, Request, Transfer, Void},
        signed::Body,
    },
};

use super::*;
use crate::offline::issuer::example::{CURRENCY, HOUR, purse, secret};

/// By the purse of that number.
fn by<M: Body>(number: u16, body: M) -> Signed<M> {
    Signed::sign(body, &secret(number as u8)).expect("sound")
}

fn sync() -> SyncUpload {
    SyncUpload {
        direction: Fixed,
        purse: purse(1),
        serial: Serial(1),
        load_counter: LoadCounter(1),
        seq: Seq(1),
        request_seq: RequestSeq(1),
        epoch: Epoch(HOUR),
        list_version: ListVersion(0),
        log_head: MessageId::NONE,
        paid: Amount(0),
        received: Amount(0),
        payments: 0,
        log: Bounded::default(),
    }
}

fn spend() -> Spend {
    Spend {
        amount: Amount(5),
        currency: CURRENCY,
        hop: 1,
        expiry: Epoch(HOUR + 1),
        epoch: Epoch(HOUR),
        lots: Bounded::new(vec![LotPart {
            lot: Id16([1; 16]),
            amount: Amount(5),
        }])
        .expect("one"),
    }
}

fn transfer(payer: u16, payee: u16, seq: u32) -> Signed<Transfer> {
    let body = Transfer {
        payer: purse(payer),
        seq: Seq(seq),
        previous: MessageId::NONE,
        payee: purse(payee),
        request: MessageId([3; 32]),
        spend: spend(),
    };
    by(payer, body)
}

fn redeem(payer: u16, seq: u32) -> Signed<Redeem> {
    let body = Redeem {
        payer: purse(payer),
        seq: Seq(seq),
        previous: MessageId::NONE,
        payee: Fixed,
        account: AccountHash([2; 32]),
        spend: spend(),
    };
    by(payer, body)
}

fn request(payee: u16) -> Signed<Request> {
    let body = Request {
        payee: purse(payee),
        nonce: Nonce16([4; 16]),
        seq: RequestSeq(5),
        amount: Amount(5),
        epoch: Epoch(HOUR),
        list_version: ListVersion(0),
        flags: Fixed,
        memo: Text::default(),
    };
    by(payee, body)
}

fn receipt(payee: u16) -> Signed<Receipt> {
    let body = Receipt {
        payee: purse(payee),
        seq: RequestSeq(5),
        transfer: MessageId([6; 32]),
        status: ReceiptStatus::Accepted,
    };
    by(payee, body)
}

fn void(payee: u16) -> Signed<Void> {
    let body = Void {
        payee: purse(payee),
        seq: RequestSeq(5),
        request: MessageId([7; 32]),
    };
    by(payee, body)
}

fn read(messages: impl IntoIterator<Item = Message>) -> Result<Upload, BadUpload> {
    let first = Message::from(by(1, sync()));
    let all: Vec<_> = [first].into_iter().chain(messages).collect();
    Upload::read(purse(1), &Message::concatenate(&all))
}

#[test]
fn voids_receipts_and_requests_go_before_the_transfers_that_they_are_about() {
    let upload = read([
        transfer(1, 2, 1).into(),
        request(2).into(),
        receipt(3).into(),
        redeem(1, 2).into(),
        void(2).into(),
        void(2).into(),
    ]);
    let upload = upload.expect("an upload");
    let expected = [
        Testimony::Void(void(2)),
        Testimony::Receipt(receipt(3)),
        Testimony::Request(request(2)),
        Testimony::Transfer(transfer(1, 2, 1)),
    ];
    assert_eq!(upload.testimonies, expected);
    let ids: Vec<_> = upload.spent.iter().map(|(seq, spent)| (seq.0, spent.id)).collect();
    assert_eq!(ids, [(1, transfer(1, 2, 1).id()), (2, redeem(1, 2).id())]);
    assert_eq!(upload.others(), [purse(2), purse(3)].into());
}

#[test]
fn what_is_not_well_signed_or_of_a_purse_nobody_knows_is_left_out() {
    let mut forged = transfer(1, 2, 2);
    forged.signature = transfer(1, 2, 3).signature;
    let upload = read([
        transfer(1, 2, 1).into(),
        forged.into(),
        void(2).into(),
        receipt(3).into(),
    ]);
    let keys = BTreeMap::from([1, 2].map(|number| (purse(number), secret(number as u8).public_key())));
    let sound = upload.expect("an upload").sound(&keys);
    assert_eq!(
        sound,
        [Testimony::Void(void(2)), Testimony::Transfer(transfer(1, 2, 1))]
    );
}

#[test]
fn an_upload_is_the_sync_of_that_purse_and_what_belongs_to_it() {
    assert!(matches!(Upload::read(purse(1), &[]), Err(BadUpload::NoSync)));
    let alone = by(1, sync()).to_bytes();
    assert_eq!(Upload::read(purse(2), &alone), Err(BadUpload::OtherPurse(purse(1))));
    assert!(matches!(
        Upload::read(purse(1), &alone[1..]),
        Err(BadUpload::Malformed(_))
    ));
    assert!(matches!(
        Upload::read(purse(1), &vec![0; UPLOAD_BYTES_MAX + 1]),
        Err(BadUpload::Malformed(_))
    ));
    assert_eq!(read([by(1, sync()).into()]), Err(BadUpload::OtherMessage));
    assert_eq!(read([redeem(2, 1).into()]), Err(BadUpload::OtherRedeem(purse(2))));
    let others = |count: u16| read((2..2 + count).map(|number| void(number).into()));
    assert!(others(64).is_ok());
    assert_eq!(others(65), Err(BadUpload::TooManyPurses(65)));
}
