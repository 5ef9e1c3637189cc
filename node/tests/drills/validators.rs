//! The council changes who votes, while payments go on: one joins, one takes another key, one leaves.

use std::{fs, time::Instant};

use causeway_contracts::{
    api::Role,
    codec::{Bounded, Text},
    committee::{Validator, ValidatorId, change::ValidatorChange},
    governance::CouncilAction,
    keys::PublicKey,
    ledger::receipt::Outcome,
    money::Amount,
    proof::VerifiedPayment,
    registry::Node,
};
use causeway_node::keyfile;

use super::{
    client::Client,
    network::{Member, Network, PATIENCE, council},
};

impl Member {
    fn key(&self, file: &str) -> PublicKey {
        keyfile::read(&self.path.join(file)).unwrap().public_key()
    }

    /// As the council registers it, with these validator keys.
    fn node(&self, validator_keys: &[PublicKey]) -> CouncilAction {
        CouncilAction::SetNode(Node {
            name: Text::new(self.name.clone()).unwrap(),
            network_key: self.key("network.key"),
            address: Text::new(self.network_address().to_string()).unwrap(),
            validator_keys: Bounded::new(validator_keys.to_vec()).unwrap(),
        })
    }

    /// From its next start on it has no validator key.
    fn observe(&self) {
        let text = fs::read_to_string(self.config()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("validator ="));
        fs::write(self.config(), lines.collect::<Vec<_>>().join("\n")).unwrap();
    }

    async fn wait_for_role(&self, client: &Client, wanted: impl Fn(Role) -> bool) -> Role {
        let begun = Instant::now();
        loop {
            let role = client.status(self).await.role;
            if wanted(role) {
                return role;
            }
            assert!(begun.elapsed() < PATIENCE, "{} is {role:?}", self.name);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

fn change(remove: &[PublicKey], set: &[PublicKey]) -> CouncilAction {
    let set = set.iter().map(|key| Validator { key: *key, power: 1 });
    CouncilAction::ChangeValidators(ValidatorChange {
        remove: Bounded::new(remove.iter().map(ValidatorId::of).collect()).unwrap(),
        set: Bounded::new(set.collect()).unwrap(),
    })
}

async fn decide(client: &Client, member: &Member, act: CouncilAction) -> VerifiedPayment {
    let done = client.carry_out(member, &client.act(act, &council())).await;
    assert_eq!(done.outcome, Outcome::Applied);
    done
}

async fn pay(client: &Client, member: &Member) -> VerifiedPayment {
    let paid = client.carry_out(member, &client.payment(Amount(1))).await;
    assert_eq!(paid.outcome, Outcome::Applied);
    paid
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_join_take_other_keys_and_leave_while_payments_go_on() {
    let network = Network::new();
    let client = Client::new(&network.genesis);
    let [first, second, third, fourth] = &network.members[..] else {
        panic!("four validators")
    };
    let mut running = Vec::new();
    for member in &network.members {
        running.push(member.start(&[]).await);
    }
    let before = pay(&client, first).await;

    // A fifth node observes: it has the chain, and takes nothing.
    let fifth = Member::new(network.path(), 5);
    fifth.configure(&network.genesis_file());
    fifth.observe();
    decide(&client, second, fifth.node(&[])).await;
    let observer = fifth.start(&[]).await;
    assert_eq!(client.prove(&fifth, before.id).await.height, before.height);
    assert_eq!(client.status(&fifth).await.role, Role::Observer);
    let refused = client.refused(&fifth, &client.payment(Amount(1))).await;
    assert_eq!((refused.code.as_str(), refused.retry), ("not_a_validator", true));

    // While the fourth validator is down, the council lets the fifth node vote. Without its votes there would be
    // no block then: four of five are needed.
    assert_eq!(running.pop().unwrap().stop().await, 0);
    assert_eq!(observer.stop().await, 0);
    fifth.configure(&network.genesis_file());
    fifth.must(&["init"]);
    let joins = fifth.start(&[]).await;
    let key = fifth.key("validator.key");
    decide(&client, first, fifth.node(&[key])).await;
    assert_eq!(client.status(&fifth).await.role, Role::Observer);
    let joined = decide(&client, first, change(&[], &[key])).await;
    fifth.wait_for_role(&client, |role| role == Role::Validator).await;
    client.wait_for_height(first, joined.height.0 + 4).await;
    pay(&client, &fifth).await;
    running.push(fourth.start(&[]).await);
    client.wait_for_height(fourth, joined.height.0 + 4).await;

    // The first validator takes another key.
    let old = first.key("validator.key");
    assert_eq!(running.remove(0).stop().await, 0);
    fs::remove_file(first.path.join("validator.key")).unwrap();
    let new = keyfile::create(&first.path.join("validator.key")).unwrap().public_key();
    first.must(&["init"]);
    running.insert(0, first.start(&[]).await);
    decide(&client, second, first.node(&[old, new])).await;
    decide(&client, second, change(&[old], &[new])).await;
    first.wait_for_role(&client, |role| role == Role::Validator).await;
    decide(&client, third, first.node(&[new])).await;
    pay(&client, first).await;

    // The second leaves, says why, and follows.
    let gone = decide(&client, third, change(&[second.key("validator.key")], &[])).await;
    let role = second.wait_for_role(&client, |role| role != Role::Validator).await;
    assert_eq!(
        role,
        Role::Removed {
            last: gone.height.next()
        }
    );
    let refused = client.refused(second, &client.payment(Amount(1))).await;
    assert_eq!(refused.code, "not_a_validator");
    let log = running[1].log();
    assert!(
        log.contains("the council has taken this node's key out of the validator set"),
        "{log}"
    );
    let paid = pay(&client, third).await;
    assert_eq!(client.prove(second, paid.id).await.height, paid.height);

    // Proofs lead from the genesis to those who decide now; old ones stay good.
    for member in [first, second, third, fourth, &fifth] {
        let proof = client.proof(member, paid.id).await.unwrap().unwrap();
        assert_eq!(proof.handovers.len(), 3, "{}", member.name);
        assert_eq!(client.prove(member, before.id).await.height, before.height);
    }

    // Once it is registered no more, nobody talks to it.
    let remove = CouncilAction::RemoveNode {
        name: Text::new(second.name.clone()).unwrap(),
    };
    decide(&client, third, remove).await;
    let begun = Instant::now();
    while client.status(third).await.peers != 3 {
        assert!(begun.elapsed() < PATIENCE, "still connected");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    pay(&client, &fifth).await;

    running.push(joins);
    for process in running {
        assert_eq!(process.stop().await, 0);
    }
    for member in [first, second, third, fourth, &fifth] {
        member.must(&["db", "check"]);
    }
}
