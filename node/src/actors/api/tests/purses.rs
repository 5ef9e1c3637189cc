use actix_web::http::StatusCode;
use causeway_contracts::{
    identity::ParticipantId,
    money::{Amount, Balance},
    offline::{
        action::{OfflineAction, Revoker, Testimony},
        ids::{Epoch, ListVersion, LoadCounter, PurseId, RequestSeq, Seq},
        issuer::KeyRole,
        signed::Body,
    },
    statement::{
        Answer, LoadView, ProofView, PurseCurrencyView, PurseView, REVOCATION_PAGE_MAX, RevocationPage,
        SERVICE_KEYS_MAX, SignedStatement, SpentView,
    },
};
use reqwest::Response;

use super::{
    chain::{ALICE, BANK, BOB, EURO_ISSUER, OTHER_BANK, STRANGER, YEN_ISSUER, account, euro, key, yen},
    node::{Node, header, problem},
    purse_chain::{INDEX, PurseChain, by_purse, purse, receipt, request, service, void},
};

const NOBODY: PurseId = PurseId([7; 8]);

async fn stated(net: &PurseChain, response: Response) -> Answer {
    assert_eq!(response.status().as_u16(), 200);
    let stated: SignedStatement = response.json().await.unwrap();
    assert_eq!(stated.verify(&net.chain.hash, net.chain.ledger.validators()), Ok(1));
    assert_eq!(stated.statement.height, net.chain.ledger.tip().height);
    stated.statement.answer
}

async fn currency(net: &PurseChain, node: &Node) -> PurseCurrencyView {
    match stated(net, node.get("/v1/purses/currencies/EUR").await).await {
        Answer::PurseCurrency(view) => *view,
        other => panic!("not a currency: {other:?}"),
    }
}

async fn revocations(net: &PurseChain, node: &Node, after: u32) -> RevocationPage {
    let path = format!("/v1/purses/currencies/EUR/revocations?after={after}");
    match stated(net, node.get(&path).await).await {
        Answer::Revocations(page) => page,
        other => panic!("no page: {other:?}"),
    }
}

async fn view(net: &PurseChain, node: &Node, seed: u8, id: PurseId) -> PurseView {
    let response = node.get_signed(seed, &format!("/v1/purses/{id}")).await;
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    match stated(net, response).await {
        Answer::Purse(view) => *view,
        other => panic!("not a purse: {other:?}"),
    }
}

async fn load(net: &PurseChain, node: &Node, counter: u32) -> Option<LoadView> {
    let (purse, counter) = (purse(ALICE), LoadCounter(counter));
    let path = format!("/v1/purses/{purse}/loads/{counter}");
    match stated(net, node.get_signed(ALICE, &path).await).await {
        Answer::PurseLoad(load) => {
            assert_eq!((load.purse, load.counter), (purse, counter));
            load.load
        }
        other => panic!("not a load: {other:?}"),
    }
}

async fn spent(net: &PurseChain, node: &Node, owner: u8, seq: u32) -> Vec<SpentView> {
    let (purse, seq) = (purse(owner), Seq(seq));
    let path = format!("/v1/purses/{purse}/spent/{seq}");
    match stated(net, node.get_signed(owner, &path).await).await {
        Answer::PurseSpent(spent) => {
            assert_eq!((spent.purse, spent.seq), (purse, seq));
            spent.spent.into_vec()
        }
        other => panic!("not of a number: {other:?}"),
    }
}

#[actix_web::test]
async fn anyone_reads_what_is_said_to_all_purses() {
    let mut net = PurseChain::new().await;
    let node = Node::checking(&net.chain);
    let at_first = currency(&net, &node).await;
    assert_eq!((at_first.currency, at_first.index), (euro(), INDEX));
    assert_eq!(at_first.fund, account(&net.chain.hash, BOB));
    assert_eq!((at_first.beacon, at_first.list_version), (None, ListVersion(0)));
    let roles = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon];
    for role in roles {
        let public = key(service(role)).public_key();
        let entry = at_first.keys.iter().find(|entry| entry.key == public).expect("known");
        assert_eq!((entry.role, entry.is_withdrawn), (role, false));
    }
    let fund = OfflineAction::FundGuarantee {
        fund: account(&net.chain.hash, BOB),
        currency: euro(),
        amount: Amount(9),
    };
    net.must(fund, &[BOB]).await;
    net.revoke(1, NOBODY).await;
    let beacon = net.beacon_of_one(NOBODY).await;
    net.withdraw_key(service(KeyRole::Grant)).await;
    let now = currency(&net, &node).await;
    assert_eq!((now.guarantee, now.claims_waiting), (Amount(9), 0));
    assert_eq!((now.beacon, now.list_version), (Some(beacon), ListVersion(1)));
    let withdrawn: Vec<_> = now.keys.iter().filter(|entry| entry.is_withdrawn).collect();
    assert_eq!((now.keys.len(), withdrawn.len()), (3, 1));
    assert_eq!(withdrawn[0].key, key(service(KeyRole::Grant)).public_key());
    node.server.stop().await;
}

#[actix_web::test]
async fn a_currency_that_purses_may_not_hold_is_told_from_one_that_is_none() {
    let net = PurseChain::closed();
    let node = Node::checking(&net.chain);
    for path in ["/v1/purses/currencies/JPY", "/v1/purses/currencies/JPY/revocations"] {
        let answer = stated(&net, node.get(path).await).await;
        assert_eq!(answer, Answer::NoPurseCurrency(yen()));
    }
    for path in ["/v1/purses/currencies/jpy", "/v1/purses/currencies/jpy/revocations"] {
        problem(node.get(path).await, StatusCode::BAD_REQUEST, "bad_currency").await;
    }
    for query in ["after=x", "after=-1", "after=4294967296", "from=1"] {
        let response = node
            .get(&format!("/v1/purses/currencies/JPY/revocations?{query}"))
            .await;
        problem(response, StatusCode::BAD_REQUEST, "bad_query").await;
    }
    node.server.stop().await;
}

/// Keys that are withdrawn stay for ever; they must not keep one that is in use out of the answer.
#[actix_web::test]
async fn all_keys_in_use_are_shown_however_many_are_withdrawn() {
    let mut net = PurseChain::new().await;
    for seed in 130..=u8::MAX {
        net.set_key(seed, KeyRole::Beacon).await;
        net.withdraw_key(seed).await;
    }
    let node = Node::checking(&net.chain);
    let keys = currency(&net, &node).await.keys;
    let in_use = keys.iter().filter(|entry| !entry.is_withdrawn).count();
    assert_eq!((in_use, keys.len()), (3, 3 + SERVICE_KEYS_MAX / 2));
    node.server.stop().await;
}

#[actix_web::test]
async fn a_revocation_list_is_read_in_pages() {
    let mut net = PurseChain::new().await;
    let mut deltas = Vec::new();
    for version in 1..=REVOCATION_PAGE_MAX as u32 + 1 {
        deltas.push(net.revoke(version, PurseId([version as u8; 8])).await);
    }
    let node = Node::checking(&net.chain);
    let first = revocations(&net, &node, 0).await;
    assert_eq!((first.currency, first.after), (euro(), ListVersion(0)));
    assert_eq!(first.deltas[..], deltas[..REVOCATION_PAGE_MAX]);
    assert!(first.has_more);
    for (after, rest) in [
        (1, &deltas[1..]),
        (REVOCATION_PAGE_MAX as u32, &deltas[REVOCATION_PAGE_MAX..]),
        (REVOCATION_PAGE_MAX as u32 + 1, &[]),
        (u32::MAX, &[]),
    ] {
        let page = revocations(&net, &node, after).await;
        assert_eq!((page.after, page.has_more), (ListVersion(after), false));
        assert_eq!(page.deltas[..], *rest, "after {after}");
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn those_whom_a_purse_concerns_read_it() {
    let mut net = PurseChain::new().await;
    net.load(ALICE, 1, 1_000).await;
    let node = Node::checking(&net.chain);
    let id = purse(ALICE);
    let expected = PurseView {
        id,
        owner: account(&net.chain.hash, ALICE),
        operator: ParticipantId::new("BANK").unwrap(),
        currency: euro(),
        certificate: net.certificate(ALICE),
        loads: LoadCounter(1),
        owed: Balance::ZERO,
        is_revoked: false,
        proofs: Default::default(),
    };
    let readers = [ALICE, BANK, EURO_ISSUER]
        .into_iter()
        .chain([KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon].map(service));
    for seed in readers {
        assert_eq!(view(&net, &node, seed, id).await, expected, "key {seed}");
    }
    node.server.stop().await;
}

/// To strangers all that is about a purse is the same, whether or not there is one.
#[actix_web::test]
async fn others_are_refused_alike_whether_or_not_there_is_a_purse() {
    let mut net = PurseChain::new().await;
    net.load(ALICE, 1, 1_000).await;
    net.withdraw_key(service(KeyRole::Grant)).await;
    let node = Node::checking(&net.chain);
    let paths = |id: PurseId| ["", "/loads/1", "/spent/1"].map(|rest| format!("/v1/purses/{id}{rest}"));
    for seed in [BOB, STRANGER, service(KeyRole::Grant), 100 + ALICE] {
        for (there, nobody) in paths(purse(ALICE)).iter().zip(paths(NOBODY)) {
            let there = node.get_signed(seed, there).await;
            let there = problem(there, StatusCode::FORBIDDEN, "not_permitted").await;
            let nobody = node.get_signed(seed, &nobody).await;
            let nobody = problem(nobody, StatusCode::FORBIDDEN, "not_permitted").await;
            assert_eq!(there, nobody, "key {seed}");
        }
    }
    // Participants with nothing to do with it.
    for seed in [OTHER_BANK, YEN_ISSUER] {
        for path in paths(purse(ALICE)) {
            let response = node.get_signed(seed, &path).await;
            problem(response, StatusCode::FORBIDDEN, "not_permitted").await;
        }
    }
    // Nobody without a key.
    for path in paths(purse(ALICE)) {
        problem(node.get(&path).await, StatusCode::UNAUTHORIZED, "unsigned").await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn participants_and_services_are_told_that_there_is_no_purse() {
    let net = PurseChain::new().await;
    let node = Node::checking(&net.chain);
    for seed in [BANK, OTHER_BANK, EURO_ISSUER, service(KeyRole::Beacon)] {
        for rest in ["", "/loads/1", "/spent/1"] {
            let response = node.get_signed(seed, &format!("/v1/purses/{NOBODY}{rest}")).await;
            assert_eq!(stated(&net, response).await, Answer::NoPurse(NOBODY), "key {seed}");
        }
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn what_is_no_id_and_no_number_is_told() {
    let net = PurseChain::closed();
    let node = Node::checking(&net.chain);
    for (path, code) in [
        ("/v1/purses/7", "bad_purse_id"),
        ("/v1/purses/currencies", "bad_purse_id"),
        ("/v1/purses/7/loads/1", "bad_purse_id"),
        ("/v1/purses/0707070707070707/loads/-1", "bad_number"),
        ("/v1/purses/0707070707070707/spent/4294967296", "bad_number"),
    ] {
        problem(node.get_signed(ALICE, path).await, StatusCode::BAD_REQUEST, code).await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_load_is_shown_from_its_beginning_to_its_end() {
    let mut net = PurseChain::new().await;
    let node = Node::checking(&net.chain);
    assert_eq!(load(&net, &node, 1).await, None);
    let body = net.load(ALICE, 1, 1_000).await;
    let mut expected = LoadView {
        lot: body.load,
        amount: Amount(1_000),
        left: Amount(1_000),
        grant: None,
        due: Epoch(net.hour().0 + 3 * 24),
        is_ended: false,
    };
    assert_eq!(load(&net, &node, 1).await, Some(expected.clone()));
    expected.grant = Some(net.grant(&body).await);
    expected.due = Epoch(body.expiry.0 + 30 * 24);
    assert_eq!(load(&net, &node, 1).await, Some(expected.clone()));
    let paid = net.transfer(1, &body, 1);
    net.testify(vec![Testimony::Transfer(by_purse(ALICE, paid.clone()))])
        .await;
    net.redeem(1, &paid, 250).await;
    expected.left = Amount(750);
    assert_eq!(load(&net, &node, 1).await, Some(expected));
    assert_eq!(load(&net, &node, 2).await, None);
    node.server.stop().await;
}

#[actix_web::test]
async fn what_became_of_each_number_is_shown() {
    let mut net = PurseChain::new().await;
    let node = Node::checking(&net.chain);
    let lot = net.load(ALICE, 1, 1_200).await;
    net.grant(&lot).await;
    assert_eq!(spent(&net, &node, ALICE, 1).await, []);
    let [paid, voided] = [1, 2].map(|seq| net.transfer(seq, &lot, seq));
    let told = [&paid, &voided].map(|body| Testimony::Transfer(by_purse(ALICE, body.clone())));
    net.testify(told.to_vec()).await;
    let pending = |id| SpentView {
        id,
        is_void: false,
        is_received: false,
        drawn: Amount(0),
        is_settled: false,
    };
    assert_eq!(spent(&net, &node, ALICE, 1).await, [pending(paid.id())]);
    // A receipt says what it is about only with the request.
    net.testify(vec![Testimony::Receipt(by_purse(BOB, receipt(1, &paid)))])
        .await;
    assert_eq!(spent(&net, &node, ALICE, 1).await, [pending(paid.id())]);
    let told = vec![
        Testimony::Request(by_purse(BOB, request(BOB, 1))),
        Testimony::Void(by_purse(BOB, void(BOB, 2))),
    ];
    net.testify(told).await;
    let redemption = net.redeem(1, &paid, 250).await;
    let received = SpentView {
        is_received: true,
        drawn: Amount(250),
        ..pending(paid.id())
    };
    assert_eq!(spent(&net, &node, ALICE, 1).await, [received]);
    let void = SpentView {
        is_void: true,
        ..pending(voided.id())
    };
    assert_eq!(spent(&net, &node, ALICE, 2).await, [void]);
    let settled = spent(&net, &node, BOB, 1).await;
    assert_eq!(
        (settled.len(), settled[0].id, settled[0].is_settled),
        (1, redemption, true)
    );
    assert_eq!(spent(&net, &node, ALICE, 0).await, []);
    node.server.stop().await;
}

#[actix_web::test]
async fn what_waits_for_money_is_counted_and_owed() {
    let mut net = PurseChain::new().await;
    let lot = net.load(ALICE, 1, 1_000).await;
    net.grant(&lot).await;
    let paid = [1, 2].map(|seq| net.transfer(seq, &lot, seq));
    let told = paid
        .each_ref()
        .map(|body| Testimony::Transfer(by_purse(ALICE, body.clone())));
    net.testify(told.to_vec()).await;
    for (seq, body) in (1..).zip(&paid) {
        net.redeem(seq, body, 600).await;
    }
    let node = Node::checking(&net.chain);
    assert_eq!(currency(&net, &node).await.claims_waiting, 1);
    assert_eq!(view(&net, &node, BANK, purse(ALICE)).await.owed, Balance(200));
    assert_eq!(load(&net, &node, 1).await.map(|load| load.left), Some(Amount(0)));
    node.server.stop().await;
}

#[actix_web::test]
async fn proofs_against_a_purse_are_shown_with_what_they_are_about() {
    let mut net = PurseChain::new().await;
    let lot = net.load(ALICE, 1, 1_000).await;
    net.grant(&lot).await;
    // Two ways under one number, and together more than the lot has.
    let fork = [1, 2].map(|asked| net.transfer(5, &lot, asked));
    let told = fork
        .each_ref()
        .map(|body| Testimony::Transfer(by_purse(ALICE, body.clone())));
    net.testify(told.to_vec()).await;
    let told = vec![
        Testimony::Receipt(by_purse(BOB, receipt(9, &fork[0]))),
        Testimony::Void(by_purse(BOB, void(BOB, 9))),
    ];
    net.testify(told).await;
    let revoke = OfflineAction::RevokePurse {
        by: Revoker::Owner(account(&net.chain.hash, ALICE)),
        purse: purse(ALICE),
    };
    net.must(revoke, &[ALICE]).await;
    let node = Node::checking(&net.chain);
    let alices = view(&net, &node, BANK, purse(ALICE)).await;
    assert_eq!(alices.proofs[..], [ProofView::Place(Seq(5)), ProofView::Lot(lot.load)]);
    assert!(alices.is_revoked);
    let bobs = view(&net, &node, BANK, purse(BOB)).await;
    assert_eq!(bobs.proofs[..], [ProofView::Word(RequestSeq(9))]);
    assert!(!bobs.is_revoked);
    let mut ids = fork.map(|body| body.id());
    ids.sort();
    let shown = spent(&net, &node, ALICE, 5).await;
    assert_eq!(shown.iter().map(|it| it.id).collect::<Vec<_>>(), ids);
    node.server.stop().await;
}
