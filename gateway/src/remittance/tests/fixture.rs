//! A remittance from BANKA's customer to BANKB's, as each of them has it at first.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::Height,
    identity::{AccountId, Address, AddressPrefix, ParticipantId},
    money::{Amount, Currency},
    settlement::ContractId,
    transaction::{TxId, UnixSeconds},
};

use super::super::{
    Beginning, Intent, Moment, Purpose, Remittance,
    fact::{Question, Reason},
    order::{Order, Party, PostalAddress},
    state::{Side, Standing, State},
};
use crate::money::Money;

pub const UNTIL_MS: u64 = 120_000;
pub const HOLD_SECONDS: u32 = 100;

pub fn order() -> Order {
    let money = |value: &str, currency| Money {
        value: value.to_owned(),
        currency: Currency::new(currency).unwrap(),
    };
    let address = |byte| Address {
        prefix: AddressPrefix::Devnet,
        account: AccountId([byte; 20]),
    };
    Order {
        uetr: "11111111-2222-4333-8444-555555555555".to_owned(),
        sender_operator: ParticipantId::new("BANKA").unwrap(),
        beneficiary_operator: ParticipantId::new("BANKB").unwrap(),
        sender: Party {
            name: "Ada Example".to_owned(),
            address: Some(PostalAddress {
                street: Some("High Street".to_owned()),
                building: Some("1".to_owned()),
                post_code: None,
                town: "Rome".to_owned(),
                country: "IT".to_owned(),
                lines: Vec::new(),
            }),
            lei: None,
        },
        sender_account: address(1),
        beneficiary: Party {
            name: "Ben Example".to_owned(),
            address: None,
            lei: None,
        },
        beneficiary_account: "+4470000000".to_owned(),
        deliver_to: address(2),
        source: money("12.50", "EUR"),
        target: money("13.10", "USD"),
        reserve_until: UnixSeconds(UNTIL_MS / 1000),
        hold_seconds: HOLD_SECONDS,
        end_to_end_id: None,
        purpose: Some("GDDS".to_owned()),
        reference: None,
    }
}

/// Nothing is done yet.
pub fn remittance(side: Side) -> Remittance {
    let order = order();
    Remittance {
        fee: Amount(10),
        ..Remittance::begin(Beginning {
            id: "rem_1".to_owned(),
            client: "client_1".to_owned(),
            side,
            order_text: serde_json::to_string(&order).unwrap(),
            order,
            account: "account_1".to_owned(),
            source: Amount(1250),
            target: Amount(1310),
            now_ms: 0,
        })
    }
}

pub fn tx(byte: u8) -> TxId {
    TxId([byte; 32])
}

pub fn intent(purpose: Purpose) -> Intent {
    Intent {
        purpose,
        id: tx(9),
        bytes: "00".to_owned(),
    }
}

pub fn reason(code: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        text: None,
    }
}

pub fn question() -> Question {
    Question {
        text: "Where does the beneficiary live?".to_owned(),
        fields: vec!["beneficiary.address".to_owned()],
    }
}

pub fn answers() -> BTreeMap<String, String> {
    BTreeMap::from([("beneficiary.address".to_owned(), "1 Low Street".to_owned())])
}

/// All money is held, until 200 s.
pub fn reserved(side: Side) -> Remittance {
    let mut copy = remittance(side);
    copy.standing = Standing::at(State::Reserved);
    copy.timeline.push(Moment {
        state: State::Reserved,
        held_by: None,
        at_ms: 40_000,
        by: "ledger".to_owned(),
        height: Some(Height(4)),
        transaction: Some(tx(1)),
    });
    copy.version = 2;
    copy.introduced = true;
    copy.ledger.reservation = Some(tx(1));
    copy.ledger.hold = Some(ContractId::derive(&tx(1), 0));
    copy.ledger.hold_expires_at = Some(UnixSeconds(200));
    copy
}
