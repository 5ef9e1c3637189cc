use super::*;
use crate::{
    keys::Signature,
    offline::{
        chain::{bundle_lot, chain, grant_lot, pay},
        example::*,
        ids::Serial,
        issuer::KeyRole,
        signed::Body as _,
    },
};

/// The bytes of a bundle, its messages changed.
fn bytes(change: impl FnOnce(&mut Vec<Message>)) -> Vec<u8> {
    let mut messages: Vec<_> = chain(3).messages().collect();
    change(&mut messages);
    Message::concatenate(&messages)
}

fn check(change: impl FnOnce(&mut Vec<Message>), expected: impl FnOnce(BundleError) -> bool) {
    let error = Bundle::from_bytes(&bytes(change)).expect_err("no bundle");
    assert!(expected(error), "{error:?}");
}

#[test]
fn bundles_of_one_to_four_hops_have_these_bytes() {
    for (hops, expected) in (1..).zip([416, 726, 1_036, 1_346]) {
        let bundle = chain(hops);
        let bytes = bundle.to_bytes();
        assert_eq!(bytes.len(), expected);
        assert_eq!(Bundle::from_bytes(&bytes), Ok(bundle));
    }
}

#[test]
fn four_lots_from_four_purses_fit_into_a_bundle() {
    let lots: Vec<_> = (1..=4)
        .map(|purse| bundle_lot(pay(purse, 5, 1, &[grant_lot(purse)])))
        .collect();
    let bundle = pay(5, 6, 2, &lots);
    assert_eq!(bundle.to_bytes().len(), 2_028);
    assert_eq!(Bundle::from_bytes(&bundle.to_bytes()), Ok(bundle));
}

#[test]
fn a_bundle_of_more_bytes_is_refused_unread() {
    let error = Bundle::from_bytes(&[0xff; 2_049]);
    assert_eq!(error, Err(BundleError::TooLong(2_049)));
    assert_eq!(
        Bundle::from_bytes(&[0xff; 2_048]),
        Err(BundleError::Malformed(Malformed::UnknownType(0xff)))
    );
    // Nor made: two lots of four hops each.
    let lots = [1, 11].map(|first| {
        let start = pay(first, first + 1, 1, &[grant_lot(first)]);
        let bundle = (1..=2).fold(start, |bundle, hop| {
            let payee = if hop == 2 { 30 } else { first + hop + 1 };
            pay(first + hop, payee, hop + 1, &[bundle_lot(bundle)])
        });
        bundle_lot(bundle)
    });
    let transfer = transferred(30, 31, spend(4, &[(lots[0].0, 625), (lots[1].0, 625)]));
    let lots = lots.iter().map(|(_, behind)| behind);
    let error = Bundle::for_transfer(transfer, certified(30), lots);
    assert!(
        matches!(error, Err(BundleError::TooLong(bytes)) if bytes > 2_048),
        "{error:?}"
    );
}

#[test]
fn there_is_one_order_of_messages() {
    check(|it| it.swap(0, 1), |error| error == BundleError::NotInOrder);
    check(|it| it.reverse(), |error| error == BundleError::NotInOrder);
    let last_first = |it: &mut Vec<Message>| it.rotate_right(1);
    check(last_first, |error| error == BundleError::NotInOrder);
}

#[test]
fn nothing_is_there_twice_or_in_vain() {
    let again = |it: &mut Vec<Message>| it.insert(0, it[0].clone());
    check(again, |error| matches!(error, BundleError::Twice(_)));
    // The same body by a second signature is the same message.
    let with_another_signature = |it: &mut Vec<Message>| {
        let Message::Transfer(mut transfer) = it[it.len() - 1].clone() else {
            panic!("the last is a transfer");
        };
        transfer.signature = Signature([1; 64]);
        it.push(transfer.into());
    };
    check(with_another_signature, |error| matches!(error, BundleError::Twice(_)));
    let unneeded = |it: &mut Vec<Message>| it.push(certified(9).into());
    check(unneeded, |error| error == BundleError::NotNeeded(certified(9).id()));
    let grant = |it: &mut Vec<Message>| it.push(granted(9).into());
    check(grant, |error| error == BundleError::NotNeeded(granted(9).id()));
    let mut renewed = certificate(2);
    renewed.serial = Serial(201);
    let renewed = signed(renewed, &issuer_secret(KeyRole::Certificate));
    let two = |it: &mut Vec<Message>| it.push(renewed.into());
    check(two, |error| error == BundleError::CertifiedTwice(purse(2)));
    let foreign = |it: &mut Vec<Message>| it.push(signed(void(), &purse_secret(2)).into());
    check(foreign, |error| error == BundleError::Foreign(void().id()));
    check(|it| it.clear(), |error| error == BundleError::NoTransfer);
    // Two new transfers: one is not behind the other.
    let side = pay(3, 8, 3, &[bundle_lot(chain(2))]);
    let two = |it: &mut Vec<Message>| it.push(side.transfer().clone().into());
    check(two, |error| matches!(error, BundleError::NotNeeded(_)));
}

#[test]
fn what_is_behind_a_transfer_cannot_be_left_out() {
    let without = |wanted: fn(&Message) -> bool| {
        move |it: &mut Vec<Message>| {
            let at = it.iter().position(wanted).expect("there is one");
            it.remove(at);
        }
    };
    let grant = granted(1).body.load;
    check(without(|it| matches!(it, Message::Grant(_))), |error| {
        error == BundleError::ParentMissing(grant)
    });
    let first = chain(1).transfer().id().short();
    check(without(|it| matches!(it, Message::Transfer(_))), |error| {
        // The first transfer's grant is then behind nothing, but what is missing is told first.
        error == BundleError::ParentMissing(first)
    });
    check(without(|it| matches!(it, Message::Certificate(_))), |error| {
        matches!(error, BundleError::NotCertified(_))
    });
}

#[test]
fn a_purse_that_signed_twice_has_one_certificate_for_both() {
    // Purse 1 pays 2, which pays it back, and it pays 3.
    let there = pay(1, 2, 1, &[grant_lot(1)]);
    let back = pay(2, 1, 2, &[bundle_lot(there)]);
    let lots = [bundle_lot(back)];
    let (lot, behind) = &lots[0];
    let mut transfer = transfer(1, 3, spend(3, &[(*lot, 1_250)]));
    transfer.spend.epoch = after(20);
    let transfer = signed(transfer, &purse_secret(1));
    let renewed = |not_before| {
        let body = Certificate {
            serial: Serial(201),
            not_before,
            ..certificate(1)
        };
        signed(body, &issuer_secret(KeyRole::Certificate))
    };
    let make = |certificate| Bundle::for_transfer(transfer.clone(), certificate, [behind]);
    let serial = |bundle: Bundle| bundle.certificate(purse(1)).map(|it| it.serial);
    assert_eq!(make(renewed(HOUR)).map(serial), Ok(Some(Serial(201))));
    // The old one covers both hours, and the new one only the later.
    assert_eq!(make(renewed(after(10))).map(serial), Ok(Some(Serial(200))));
    let mut short = certificate(1);
    short.not_after = after(10);
    let (mut old, mut new) = (Parts::default(), Parts::default());
    for parts in [&mut old, &mut new] {
        parts.add(transfer.clone().into()).unwrap();
    }
    old.add(signed(short, &issuer_secret(KeyRole::Certificate)).into())
        .unwrap();
    assert_eq!(
        old.choose_certificates(),
        Err(BundleError::NoCommonCertificate(purse(1)))
    );
    new.add(renewed(HOUR).into()).unwrap();
    assert_eq!(new.choose_certificates(), Ok(()));
}

#[test]
fn a_lot_that_is_behind_two_others_is_there_once() {
    let (load, grant) = grant_lot(1);
    let two = [201, 202].map(|seq| {
        let mut body = transfer(1, 5, spend(1, &[(load, 1_250)]));
        body.seq.0 = seq;
        let transfer = signed(body, &purse_secret(1));
        bundle_lot(Bundle::for_transfer(transfer, certified(1), [&grant]).unwrap())
    });
    let bundle = pay(5, 6, 2, &two);
    assert_eq!(bundle.to_bytes().len(), 2 * 132 + 106 + 2 * 178 + 196);
    assert_eq!(Bundle::from_bytes(&bundle.to_bytes()), Ok(bundle));
}
