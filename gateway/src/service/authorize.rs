//! An issuer decides what acquirers ask for by ISO 8583, once for each message.
//!
//! What is asked is stored, then the card's rules are asked; what they say is stored together with the ledger's transaction,
//! signed, before it is sent, by a job that goes on with it after a kill (`engine::authorizations`). The acquirer waits for
//! its end, for as long as `issuing.answer_ms`; then it is answered 91 and repeats or reverses the message, which is answered
//! by what became of it. Where cards are read, nothing of them is stored: whoever was asking when the process died has 91.

mod begin;
mod hosts;
mod read;

use std::{sync::Arc, time::Duration};

use causeway_contracts::{identity::AccountId, statement::AccountView};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinError,
    time::timeout,
};

use self::begin::Begun;
pub use self::{
    begin::GRACE_MS,
    hosts::{HostError, Hosts, start},
};
use super::{
    config::{Issuing, Link},
    context::Gateway,
    engine::{balance_of, handed},
    id,
    issuing::{self, Declined, Permit},
    records::{
        authorizations::{self, Authorization, State},
        cards::payments,
        jobs::{self, Kind},
    },
};
use crate::{
    acquiring::{
        host::{Decision, Operation, Outcome, Request, key::take, server::Authorizer},
        hsm::{HsmError, KeyName, Purpose},
        link_key::{LinkKey, ModuleKey},
        pin_keys::PinKeys,
    },
    store::{Sql, StoreError},
};

/// Another gateway may have brought it to its end.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Says whether a card permits what is asked. What it uses is kept by the authorisation's id, which is its link's.
pub trait Permits: Send + Sync + 'static {
    fn permit(
        &self,
        gateway: &Gateway,
        id: &str,
        request: &Request,
        now_ms: u64,
    ) -> impl Future<Output = Result<Permit, Declined>> + Send;
}

/// By the cards of this gateway, whose PINs a link enciphers under its keys.
pub struct Cards {
    pin_keys: Arc<PinKeys>,
}

impl Cards {
    pub fn new(pin_keys: Arc<PinKeys>) -> Self {
        Self { pin_keys }
    }
}

impl Permits for Cards {
    fn permit(
        &self,
        gateway: &Gateway,
        id: &str,
        request: &Request,
        now_ms: u64,
    ) -> impl Future<Output = Result<Permit, Declined>> + Send {
        issuing::permit(gateway, &self.pin_keys, id, request, now_ms)
    }
}

/// Decides for one link.
pub struct Desk<P> {
    gateway: Arc<Gateway>,
    link: Link,
    keys: Keys,
    permits: P,
    answer: Duration,
}

/// A link's keys that can be changed.
pub(super) struct Keys {
    pub mac: Option<LinkKey>,
    pub pin: Option<LinkKey>,
    /// Those under which its PINs are now.
    pub pin_keys: Arc<PinKeys>,
}

impl Keys {
    pub(super) fn of(gateway: &Gateway, link: &Link) -> Result<Self, HsmError> {
        let key = |name: &Option<KeyName>, purpose| {
            let found = gateway.hsm.as_ref().zip(name.as_ref());
            found.map(|(hsm, name)| LinkKey {
                hsm: Arc::clone(hsm),
                name: name.clone(),
                purpose,
                wrapping: link.keys.wrapping.clone(),
            })
        };
        let pin = key(&link.keys.pin, Purpose::Pin);
        Ok(Self {
            mac: key(&link.keys.mac, Purpose::Mac),
            pin_keys: Arc::new(issuing::pin_keys(gateway, pin.as_ref())?),
            pin,
        })
    }
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
enum Undecided {
    #[error("it is declined")]
    Declined(Outcome),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no random bytes from the system")]
    Random(#[from] getrandom::Error),
    #[error("the task that stores it has failed")]
    Failed(#[from] JoinError),
}

impl From<Outcome> for Undecided {
    fn from(outcome: Outcome) -> Self {
        Self::Declined(outcome)
    }
}

impl<P: Permits> Authorizer for Desk<P> {
    async fn decide(&self, request: Request) -> Decision {
        let decided = timeout(self.answer, self.decided(request)).await;
        match decided {
            Ok(Ok(decision)) => decision,
            Ok(Err(Undecided::Declined(outcome))) => outcome.into(),
            Ok(Err(error)) => {
                tracing::warn!(link = self.link.name, error = error.to_string(), "nothing was decided");
                Outcome::SystemMalfunction.into()
            }
            Err(_) => Outcome::IssuerUnavailable.into(),
        }
    }

    async fn mac_key(&self, request: Request, known: Vec<ModuleKey>) -> Result<ModuleKey, Outcome> {
        let key = self.keys.mac.as_ref().ok_or(Outcome::InvalidTransaction)?;
        take(&request.message, key, known).await
    }
}

impl<P: Permits> Desk<P> {
    pub(super) fn new(gateway: Arc<Gateway>, issuing: &Issuing, link: Link, keys: Keys, permits: P) -> Self {
        Self {
            gateway,
            link,
            keys,
            permits,
            answer: Duration::from_millis(issuing.answer_ms),
        }
    }

    async fn decided(&self, request: Request) -> Result<Decision, Undecided> {
        match request.operation {
            Operation::PinKey => return self.pin_key(&request).await,
            // The host asks for it by itself.
            Operation::MacKey => return Err(Outcome::InvalidTransaction.into()),
            _ => {}
        }
        let mut ends = self.gateway.authorized.subscribe();
        let asked = read::asked(&self.gateway, &self.link, &request)?;
        let id = match begin::begin(&self.gateway, asked).await? {
            Begun::Known(known) if known.state == State::Done => return Ok(decision(&known)),
            Begun::Known(known) => known.id,
            Begun::OtherContents => return Err(Outcome::DuplicateTransmission.into()),
            Begun::New(new) => {
                match new.state {
                    State::Deciding => self.permit(&new.id, &request).await?,
                    State::Pending | State::Done => self.gateway.wake_authorizations.notify_one(),
                }
                new.id
            }
        };
        self.ended(&id, &mut ends).await
    }

    /// Takes a key for PIN blocks on, beside the one before it.
    async fn pin_key(&self, request: &Request) -> Result<Decision, Undecided> {
        let key = self.keys.pin.as_ref().ok_or(Outcome::InvalidTransaction)?;
        let keys = &self.keys.pin_keys;
        keys.offer(take(&request.message, key, keys.known()).await?);
        Ok(Outcome::Approved.into())
    }

    /// Asks the card's rules, stores what they say with what the ledger is to do, and has it brought on.
    async fn permit(&self, id: &str, request: &Request) -> Result<(), Undecided> {
        let gateway = &self.gateway;
        let permitted = self.permits.permit(gateway, id, request, gateway.now_ms()).await;
        let balance = match &permitted {
            Ok(permit) if request.operation == Operation::BalanceInquiry => Some(self.balance(permit.account).await),
            _ => None,
        };
        let number = request.message.text(49).unwrap_or_default().to_owned();
        let said = Said {
            permitted,
            balance,
            number,
        };
        let lease = id::unique(gateway.now_ms())?;
        // What is stored is brought on, also when the acquirer waits no more.
        let storing = tokio::spawn(store_said(Arc::clone(gateway), id.to_owned(), said, lease));
        Ok(storing.await??)
    }

    async fn balance(&self, account: AccountId) -> Option<AccountView> {
        let gateway = Arc::clone(&self.gateway);
        let read = self
            .gateway
            .store
            .read::<_, StoreError, _>(move |sql| super::engine::account_key(&gateway, sql, account));
        let key = read.await.ok().flatten()?;
        let asked = self.gateway.ledger.account(&account, &key).await;
        asked
            .inspect_err(|error| tracing::warn!(error = error.to_string(), "a balance cannot be asked for"))
            .ok()
            .flatten()
    }

    /// Waits for its end.
    async fn ended(&self, id: &str, ends: &mut Receiver<String>) -> Result<Decision, Undecided> {
        loop {
            let wanted = id.to_owned();
            let read = self
                .gateway
                .store
                .read::<_, StoreError, _>(move |sql| authorizations::any(sql, &wanted));
            let row = read.await?.ok_or(StoreError::Changed)?;
            if row.state == State::Done {
                return Ok(decision(&row));
            }
            let told = async {
                loop {
                    match ends.recv().await {
                        Ok(ended) if ended != id => {}
                        // It ended, or so many did that some were not told.
                        Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                    }
                }
            };
            // Told, or it is time to look.
            let _ = timeout(LOOK_EVERY, told).await;
        }
    }
}

/// By the card's rules.
struct Said {
    permitted: Result<Permit, Declined>,
    /// If it was asked for; `None` in it: nobody could tell.
    balance: Option<Option<AccountView>>,
    /// Field 49.
    number: String,
}

/// Stores it and has it brought on: by this process at once, or by who looks for jobs.
async fn store_said(gateway: Arc<Gateway>, id: String, said: Said, lease: String) -> Result<(), StoreError> {
    let (shared, slot, now_ms) = (Arc::clone(&gateway), gateway.handed.slot(), gateway.now_ms());
    let stored = gateway.store.write::<_, StoreError, _>(move |sql| {
        note(sql, &id, said, now_ms)?;
        match slot {
            Some(slot) => handed::begin(&shared, sql, &id, (&lease, slot), now_ms),
            None => Ok(None),
        }
    });
    match stored.await? {
        Some(ready) => gateway.handed.take_on(ready),
        None => gateway.wake_authorizations.notify_one(),
    }
    Ok(())
}

fn note(sql: &mut dyn Sql, id: &str, said: Said, now_ms: u64) -> Result<(), StoreError> {
    // The job before its row: so does the job, and neither waits for the other for ever. One whose row is done ends itself.
    if said.permitted.is_ok() && said.balance.is_none() {
        jobs::kick(sql, Kind::Authorization, id, now_ms)?;
    }
    let mut row = authorizations::locked(sql, id)?.ok_or(StoreError::Changed)?;
    // With the decision, or neither.
    if let Err(Declined {
        wrong_value_of: Some(card),
        ..
    }) = &said.permitted
    {
        issuing::count_wrong_value(sql, card)?;
    }
    // Later than its job waited for: it was declined, and what it has used since then is nobody's to give back but ours.
    if row.state != State::Deciding {
        if said.permitted.is_ok() && !row.is_approved() {
            payments::release(sql, id)?;
        }
        return Ok(());
    }
    match said.permitted {
        Err(declined) => row.finish(declined.outcome),
        Ok(permit) => {
            row.body.card = Some(permit.card);
            row.body.account = Some(permit.account);
            row.body.chip = permit.chip_answer.map(hex::encode);
            row.state = State::Pending;
        }
    }
    match (said.balance, row.body.currency) {
        (Some(Some(balances)), Some(currency)) => {
            row.body.amounts = Some(read::amount_field(&said.number, balance_of(&balances, currency)));
            row.finish(Outcome::Approved);
        }
        (Some(_), _) => row.finish(Outcome::IssuerUnavailable),
        (None, _) => {}
    }
    authorizations::save(sql, &row)
}

fn decision(row: &Authorization) -> Decision {
    let outcome = row.body.outcome.unwrap_or(Outcome::SystemMalfunction);
    // What the card permits is signed before the ledger is asked.
    let chip = row.body.chip.as_ref().filter(|_| outcome.is_approved());
    Decision {
        outcome,
        approval: row.body.approval.as_bytes().try_into().ok(),
        chip: chip.and_then(|text| hex::decode(text).ok()),
        amounts: row.body.amounts.clone(),
    }
}

#[cfg(test)]
mod tests;
