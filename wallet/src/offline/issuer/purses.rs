//! The service's work for the purse that asks: registering it, its grants, its syncs, and what is new.
//!
//! What is answered is what the ledger has: who asks again, also after a crash in between, is answered from there.

use std::{collections::BTreeMap, sync::Arc};

use causeway_contracts::{
    block::{Height, TimeMs},
    codec::Bounded,
    identity::{AccountId, AccountStatus, ParticipantId},
    keys::SecretKey,
    ledger::rejection::Rejection,
    offline::{
        action::{OfflineAction, Testimony},
        field::Fixed,
        ids::{Epoch, Id16, ListVersion, LoadCounter, PurseId, Serial},
        issuer::ByIssuer,
        message::Message,
        messages::{Certificate, Grant, SyncAnswer, SyncUpload},
        signed::{Body, Signed},
    },
    statement::{AccountView, PurseView},
};
use tokio::sync::watch;

use super::{
    client::{About, Registration},
    config::Operator,
    desk::{Desk, DeskError},
    problem::Problem,
    pseudonym::{ATTEMPTS_MAX, purse_id},
    rules::{Rules, ServiceKeys},
    settle::{self, Known, NewPurse},
    upload::Upload,
};
use crate::client::{Agreed, ClientError};

/// How far a new registration may be from the ledger's time.
const REGISTRATION_MINUTES: u64 = 10;

/// How many of a purse's loads are looked at, the newest first, to find those behind a payment.
const LOADS_MAX: u32 = 256;

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

fn hour(time: TimeMs) -> Epoch {
    Epoch::at(time)
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
        let now = hour(account.time_ms);
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
        let by = self.account;
        let one = |testimony: Testimony| OfflineAction::Testify {
            by,
            messages: Bounded::new(vec![testimony]).expect("one of at most 64"),
        };
        let actions = upload.sound(&keys).into_iter().map(one).collect();
        let brought = self.desk.bring(actions, &self.account_key).await?;
        for reason in brought.taken.iter().filter_map(|taken| taken.err()) {
            // Of what it says nothing is known then, and the payment stays pending.
            tracing::warn!("the ledger refused a message that purse {} brought: {reason}", purse.id);
        }
        Ok(brought.height)
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
            let now = hour(found.time_ms);
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
            hour: hour(purse.time_ms),
            spent: pending.into_iter().zip(spent).collect(),
            loads: BTreeMap::new(),
        };
        let mut wanted: Vec<Id16> = settle::lots_of_late(upload, known.hour).collect();
        let newest = purse.answer.loads.0;
        for counter in (1..=newest).rev().take(LOADS_MAX as usize) {
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

/// What has become of a registration.
enum Place {
    Registered(Signed<Certificate>),
    Free(PurseId),
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

fn sign<M: Body + ByIssuer>(message: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(message, key).expect("what the service makes would be read back")
}
