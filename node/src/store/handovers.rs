//! Changes of validators, by the height of the last block that the set before decided.

use causeway_contracts::{
    block::Height,
    codec::Bounded,
    proof::{HANDOVERS_MAX, Handover},
};

use super::{
    database::{Entry, View},
    error::{Damage, StoreError},
    format::{Column, handover_key, handover_of},
    open::decode_key,
};

pub(super) type Handovers = Bounded<Handover, HANDOVERS_MAX>;

/// The first of those at or above the height `from`, in their order.
pub(super) fn first_handovers(view: &View<'_>, from: Height) -> Result<Handovers, StoreError> {
    let all = all_handovers(view, from, Height(u64::MAX));
    let first = all.take(HANDOVERS_MAX).collect::<Result<Vec<_>, _>>()?;
    Ok(Bounded::new(first).expect("as many as there may be"))
}

/// The last of those at or above the height `from` and before a block of height `before`, in their order.
pub(super) fn last_handovers(view: &View<'_>, from: Height, before: Height) -> Result<Handovers, StoreError> {
    let entries = view.range_back(Column::Meta, &handover_key(from), &handover_key(before));
    let last = entries.take(HANDOVERS_MAX).map(|entry| handover(view, entry?));
    let mut last = last.collect::<Result<Vec<_>, _>>()?;
    last.reverse();
    Ok(Bounded::new(last).expect("as many as there may be"))
}

/// All of those at or above the height `from` and before a block of height `before`, in their order.
pub(super) fn all_handovers<'v>(
    view: &'v View<'_>,
    from: Height,
    before: Height,
) -> impl Iterator<Item = Result<Handover, StoreError>> + 'v {
    let entries = view.range(Column::Meta, &handover_key(from), &handover_key(before));
    entries.map(|entry| handover(view, entry?))
}

fn handover(view: &View<'_>, (key, value): Entry) -> Result<Handover, StoreError> {
    let height = decode_key(view, Column::Meta, handover_of, &key)?;
    let handover: Handover = view.database().decode(Column::Meta, &value)?;
    if handover.last.header.height != height {
        return Err(view.database().damaged(Damage::Handover(height)));
    }
    Ok(handover)
}
