//! `causeway offline card`: the payer's purse, held to a reader.

use std::sync::atomic::AtomicBool;

use causeway_contracts::{
    money::Amount,
    offline::{
        messages::{Certificate, PaymentStatus, Request},
        signed::Signed,
    },
};
use causeway_wallet::offline::{
    card::{Card, status::Meaning, vpcd::VirtualReader},
    holder::{Agreed, Event, Holder, needs_pin},
    purses::{Purse, PurseInfo},
};
use serde_json::json;

use super::{
    super::{
        args::purses::Card as Args,
        output::{note, say},
        wallet::Wallet,
    },
    desk, pay,
};

/// What the reader has asked for, and the person has not agreed to yet.
type Asked = Option<(Signed<Request>, Signed<Certificate>)>;

pub fn card(wallet: &Wallet, args: &Args) -> anyhow::Result<()> {
    let mut purse = desk::open(wallet, &args.purse)?;
    desk::warn_of_age(wallet, &purse);
    let up_to = args.confirm.as_deref().map(|text| desk::amount(&purse.info, text));
    let mut agreed = Agreed {
        up_to: up_to.transpose()?.unwrap_or(Amount::ZERO),
        request: None,
    };
    let mut reader = VirtualReader::new(args.vpcd);
    let mut payments = 0;
    loop {
        if !wallet.json {
            note!("Purse {} is at the reader.", args.purse);
        }
        let (asked, ended) = hold(wallet, &mut purse, &mut reader, agreed)?;
        payments += ended;
        if args.taps.is_some_and(|taps| payments >= taps) {
            return Ok(());
        }
        agreed.request = None;
        if let Some((request, payee)) = asked
            && agree(&mut purse, args, agreed.up_to, (&request, &payee))?
        {
            agreed.request = Some(request.id());
        }
    }
}

/// Holds the purse to the reader until that is done with it; what it has asked for, and how many payments have ended.
fn hold(
    wallet: &Wallet,
    purse: &mut Purse,
    reader: &mut VirtualReader,
    agreed: Agreed,
) -> anyhow::Result<(Asked, u32)> {
    let leave = AtomicBool::new(false);
    let (mut asked, mut ended) = (None, 0);
    let info = &purse.info;
    let tell = |event: Event| {
        tell(wallet, info, &event);
        match event {
            Event::Asked(request, payee) => asked = Some((request, payee)),
            Event::Ended(_) => ended += 1,
            _ => {}
        }
    };
    let holder = Holder::new(&mut purse.element, &mut purse.news, agreed, &leave, tell);
    reader.hold(&mut Card::new(holder), &leave)?;
    Ok((asked, ended))
}

/// The person looks at the request, and gives the PIN if it takes that.
fn agree(
    purse: &mut Purse,
    args: &Args,
    up_to: Amount,
    (request, payee): (&Signed<Request>, &Signed<Certificate>),
) -> anyhow::Result<bool> {
    let has_agreed = request.body.amount <= up_to;
    if !has_agreed
        && !desk::agrees(
            &purse.info,
            request,
            "use --confirm AMOUNT to pay up to that without asking",
        )?
    {
        note!("Not paid.");
        return Ok(false);
    }
    let needs_pin = needs_pin(&purse.element, request, payee);
    if needs_pin.map_err(|error| desk::explain(purse, error))? {
        let pin = desk::pin(&args.pin)?;
        let consented = purse.element.consent(&pin, request.id());
        consented.map_err(|error| desk::explain(purse, error))?;
    }
    Ok(true)
}

fn tell(wallet: &Wallet, info: &PurseInfo, event: &Event) {
    if wallet.json {
        say!("{}", as_json(event));
        return;
    }
    match event {
        Event::Asked(request, _) => say!("The reader asks for {}.", desk::payment(info, &request.body)),
        Event::Signed(request) => say!("Paid {}.", desk::payment(info, &request.body)),
        Event::SignedAgain(_) => say!("The reader had the same payment again."),
        Event::Refused(request, word) => {
            let what = desk::payment(info, &request.body);
            say!("The reader asks for {what}, and the purse refuses: {}.", Meaning(*word));
        }
        Event::Ended(PaymentStatus::Paid) => say!("The payee has taken it, and the purse has the receipt."),
        Event::Ended(_) => say!("The payment is void, and the money is this purse's again."),
        Event::HeardNews => say!("The purse has heard news from the reader."),
        Event::GaveNews => say!("The reader has heard news from the purse."),
    }
}

fn as_json(event: &Event) -> serde_json::Value {
    let payment = |what: &str, request: &Signed<Request>| {
        let body = &request.body;
        json!({
            "event": what,
            "request": request.id(),
            "payee": body.payee,
            "amount": body.amount,
            "memo": &*body.memo,
        })
    };
    match event {
        Event::Asked(request, _) => payment("asked", request),
        Event::Signed(request) => payment("paid", request),
        Event::SignedAgain(request) => json!({ "event": "paid_again", "request": request }),
        Event::Refused(request, word) => {
            let mut object = payment("refused", request);
            object["status_word"] = format!("{word:?}").into();
            object
        }
        Event::Ended(status) => json!({ "event": "ended", "status": pay::word(*status) }),
        Event::HeardNews => json!({ "event": "heard_news" }),
        Event::GaveNews => json!({ "event": "gave_news" }),
    }
}
