//! Holds on the ledger whose memo names an order that waits for one, each with what became of it.

use causeway_contracts::settlement::ContractId;

use super::{document, int};
use crate::{
    acquiring::order::Payment,
    store::{Sql, StoreError},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    Held,
    Posted,
    Voided,
    Expired,
}

impl HoldState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Posted => "posted",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }
}

/// Writes down one that was opened.
pub fn add(sql: &mut dyn Sql, hold: ContractId, order: &str, held: &Payment) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO order_holds (hold, order_id, state, opened_ms, body) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (hold) DO NOTHING",
        &[
            (&hold.to_string()).into(),
            order.into(),
            HoldState::Held.as_str().into(),
            int(held.time_ms).into(),
            (&document(held)).into(),
        ],
    )?;
    Ok(())
}

/// The order that a hold is for, and what was held, if it is one of these and has not ended.
pub fn find(sql: &mut dyn Sql, hold: ContractId) -> Result<Option<(String, Payment)>, StoreError> {
    let row = sql.query_one(
        "SELECT order_id, body FROM order_holds WHERE hold = $1 AND state = 'held'",
        &[(&hold.to_string()).into()],
    )?;
    row.map(|row| Ok((row.text(0)?.to_owned(), row.json(1)?))).transpose()
}

/// It has ended so.
pub fn end(sql: &mut dyn Sql, hold: ContractId, state: HoldState) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE order_holds SET state = $2 WHERE hold = $1",
        &[(&hold.to_string()).into(), state.as_str().into()],
    )?;
    Ok(())
}

/// What an order's oldest hold has set aside, of those that were opened from then on and have not ended.
pub fn live(sql: &mut dyn Sql, order: &str, since_ms: u64) -> Result<Option<Payment>, StoreError> {
    let row = sql.query_one(
        "SELECT body FROM order_holds WHERE order_id = $1 AND state = 'held' AND opened_ms >= $2 \
         ORDER BY opened_ms LIMIT 1",
        &[order.into(), int(since_ms).into()],
    )?;
    row.map(|row| row.json(0)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{acquiring::order::tests::payment, store::tests::database};

    #[tokio::test]
    async fn a_hold_is_its_orders_until_it_ends() {
        let (store, _folder) = database().await;
        let write = store.write::<_, StoreError, _>(|sql| {
            let (old, new) = (ContractId([1; 20]), ContractId([2; 20]));
            add(sql, new, "ord_1", &payment(1_000, 1_200))?;
            add(sql, old, "ord_1", &payment(1_000, 1_100))?;
            assert_eq!(find(sql, old)?, Some(("ord_1".to_owned(), payment(1_000, 1_100))));
            assert_eq!(find(sql, ContractId([3; 20]))?, None);
            assert_eq!(live(sql, "ord_1", 0)?, Some(payment(1_000, 1_100)));
            assert_eq!(live(sql, "ord_1", 1_101)?, Some(payment(1_000, 1_200)));
            assert_eq!((live(sql, "ord_1", 1_201)?, live(sql, "ord_2", 0)?), (None, None));
            for state in [HoldState::Voided, HoldState::Posted, HoldState::Expired] {
                end(sql, old, state)?;
                assert_eq!(find(sql, old)?, None, "{state:?}");
                assert_eq!(live(sql, "ord_1", 0)?, Some(payment(1_000, 1_200)));
            }
            Ok(())
        });
        write.await.expect("a database");
    }
}
