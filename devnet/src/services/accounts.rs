//! The makers' accounts on the ledger, and their money.

use causeway_contracts::money::{Amount, Currency};
use causeway_wallet::client::Client;
use futures::future::try_join_all;
use indicatif::ProgressBar;

use super::{Service, configs::TERMS, wallets::maker_customer};
use crate::{network::Network, teller::Teller};

/// In minor units, of each currency: ten million euros, baht, and so on, and a thousand million yen.
const FUNDS: Amount = Amount(1_000_000_000);

/// Opens those that are not open, and gives them money in each currency of which they have none.
pub async fn prepare(network: &Network, client: &Client, services: &[Service]) -> anyhow::Result<()> {
    let teller = &Teller::new(network, client);
    let bar = &ProgressBar::hidden();
    for service in services {
        let Service::Maker(index) = *service else { continue };
        let maker = maker_customer(network, index)?;
        let key = network.seed.key(maker.operator.as_str());
        let view = client.account(&maker.id, &key).await?;
        if view.is_none() {
            teller.open(std::slice::from_ref(&maker), bar).await?;
        }
        let has = |currency: Currency| {
            let balances = view.iter().flat_map(|view| view.balances.iter());
            let mut own = balances.filter(|balance| balance.currency == currency);
            own.any(|balance| balance.available.0 > 0 || !balance.held.is_zero())
        };
        let lacking = TERMS.iter().map(|terms| Currency::new(terms.currency));
        let lacking: Vec<_> = lacking.collect::<Result<_, _>>()?;
        let funded = lacking
            .into_iter()
            .filter(|currency| !has(*currency))
            .map(|currency| async move { teller.fund(maker.operator, currency, &[maker.id], FUNDS, bar).await });
        try_join_all(funded).await?;
    }
    Ok(())
}
