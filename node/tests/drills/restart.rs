//! Two of four validators are lost for good, and the council has a new network go on with the state of the old.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use causeway_contracts::{genesis::Genesis, ledger::receipt::Outcome, money::Amount};
use causeway_node::keyfile;

use super::{
    client::Client,
    load::Load,
    network::{Member, Network, payee, payer},
};

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_causeway-node"))
        .args(arguments)
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn validators_file(members: &[Member]) -> String {
    #[derive(serde::Serialize)]
    struct File {
        validators: Vec<causeway_contracts::genesis::GenesisValidator>,
    }
    let validators = members.iter().map(Member::entry).collect();
    toml::to_string(&File { validators }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_council_restarts_a_network_that_has_lost_half_of_its_validators() {
    let network = Network::new();
    let members = &network.members;
    let client = Arc::new(Client::new(&network.genesis));
    let mut running = Vec::new();
    for member in members {
        running.push(member.start(&[]).await);
    }
    let load = Load::start(&client, members);
    client.wait_for_height(&members[0], 20).await;

    // Under load, and for good.
    for member in &members[2..] {
        running.remove(2).kill();
        fs::remove_dir_all(&member.path).unwrap();
    }
    let stuck = client.payment(Amount(1));
    client.submit(&members[0], &stuck).await.expect("it is taken");
    assert_eq!(
        client.proof(&members[0], stuck.id()).await.unwrap(),
        None,
        "the network stands still"
    );
    let acknowledged = load.stop().await;
    assert!(!acknowledged.is_empty());

    // Both survivors are stopped, and the one with the higher block counts.
    let mut heights = Vec::new();
    for (member, running) in members.iter().zip(running) {
        heights.push(client.status(member).await.height);
        assert_eq!(running.stop().await, 0);
    }
    let best = &members[usize::from(heights[1] > heights[0])];
    let folder = network.path();
    let survivors = members[..2].iter().map(|member| member.successor(folder));
    let members_now: Vec<_> = survivors
        .chain([5, 6].map(|number| Member::new(folder, number)))
        .collect();
    let (file, key) = (folder.join("genesis-2.toml"), folder.join("council.key"));
    let list = folder.join("validators.toml");
    fs::write(&list, validators_file(&members_now)).unwrap();
    let said = best.must(&["genesis", "continue", "--validators", text(&list), "--out", text(&file)]);
    let height = *heights.iter().max().unwrap();
    assert!(said.contains(&format!("from height   {height},")), "{said}");
    for member in &members_now {
        member.configure(&file);
    }

    // Nothing starts from it before the council has signed it.
    let output = members_now[0].command(&["init"]);
    assert_eq!(output.status.code(), Some(11), "{}", errors(&output));
    assert!(
        errors(&output).contains("the council has not signed it"),
        "{}",
        errors(&output)
    );
    keyfile::write_seed(&key, &[61; 32]).unwrap();
    let output = program(&["genesis", "sign", text(&file), "--key", text(&key)]);
    assert!(output.status.success(), "{}", errors(&output));
    // Nor from one that was changed after that.
    let signed = fs::read_to_string(&file).unwrap();
    fs::write(&file, signed.replacen("power = 1", "power = 2", 1)).unwrap();
    let output = members_now[0].command(&["init"]);
    assert_eq!(output.status.code(), Some(11), "{}", errors(&output));
    assert!(errors(&output).contains("is not good"), "{}", errors(&output));
    fs::write(&file, signed).unwrap();

    for member in &members_now {
        member.must(&["init"]);
    }
    let output = members_now[3].command(&["run"]);
    assert_eq!(output.status.code(), Some(13), "{}", errors(&output));
    assert!(
        errors(&output).contains("causeway-node genesis adopt"),
        "{}",
        errors(&output)
    );
    let (old_genesis, old_database) = (network.genesis_file(), best.database());
    for member in &members_now {
        let adopt = [
            "genesis",
            "adopt",
            "--old-genesis",
            text(&old_genesis),
            "--old-database",
            text(&old_database),
        ];
        member.must(&adopt);
        member.must(&["db", "check"]);
    }

    // Wallets take the new genesis file, and their accounts are what they were.
    let genesis = Genesis::parse(&fs::read_to_string(&file).unwrap()).unwrap();
    let continues = genesis.continues.as_ref().unwrap();
    assert_eq!((continues.genesis, continues.height), (network.genesis.hash(), height));
    let now = Client::continuing(&genesis, network.genesis.hash());
    let mut running = Vec::new();
    for member in &members_now {
        running.push(member.start(&[]).await);
    }
    let kept = acknowledged
        .iter()
        .filter(|proof| proof.block.header.height <= height)
        .count();
    assert!(kept > 0, "of {} acknowledged payments", acknowledged.len());
    let paid = now.balance(&members_now[2], &payee()).await - 1;
    let left = now.balance(&members_now[3], &payer()).await;
    assert!(paid >= kept as i128, "{paid} arrived, and {kept} were acknowledged");
    assert_eq!(paid + left, 1_000_000);

    // What was signed for the old network takes effect nowhere any more.
    let old = &acknowledged[0].transaction;
    assert_eq!(now.refused(&members_now[0], old).await.code, "wrong_genesis");
    assert_eq!(now.refused(&members_now[1], &stuck).await.code, "wrong_genesis");

    // Payments go on, at each of the four, and their proofs are good under the new genesis alone.
    for member in &members_now {
        let verified = now.carry_out(member, &now.payment(Amount(1))).await;
        assert_eq!(verified.outcome, Outcome::Applied);
        assert!(verified.height > height);
        let proof = now.proof(member, verified.id).await.unwrap().unwrap();
        assert!(proof.verify(&client.trusted).is_err());
    }
    // Old proofs are good under the old genesis, as before.
    for proof in &acknowledged {
        proof.verify(&client.trusted).unwrap();
        assert!(proof.verify(&now.trusted).is_err());
    }

    // A restart finds it all again.
    assert_eq!(running.remove(0).stop().await, 0);
    running.insert(0, members_now[0].start(&[]).await);
    now.carry_out(&members_now[0], &now.payment(Amount(1))).await;
    assert_eq!(now.balance(&members_now[0], &payee()).await - 1, paid + 5);
    for (member, running) in members_now.iter().zip(running) {
        assert_eq!(running.stop().await, 0);
        member.must(&["db", "check"]);
    }

    // A survivor's old folder is the archive: it still proves what was paid before.
    let archive = best.start(&[]).await;
    let first = acknowledged
        .iter()
        .min_by_key(|proof| proof.block.header.height)
        .unwrap();
    client.prove(best, first.transaction.id()).await;
    assert_eq!(archive.stop().await, 0);
}
