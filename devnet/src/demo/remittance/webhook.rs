//! The webhook of the completed remittance: who sent it, and the proof in it.

use anyhow::Context;
use causeway_gateway::webhooks::{Received, Refusal, VerifyingSecret, verify};
use causeway_wallet::clock;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Report,
    receiver::{Receiver, Webhook},
    text,
};
use crate::{demo::wallet::Wallet, folder, network::Network};

/// What was found good.
#[derive(Debug, Serialize)]
pub struct Checked {
    pub id: String,
    pub kind: String,
    /// Of the payment that the proof in it is of, and the block.
    pub transaction: String,
    pub height: u64,
}

/// The first one that says so of this remittance.
pub async fn completed(receiver: &mut Receiver, remittance: &str) -> anyhow::Result<Webhook> {
    loop {
        let webhook = receiver.next().await?;
        let event: Value = serde_json::from_slice(&webhook.body).context("a webhook is no JSON")?;
        if event["type"] == "remittance.completed" && event["data"]["id"] == remittance {
            return Ok(webhook);
        }
    }
}

/// Its signature by its receiver's secret, and its proof by the program `causeway` and the genesis file. Both are written
/// beside the demo's network for whoever checks them by other means: `webhook.json` and `remittance-proof.json`.
pub async fn check(
    webhook: &Webhook,
    secret: &str,
    remittance: &Value,
    network: &Network,
    wallet: &Wallet,
    report: &mut Report,
) -> anyhow::Result<Checked> {
    let secrets = [VerifyingSecret::parse(secret)?];
    let now = clock::now_ms().0 / 1000;
    let received = |body| Received {
        id: webhook.header("webhook-id"),
        timestamp: webhook.header("webhook-timestamp"),
        signature: webhook.header("webhook-signature"),
        body,
    };
    let id = verify(&received(&webhook.body), &secrets, now).context("the webhook is not the gateway's")?;
    let mut other = webhook.body.clone();
    other.push(b' ');
    let verdict = verify(&received(&other), &secrets, now);
    report.check(verdict == Err(Refusal::NoneFits), || {
        format!("another body with the webhook's signature comes to {verdict:?}")
    });

    let event: Value = serde_json::from_slice(&webhook.body)?;
    let proof = event["data"].get("proof").context("the webhook has no proof")?;
    report.check(remittance.get("proof") == Some(proof), || {
        "the webhook's proof is not the one that the gateway shows".to_owned()
    });
    let place = network
        .folder
        .path()
        .parent()
        .context("the network is in the demo's folder")?;
    let file = place.join("remittance-proof.json");
    folder::write(&file, &serde_json::to_string(proof)?)?;
    let raw = json!({
        "secret": secret,
        "headers": webhook.headers,
        "body": std::str::from_utf8(&webhook.body)?,
    });
    folder::write_secret(&place.join("webhook.json"), &serde_json::to_string_pretty(&raw)?)?;

    let genesis = network.folder.genesis();
    let (file, genesis) = (crate::demo::path(&file)?, crate::demo::path(&genesis)?);
    let verified = wallet.run(&["verify", file, "--genesis", genesis]).await?;
    let verified = verified.first().context("the wallet prints what is proved")?;
    let posting = text(remittance, "/ledger/posting")?;
    report.check(verified["id"] == posting, || {
        format!(
            "the proof is of the transaction {}, and the payment is {posting}",
            verified["id"]
        )
    });
    let memo = remittance["timeline"].as_array().into_iter().flatten();
    let mut posted = memo.filter(|moment| moment["state"] == "paying_out");
    let height = posted.next().and_then(|moment| moment["height"].as_u64());
    Ok(Checked {
        id: id.to_string(),
        kind: text(&event, "/type")?.to_owned(),
        transaction: posting.to_owned(),
        height: height.context("the timeline has the block of the payment")?,
    })
}
