use super::*;
use crate::{
    example::small_order_keys,
    ledger::rejection::{Rejection::*, Skip},
};

#[test]
fn a_currency_is_opened_once_by_its_issuer_and_who_guarantees() {
    let mut net = town();
    let open = net.open_currency("EUR");
    assert_eq!(net.act(vec![open.clone()], &["ECB"]), Err(Skip::ThresholdNotMet));
    assert_eq!(net.act(vec![open.clone()], &["fund"]), Err(Skip::ThresholdNotMet));
    net.refuse(set_key("EUR", KeyRole::Grant), &["ECB"], PursesNotOpen);
    net.must(vec![open.clone()], &["ECB", "fund"]);
    net.refuse(open, &["ECB", "fund"], PursesOpen);
    net.must(vec![net.open_currency("USD")], &["OTHER", "fund"]);
    net.check_restores();
}

#[test]
fn keys_are_set_by_the_issuer_of_the_currency_and_once() {
    let mut net = town();
    net.must(vec![net.open_currency("EUR")], &["ECB", "fund"]);
    net.must(vec![net.open_currency("USD")], &["OTHER", "fund"]);
    let set = set_key("EUR", KeyRole::Grant);
    assert_eq!(net.act(vec![set.clone()], &["OTHER"]), Err(Skip::UnknownSigner));
    net.must(vec![set.clone()], &["ECB"]);
    net.refuse(set.clone(), &["ECB"], ServiceKeyTaken);
    net.refuse(set_key("USD", KeyRole::Grant), &["OTHER"], ServiceKeyTaken);
    let weak = OfflineAction::SetServiceKey {
        currency: code("EUR"),
        key: small_order_keys()[0],
        role: KeyRole::Grant,
    };
    net.refuse(act(weak), &["ECB"], KeyUnusable);
    let withdraw = |currency| {
        act(OfflineAction::WithdrawServiceKey {
            currency: code(currency),
            key: kid(KeyRole::Grant),
        })
    };
    net.refuse(withdraw("USD"), &["OTHER"], UnknownServiceKey);
    net.must(vec![withdraw("EUR")], &["ECB"]);
    net.refuse(withdraw("EUR"), &["ECB"], UnknownServiceKey);
    net.refuse(set, &["ECB"], ServiceKeyTaken);
    net.check_restores();
}

#[test]
fn a_currency_has_at_most_64_keys_in_use() {
    let mut net = town();
    net.must(vec![net.open_currency("EUR")], &["ECB", "fund"]);
    let set = |number: u8| {
        act(OfflineAction::SetServiceKey {
            currency: code("EUR"),
            key: crate::example::key(number),
            role: KeyRole::Beacon,
        })
    };
    net.must((0..64).map(set).collect(), &["ECB"]);
    net.refuse(set(64), &["ECB"], RegistryFull);
    let withdraw = OfflineAction::WithdrawServiceKey {
        currency: code("EUR"),
        key: KeyId::of(&crate::example::key(0)),
    };
    net.must(vec![act(withdraw), set(64)], &["ECB"]);
}

#[test]
fn registering_refuses_in_the_documented_order() {
    let mut net = open_town();
    let with = |change: fn(&mut Certificate)| {
        let mut body = certificate("alice");
        change(&mut body);
        certified(body)
    };
    let by_nobody = |owner| OfflineAction::RegisterPurse {
        operator: pid("BANK"),
        owner,
        certificate: with(|body| body.currency = CurrencyIndex(9)),
    };
    net.refuse(act(by_nobody(AccountId([0xee; 20]))), &["BANK"], UnknownAccount);
    let by_another = OfflineAction::RegisterPurse {
        operator: pid("OTHER"),
        owner: net.of("alice"),
        certificate: certified(certificate("alice")),
    };
    net.refuse(act(by_another), &["OTHER"], NotPermitted);
    net.must(vec![freeze_alice(&net)], &["BANK"]);
    let rows = [
        (with(|body| body.currency = CurrencyIndex(9)), UnknownCurrency),
        (with(|body| body.issuer = kid(KeyRole::Grant)), UnknownServiceKey),
        (
            with(|body| {
                body.key = small_order_keys()[0];
                body.serial = Serial(9);
            }),
            KeyUnusable,
        ),
        (signed(certificate("alice"), &service(KeyRole::Grant)), MessageInvalid),
    ];
    for (certificate, reason) in rows {
        net.refuse(net.registration("alice", certificate), &["BANK"], reason);
    }
    // An account that is frozen may have a purse.
    net.must(vec![net.register("alice")], &["BANK"]);
    net.check_restores();
}

fn freeze_alice(net: &Network) -> Action {
    freeze("BANK", net.of("alice"), crate::transaction::FreezeScope::Account)
}

fn close_empty(net: &mut Network, account: AccountId) -> Action {
    let to = net.of("alice");
    let empty = ["EUR", "USD"].map(|name| transfer(account, to, name, MINTED));
    net.must(empty.to_vec(), &["dave"]);
    close("BANK", account)
}

#[test]
fn a_closed_account_gets_no_purse() {
    let mut net = open_town();
    let dave = net.of("dave");
    let closing = close_empty(&mut net, dave);
    net.must(vec![closing], &["BANK"]);
    net.refuse(net.register("dave"), &["BANK"], AccountNotActive);
}

#[test]
fn a_purse_keeps_its_owner_key_and_currency_and_gets_newer_certificates() {
    let mut net = open_town();
    net.must(vec![net.register("alice")], &["BANK"]);
    let renewed = |change: fn(&mut Certificate)| {
        let mut body = certificate("alice");
        body.serial = Serial(2);
        change(&mut body);
        certified(body)
    };
    let refused = [
        renewed(|body| body.serial = Serial(1)),
        renewed(|body| body.key = key("bob's purse")),
        renewed(|body| body.not_before = after(1)),
    ];
    for certificate in refused {
        net.refuse(net.registration("alice", certificate), &["BANK"], CertificateNotNewer);
    }
    let good = renewed(|body| body.not_after = after(28 * 24));
    net.refuse(net.registration("bob", good.clone()), &["BANK"], CertificateNotNewer);
    net.must(vec![net.registration("alice", good)], &["BANK"]);
    net.check_restores();
}

#[test]
fn a_purse_is_revoked_by_its_owner_its_operator_or_the_issuer_once() {
    let mut net = purse_town();
    let revoke = |by, name: &str| act(OfflineAction::RevokePurse { by, purse: purse(name) });
    net.refuse(revoke(Revoker::Owner(net.of("bob")), "alice"), &["bob"], NotPermitted);
    net.refuse(
        revoke(Revoker::Operator(pid("OTHER")), "alice"),
        &["OTHER"],
        NotPermitted,
    );
    net.refuse(revoke(Revoker::Issuer(code("USD")), "alice"), &["OTHER"], NotPermitted);
    net.refuse(revoke(Revoker::Owner(net.of("bob")), "nobody"), &["bob"], UnknownPurse);
    net.must(vec![revoke(Revoker::Owner(net.of("alice")), "alice")], &["alice"]);
    net.must(vec![revoke(Revoker::Operator(pid("BANK")), "bob")], &["BANK"]);
    net.must(vec![revoke(Revoker::Issuer(code("EUR")), "carol")], &["ECB"]);
    net.refuse(revoke(Revoker::Issuer(code("EUR")), "carol"), &["ECB"], PurseRevoked);
    net.refuse(net.register("carol"), &["BANK"], PurseRevoked);
    let load = net.load_action("alice", load_request("alice", 1, 1));
    net.refuse(load, &["alice"], PurseRevoked);
    net.check_restores();
}
