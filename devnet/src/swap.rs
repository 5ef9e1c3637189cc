//! `swap`: two networks that know nothing of each other, and a swap between them that is tied by one secret.
//!
//! Ann has euros on the one and wants baht on the other; Bob the other way round. Once both get what they want,
//! and once Ann never shows the secret and both get their money back.

use std::{future::pending, time::Duration};

use anyhow::{Context, bail, ensure};
use causeway_contracts::{
    identity::{Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    demo::wallet::{Wallet, text},
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{Folder, Trial},
    genesis::OPERATORS,
    network::{Network, Plan},
    ports::BasePort,
    teller::Teller,
};

/// Where free ports are looked for.
const BASE_PORT: u16 = 28_600;

/// Of each network: what is shown is the swap, and not the agreement of validators.
const VALIDATORS: u16 = 1;

/// What is swapped, in minor units of each side's currency.
const EUR: u64 = 10_000;
const THB: u64 = 364_200;

/// Any wait for a time to come ends after this.
const PATIENCE: Duration = Duration::from_secs(90);

/// One of the two networks, with a wallet of each of the two people on it.
struct Side {
    name: &'static str,
    currency: &'static str,
    amount: &'static str,
    fleet: Fleet,
    ann: Person,
    bob: Person,
}

struct Person {
    wallet: Wallet,
    address: Address,
}

impl Person {
    async fn run(&self, command: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.wallet.run(command).await
    }

    async fn has(&self, currency: &str) -> anyhow::Result<u64> {
        self.wallet.available(&self.address.to_string(), currency).await
    }

    async fn claim(&self, escrow: &str, side: &str, secret: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let mut command = vec!["escrow", "claim", escrow, "--side", side];
        command.extend(secret.into_iter().flat_map(|secret| ["--preimage", secret]));
        self.run(&command).await
    }
}

/// An error is the first that did not hold.
pub async fn run(folder: &Folder, base_port: Option<u16>) -> anyhow::Result<()> {
    let _lock = folder.lock()?;
    println!("- two networks, each with a genesis of its own");
    let second = base_port.map(|port| port.saturating_add(300));
    let here = Side::start(folder, Trial::Swap, base_port, ("here", "EUR", "100.00")).await?;
    let there = Side::start(folder, Trial::SwapOther, second, ("there", "THB", "3642.00")).await?;
    println!("- a swap that both complete");
    completed(&here, &there).await?;
    println!("  Ann has {THB} satang there, Bob {EUR} cents here");
    println!("- a swap whose secret is never shown");
    refunded(&here, &there).await?;
    println!("  both have their money back");
    for side in [here, there] {
        let wrong = side.fleet.stop().await?;
        ensure!(wrong.is_empty(), "did not stop as they should: {}", wrong.join(", "));
    }
    Ok(())
}

impl Side {
    /// With money for Ann or for Bob.
    async fn start(
        folder: &Folder,
        trial: Trial,
        base_port: Option<u16>,
        (name, currency, amount): (&'static str, &'static str, &'static str),
    ) -> anyhow::Result<Self> {
        fleet::clear(folder, trial).await?;
        let plan = Plan {
            validators: VALIDATORS,
            base_port: BasePort::chosen(base_port, BASE_PORT, VALIDATORS)?,
        };
        let network = Network::create(folder.network_of(trial), plan)?;
        let fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
        let [ann, bob] = [
            person(folder, trial, &network, "ann").await?,
            person(folder, trial, &network, "bob").await?,
        ];
        let client = Client::new(network.genesis.clone(), network.api_urls())?;
        // Ann has the euros, and Bob the baht.
        let owner = if currency == "EUR" { &ann } else { &bob };
        let (operator, currency_code) = (ParticipantId::new(OPERATORS[0].0)?, Currency::new(currency)?);
        let funds = Amount(2 * EUR.max(THB));
        Teller::new(&network, &client)
            .fund(
                operator,
                currency_code,
                &[owner.address.account],
                funds,
                &ProgressBar::hidden(),
            )
            .await?;
        Ok(Self {
            name,
            currency,
            amount,
            fleet,
            ann,
            bob,
        })
    }
}

/// A wallet on this network with an account of its own.
async fn person(folder: &Folder, trial: Trial, network: &Network, name: &str) -> anyhow::Result<Person> {
    let wallet = Wallet::new(folder.of(trial).join(name))?;
    let genesis = network.folder.genesis();
    let genesis = genesis.to_str().context("the folder's name is UTF-8")?;
    let urls = network.api_urls();
    let mut init = vec!["init", "--genesis", genesis];
    init.extend(urls.iter().flat_map(|url| ["--node", url]));
    wallet.run(&init).await?;
    let operator = OPERATORS[0].0;
    let key = network.folder.key(&format!("{operator}.key"));
    let key = key.to_str().context("the folder's name is UTF-8")?;
    wallet.run(&["keys", "import", operator, "--seed-file", key]).await?;
    wallet.run(&["keys", "new", name]).await?;
    let open = ["account", "open", "--operator", operator, "--operator-key", operator];
    let opened = wallet
        .run(&[&open[..], &["--key", name, "--tier", "0"]].concat())
        .await?;
    let address = text(&opened, "address")?.parse()?;
    Ok(Person { wallet, address })
}

/// Sets one side's money aside for whoever has the secret, until the deadline.
async fn lock(side: &Side, from: &Person, to: &Person, hash: &str, deadline: &str) -> anyhow::Result<String> {
    let payee = to.address.to_string();
    let open = ["escrow", "open", &payee, side.amount, side.currency];
    let terms = ["--hash", hash, "--deadline", deadline, "--expires-in", "1d"];
    let opened = from.run(&[&open[..], &terms].concat()).await?;
    text(&opened, "contract")
}

async fn completed(here: &Side, there: &Side) -> anyhow::Result<()> {
    let drawn = here.ann.run(&["escrow", "secret"]).await?;
    let (secret, hash) = (text(&drawn, "preimage")?, text(&drawn, "hash")?);
    // Hers for longer than his, so that he has time when she has shown it.
    let hers = lock(here, &here.ann, &here.bob, &hash, "2h").await?;
    let seen = here.bob.run(&["escrow", "show", &hers]).await?;
    let seen = &seen.first().context("the wallet prints the escrow")?["terms"]["escrow"];
    let agreed = EUR.to_string();
    ensure!(
        seen["amount"].as_str() == Some(agreed.as_str()) && seen["release_when"]["all"][0]["preimage"] == hash,
        "Bob sees another escrow than was agreed: {seen}"
    );
    let his = lock(there, &there.bob, &there.ann, &hash, "1h").await?;
    there.ann.claim(&his, "release", Some(&secret)).await?;
    // Bob has it from the ledger alone.
    let shown = there.bob.run(&["escrow", "show", &his]).await?;
    let shown = &shown.first().context("the wallet prints the escrow")?["terms"]["escrow"]["release_when"];
    let found = shown["all"][0]["revealed"].as_str();
    let found = found.with_context(|| format!("the escrow {} shows no secret: {shown}", there.name))?;
    here.bob.claim(&hers, "release", Some(found)).await?;
    let (anns, bobs) = (there.ann.has("THB").await?, here.bob.has("EUR").await?);
    ensure!(
        (anns, bobs) == (THB, EUR),
        "Ann has {anns} satang and Bob {bobs} cents after the swap"
    );
    Ok(())
}

async fn refunded(here: &Side, there: &Side) -> anyhow::Result<()> {
    let before = (here.ann.has("EUR").await?, there.bob.has("THB").await?);
    let drawn = here.ann.run(&["escrow", "secret"]).await?;
    let hash = text(&drawn, "hash")?;
    let hers = lock(here, &here.ann, &here.bob, &hash, "40s").await?;
    let his = lock(there, &there.bob, &there.ann, &hash, "20s").await?;
    // Refused by the ledger, for this reason and no other.
    let wrong = "00".repeat(32);
    for (person, side, secret) in [
        (&here.bob, "release", Some(wrong.as_str())),
        (&here.ann, "refund", None),
    ] {
        let refused = person
            .claim(&hers, side, secret)
            .await
            .err()
            .map(|error| error.to_string());
        let is_right = refused.as_ref().is_some_and(|why| why.contains("not met"));
        ensure!(is_right, "a {side} that nothing allows came to {refused:?}");
    }
    for (person, escrow) in [(&there.bob, &his), (&here.ann, &hers)] {
        let back = async {
            while person.claim(escrow, "refund", None).await.is_err() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, back).await.is_err() {
            bail!("an escrow was not refunded {} s after its deadline", PATIENCE.as_secs());
        }
    }
    let after = (here.ann.has("EUR").await?, there.bob.has("THB").await?);
    ensure!(after == before, "they have {after:?}, and had {before:?}");
    Ok(())
}
