use proptest::prelude::*;

use super::*;
use crate::offline::{
    encoding::Malformed,
    purse::{StateError, request::SignedAnswer},
};

/// A state with something in every list.
pub(super) fn full_state() -> PurseState {
    let mut tap = Tap::of(1_250);
    tap.finish();
    let Tap {
        mut payer, mut payee, ..
    } = tap;
    payee.ask(300);
    let open = payee.ask(400);
    payee.void_of(&open);
    pay_whole(&mut payer, &mut payee, 700).expect("there is more");
    payee.load(5_000);
    let mut third = Purse::new(3);
    let request = third.ask(900);
    payee.pay(&request, &third).expect("it may respend");
    pay_whole(&mut payee, &mut third, 10).expect("there is more");
    let request = third.ask(20);
    payee.pay(&request, &third).expect("it may respend");
    let void = third.void_of(&request);
    payee.run(|it| it.void(&void)).expect("it is about this");
    let account = redeem().account;
    payee.run(|it| it.redeem(account, &[])).expect("it has lots");
    payee.successor();
    payee.revoke(RevocationEntry::purse(purse(9)));
    payee.state
}

#[test]
fn states_have_these_bytes() {
    let state = full_state();
    let bytes = state.to_bytes();
    assert_eq!(PurseState::from_bytes(&bytes), Ok(state));
    let actual = hex::encode(&bytes);
    assert!(actual == include_str!("state.golden").trim_end(), "{actual}");
}

#[test]
fn a_state_that_was_cut_or_has_more_is_none() {
    let bytes = full_state().to_bytes();
    for length in 0..bytes.len() {
        assert!(PurseState::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    let trailing = Err(StateError::Malformed(Malformed::Trailing(1)));
    assert_eq!(PurseState::from_bytes(&longer), trailing);
    let mut other = bytes;
    other[0] = 2;
    assert_eq!(PurseState::from_bytes(&other), Err(StateError::Version(2)));
    other[0] = 1;
    other[1] ^= 1;
    assert_eq!(PurseState::from_bytes(&other), Err(StateError::AnotherKey));
}

#[test]
fn a_lot_that_is_more_than_what_is_behind_it_is_none() {
    let mut state = full_state();
    let lot = &mut state.lots[0];
    lot.left = Amount(1_000_000);
    let id = lot.id;
    assert_eq!(PurseState::from_bytes(&state.to_bytes()), Err(StateError::Lot(id)));
}

#[test]
fn a_pending_payment_whose_lots_are_missing_is_none() {
    let mut state = full_state();
    let entry = state.log.iter().find(|entry| entry.is_pending()).expect("one");
    let lot = entry.spend().lots[0].lot;
    state.lots.retain(|it| it.id != lot);
    assert_eq!(
        PurseState::from_bytes(&state.to_bytes()),
        Err(StateError::LotMissing(lot))
    );
}

#[test]
fn a_payment_that_was_ended_by_a_word_about_another_is_none() {
    let state = full_state();
    let ended = |entry: &&Entry| entry.payment().is_some_and(|payment| payment.answer.is_some());
    let places: Vec<_> = state.log.iter().filter(ended).map(Entry::seq).collect();
    assert_eq!(places.len(), 2);
    for seq in places {
        let mut changed = state.clone();
        let entry = changed.log.iter_mut().find(|entry| entry.seq() == seq);
        let Some(Entry::Paid(payment)) = entry else {
            panic!("it is there");
        };
        match &mut payment.answer {
            Some(SignedAnswer::Receipt(receipt)) => receipt.body.seq.0 += 1,
            Some(SignedAnswer::Void(void)) => void.body.request.0[0] ^= 1,
            None => panic!("it has ended"),
        }
        assert_eq!(PurseState::from_bytes(&changed.to_bytes()), Err(StateError::Entry(seq)));
    }
}

#[test]
fn the_longest_state_fits() {
    use super::super::{ANSWERS_MAX, LOG_MAX, MERCHANT_PAYERS_MAX, PURSE_LOTS_MAX, REQUESTS_MAX, contents};
    use crate::offline::{
        field::Field,
        issuer::{ISSUER_KEYS_MAX, IssuerKey},
        revocation::REVOCATIONS_MAX,
    };
    let lists = PURSE_LOTS_MAX * contents::Lot::BYTES_MAX
        + REQUESTS_MAX * Signed::<Request>::BYTES_MAX
        + ANSWERS_MAX * contents::Answered::BYTES_MAX
        + LOG_MAX * contents::Entry::BYTES_MAX
        + MERCHANT_PAYERS_MAX * contents::Taken::BYTES_MAX
        + REVOCATIONS_MAX * RevocationEntry::BYTES_MAX
        + ISSUER_KEYS_MAX * IssuerKey::BYTES_MAX;
    assert!(lists + 1_000 <= PurseState::BYTES_MAX, "{lists} bytes");
}

proptest! {
    #[test]
    fn invariant_a_state_that_is_read_is_the_one_that_was_written(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = hex::decode(include_str!("state.golden").trim_end()).expect("hexadecimal");
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(state) = PurseState::from_bytes(&bytes) {
            prop_assert_eq!(state.to_bytes(), bytes);
            // Whatever it says can be told.
            let _ = (state.status(), state.sync_upload());
        }
    }
}
