//! A purse that syncs.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::Height,
    codec::Bounded,
    identity::ParticipantId,
    ledger::rejection::Rejection,
    offline::{
        action::{OfflineAction, Testimony},
        field::Fixed,
        ids::{Epoch, Id16, ListVersion, LoadCounter, PurseId, Serial},
        message::Message,
        messages::{Certificate, SyncAnswer, SyncUpload},
        signed::Signed,
    },
    statement::PurseView,
};

use super::{Purses, TRIES_MAX, sign};
use crate::{
    client::Agreed,
    offline::issuer::{
        config::Operator,
        desk::DeskError,
        problem::Problem,
        rules::Rules,
        settle::{self, Known},
        upload::{Upload, signer},
    },
};

/// How many of a purse's loads are looked at, the newest first, to find those behind a payment.
const LOADS_MAX: usize = 256;

/// An honest purse's messages are taken. After so many that are not, no more are brought: each costs a transaction.
const REFUSED_MAX: usize = 64;

/// How often what there was no room for is brought, as long as some of it was taken: a payment has four messages.
const PASSES_MAX: usize = 4;

impl Purses {
    /// Takes what a purse brings, and says what has become of its payments: SYNC, BEACON, RL deltas, CERT.
    pub async fn sync(&self, purse: PurseId, bytes: &[u8]) -> Result<Vec<Message>, Problem> {
        let rules = self.rules()?;
        let upload = Upload::read(purse, bytes)?;
        let before = self.purse(purse, Height::GENESIS).await?;
        let bad = |_| Problem::Signature("the SYNC is not signed by the purse");
        upload.sync.verify(&before.answer.certificate.body.key).map_err(bad)?;
        check_serial(&upload.sync.body, &before.answer)?;
        let height = self.testify(&upload, &before.answer).await?;
        let now = self.purse(purse, height).await?;
        let certificate = self.renew(&upload.sync.body, now.clone(), &rules).await?;
        let known = self.known(&upload, &now).await?;
        let news = self.news(upload.sync.body.list_version).await?;
        let (epoch, list_version) = match news.first() {
            Some(Message::Beacon(beacon)) => (beacon.body.epoch, beacon.body.list_version),
            _ => (known.hour, ListVersion::default()),
        };
        let answer = SyncAnswer {
            direction: Fixed,
            issuer: self.keys.ids().grant,
            purse,
            upload: upload.sync.id(),
            epoch,
            list_version,
            settled: settle::settled(&upload, &known, &rules.limits),
        };
        let answer = sign(answer, &self.keys.grant);
        let answer = std::iter::once(Message::from(answer));
        Ok(answer.chain(news).chain([Message::from(certificate)]).collect())
    }

    async fn purse(&self, id: PurseId, height: Height) -> Result<Agreed<PurseView>, Problem> {
        self.desk.purse(id, height).await?.ok_or(Problem::UnknownPurse)
    }

    /// Brings to the ledger what was uploaded and is signed well. Gives the block after which it is known.
    async fn testify(&self, upload: &Upload, purse: &PurseView) -> Result<Height, Problem> {
        let others: Vec<_> = upload.others().into_iter().collect();
        let others = self.desk.purses(&others, Height::GENESIS).await?;
        let all = others.iter().chain([purse]);
        let keys: BTreeMap<_, _> = all.map(|view| (view.id, view.certificate.body.key)).collect();
        let mut left = upload.sound(&keys);
        let mut height = Height::GENESIS;
        for _ in 0..PASSES_MAX {
            let before = left.len();
            (left, height) = self.bring(purse.id, left, height).await?;
            if left.is_empty() || left.len() == before {
                break;
            }
        }
        // The purse would forget by the answer what it brought, and what of its money came back would be spent twice.
        if left.iter().any(|testimony| signer(testimony) != purse.id) {
            return Err(Problem::Crowded);
        }
        Ok(height)
    }

    /// Gives those that others of them may confirm: for a purse's own word alone there may be no room.
    async fn bring(
        &self,
        purse: PurseId,
        testimonies: Vec<Testimony>,
        height: Height,
    ) -> Result<(Vec<Testimony>, Height), Problem> {
        let by = self.account;
        let one = |testimony: &Testimony| OfflineAction::Testify {
            by,
            messages: Bounded::new(vec![testimony.clone()]).expect("one of at most 64"),
        };
        let actions = testimonies.iter().map(one).collect();
        let brought = self.desk.bring_some(actions, &self.account_key, REFUSED_MAX).await?;
        let mut crowded = Vec::new();
        for (testimony, taken) in testimonies.into_iter().zip(brought.taken) {
            match taken {
                Ok(()) => {}
                Err(Rejection::PurseCrowded) => crowded.push(testimony),
                // Of what it says nothing is known then, and the payment stays pending.
                Err(reason) => tracing::warn!("the ledger refused a message that purse {purse} brought: {reason}"),
            }
        }
        Ok((crowded, height.max(brought.height)))
    }

    /// The certificate after the one that the purse has, which may be registered already.
    async fn renew(
        &self,
        upload: &SyncUpload,
        mut found: Agreed<PurseView>,
        rules: &Rules,
    ) -> Result<Signed<Certificate>, Problem> {
        for _ in 0..TRIES_MAX {
            let view = &found.answer;
            if view.is_revoked {
                return Err(Problem::Revoked);
            }
            if !view.proofs.is_empty() {
                return Err(Problem::Convicted);
            }
            check_serial(upload, view)?;
            let previous = &view.certificate;
            if previous.body.serial != upload.serial {
                return Ok(previous.clone());
            }
            let issuer = self.keys.ids().certificate;
            let now = Epoch::at(found.time_ms);
            let next = settle::next_certificate(&previous.body, upload, issuer, now, &rules.limits)?;
            let certificate = self.sign(next);
            let operator = self.operator(view.operator)?;
            let action = OfflineAction::RegisterPurse {
                operator: operator.id,
                owner: view.owner,
                certificate: certificate.clone(),
            };
            if self.registered(action, operator).await? {
                return Ok(certificate);
            }
            // Another answer to this upload was faster; what it registered is what counts.
            found = self.purse(upload.purse, found.height.next()).await?;
        }
        Err(Problem::Refused(Rejection::CertificateNotNewer))
    }

    fn operator(&self, id: ParticipantId) -> Result<&Operator, Problem> {
        let mut operators = self.operators.iter();
        operators
            .find(|operator| operator.id == id)
            .ok_or(Problem::OtherOperator)
    }

    /// What the ledger says of the payments that are pending, as of that word on the purse or later.
    async fn known(&self, upload: &Upload, purse: &Agreed<PurseView>) -> Result<Known, Problem> {
        let id = upload.sync.body.purse;
        let pending: Vec<_> = settle::pending(&upload.sync.body).collect();
        let spent = self.desk.spent(id, &pending, purse.height).await?;
        let mut known = Known {
            hour: Epoch::at(purse.time_ms),
            spent: pending.into_iter().zip(spent).collect(),
            loads: BTreeMap::new(),
        };
        let mut wanted: Vec<Id16> = settle::lots_of_late(upload, known.hour).collect();
        let newest = purse.answer.loads.0;
        for counter in (1..=newest).rev().take(LOADS_MAX) {
            if wanted.is_empty() {
                break;
            }
            let counter = LoadCounter(counter);
            let found = self.desk.client.load_of(&id, counter, &self.desk.reader).await;
            if let Some(load) = found.map_err(DeskError::from)?.answer {
                wanted.retain(|lot| *lot != load.lot);
                known.loads.insert(load.lot, load.is_ended);
            }
        }
        Ok(known)
    }
}

/// The purse has the newest certificate, or the one before: then it has not had the last answer.
fn check_serial(upload: &SyncUpload, purse: &PurseView) -> Result<(), Problem> {
    let (given, known) = (upload.serial, purse.certificate.body.serial);
    let before = Serial(known.0.saturating_sub(1));
    if given == known || given == before {
        Ok(())
    } else {
        Err(Problem::Serial { given, known })
    }
}
