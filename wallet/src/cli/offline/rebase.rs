//! `causeway offline rebase`.
//!
//! The purse draws its successor's key, redeems all that it has, syncs, has the successor registered, and goes on as
//! that. Each step that was done is found done by a run after it: the key is drawn once, the ledger pays each redemption
//! once, and the service registers one key once. A purse that was not used since it was made is not rebased again.

use anyhow::{anyhow, bail};
use causeway_contracts::{
    money::Amount,
    offline::{
        ids::{LoadCounter, PurseId, RequestSeq, Seq},
        messages::{Certificate, Class},
        purse::PurseState,
        registration::{PurseClass, RegistrationTerms},
        signed::Signed,
    },
    statement::LoadView,
};
use causeway_wallet::{
    clock,
    offline::{
        issuer::client::{IssuerClient, Registration},
        purses::{Purse, RebaseError},
    },
};
use serde_json::json;

use super::{
    super::{
        Finding,
        output::{note, say},
        wallet::Wallet,
    },
    create, desk, load,
    online::{self, Online},
    redeem, sync,
};

pub async fn rebase(wallet: &Wallet, name: &str) -> anyhow::Result<()> {
    let (mut purse, online) = online::open(wallet, name)?;
    let load = current_load(&purse, &online).await?;
    if is_unused(purse.element.state(), load.as_ref()) {
        tell_unused(wallet, &purse);
        return Ok(());
    }
    check_requests(&purse)?;
    check_load(&purse, load)?;
    let issuer = IssuerClient::new(&purse.info.issuer)?;
    // A service that is not there would leave the purse empty for nothing.
    issuer.about().await?;
    let is_resumed = purse.element.state().successor().is_some();
    if is_resumed {
        note!("An earlier run has begun to rebase this purse, and this one goes on with it.");
    }
    let terms = begin(&mut purse, &online)?;
    let redeemed = redeem::all(&mut purse, &online, &online).await?;
    redeemed.check(&purse, "rebase")?;
    sync::with_issuer(wallet, &mut purse).await?;
    check_log(&purse)?;
    let certificate = register(&mut purse, &online, &issuer, &terms).await?;
    check_load(&purse, current_load(&purse, &online).await?)?;
    let before = purse.info.purse;
    purse.rebase(&certificate).map_err(|error| match error {
        RebaseError::Element(error) => desk::explain(&purse, error),
        RebaseError::File(error) => anyhow::Error::new(error).context("run the same command again"),
    })?;
    tell(wallet, &purse, before, redeemed.redeemed, is_resumed);
    Ok(())
}

/// A purse of which nobody has learned anything, and which can be loaded: what a rebase makes.
fn is_unused(state: &PurseState, load: Option<&LoadView>) -> bool {
    let counters = state.counters();
    let is_first =
        (counters.load_counter, counters.seq, counters.request_seq) == (LoadCounter(1), Seq(0), RequestSeq(0));
    is_first && state.successor().is_none() && !load.is_some_and(load::is_lost)
}

/// The load that the purse takes next, if there is one.
async fn current_load(purse: &Purse, online: &Online<'_>) -> anyhow::Result<Option<LoadView>> {
    let counter = purse.element.state().counters().load_counter;
    let load = online.client.load_of(&purse.info.purse, counter, &online.key).await?;
    Ok(load.answer)
}

fn check_requests(purse: &Purse) -> anyhow::Result<()> {
    let name = &purse.place.name;
    let Some(first) = purse.element.state().requests().first() else {
        return Ok(());
    };
    let error = anyhow!(
        "purse {name} has {} open requests, which may be paid yet; wait for the payments, or cancel each, such as with \
         `causeway offline cancel {name} {}`, and run the same command again",
        purse.element.state().requests().len(),
        first.id()
    );
    Err(Finding::PurseRefuses(error).into())
}

/// A load whose grant the purse has not taken would be lost with its key until it expires.
fn check_load(purse: &Purse, load: Option<LoadView>) -> anyhow::Result<()> {
    let Some(load) = load.filter(|load| !load.is_ended) else {
        return Ok(());
    };
    let (name, money) = (&purse.place.name, desk::money(&purse.info, load.amount));
    let error = anyhow!(
        "{money} are set aside for purse {name}, and it has not taken them yet; run `causeway offline load {name} AMOUNT` \
         first, which goes on with that load, and then the same command again"
    );
    Err(Finding::PurseRefuses(error).into())
}

/// What is pending after the issuer's answer waits for others.
fn check_log(purse: &Purse) -> anyhow::Result<()> {
    let name = &purse.place.name;
    let pending = purse.element.state().log().len();
    if pending == 0 {
        return Ok(());
    }
    let error = anyhow!(
        "{pending} payments and redemptions of purse {name} have no outcome yet; a payee's receipt or void gives it \
         (`causeway offline settle {name}`), or the ledger once it has heard of the payee or the payment has expired. \
         All else is redeemed; then run the same command again"
    );
    Err(Finding::PurseRefuses(error).into())
}

/// Has the successor's key drawn, once.
fn begin(purse: &mut Purse, online: &Online<'_>) -> anyhow::Result<RegistrationTerms> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy)?;
    let drawn = purse.element.run(|state| state.begin_rebase(&entropy));
    let public_key = drawn.map_err(|error| desk::explain(purse, error))?;
    let is_merchant = purse.element.state().certificate().body.class == Class::MERCHANT;
    Ok(RegistrationTerms {
        genesis: *online.client.genesis(),
        currency: purse.info.currency,
        account: online.account.address.account,
        public_key,
        class: if is_merchant {
            PurseClass::Merchant
        } else {
            PurseClass::Purse
        },
        time_ms: clock::now_ms(),
    })
}

async fn register(
    purse: &mut Purse,
    online: &Online<'_>,
    issuer: &IssuerClient,
    terms: &RegistrationTerms,
) -> anyhow::Result<Signed<Certificate>> {
    let terms = RegistrationTerms {
        time_ms: clock::now_ms(),
        ..*terms
    };
    let signature = purse.element.run(|state| state.successor_signature(&terms));
    let signature = signature.map_err(|error| desk::explain(purse, error))?;
    let known = online.client.purse_currency(terms.currency).await?;
    let Some(known) = known else {
        bail!("purses may not hold {} on this network any more", terms.currency);
    };
    let registration = Registration::with(&terms, online.client.prefix(), &online.key, signature);
    create::certify(issuer, &known, &terms, &registration).await
}

fn tell(wallet: &Wallet, purse: &Purse, before: PurseId, redeemed: Amount, is_resumed: bool) {
    let (name, info) = (&purse.place.name, &purse.info);
    if wallet.json {
        let object = json!({
            "name": name,
            "purse": info.purse,
            "before": before,
            "account": info.account,
            "currency": info.currency,
            "redeemed": redeemed,
            "rebased": true,
            "resumed": is_resumed,
        });
        say!("{object}");
        return;
    }
    say!("Purse {name} was {before}, and has the id {} now.", info.purse);
    if !redeemed.is_zero() {
        say!(
            "{} of it were redeemed to {}.",
            desk::money(info, redeemed),
            info.account
        );
    }
    say!("It is empty; `causeway offline load {name} AMOUNT` loads it.");
}

fn tell_unused(wallet: &Wallet, purse: &Purse) {
    let (name, info) = (&purse.place.name, &purse.info);
    if wallet.json {
        say!("{}", json!({ "name": name, "purse": info.purse, "rebased": false }));
    } else {
        say!(
            "Purse {name} has the id {} and was never used under it: there is nothing to rebase.",
            info.purse
        );
    }
}
