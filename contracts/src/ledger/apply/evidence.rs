//! Recording that a validator signed twice. It has no effect but the record: what becomes of the
//! validator, its operator and the council decide.

use super::Context;
use crate::{
    committee::ValidatorId,
    evidence::{Evidence, EvidenceRecord},
    ledger::{overlay::Overlay, rejection::Rejection},
};

/// A validator has at most this many records, each of another height. Fixed. The first ones stay: one is
/// enough, and nobody makes them vanish under later ones.
pub const EVIDENCE_MAX: u8 = 16;

/// Evidence is recorded in the blocks that are at most so many heights after the one it is of. Fixed. Half a
/// day of blocks every 50 ms; and keys that a validator no longer uses convict nobody of new things.
pub const EVIDENCE_HEIGHTS_MAX: u64 = 1_000_000;

/// By any validator, of any. The signatures come last: a report of what is known costs no check of them.
pub(super) fn report(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    reporter: ValidatorId,
    evidence: &Evidence,
) -> Result<(), Rejection> {
    let base = overlay.base();
    let accused = evidence.validator;
    let key = base
        .accountable(&accused, evidence.height)
        .ok_or(Rejection::UnknownValidator)?;
    let age = context.height.0.checked_sub(evidence.height.0);
    if !age.is_some_and(|age| (1..=EVIDENCE_HEIGHTS_MAX).contains(&age)) {
        return Err(Rejection::EvidenceOutOfTime);
    }
    let mut place = 0;
    while let Some(record) = overlay.evidence(accused, place) {
        if record.evidence.height == evidence.height {
            return Err(Rejection::EvidenceKnown);
        }
        place += 1;
    }
    if place >= EVIDENCE_MAX {
        return Err(Rejection::EvidenceFull);
    }
    evidence
        .verify_with(&base.genesis, key, context.is_good)
        .map_err(|_| Rejection::EvidenceInvalid)?;
    let record = EvidenceRecord {
        evidence: evidence.clone(),
        reporter,
        transaction: context.id,
        height: context.height,
        time_ms: context.time,
    };
    overlay.put_evidence(accused, place, record);
    Ok(())
}
