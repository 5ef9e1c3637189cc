//! What goes between operators, and what is stored, as literal text.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::GenesisHash,
    identity::AccountId,
    keys::SecretKey,
    money::{Amount, Currency},
    settlement::{Quote, QuoteId},
    transaction::UnixSeconds,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    super::{
        Purpose, QuoteUse, Remittance, Wish,
        fact::{Fact, Telling},
        order::{Order, memo},
        state::Side,
    },
    fixture::{answers, intent, order, question, reason, remittance, reserved, tx},
};

/// Written so, and read so.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

const ORDER: &str = concat!(
    r#"{"uetr":"11111111-2222-4333-8444-555555555555","sender_operator":"BANKA","beneficiary_operator":"BANKB","#,
    r#""sender":{"name":"Ada Example","address":{"street":"High Street","building":"1","town":"Rome","#,
    r#""country":"IT"}},"sender_account":"cwdev1qyqszqgpqyqszqgpqyqszqgpqyqszqgp3xv8xy","#,
    r#""beneficiary":{"name":"Ben Example"},"beneficiary_account":"+4470000000","#,
    r#""deliver_to":"cwdev1qgpqyqszqgpqyqszqgpqyqszqgpqyqszqz2zdj","source":{"value":"12.50","currency":"EUR"},"#,
    r#""target":{"value":"13.10","currency":"USD"},"reserve_until":120,"hold_seconds":100,"purpose":"GDDS"}"#,
);

#[test]
fn an_order_and_its_memo() {
    check(&order(), ORDER);
    assert_eq!(
        &*memo(ORDER),
        "remittance bed176000b1922e031fbfa7f39fce2aa3c7af3f2e6bfe5da6d5bafddd519afea"
    );
}

#[test]
fn an_order_has_nothing_else() {
    let more = ORDER.replace(r#""purpose":"#, r#""fee":"1","purpose":"#);
    let fault = serde_json::from_str::<Order>(&more).unwrap_err().to_string();
    assert!(
        fault.starts_with("unknown field `fee`, expected one of `uetr`"),
        "{fault}"
    );
}

#[test]
fn facts() {
    const ID: &str = "0505050505050505050505050505050505050505050505050505050505050505";
    let (transaction, reason) = (tx(5), reason("AC04"));
    let paid_out = true;
    check(
        &Fact::Reserved { transaction },
        &format!(r#"{{"reserved":{{"transaction":"{ID}"}}}}"#),
    );
    check(&Fact::Withdrawn, r#""withdrawn""#);
    check(
        &Fact::Answered { answers: answers() },
        r#"{"answered":{"answers":{"beneficiary.address":"1 Low Street"}}}"#,
    );
    check(
        &Fact::Posted { transaction, paid_out },
        &format!(r#"{{"posted":{{"transaction":"{ID}","paid_out":true}}}}"#),
    );
    check(
        &Fact::Asked { question: question() },
        concat!(
            r#"{"asked":{"question":{"text":"Where does the beneficiary live?","#,
            r#""fields":["beneficiary.address"]}}}"#
        ),
    );
    check(&Fact::Held, r#""held""#);
    check(&Fact::Released, r#""released""#);
    check(&Fact::PaidOut, r#""paid_out""#);
    let returned = Fact::Returned {
        transaction,
        reason: reason.clone(),
    };
    check(
        &returned,
        &format!(r#"{{"returned":{{"transaction":"{ID}","reason":{{"code":"AC04"}}}}}}"#),
    );
    let voided = Fact::Voided { transaction, reason };
    check(
        &voided,
        &format!(r#"{{"voided":{{"transaction":"{ID}","reason":{{"code":"AC04"}}}}}}"#),
    );
    let telling = Telling {
        number: 3,
        fact: Fact::PaidOut,
    };
    check(&telling, r#"{"number":3,"fact":"paid_out"}"#);
}

#[test]
fn a_stored_remittance_is_read_as_it_was() {
    let key = SecretKey::from_seed(&[7; 32]);
    let quote = Quote {
        genesis: GenesisHash([1; 32]).prefix(),
        id: QuoteId([2; 16]),
        maker: AccountId([9; 20]),
        taker: None,
        sell: Currency::new("EUR").unwrap(),
        buy: Currency::new("USD").unwrap(),
        rate: "1.048".parse().unwrap(),
        min: Amount(1250),
        max: Amount(1250),
        fee: Amount(5),
        expires_at: UnixSeconds(120),
        hold_seconds_max: 100,
    };
    let mut full = reserved(Side::Sender);
    full.quote = Some(QuoteUse {
        id: "quote_1".to_owned(),
        signed: quote.sign([&key]).unwrap(),
    });
    full.question = Some(question());
    full.answers = answers();
    full.reason = Some(reason("CUST"));
    full.untold = vec![
        Fact::Held,
        Fact::Answered {
            answers: BTreeMap::new(),
        },
    ];
    full.failed(1);
    full.not_told(2);
    let wishes = [
        Wish::Accept,
        Wish::Refuse(reason("AC04")),
        Wish::Recall(reason("CUST")),
        Wish::Return(reason("AC06")),
    ];
    let purposes = [Purpose::Reserve, Purpose::Post, Purpose::Void, Purpose::Return];
    let mut copies = vec![remittance(Side::Sender), remittance(Side::Beneficiary)];
    for (wish, purpose) in wishes.into_iter().zip(purposes) {
        let mut copy = full.clone();
        copy.wish = Some(wish);
        copy.intent = Some(intent(purpose));
        copies.push(copy);
    }
    for copy in copies {
        let text = serde_json::to_string(&copy).unwrap();
        assert_eq!(serde_json::from_str::<Remittance>(&text).unwrap(), copy);
    }
}
