//! `causeway offline request` on a picture, sound or file, `receive` and `cancel`: the payee's side of these.

use std::path::{Path, PathBuf};

use causeway_contracts::{
    codec::Text,
    offline::{
        ids::Nonce16,
        purse::{
            contents::Answer,
            request::{Ask, Opened, SignedAnswer},
            status::Standing,
        },
    },
};
use causeway_wallet::offline::{
    payload::Kind,
    purses::Purse,
    till::{is_receipt_of, last_payment},
};
use serde_json::{Value, json};

use super::{
    super::{
        Finding,
        args::purses::{In, Request},
        output::{note, say},
        wallet::Wallet,
    },
    bad_input, desk, medium,
};

/// Asks for a payment; each call is a new request.
pub fn open(wallet: &Wallet, purse: &mut Purse, asked: &Request) -> anyhow::Result<Opened> {
    let memo = Text::new(asked.memo.as_str()).map_err(|error| {
        bad_input(anyhow::anyhow!(
            "the memo is {} bytes long, and at most 40 are allowed",
            error.actual
        ))
    })?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let ask = Ask {
        amount: desk::amount(&purse.info, &asked.amount)?,
        memo,
        nonce: Nonce16(nonce),
    };
    let opened = purse.element.run(|state| state.open_request(ask));
    let opened = opened.map_err(|error| desk::explain(purse, error))?;
    if let Some(void) = &opened.voided
        && !wallet.json
    {
        note!(
            "Eight requests were open, and the oldest, {0}, is void now; `causeway offline cancel {1} {0}` gives the void \
             for whoever has paid it.",
            void.body.request,
            purse.place.name
        );
    }
    Ok(opened)
}

pub fn request(wallet: &Wallet, asked: &Request, out: &Path) -> anyhow::Result<()> {
    medium::check(out)?;
    let mut purse = desk::open(wallet, &asked.purse)?;
    let Opened { request, voided } = open(wallet, &mut purse, asked)?;
    let certificate = purse.element.state().certificate().to_bytes();
    medium::write(out, &[request.to_bytes(), certificate].concat())?;
    let (id, body) = (request.id(), &request.body);
    if wallet.json {
        let object = json!({
            "request": id,
            "payee": body.payee,
            "amount": body.amount,
            "currency": purse.info.currency,
            "memo": &*body.memo,
            "out": out,
            "voided": voided.map(|void| void.body.request),
        });
        say!("{object}");
    } else {
        let amount = desk::money(&purse.info, body.amount);
        say!("Request {id} for {amount} is in {}.", out.display());
    }
    Ok(())
}

pub fn receive(wallet: &Wallet, name: &str, place: &In, out: Option<&PathBuf>) -> anyhow::Result<()> {
    out.map_or(Ok(()), |out| medium::check(out))?;
    let bundle = medium::read(wallet.json, place, Kind::Payment)?;
    let mut purse = desk::open(wallet, name)?;
    desk::warn_of_age(wallet, &purse);
    let paid = last_payment(&bundle);
    let before = paid.as_ref().map(|it| purse.element.state().standing(it.body.request));
    let receipt = purse.element.run(|state| state.accept(&bundle));
    let receipt = receipt.map_err(|error| desk::explain(&purse, error))?;
    let is_again = matches!(before, Some(Standing::Answered(Answer::Received(_))));
    let is_taken = is_receipt_of(&receipt, &bundle);
    let paid = paid.expect("it was accepted").body;
    let amount = desk::money(&purse.info, paid.spend.amount);
    let told = json!({
        "request": paid.request,
        "payer": paid.payer,
        "amount": paid.spend.amount,
        "currency": purse.info.currency,
        "resumed": is_again,
        "received": is_taken,
    });
    let text = match (is_taken, is_again) {
        (true, false) => format!("Received {amount} from purse {}.", paid.payer),
        (true, true) => format!(
            "Received {amount} from purse {} before; this is the same receipt.",
            paid.payer
        ),
        (false, _) => "Another has paid this request before.".to_owned(),
    };
    give(wallet, &receipt.to_bytes(), "receipt", out, told, &text)?;
    if is_taken {
        return Ok(());
    }
    let says = "the request was paid by another transfer; give this payer the receipt all the same, by which the \
                money is theirs again";
    Err(Finding::PurseRefuses(anyhow::anyhow!(says)).into())
}

pub fn cancel(wallet: &Wallet, name: &str, request: &str, out: Option<&PathBuf>) -> anyhow::Result<()> {
    out.map_or(Ok(()), |out| medium::check(out))?;
    let mut purse = desk::open(wallet, name)?;
    let id = desk::find_request(&purse, request)?;
    let answer = purse.element.run(|state| state.cancel_request(id));
    let answer = answer.map_err(|error| desk::explain(&purse, error))?;
    let (what, text) = match answer {
        SignedAnswer::Void(_) => ("void", format!("Request {id} is void.")),
        SignedAnswer::Receipt(_) => (
            "receipt",
            format!("Request {id} was paid, and stays so; this is its receipt."),
        ),
    };
    let told = json!({ "request": id, "answer": what });
    give(wallet, &answer.to_bytes(), what, out, told, &text)
}

/// The answer for the payer, and what was done.
fn give(
    wallet: &Wallet,
    answer: &[u8],
    what: &str,
    out: Option<&PathBuf>,
    mut told: Value,
    text: &str,
) -> anyhow::Result<()> {
    if let Some(out) = out {
        medium::write(out, answer)?;
    }
    if wallet.json {
        told[what] = hex::encode(answer).into();
        say!("{told}");
        return Ok(());
    }
    match out {
        Some(out) => say!("{text} The {what} is in {}.", out.display()),
        None => {
            note!("{text} The {what} for the payer:");
            say!("{}", hex::encode(answer));
        }
    }
    Ok(())
}
