use super::*;
use crate::{
    example::list,
    offline::{
        bundle::Behind,
        chain::{bundle_lot, chain, grant_lot, pay, pay_by},
        example::*,
        ids::{ListVersion, RevocationEntry, Seq},
        issuer::KeyRole,
        message::Message,
        messages::{Class, Grant, RevocationDelta},
        refusal::StatusWord,
    },
};

mod lineage;
mod precedence;

/// A payee that asks and believes what tests change.
struct Payee {
    request: Request,
    own: Certificate,
    keys: IssuerKeys,
    revoked: RevocationList,
    epoch: Epoch,
    limits: Limits,
}

impl Payee {
    fn new(number: u8) -> Self {
        Self {
            request: request(number),
            own: certificate(number),
            keys: issuer_keys(),
            revoked: RevocationList::new(ListVersion(199), HOUR, vec![]).expect("nothing is in order"),
            epoch: HOUR,
            limits: Limits::DEVNET,
        }
    }

    fn revoke(mut self, entry: RevocationEntry) -> Self {
        let delta = RevocationDelta {
            entries: list(vec![entry]),
            ..delta(0)
        };
        self.revoked.apply(&delta).expect("the next");
        self
    }

    fn trust(&self) -> Trust<'_> {
        Trust {
            keys: &self.keys,
            revoked: &self.revoked,
            epoch: self.epoch,
            limits: &self.limits,
        }
    }

    fn accepts(&self, bytes: &[u8]) -> Result<AcceptedLot, Refusal> {
        accept(bytes, &self.request, &self.own, &self.trust())
    }

    fn refuses(&self, bytes: &[u8], expected: Refusal, word: StatusWord) {
        let refusal = self.accepts(bytes).expect_err("it is refused");
        assert_eq!((refusal, refusal.status_word()), (expected, word));
    }
}

/// A transfer of purse 1's grant to purse 2, changed before it is signed.
fn changed(change: impl FnOnce(&mut Transfer)) -> Bundle {
    let (load, grant) = grant_lot(1);
    let mut body = transfer(1, 2, spend(1, &[(load, AMOUNT.0)]));
    change(&mut body);
    Bundle::for_transfer(signed(body, &purse_secret(1)), certified(1), [&grant]).expect("a bundle")
}

/// The bytes of a chain, one of its messages replaced.
fn with_other(hops: u8, change: impl Fn(Message) -> Message) -> Vec<u8> {
    let messages: Vec<_> = chain(hops).messages().map(change).collect();
    Message::concatenate(&messages)
}

#[test]
fn money_is_accepted_after_one_to_four_hops() {
    for hops in 1..=4 {
        let bundle = chain(hops);
        let lot = Payee::new(hops + 1).accepts(&bundle.to_bytes()).expect("it is money");
        assert_eq!(lot.transfer, bundle.transfer().id());
        assert_eq!((lot.amount, lot.currency, lot.hop), (AMOUNT, CURRENCY, hops));
        assert_eq!((lot.expiry, lot.payer), (after(30 * 24), purse(hops)));
        assert_eq!(lot.payer_not_after, after(14 * 24));
        assert_eq!(lot.bundle, bundle);
    }
    let lots = [1, 2, 3, 4].map(|payer| {
        let (load, grant) = grant_lot(payer);
        let mut body = transfer(payer, 5, spend(1, &[(load, AMOUNT.0)]));
        // Each for a request of its own.
        body.request.0[0] = payer;
        let transfer = signed(body, &purse_secret(payer));
        bundle_lot(Bundle::for_transfer(transfer, certified(payer), [&grant]).expect("a bundle"))
    });
    assert!(Payee::new(6).accepts(&pay(5, 6, 2, &lots).to_bytes()).is_ok());
}

#[test]
fn no_flipped_bit_is_accepted_and_most_are_bad_signatures() {
    let bytes = chain(2).to_bytes();
    let payee = Payee::new(3);
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let word = payee.accepts(&flipped).expect_err("damaged").status_word();
        // Malformed where it breaks the form, and without provenance where it names another payer.
        let allowed = [StatusWord::SIGNATURE, StatusWord::MALFORMED, StatusWord::PROVENANCE];
        assert!(allowed.contains(&word), "bit {bit}: {word:?}");
    }
    let last = bytes.len() - 1;
    let mut flipped = bytes;
    flipped[last - 100] ^= 1;
    assert_eq!(
        payee.accepts(&flipped).unwrap_err().status_word(),
        StatusWord::SIGNATURE
    );
}

#[test]
fn another_payees_request_or_an_older_one_is_not_paid_by_it() {
    let bytes = chain(1).to_bytes();
    Payee::new(3).refuses(&bytes, Refusal::AnotherPayee(purse(2)), StatusWord::REPLAY);
    let mut payee = Payee::new(2);
    payee.request.seq.0 += 1;
    payee.refuses(&bytes, Refusal::AnotherRequest(request(2).id()), StatusWord::REPLAY);
}

#[test]
fn another_amount_or_currency_than_asked_for_is_malformed() {
    let bytes = changed(|it| {
        it.spend.amount.0 -= 1;
        let mut part = it.spend.lots[0];
        part.amount.0 -= 1;
        it.spend.lots = list(vec![part]);
    });
    let another = Refusal::AnotherAmount {
        asked: AMOUNT,
        given: Amount(AMOUNT.0 - 1),
    };
    Payee::new(2).refuses(&bytes.to_bytes(), another, StatusWord::MALFORMED);
    let other = CurrencyIndex(7);
    let bytes = changed(|it| it.spend.currency = other);
    let another = Refusal::AnotherCurrency {
        own: CURRENCY,
        given: other,
    };
    Payee::new(2).refuses(&bytes.to_bytes(), another, StatusWord::MALFORMED);
    // All of another currency: no key of its issuer is trusted for it.
    let mut payee = Payee::new(2);
    payee.own.currency = other;
    let word = payee.accepts(&chain(1).to_bytes()).unwrap_err().status_word();
    assert_eq!(word, StatusWord::SIGNATURE);
}

#[test]
fn a_forged_grant_and_another_purses_are_refused() {
    let forger = purse_secret(1);
    let forged = with_other(1, |message| match message {
        Message::Grant(grant) => Signed::sign(grant.body, &forger).unwrap().into(),
        other => other,
    });
    let word = Payee::new(2).accepts(&forged).unwrap_err().status_word();
    assert_eq!(word, StatusWord::SIGNATURE);
    let (lot, _) = grant_lot(9);
    let of_another = pay(1, 2, 1, &[grant_lot(9)]);
    Payee::new(2).refuses(
        &of_another.to_bytes(),
        Refusal::NotThePayersLot(lot),
        StatusWord::PROVENANCE,
    );
}

#[test]
fn a_parent_that_is_left_out_or_another_purses_certificate_is_no_provenance() {
    let parent = chain(1).transfer().id();
    let messages: Vec<_> = chain(2).messages().filter(|it| it.id() != parent).collect();
    Payee::new(3).refuses(
        &Message::concatenate(&messages),
        BundleError::ParentMissing(parent.short()).into(),
        StatusWord::PROVENANCE,
    );
    let swapped = with_other(2, |message| match message {
        Message::Certificate(it) if it.body.purse == purse(1) => certified(9).into(),
        other => other,
    });
    let expected = BundleError::NotCertified(purse(1)).into();
    Payee::new(3).refuses(&swapped, expected, StatusWord::PROVENANCE);
}

#[test]
fn more_than_a_lot_has_cannot_be_spent_of_it() {
    let (load, _) = grant_lot(1);
    let limits = Limits {
        payment_max: Amount(u64::MAX),
        ..Limits::DEVNET
    };
    let mut payee = Payee::new(2);
    payee.limits = limits;
    payee.request.amount = Amount(200_001);
    let asked = payee.request.id();
    let alone = changed(|it| {
        it.spend = spend(1, &[(load, 200_001)]);
        it.request = asked;
    });
    payee.refuses(&alone.to_bytes(), Refusal::Overspent(load), StatusWord::PROVENANCE);

    // Two transfers, each of which the lot suffices for, meet in one bundle.
    let part = |seq, amount, payee: u8| {
        let (load, grant) = grant_lot(1);
        let mut body = transfer(1, payee, spend(1, &[(load, amount)]));
        body.seq = Seq(seq);
        Bundle::for_transfer(signed(body, &purse_secret(1)), certified(1), [&grant]).unwrap()
    };
    let two = [bundle_lot(part(1, 150_000, 5)), bundle_lot(part(2, 60_000, 5))];
    Payee::new(6).refuses(
        &pay(5, 6, 2, &two).to_bytes(),
        Refusal::Overspent(load),
        StatusWord::PROVENANCE,
    );
    let two = [bundle_lot(part(1, 150_000, 5)), bundle_lot(part(1, 40_000, 5))];
    Payee::new(6).refuses(
        &pay(5, 6, 2, &two).to_bytes(),
        Refusal::Equivocation(purse(1)),
        StatusWord::PROVENANCE,
    );
    let two = [bundle_lot(part(1, 150_000, 5)), bundle_lot(part(2, 40_000, 5))];
    let twice = Refusal::PaidTwice(request(5).id());
    Payee::new(6).refuses(&pay(5, 6, 2, &two).to_bytes(), twice, StatusWord::PROVENANCE);
}

#[test]
fn a_hop_that_is_understated_or_one_too_many_is_refused() {
    let understated = pay(2, 3, 1, &[bundle_lot(chain(1))]);
    let expected = Refusal::AnotherHop { expected: 2, given: 1 };
    Payee::new(3).refuses(&understated.to_bytes(), expected, StatusWord::HOP);
    let fifth = pay(5, 6, 5, &[bundle_lot(chain(4))]);
    let expected = Refusal::TooManyHops { max: 4, given: 5 };
    Payee::new(6).refuses(&fifth.to_bytes(), expected, StatusWord::HOP);
    let mut payee = Payee::new(3);
    payee.own.hops_max = 1;
    let expected = Refusal::TooManyHops { max: 1, given: 2 };
    payee.refuses(&chain(2).to_bytes(), expected, StatusWord::HOP);
}

#[test]
fn money_that_comes_back_has_one_hop_more() {
    let there = pay(1, 2, 1, &[grant_lot(1)]);
    let back = |hop| pay(2, 1, hop, &[bundle_lot(there.clone())]);
    assert_eq!(Payee::new(1).accepts(&back(2).to_bytes()).map(|lot| lot.hop), Ok(2));
    let expected = Refusal::AnotherHop { expected: 2, given: 1 };
    Payee::new(1).refuses(&back(1).to_bytes(), expected, StatusWord::HOP);
}

#[test]
fn what_has_expired_at_the_latest_hour_known_is_refused() {
    let bytes = chain(1).to_bytes();
    let mut payee = Payee::new(2);
    payee.epoch = after(14 * 24);
    assert!(payee.accepts(&bytes).is_ok());
    payee.epoch = after(14 * 24 + 1);
    let expected = Refusal::CertificateWindow {
        purse: purse(1),
        epoch: payee.epoch,
    };
    payee.refuses(&bytes, expected, StatusWord::EXPIRED);
    // Certificates of ancestors are asked for the hour of what they signed alone.
    let mut late = spend(2, &[(chain(1).transfer().id().short(), AMOUNT.0)]);
    late.epoch = after(100);
    let bundle = pay_by(2, 3, late, &[bundle_lot(chain(1))]);
    let short = |message| match message {
        Message::Certificate(it) if it.body.purse == purse(1) => {
            let body = Certificate {
                not_after: after(50),
                ..it.body
            };
            signed(body, &issuer_secret(KeyRole::Certificate)).into()
        }
        other => other,
    };
    let mut parts: Vec<Message> = bundle.messages().map(short).collect();
    let certificates_and_grant = 3;
    parts[..certificates_and_grant].sort_by_key(Message::id);
    let mut payee = Payee::new(3);
    payee.epoch = after(120);
    assert!(payee.accepts(&Message::concatenate(&parts)).is_ok());

    let soon = changed_expiry(after(10));
    let mut payee = Payee::new(2);
    payee.epoch = after(9);
    assert!(payee.accepts(&soon).is_ok());
    payee.epoch = after(10);
    let expected = Refusal::Expired {
        expiry: after(10),
        now: after(10),
    };
    payee.refuses(&soon, expected, StatusWord::EXPIRED);
}

/// A payment of a grant with that expiry.
fn changed_expiry(expiry: Epoch) -> Vec<u8> {
    let mut grant = grant(1);
    grant.expiry = expiry;
    let mut spend = spend(1, &[(grant.load, AMOUNT.0)]);
    spend.expiry = expiry;
    let grant = signed(grant, &issuer_secret(KeyRole::Grant));
    pay_by(1, 2, spend, &[(grant.body.load, Behind::Grant(grant))]).to_bytes()
}

#[test]
fn an_expiry_that_is_not_the_least_is_no_provenance() {
    for hours in [30 * 24 + 1, 30 * 24 - 1] {
        let bundle = changed(|it| it.spend.expiry = after(hours));
        let expected = Refusal::ExpiryNotTheLeast(bundle.transfer().id());
        Payee::new(2).refuses(&bundle.to_bytes(), expected, StatusWord::PROVENANCE);
    }
}

#[test]
fn a_revoked_purse_or_key_anywhere_behind_it_is_refused() {
    let bytes = chain(3).to_bytes();
    let purses = [1, 2, 3].map(|number| RevocationEntry::purse(purse(number)));
    let keys = [KeyRole::Certificate, KeyRole::Grant].map(|role| RevocationEntry::key(issuer_id(role)));
    for entry in purses.into_iter().chain(keys) {
        let payee = Payee::new(4).revoke(entry);
        payee.refuses(&bytes, Refusal::Revoked(entry), StatusWord::REVOKED);
    }
    let another = RevocationEntry::purse(purse(9));
    assert!(Payee::new(4).revoke(another).accepts(&bytes).is_ok());
}

#[test]
fn purses_do_what_their_class_allows() {
    let (lot, behind) = bundle_lot(chain(1));
    let with = |class| {
        let body = Certificate {
            class,
            ..certificate(2)
        };
        let certificate = signed(body, &issuer_secret(KeyRole::Certificate));
        let transfer = transferred(2, 3, spend(2, &[(lot, AMOUNT.0)]));
        Bundle::for_transfer(transfer, certificate, [&behind])
            .unwrap()
            .to_bytes()
    };
    Payee::new(3).refuses(
        &with(Class::MERCHANT),
        Refusal::MayNotRespend(purse(2)),
        StatusWord::PROVENANCE,
    );
    let pays_only = Class {
        can_receive: false,
        can_respend: true,
    };
    Payee::new(3).refuses(
        &with(pays_only),
        Refusal::MayNotReceive(purse(2)),
        StatusWord::PROVENANCE,
    );
}

/// A payment of this amount, and who asked for it.
fn of_amount(amount: u64) -> (Payee, Vec<u8>) {
    let mut payee = Payee::new(2);
    payee.request.amount = Amount(amount);
    let asked = payee.request.id();
    let bundle = changed(|it| {
        it.spend = spend(1, &[(grant_lot(1).0, amount)]);
        it.request = asked;
    });
    (payee, bundle.to_bytes())
}

#[test]
fn amounts_stop_at_the_limits() {
    let (payee, bytes) = of_amount(50_000);
    assert!(payee.accepts(&bytes).is_ok());
    let over = |limit, max, given| Refusal::OverLimit {
        limit,
        max: Amount(max),
        given: Amount(given),
    };
    let (mut payee, bytes) = of_amount(50_001);
    payee.refuses(&bytes, over(Limit::PayersPayment, 50_000, 50_001), StatusWord::LIMIT);
    (payee, _) = of_amount(50_000);
    payee.limits.payment_max = Amount(49_999);
    let (_, bytes) = of_amount(50_000);
    payee.refuses(&bytes, over(Limit::Payment, 49_999, 50_000), StatusWord::LIMIT);
    payee.limits = Limits::DEVNET;
    payee.own.balance_max = Amount(49_999);
    payee.refuses(&bytes, over(Limit::PayeesBalance, 49_999, 50_000), StatusWord::LIMIT);
}

#[test]
fn a_stale_list_is_enough_up_to_the_floor() {
    let check = |amount, hours, stale| {
        let (mut payee, bytes) = of_amount(amount);
        payee.epoch = after(hours);
        if stale {
            let floor = Amount(10_000);
            payee.refuses(&bytes, Refusal::StaleList { hours, floor }, StatusWord::STALE_LIST);
        } else {
            assert!(payee.accepts(&bytes).is_ok());
        }
    };
    check(10_000, 200, false);
    check(10_001, 168, false);
    check(10_001, 169, true);
}

#[test]
fn a_payer_checks_who_asks() {
    let payer = Payee::new(1);
    let check = |request: &Signed<Request>, certificate: &Signed<Certificate>, payer: &Payee| {
        check_request(request, certificate, CURRENCY, &payer.trust()).map_err(|it| it.status_word())
    };
    let asked = signed(request(2), &purse_secret(2));
    assert_eq!(check(&asked, &certified(2), &payer), Ok(()));
    let of_another = signed(request(2), &purse_secret(3));
    assert_eq!(check(&of_another, &certified(2), &payer), Err(StatusWord::SIGNATURE));
    assert_eq!(check(&asked, &certified(3), &payer), Err(StatusWord::PROVENANCE));
    let self_made = signed(certificate(2), &purse_secret(2));
    assert_eq!(check(&asked, &self_made, &payer), Err(StatusWord::SIGNATURE));
    let with = |change: fn(&mut Certificate)| {
        let mut body = certificate(2);
        change(&mut body);
        signed(body, &issuer_secret(KeyRole::Certificate))
    };
    let pays_only = with(|it| it.class.can_receive = false);
    assert_eq!(check(&asked, &pays_only, &payer), Err(StatusWord::PROVENANCE));
    let other = with(|it| it.currency.0 += 1);
    assert_eq!(check(&asked, &other, &payer), Err(StatusWord::MALFORMED));
    let small = with(|it| it.balance_max = Amount(1_249));
    assert_eq!(check(&asked, &small, &payer), Err(StatusWord::LIMIT));
    let mut later = Payee::new(1);
    later.epoch = after(14 * 24 + 1);
    assert_eq!(check(&asked, &certified(2), &later), Err(StatusWord::EXPIRED));
    let revoked = Payee::new(1).revoke(RevocationEntry::purse(purse(2)));
    assert_eq!(check(&asked, &certified(2), &revoked), Err(StatusWord::REVOKED));
}
