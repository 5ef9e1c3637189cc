//! The council sets the next version of the protocol in force, and operators upgrade in time, or not.

use std::sync::Arc;

use causeway_contracts::{
    block::Height,
    governance::CouncilAction,
    identity::KeyPolicy,
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::Amount,
    protocol::{ProtocolVersion, SCHEDULE_AHEAD_MIN, Upcoming},
};

use super::{
    client::Client,
    load::Load,
    network::{Network, council},
};

/// A program of before.
const OLD: [&str; 2] = ["--protocol-max", "1"];

const V1: ProtocolVersion = ProtocolVersion(1);
const V2: ProtocolVersion = ProtocolVersion(2);

fn hand_over_to(key: &SecretKey) -> CouncilAction {
    CouncilAction::SetCouncil(KeyPolicy::single(key.public_key()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_loses_nothing_and_stops_who_was_left_behind() {
    let network = Network::new();
    let members = &network.members;
    let client = Arc::new(Client::new(&network.genesis));
    let next = SecretKey::from_seed(&[62; 32]);
    let early = client.act(hand_over_to(&next), &council());

    let mut running = Vec::new();
    for member in members {
        running.push(member.start(&OLD).await);
    }
    let load = Load::start(&client, members);
    // Programs of before cannot read what came later.
    assert_eq!(client.refused(&members[0], &early).await.code, "malformed");

    // Three operators upgrade, one after the other, and the fourth does not.
    for (at, member) in members.iter().enumerate().take(3) {
        assert_eq!(running.remove(at).stop().await, 0);
        let height = client.status(&members[3]).await.height;
        running.insert(at, member.start(&[]).await);
        client.wait_for_height(member, height.0 + 1).await;
    }
    let refused = client.refused(&members[0], &early).await;
    assert_eq!((refused.code.as_str(), refused.retry), ("not_in_force", true));
    assert_eq!(
        refused.detail,
        "needs protocol version 2, which the council has not scheduled"
    );

    let tip = client.status(&members[0]).await.height;
    let upcoming = Upcoming {
        version: V2,
        height: Height(tip.0 + SCHEDULE_AHEAD_MIN + 20),
    };
    let schedule = CouncilAction::ScheduleProtocol {
        version: upcoming.version,
        height: upcoming.height,
    };
    let scheduled = client.carry_out(&members[1], &client.act(schedule, &council())).await;
    assert_eq!(scheduled.outcome, Outcome::Applied);
    assert!(scheduled.height < upcoming.height);
    let behind = client.prove(&members[3], scheduled.id).await;
    assert_eq!(behind.height, scheduled.height);
    for (member, must_upgrade) in [(&members[1], false), (&members[3], true)] {
        let protocol = client.status(member).await.protocol;
        assert_eq!((protocol.version, protocol.upcoming), (V1, Some(upcoming)));
        assert_eq!(protocol.must_upgrade, must_upgrade, "{}", member.name);
    }
    let detail = client.refused(&members[1], &early).await.detail;
    let expected = format!("needs protocol version 2, in force from height {} on", upcoming.height);
    assert_eq!(detail, expected);

    // It comes as far as it can, and no further.
    let (status, log) = running.pop().unwrap().end().await;
    assert_eq!(status, 16, "{log}");
    let why = format!(
        "this program implements protocol versions up to 1, and the council has set version 2 from height {} on: \
         install a newer program and start it again",
        upcoming.height
    );
    assert!(log.contains(&why), "{log}");
    assert!(log.contains("this node stops there"), "it was warned:\n{log}");
    let (status, log) = members[3].spawn(&OLD).end().await;
    assert_eq!(status, 16, "nor does it start again: {log}");
    assert!(log.contains(&why), "{log}");

    // The others are past it, and the council can do what it could not.
    client.wait_for_height(&members[0], upcoming.height.0 + 1).await;
    assert_eq!(client.status(&members[0]).await.protocol.version, V2);
    let handed = client.carry_out(&members[2], &early).await;
    assert_eq!(handed.outcome, Outcome::Applied);
    let late = client.act(hand_over_to(&next), &council());
    assert_eq!(client.refused(&members[2], &late).await.code, "unknown_signer");
    let back = client.act(hand_over_to(&council()), &next);
    assert_eq!(client.carry_out(&members[0], &back).await.outcome, Outcome::Applied);

    // The fourth is upgraded, catches up, and takes part.
    running.push(members[3].start(&[]).await);
    assert_eq!(client.prove(&members[3], handed.id).await.height, handed.height);
    let paid = client.carry_out(&members[3], &client.payment(Amount(1))).await;
    assert_eq!(paid.outcome, Outcome::Applied);

    let acknowledged = load.stop().await;
    assert!(acknowledged.len() > 50, "{} payments", acknowledged.len());
    let by = |version| {
        acknowledged
            .iter()
            .filter(|proof| proof.block.header.version == version)
            .count()
    };
    assert!(by(V1) > 0 && by(V2) > 0, "{} before and {} after", by(V1), by(V2));
    for member in members {
        for proof in &acknowledged {
            let verified = client.prove(member, proof.transaction.id()).await;
            assert_eq!(verified.height, proof.block.header.height);
        }
    }
    for (member, running) in members.iter().zip(running) {
        assert_eq!(running.stop().await, 0);
        member.must(&["db", "check"]);
    }
}
