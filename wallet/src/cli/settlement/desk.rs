//! What every one of these commands needs.

use std::path::Path;

use anyhow::Context;
use causeway_contracts::{
    codec::Text,
    identity::AccountId,
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::{Amount, Currency, text::parse_amount},
    settlement::{ContractId, SettlementAction},
    statement::ContractView,
    transaction::{Action, UnixSeconds},
};
use causeway_wallet::{
    client::Client,
    clock,
    home::{AccountEntry, Home},
    payment::memo,
};

use super::likeness::like;
use crate::cli::{
    args::settlement::{Signing, Span, Which},
    cosign, output,
    teller::{Done, Teller, report, report_contract},
    wallet::{Wallet, exponent},
};

/// What every one of these commands needs.
pub(super) struct Desk<'a> {
    pub(super) wallet: &'a Wallet,
    pub(super) home: Home,
    pub(super) client: Client,
}

impl<'a> Desk<'a> {
    pub(super) fn new(wallet: &'a Wallet) -> anyhow::Result<Self> {
        let home = wallet.home()?;
        let client = home.client()?.with_short_proofs();
        Ok(Self { wallet, home, client })
    }

    /// An account of this wallet, by label, or anyone's by contact or address.
    pub(super) fn party(&self, text: &str) -> anyhow::Result<AccountId> {
        let accounts = self.home.accounts()?;
        match accounts.iter().find(|entry| entry.label == text) {
            Some(entry) => Ok(entry.address.account),
            None => Ok(self.home.contacts()?.resolve(text)?),
        }
    }

    pub(super) fn own(&self, text: Option<&str>) -> anyhow::Result<AccountEntry> {
        Ok(self.home.account(text)?)
    }

    pub(super) async fn amount(&self, text: &str, currency: Currency) -> anyhow::Result<Amount> {
        Ok(parse_amount(text, exponent(&self.home, &self.client, currency).await?)?)
    }

    pub(super) async fn money(&self, amount: Amount, currency: Currency) -> anyhow::Result<String> {
        let exponent = exponent(&self.home, &self.client, currency).await?;
        Ok(output::money(amount, exponent, currency))
    }

    pub(super) async fn exponent(&self, currency: Currency) -> anyhow::Result<u8> {
        exponent(&self.home, &self.client, currency).await
    }

    /// A contract as seen by an account of this wallet.
    pub(super) async fn view(&self, which: &Which) -> anyhow::Result<(ContractView, AccountEntry)> {
        let by = self.own(which.by.as_deref())?;
        let key = self.wallet.open_key(&self.home, &by.key)?;
        let view = self.client.contract(&which.contract, &key).await?;
        let view = view.with_context(|| format!("there is no contract {}, or none any more", which.contract))?;
        Ok((view, by))
    }

    /// Brings an action to its end. One like it whose outcome is unknown is taken for the same, whenever
    /// it would have expired.
    pub(super) async fn carry_out(
        &self,
        keys: &[SecretKey],
        action: SettlementAction,
        text: String,
    ) -> anyhow::Result<Done> {
        let memo = memo(text)?;
        let like = like(&action, &memo);
        let mut teller = Teller::new(self.wallet, &self.home, &self.client)?;
        teller
            .carry_out(keys, (Action::Settle(action), memo.clone()), like)
            .await
    }

    /// For other wallets to sign.
    pub(super) fn write(
        &self,
        file: &Path,
        signing: &Signing,
        action: SettlementAction,
        keys: &[SecretKey],
    ) -> anyhow::Result<()> {
        let made = cosign::Draft {
            action: Action::Settle(action),
            keys,
            valid_seconds: signing.valid_for.0,
        };
        cosign::write(self.wallet, &self.home, file, made)
    }

    /// The outcome of an action like this one that an earlier run has left unknown, if it had an effect.
    pub(super) async fn earlier(&self, action: &SettlementAction) -> anyhow::Result<Option<Done>> {
        let mut teller = Teller::new(self.wallet, &self.home, &self.client)?;
        teller.earlier(like(action, &Text::default())).await
    }

    /// With the key of one account.
    pub(super) async fn act(&self, by: &AccountEntry, action: SettlementAction) -> anyhow::Result<Done> {
        let key = self.wallet.open_key(&self.home, &by.key)?;
        self.carry_out(std::slice::from_ref(&key), action, String::new()).await
    }

    /// Reports what opened a contract, and its id.
    pub(super) fn opened(&self, done: &Done, words: [&str; 2]) -> anyhow::Result<()> {
        report_contract(self.wallet, done, words, Some(opened_by(done)))
    }

    pub(super) fn done(&self, done: &Done, words: [&str; 2]) -> anyhow::Result<()> {
        report(self.wallet, done, words)
    }
}

/// The contract that a transaction of one action opens.
fn opened_by(done: &Done) -> ContractId {
    ContractId::derive(&done.verified.id, 0)
}

pub(super) fn from_now(span: Span) -> UnixSeconds {
    clock::seconds_from_now(span.0)
}

/// Whether a transaction had its effect.
pub(super) fn is_applied(done: &Done) -> bool {
    done.verified.outcome == Outcome::Applied
}
