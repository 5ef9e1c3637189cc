//! A new purse.

use causeway_contracts::{
    block::Height,
    identity::AccountStatus,
    ledger::rejection::Rejection,
    offline::{
        action::OfflineAction,
        ids::{Epoch, PurseId},
        messages::Certificate,
        signed::Signed,
    },
    statement::AccountView,
};

use super::{Purses, TRIES_MAX};
use crate::{
    client::{Agreed, ClientError},
    offline::issuer::{
        client::Registration,
        config::Operator,
        desk::DeskError,
        problem::Problem,
        pseudonym::{ATTEMPTS_MAX, purse_id},
        rules::Rules,
        settle::{self, NewPurse},
    },
};

/// How far a new registration may be from the ledger's time.
const REGISTRATION_MINUTES: u64 = 10;

/// What has become of a registration.
enum Place {
    Registered(Signed<Certificate>),
    Free(PurseId),
}

impl Purses {
    /// The purse's newest certificate, once it is registered.
    pub async fn register(&self, registration: &Registration) -> Result<Signed<Certificate>, Problem> {
        let rules = self.rules()?;
        let prefix = self.desk.client.prefix();
        if registration.account.prefix != prefix {
            return Err(Problem::OtherNetwork(prefix));
        }
        let terms = registration.terms(*self.desk.client.genesis(), self.desk.currency);
        let bad = |_| {
            Problem::Signature(
                "account_signature and purse_signature are not both good for these terms, this network and this currency",
            )
        };
        registration.verify(&terms).map_err(bad)?;
        registration
            .public_key
            .check()
            .map_err(|_| Problem::Signature("public_key fits signatures to any message"))?;
        let (operator, account) = self.account(registration).await?;
        for _ in 0..TRIES_MAX {
            let new = match self.find(registration, &rules).await? {
                Place::Registered(certificate) => return Ok(certificate),
                Place::Free(purse) => self.new_purse(purse, registration, &account, &rules).await?,
            };
            let certificate = self.sign(settle::first_certificate(&new, &rules.limits));
            let action = OfflineAction::RegisterPurse {
                operator: operator.id,
                owner: registration.account.account,
                certificate: certificate.clone(),
            };
            if self.registered(action, operator).await? {
                return Ok(certificate);
            }
        }
        Err(Problem::Refused(Rejection::CertificateNotNewer))
    }

    /// The account, if the key acts for it and one of the operators serves it.
    async fn account(&self, registration: &Registration) -> Result<(&Operator, Agreed<AccountView>), Problem> {
        let id = registration.account.account;
        for operator in &self.operators {
            let found = match self.desk.client.account_agreed(&id, &operator.key).await {
                Err(ClientError::NotAllowed(_)) => continue,
                other => other.map_err(DeskError::from)?,
            };
            let Agreed {
                answer: Some(view),
                height,
                time_ms,
            } = found
            else {
                continue;
            };
            if view.operator != operator.id {
                continue;
            }
            if !view.keys.is_met_by([&registration.account_key]) {
                return Err(Problem::NotItsKey);
            }
            if view.status != AccountStatus::Active {
                return Err(Problem::NotActive);
            }
            let agreed = Agreed {
                answer: view,
                height,
                time_ms,
            };
            return Ok((operator, agreed));
        }
        Err(Problem::OtherOperator)
    }

    async fn find(&self, registration: &Registration, rules: &Rules) -> Result<Place, Problem> {
        let key = registration.public_key;
        for attempt in 0..ATTEMPTS_MAX {
            let Some(id) = purse_id(rules.currency, &key, attempt) else {
                continue;
            };
            let Some(found) = self.desk.purse(id, Height::GENESIS).await? else {
                return Ok(Place::Free(id));
            };
            let view = found.answer;
            let certificate = &view.certificate.body;
            if certificate.key != key || view.owner != registration.account.account {
                continue;
            }
            if certificate.class != registration.class.class() {
                return Err(Problem::Otherwise(id));
            }
            if view.is_revoked {
                return Err(Problem::Revoked);
            }
            return Ok(Place::Registered(view.certificate));
        }
        Err(Problem::NoIdLeft)
    }

    async fn new_purse(
        &self,
        purse: PurseId,
        registration: &Registration,
        account: &Agreed<AccountView>,
        rules: &Rules,
    ) -> Result<NewPurse, Problem> {
        let difference = registration.time_ms.0.abs_diff(account.time_ms.0);
        if difference > REGISTRATION_MINUTES * 60_000 {
            return Err(Problem::Time(REGISTRATION_MINUTES));
        }
        let now = Epoch::at(account.time_ms);
        let beacon = self.desk.purse_currency().await?.beacon;
        Ok(NewPurse {
            issuer: self.keys.ids().certificate,
            purse,
            key: registration.public_key,
            currency: rules.currency,
            class: registration.class.class(),
            // What purses take for the hour may be an hour behind.
            not_before: beacon.map_or(now, |beacon| beacon.body.epoch.min(now)),
            now,
        })
    }
}
