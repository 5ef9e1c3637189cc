//! Whether holds stand as remittances do, and whether what remittances name is proved.

use std::{collections::BTreeSet, time::Duration};

use causeway_contracts::{
    ledger::receipt::Outcome,
    proof::PaymentProof,
    settlement::{ContractId, Ending, Status},
    transaction::TxId,
};
use futures::{StreamExt, stream};
use tokio::time::sleep;

use super::{AT_ONCE, Difference, Gateway, ReconcileError, Report, StoreError, records};
use crate::remittance::{
    Remittance,
    state::{Side, Standing, State},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What differs is looked at again: the ledger may have just changed it, and the gateway will hear of that.
const ATTEMPTS: usize = 6;
const PAUSE: Duration = Duration::from_secs(2);

/// Remittances that are read together.
const PAGE: usize = 256;

pub(super) async fn reconcile(gateway: &Gateway) -> Result<Report, ReconcileError> {
    let mut all = Report::default();
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = gateway
            .store
            .read::<_, StoreError, _>(move |sql| records::remittances::after(sql, &from, PAGE))
            .await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after.clone_from(&last.id);
        let since_ms = gateway.now_ms().saturating_sub(DAY_MS);
        let recent = page.into_iter().filter(|remittance| is_recent(remittance, since_ms));
        let mut reports = stream::iter(recent)
            .map(|remittance| compared(gateway, remittance))
            .buffer_unordered(AT_ONCE);
        while let Some(report) = reports.next().await {
            all.add(report?);
        }
    }
}

/// What ended before that is forgotten by the ledger.
fn is_recent(remittance: &Remittance, since_ms: u64) -> bool {
    let last_ms = remittance.timeline.last().map_or(0, |moment| moment.at_ms);
    !remittance.state().is_end() || last_ms >= since_ms
}

async fn compared(gateway: &Gateway, mut remittance: Remittance) -> Result<Report, ReconcileError> {
    let mut attempt = 1;
    loop {
        let report = compare(gateway, &remittance).await?;
        if report.differences.is_empty() || attempt == ATTEMPTS {
            return Ok(report);
        }
        attempt += 1;
        sleep(PAUSE).await;
        let id = remittance.id.clone();
        let again = gateway
            .store
            .read(move |sql| records::remittances::any(sql, &id))
            .await?;
        remittance = again.ok_or(StoreError::Changed)?;
    }
}

async fn compare(gateway: &Gateway, remittance: &Remittance) -> Result<Report, ReconcileError> {
    let mut report = Report::default();
    report.counts.remittances = 1;
    for transaction in proved_by(remittance) {
        report.counts.proofs += 1;
        if let Some(fault) = fault_of_proof(gateway, &remittance.id, &transaction).await? {
            report.differs(Difference::Proof {
                remittance: remittance.id.clone(),
                uetr: remittance.order.uetr.clone(),
                transaction: transaction.to_string(),
                fault: fault.to_owned(),
            });
        }
    }
    let (Some(hold), Some(expected)) = (remittance.ledger.hold, expected(remittance)) else {
        return Ok(report);
    };
    report.counts.holds += 1;
    let found = found(gateway, &hold).await?;
    // Long after it was decided, the ledger forgets it, and the proofs alone say how.
    let since_ms = gateway.now_ms().saturating_sub(DAY_MS);
    let is_forgotten = found == Hold::None && expected.is_over() && decided_ms(remittance) < since_ms;
    if found != expected && !is_forgotten {
        report.differs(Difference::Hold {
            remittance: remittance.id.clone(),
            uetr: remittance.order.uetr.clone(),
            state: remittance.state().to_string(),
            hold: hold.to_string(),
            expected: expected.to_string(),
            ledger: found.to_string(),
        });
    }
    Ok(report)
}

/// How a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    None,
    Open,
    Ended(Ending),
}

impl Hold {
    fn is_over(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Open => f.write_str("open"),
            Self::Ended(how) => how.fmt(f),
        }
    }
}

async fn found(gateway: &Gateway, hold: &ContractId) -> Result<Hold, ReconcileError> {
    let view = gateway.ledger.contract(hold, gateway.keys.operator()).await?;
    Ok(match view.map(|view| view.status) {
        None => Hold::None,
        Some(Status::Open) => Hold::Open,
        Some(Status::Ended { how, .. }) => Hold::Ended(how),
    })
}

fn was_reserved(remittance: &Remittance) -> bool {
    remittance.timeline.iter().any(|moment| moment.state == State::Reserved)
}

/// By where the remittance stands. `None` while a reservation may be under way: then anything may be so.
fn expected(remittance: &Remittance) -> Option<Hold> {
    let Standing { state, held_by } = remittance.standing;
    match state {
        State::AwaitingFunds => None,
        State::ComplianceHold if held_by != Some(Side::Beneficiary) => None,
        State::ComplianceHold | State::Reserved | State::InfoRequired => Some(Hold::Open),
        State::PayingOut | State::Completed | State::Returned => Some(Hold::Ended(Ending::Posted)),
        State::Cancelled | State::Expired | State::Failed | State::Refunded if !was_reserved(remittance) => {
            Some(Hold::None)
        }
        State::Cancelled | State::Refunded => Some(Hold::Ended(Ending::Voided)),
        State::Expired | State::Failed => Some(Hold::Ended(Ending::Expired)),
    }
}

/// When it was known how the hold has ended.
fn decided_ms(remittance: &Remittance) -> u64 {
    let is_decided = |state: State| state.is_end() || state == State::PayingOut;
    let decided = remittance.timeline.iter().find(|moment| is_decided(moment.state));
    decided.map_or(u64::MAX, |moment| moment.at_ms)
}

/// Transactions that it says are final.
fn proved_by(remittance: &Remittance) -> BTreeSet<TxId> {
    let told = remittance.timeline.iter().filter_map(|moment| moment.transaction);
    let posting = remittance.ledger.posting.filter(|_| remittance.ledger.posting_seen);
    told.chain(posting).collect()
}

async fn fault_of_proof(
    gateway: &Gateway,
    remittance: &str,
    transaction: &TxId,
) -> Result<Option<&'static str>, ReconcileError> {
    let (id, remittance) = (transaction.to_string(), remittance.to_owned());
    let kept = gateway
        .store
        .read::<_, StoreError, _>(move |sql| records::remittances::proof(sql, &id, &remittance))
        .await?;
    let Some(kept) = kept else {
        return Ok(Some("no proof is kept"));
    };
    let Ok(proof) = serde_json::from_str::<PaymentProof>(&kept) else {
        return Ok(Some("what is kept is no proof"));
    };
    Ok(match gateway.ledger.believe(&proof) {
        Err(_) => Some("the proof that is kept does not verify"),
        Ok(verified) if verified.id != *transaction => Some("the proof that is kept is of another transaction"),
        Ok(verified) if verified.outcome != Outcome::Applied => Some("it was refused by the ledger"),
        Ok(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remittance::tests::fixture;

    #[test]
    fn a_hold_is_expected_to_stand_as_its_remittance_does() {
        let check = |state: State, held_by: Option<Side>, reserved: bool, wanted: Option<Hold>| {
            let mut remittance = match reserved {
                true => fixture::reserved(Side::Sender),
                false => fixture::remittance(Side::Sender),
            };
            remittance.standing = Standing { state, held_by };
            assert_eq!(expected(&remittance), wanted, "{state} {held_by:?} {reserved}");
        };
        let posted = Some(Hold::Ended(Ending::Posted));
        let voided = Some(Hold::Ended(Ending::Voided));
        let expired = Some(Hold::Ended(Ending::Expired));
        check(State::AwaitingFunds, None, false, None);
        check(State::ComplianceHold, Some(Side::Sender), false, None);
        check(State::ComplianceHold, Some(Side::Beneficiary), true, Some(Hold::Open));
        check(State::Reserved, None, true, Some(Hold::Open));
        check(State::InfoRequired, None, true, Some(Hold::Open));
        check(State::PayingOut, None, true, posted);
        check(State::Completed, None, true, posted);
        check(State::Returned, None, true, posted);
        check(State::Cancelled, None, true, voided);
        check(State::Refunded, None, true, voided);
        check(State::Expired, None, true, expired);
        check(State::Cancelled, None, false, Some(Hold::None));
        check(State::Expired, None, false, Some(Hold::None));
        check(State::Failed, None, false, Some(Hold::None));
    }

    #[test]
    fn what_ended_within_a_day_or_not_at_all_is_compared() {
        let mut remittance = fixture::reserved(Side::Sender);
        assert!(is_recent(&remittance, u64::MAX));
        remittance.standing = Standing::at(State::Completed);
        for (since_ms, expected) in [(40_000, true), (40_001, false)] {
            assert_eq!(is_recent(&remittance, since_ms), expected, "{since_ms}");
        }
    }

    #[test]
    fn what_is_final_by_its_timeline_is_to_be_proved() {
        let mut remittance = fixture::reserved(Side::Sender);
        remittance.ledger.posting = Some(fixture::tx(5));
        assert_eq!(proved_by(&remittance), BTreeSet::from([fixture::tx(1)]));
        remittance.ledger.posting_seen = true;
        assert_eq!(proved_by(&remittance), BTreeSet::from([fixture::tx(1), fixture::tx(5)]));
    }
}
