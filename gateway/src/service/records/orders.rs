//! Orders of merchants, each with the token of its checkout page and what its payment is proved by.

use super::{document, int, newest::newest};
use crate::{
    acquiring::order::Order,
    store::{Row, Sql, StoreError, Value},
};

/// Whether neither its id nor the merchant's reference was there. `checkout`: the hash of its page's token.
pub fn add(sql: &mut dyn Sql, order: &Order, checkout: &[u8]) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO orders (id, client, merchant, reference, state, version, expires_ms, checkout, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        &[
            (&order.id).into(),
            (&order.client).into(),
            (&order.merchant).into(),
            order.reference.as_ref().into(),
            order.state.as_str().into(),
            int(order.version).into(),
            int(order.expires_ms).into(),
            checkout.into(),
            (&document(order)).into(),
        ],
    )?;
    Ok(added > 0)
}

/// Writes it back as it is now.
pub fn save(sql: &mut dyn Sql, order: &Order) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE orders SET state = $2, version = $3, body = $4 WHERE id = $1",
        &[
            (&order.id).into(),
            order.state.as_str().into(),
            int(order.version).into(),
            (&document(order)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

fn one(row: Option<Row>) -> Result<Option<Order>, StoreError> {
    row.map(|row| row.json(0)).transpose()
}

/// Whoever's it is. Nobody else changes it until the transaction is over. Who locks several does so by their ids' order.
pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<Order>, StoreError> {
    let select = format!("SELECT body FROM orders WHERE id = $1{}", sql.dialect().for_update());
    one(sql.query_one(&select, &[id.into()])?)
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Order>, StoreError> {
    let select = "SELECT body FROM orders WHERE id = $1 AND client = $2";
    one(sql.query_one(select, &[id.into(), client.into()])?)
}

pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Order>, StoreError> {
    one(sql.query_one("SELECT body FROM orders WHERE id = $1", &[id.into()])?)
}

/// By the merchant's own name for it.
pub fn by_reference(sql: &mut dyn Sql, merchant: &str, reference: &str) -> Result<Option<Order>, StoreError> {
    let select = "SELECT body FROM orders WHERE merchant = $1 AND reference = $2";
    one(sql.query_one(select, &[merchant.into(), reference.into()])?)
}

/// By the hash of its page's token.
pub fn by_checkout(sql: &mut dyn Sql, hash: &[u8]) -> Result<Option<Order>, StoreError> {
    one(sql.query_one("SELECT body FROM orders WHERE checkout = $1", &[hash.into()])?)
}

/// Which orders of a client; what is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub merchant: Option<String>,
    pub reference: Option<String>,
    pub state: Option<&'static str>,
    pub before: Option<String>,
}

/// The newest first; one more than is asked for if there are more.
pub fn list(sql: &mut dyn Sql, client: &str, wanted: &Wanted, limit: usize) -> Result<Vec<Order>, StoreError> {
    let (select, values) = wanted.select(client, limit);
    let rows = sql.query(&select, &values)?;
    rows.iter().map(|row| row.json(0)).collect()
}

impl Wanted {
    fn select<'a>(&'a self, client: &'a str, limit: usize) -> (String, Vec<Value<'a>>) {
        let text = |text: &'a Option<String>| text.as_deref().map(Value::from);
        let conditions = [
            ("merchant =", text(&self.merchant)),
            ("reference =", text(&self.reference)),
            ("state =", self.state.map(Value::from)),
            ("id <", text(&self.before)),
        ];
        newest("SELECT body FROM orders", client, conditions, limit)
    }
}

/// Ids of those that nobody has paid by this time.
pub fn overdue(sql: &mut dyn Sql, time_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
    let rows = sql.query(
        "SELECT id FROM orders WHERE state = 'created' AND expires_ms <= $1 ORDER BY expires_ms LIMIT $2",
        &[int(time_ms).into(), (limit as i64).into()],
    )?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Of its payment, in JSON.
pub fn keep_proof(sql: &mut dyn Sql, order: &str, proof: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO order_proofs (order_id, body) VALUES ($1, $2) ON CONFLICT (order_id) DO NOTHING",
        &[order.into(), proof.into()],
    )?;
    Ok(())
}

pub fn proof(sql: &mut dyn Sql, order: &str) -> Result<Option<String>, StoreError> {
    let row = sql.query_one("SELECT body FROM order_proofs WHERE order_id = $1", &[order.into()])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

#[cfg(test)]
mod tests {
    use causeway_contracts::money::Amount;

    use super::{
        super::paybacks::{self, Payback, PaybackBody, PaybackState, Why},
        *,
    };
    use crate::{
        acquiring::order::tests::{account, code, order, payment},
        store::{sql::Dialect, tests::database},
    };

    fn named(id: &str, reference: Option<&str>) -> Order {
        Order {
            id: id.to_owned(),
            reference: reference.map(str::to_owned),
            ..order()
        }
    }

    fn payback(id: &str, reference: Option<&str>) -> Payback {
        Payback {
            id: id.to_owned(),
            order: "ord_1".to_owned(),
            reference: reference.map(str::to_owned),
            state: PaybackState::Pending,
            intent: Some("00".to_owned()),
            body: PaybackBody {
                why: Why::Refund { reason: None },
                from: account("BANKA"),
                to: account("BANKB"),
                currency: code("EUR"),
                amount: Amount(7),
                created_ms: 1,
                since_ms: 1,
                transaction: None,
                height: None,
                problem: None,
            },
        }
    }

    #[tokio::test]
    async fn orders_and_paybacks_are_there_once_by_id_and_by_reference() {
        let (store, _folder) = database().await;
        let write = store.write::<_, StoreError, _>(|sql| {
            assert!(add(sql, &named("ord_1", Some("A")), &[1])?);
            assert!(!add(sql, &named("ord_1", None), &[2])?, "the id");
            assert!(!add(sql, &named("ord_2", Some("A")), &[3])?, "the reference");
            assert!(add(sql, &named("ord_3", None), &[4])? && add(sql, &named("ord_4", None), &[5])?);
            let all = list(sql, "a", &Wanted::default(), 2)?;
            assert_eq!(
                all.iter().map(|order| &*order.id).collect::<Vec<_>>(),
                ["ord_4", "ord_3", "ord_1"]
            );
            let wanted = Wanted {
                merchant: Some("mer_1".to_owned()),
                reference: Some("A".to_owned()),
                state: Some("created"),
                before: Some("ord_3".to_owned()),
            };
            assert_eq!(list(sql, "a", &wanted, 2)?, [named("ord_1", Some("A"))]);
            assert_eq!(list(sql, "b", &Wanted::default(), 2)?, []);
            assert_eq!(by_checkout(sql, &[4])?, Some(named("ord_3", None)));
            assert_eq!(
                by_reference(sql, "mer_1", "A")?.map(|order| order.id).as_deref(),
                Some("ord_1")
            );
            assert!(paybacks::add(sql, &payback("ref_1", Some("R")))?);
            assert!(!paybacks::add(sql, &payback("ref_1", None))?, "the id");
            assert!(!paybacks::add(sql, &payback("ref_2", Some("R")))?, "the reference");
            assert!(paybacks::add(sql, &payback("ref_3", None))?);
            // However many strays there are, refunds are found.
            assert!(paybacks::add(sql, &payback("ret_1", None))? && paybacks::add(sql, &payback("ret_2", None))?);
            let found = paybacks::of_order(sql, "ord_1", "ref_", 10)?;
            assert_eq!(found, [payback("ref_3", None), payback("ref_1", Some("R"))]);
            let found = paybacks::of_order(sql, "ord_1", "ret_", 1)?;
            assert_eq!(found, [payback("ret_2", None)]);
            Ok(())
        });
        write.await.unwrap();
    }

    /// Whatever is asked for, no more is read than is given. SQLite alone tells how it would be found.
    #[tokio::test]
    async fn an_index_finds_what_is_wanted() {
        let (store, _folder) = database().await;
        let text = |text: &str| Some(text.to_owned());
        let (all, paid) = (Wanted::default(), Some("paid"));
        let rows = [
            (all.clone(), "orders_client (client=?)"),
            (
                Wanted {
                    merchant: text("mer_1"),
                    ..all.clone()
                },
                "orders_merchant (client=? AND merchant=?)",
            ),
            (
                Wanted {
                    reference: text("A"),
                    ..all.clone()
                },
                "orders_reference (client=? AND reference=?)",
            ),
            (
                Wanted {
                    state: paid,
                    ..all.clone()
                },
                "orders_state (client=? AND state=?)",
            ),
            (
                Wanted {
                    before: text("ord_3"),
                    ..all.clone()
                },
                "orders_client (client=? AND id<?)",
            ),
            (
                Wanted {
                    merchant: text("mer_1"),
                    before: text("ord_3"),
                    ..all.clone()
                },
                "orders_merchant (client=? AND merchant=? AND id<?)",
            ),
        ];
        let read = store.read::<_, StoreError, _>(move |sql| {
            if sql.dialect() == Dialect::Postgres {
                return Ok(());
            }
            for (wanted, index) in &rows {
                let (select, values) = wanted.select("a", 2);
                let plan = sql.query(&format!("EXPLAIN QUERY PLAN {select}"), &values)?;
                let steps: Vec<_> = plan.iter().map(|row| row.text(3)).collect::<Result<_, _>>()?;
                assert_eq!(steps, [format!("SEARCH orders USING INDEX {index}")]);
            }
            let (wanted, index) = (
                Wanted {
                    merchant: Some("mer_1".to_owned()),
                    reference: Some("A".to_owned()),
                    ..all
                },
                "(merchant=? AND reference=?)",
            );
            let (select, values) = wanted.select("a", 2);
            let plan = sql.query(&format!("EXPLAIN QUERY PLAN {select}"), &values)?;
            let step = plan[0].text(3)?;
            assert!(step.ends_with(index), "{step}");
            Ok(())
        });
        read.await.unwrap();
    }

    #[tokio::test]
    async fn orders_are_overdue_from_their_end_on_while_nobody_has_paid() {
        let (store, _folder) = database().await;
        let write = store.write::<_, StoreError, _>(|sql| {
            let mut paid = named("ord_2", None);
            assert!(add(sql, &named("ord_1", None), &[1])? && add(sql, &paid, &[2])?);
            paid.receive(payment(1_000, 1_100), false, 1_100).unwrap();
            save(sql, &paid)?;
            assert_eq!(overdue(sql, 1_999, 10)?, Vec::<String>::new());
            assert_eq!(overdue(sql, 2_000, 10)?, ["ord_1"]);
            assert_eq!(locked(sql, "ord_2")?, Some(paid));
            Ok(())
        });
        write.await.unwrap();
    }
}
