//! The service's work for the purse that asks: registering it, its grants, its syncs, and what is new.
//!
//! What is answered is what the ledger has: who asks again, also after a crash in between, is answered from there.

mod register;
mod sync;

use std::sync::Arc;

use causeway_contracts::{
    identity::AccountId,
    keys::SecretKey,
    ledger::rejection::Rejection,
    offline::{
        action::OfflineAction,
        ids::{ListVersion, LoadCounter, PurseId},
        issuer::ByIssuer,
        message::Message,
        messages::{Certificate, Grant},
        signed::{Body, Signed},
    },
};
use tokio::sync::watch;

use super::{
    client::About,
    config::Operator,
    desk::{Desk, DeskError},
    problem::Problem,
    rules::{Rules, ServiceKeys},
};
use crate::client::ClientError;

/// How often a certificate is tried where another was registered meanwhile.
const TRIES_MAX: u32 = 3;

pub struct Purses {
    pub desk: Desk,
    pub keys: ServiceKeys,
    pub account: AccountId,
    pub account_key: SecretKey,
    pub operators: Vec<Operator>,
    /// None until the service is ready.
    pub rules: watch::Receiver<Option<Arc<Rules>>>,
}

impl Purses {
    fn rules(&self) -> Result<Arc<Rules>, Problem> {
        self.rules.borrow().clone().ok_or(Problem::NotReady)
    }

    pub fn about(&self) -> Result<About, Problem> {
        let rules = self.rules()?;
        Ok(About {
            genesis: *self.desk.client.genesis(),
            currency: self.desk.currency,
            index: rules.currency,
            exponent: rules.exponent,
            keys: self.keys.public(rules.currency),
            limits: rules.limits,
        })
    }

    /// Whether the certificate was registered; not if another was meanwhile.
    async fn registered(&self, action: OfflineAction, operator: &Operator) -> Result<bool, Problem> {
        let brought = self.desk.bring(vec![action], &operator.key).await?;
        match brought.taken[0] {
            Ok(()) => Ok(true),
            Err(Rejection::CertificateNotNewer) => Ok(false),
            Err(Rejection::PurseRevoked) => Err(Problem::Revoked),
            Err(reason) => Err(Problem::Refused(reason)),
        }
    }

    fn sign(&self, certificate: Certificate) -> Signed<Certificate> {
        sign(certificate, &self.keys.certificate)
    }

    /// The grant that the ledger has for a load.
    pub async fn grant(&self, purse: PurseId, counter: LoadCounter) -> Result<Signed<Grant>, Problem> {
        self.rules()?;
        let found = self.desk.client.load_of(&purse, counter, &self.desk.reader).await;
        match found {
            Ok(found) => found.answer.and_then(|load| load.grant).ok_or(Problem::NoGrant),
            Err(ClientError::NotAllowed(_)) => Err(Problem::UnknownPurse),
            Err(error) => Err(DeskError::from(error).into()),
        }
    }

    /// The newest beacon, and deltas that follow a version.
    pub async fn news(&self, list: ListVersion) -> Result<Vec<Message>, Problem> {
        self.rules()?;
        let beacon = self.desk.purse_currency().await?.beacon;
        let page = self.desk.revocations(list).await?;
        let deltas = page.deltas.into_vec().into_iter().map(Message::from);
        Ok(beacon.map(Message::from).into_iter().chain(deltas).collect())
    }
}

fn sign<M: Body + ByIssuer>(message: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(message, key).expect("what the service makes would be read back")
}
