//! The act of the contracts: an importer pays an exporter abroad by a liquidity provider's quote, both sides
//! at once, and through a book of offers; a deposit is released from escrow when two of three agree; and the two net what
//! they owe each other. All by the wallet's own commands.

use anyhow::Context;
use causeway_contracts::{
    identity::{Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

use super::{
    report::Report,
    wallet::{Wallet, text},
};
use crate::{network::Network, teller::Teller};

/// What the act came to, for the table.
#[derive(Debug, Default, Serialize)]
pub struct Settlement {
    /// What was sold and bought by the quote, in minor units.
    pub sold_eur: u64,
    pub bought_thb: u64,
    pub fee_eur: u64,
    pub rate: String,
    pub reference_rate: String,
    /// Released by two of three, in minor units.
    pub escrow_eur: u64,
    /// Paid through a book of offers, in minor units.
    pub path_eur: u64,
    pub path_thb: u64,
    /// Of a netting cycle: what was owed in all, and what moved, in minor units.
    pub owed_eur: u64,
    pub moved_eur: u64,
}

/// Who takes part, with the operator and the money that each begins with.
const PARTIES: [(&str, &str, &str, Amount); 3] = [
    ("importer", "BANKA", "EUR", Amount(200_000)),
    ("exporter", "BANKB", "EUR", Amount(0)),
    ("maker", "BANKB", "THB", Amount(100_000_000)),
];

const ARBITERS: [&str; 3] = ["importer", "exporter", "arbiter"];

const RATE: &str = "36.42";
const REFERENCE_RATE: &str = "36.5";

pub async fn run(wallet: &Wallet, network: &Network, client: &Client, report: &mut Report) -> anyhow::Result<()> {
    prepare(wallet, network, client).await?;
    let found = Settlement {
        sold_eur: 100_000,
        bought_thb: 3_642_000,
        fee_eur: 150,
        rate: RATE.to_owned(),
        reference_rate: REFERENCE_RATE.to_owned(),
        escrow_eur: 25_000,
        path_eur: 10_000,
        // 100.00 / 0.0275, rounded down to the satang.
        path_thb: 363_636,
        owed_eur: 18_000,
        moved_eur: 1_000,
    };
    pay_by_quote(wallet, network).await?;
    let importer = wallet.available("importer", "EUR").await?;
    let expected = 200_000 - found.sold_eur - found.fee_eur;
    report.check(importer == expected, || {
        format!("the importer has {importer} EUR cents after the exchange, and not {expected}")
    });
    let exporter = wallet.available("exporter", "THB").await?;
    report.check(exporter == found.bought_thb, || {
        format!(
            "the exporter has {exporter} satang after the exchange, and not {}",
            found.bought_thb
        )
    });
    escrow(wallet).await?;
    let exporter = wallet.available("exporter", "EUR").await?;
    report.check(exporter == found.escrow_eur, || {
        format!(
            "the exporter has {exporter} EUR cents after the escrow, and not {}",
            found.escrow_eur
        )
    });
    through_a_book(wallet).await?;
    let exporter = wallet.available("exporter", "THB").await?;
    let expected = found.bought_thb + found.path_thb;
    report.check(exporter == expected, || {
        format!("the exporter has {exporter} satang after the payment through a book, and not {expected}")
    });
    let before = [
        wallet.available("importer", "EUR").await?,
        wallet.available("exporter", "EUR").await?,
    ];
    let totals = net(wallet).await?;
    report.check(totals == (found.owed_eur, found.moved_eur), || {
        format!("the cycle says that of {} cents owed {} were moved", totals.0, totals.1)
    });
    let after = [
        wallet.available("importer", "EUR").await?,
        wallet.available("exporter", "EUR").await?,
    ];
    report.check(
        after == [before[0] + found.moved_eur, before[1] - found.moved_eur],
        || format!("the cycle's members have {after:?} EUR cents, and had {before:?}"),
    );
    report.settlement = Some(found);
    Ok(())
}

/// Keys, accounts and money.
async fn prepare(wallet: &Wallet, network: &Network, client: &Client) -> anyhow::Result<()> {
    for id in ["BANKB", "CBEUR"] {
        let file = network.folder.key(&format!("{id}.key"));
        let file = file.to_str().context("the folder's name is UTF-8")?;
        wallet.run(&["keys", "import", id, "--seed-file", file]).await?;
    }
    wallet.run(&["keys", "new", "arbiter"]).await?;
    let teller = Teller::new(network, client);
    for (name, operator, currency, amount) in PARTIES {
        wallet.run(&["keys", "new", name]).await?;
        let open = ["account", "open", "--operator", operator, "--operator-key", operator];
        let opened = wallet
            .run(&[&open[..], &["--key", name, "--tier", "0", "--label", name]].concat())
            .await?;
        let address: Address = text(&opened, "address")?.parse()?;
        if amount != Amount::ZERO {
            let (operator, currency) = (ParticipantId::new(operator)?, Currency::new(currency)?);
            teller
                .fund(operator, currency, &[address.account], amount, &ProgressBar::hidden())
                .await?;
        }
    }
    Ok(())
}

/// Payment versus payment, in two phases: the exporter accepts what is held for it.
async fn pay_by_quote(wallet: &Wallet, network: &Network) -> anyhow::Result<()> {
    let set = ["rate", "set", "EUR", "THB", REFERENCE_RATE, "--key", "CBEUR"];
    wallet.run(&set).await?;
    let file = network.folder.path().join("quote.json");
    let file = file.to_str().context("the folder's name is UTF-8")?;
    let make = [
        "quote", "make", "EUR", "THB", RATE, "--maker", "maker", "--taker", "importer",
    ];
    let terms = ["--min", "1", "--max", "10000", "--fee", "1.50", "--expires-in", "10m"];
    wallet
        .run(&[&make[..], &terms, &["--hold-for", "10m", "--out", file]].concat())
        .await?;
    let exchange = ["exchange", file, "1000.00", "--from", "importer", "--hold-for", "5m"];
    let held = wallet
        .run(&[&exchange[..], &["--deliver-to", "exporter"]].concat())
        .await?;
    let contract = text(&held, "contract")?;
    wallet.run(&["hold", "post", &contract, "--as", "exporter"]).await?;
    Ok(())
}

async fn escrow(wallet: &Wallet) -> anyhow::Result<()> {
    let mut open = vec!["escrow", "open", "exporter", "250.00", "EUR", "--from", "importer"];
    let mut keys = Vec::new();
    for name in ARBITERS {
        keys.push(text(&wallet.run(&["keys", "export", name]).await?, "public_key")?);
    }
    open.extend(keys.iter().flat_map(|key| ["--signer", key.as_str()]));
    open.extend(["--threshold", "2", "--expires-in", "30d"]);
    let opened = wallet.run(&open).await?;
    let contract = text(&opened, "contract")?;
    let claim = ["escrow", "claim", &contract, "--as", "exporter", "--key", "arbiter"];
    wallet.run(&claim).await?;
    Ok(())
}

/// The maker's offer stands in a book; the importer pays euros, and baht arrive.
async fn through_a_book(wallet: &Wallet) -> anyhow::Result<()> {
    let offer = ["offer", "place", "THB", "EUR", "0.0275", "20000.00", "--from", "maker"];
    wallet.run(&offer).await?;
    let pay = ["path", "pay", "exporter", "EUR", "THB", "100.00"];
    wallet
        .run(&[&pay[..], &["--bound", "3600.00", "--as", "importer"]].concat())
        .await?;
    Ok(())
}

/// Two that owe each other 85.00 and 95.00, with 20.00 set aside: 10.00 is moved. Gives what the cycle says was
/// owed in all and moved.
async fn net(wallet: &Wallet) -> anyhow::Result<(u64, u64)> {
    let open = [
        "netting",
        "open",
        "--participant",
        "importer",
        "--participant",
        "exporter",
    ];
    let opened = wallet
        .run(&[&open[..], &["--currency", "EUR", "--from", "importer"]].concat())
        .await?;
    let cycle = text(&opened, "contract")?;
    for name in ["importer", "exporter"] {
        wallet
            .run(&["netting", "prefund", &cycle, "20.00", "EUR", "--as", name])
            .await?;
    }
    for (debtor, creditor, amount) in [("importer", "exporter", "85.00"), ("exporter", "importer", "95.00")] {
        wallet
            .run(&["netting", "owe", &cycle, creditor, amount, "EUR", "--as", debtor])
            .await?;
    }
    // Neither has headroom for the whole: they wait, and settle together in the next second.
    for _ in 0..100 {
        if shown_cycle(wallet, &cycle).await?["queued"] == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    wallet.run(&["netting", "close", &cycle, "--as", "importer"]).await?;
    let total = &shown_cycle(wallet, &cycle).await?["totals"][0];
    let number = |name: &str| -> anyhow::Result<u64> { Ok(total[name].as_str().unwrap_or_default().parse()?) };
    Ok((number("gross")?, number("paid")?))
}

async fn shown_cycle(wallet: &Wallet, cycle: &str) -> anyhow::Result<Value> {
    let shown = wallet.run(&["netting", "show", cycle, "--as", "importer"]).await?;
    let view = shown.first().context("the wallet prints the cycle")?;
    Ok(view["terms"]["cycle"].clone())
}
