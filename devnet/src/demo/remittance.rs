//! The act of the gateways: a customer of a bank in Germany sends money to customers of one in Thailand, through the API
//! of her bank's gateway. One remittance completes, one is recalled, one refused, and one expires; what each side says,
//! what the webhook says and what is on the ledger must agree to the cent.

mod balances;
mod parties;
mod quote;
mod receiver;
mod webhook;

use std::time::Instant;

use anyhow::{Context, bail};
use causeway_wallet::client::Client;
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::{balances::Balances, parties::Parties, quote::Quote, receiver::Receiver};
use super::{PATIENCE, POLL, report::Report, wallet::Wallet};
use crate::{
    network::Network,
    services::api::{Api, text},
};

/// What the act came to, for the table.
#[derive(Debug, Serialize)]
pub struct Remittances {
    pub quote: Quote,
    /// What the payee's bank shows of the name, and whether it is the one that was typed.
    pub payee: String,
    /// From the order until both gateways say that it is completed.
    pub seconds: f64,
    pub outcomes: Vec<Outcome>,
    pub webhook: webhook::Checked,
}

/// How one remittance ended.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub what: &'static str,
    pub id: String,
    pub uetr: String,
    pub sender_state: String,
    pub beneficiary_state: String,
    pub seconds: f64,
}

/// What is sent, to whom, and how it must end at both gateways.
struct Case {
    what: &'static str,
    euros: &'static str,
    /// A payee of [`Parties`], by the name of the account.
    payee: (&'static str, Value),
    is_recalled: bool,
    ends: &'static str,
}

fn cases() -> [Case; 4] {
    let case = |what, payee, ends| Case {
        what,
        euros: "100.00",
        payee,
        is_recalled: what == "recalled",
        ends,
    };
    let test = |name: &str| json!({ "merchant": name });
    [
        Case {
            euros: EUROS,
            ..case(
                ACCEPTED,
                (parties::PAYEE, json!({ "phone": parties::PHONE })),
                "completed",
            )
        },
        case("recalled", (parties::IGNORES, test("TESTIGNORE")), "cancelled"),
        case("refused", (parties::REFUSES, test("TESTREFUSE")), "refunded"),
        case("ignored", (parties::IGNORES, test("TESTIGNORE")), "expired"),
    ]
}

const EUROS: &str = "1000.00";

const ACCEPTED: &str = "accepted";

pub async fn run(network: &Network, client: &Client, wallet: &Wallet, report: &mut Report) -> anyhow::Result<()> {
    let act = Act {
        parties: Parties::make(network, client).await?,
    };
    let mut receiver = Receiver::open(network.plan.base_port.webhooks()).await?;
    let secret = act.endpoint(network).await?;
    let before = Balances::read(network, client, &act.parties).await?;
    let payee = act.confirm_payee(report).await?;
    let quoted = act.quote(EUROS).await?;
    let quote = Quote::of(&quoted)?;
    quote.check(report);
    for line in quote.lines() {
        println!("  {line}");
    }
    let mut cases = cases();
    let [accepted, others @ ..] = &mut cases;
    let (completed, mut outcomes) = tokio::try_join!(
        act.send(accepted, Some(quote.id.clone())),
        try_join_all(others.iter().map(|case| act.send(case, None)))
    )?;
    for (case, outcome) in [&*accepted]
        .into_iter()
        .chain(&*others)
        .zip([&completed].into_iter().chain(&outcomes))
    {
        let states = [&outcome.sender_state, &outcome.beneficiary_state];
        report.check(states.iter().all(|state| *state == case.ends), || {
            format!(
                "the remittance that is {} is {} and {}, and not {}",
                case.what, states[0], states[1], case.ends
            )
        });
        println!(
            "  {}: {} at both gateways after {:.1} s",
            case.what, states[0], outcome.seconds
        );
    }

    let remittance = act
        .parties
        .sender_api
        .get(&format!("/v1/remittances/{}", completed.id))
        .await?;
    let arrived = timeout(PATIENCE, webhook::completed(&mut receiver, &completed.id)).await;
    let arrived = arrived.context("no webhook says that the remittance is completed")??;
    let checked = webhook::check(&arrived, &secret, &remittance, network, wallet, report).await?;
    println!(
        "  webhook {} {}: signature and proof are good",
        checked.id, checked.kind
    );

    let after = Balances::read(network, client, &act.parties).await?;
    after.check_since(&before, report);
    let seconds = completed.seconds;
    outcomes.insert(0, completed);
    report.remittances = Some(Remittances {
        quote,
        payee,
        seconds,
        outcomes,
        webhook: checked,
    });
    Ok(())
}

impl Remittances {
    /// For the table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let Quote {
            source,
            target,
            rate,
            mid_rate,
            spread_bp,
            fees,
            total,
            ..
        } = &self.quote;
        let fees: Vec<_> = fees.iter().map(|(name, amount)| format!("{amount} {name}")).collect();
        let mut rows = vec![
            (
                "remittance by gateways",
                format!("{source} for {target}, in {:.1} s", self.seconds),
            ),
            ("", format!("rate {rate} (mid {mid_rate}, spread {spread_bp} bp)")),
            ("", format!("fees {}; {total} in all", fees.join(", "))),
            (
                "",
                format!("webhook signed; its proof verified, of block {}", self.webhook.height),
            ),
        ];
        let others = self.outcomes.iter().filter(|outcome| outcome.what != ACCEPTED);
        rows.extend(others.map(|outcome| {
            let text = format!(
                "{} at both after {:.1} s, nothing lost",
                outcome.sender_state, outcome.seconds
            );
            (outcome.what, text)
        }));
        rows
    }
}

struct Act {
    parties: Parties,
}

impl Act {
    /// An endpoint for what becomes of the sender's remittances. Its secret.
    async fn endpoint(&self, network: &Network) -> anyhow::Result<String> {
        let url = format!("http://{}/hook", network.plan.base_port.webhooks());
        let made = self
            .parties
            .sender_api
            .post("/v1/webhooks", &json!({ "url": url }))
            .await?;
        Ok(text(&made, "/secret")?.to_owned())
    }

    /// What the payee's bank says to the name, as the sender's bank shows it.
    async fn confirm_payee(&self, report: &mut Report) -> anyhow::Result<String> {
        let typed = json!({ "account": { "phone": parties::PHONE }, "name": parties::PAYEE });
        let found = self.parties.sender_api.post("/v1/aliases/resolve", &typed).await?;
        let (masked, verdict) = (text(&found, "/masked_name")?, text(&found, "/name_match")?);
        report.check(verdict == "match" && !masked.contains(parties::PAYEE), || {
            format!("the payee's bank says {verdict} to the right name, and shows {masked}")
        });
        let shown = format!("{masked} ({verdict}) at {}", text(&found, "/operator")?);
        println!("  {} is {shown}", parties::PHONE);
        Ok(shown)
    }

    async fn quote(&self, euros: &str) -> anyhow::Result<Value> {
        let asked = json!({
            "account": self.parties.sender_account,
            "source": { "currency": "EUR", "value": euros },
            "target": { "currency": "THB" },
        });
        self.parties.sender_api.post("/v1/quotes", &asked).await
    }

    /// Sends one, recalls it if it is to be, and waits until it has ended at both gateways.
    async fn send(&self, case: &Case, quote: Option<String>) -> anyhow::Result<Outcome> {
        let quote = match quote {
            Some(quote) => quote,
            None => text(&self.quote(case.euros).await?, "/id")?.to_owned(),
        };
        let (name, account) = &case.payee;
        let order = json!({
            "quote": quote,
            "beneficiary": { "party": { "name": name }, "account": account, "operator": "BANKB" },
            "reference": format!("Demo, {}", case.what),
        });
        let started = Instant::now();
        let api = &self.parties.sender_api;
        let sent = api.post("/v1/remittances", &order).await?;
        let (id, uetr) = (text(&sent, "/id")?, text(&sent, "/uetr")?);
        let path = format!("/v1/remittances/{id}");
        if case.is_recalled {
            self.wait(case, "reserved at the payee's gateway", async || {
                Ok(self.incoming(uetr).await?.filter(|state| state == "reserved"))
            })
            .await?;
            api.post(&format!("{path}/cancel"), &json!({})).await?;
        }
        let sender_state = self.wait(case, "at an end", async || {
            let state = text(&api.get(&path).await?, "/state")?.to_owned();
            Ok(Some(state).filter(|state| is_end(state)))
        });
        let beneficiary_state = self.wait(case, "at an end at the payee's gateway", async || {
            Ok(self.incoming(uetr).await?.filter(|state| is_end(state)))
        });
        let (sender_state, beneficiary_state) = tokio::try_join!(sender_state, beneficiary_state)?;
        Ok(Outcome {
            what: case.what,
            id: id.to_owned(),
            uetr: uetr.to_owned(),
            sender_state,
            beneficiary_state,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Its state at the payee's gateway, once that has it.
    async fn incoming(&self, uetr: &str) -> anyhow::Result<Option<String>> {
        let page = self.parties.payee_api.get("/v1/remittances?limit=100").await?;
        let all = page["data"].as_array().context("a page has data")?;
        let found = all.iter().find(|remittance| remittance["uetr"] == uetr);
        found.map(|found| text(found, "/state").map(str::to_owned)).transpose()
    }

    async fn wait(
        &self,
        case: &Case,
        what: &str,
        look: impl AsyncFn() -> anyhow::Result<Option<String>>,
    ) -> anyhow::Result<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(state) = look().await? {
                return Ok(state);
            }
            if Instant::now() >= until {
                bail!(
                    "the remittance that is {} is not {what} after {} s",
                    case.what,
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn is_end(state: &str) -> bool {
    matches!(
        state,
        "completed" | "returned" | "cancelled" | "expired" | "failed" | "refunded"
    )
}
