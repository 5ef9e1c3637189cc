//! A merchant with an issuer that listens here, and a ledger that says what a test wants.

use causeway_cards::iso8583::Message;
use causeway_contracts::{
    block::{Height, TimeMs},
    identity::ParticipantId,
    money::Amount,
    settlement::{ContractId, Leg},
    transaction::TxId,
};
use serde_json::json;

use super::{
    super::{
        card_payments::{BIN, Counter, tap},
        orders::{code, eur},
    },
    *,
};
use crate::{
    acquiring::host::Operation,
    bookkeeping::{Direction, Entry, HoldChange, HoldNews, Kind},
    service::{engine::card_advices, orders::memo, records::jobs},
    store::StoreError,
};

/// The hold of a card; others are of other numbers.
pub const HOLD: u8 = 1;

impl Counter {
    /// Of 10.00 EUR, to be captured later.
    pub async fn manual(&self, reference: &str) -> String {
        let order = json!({
            "merchant": self.shop.merchant, "amount": eur("10.00"), "reference": reference, "capture": "manual",
        });
        let (status, made) = self.shop.post("/v1/orders", reference, order).await;
        assert_eq!((status, &made["capture"]), (201, &json!("manual")), "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    /// One that a card was approved for, and whose hold is booked.
    pub async fn authorized(&self, reference: &str, hold: u8) -> String {
        let order = self.manual(reference).await;
        let (_, answer) = self.pay(&order, reference, tap(BIN, 1_000)).await;
        assert_eq!(answer["outcome"], json!("approved"), "{answer}");
        assert!(self.book(self.opened(hold, &order, 1_000)).await);
        assert_eq!(self.state(&order).await, "authorized");
        order
    }

    pub async fn state(&self, order: &str) -> String {
        let found = self.shop.state(order).await;
        found["state"].as_str().expect("a state").to_owned()
    }

    pub fn news(&self, hold: u8, change: HoldChange) -> HoldNews {
        let is_by_ledger = change == HoldChange::Expired;
        HoldNews {
            hold: ContractId([hold; 20]),
            change,
            height: Height(7),
            index: 3,
            time_ms: TimeMs(self.shop.office.gateway.now_ms()),
            transaction: (!is_by_ledger).then_some(TxId([hold; 32])),
        }
    }

    pub fn opened(&self, hold: u8, order: &str, amount: u64) -> HoldNews {
        let gateway = &self.shop.office.gateway;
        let leg = Leg {
            debtor: gateway.account_of(ParticipantId::new("BANKB").expect("an id")),
            creditor: gateway.account_of(gateway.us()),
            currency: code("EUR"),
            amount: Amount(amount),
        };
        let memo = memo(order);
        self.news(hold, HoldChange::Opened { leg, memo })
    }

    /// A block that says this of a hold. Whether an order has changed.
    pub async fn book(&self, news: HoldNews) -> bool {
        let time_ms = news.time_ms.0;
        self.shop.book_with(Vec::new(), vec![news], time_ms).await
    }

    /// A block in which so much of a hold is paid.
    pub async fn post(&self, hold: u8, amount: u64) -> bool {
        let change = HoldChange::Posted {
            amount: Some(Amount(amount)),
            keep_rest: false,
        };
        let news = self.news(hold, change);
        let gateway = &self.shop.office.gateway;
        let paid = Entry {
            account: gateway.account_of(gateway.us()),
            currency: code("EUR"),
            height: news.height,
            index: news.index,
            part: 2,
            time_ms: news.time_ms,
            direction: Direction::Credit,
            amount: Amount(amount),
            kind: Kind::HoldPosted,
            counterparty: Some(gateway.account_of(ParticipantId::new("BANKB").expect("an id"))),
            transaction: news.transaction,
            contract: Some(news.hold),
            memo: "order".parse().expect("a memo"),
        };
        let time_ms = news.time_ms.0;
        self.shop.book_with(vec![paid], vec![news], time_ms).await
    }

    pub async fn ask(&self, order: &str, what: &str, key: &str, body: Value) -> (u16, Value) {
        self.shop.post(&format!("/v1/orders/{order}/{what}"), key, body).await
    }

    pub async fn refused(&self, order: &str, what: &str, key: &str, body: Value) -> (u16, String) {
        self.shop
            .refused(&format!("/v1/orders/{order}/{what}"), key, body)
            .await
    }

    /// What its issuer was told, the first of all first.
    pub fn told(&self, operation: Operation) -> Vec<Message> {
        let seen = self.issuer.seen.lock().expect("no panic");
        let of = seen.iter().filter(|(known, _)| *known == operation);
        of.map(|(_, message)| message.clone()).collect()
    }
}

/// Jobs of these, as if all were due and their gateways dead.
pub async fn leased(gateway: &Gateway, prefix: &str) -> Vec<jobs::Leased> {
    let (now_ms, prefix) = (gateway.now_ms(), prefix.to_owned());
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        let due = "UPDATE jobs SET due_ms = 0, lease_until_ms = 0 WHERE kind = 'card_advice' AND id LIKE $1";
        sql.execute(due, &[(&format!("{prefix}%")).into()])?;
        let claimed = jobs::claim(sql, jobs::Kind::CardAdvice, "lease", 100, now_ms)?;
        Ok(claimed
            .into_iter()
            .filter(|leased| leased.id.starts_with(&prefix))
            .collect())
    });
    write.await.expect("jobs")
}

/// As the engine does it, once each. How many are done for good.
pub async fn work(gateway: &Arc<Gateway>, prefix: &str) -> usize {
    let mut done = 0;
    for leased in leased(gateway, prefix).await {
        let next = card_advices::bring_on(Arc::clone(gateway), leased.clone()).await;
        let next = next.expect("a job");
        done += usize::from(next.is_none());
        let release = gateway
            .store
            .write::<_, StoreError, _>(move |sql| jobs::release(sql, &leased, next));
        release.await.expect("released");
    }
    done
}
