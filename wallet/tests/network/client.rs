use std::time::Duration;

use causeway_contracts::{
    block::TimeMs,
    codec::{Bounded, Text},
    identity::AccountId,
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    proof::TRUST_MS,
    transaction::{Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction},
};
use causeway_wallet::{
    client::{CallError, Client, ClientError, Delivery, Settled},
    clock,
    payment::Payment,
    trust,
};

use crate::mock::{Behaviour, Network, REFUSED_AMOUNT};

fn payment(network: &Network, amount: Amount, memo: &str) -> Payment {
    Payment {
        from: network.payer,
        to: AccountId([2; 20]),
        currency: Currency::new("EUR").expect("a code"),
        amount,
        memo: Text::new(memo).expect("short"),
    }
}

fn signed(network: &Network, amount: Amount, memo: &str) -> SignedTransaction {
    payment(network, amount, memo)
        .sign(&network.genesis.hash(), &Network::key())
        .expect("signed")
}

fn client(network: &Network) -> Client {
    Client::new(network.genesis.clone(), network.nodes.clone()).expect("a client")
}

#[tokio::test]
async fn a_payment_ends_with_a_proof_that_verifies() {
    let network = Network::start([Behaviour::Honest; 4]).await;
    let client = client(&network);
    let good = signed(&network, Amount(5), "a");
    let (proof, verified) = client.submit(&good).await.expect("confirmed");
    assert_eq!((verified.id, verified.outcome), (good.id(), Outcome::Applied));
    assert!(proof.verify(&client.trusted()).is_ok());
    let refused = signed(&network, REFUSED_AMOUNT, "b");
    let (_, verified) = client.submit(&refused).await.expect("confirmed");
    assert!(matches!(verified.outcome, Outcome::Rejected { .. }));
    // The same bytes again change nothing.
    client.submit(&good).await.expect("confirmed again");
    assert_eq!(network.applied(), [("a".to_owned(), 1)].into());
}

/// Three nodes misbehave alike, and the payment is confirmed by the one that does not.
#[tokio::test]
async fn liars_are_not_believed_and_do_not_stop_a_payment() {
    for bad in [
        Behaviour::Silent,
        Behaviour::Dropping,
        Behaviour::Refusing,
        Behaviour::ForgedReceipt,
        Behaviour::ThinCertificate,
        Behaviour::StrangeKeys,
        Behaviour::OtherNetwork,
        Behaviour::OtherProof,
        Behaviour::Endless,
        Behaviour::Denying,
    ] {
        let network = Network::start([bad, bad, bad, Behaviour::Honest]).await;
        network.order(&[signed(&network, Amount(1), "another")]);
        let client = client(&network);
        for amount in [Amount(5), REFUSED_AMOUNT] {
            let tx = signed(&network, amount, "a");
            let (_, verified) = client
                .submit(&tx)
                .await
                .unwrap_or_else(|error| panic!("{bad:?}: {error}"));
            assert_eq!(verified.id, tx.id(), "{bad:?}");
            assert_eq!(verified.outcome == Outcome::Applied, amount == Amount(5), "{bad:?}");
        }
    }
}

/// Where all nodes lie, the wallet says that it does not know.
#[tokio::test]
async fn nothing_is_believed_where_all_nodes_lie() {
    for bad in [
        Behaviour::ForgedReceipt,
        Behaviour::ThinCertificate,
        Behaviour::StrangeKeys,
        Behaviour::OtherNetwork,
        Behaviour::OtherProof,
    ] {
        let network = Network::start([bad; 4]).await;
        let tx = signed(&network, Amount(5), "a");
        network.order(&[tx.clone(), signed(&network, Amount(1), "another")]);
        let error = client(&network).proof(&tx.id()).await.expect_err("not believed");
        assert!(matches!(error, ClientError::Proof(_)), "{bad:?}: {error}");
    }
}

fn expired(network: &Network) -> SignedTransaction {
    valid_for(network, 0)
}

fn valid_for(network: &Network, seconds: u64) -> SignedTransaction {
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: network.genesis.hash().prefix(),
        valid_until: clock::seconds_from_now(seconds),
        nonce: Nonce(1),
        actions: Bounded::new(vec![payment(network, Amount(5), "").action()]).expect("one"),
        memo: Text::default(),
    };
    transaction.sign([&Network::key()]).expect("signed")
}

#[tokio::test]
async fn a_transaction_is_dead_when_a_block_past_its_time_and_enough_validators_say_so() {
    let network = Network::start([
        Behaviour::Dropping,
        Behaviour::Dropping,
        Behaviour::Silent,
        Behaviour::Dropping,
    ])
    .await;
    let tx = expired(&network);
    let settled = client(&network).settle(&tx, Delivery::Never).await.expect("settled");
    assert!(matches!(settled, Settled::Dead { .. }), "{settled:?}");
    // One validator's word is not enough.
    let one = Client::new(network.genesis.clone(), vec![network.nodes[0].clone()]).expect("a client");
    let one = one.with_patience(Duration::from_secs(1));
    let error = one.settle(&tx, Delivery::Never).await.expect_err("not proved");
    assert!(matches!(error, ClientError::Unconfirmed { .. }), "{error}");
}

/// A validator that denies a receipt does not make a transaction dead that is applied.
#[tokio::test]
async fn a_denied_receipt_proves_nothing() {
    let network = Network::start([
        Behaviour::Denying,
        Behaviour::Honest,
        Behaviour::Silent,
        Behaviour::Silent,
    ])
    .await;
    let tx = expired(&network);
    network.order(std::slice::from_ref(&tx));
    let deniers = vec![network.nodes[0].clone(), network.nodes[0].clone()];
    let deceived = Client::new(network.genesis.clone(), deniers).expect("a client");
    let deceived = deceived.with_patience(Duration::from_secs(1));
    let error = deceived
        .settle(&tx, Delivery::Never)
        .await
        .expect_err("one validator by two addresses is one");
    assert!(matches!(error, ClientError::Unconfirmed { .. }), "{error}");
    let settled = client(&network).settle(&tx, Delivery::Never).await.expect("settled");
    assert!(matches!(settled, Settled::Final(_)), "{settled:?}");
}

#[tokio::test]
async fn a_payment_that_every_node_refuses_is_refused() {
    let network = Network::start([Behaviour::Refusing; 4]).await;
    let error = client(&network)
        .submit(&signed(&network, Amount(5), "a"))
        .await
        .expect_err("refused");
    let ClientError::Refused { refused, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(refused.code, "unknown_signer");
}

#[tokio::test]
async fn where_nobody_listens_the_payment_was_not_sent() {
    let network = Network::start([Behaviour::Honest; 4]).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let client = Client::new(network.genesis.clone(), vec![address]).expect("a client");
    let error = client
        .submit(&signed(&network, Amount(5), "a"))
        .await
        .expect_err("unreachable");
    let ClientError::Unreachable { asked: 1, last } = error else {
        panic!("{error}");
    };
    assert!(matches!(*last, CallError::Connect(_)));
}

/// Whoever may have the bytes may bring them into a block.
#[tokio::test]
async fn what_may_have_been_sent_is_never_called_unsent_or_refused() {
    let check = async |network: &Network, delivery, seconds, expected: fn(&Result<Settled, ClientError>) -> bool| {
        let client = client(network).with_patience(Duration::from_millis(100));
        let settled = client.settle(&valid_for(network, seconds), delivery).await;
        assert!(expected(&settled), "{delivery:?}: {settled:?}");
    };
    let unknown: fn(&Result<Settled, ClientError>) -> bool =
        |settled| matches!(settled, Err(ClientError::Unconfirmed { .. }));
    let unreachable: fn(&Result<Settled, ClientError>) -> bool =
        |settled| matches!(settled, Err(ClientError::Unreachable { .. }));
    let gone = Network::start([Behaviour::Vanishing; 4]).await;
    check(&gone, Delivery::Never, 3, unknown).await;
    // By now nobody listens there.
    check(&gone, Delivery::Never, 60, unreachable).await;
    check(&gone, Delivery::Earlier, 60, unknown).await;
    check(&gone, Delivery::Earlier, 0, unknown).await;
    check(&gone, Delivery::Declined, 3, unknown).await;
    let refusing = Network::start([Behaviour::Refusing; 4]).await;
    check(&refusing, Delivery::Never, 60, |settled| {
        matches!(settled, Err(ClientError::Refused { .. }))
    })
    .await;
    // They refuse it, but one of them may have taken it before: only a proof ends that.
    check(&refusing, Delivery::Earlier, 3, |settled| {
        matches!(settled, Ok(Settled::Dead { .. }))
    })
    .await;
}

#[tokio::test]
async fn an_account_is_believed_by_more_than_f_equal_answers() {
    let key = Network::key();
    let network = Network::start([
        Behaviour::Denying,
        Behaviour::Silent,
        Behaviour::Honest,
        Behaviour::Honest,
    ])
    .await;
    let view = client(&network).account(&network.payer, &key).await.expect("agreed");
    assert_eq!(view.map(|view| view.id), Some(network.payer));
    let nobody = client(&network)
        .account(&AccountId([9; 20]), &key)
        .await
        .expect("agreed that there is none");
    assert_eq!(nobody, None);
    let stranger = SecretKey::from_seed(&[99; 32]);
    let network = Network::start([Behaviour::Honest; 4]).await;
    let error = client(&network)
        .account(&network.payer, &stranger)
        .await
        .expect_err("not shown");
    assert!(matches!(error, ClientError::NotAllowed(_)), "{error}");
}

#[tokio::test]
async fn an_account_is_not_believed_by_f_answers_or_by_one_validator_twice() {
    let key = Network::key();
    let network = Network::start([
        Behaviour::Denying,
        Behaviour::Honest,
        Behaviour::Silent,
        Behaviour::Silent,
    ])
    .await;
    let nodes = [0, 0, 0, 1].map(|node: usize| network.nodes[node].clone()).to_vec();
    let client = Client::new(network.genesis.clone(), nodes).expect("a client");
    let error = client.account(&network.payer, &key).await.expect_err("no agreement");
    assert!(
        matches!(error, ClientError::NoAgreement { agreeing: 1, asked: 4 }),
        "{error}"
    );
}

#[tokio::test]
async fn lapsed_trust_believes_nothing() {
    let network = Network::start([Behaviour::Honest; 4]).await;
    let now = clock::now_ms();
    let mut trusted = trust::vouched(&network.genesis, now).expect("a good set");
    trusted.as_of = TimeMs(now.0 - TRUST_MS - 1);
    let client = Client::with_trust(trusted, network.genesis.address_prefix, network.nodes.clone()).expect("a client");
    let error = client
        .submit(&signed(&network, Amount(5), "a"))
        .await
        .expect_err("not believed");
    assert!(matches!(error, ClientError::TrustLapsed), "{error}");
    assert!(network.applied().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn verified_proofs_renew_the_trust() {
    let network = Network::start([Behaviour::Honest; 4]).await;
    let before = TimeMs(clock::now_ms().0 - TRUST_MS / 2);
    let mut trusted = trust::vouched(&network.genesis, before).expect("a good set");
    trusted.as_of = before;
    let client = Client::with_trust(trusted, network.genesis.address_prefix, network.nodes.clone()).expect("a client");
    let (_, verified) = client
        .submit(&signed(&network, Amount(5), "a"))
        .await
        .expect("confirmed");
    assert_eq!(client.trusted().as_of, verified.time_ms);
}

/// The first node asked knows of nothing, one lags, one makes something up, and one is right.
#[tokio::test]
async fn the_latest_change_of_validators_that_verifies_is_followed() {
    let network = Network::start([Behaviour::Honest; 4]).await;
    let known = network.handovers(&[&[2, 3, 4, 5], &[1, 2, 3, 4], &[1, 2, 3, 4, 6]]);
    let mut made_up = known.clone();
    made_up[2].next = known[1].next.clone();
    for first in 0..4 {
        let shown = [vec![], known[..1].to_vec(), made_up.clone(), known.clone()];
        for (place, handovers) in shown.into_iter().enumerate() {
            network.show_handovers((first + place) % 4, handovers);
        }
        let client = client(&network);
        let account = client.account(&network.payer, &Network::key()).await;
        account.expect("the validators of the genesis are among those of today");
        let trusted = client.trusted();
        assert_eq!(trusted.validators.to_list(), known[2].next, "{first}");
        assert_eq!(trusted.since, known[2].last.header.height, "{first}");
    }
}

/// More than one answer holds: the wallet asks again from where it has come to.
#[tokio::test]
async fn many_changes_of_validators_are_followed_page_by_page() {
    let network = Network::start([Behaviour::Honest; 4]).await;
    let sets: Vec<&[u8]> = (0..300).map(|_| &[1, 2, 3, 4][..]).collect();
    let known = network.handovers_every(1000, &sets);
    network.show_handovers(2, known.clone());
    let client = client(&network);
    let account = client.account(&network.payer, &Network::key()).await;
    account.expect("they are the same validators");
    assert_eq!(client.trusted().since, known[299].last.header.height);
}

#[test]
fn only_http_addresses_are_nodes() {
    use causeway_wallet::client::check_node_address;
    for good in ["http://127.0.0.1:27200", "http://node.example/", "http://[::1]:1"] {
        check_node_address(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    for bad in ["", "127.0.0.1:27200", "ftp://x", "http://x/?a=b", "http://u@x"] {
        let refused = check_node_address(bad);
        assert!(matches!(refused, Err(ClientError::NodeAddress(_))), "{bad}");
    }
    let tls = check_node_address("https://x").expect_err("no TLS");
    assert!(tls.to_string().contains("tunnel"), "{tls}");
}
