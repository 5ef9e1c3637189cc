//! Two wallets sign one transaction.

use std::fs;

use serde_json::Value;

use crate::{mock::Behaviour, user::User};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A second wallet in the same folder, whose account is the seventh.
async fn other_wallet(user: &mut User) {
    user.home = "other".to_owned();
    user.init().await;
    for (name, seed) in [("second", "07"), ("stray", "08")] {
        let seed = user.write("seed", &seed.repeat(32));
        user.good(&["keys", "import", name, "--seed-file", &seed]).await;
    }
    let theirs = user.payee(7);
    user.good(&["account", "add", &theirs, "--key", "second", "--label", "theirs"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_wallets_set_aside_together_what_each_has_looked_at() {
    let mut user = User::new([Behaviour::Honest; 4]).await;
    let theirs = user.payee(7);
    let file = user.path("swap.json");
    let file = file.to_str().expect("UTF-8");
    let to_them = ["--leg", "main", &theirs, "5.00", "EUR"];
    let to_us = ["--leg", &theirs, "main", "1.00", "EUR"];
    let group = [&["hold", "group"], &to_them[..], &to_us[..]].concat();
    let alone = user.fails(1, &group).await;
    assert!(alone.contains("--to-file"), "{alone}");
    let written = [&group[..], &["--to-file", file]].concat();
    user.good(&written).await;
    // The first one may be with the others already.
    let again = user.fails(1, &written).await;
    assert!(again.contains("swap.json"), "{again}");

    other_wallet(&mut user).await;
    let shown = user.good(&["sign", file]).await;
    let leg = format!("sets aside 1.00 EUR of {theirs} (yours: theirs)");
    assert!(shown.contains("sets aside 5.00 EUR") && shown.contains(&leg), "{shown}");
    let id = json(&user.good(&["sign", file, "--json"]).await)["id"].clone();
    let id = id.as_str().expect("an id");
    let unseen = user.fails(1, &["sign", file, "--key", "second"]).await;
    assert!(unseen.contains(&format!("--id {id}")), "{unseen}");
    let other = "00".repeat(32);
    let other = user.fails(1, &["sign", file, "--key", "second", "--id", &other]).await;
    assert!(other.contains(id), "{other}");
    let stray = user.fails(1, &["sign", file, "--key", "stray", "--id", id]).await;
    assert!(stray.contains("counts for nothing"), "{stray}");
    let count = |text: &str| json(text)["transaction"]["signatures"].as_array().map(Vec::len);
    assert_eq!(count(&user.good(&["sign", file, "--json"]).await), Some(1));
    let signed = user
        .good(&["sign", file, "--key", "second", "--id", id, "--json"])
        .await;
    assert_eq!(count(&signed), Some(2));

    // Whoever has it may send it, and again: it has its effect once.
    for home in ["other", "home", "home"] {
        user.home = home.to_owned();
        let sent = json(&user.good(&["send", file, "--json"]).await);
        assert_eq!(
            (sent["id"].as_str(), sent["outcome"].as_str()),
            (Some(id), Some("applied"))
        );
        assert!(sent["contract"].is_string(), "{sent}");
    }
    assert_eq!(user.network.applied(), [(String::new(), 1)].into());

    // Nothing in it can be changed after the first has signed.
    let text = fs::read_to_string(file).expect("there");
    fs::write(file, text.replace("\"500\"", "\"501\"")).expect("written");
    for command in ["sign", "send"] {
        let changed = user.fails(6, &[command, file]).await;
        assert!(changed.contains("not a transaction that can be signed"), "{changed}");
    }
    fs::write(file, "{}").expect("written");
    user.fails(6, &["sign", file]).await;
}
