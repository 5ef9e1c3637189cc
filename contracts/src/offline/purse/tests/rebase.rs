//! A purse that goes on under another name.

use super::*;
use crate::{
    block::{GenesisHash, TimeMs},
    identity::AccountId,
    money::Currency,
    offline::{
        messages::Class,
        purse::{load::Loaded, request::SignedAnswer},
        registration::{PurseClass, RegistrationTerms},
    },
};

/// It has paid, was paid by two hops, and asks.
fn used() -> Purse {
    let mut tap = Tap::of(1_250);
    tap.finish();
    let mut purse = tap.payee;
    pay_whole(&mut purse, &mut Purse::new(3), 50).unwrap();
    purse.ask(70);
    purse.hear_beacon(after(5));
    purse.revoke(RevocationEntry::purse(super::purse(9)));
    purse
}

/// What its host does before.
fn settle(purse: &mut Purse) {
    for request in purse.state.requests.clone() {
        purse.void_of(&request);
    }
    let account = redeem().account;
    while purse.balance() > 0 {
        purse.run(|it| it.redeem(account, &[])).unwrap();
    }
    purse.sync(|_| Some(SettledStatus::Paid)).unwrap();
}

#[test]
fn a_purse_that_has_nothing_left_goes_on_as_its_successor() {
    let mut purse = used();
    settle(&mut purse);
    let before = purse.state.clone();
    purse.rebase().unwrap();
    let state = &purse.state;
    assert_ne!(state.id(), before.id());
    assert_ne!(state.own().key, before.own().key);
    let fresh = Counters {
        load_counter: LoadCounter(1),
        seq: Seq(0),
        request_seq: RequestSeq(0),
        epoch: after(5),
        log_head: MessageId::NONE,
        paid: Amount::ZERO,
        received: Amount::ZERO,
        payments: 0,
    };
    assert_eq!(*state.counters(), fresh);
    assert!(before.counters.seq > Seq(0) && before.counters.received > Amount::ZERO);
    assert_eq!((&state.revoked, &state.payers), (&before.revoked, &before.payers));
    assert_eq!(PurseState::from_bytes(&state.to_bytes()).as_ref(), Ok(state));
    purse.run(|it| it.try_pin()).unwrap();
    assert_eq!(purse.run(|it| it.verify_pin(PIN)), Ok(()));
    // It is loaded, and its money has no hops.
    let grant = purse.grant(900);
    assert_eq!(purse.run(|it| it.accept_grant(&grant)), Ok(Loaded::Lot));
    pay_whole(&mut purse, &mut Purse::new(4), 900).unwrap();
}

#[test]
fn what_is_not_settled_keeps_a_purse_what_it_is() {
    let mut purse = used();
    let next = purse.successor();
    let account = redeem().account;
    let refuses = |purse: &Purse| {
        let refusal = purse.refuses(StatusWord::CONFIRM, |it| it.finish_rebase(&next));
        assert_eq!(refusal, PurseRefusal::NotEmpty);
    };
    refuses(&purse);
    let request = purse.state.requests[0].clone();
    purse.void_of(&request);
    refuses(&purse);
    purse.run(|it| it.redeem(account, &[])).unwrap();
    refuses(&purse);
    // The ledger has refused it, or has not got it: it is repeated, and the successor waits.
    purse.sync(|_| None).unwrap();
    refuses(&purse);
    assert!(purse.run(PurseState::last_redemption).is_ok());
    purse.sync(|_| Some(SettledStatus::Paid)).unwrap();
    assert_eq!(purse.run(|it| it.finish_rebase(&next)), Ok(()));
    // The power failed, and its host does not know: the same again.
    let after = purse.state.clone();
    assert_eq!(purse.run(|it| it.finish_rebase(&next)), Ok(()));
    assert_eq!(purse.state, after);
    // What the old purse was asked for is another purse's now.
    let answer: Result<SignedAnswer, _> = purse.run(|it| it.answer(request.id()));
    assert_eq!(answer, Err(PurseRefusal::Unknown(request.id())));
}

#[test]
fn a_successors_key_is_drawn_once_and_not_by_who_brings_the_entropy() {
    let mut purse = Purse::new(1);
    assert_eq!(purse.state.successor(), None);
    let key = purse.run(|it| it.begin_rebase(&[7; 32])).unwrap();
    assert_eq!(purse.run(|it| it.begin_rebase(&[8; 32])), Ok(key));
    assert_eq!(purse.state.successor(), Some(key));
    assert_ne!(crate::keys::SecretKey::from_seed(&[7; 32]).public_key(), key);
    let other = Purse::new(2).run(|it| it.begin_rebase(&[7; 32])).unwrap();
    assert_ne!(other, key);
}

#[test]
fn a_successor_is_loaded_by_its_own_key() {
    let mut purse = Purse::new(1);
    let stranger = purse.next_certificate();
    let ask = |certificate: &Signed<Certificate>, amount| {
        let certificate = certificate.clone();
        move |it: &PurseState| it.successor_load_request(&certificate, Amount(amount), Nonce16([1; 16]))
    };
    let none = purse.refuses(StatusWord::NOT_FOUND, ask(&stranger, 5));
    assert_eq!(none, PurseRefusal::NoSuccessor);
    let next = purse.successor();
    let request = purse.run(ask(&next, 500)).unwrap();
    assert_eq!(request.verify(&next.body.key), Ok(()));
    assert_eq!(
        (request.body.purse, request.body.load_counter),
        (next.body.purse, LoadCounter(1))
    );
    purse.refuses(StatusWord::LIMIT, ask(&next, 200_001));
    assert_eq!(
        purse.refuses(StatusWord::REPLAY, ask(&stranger, 5)),
        PurseRefusal::NotTheSuccessors
    );
}

#[test]
fn a_successors_key_is_registered_by_its_own_signature() {
    let mut purse = Purse::new(1);
    let key = purse.run(|it| it.begin_rebase(&[7; 32])).unwrap();
    let terms = RegistrationTerms {
        genesis: GenesisHash([1; 32]),
        currency: Currency::new("EUR").unwrap(),
        account: AccountId([2; 20]),
        public_key: key,
        class: PurseClass::Purse,
        time_ms: TimeMs(3),
    };
    let signature = purse.run(|it| it.successor_signature(&terms)).unwrap();
    assert_eq!(terms.verify(key, signature), Ok(()));
    let of_own = RegistrationTerms {
        public_key: purse.cert().body.key,
        ..terms
    };
    purse.refuses(StatusWord::REPLAY, |it| it.successor_signature(&of_own));
    let of_merchant = RegistrationTerms {
        class: PurseClass::Merchant,
        ..terms
    };
    purse.refuses(StatusWord::REPLAY, |it| it.successor_signature(&of_merchant));
}

#[test]
fn only_the_issuers_certificate_for_the_successor_will_do() {
    let mut purse = Purse::new(1);
    let good = purse.successor().body;
    let own = purse.cert().body;
    let wrong: [fn(&mut Certificate, &Certificate); 4] = [
        |it, own| it.key = own.key,
        |it, own| it.purse = own.purse,
        |it, _| it.class = Class::MERCHANT,
        |it, _| it.key = purse_secret(5).public_key(),
    ];
    for change in wrong {
        let mut body = good.clone();
        change(&mut body, &own);
        let certificate = signed(body, &issuer_secret(KeyRole::Certificate));
        let refusal = purse.refuses(StatusWord::REPLAY, |it| it.finish_rebase(&certificate));
        assert_eq!(refusal, PurseRefusal::NotTheSuccessors);
    }
    let forged = signed(good, &purse_secret(1));
    purse.refuses(StatusWord::SIGNATURE, |it| it.finish_rebase(&forged));
}

#[test]
fn no_rollback_follows_a_successor() {
    let mut purse = used();
    settle(&mut purse);
    let unprepared = purse.state.clone();
    let next = purse.successor();
    let old = purse.state.clone();
    assert!(old.may_follow(&unprepared) && !unprepared.may_follow(&old));
    purse.run(|it| it.finish_rebase(&next)).unwrap();
    let new = purse.state.clone();
    assert!(new.may_follow(&old) && new.may_follow(&new));
    // Back to the old one; to the new one without its being prepared; or while there is something left.
    assert!(!old.may_follow(&new) && !new.may_follow(&unprepared));
    let mut holding = old.clone();
    holding.requests.push(signed(request(2), &purse_secret(2)));
    assert!(!new.may_follow(&holding));
    let changes: [fn(&mut PurseState); 3] = [
        |it| it.counters.epoch.0 -= 1,
        |it| it.revoked = RevocationList::default(),
        |it| it.seed.0[0] ^= 1,
    ];
    for change in changes {
        let mut changed = new.clone();
        change(&mut changed);
        assert!(!changed.may_follow(&old));
    }
    let mut other = old.clone();
    other.successor = None;
    other.run_begin([9; 32]);
    assert!(!other.may_follow(&old));
}

impl PurseState {
    fn run_begin(&mut self, entropy: [u8; 32]) {
        let Step { next, .. } = self.begin_rebase(&entropy).expect("it may always");
        *self = next.expect("there was none");
    }
}
