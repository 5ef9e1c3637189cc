use actix_web::http::StatusCode;
use causeway_contracts::{
    api::{BookView, PathView},
    codec::{Bounded, Text},
    identity::AccountId,
    ledger::receipt::{Outcome, Subject},
    money::Amount,
    settlement::{
        ContractId, Ending, Escrow, Hold, Leg, Offer, Request, SettlementAction, Side, Status,
        condition::Condition,
        netting::{Cycle, Obligation},
    },
    statement::{Answer, ContractView, SignedStatement},
    transaction::{Action, UnixSeconds},
};

use crate::actors::ledger::{message::ContractsOf, page};

use super::{
    chain::{ALICE, BANK, BOB, Chain, EURO_ISSUER, OTHER_BANK, STRANGER, account, act, euro, key, yen},
    node::{Node, problem},
};

fn leg(chain: &Chain) -> Leg {
    Leg {
        debtor: account(&chain.hash, ALICE),
        creditor: account(&chain.hash, BOB),
        currency: euro(),
        amount: Amount(7),
    }
}

/// In a minute.
fn soon(chain: &Chain) -> UnixSeconds {
    UnixSeconds(chain.ledger.tip().time_ms.0 / 1000 + 60)
}

/// What has been opened by one action of Alice's.
async fn opened(chain: &mut Chain, nonce: u64, action: SettlementAction) -> ContractId {
    let tx = act(&chain.hash, nonce, Action::Settle(action), ALICE);
    let id = ContractId::derive(&tx.id(), 0);
    let block = chain.commit(vec![tx]).await;
    assert_eq!(block.receipts[0].outcome, Outcome::Applied);
    id
}

async fn status(node: &Node, seed: u8, id: &ContractId) -> u16 {
    node.get_signed(seed, &format!("/v1/contracts/{id}"))
        .await
        .status()
        .as_u16()
}

async fn answer(node: &Node, chain: &Chain, seed: u8, id: &ContractId) -> Answer {
    let response = node.get_signed(seed, &format!("/v1/contracts/{id}")).await;
    assert_eq!(response.status().as_u16(), 200, "key {seed}");
    let stated: SignedStatement = response.json().await.unwrap();
    assert_eq!(stated.verify(&chain.hash, chain.ledger.validators()), Ok(1));
    stated.statement.answer
}

#[actix_web::test]
async fn those_whom_a_contract_concerns_read_it() {
    let mut chain = Chain::new(8);
    let leg = leg(&chain);
    let hold = Hold {
        legs: Bounded::new(vec![leg]).unwrap(),
        expires_at: soon(&chain),
        post_by: Bounded::new(vec![leg.creditor]).unwrap(),
        void_by: Bounded::new(vec![leg.creditor]).unwrap(),
    };
    let id = opened(&mut chain, 1, SettlementAction::Hold(hold)).await;
    let node = Node::checking(&chain);
    for seed in [ALICE, BOB, BANK] {
        let Answer::Contract(view) = answer(&node, &chain, seed, &id).await else {
            panic!("key {seed}");
        };
        let ContractView { id: named, status, .. } = *view;
        assert_eq!((named, status), (id, Status::Open));
    }
    for seed in [STRANGER, OTHER_BANK, EURO_ISSUER] {
        assert_eq!(status(&node, seed, &id).await, 403, "key {seed}");
    }
    // Strangers are told the same of what is not there; participants that it is not.
    let nothing = ContractId([9; 20]);
    assert_eq!(status(&node, STRANGER, &nothing).await, 403);
    assert_eq!(
        answer(&node, &chain, OTHER_BANK, &nothing).await,
        Answer::NoContract(nothing)
    );
    let response = node.get_signed(ALICE, "/v1/contracts/7").await;
    problem(response, StatusCode::BAD_REQUEST, "bad_contract_id").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn an_accounts_contracts_are_listed_to_it_and_its_operator() {
    let mut chain = Chain::new(8);
    let leg = leg(&chain);
    let request = |payer| Request {
        payee: leg.debtor,
        payer,
        currency: leg.currency,
        amount: leg.amount,
        reference: Text::default(),
        expires_at: soon(&chain),
    };
    let requests = [request(Some(leg.creditor)), request(None)].map(SettlementAction::Request);
    let mut ids = Vec::new();
    for (nonce, action) in (1..).zip(requests) {
        ids.push(opened(&mut chain, nonce, action).await);
    }
    let asked = [ids[0]];
    ids.sort_unstable();
    let node = Node::checking(&chain);
    let path = |account: AccountId| {
        let address = account.address(chain.genesis.address_prefix);
        format!("/v1/accounts/{address}/contracts")
    };
    for (account, seeds, expected) in [
        (leg.debtor, [ALICE, BANK], &ids[..]),
        (leg.creditor, [BOB, BANK], &asked),
    ] {
        for seed in seeds {
            let response = node.get_signed(seed, &path(account)).await;
            assert_eq!(response.status().as_u16(), 200, "key {seed}");
            let stated: SignedStatement = response.json().await.unwrap();
            assert_eq!(stated.verify(&chain.hash, chain.ledger.validators()), Ok(1));
            let Answer::Contracts(page) = stated.statement.answer else {
                panic!("key {seed}");
            };
            assert_eq!((page.account, page.after, page.has_more), (account, None, false));
            assert_eq!(&page.contracts[..], expected);
        }
    }
    for seed in [BOB, STRANGER, OTHER_BANK, EURO_ISSUER] {
        let response = node.get_signed(seed, &path(leg.debtor)).await;
        problem(response, StatusCode::FORBIDDEN, "not_permitted").await;
    }
    let nowhere = node.get_signed(OTHER_BANK, &path(AccountId([9; 20]))).await;
    problem(nowhere, StatusCode::FORBIDDEN, "not_permitted").await;
    let after = format!("{}?after={}", path(leg.debtor), ids[0]);
    assert_eq!(node.get_signed(ALICE, &after).await.status().as_u16(), 200);
    let bad = node.get_signed(ALICE, &format!("{}?after=7", path(leg.debtor))).await;
    problem(bad, StatusCode::BAD_REQUEST, "bad_query").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn a_page_of_contracts_has_a_hundred_and_the_next_goes_on_after_it() {
    let mut chain = Chain::new(8);
    let leg = leg(&chain);
    let expires_at = soon(&chain);
    let request = |nonce| {
        let request = Request {
            payee: leg.debtor,
            payer: None,
            currency: leg.currency,
            amount: leg.amount,
            reference: Text::default(),
            expires_at,
        };
        act(
            &chain.hash,
            nonce,
            Action::Settle(SettlementAction::Request(request)),
            ALICE,
        )
    };
    let requests: Vec<_> = (1..=101).map(request).collect();
    let mut ids: Vec<_> = requests.iter().map(|tx| ContractId::derive(&tx.id(), 0)).collect();
    ids.sort_unstable();
    let block = chain.commit(requests).await;
    assert!(block.receipts.iter().all(|receipt| receipt.outcome == Outcome::Applied));
    let read = |after| {
        let account = leg.debtor;
        let (tip, page) = page(&chain.ledger, &ContractsOf { account, after });
        assert_eq!((&tip, page.account, page.after), (chain.ledger.tip(), account, after));
        (page.contracts.to_vec(), page.has_more)
    };
    assert_eq!(read(None), (ids[..100].to_vec(), true));
    assert_eq!(read(Some(ids[99])), (ids[100..].to_vec(), false));
    assert_eq!(read(Some(ids[0])), (ids[1..].to_vec(), false));
    assert_eq!(read(Some(ids[100])), (Vec::new(), false));
}

#[actix_web::test]
async fn who_may_agree_to_an_escrow_reads_it() {
    let mut chain = Chain::new(8);
    let leg = leg(&chain);
    let agreed = Condition::SignedBy {
        keys: Bounded::new(vec![key(STRANGER).public_key()]).unwrap(),
        threshold: 1,
    };
    let escrow = Escrow {
        payer: leg.debtor,
        payee: leg.creditor,
        currency: leg.currency,
        amount: leg.amount,
        release_when: agreed.clone(),
        refund_when: agreed,
        expires_at: soon(&chain),
        on_expiry: Side::Refund,
    };
    let id = opened(&mut chain, 1, SettlementAction::Escrow(escrow)).await;
    let node = Node::checking(&chain);
    assert_eq!(status(&node, STRANGER, &id).await, 200);
    assert_eq!(status(&node, OTHER_BANK, &id).await, 403);
    node.server.stop().await;
}

#[actix_web::test]
async fn what_the_ledger_ended_by_itself_has_a_receipt_and_a_name() {
    let mut chain = Chain::new(8);
    let leg = leg(&chain);
    let hold = Hold {
        legs: Bounded::new(vec![leg]).unwrap(),
        expires_at: UnixSeconds(chain.ledger.tip().time_ms.0 / 1000 + 3),
        post_by: Bounded::new(vec![leg.creditor]).unwrap(),
        void_by: Bounded::new(vec![leg.creditor]).unwrap(),
    };
    let id = opened(&mut chain, 1, SettlementAction::Hold(hold)).await;
    let mut ended = None;
    for _ in 0..8 {
        let block = chain.commit(vec![]).await;
        ended = ended.or(block.receipts.first().map(|receipt| receipt.subject));
    }
    let how = Ending::Expired;
    assert_eq!(ended, Some(Subject::System { contract: id, how }));
    let node = Node::checking(&chain);
    let Answer::Contract(view) = answer(&node, &chain, ALICE, &id).await else {
        panic!("it is remembered");
    };
    assert!(matches!(
        view.status,
        Status::Ended {
            how: Ending::Expired,
            ..
        }
    ));
    node.server.stop().await;
}

#[actix_web::test]
async fn anyone_reads_reference_rates() {
    let mut chain = Chain::new(8);
    let rate = "161.25".parse().unwrap();
    let as_of = UnixSeconds(chain.ledger.tip().time_ms.0 / 1000);
    let set = SettlementAction::SetReferenceRate {
        from: euro(),
        to: yen(),
        rate,
        as_of,
    };
    let set = act(&chain.hash, 1, Action::Settle(set), EURO_ISSUER);
    let block = chain.commit(vec![set]).await;
    assert_eq!(block.receipts[0].outcome, Outcome::Applied);
    let node = Node::checking(&chain);
    let read = async |path: &str| -> Answer {
        let stated: SignedStatement = node.get(path).await.json().await.unwrap();
        stated.statement.answer
    };
    let Answer::ReferenceRate { rate: Some(known), .. } = read("/v1/rates/EUR/JPY").await else {
        panic!("it was made known");
    };
    assert_eq!((known.rate, known.as_of), (rate, as_of));
    let none = Answer::ReferenceRate {
        from: yen(),
        to: euro(),
        rate: None,
    };
    assert_eq!(read("/v1/rates/JPY/EUR").await, none);
    node.server.stop().await;
}

#[actix_web::test]
async fn anyone_reads_books_and_is_told_the_best_way() {
    let mut chain = Chain::new(8);
    let offer = |rate: &str| {
        SettlementAction::Offer(Offer {
            maker: account(&chain.hash, ALICE),
            sell: euro(),
            buy: yen(),
            rate: rate.parse().unwrap(),
            amount: Amount(1_000),
            min_fill: Amount(0),
            expires_at: soon(&chain),
        })
    };
    let (dear, cheap) = (offer("165"), offer("160.5"));
    let dear = opened(&mut chain, 1, dear).await;
    let cheap = opened(&mut chain, 2, cheap).await;
    let node = Node::checking(&chain);
    let book: BookView = node.get("/v1/books/EUR/JPY").await.json().await.unwrap();
    let ids: Vec<_> = book.offers.iter().map(|offer| offer.id).collect();
    assert_eq!(ids, [cheap, dear]);
    let none: BookView = node.get("/v1/books/JPY/EUR").await.json().await.unwrap();
    assert_eq!(none.offers, []);
    // 10.00 EUR cost 1,605 JPY, 5.00 more 825.
    let way: PathView = node
        .get("/v1/paths?from=JPY&to=EUR&deliver=1500")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!((way.path, way.sent), (vec![yen(), euro()], Amount(2_430)));
    let way: PathView = node
        .get("/v1/paths?from=JPY&to=EUR&send=2430")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(way.delivered, Amount(1_500));
    let way: PathView = node.get("/v1/paths?from=EUR&to=JPY&send=1").await.json().await.unwrap();
    assert_eq!(way.path, []);
    let response = node.get("/v1/paths?from=EUR&to=JPY").await;
    problem(response, StatusCode::BAD_REQUEST, "bad_query").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn a_cycles_opener_sees_all_positions_and_others_their_own() {
    let mut chain = Chain::new(8);
    let (alice, bob) = (account(&chain.hash, ALICE), account(&chain.hash, BOB));
    let mut participants = vec![alice, bob];
    participants.sort_unstable();
    let cycle = Cycle {
        opener: alice,
        participants: Bounded::new(participants).unwrap(),
        currencies: Bounded::new(vec![euro()]).unwrap(),
        closes_at: soon(&chain),
    };
    let id = opened(&mut chain, 1, SettlementAction::OpenCycle(cycle)).await;
    for (nonce, participant, seed) in [(2, alice, ALICE), (3, bob, BOB)] {
        let prefund = SettlementAction::Prefund {
            cycle: id,
            participant,
            currency: euro(),
            amount: Amount(50),
        };
        let prefund = act(&chain.hash, nonce, Action::Settle(prefund), seed);
        let block = chain.commit(vec![prefund]).await;
        assert_eq!(block.receipts[0].outcome, Outcome::Applied);
    }
    let owes = SettlementAction::Oblige(Obligation {
        cycle: id,
        debtor: alice,
        creditor: bob,
        currency: euro(),
        amount: Amount(20),
    });
    let owes = act(&chain.hash, 4, Action::Settle(owes), ALICE);
    chain.commit(vec![owes]).await;
    let node = Node::checking(&chain);
    let mut nets = Vec::new();
    for seed in [ALICE, BANK, BOB] {
        let Answer::Contract(view) = answer(&node, &chain, seed, &id).await else {
            panic!("key {seed}");
        };
        let mut seen: Vec<_> = view.positions.iter().map(|it| (it.net.0, it.prefunded.0)).collect();
        seen.sort_unstable();
        nets.push(seen);
    }
    assert_eq!(
        nets,
        [vec![(-20, 50), (20, 50)], vec![(-20, 50), (20, 50)], vec![(20, 50)]]
    );
    node.server.stop().await;
}

#[actix_web::test]
async fn a_request_to_anyone_is_shown_to_who_has_its_id() {
    let mut chain = Chain::new(8);
    let request = |payer| {
        SettlementAction::Request(Request {
            payee: account(&chain.hash, ALICE),
            payer,
            currency: euro(),
            amount: Amount(5),
            reference: Text::default(),
            expires_at: soon(&chain),
        })
    };
    let (open, named) = (request(None), request(Some(account(&chain.hash, BOB))));
    let open = opened(&mut chain, 1, open).await;
    let named = opened(&mut chain, 2, named).await;
    let node = Node::checking(&chain);
    assert_eq!(status(&node, STRANGER, &open).await, 200);
    assert_eq!(status(&node, STRANGER, &named).await, 403);
    assert_eq!(status(&node, BOB, &named).await, 200);
    node.server.stop().await;
}
