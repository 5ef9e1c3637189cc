use causeway_cards::iso8583::{Message, MessageType};

use super::*;
use crate::{
    service::records::cards::payments::Payment,
    store::tests::{Watched, database},
};

/// Its amount of the limit of day 1 of a card.
pub fn limit_use(row: &Authorization) -> Payment {
    Payment {
        card: "crd_1".to_owned(),
        day: 1,
        amount: row.body.amount,
        counter: 0,
        released: false,
    }
}

/// A message as it is taken on; its id stands for whatever names it.
pub fn taken_on(id: &str, operation: Operation) -> Authorization {
    let mut message = Message::new(MessageType::FINANCIAL);
    message.set(41, id.as_bytes()).expect("short");
    Authorization {
        id: id.to_owned(),
        key: id.to_owned(),
        elements: id.to_owned(),
        reference: None,
        original: None,
        state: State::Deciding,
        intent: None,
        created_ms: 0,
        body: AuthorizationBody {
            link: "bankb".to_owned(),
            key: message.duplicate_key(),
            operation,
            contents: String::new(),
            amount: Amount(1_000),
            currency: Some(Currency::new("EUR").expect("a code")),
            memo: Text::new("card 000000000001").expect("short"),
            approval: "ABCDEF".to_owned(),
            card: None,
            account: None,
            target: None,
            step: None,
            transactions: Vec::new(),
            standing: Standing::Nothing,
            busy: None,
            outcome: None,
            chip: None,
            amounts: None,
        },
    }
}

#[tokio::test]
async fn whether_a_message_is_reversed_is_one_row_however_many_are_about_it() {
    let (store, _folder) = database().await;
    let about = |id: &str, operation, created_ms| Authorization {
        original: Some("o".to_owned()),
        created_ms,
        ..taken_on(id, operation)
    };
    let rows = [
        about("a", Operation::Refund, 100),
        about("b", Operation::Completion, 100),
        about("c", Operation::Reversal, 50),
        about("d", Operation::Reversal, 60),
    ];
    let found = store.write::<_, StoreError, _>(move |sql| {
        assert!(!is_reversed(sql, "o", 0)?);
        for row in &rows {
            assert!(add(sql, row)?);
        }
        let mut watched = Watched::new(sql);
        let found = [0, 60, 61].map(|since_ms| is_reversed(&mut watched, "o", since_ms));
        Ok((found.map(|found| found.expect("read")), watched.rows))
    });
    assert_eq!(found.await.expect("read"), ([true, true, false], 2));
}
