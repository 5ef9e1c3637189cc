//! Remembered transaction ids, those of a block that end in one second together: a block of thousands of payments
//! puts a few keys in order, and not thousands.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::Height,
    codec,
    transaction::{TxId, UnixSeconds},
};
use rocksdb::WriteBatch;

use super::{
    database::{Database, Entry, View},
    error::StoreError,
    format::{Column, StoredIds, id_from, ids_end_of, ids_key},
    open::decode_key,
};

/// Adds ids to a write, as those of a block, or of a part of a snapshot of it.
pub(super) fn put_ids(
    database: &Database,
    write: &mut WriteBatch,
    ids: &[(UnixSeconds, TxId)],
    (height, part): (Height, u32),
) {
    let mut by_end = BTreeMap::<_, Vec<_>>::new();
    for (valid_until, id) in ids {
        by_end.entry(*valid_until).or_default().push(*id);
    }
    let column = database.column(Column::Ids);
    for (valid_until, ids) in by_end {
        let ids = StoredIds::new(ids).expect("a block, or a chunk, has no more");
        write.put_cf(column, ids_key(valid_until, height, part), codec::encode(&ids));
    }
}

/// Those whose validity ends then or later, in order; in memory are those that end in one second.
pub(super) fn scan_ids<'v>(
    view: &'v View<'_>,
    from: UnixSeconds,
) -> impl Iterator<Item = Result<(UnixSeconds, TxId), StoreError>> + 'v {
    let mut stored = view
        .scan(Column::Ids, &id_from(from))
        .map(move |entry| read(view, &entry?))
        .peekable();
    let seconds = std::iter::from_fn(move || {
        let (end, ids) = match stored.next()? {
            Ok(first) => first,
            Err(error) => return Some(vec![Err(error)]),
        };
        let mut ids = ids.into_vec();
        while let Some(Ok((_, more))) = stored.next_if(|next| next.as_ref().is_ok_and(|next| next.0 == end)) {
            ids.extend(more.into_vec());
        }
        ids.sort_unstable();
        Some(ids.into_iter().map(|id| Ok((end, id))).collect())
    });
    seconds.flatten()
}

fn read(view: &View<'_>, (key, value): &Entry) -> Result<(UnixSeconds, StoredIds), StoreError> {
    let end = decode_key(view, Column::Ids, ids_end_of, key)?;
    Ok((end, view.database().decode(Column::Ids, value)?))
}
