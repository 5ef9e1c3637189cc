//! What another gateway on the same database has stored in a currency that this one does not know yet.

use causeway_contracts::money::{Amount, Currency};
use serde_json::json;

use super::{
    orders::{Shop, shop_with},
    settlements::settled,
    *,
};
use crate::{
    acquiring::dispute,
    service::{
        records::{
            disputes::{self, Dispute},
            merchants, settlements,
        },
        settlements::tell_paid,
    },
    store::StoreError,
};

fn new() -> Currency {
    Currency::new("NEW").expect("a code")
}

/// Terms with a fee, a settlement and a dispute; gives the settlement's id.
async fn stored(shop: &Shop) -> String {
    let (gateway, id) = (Arc::clone(&shop.office.gateway), shop.merchant.clone());
    let write = shop.office.gateway.store.write::<_, StoreError, _>(move |sql| {
        let merchant = merchants::any(sql, &id)?.expect("a merchant");
        let client = merchant.client.clone();
        let settlement = settled(&gateway, sql, merchant, (Amount(10_000), new()), Amount(500))?;
        let dispute = Dispute {
            id: "dsp_01".to_owned(),
            client,
            merchant: id,
            order: "ord_1".to_owned(),
            state: dispute::State::Opened,
            kind: dispute::Kind::Chargeback,
            reason: "13.1".to_owned(),
            currency: new(),
            amount: Amount(1),
            created_ms: 1,
            ended_ms: None,
        };
        disputes::add(sql, &dispute)?;
        Ok(settlement)
    });
    write.await.expect("stored")
}

#[actix_web::test]
async fn an_amount_of_a_currency_that_is_not_known_yet_is_asked_for_again_and_nothing_panics() {
    let shop = shop_with("[acquiring]\n").await;
    let id = stored(&shop).await;
    let settlement = format!("/v1/settlements/{id}");
    let merchant = format!("/v1/merchants/{}", shop.merchant);
    let app = shop.office.app().await;
    let paths = [
        &*settlement,
        &*merchant,
        "/v1/settlements",
        "/v1/merchants",
        "/v1/disputes",
        "/v1/disputes/dsp_01",
    ];
    for path in paths {
        let asked = Ask::new("GET", path).by(&shop.token);
        assert_eq!(refused(&app, asked.request()).await, (503, "2002".to_owned()), "{path}");
    }
    let told = async || {
        let (gateway, id) = (Arc::clone(&shop.office.gateway), id.clone());
        let write = shop.office.gateway.store.write::<_, StoreError, _>(move |sql| {
            let stored = settlements::any(sql, &id)?.expect("it is there");
            tell_paid(&gateway, sql, &stored)
        });
        write.await
    };
    assert!(matches!(told().await, Err(StoreError::Busy)), "told later");
    shop.office.gateway.exponents.learn(new(), 3);
    assert!(told().await.is_ok());
    let money = |value: &str| json!({ "value": value, "currency": "NEW" });
    assert_eq!(shop.get(&settlement).await["paid"], money("9.500"));
    assert_eq!(shop.get("/v1/disputes/dsp_01").await["amount"], money("0.001"));
    let merchant = shop.get(&merchant).await;
    assert_eq!(merchant["settlement"]["fee"]["fixed"], json!([money("0.500")]));
}
