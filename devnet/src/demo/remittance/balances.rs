//! Who has what: the customers by the word of their gateways, the bank and the liquidity providers by the ledger's.

use causeway_contracts::identity::{AccountId, ParticipantId};
use causeway_wallet::client::Client;
use serde_json::Value;

use super::{Api, Parties, Report, text};
use crate::{
    ledger,
    network::Network,
    services::{MAKERS, wallets::maker_customer},
};

/// In minor units of EUR and of THB, all of which have two digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balances(Vec<(&'static str, i128)>);

impl Balances {
    pub async fn read(network: &Network, client: &Client, parties: &Parties) -> anyhow::Result<Self> {
        let (sender, payee) = (&parties.sender_api, &parties.payee_api);
        let mut all = vec![
            (
                "sender, EUR",
                customer(sender, &parties.sender_account, "EUR", "available").await?,
            ),
            (
                "sender, EUR held",
                customer(sender, &parties.sender_account, "EUR", "held").await?,
            ),
            (
                "payee, THB",
                customer(payee, &parties.payee_account, "THB", "available").await?,
            ),
        ];
        let bank = ParticipantId::new("BANKA")?;
        let own = AccountId::of_participant(&network.genesis.origin(), bank);
        all.push((
            "sender's bank, EUR",
            ledger::available(network, client, own, bank, "EUR").await?,
        ));
        let mut sums = [0, 0];
        for (index, _) in (0..).zip(&MAKERS) {
            let maker = maker_customer(network, index)?;
            for (sum, code) in sums.iter_mut().zip(["EUR", "THB"]) {
                *sum += ledger::available(network, client, maker.id, maker.operator, code).await?;
            }
        }
        all.extend([("makers, EUR", sums[0]), ("makers, THB", sums[1])]);
        Ok(Self(all))
    }

    /// One remittance has moved money, and the others none.
    pub fn check_since(&self, before: &Self, report: &mut Report) {
        const MOVED: [i128; 6] = [-100_250, 0, 3_763_368, 200, 100_050, -3_763_368];
        for (((what, after), (_, before)), moved) in self.0.iter().zip(&before.0).zip(MOVED) {
            report.check(after - before == moved, || {
                format!("{what}: {after} after the remittances and {before} before, where {moved} should be between")
            });
        }
    }
}

async fn customer(api: &Api, account: &str, currency: &str, part: &str) -> anyhow::Result<i128> {
    let shown = api.get(&format!("/v1/accounts/{account}")).await?;
    let balances = shown["balances"].as_array().into_iter().flatten();
    let mut own = balances
        .map(|balance| &balance[part])
        .filter(|money| money["currency"] == currency);
    own.next().map_or(Ok(0), minor)
}

fn minor(money: &Value) -> anyhow::Result<i128> {
    Ok(text(money, "/value")?.replace('.', "").parse()?)
}
