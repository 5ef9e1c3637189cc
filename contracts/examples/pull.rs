//! Money that others may draw: an allowance for groceries, a subscription, a request, a bill that is split.

// Amounts are in cents, and grouped as people write them.
#![allow(clippy::inconsistent_digit_grouping)]

mod town;

use causeway_contracts::{
    codec::Text,
    ledger::rejection::Rejection,
    money::Amount,
    settlement::{
        Allowance, Collect, Ending, Mandate, MerchantCategory, Part, PayRequest, Payees, Request, SettlementAction,
        Shares, Spend, Split,
    },
};
use town::{Town, code, list};

#[cfg_attr(test, test)]
fn main() {
    let mut town = Town::with(&[
        ("parent", "EUR", 1_000_00),
        ("child", "EUR", 0),
        ("grocer", "EUR", 0),
        ("arcade", "EUR", 0),
    ]);
    let [parent, child, grocer, arcade] = ["parent", "child", "grocer", "arcade"].map(|name| town.id(name));
    allowance(&mut town, [parent, child, grocer, arcade]);
    subscription(&mut town, parent, arcade);
    request_and_split(&mut town, parent, child, grocer);
}

type Id = causeway_contracts::identity::AccountId;

/// The money stays the parent's until the child spends it, at grocers only.
fn allowance(town: &mut Town, [parent, child, grocer, arcade]: [Id; 4]) {
    let groceries = MerchantCategory(5411);
    let category = SettlementAction::SetCategory {
        operator: causeway_contracts::identity::ParticipantId::new("BANK").unwrap(),
        account: grocer,
        category: Some(groceries),
    };
    town.act(&["BANK"], category).unwrap();
    let terms = Allowance {
        grantor: parent,
        holder: child,
        currency: code("EUR"),
        budget: Amount(50_00),
        payees: Payees::Categories(list([groceries])),
        max_payment: Some(Amount(20_00)),
        expires_at: town.in_seconds(30 * 86_400),
    };
    let allowance = town.act(&["parent"], SettlementAction::Allow(terms)).unwrap();
    let spend = |to, amount| {
        SettlementAction::Spend(Spend {
            allowance,
            holder: child,
            to,
            amount: Amount(amount),
        })
    };
    town.act(&["child"], spend(grocer, 8_20)).unwrap();
    assert_eq!(
        town.act(&["child"], spend(arcade, 1_00)),
        Err(Rejection::PayeeNotAllowed)
    );
    assert_eq!(
        town.act(&["child"], spend(grocer, 20_01)),
        Err(Rejection::OverAllowance)
    );
    // What is left comes back.
    assert_eq!(town.wait(30 * 86_400), [(allowance, Ending::Expired)]);
    assert_eq!(town.has("parent", "EUR"), (991_80, 0));
}

/// The arcade draws 5.00 a month, until the parent has had enough.
fn subscription(town: &mut Town, parent: Id, arcade: Id) {
    let month = 30 * 86_400;
    let terms = Mandate {
        payer: parent,
        payee: arcade,
        currency: code("EUR"),
        max_payment: Amount(5_00),
        max_per_period: Amount(5_00),
        period_seconds: month,
        starts_at: town.in_seconds(0),
        ends_at: town.in_seconds(12 * month),
    };
    let mandate = town.act(&["parent"], SettlementAction::Mandate(terms)).unwrap();
    let collect = || {
        SettlementAction::Collect(Collect {
            mandate,
            payee: arcade,
            amount: Amount(5_00),
            reference: Text::new("coins").unwrap(),
        })
    };
    town.act(&["arcade"], collect()).unwrap();
    assert_eq!(town.act(&["arcade"], collect()), Err(Rejection::OverMandate));
    town.wait(month);
    town.act(&["arcade"], collect()).unwrap();
    let revoke = SettlementAction::Revoke {
        contract: mandate,
        by: parent,
    };
    town.act(&["parent"], revoke).unwrap();
    assert_eq!(town.act(&["arcade"], collect()), Err(Rejection::ContractEnded));
    assert_eq!(town.has("arcade", "EUR"), (10_00, 0));
}

fn request_and_split(town: &mut Town, parent: Id, child: Id, grocer: Id) {
    let terms = Request {
        payee: child,
        payer: Some(parent),
        currency: code("EUR"),
        amount: Amount(30_00),
        reference: Text::new("school trip").unwrap(),
        expires_at: town.in_seconds(86_400),
    };
    let request = town.act(&["child"], SettlementAction::Request(terms)).unwrap();
    let pay = |amount| {
        SettlementAction::PayRequest(PayRequest {
            request,
            from: parent,
            amount: Amount(amount),
        })
    };
    assert_eq!(town.act(&["parent"], pay(29_99)), Err(Rejection::RequestMismatch));
    town.act(&["parent"], pay(30_00)).unwrap();
    assert_eq!(town.has("child", "EUR"), (30_00, 0));

    // A third each, of a sum that three do not divide: the cent goes to whom rounding cost most.
    let parts = [(child, 6_667), (grocer, 3_333)].map(|(to, basis_points)| Part { to, basis_points });
    let split = Split {
        from: parent,
        currency: code("EUR"),
        shares: Shares::BasisPoints {
            amount: Amount(1_00),
            parts: list(parts),
        },
    };
    town.act(&["parent"], SettlementAction::Split(split)).unwrap();
    assert_eq!(town.has("child", "EUR"), (30_67, 0));
    assert_eq!(town.has("grocer", "EUR"), (8_53, 0));
}
