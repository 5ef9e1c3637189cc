//! What other operators ask and tell. They sign with their keys on the ledger.

use std::sync::Arc;

use serde_json::json;

use super::{aliases, checks, remittances::add};
use crate::{
    money::MoneyFault,
    remittance::{
        Beginning, Remittance,
        fact::{Fact, Telling},
        order::{HOLD_SECONDS_MAX, ORDER_BYTES_MAX, Order},
        state::Side,
    },
    service::{
        call::{Call, Reply},
        change::{By, ChangeError, change},
        context::Gateway,
        id,
        network::Lookup,
        problem::{Code, Problem},
        records::remittances,
    },
    store::StoreError,
};

/// Who is behind a name here.
pub async fn resolve(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let lookup: Lookup = call.json()?;
    let account = aliases::find(gateway, &lookup).await?;
    let account = account.ok_or_else(|| Problem::new(Code::PayeeUnknown, "nobody is known by it here"))?;
    Ok(Reply::ok(&aliases::found(gateway, &account, lookup.name.as_deref())))
}

/// An order for a beneficiary here, before anything is reserved. The same may come again.
pub async fn introduce(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let order: Order = call.json()?;
    let text = String::from_utf8(call.body.clone())
        .ok()
        .filter(|text| text.len() <= ORDER_BYTES_MAX)
        .ok_or_else(|| Problem::new(Code::BodyMalformed, "the order is too long, or not in UTF-8"))?;
    if order.sender_operator != call.operator() || order.beneficiary_operator != gateway.us() {
        let detail = "the order is from the operator that signs the request, to this one";
        return Err(Problem::new(Code::BodyMalformed, detail));
    }
    check(&order, call.now_ms)?;
    order
        .uetr
        .parse::<crate::identifiers::uetr::Uetr>()
        .map_err(|fault| Problem::field("uetr", format!("it {fault}")))?;
    let uetr = order.uetr.clone();
    let known = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            // Only read: nobody is kept from changing it.
            let all = sql.query_one(
                "SELECT id FROM remittances WHERE uetr = $1 AND side = 'beneficiary'",
                &[(&uetr).into()],
            )?;
            match all {
                Some(row) => remittances::any(sql, row.text(0)?),
                None => Ok(None),
            }
        })
        .await?;
    if let Some(known) = known {
        if known.order_text != text {
            let detail = "the order with this UETR has another text";
            return Err(Problem::new(Code::OrderDiffers, detail).of("uetr"));
        }
        return Ok(Reply::ok(&json!({ "uetr": known.order.uetr, "state": known.state() })));
    }
    let account = aliases::find(gateway, &lookup_of(&order)).await?;
    let account = account.ok_or_else(|| Problem::new(Code::PayeeUnknown, "nobody is known by it here"))?;
    if aliases::deliver_to(gateway, &account) != order.deliver_to.to_string() {
        let detail = "money for this beneficiary goes to another account; resolve it again";
        return Err(Problem::new(Code::PayeeRefused, detail).of("deliver_to"));
    }
    let amount = |money| {
        gateway
            .exponents
            .read(money)
            .map_err(|fault: MoneyFault| Problem::from(fault))
    };
    let remittance = Remittance {
        is_direct: !account.body.external,
        ..Remittance::begin(Beginning {
            id: id::new("rem", call.now_ms)?,
            client: account.client,
            side: Side::Beneficiary,
            source: amount(&order.source)?,
            target: amount(&order.target)?,
            order,
            order_text: text,
            account: account.id,
            now_ms: call.now_ms,
        })
    };
    let added = add(gateway, remittance, None).await;
    let remittance = match added {
        // The same order twice at once: the other one was first, and will be found.
        Err(problem) if problem.code == Code::UetrTaken => {
            return Err(Problem::new(Code::Busy, "the same order is being taken; try again").later(1));
        }
        added => added?,
    };
    // Nothing is to be done about it until the sender's side says that it has reserved.
    gateway.wake_deliveries.notify_one();
    Ok(Reply::created(
        &json!({ "uetr": remittance.order.uetr, "state": remittance.state() }),
    ))
}

/// As a client's order is checked.
fn check(order: &Order, now_ms: u64) -> Result<(), Problem> {
    checks::party("sender", &order.sender)?;
    checks::party("beneficiary", &order.beneficiary)?;
    checks::bounded("beneficiary_account", &order.beneficiary_account, 300)?;
    checks::text("end_to_end_id", order.end_to_end_id.as_deref(), 35)?;
    checks::text("reference", order.reference.as_deref(), 140)?;
    checks::purpose("purpose", order.purpose.as_deref())?;
    if order.reserve_until.0 > now_ms / 1000 + u64::from(HOLD_SECONDS_MAX) {
        return Err(Problem::field(
            "reserve_until",
            "it is more than a day ahead; no quote is good for longer",
        ));
    }
    if !(1..=HOLD_SECONDS_MAX).contains(&order.hold_seconds) {
        let detail = format!("it is {}, and must be from 1 to {HOLD_SECONDS_MAX}", order.hold_seconds);
        return Err(Problem::field("hold_seconds", detail));
    }
    Ok(())
}

fn check_fact(fact: &Fact) -> Result<(), Problem> {
    match fact {
        Fact::Answered { answers } => checks::answers(answers),
        Fact::Asked { question } => checks::question(question),
        Fact::Returned { reason, .. } | Fact::Voided { reason, .. } => checks::reason("reason", reason),
        Fact::Reserved { .. } | Fact::Withdrawn | Fact::Posted { .. } | Fact::Held | Fact::Released | Fact::PaidOut => {
            Ok(())
        }
    }
}

fn lookup_of(order: &Order) -> Lookup {
    let mut lookup = Lookup {
        address: None,
        iban: None,
        alias: None,
        name: None,
    };
    let name = &order.beneficiary_account;
    match name.split_once(':') {
        Some((kind, value)) => {
            lookup.alias = Some(crate::service::records::accounts::AliasText {
                kind: kind.to_owned(),
                value: value.to_owned(),
            });
        }
        // Addresses are in small letters, IBANs in capitals.
        None if name.starts_with(|first: char| first.is_ascii_uppercase()) => lookup.iban = Some(name.clone()),
        None => lookup.address = Some(name.clone()),
    }
    lookup
}

/// What has become of a remittance on the other side. `side`: of the copy here that is told.
pub async fn told(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let telling: Telling = call.json()?;
    check_fact(&telling.fact)?;
    let uetr = call.parameter("uetr").to_owned();
    let side = match call.parameter("side") {
        "sender" => Side::Sender,
        "beneficiary" => Side::Beneficiary,
        _ => return Err(Problem::not_found("side of a remittance")),
    };
    let from = call.operator();
    let shared = Arc::clone(gateway);
    let now_ms = call.now_ms;
    let heard = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let known = remittances::by_uetr(sql, &uetr, side)?;
            let known = known.filter(|known| known.other() == from).ok_or(ChangeError::None)?;
            change(&shared, sql, &known.id, &By::Request, |remittance, _| {
                remittance.hear(&telling, now_ms).map_err(ChangeError::from)
            })
        })
        .await?;
    gateway.wake.notify_one();
    gateway.wake_deliveries.notify_one();
    Ok(Reply::ok(&json!({ "uetr": heard.order.uetr, "state": heard.state() })))
}
