//! `causeway offline status`.

use causeway_contracts::{
    money::Amount,
    offline::{
        ids::Epoch,
        messages::Certificate,
        purse::{
            PurseState,
            contents::{Entry, Lot},
        },
    },
};
use causeway_wallet::{
    clock,
    offline::purses::{Purse, PurseInfo},
};
use serde_json::{Value, json};

use super::{
    super::{
        output::{self, say},
        wallet::Wallet,
    },
    desk, pay,
};

pub fn status(wallet: &Wallet, name: Option<&str>) -> anyhow::Result<()> {
    let Some(name) = name else {
        return list(wallet);
    };
    let purse = desk::open(wallet, name)?;
    if wallet.json {
        say!("{}", as_json(&purse));
    } else {
        print(&purse);
        desk::warn_of_age(wallet, &purse);
    }
    Ok(())
}

/// What is known of purses without their passphrases.
fn list(wallet: &Wallet) -> anyhow::Result<()> {
    let purses = wallet.home()?.purses().list()?;
    if purses.is_empty() && !wallet.json {
        say!("No purses yet; `causeway offline create` makes one.");
    }
    for (name, info) in purses {
        let PurseInfo {
            purse,
            account,
            currency,
            issuer,
            ..
        } = info;
        if wallet.json {
            let object =
                json!({ "name": name, "purse": purse, "account": account, "currency": currency, "issuer": issuer });
            say!("{object}");
        } else {
            say!("{name}  {purse}  {currency} of {account}");
        }
    }
    Ok(())
}

/// What is left of limits.
struct Left {
    to_pay: Amount,
    payments: u32,
    to_hold: Amount,
    without_pin: Amount,
    payments_without_pin: u32,
}

impl Left {
    fn of(state: &PurseState) -> Self {
        let (own, rules, counters) = (&state.certificate().body, state.rules(), state.counters());
        let less = |max: Amount, used: Amount| Amount(max.0.saturating_sub(used.0));
        Self {
            to_pay: less(own.paid_max, counters.paid),
            payments: own.payments_max.saturating_sub(counters.payments),
            to_hold: less(own.balance_max, state.balance()),
            without_pin: less(rules.no_pin_sum_max, state.pin().unconfirmed),
            payments_without_pin: rules
                .no_pin_payments_max
                .saturating_sub(state.pin().unconfirmed_payments),
        }
    }
}

fn print(purse: &Purse) {
    let (info, state) = (&purse.info, purse.element.state());
    let (status, left, own) = (state.status(), Left::of(state), &state.certificate().body);
    let money = |amount| desk::money(info, amount);
    say!("Purse {} of {}: {}", info.purse, info.account, money(status.balance));
    say!("  at most {} in one payment", money(status.largest_payment));
    for lot in state.lots() {
        say!(
            "  lot {}  {:>16}  {}, expires {}",
            lot.id,
            money(lot.left),
            hops(lot),
            hour(lot.expiry)
        );
    }
    for entry in state.log().iter().filter(|entry| entry.is_pending()) {
        say!("  pending: {} {}", money(entry.spend().amount), to_whom(entry));
    }
    for request in state.requests() {
        let body = &request.body;
        let memo = desk::memo(body);
        say!("  open request {} for {} {memo}", request.id(), money(body.amount));
    }
    say!(
        "  until the next sync {} in {} payments; without PIN {} in {} payments",
        money(left.to_pay),
        left.payments,
        money(left.without_pin),
        left.payments_without_pin
    );
    say!(
        "  room for {} more; {} PIN tries left",
        money(left.to_hold),
        status.pin_tries_left
    );
    say!(
        "  certificate {} is good until the end of {}",
        own.serial,
        hour(own.not_after)
    );
    say!(
        "  the latest hour that it knows of is {}; revocation list {} is {} hours old",
        hour(status.epoch),
        status.list_version,
        state.revoked().age(status.epoch)
    );
    let now = Epoch::at(clock::now_ms());
    if now.0 > own.not_after.0 {
        say!("  by this device's clock its certificate is over; sync it when there is a network");
    }
}

fn hops(lot: &Lot) -> String {
    match lot.hop {
        0 => "loaded".into(),
        1 => "1 hop".into(),
        hops => format!("{hops} hops"),
    }
}

fn to_whom(entry: &Entry) -> String {
    match entry {
        Entry::Paid(payment) => {
            let body = &payment.transfer.body;
            format!("to purse {} for request {}", body.payee, body.request)
        }
        Entry::Redeemed(_) => "that is redeemed".into(),
    }
}

fn hour(epoch: Epoch) -> String {
    output::time(u64::from(epoch.0) * (Epoch::HOUR_MS / 1000))
}

fn as_json(purse: &Purse) -> Value {
    let (info, state) = (&purse.info, purse.element.state());
    let (status, left) = (state.status(), Left::of(state));
    let counters = state.counters();
    let lots: Value = state.lots().iter().map(lot_json).collect();
    let log: Value = state.log().iter().map(entry_json).collect();
    let requests = state.requests().iter().map(|request| {
        let body = &request.body;
        json!({ "request": request.id(), "seq": body.seq, "amount": body.amount, "memo": &*body.memo })
    });
    json!({
        "name": purse.place.name,
        "purse": info.purse,
        "account": info.account,
        "currency": info.currency,
        "issuer": info.issuer,
        "balance": status.balance,
        "largest_payment": status.largest_payment,
        "pending": state.log().iter().filter(|entry| entry.is_pending()).count(),
        "pending_amount": status.pending,
        "lots": lots,
        "log": log,
        "open_requests": requests.collect::<Value>(),
        "counters": {
            "load_counter": counters.load_counter,
            "seq": counters.seq,
            "request_seq": counters.request_seq,
            "paid": counters.paid,
            "received": counters.received,
            "payments": counters.payments,
        },
        "left": {
            "to_pay": left.to_pay,
            "payments": left.payments,
            "to_hold": left.to_hold,
            "without_pin": left.without_pin,
            "payments_without_pin": left.payments_without_pin,
        },
        "certificate": certificate_json(&state.certificate().body),
        "epoch": status.epoch,
        "list": { "version": status.list_version, "hours": state.revoked().age(status.epoch) },
        "pin_tries_left": status.pin_tries_left,
    })
}

fn lot_json(lot: &Lot) -> Value {
    json!({ "lot": lot.id, "left": lot.left, "hop": lot.hop, "expiry": lot.expiry })
}

fn entry_json(entry: &Entry) -> Value {
    let mut object = json!({
        "seq": entry.seq(),
        "amount": entry.spend().amount,
        "status": pay::word(entry.status()),
        "expiry": entry.spend().expiry,
    });
    if let Some(payment) = entry.payment() {
        let body = &payment.transfer.body;
        object["payee"] = json!(body.payee);
        object["request"] = json!(body.request);
    }
    object
}

fn certificate_json(own: &Certificate) -> Value {
    json!({
        "serial": own.serial,
        "not_before": own.not_before,
        "not_after": own.not_after,
        "payment_max": own.payment_max,
        "balance_max": own.balance_max,
        "is_merchant": own.class.is_merchant(),
    })
}
