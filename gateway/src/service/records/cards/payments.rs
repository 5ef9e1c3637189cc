//! What cards were permitted to pay, by the authorisation's id: what of a day's limit is used.

use causeway_contracts::money::Amount;

use super::{int, small, unsigned};
use crate::store::{Sql, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub card: String,
    /// Days since 1970, in UTC.
    pub day: u64,
    pub amount: Amount,
    /// Of its cryptogram; 0 without one.
    pub counter: u16,
    /// It was not made after all.
    pub released: bool,
}

pub fn find(sql: &mut dyn Sql, message: &str) -> Result<Option<Payment>, StoreError> {
    let statement = "SELECT card, day, amount, counter, released FROM card_payments WHERE message = $1";
    let Some(row) = sql.query_one(statement, &[message.into()])? else {
        return Ok(None);
    };
    Ok(Some(Payment {
        card: row.text(0)?.to_owned(),
        day: unsigned(row.int(1)?, 1)?,
        amount: Amount(unsigned(row.int(2)?, 2)?),
        counter: small(&row, 3)?,
        released: row.flag(4)?,
    }))
}

/// Whether the message had none.
pub fn add(sql: &mut dyn Sql, message: &str, payment: &Payment) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO card_payments (message, card, day, amount, counter, released) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (message) DO NOTHING",
        &[
            message.into(),
            (&payment.card).into(),
            int(payment.day).into(),
            int(payment.amount.0).into(),
            i64::from(payment.counter).into(),
            payment.released.into(),
        ],
    )?;
    Ok(added > 0)
}

/// Of a day, without what was released.
pub fn used(sql: &mut dyn Sql, card: &str, day: u64) -> Result<Amount, StoreError> {
    let statement = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM card_payments \
                     WHERE card = $1 AND day = $2 AND released = 0";
    let row = sql.query_one(statement, &[card.into(), int(day).into()])?;
    row.map_or(Ok(Amount(0)), |row| Ok(Amount(unsigned(row.int(0)?, 0)?)))
}

/// No more than so much of it is used any more.
pub fn reduce(sql: &mut dyn Sql, message: &str, amount: Amount) -> Result<(), StoreError> {
    let statement = "UPDATE card_payments SET amount = $2 WHERE message = $1 AND released = 0 AND amount > $2";
    sql.execute(statement, &[message.into(), int(amount.0).into()])?;
    Ok(())
}

/// Whether it was there and not released.
pub fn release(sql: &mut dyn Sql, message: &str) -> Result<bool, StoreError> {
    let statement = "UPDATE card_payments SET released = 1 WHERE message = $1 AND released = 0";
    Ok(sql.execute(statement, &[message.into()])? > 0)
}
