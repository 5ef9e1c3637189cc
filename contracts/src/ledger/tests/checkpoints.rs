//! Which states are certified, and what a block must say of it.

use super::network::{Network, START_MS, genesis, key, list, secret};
use crate::{
    block::{Block, CertificateError, CheckpointCertificate, CommitSignature, Height, TimeMs, checkpoint_message},
    committee::ValidatorId,
    keys::Domain,
    ledger::InvalidBlock,
    merkle::Root,
    snapshot,
};

const PERIOD_MS: u64 = 3_600_000;
const ROOT: Root = Root([9; 32]);

/// A second after a period has begun, whatever the network's start.
fn in_period(number: u64) -> TimeMs {
    TimeMs((START_MS / PERIOD_MS + number) * PERIOD_MS + 1_000)
}

fn root(net: &Network) -> Root {
    let ledger = &net.ledger;
    let (_, manifest) = snapshot::cut(ledger.genesis(), ledger.tip().height, ledger.snapshot());
    manifest.root()
}

/// Signed by validators of these names for a root of the state after a height.
fn certificate(net: &Network, height: Height, root: Root, signers: &[&str]) -> CheckpointCertificate {
    let message = checkpoint_message(&net.ledger.genesis(), height, &root);
    let sign = |name: &&str| CommitSignature {
        signer: net.ledger.validators().index_of(&ValidatorId::of(&key(name))).unwrap(),
        signature: secret(name).sign(Domain::Checkpoint, &message),
    };
    let mut signatures: Vec<_> = signers.iter().map(sign).collect();
    signatures.sort_by_key(|entry| entry.signer);
    CheckpointCertificate {
        height,
        root,
        signatures: list(signatures),
    }
}

/// A network whose last block is the first of its period, and so to be certified.
fn due() -> Network {
    let mut net = Network::new(genesis(Vec::new(), Vec::new(), Vec::new(), Vec::new()));
    net.block_at(in_period(1), &[]);
    assert_eq!(net.ledger.checkpoints().due, Some(Height(1)));
    net
}

/// The next block with this certificate, as a proposer would make it that believes everything.
fn with(net: &Network, certificate: CheckpointCertificate) -> Block {
    let now = TimeMs(net.time().0 + 1_000);
    let (mut block, _) = net.ledger.draft(now, net.proposer(), &[], None);
    block.header.checkpoint_root = certificate.root;
    block.checkpoint = Some(certificate);
    block.header.batches_root = block.batches_root();
    block
}

#[test]
fn the_first_block_of_a_period_is_due_until_it_is_certified_or_the_next_is() {
    let mut net = due();
    let genesis_root = net.ledger.tip().checkpoint_root;
    net.block_at(TimeMs(net.time().0 + 5_000), &[]);
    assert_eq!(net.ledger.checkpoints().due, Some(Height(1)));
    net.block_at(in_period(2), &[]);
    assert_eq!(net.ledger.checkpoints().due, Some(Height(3)));
    assert_eq!(net.ledger.checkpoints().certified, Height::GENESIS);
    assert_eq!(net.ledger.tip().checkpoint_root, genesis_root);
}

#[test]
fn a_certified_root_stands_in_every_header_from_then_on() {
    let mut net = due();
    let root = root(&net);
    let certificate = certificate(&net, Height(1), root, &["v1", "v2", "v3"]);
    let now = TimeMs(net.time().0 + 1_000);
    let (block, _) = net.ledger.draft(now, net.proposer(), &[], Some(&certificate));
    assert_eq!(block.checkpoint.as_ref(), Some(&certificate));
    let execution = net.ledger.check(&block, &[]).unwrap();
    net.ledger.commit(execution);
    assert_eq!(net.ledger.tip().checkpoint_root, root);
    let checkpoints = net.ledger.checkpoints();
    assert_eq!((checkpoints.due, checkpoints.certified), (None, Height(1)));
    let (block, _) = net.block_at(TimeMs(now.0 + 1_000), &[]);
    assert_eq!(block.header.checkpoint_root, root);
    // Once is enough.
    let refused = net.ledger.check(&with(&net, certificate.clone()), &[]).unwrap_err();
    let not_due = InvalidBlock::CheckpointNotDue {
        due: None,
        actual: Height(1),
    };
    assert_eq!(refused, not_due);
    let (block, _) = net.ledger.draft(now, net.proposer(), &[], Some(&certificate));
    assert_eq!(block.checkpoint, None);
}

#[test]
fn a_block_that_certifies_may_be_due_itself() {
    let mut net = due();
    let certificate = certificate(&net, Height(1), root(&net), &["v1", "v2", "v3"]);
    let (block, _) = net.ledger.draft(in_period(2), net.proposer(), &[], Some(&certificate));
    let execution = net.ledger.check(&block, &[]).unwrap();
    net.ledger.commit(execution);
    let checkpoints = net.ledger.checkpoints();
    assert_eq!((checkpoints.due, checkpoints.certified), (Some(Height(2)), Height(1)));
}

#[track_caller]
fn refuse(net: &Network, certificate: CheckpointCertificate, expected: InvalidBlock) {
    let block = with(net, certificate);
    assert_eq!(net.ledger.check(&block, &[]).unwrap_err(), expected);
    let now = TimeMs(net.time().0 + 1_000);
    let (drafted, _) = net.ledger.draft(now, net.proposer(), &[], block.checkpoint.as_ref());
    assert_eq!(drafted.checkpoint, None, "an honest proposer leaves it out");
}

#[test]
fn a_block_with_a_certificate_that_is_not_good_is_invalid() {
    let net = due();
    let all = ["v1", "v2", "v3", "v4"];
    let other_height = certificate(&net, Height(2), ROOT, &all);
    let not_due = InvalidBlock::CheckpointNotDue {
        due: Some(Height(1)),
        actual: Height(2),
    };
    refuse(&net, other_height, not_due);

    let two = certificate(&net, Height(1), ROOT, &["v1", "v2"]);
    let NotEnough { signed, total } = power_of(&net, &two);
    let too_few = CertificateError::NotEnoughPower { signed, total };
    refuse(&net, two, InvalidBlock::CheckpointCertificate(too_few));

    let mut forged = certificate(&net, Height(1), ROOT, &all);
    forged.root = Root([8; 32]);
    let signer = forged.signatures[0].signer;
    let bad = CertificateError::BadSignature(signer);
    refuse(&net, forged, InvalidBlock::CheckpointCertificate(bad));
}

struct NotEnough {
    signed: u64,
    total: u64,
}

fn power_of(net: &Network, certificate: &CheckpointCertificate) -> NotEnough {
    let set = net.ledger.validators();
    let powers = certificate
        .signatures
        .iter()
        .map(|entry| set.get(entry.signer).unwrap().power);
    NotEnough {
        signed: powers.sum(),
        total: set.total_power(),
    }
}

#[test]
fn a_header_commits_to_the_certificate_and_says_its_root() {
    let net = due();
    let good = certificate(&net, Height(1), ROOT, &["v1", "v2", "v3"]);
    let mut other_root = with(&net, good.clone());
    other_root.header.checkpoint_root = Root([8; 32]);
    let refused = net.ledger.check(&other_root, &[]).unwrap_err();
    assert_eq!(
        refused,
        InvalidBlock::Checkpoint {
            expected: ROOT,
            actual: Root([8; 32])
        }
    );
    // As good, by others: under the same id it would be another block.
    let mut swapped = with(&net, good);
    let committed_to = swapped.header.batches_root;
    swapped.checkpoint = Some(certificate(&net, Height(1), ROOT, &["v2", "v3", "v4"]));
    assert_eq!(
        net.ledger.check(&swapped, &[]).unwrap_err(),
        InvalidBlock::BatchesRoot {
            expected: swapped.batches_root(),
            actual: committed_to
        }
    );
}
