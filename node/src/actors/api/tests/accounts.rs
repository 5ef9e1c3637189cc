use actix_web::http::StatusCode;
use causeway_contracts::{
    api::{KEY_HEADER, REQUEST_SKEW_MS, SIGNATURE_HEADER, TIME_HEADER},
    block::{GenesisHash, Height, TimeMs},
    identity::{AccountId, AddressPrefix, ParticipantId, ReasonCode},
    ledger::receipt::Outcome,
    money::{Amount, Balance, Currency},
    statement::{AccountView, Answer, SignedStatement},
    transaction::{Action, FreezeScope, SignedTransaction},
};
use reqwest::{RequestBuilder, Response};

use super::{
    chain::{ALICE, BANK, BOB, Chain, EURO_ISSUER, OTHER_BANK, STRANGER, YEN_ISSUER, account, act, euro, payment, yen},
    node::{Node, header, problem, send},
    signing::{Signing, now},
};
use crate::actors::penalty::INVALID_MAX;

const NOBODY: AccountId = AccountId([7; 20]);

fn path(account: AccountId) -> String {
    format!("/v1/accounts/{}", account.address(AddressPrefix::Devnet))
}

async fn read(node: &Node, seed: u8, account: AccountId) -> Response {
    node.get_signed(seed, &path(account)).await
}

#[actix_web::test]
async fn those_whom_an_account_concerns_read_it() {
    let mut chain = Chain::new(8);
    chain.commit(vec![payment(&chain.hash, 1)]).await;
    let node = Node::checking(&chain);
    let id = account(&chain.hash, ALICE);
    for seed in [ALICE, BANK, EURO_ISSUER] {
        let response = read(&node, seed, id).await;
        assert_eq!(response.status().as_u16(), 200, "key {seed}");
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let stated: SignedStatement = response.json().await.unwrap();
        assert_eq!(stated.verify(&chain.hash, chain.ledger.validators()), Ok(1));
        assert_eq!(stated.statement.height, Height(1));
        let Answer::Account(view) = stated.statement.answer else {
            panic!("not an account: {:?}", stated.statement.answer);
        };
        assert_eq!(view.id, id);
        assert_eq!(view.balances.len(), 1);
        assert_eq!(view.balances[0].currency, euro());
        assert_eq!(view.balances[0].available, Balance(99_999_999));
        assert_eq!(view.balances[0].spent_today, Amount(1));
    }
    node.server.stop().await;
}

async fn view(node: &Node, seed: u8, account: AccountId) -> AccountView {
    let response = read(node, seed, account).await;
    assert_eq!(response.status().as_u16(), 200, "key {seed}");
    let stated: SignedStatement = response.json().await.unwrap();
    match stated.statement.answer {
        Answer::Account(view) => view,
        other => panic!("not an account: {other:?}"),
    }
}

fn currencies(view: &AccountView) -> Vec<Currency> {
    view.balances.iter().map(|balance| balance.currency).collect()
}

async fn must(chain: &mut Chain, transaction: SignedTransaction) {
    let block = chain.commit(vec![transaction]).await;
    assert_eq!(block.receipts[0].outcome, Outcome::Applied);
}

#[actix_web::test]
async fn an_issuer_sees_no_other_currency() {
    let mut chain = Chain::new(8);
    let bob = account(&chain.hash, BOB);
    let issue = Action::Issue {
        currency: yen(),
        to: bob,
        amount: Amount(5),
    };
    let issue = act(&chain.hash, 1, issue, YEN_ISSUER);
    must(&mut chain, issue).await;
    let node = Node::checking(&chain);
    for seed in [BOB, BANK] {
        assert_eq!(currencies(&view(&node, seed, bob).await), [euro(), yen()]);
    }
    assert_eq!(currencies(&view(&node, EURO_ISSUER, bob).await), [euro()]);
    let seen = view(&node, YEN_ISSUER, bob).await;
    assert_eq!(currencies(&seen), [yen()]);
    assert_eq!(seen.balances[0].available, Balance(5));
    // All paid out, and today the issuer may still look.
    let redeem = Action::Redeem {
        currency: yen(),
        from: bob,
        amount: Amount(5),
    };
    let redeem = act(&chain.hash, 2, redeem, BOB);
    must(&mut chain, redeem).await;
    let seen = view(&node, YEN_ISSUER, bob).await;
    assert_eq!(currencies(&seen), [yen()]);
    assert_eq!(seen.balances[0].available, Balance::ZERO);
    node.server.stop().await;
}

#[actix_web::test]
async fn freezing_its_currency_shows_an_issuer_nothing() {
    let mut chain = Chain::new(8);
    let alice = account(&chain.hash, ALICE);
    let freeze = Action::Freeze {
        by: ParticipantId::new("JPYCB").unwrap(),
        account: alice,
        scope: FreezeScope::Currency(yen()),
        reason: ReasonCode(1),
    };
    let freeze = act(&chain.hash, 1, freeze, YEN_ISSUER);
    must(&mut chain, freeze).await;
    let node = Node::checking(&chain);
    assert_eq!(currencies(&view(&node, BANK, alice).await), [euro(), yen()]);
    let response = read(&node, YEN_ISSUER, alice).await;
    problem(response, StatusCode::FORBIDDEN, "not_permitted").await;
    node.server.stop().await;
}

/// A stranger's key learns nothing: not even whether there is an account.
#[actix_web::test]
async fn others_are_refused_alike_whether_or_not_it_exists() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let there = account(&chain.hash, ALICE);
    for seed in [BOB, STRANGER] {
        let there = problem(read(&node, seed, there).await, StatusCode::FORBIDDEN, "not_permitted").await;
        let nobody = problem(read(&node, seed, NOBODY).await, StatusCode::FORBIDDEN, "not_permitted").await;
        assert_eq!(there, nobody);
    }
    // Participants with nothing to do with it.
    for seed in [OTHER_BANK, YEN_ISSUER] {
        problem(read(&node, seed, there).await, StatusCode::FORBIDDEN, "not_permitted").await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn participants_are_told_that_there_is_none() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for seed in [BANK, OTHER_BANK, EURO_ISSUER] {
        let response = read(&node, seed, NOBODY).await;
        let stated: SignedStatement = response.json().await.unwrap();
        assert_eq!(stated.verify(&chain.hash, chain.ledger.validators()), Ok(1));
        assert_eq!(stated.statement.answer, Answer::NoAccount(NOBODY));
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn what_is_not_signed_well_is_refused() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let id = account(&chain.hash, ALICE);
    let other_path = Signing::of(&node, ALICE, path(NOBODY));
    let path = path(id);
    let good = || Signing::of(&node, ALICE, path.as_str());
    let mut rows: Vec<(RequestBuilder, &str)> = vec![(node.client.get(node.url(&path)), "unsigned")];
    for name in [KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER] {
        let (client, request) = good().request(&node, &path).build_split();
        let mut request = request.unwrap();
        request.headers_mut().remove(name);
        rows.push((RequestBuilder::from_parts(client.clone(), request), "unsigned"));
        let (client, request) = good().request(&node, &path).build_split();
        let mut request = request.unwrap();
        request.headers_mut().insert(name, "nonsense".parse().unwrap());
        rows.push((RequestBuilder::from_parts(client, request), "bad_signature_header"));
    }
    for time in [
        now().0 - REQUEST_SKEW_MS - 5_000,
        now().0 + REQUEST_SKEW_MS + 60_000,
        0,
        u64::MAX,
    ] {
        let stale = Signing {
            time: TimeMs(time),
            ..good()
        };
        rows.push((stale.request(&node, &path), "clock_skew"));
    }
    rows.push((other_path.request(&node, &path), "bad_signature"));
    let other_network = Signing {
        genesis: GenesisHash([9; 32]),
        ..good()
    };
    rows.push((other_network.request(&node, &path), "bad_signature"));
    // The query is part of what is signed.
    rows.push((good().request(&node, &format!("{path}?x=1")), "bad_signature"));
    for (request, code) in rows {
        let response = send(request).await;
        assert!(header(&response, "www-authenticate").is_some());
        problem(response, StatusCode::UNAUTHORIZED, code).await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_bad_address_is_told_from_one_of_another_network() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let id = account(&chain.hash, ALICE);
    let main = id.address(AddressPrefix::Main).to_string();
    let devnet = id.address(AddressPrefix::Devnet).to_string();
    let last = if devnet.ends_with('q') { "p" } else { "q" };
    let typo = format!("{}{last}", &devnet[..devnet.len() - 1]);
    for (address, code) in [
        (main.as_str(), "other_network"),
        (&typo, "bad_address"),
        ("alice", "bad_address"),
    ] {
        let response = node.get(&format!("/v1/accounts/{address}")).await;
        problem(response, StatusCode::BAD_REQUEST, code).await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn forged_requests_count_as_invalid_ones() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let id = account(&chain.hash, ALICE);
    let forged = Signing::of(&node, ALICE, path(NOBODY));
    for _ in 0..INVALID_MAX {
        let response = send(forged.request(&node, &path(id))).await;
        problem(response, StatusCode::UNAUTHORIZED, "bad_signature").await;
    }
    let response = read(&node, ALICE, id).await;
    problem(response, StatusCode::TOO_MANY_REQUESTS, "penalized").await;
    node.server.stop().await;
}
