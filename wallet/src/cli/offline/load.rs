//! `causeway offline load`.
//!
//! The purse's counter says which load is next. If the ledger has that one, an earlier run has made it and did not come to
//! its end: then its grant is taken, and nothing more is loaded.

use std::time::Duration;

use anyhow::{Context, bail};
use causeway_contracts::{
    money::Amount,
    offline::{action::OfflineAction, ids::Nonce16, messages::Grant, purse::load::Loaded, signed::Signed},
    statement::LoadView,
};
use causeway_wallet::offline::{issuer::client::IssuerClient, purses::Purse};
use serde_json::json;

use super::{
    super::{
        Finding,
        output::{note, say},
        wallet::Wallet,
    },
    desk,
    online::{self, Online},
};

/// For the grant, after the ledger has the load.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(500);

pub async fn load(wallet: &Wallet, name: &str, amount: &str) -> anyhow::Result<()> {
    let (mut purse, online) = online::open(wallet, name)?;
    let amount = desk::amount(&purse.info, amount)?;
    let issuer = IssuerClient::new(&purse.info.issuer)?;
    let (id, counter) = (purse.info.purse, purse.element.state().counters().load_counter);
    let earlier = online.client.load_of(&id, counter, &online.key).await?.answer;
    let is_resumed = earlier.is_some();
    let grant = match earlier {
        Some(earlier) if is_lost(&earlier) => bail!(
            "load {counter} of this purse went back to the account before the issuer granted it, and purse {name} waits for \
             that grant before any other; `causeway offline rebase {name}` makes it a purse that can be loaded, and redeems \
             what it has"
        ),
        Some(earlier) => {
            note!(
                "An earlier run has set {} aside, and this one goes on with it.",
                desk::money(&purse.info, earlier.amount)
            );
            earlier.grant
        }
        None => {
            // A service that is not there would leave the money waiting for it.
            issuer.about().await?;
            ask(&mut purse, &online, amount).await?;
            None
        }
    };
    let grant = match grant {
        Some(grant) => grant,
        None => wait(&issuer, &purse).await?,
    };
    let accept = |purse: &mut Purse| purse.element.run(|state| state.accept_grant(&grant));
    let loaded = online::taken(wallet, &mut purse, accept).await?;
    tell(wallet, &purse, &grant, loaded, is_resumed)
}

/// Whether it has gone back to its account, and no grant for it ever comes: the purse takes no load after it.
pub fn is_lost(load: &LoadView) -> bool {
    load.is_ended && load.grant.is_none()
}

/// Sets the money aside on the ledger.
async fn ask(purse: &mut Purse, online: &Online<'_>, amount: Amount) -> anyhow::Result<()> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let request = purse.element.run(|state| state.load_request(amount, Nonce16(nonce)));
    let request = request.map_err(|error| desk::explain(purse, error))?;
    let account = online.account.address.account;
    let (id, counter) = (request.body.purse, request.body.load_counter);
    let is_this = |other: &OfflineAction| match other {
        OfflineAction::Load { request, .. } => (request.body.purse, request.body.load_counter) == (id, counter),
        _ => false,
    };
    online.act(OfflineAction::Load { account, request }, is_this).await?;
    Ok(())
}

async fn wait(issuer: &IssuerClient, purse: &Purse) -> anyhow::Result<Signed<Grant>> {
    let (id, counter) = (purse.info.purse, purse.element.state().counters().load_counter);
    let look = async {
        loop {
            if let Some(grant) = issuer.grant(id, counter).await? {
                return anyhow::Ok(grant);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(grant)) => Ok(grant),
        Ok(Err(error)) => Err(Finding::NotGranted(Some(error)).into()),
        Err(_) => Err(Finding::NotGranted(None).into()),
    }
}

fn tell(wallet: &Wallet, purse: &Purse, grant: &Signed<Grant>, loaded: Loaded, is_resumed: bool) -> anyhow::Result<()> {
    let (amount, balance) = (grant.body.amount, purse.element.state().balance());
    if loaded == Loaded::Expired {
        return Err(anyhow::anyhow!(
            "{} were loaded too long ago; the ledger gives them back to the account, and the same command loads anew",
            desk::money(&purse.info, amount)
        ))
        .context("the grant has expired");
    }
    if wallet.json {
        let object = json!({
            "purse": purse.info.purse,
            "loaded": amount,
            "currency": purse.info.currency,
            "resumed": is_resumed,
            "balance": balance,
        });
        say!("{object}");
    } else {
        let [loaded, holds] = [amount, balance].map(|amount| desk::money(&purse.info, amount));
        say!("Loaded {loaded}; the purse has {holds}.");
        if is_resumed {
            say!("That was an earlier run's load. To load more, run the same command again.");
        }
    }
    Ok(())
}
