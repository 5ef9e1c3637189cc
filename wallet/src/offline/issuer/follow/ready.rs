//! Before the service can begin: the currency is open for purses, and the keys are its issuer's.

use causeway_contracts::{
    offline::{
        ids::{Epoch, KeyId},
        issuer::KeyRole,
    },
    statement::PurseCurrencyView,
};
use tokio::time::sleep;

use super::{PAUSE, Stop, Work};
use crate::{
    client::ClientError,
    offline::issuer::{desk::DeskError, rules::Rules},
};

/// Says once what is waited for, however often it is tried.
#[derive(Default)]
pub(super) struct Waiting(Option<String>);

impl Waiting {
    pub fn tell(&mut self, what: &str, error: &dyn std::error::Error) {
        // Another cause of the same wait is no news.
        if self.0.as_deref() != Some(what) {
            tracing::warn!("{what}: {error}; waiting");
            self.0 = Some(what.to_owned());
        }
    }

    /// Before it is asked again.
    pub async fn pause(&mut self, what: &str, error: DeskError) -> Result<(), Stop> {
        if let DeskError::Client(error @ ClientError::TrustLapsed) = error {
            return Err(Stop::Trust(error));
        }
        self.tell(what, &error);
        sleep(PAUSE).await;
        Ok(())
    }

    pub fn over(&mut self) {
        if let Some(what) = self.0.take() {
            tracing::info!("no longer: {what}");
        }
    }
}

/// Why the service is not ready yet.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error("the ledger does not know the {role:?} key {id} yet; the issuer makes it known by set_service_key")]
    KeyUnknown { role: KeyRole, id: KeyId },
    #[error(transparent)]
    Stop(#[from] Stop),
}

impl Work {
    /// Waits until the currency is open for purses and the keys are those of its issuer.
    pub(super) async fn ready(&self, waiting: &mut Waiting) -> Result<(Rules, Option<Epoch>), Stop> {
        loop {
            match self.look().await {
                Ok(found) => {
                    waiting.over();
                    return Ok(found);
                }
                Err(Unready::Stop(stop)) => return Err(stop),
                Err(Unready::Desk(error)) => waiting.pause("the service is not ready", error).await?,
                Err(error) => {
                    waiting.tell("the service is not ready", &error);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn look(&self) -> Result<(Rules, Option<Epoch>), Unready> {
        let view = self.desk.purse_currency().await?;
        for key in self.keys.public(view.index) {
            self.check_key(&view, key.role, key.id())?;
        }
        let found = self
            .desk
            .client
            .currency(self.desk.currency)
            .await
            .map_err(DeskError::from)?;
        let record = found.ok_or(DeskError::NotOpen(self.desk.currency))?;
        let rules = Rules {
            currency: view.index,
            exponent: record.exponent,
            limits: self.limits.resolve(record.exponent).map_err(Stop::from)?,
            beacon_hours: self.beacon_hours,
            lot_proof_hours: self.lot_proof_hours,
        };
        Ok((rules, view.beacon.map(|beacon| beacon.body.epoch)))
    }

    fn check_key(&self, view: &PurseCurrencyView, role: KeyRole, id: KeyId) -> Result<(), Unready> {
        match view.keys.iter().find(|entry| KeyId::of(&entry.key) == id) {
            None => Err(Unready::KeyUnknown { role, id }),
            Some(entry) if entry.is_withdrawn => Err(Stop::KeyWithdrawn { role, id }.into()),
            Some(entry) if entry.role != role => Err(Stop::KeyOfOtherRole { role, id }.into()),
            Some(_) => Ok(()),
        }
    }
}
