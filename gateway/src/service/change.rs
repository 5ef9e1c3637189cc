//! Changing a remittance: read, changed and written back in one transaction, with the events of what has changed.

use serde_json::value::to_raw_value;

use super::{
    context::Gateway,
    id,
    problem::Problem,
    records::{
        events::{self, New},
        jobs::{self, Kind, Leased},
        remittances,
    },
    views,
};
use crate::{
    remittance::{NotNow, Remittance, state::State, step::Step},
    store::{Sql, StoreError},
};

/// Why a remittance was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such remittance")]
    None,
    #[error(transparent)]
    NotNow(#[from] NotNow),
    #[error("no random bytes from the system")]
    Random(#[from] getrandom::Error),
    /// What the caller's own check has found.
    #[error("it is refused")]
    Refused(Box<Problem>),
}

impl From<Problem> for ChangeError {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        use super::problem::Code;
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::None => Self::not_found("remittance"),
            ChangeError::NotNow(fault) => Self::new(Code::WrongState, fault.to_string())
                .with(serde_json::json!({ "state": fault.state.as_str() })),
            ChangeError::Random(error) => error.into(),
            ChangeError::Refused(problem) => *problem,
        }
    }
}

/// By whom it is changed.
pub enum By<'a> {
    /// The gateway's job for it, as long as its lease is this gateway's.
    Job(&'a Leased),
    /// Somebody's request: the job is to look at it again.
    Request,
}

/// Changes it, and takes what follows from that without asking anyone. Gives it as it is then.
pub fn change<E: From<ChangeError> + From<StoreError>>(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    id: &str,
    by: &By<'_>,
    with: impl FnOnce(&mut Remittance, &mut dyn Sql) -> Result<(), E>,
) -> Result<Remittance, E> {
    // First the job's row, then the remittance's, always: else two who change it could wait for each other.
    match by {
        By::Job(leased) => jobs::check(sql, leased)?,
        By::Request => jobs::kick(sql, Kind::Remittance, id, gateway.now_ms())?,
    }
    let mut remittance = remittances::locked(sql, id)?.ok_or(ChangeError::None)?;
    let before = remittance.clone();
    with(&mut remittance, sql)?;
    let mut told = before.timeline.len();
    loop {
        tell(gateway, sql, &remittance, told)?;
        told = remittance.timeline.len();
        let now_ms = gateway.now_ms();
        let Step::Take(change) = remittance.next(now_ms, accepts(gateway, &remittance)) else {
            break;
        };
        remittance.take(change, now_ms).map_err(ChangeError::from)?;
    }
    if remittance != before {
        remittances::save(sql, &remittance)?;
    }
    Ok(remittance)
}

/// Whether the beneficiary's side accepts what nobody has decided.
pub fn accepts(gateway: &Gateway, remittance: &Remittance) -> bool {
    super::magic::accepts(gateway, remittance).unwrap_or(gateway.config.accepts)
}

/// Adds the events of what is new in the timeline: the same transaction has the change and them.
pub fn tell(gateway: &Gateway, sql: &mut dyn Sql, remittance: &Remittance, told: usize) -> Result<(), ChangeError> {
    if remittance.timeline.len() <= told {
        return Ok(());
    }
    let proof = match (remittance.state(), remittance.ledger.posting) {
        (State::Completed, Some(posting)) => remittances::proof(sql, &posting.to_string(), &remittance.id)?,
        _ => None,
    };
    let view = views::remittance(gateway, remittance, proof).map_err(StoreError::from)?;
    let data = to_raw_value(&view).expect("views have a JSON form");
    for moment in &remittance.timeline[told..] {
        let now_ms = gateway.now_ms();
        let kind = format!("remittance.{}", moment.state);
        let new = New {
            id: id::new("evt", now_ms)?,
            client: &remittance.client,
            kind: &kind,
            object: &remittance.id,
            data: &data,
            now_ms,
        };
        events::add(sql, &new)?;
    }
    Ok(())
}
