//! `causeway offline sync`.

use anyhow::Context;
use causeway_contracts::{money::Amount, offline::purse::sync::Download};
use causeway_wallet::offline::{
    issuer::client::IssuerClient,
    purses::{Purse, news::HearError},
};
use serde_json::json;

use super::{
    super::{
        output::{self, say},
        wallet::Wallet,
    },
    desk, online,
};

pub async fn sync(wallet: &Wallet, name: &str) -> anyhow::Result<()> {
    let mut purse = desk::open(wallet, name)?;
    let before = purse.element.state().balance();
    let settled = with_issuer(wallet, &mut purse).await?;
    tell(wallet, &purse, before, settled);
    Ok(())
}

/// Gives how many payments and redemptions have their outcome by it.
pub async fn with_issuer(wallet: &Wallet, purse: &mut Purse) -> anyhow::Result<usize> {
    let issuer = IssuerClient::new(&purse.info.issuer)?;
    let upload = purse.element.sync_upload();
    let upload = upload.map_err(|error| desk::explain(purse, error))?;
    let answer = issuer.sync(purse.info.purse, &upload).await?;
    let Download {
        answer,
        certificate,
        news,
    } = Download::from_bytes(&answer).context("what the issuer's service answers")?;
    let settled = answer.body.settled.len();
    let take = |purse: &mut Purse| purse.element.run(|state| state.sync_answer(&answer, &certificate));
    online::taken(wallet, purse, take).await?;
    let mut heard = purse.news.hear(&mut purse.element, news.clone());
    if let Err(HearError::Element(error)) = &heard
        && online::is_unknown_key(error)
    {
        online::learn_keys(wallet, purse).await?;
        heard = purse.news.hear(&mut purse.element, news);
    }
    // The outcomes and the certificate are the purse's by now; what is wrong with the news is no failure of it.
    if let Err(error) = heard {
        output::warning(
            wallet.json,
            format_args!("the purse does not take the issuer's news: {error}"),
        );
    }
    Ok(settled)
}

fn tell(wallet: &Wallet, purse: &Purse, before: Amount, settled: usize) {
    let state = purse.element.state();
    let (balance, own) = (state.balance(), &state.certificate().body);
    let returned = Amount(balance.0.saturating_sub(before.0));
    if wallet.json {
        let object = json!({
            "purse": purse.info.purse,
            "settled": settled,
            "returned": returned,
            "balance": balance,
            "serial": own.serial,
            "epoch": state.counters().epoch,
            "list_version": state.revoked().version(),
        });
        say!("{object}");
        return;
    }
    let money = |amount| desk::money(&purse.info, amount);
    say!(
        "{settled} payments and redemptions have their outcome; the purse has {}.",
        money(balance)
    );
    if !returned.is_zero() {
        say!("{} of it came back.", money(returned));
    }
    say!(
        "Certificate {} is the purse's now; it may pay {} until the next sync.",
        own.serial,
        money(Amount(own.paid_max.0.saturating_sub(state.counters().paid.0)))
    );
}
