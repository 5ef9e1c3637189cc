use causeway_contracts::offline::{
    field::Fixed,
    ids::{CurrencyIndex, ListVersion, LoadCounter, MessageId, RequestSeq},
    messages::{LotPart, SettledStatus::*, Spend, Transfer},
    signed::{Body as _, Signed},
};
use proptest::prelude::*;

use super::*;
use crate::offline::issuer::example::{CURRENCY, HOUR, LIMITS, load, purse, secret};

const EXPIRY: u32 = HOUR + 720;

fn sync(log: &[(u32, PaymentStatus)]) -> SyncUpload {
    let log = log.iter().map(|&(seq, status)| LogEntry { seq: Seq(seq), status });
    SyncUpload {
        direction: Fixed,
        purse: purse(1),
        serial: Serial(3),
        load_counter: LoadCounter(3),
        seq: Seq(9),
        request_seq: RequestSeq(1),
        epoch: Epoch(HOUR),
        list_version: ListVersion(1),
        log_head: MessageId::NONE,
        paid: Amount(7_000),
        received: Amount(0),
        payments: 9,
        log: Bounded::new(log.collect()).expect("few"),
    }
}

/// Of two of the purse's own loads.
fn transfer(seq: u32) -> Transfer {
    let lots = [1, 2].map(|counter| LotPart {
        lot: load(1, counter).lot,
        amount: Amount(50),
    });
    Transfer {
        payer: purse(1),
        seq: Seq(seq),
        previous: MessageId::NONE,
        payee: purse(2),
        request: MessageId([8; 32]),
        spend: Spend {
            amount: Amount(100),
            currency: CURRENCY,
            hop: 1,
            expiry: Epoch(EXPIRY),
            epoch: Epoch(HOUR),
            lots: Bounded::new(lots.to_vec()).expect("two"),
        },
    }
}

fn upload(log: &[(u32, PaymentStatus)]) -> Upload {
    let signed = |seq| Signed::sign(transfer(seq), &secret(1)).expect("sound");
    let mut bytes = Signed::sign(sync(log), &secret(1)).expect("sound").to_bytes();
    log.iter().for_each(|&(seq, _)| bytes.extend(signed(seq).to_bytes()));
    Upload::read(purse(1), &bytes).expect("an upload")
}

fn view(id: MessageId) -> SpentView {
    SpentView {
        id,
        is_void: false,
        is_received: false,
        drawn: Amount(0),
        is_settled: false,
    }
}

/// What is answered of one pending payment.
fn check(
    hours: u32,
    change: impl FnOnce(&mut Vec<SpentView>, &mut BTreeMap<Id16, bool>),
    expected: Option<SettledStatus>,
) {
    let upload = upload(&[(4, PaymentStatus::Pending)]);
    let (mut views, mut loads) = (vec![view(transfer(4).id())], BTreeMap::new());
    change(&mut views, &mut loads);
    let known = Known {
        hour: Epoch(HOUR + hours),
        spent: BTreeMap::from([(Seq(4), views)]),
        loads,
    };
    let settled = settled(&upload, &known, &LIMITS);
    let expected: Vec<_> = expected
        .map(|status| Settled { seq: Seq(4), status })
        .into_iter()
        .collect();
    assert_eq!(*settled, expected);
}

const LATE: u32 = 2 * 720;

#[test]
fn what_became_of_a_payment_is_what_the_ledger_says() {
    check(0, |_, _| {}, None);
    check(0, |views, _| views[0].is_received = true, Some(Paid));
    check(0, |views, _| views[0].drawn = Amount(1), Some(Paid));
    check(0, |views, _| views[0].is_settled = true, Some(Paid));
    check(0, |views, _| views[0].is_void = true, Some(Voided));
    let both = |views: &mut Vec<SpentView>| {
        views[0].is_void = true;
        views[0].is_received = true;
    };
    check(0, |views, _| both(views), Some(Voided));
    // Of another transfer under that number.
    check(
        0,
        |views, _| {
            views[0] = SpentView {
                is_void: true,
                ..view(MessageId([1; 32]))
            }
        },
        None,
    );
    check(0, |views, _| views.clear(), None);
}

#[test]
fn nothing_is_refunded_before_the_ledger_has_returned_it() {
    let both = |loads: &mut BTreeMap<Id16, bool>, ends: [bool; 2]| {
        loads.extend([1, 2].map(|counter| load(1, counter).lot).into_iter().zip(ends));
    };
    check(LATE, |_, loads| both(loads, [true, true]), Some(Refunded));
    check(LATE, |_, loads| both(loads, [true, false]), None);
    check(LATE - 1, |_, loads| both(loads, [true, true]), None);
    // Loads of others, which lived 720 hours at most from when the transfer was signed.
    check(LATE, |_, _| {}, Some(Refunded));
    // The ledger may know nothing of it.
    check(LATE, |views, _| views.clear(), Some(Refunded));
    check(LATE, |views, _| views[0].is_received = true, Some(Paid));
    check(LATE, |views, _| views[0].is_void = true, Some(Voided));
}

#[test]
fn only_what_is_pending_and_was_brought_is_answered() {
    let all = [
        (2, PaymentStatus::Paid),
        (4, PaymentStatus::Pending),
        (5, PaymentStatus::Voided),
        (7, PaymentStatus::Pending),
    ];
    let mut upload = upload(&all);
    upload.spent.remove(&Seq(7));
    let paid = |seq| {
        let found = SpentView {
            is_received: true,
            ..view(transfer(seq).id())
        };
        (Seq(seq), vec![found])
    };
    let known = Known {
        hour: Epoch(HOUR),
        spent: [2, 4, 5, 7].map(paid).into(),
        loads: BTreeMap::new(),
    };
    let expected = [Settled {
        seq: Seq(4),
        status: Paid,
    }];
    assert_eq!(*settled(&upload, &known, &LIMITS), expected);
}

fn certificate() -> Certificate {
    let new = NewPurse {
        issuer: KeyId([1; 4]),
        purse: purse(1),
        key: secret(1).public_key(),
        currency: CurrencyIndex(3),
        class: Class::PERSON,
        not_before: Epoch(HOUR - 1),
        now: Epoch(HOUR),
    };
    first_certificate(&new, &LIMITS)
}

#[test]
fn limits_of_the_next_certificate_are_counted_from_what_was_paid() {
    let first = certificate();
    assert_eq!(
        (first.serial, first.paid_max, first.payments_max),
        (Serial(1), Amount(200_000), 50)
    );
    assert_eq!(
        (first.not_before, first.not_after),
        (Epoch(HOUR - 1), Epoch(HOUR + 336))
    );
    let now = Epoch(HOUR + 100);
    let next = next_certificate(&first, &sync(&[]), KeyId([2; 4]), now, &LIMITS).expect("a certificate");
    let expected = Certificate {
        issuer: KeyId([2; 4]),
        not_after: Epoch(HOUR + 436),
        paid_max: Amount(207_000),
        payments_max: 59,
        serial: Serial(2),
        ..first
    };
    assert_eq!(next, expected);
}

#[test]
fn a_merchant_holds_more_and_a_counter_at_its_end_gets_no_certificate() {
    let merchant = Certificate {
        class: Class::MERCHANT,
        ..certificate()
    };
    let next = |previous: &Certificate, upload: SyncUpload| {
        next_certificate(previous, &upload, KeyId([1; 4]), Epoch(HOUR), &LIMITS)
    };
    assert_eq!(next(&merchant, sync(&[])).expect("one").balance_max, Amount(10_000_000));
    let last = Certificate {
        serial: Serial(u32::MAX),
        ..certificate()
    };
    assert_eq!(next(&last, sync(&[])), Err(NoCertificate::CounterEnd));
    let all = SyncUpload {
        paid: Amount(u64::MAX),
        ..sync(&[])
    };
    assert_eq!(next(&certificate(), all), Err(NoCertificate::CounterEnd));
    let all = SyncUpload {
        payments: u32::MAX,
        ..sync(&[])
    };
    assert_eq!(next(&certificate(), all), Err(NoCertificate::CounterEnd));
}

proptest! {
    /// Whatever the ledger says, an answer is signed that a purse can read.
    #[test]
    fn invariant_an_answer_is_a_sound_message(
        log in prop::collection::btree_set(0..60_u32, 0..50),
        words in prop::collection::vec((any::<bool>(), any::<bool>(), 0..2_u64), 60),
        hours in 0..3_000_u32,
    ) {
        let log: Vec<_> = log.into_iter().map(|seq| (seq, PaymentStatus::Pending)).collect();
        let upload = upload(&log);
        let spent = log.iter().map(|&(seq, _)| {
            let (is_void, is_received, drawn) = words[seq as usize];
            let found = SpentView { is_void, is_received, drawn: Amount(drawn), ..view(transfer(seq).id()) };
            (Seq(seq), vec![found])
        });
        let known = Known { hour: Epoch(HOUR + hours), spent: spent.collect(), loads: BTreeMap::new() };
        let settled = settled(&upload, &known, &LIMITS);
        prop_assert!(settled.is_sorted_by(|one, next| one.seq < next.seq));
        for entry in &settled {
            let (is_void, is_received, drawn) = words[entry.seq.0 as usize];
            match entry.status {
                Voided => prop_assert!(is_void),
                Paid => prop_assert!(!is_void && (is_received || drawn > 0)),
                Refunded => prop_assert!(!is_void && !is_received && drawn == 0 && hours >= LATE),
            }
        }
    }
}
