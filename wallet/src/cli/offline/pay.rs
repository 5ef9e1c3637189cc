//! `causeway offline pay` and `settle`: the payer's side of pictures, sound and files.

use anyhow::{Context, bail};
use causeway_contracts::{
    money::Amount,
    offline::{
        message::Message,
        messages::{Certificate, PaymentStatus, Request},
        purse::{pin::Consent, status::Standing},
        signed::Signed,
    },
};
use causeway_wallet::offline::{
    holder::needs_pin,
    payload::{self, Kind},
    purses::Purse,
};
use serde_json::json;

use super::{
    super::{
        args::purses::{In, Pay},
        output::{note, say},
        wallet::Wallet,
    },
    bad_input, desk, medium,
};

pub fn pay(wallet: &Wallet, pay: &Pay) -> anyhow::Result<()> {
    medium::check(&pay.out)?;
    let bytes = medium::read(wallet.json, &pay.medium, Kind::Request)?;
    let (request, payee) = payload::request(&bytes).map_err(bad_input)?;
    let mut purse = desk::open(wallet, &pay.purse)?;
    let id = request.id();
    let signed = match purse.element.state().standing(id) {
        Standing::Paid { status, .. } => Some(status),
        _ => None,
    };
    let bundle = match signed {
        Some(_) => purse.element.run(|state| state.resend(id)),
        None => {
            desk::warn_of_age(wallet, &purse);
            let consent = consent(&mut purse, pay, &request, &payee)?;
            purse.element.run(|state| state.pay(&request, &payee, consent))
        }
    };
    let bundle = bundle.map_err(|error| desk::explain(&purse, error))?;
    let written = medium::write(&pay.out, &bundle);
    written
        .context("the payment is signed, and could not be written; run the same command again, with another --out")?;
    tell(wallet, &purse, pay, &request, signed)
}

/// Whatever the person has to agree to, or why the purse would not pay.
fn consent(
    purse: &mut Purse,
    pay: &Pay,
    request: &Signed<Request>,
    payee: &Signed<Certificate>,
) -> anyhow::Result<Consent> {
    let checked = purse.element.state().check_request(request, payee);
    checked.map_err(|refusal| desk::explain(purse, refusal.into()))?;
    let needs_pin = needs_pin(&purse.element, request, payee);
    let needs_pin = needs_pin.map_err(|error| desk::explain(purse, error))?;
    if !pay.yes && !desk::agrees(&purse.info, request, "look at the request, and use --yes")? {
        bail!("not paid");
    }
    if !needs_pin {
        return Ok(Consent::None);
    }
    let pin = desk::pin(&pay.pin)?;
    let verified = purse.element.verify(&pin);
    verified.map_err(|error| desk::explain(purse, error))?;
    Ok(Consent::Pin)
}

fn tell(
    wallet: &Wallet,
    purse: &Purse,
    pay: &Pay,
    request: &Signed<Request>,
    signed: Option<PaymentStatus>,
) -> anyhow::Result<()> {
    let body = &request.body;
    if wallet.json {
        let object = json!({
            "request": request.id(),
            "payee": body.payee,
            "amount": body.amount,
            "currency": purse.info.currency,
            "memo": &*body.memo,
            "out": pay.out,
            "resumed": signed.is_some(),
            "status": word(signed.unwrap_or(PaymentStatus::Pending)),
        });
        say!("{object}");
        return Ok(());
    }
    let what = desk::payment(&purse.info, body);
    let place = pay.out.display();
    match signed {
        None => {
            say!("Paid {what}; the payment is in {place}.");
            say!(
                "When the payee has taken it, `causeway offline settle {}` takes the receipt.",
                pay.purse
            );
        }
        Some(PaymentStatus::Voided) => {
            say!("Signed before: {what}. It is void, and the money is this purse's; it is in {place} again.")
        }
        Some(_) => say!("Paid before: {what}. Nothing more is paid now; the same payment is in {place} again."),
    }
    Ok(())
}

pub fn settle(wallet: &Wallet, name: &str, place: &In) -> anyhow::Result<()> {
    let bytes = medium::read(wallet.json, place, Kind::Answer)?;
    let answer = payload::answer(&bytes).map_err(bad_input)?;
    let mut purse = desk::open(wallet, name)?;
    let before = purse.element.state().balance();
    let ended = match &answer {
        Message::Receipt(receipt) => purse.element.run(|state| state.receipt(receipt)),
        Message::Void(void) => purse.element.run(|state| state.void(void)),
        _ => bail!("it is neither a receipt nor a void"),
    };
    let status = ended.map_err(|error| desk::explain(&purse, error))?;
    let after = purse.element.state().balance();
    let returned = Amount(after.0.saturating_sub(before.0));
    if wallet.json {
        say!(
            "{}",
            json!({ "status": word(status), "returned": returned, "balance": after })
        );
        return Ok(());
    }
    match status {
        PaymentStatus::Paid => say!("The payee has taken the payment."),
        _ if returned.is_zero() => {
            say!("The payment is void.");
            note!("Nothing came back now: either it had before, or the money has expired, and the ledger refunds it.");
        }
        _ => say!(
            "The payment is void, and {} is this purse's again.",
            desk::money(&purse.info, returned)
        ),
    }
    Ok(())
}

pub fn word(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Pending => "pending",
        PaymentStatus::Paid => "paid",
        PaymentStatus::Voided => "voided",
        PaymentStatus::Refunded => "refunded",
    }
}
