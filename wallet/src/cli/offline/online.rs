//! What the commands of a purse begin with that take a network.

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::Text,
    keys::SecretKey,
    ledger::receipt::Outcome,
    offline::{
        action::{MESSAGES_MAX, OfflineAction, Testimony},
        issuer::{IssuerKey, IssuerKeys, Untrusted},
        purse::PurseRefusal,
        refusal::Refusal,
    },
    statement::PurseCurrencyView,
    transaction::{Action, Transaction},
};
use causeway_wallet::{
    client::Client,
    home::{AccountEntry, Home},
    offline::{
        element::ElementError,
        purses::{Purse, PurseInfo},
    },
};

use super::{
    super::{
        Finding,
        teller::{Done, Teller},
        wallet::Wallet,
    },
    desk,
};

/// An account, its key, and whom it asks.
pub struct Online<'a> {
    pub wallet: &'a Wallet,
    pub home: Home,
    pub client: Client,
    pub account: AccountEntry,
    pub key: SecretKey,
}

impl<'a> Online<'a> {
    /// For this account of the wallet, by label or address; without one, the only one.
    pub fn new(wallet: &'a Wallet, account: Option<&str>) -> anyhow::Result<Self> {
        let home = wallet.home()?;
        let account = home.account(account)?;
        let key = wallet.open_key(&home, &account.key)?;
        Ok(Self {
            client: home.client()?.with_short_proofs(),
            wallet,
            home,
            account,
            key,
        })
    }

    /// For the account of a purse.
    pub fn of(wallet: &'a Wallet, info: &PurseInfo) -> anyhow::Result<Self> {
        Self::new(wallet, Some(&info.account.to_string()))
    }

    /// Has an action carried out, or finds out what became of one like it. A refusal by the ledger is an error.
    pub async fn act(&self, action: OfflineAction, is_like: impl Fn(&OfflineAction) -> bool) -> anyhow::Result<Done> {
        let action = Action::Offline(Box::new(action));
        let like = |tx: &Transaction| matches!(&*tx.actions, [Action::Offline(action)] if is_like(action));
        let mut teller = Teller::new(self.wallet, &self.home, &self.client)?;
        let keys = std::slice::from_ref(&self.key);
        let done = teller.carry_out(keys, (action, Text::default()), like).await?;
        match done.verified.outcome {
            Outcome::Applied => Ok(done),
            Outcome::Rejected { reason, .. } => Err(Finding::Rejected(reason).into()),
        }
    }

    /// Has the ledger know what purses did, in as many transactions as that takes.
    pub async fn testify(&self, told: &[Testimony]) -> anyhow::Result<()> {
        for part in told.chunks(MESSAGES_MAX) {
            let action = OfflineAction::Testify {
                by: self.account.address.account,
                messages: part
                    .to_vec()
                    .try_into()
                    .ok()
                    .context("as many as one transaction takes")?,
            };
            self.act(action.clone(), |other| *other == action).await?;
        }
        Ok(())
    }
}

/// The keys by which the ledger takes what a currency's service signs.
pub fn keys(view: &PurseCurrencyView) -> anyhow::Result<IssuerKeys> {
    let in_use = view.keys.iter().filter(|entry| !entry.is_withdrawn);
    let keys = in_use.map(|entry| IssuerKey {
        key: entry.key,
        role: entry.role,
        currency: view.index,
    });
    let keys = IssuerKeys::new(keys.collect())?;
    if keys.iter().next().is_none() {
        bail!("the issuer of {} has named no key for purses yet", view.currency);
    }
    Ok(keys)
}

/// Has the purse take what the issuer's service signed. If that is by a key which the purse does not know, because the issuer has
/// replaced one, the purse learns those that the ledger has, and takes it again.
pub async fn taken<T>(
    wallet: &Wallet,
    purse: &mut Purse,
    take: impl Fn(&mut Purse) -> Result<T, ElementError>,
) -> anyhow::Result<T> {
    let mut done = take(purse);
    if done.as_ref().is_err_and(is_unknown_key) {
        learn_keys(wallet, purse).await?;
        done = take(purse);
    }
    done.map_err(|error| desk::explain(purse, error))
}

pub fn is_unknown_key(error: &ElementError) -> bool {
    let ElementError::Refused(PurseRefusal::Refused(Refusal::Untrusted(why))) = error else {
        return false;
    };
    matches!(why, Untrusted::UnknownKey { .. })
}

pub async fn learn_keys(wallet: &Wallet, purse: &mut Purse) -> anyhow::Result<()> {
    let client = wallet.home()?.client()?.with_short_proofs();
    let known = client.purse_currency(purse.info.currency).await?;
    let known = known.context("purses may not hold this currency on this network any more")?;
    let keys = keys(&known)?;
    let learned = purse.element.run(|state| state.learn_keys(&keys));
    learned.map_err(|error| desk::explain(purse, error))
}

/// Opens a purse, and what its account asks by.
pub fn open<'a>(wallet: &'a Wallet, name: &str) -> anyhow::Result<(Purse, Online<'a>)> {
    let purse = desk::open(wallet, name)?;
    let online = Online::of(wallet, &purse.info)?;
    Ok((purse, online))
}
