//! What is behind a payment, in more shapes than a chain.

use super::*;
use crate::offline::ids::Serial;

fn with_certificate(transfer: Transfer, certificate: Certificate, lots: &[(Id16, Behind)]) -> Bundle {
    let number = transfer.payer.0[0];
    let certificate = signed(certificate, &issuer_secret(KeyRole::Certificate));
    let lots = lots.iter().map(|(_, behind)| behind);
    Bundle::for_transfer(signed(transfer, &purse_secret(number)), certificate, lots).expect("a bundle")
}

fn renewed(number: u8) -> Certificate {
    Certificate {
        serial: Serial(201),
        ..certificate(number)
    }
}

#[test]
fn a_lower_limit_for_a_payment_leaves_what_was_paid_before_good() {
    let there = pay(1, 2, 1, &[grant_lot(1)]);
    let back = [bundle_lot(pay(2, 1, 2, &[bundle_lot(there)]))];
    let mut payee = Payee::new(3);
    let mut pays = |amount: u64| {
        payee.request.amount = Amount(amount);
        let mut transfer = transfer(1, 3, spend(3, &[(back[0].0, amount)]));
        (transfer.seq, transfer.request) = (Seq(201), payee.request.id());
        let mut certificate = renewed(1);
        certificate.payment_max = Amount(1_000);
        payee
            .accepts(&with_certificate(transfer, certificate, &back).to_bytes())
            .map(|it| it.amount)
    };
    assert_eq!(pays(1_000), Ok(Amount(1_000)));
    let over = Refusal::OverLimit {
        limit: Limit::PayersPayment,
        max: Amount(1_000),
        given: Amount(1_001),
    };
    assert_eq!(pays(1_001), Err(over));
}

#[test]
fn of_two_certificates_one_that_allows_what_was_signed_travels_on() {
    let respent = pay(1, 5, 2, &[bundle_lot(pay(9, 1, 1, &[grant_lot(9)]))]);
    let changes: [fn(&mut Certificate); 2] = [|it| it.hops_max = 1, |it| it.class = Class::MERCHANT];
    for change in changes {
        let mut certificate = renewed(1);
        change(&mut certificate);
        let mut transfer = transfer(1, 5, spend(1, &[(grant_lot(1).0, AMOUNT.0)]));
        (transfer.seq, transfer.request) = (Seq(201), MessageId([9; 32]));
        let fresh = with_certificate(transfer, certificate, &[grant_lot(1)]);
        let lots = [bundle_lot(respent.clone()), bundle_lot(fresh)];
        let bundle = pay(5, 6, 3, &lots);
        assert!(Payee::new(6).accepts(&bundle.to_bytes()).is_ok());
        assert_eq!(bundle.certificate(purse(1)).map(|it| it.serial), Some(Serial(200)));
    }
}

/// Purse 9 has seen the request that purse 1 paid, and pays its accomplice for it.
#[test]
fn a_strangers_payment_for_a_request_he_saw_leaves_honest_money_good() {
    let honest = pay(2, 5, 2, &[bundle_lot(pay(1, 2, 1, &[grant_lot(1)]))]);
    let mut copied = transfer(9, 8, spend(1, &[(grant_lot(9).0, AMOUNT.0)]));
    copied.request = request(2).id();
    let copied = with_certificate(copied, certificate(9), &[grant_lot(9)]);
    let mut passed_on = transfer(8, 5, spend(2, &[(copied.transfer().id().short(), AMOUNT.0)]));
    passed_on.request = MessageId([9; 32]);
    let passed_on = with_certificate(passed_on, certificate(8), &[bundle_lot(copied)]);
    let bundle = pay(5, 6, 3, &[bundle_lot(honest), bundle_lot(passed_on)]);
    assert!(Payee::new(6).accepts(&bundle.to_bytes()).is_ok());
}

#[test]
fn a_purse_takes_nothing_by_another_purses_request() {
    let mut payee = Payee::new(2);
    payee.own = certificate(3);
    payee.refuses(
        &chain(1).to_bytes(),
        Refusal::AnotherPayee(purse(2)),
        StatusWord::REPLAY,
    );
}

#[test]
fn a_payer_sees_before_it_pays_what_its_payee_would_refuse() {
    let lots = [200, 201].map(|seq| {
        let mut transfer = transfer(1, 5, spend(1, &[(grant_lot(1).0, AMOUNT.0)]));
        // Whoever broke purse 1 signs two payments at one place.
        (transfer.seq, transfer.request) = (Seq(200), MessageId([seq; 32]));
        bundle_lot(with_certificate(transfer, certificate(1), &[grant_lot(1)]))
    });
    let payer = Payee::new(5);
    let check = |bundle: &Bundle| check_bundle(bundle, &request(6), &certificate(6), &payer.trust());
    for lot in &lots {
        assert_eq!(check(&pay(5, 6, 2, std::slice::from_ref(lot))), Ok(()));
    }
    assert_eq!(check(&pay(5, 6, 2, &lots)), Err(Refusal::Equivocation(purse(1))));
}
