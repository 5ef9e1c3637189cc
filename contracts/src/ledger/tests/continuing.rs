//! A network that goes on with the state of another.

use super::network::*;
use crate::{
    block::{
        CommitCertificate, CommitSignature, GenesisHash, Height, StateHash, TimeMs, VoteKind, genesis_block_id,
        vote_message,
    },
    committee::ValidatorId,
    genesis::{Continues, Genesis, GenesisValidator},
    governance::Parameters,
    keys::Domain,
    ledger::{ContinueError, Ledger, Tip},
    merkle::Root,
    transaction::TransactionError,
};

fn network() -> Network {
    let participants = vec![participant("ECB", false), participant("BANK", true)];
    let accounts = vec![
        opening("BANK", policy("alice"), 0, &[("EUR", 1_000)]),
        opening("BANK", policy("bob"), 0, &[]),
    ];
    let mut net = Network::new(genesis(
        participants,
        vec![currency("EUR", "ECB", 10_000)],
        Vec::new(),
        accounts,
    ));
    let (alice, bob) = (net.account("BANK", "alice"), net.account("BANK", "bob"));
    net.must(vec![transfer(alice, bob, "EUR", 300)], &["alice"]);
    net
}

/// Precommits by these for the last block.
fn certificate(net: &Network, signers: &[&str]) -> CommitCertificate {
    let tip = net.ledger.tip();
    let genesis = net.ledger.genesis();
    let message = vote_message(&genesis, VoteKind::Precommit, tip.height, 0, Some(&tip.block));
    let mut signatures: Vec<_> = signers
        .iter()
        .map(|name| {
            let id = ValidatorId::of(&key(name));
            let signer = net
                .ledger
                .validators()
                .iter()
                .position(|(other, _)| *other == id)
                .unwrap();
            CommitSignature {
                signer: signer as u16,
                signature: secret(name).sign(Domain::Vote, &message),
            }
        })
        .collect();
    signatures.sort_by_key(|entry| entry.signer);
    CommitCertificate {
        height: tip.height,
        round: 0,
        block: tip.block,
        signatures: list(signatures),
    }
}

/// Continues it with two validators of before and two new ones; the council is still to sign.
fn continuing(net: &Network, certifying: [&str; 3]) -> Genesis {
    let validators = ["v1", "v2", "v5", "v6"].map(|name| GenesisValidator {
        name: text(name),
        key: key(name),
        power: 1,
        network_key: key(&format!("{name} network")),
        address: text("/ip4/127.0.0.1/tcp/1"),
    });
    let tip = net.ledger.tip();
    Genesis {
        time_ms: TimeMs(tip.time_ms.0 + 1_000),
        parameters: Parameters {
            validity_seconds_max: 300,
            ..net.ledger.parameters().clone()
        },
        validators: list(validators.to_vec()),
        participants: list(Vec::new()),
        currencies: list(Vec::new()),
        accounts: list(Vec::new()),
        continues: Some(Continues {
            origin: net.ledger.origin(),
            genesis: net.ledger.genesis(),
            height: tip.height,
            block: tip.block,
            state_root: net.ledger.state_root(),
            certificate: certificate(net, &certifying),
            signatures: list(Vec::new()),
        }),
        ..net.genesis.clone()
    }
}

fn signed(net: &Network) -> Genesis {
    let mut genesis = continuing(net, ["v1", "v2", "v3"]);
    genesis.sign(&secret("council")).unwrap();
    genesis.check().unwrap();
    genesis
}

/// The same state in memory a second time.
fn copy(ledger: &Ledger) -> Ledger {
    let entries = ledger.snapshot().into_iter();
    Ledger::from_snapshot(ledger.genesis(), ledger.tip().clone(), entries, 7).unwrap()
}

#[test]
fn a_continued_network_has_the_accounts_and_balances_of_before() {
    let mut net = network();
    let (alice, bob, ecb) = (net.account("BANK", "alice"), net.account("BANK", "bob"), net.own("ECB"));
    let paid = net.tx(vec![transfer(alice, bob, "EUR", 1)], &["alice"]);
    let genesis = signed(&net);
    let (origin, hash) = (net.genesis.hash(), genesis.hash());
    assert_eq!((genesis.origin(), net.ledger.origin()), (origin, origin));
    let root = net.ledger.state_root();
    let last = net.ledger.tip().height;
    net.ledger = copy(&net.ledger).continued_by(&genesis).unwrap();
    net.genesis = genesis.clone();

    let tip = Tip {
        height: last,
        time_ms: genesis.time_ms,
        block: genesis_block_id(&hash),
        state_hash: StateHash(hash.0).after(&root),
        checkpoint_root: root,
    };
    assert_eq!(*net.ledger.tip(), tip);
    assert_eq!(genesis.continued_tip(), Some(tip));
    assert_eq!((net.ledger.genesis(), net.ledger.origin()), (hash, origin));
    assert_eq!(net.ledger.validators().hash(), genesis.validator_set().unwrap().hash());
    assert_eq!(net.ledger.parameters().validity_seconds_max, 300);
    assert_eq!(net.ledger.recent_ids() + net.ledger.recent_digests(), 0);
    assert_eq!([net.available(alice, "EUR"), net.available(bob, "EUR")], [700, 300]);
    assert_eq!(net.available(ecb, "EUR"), -1_000);

    // What was signed before is for another network.
    assert!(matches!(paid.check(&hash), Err(TransactionError::WrongGenesis { .. })));
    // Accounts that were there pay, issuers issue from the accounts they had, new ones have ids of the origin.
    net.must(
        vec![transfer(alice, bob, "EUR", 1), issue("EUR", bob, 5)],
        &["alice", "ECB"],
    );
    assert_eq!(net.ledger.tip().height, last.next());
    assert_eq!(net.available(ecb, "EUR"), -1_005);
    net.must(vec![open("BANK", "carol", 0)], &["BANK"]);
    let carol =
        crate::identity::AccountId::derive(&origin, pid("BANK"), &policy("carol"), &crate::identity::Salt([0; 16]));
    assert!(net.ledger.account(&carol).is_some());
    // And it is stored and restored as any other.
    assert_eq!(copy(&net.ledger).origin(), origin);
}

#[test]
fn a_network_can_be_continued_twice() {
    let mut net = network();
    let origin = net.ledger.origin();
    let first = signed(&net);
    net.ledger = copy(&net.ledger).continued_by(&first).unwrap();
    net.genesis = first.clone();
    net.run(Vec::new());
    let mut second = continuing(&net, ["v1", "v5", "v6"]);
    second.sign(&secret("council")).unwrap();
    let ledger = copy(&net.ledger).continued_by(&second).unwrap();
    assert_eq!((ledger.genesis(), ledger.origin()), (second.hash(), origin));
    assert_eq!(second.origin(), origin);
}

#[test]
fn a_genesis_about_another_state_continues_nothing() {
    let net = network();
    let good = signed(&net);
    let refused = |genesis: &Genesis| copy(&net.ledger).continued_by(genesis).unwrap_err();
    let check = |spoil: &dyn Fn(&mut Continues), expected: ContinueError| {
        let mut bad = good.clone();
        spoil(bad.continues.as_mut().unwrap());
        assert_eq!(refused(&bad), expected);
    };
    let (tip, genesis) = (net.ledger.tip(), net.ledger.genesis());
    let other = GenesisHash([9; 32]);
    check(
        &|it| it.genesis = other,
        ContinueError::OtherNetwork {
            expected: other,
            actual: genesis,
        },
    );
    check(
        &|it| it.origin = other,
        ContinueError::OtherOrigin {
            expected: other,
            actual: genesis,
        },
    );
    check(
        &|it| it.height = Height(9),
        ContinueError::OtherHeight {
            expected: Height(9),
            actual: tip.height,
        },
    );
    let block = crate::block::BlockId([9; 32]);
    check(
        &|it| it.block = block,
        ContinueError::OtherBlock {
            expected: block,
            actual: tip.block,
        },
    );
    let root = Root([9; 32]);
    check(
        &|it| it.state_root = root,
        ContinueError::OtherState {
            expected: root,
            actual: net.ledger.state_root(),
        },
    );
    let two = certificate(&net, &["v1", "v2"]);
    let mut bad = good.clone();
    bad.continues.as_mut().unwrap().certificate = two;
    assert!(matches!(refused(&bad), ContinueError::Certificate(_)));
    let usurped = Genesis {
        council: policy("usurper"),
        ..good.clone()
    };
    assert_eq!(refused(&usurped), ContinueError::OtherCouncil);
    let early = Genesis {
        time_ms: TimeMs(tip.time_ms.0 - 1),
        ..good
    };
    let (last, actual) = (tip.time_ms, early.time_ms);
    assert_eq!(refused(&early), ContinueError::Time { last, actual });
    assert_eq!(refused(&net.genesis), ContinueError::Nothing);
}
