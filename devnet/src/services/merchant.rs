//! The merchant of the second operator, at whose terminal the first one's cards pay.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Service,
    api::{Api, text},
    configs::Settings,
};
use crate::{
    folder::{self, ServiceFolder},
    network::Network,
};

/// Whose customer it is.
pub const GATEWAY: Service = Service::Gateway(1);

/// Of each capture in euros, besides [`FEE_BP`].
pub const FEE_FIXED: &str = "0.10";

/// In ten-thousandths.
pub const FEE_BP: u16 = 150;

/// `merchant.json`: ids at the gateway, of the client in `client.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    pub merchant: String,
    pub store: String,
    pub terminal: String,
    /// The account that it is paid out to.
    pub payout_account: String,
    /// That account's on the ledger.
    pub payout_address: String,
}

impl Merchant {
    pub fn read(folder: &ServiceFolder) -> anyhow::Result<Self> {
        let path = folder.merchant();
        serde_json::from_str(&folder::read(&path)?).with_context(|| path.display().to_string())
    }
}

/// Registers it, if a gateway that runs takes cards and has none yet.
pub async fn register(network: &Network, settings: &Settings) -> anyhow::Result<()> {
    let folder = network.folder.service(GATEWAY);
    if !settings.has_gateway(Settings::takes_cards) || folder.merchant().exists() {
        return Ok(());
    }
    let api = Api::open(&folder.client()).await?;
    let made = make(&api).await.context("the devnet's merchant")?;
    folder::write(&folder.merchant(), &serde_json::to_string_pretty(&made)?)?;
    Ok(())
}

/// With keys that stay the same, so that a start that was cut short makes nothing twice.
async fn make(api: &Api) -> anyhow::Result<Merchant> {
    let post = async |path: &str, body: Value, what: &str| -> anyhow::Result<Value> {
        let (status, answer) = api.try_post(path, &body, &format!("devnet-{what}")).await?;
        anyhow::ensure!(status == 201, "POST {path} came to {status}: {answer}");
        Ok(answer)
    };
    let own = |answer: &Value, path: &str| anyhow::Ok(text(answer, path)?.to_owned());
    let owner = json!({ "party": { "name": "Siam Noodles Ltd", "address": { "town": "Bangkok", "country": "TH" } } });
    let owner = post("/v1/customers", owner, "owner").await?;
    let payout_address = own(&owner, "/accounts/0/address")?;
    let merchant = json!({
        "name": "Siam Noodles",
        "city": "Bangkok",
        "country": "TH",
        "category": "5812",
        "settlement": {
            "schedule": "t1",
            "payout_account": payout_address,
            "fee": { "fixed": [{ "value": FEE_FIXED, "currency": "EUR" }], "bp": FEE_BP },
        },
    });
    let merchant = own(&post("/v1/merchants", merchant, "merchant").await?, "/id")?;
    let store = json!({ "name": "Siam Noodles Silom" });
    let store = own(
        &post(&format!("/v1/merchants/{merchant}/stores"), store, "store").await?,
        "/id",
    )?;
    let terminal = json!({ "label": "till 1" });
    let terminal = own(
        &post(&format!("/v1/stores/{store}/terminals"), terminal, "terminal").await?,
        "/id",
    )?;
    Ok(Merchant {
        merchant,
        store,
        terminal,
        payout_account: own(&owner, "/accounts/0/id")?,
        payout_address,
    })
}
