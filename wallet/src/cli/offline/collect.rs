//! `causeway offline request --reader`: a whole payment, from the payee's side of a reader of cards.
//!
//! Which request is being collected is written down before anyone can pay it, so that the same command goes on with it
//! after whatever has ended the last one.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use causeway_contracts::offline::{
    messages::Request,
    purse::{contents::Answer, status::Standing},
    signed::Signed,
};
use causeway_wallet::{
    durable,
    offline::{
        card::{
            AID, Terminal,
            reader::{CardInReader, ReaderError, Readers},
            status::Meaning,
            terminal::TerminalError,
        },
        purses::{Place, Purse},
        till::{Tap, TapError, Till},
    },
};
use serde_json::json;

use super::{
    super::{
        Finding,
        args::purses::Request as Args,
        output::{self, note, say},
        wallet::Wallet,
    },
    desk, receive,
};

const FILE: &str = "collecting.json";
const FILE_BYTES_MAX: u64 = 4096;

/// Between two taps, and between two questions whether the person has confirmed.
const AGAIN: Duration = Duration::from_millis(150);

/// How the taps ended.
enum End {
    Paid,
    /// The time is over.
    TooLate,
    /// For this reason nobody pays it.
    Not(anyhow::Error),
}

pub fn request(wallet: &Wallet, asked: &Args, reader: &str) -> anyhow::Result<()> {
    let mut purse = desk::open(wallet, &asked.purse)?;
    let readers = Readers::open()?;
    let reader = readers.find(reader)?;
    let (request, is_resumed) = begin(wallet, &mut purse, asked)?;
    if !wallet.json {
        let amount = desk::money(&purse.info, request.body.amount);
        note!(
            "Request {} for {amount}. Hold the payer's purse to the reader.",
            request.id()
        );
    }
    let until = Instant::now() + Duration::from_secs(u64::from(asked.wait));
    let mut till = Till::new(&mut purse.element, &mut purse.news, request.clone());
    let mut told = Told::default();
    let end = loop {
        let left = until.saturating_duration_since(Instant::now());
        let tap = match readers.wait(&reader, left) {
            Ok(card) => tap(card, &mut till),
            Err(ReaderError::NoCard { .. }) => break End::TooLate,
            Err(error) => return Err(error.into()),
        };
        match after(tap, &mut told)? {
            Some(Ended::Paid) => break End::Paid,
            Some(Ended::Not(error)) => break End::Not(error),
            Some(Ended::Refused(error)) => {
                break End::Not(desk::explained(&purse.info, till.element().state().balance(), error));
            }
            None => {}
        }
        if Instant::now() >= until {
            break End::TooLate;
        }
        thread::sleep(AGAIN.min(until.saturating_duration_since(Instant::now())));
    };
    let may_be_paid = till.may_be_paid || is_resumed;
    finish(
        wallet,
        &mut purse,
        &request,
        end,
        Run {
            is_resumed,
            may_be_paid,
        },
    )
}

/// Goes on with a request that an earlier run has begun, if it is for the same.
fn begin(wallet: &Wallet, purse: &mut Purse, asked: &Args) -> anyhow::Result<(Signed<Request>, bool)> {
    let amount = desk::amount(&purse.info, &asked.amount)?;
    let begun = read(&purse.place)?.filter(|it| it.body.amount == amount && *it.body.memo == *asked.memo);
    if let Some(begun) = begun {
        let standing = purse.element.state().standing(begun.id());
        if matches!(standing, Standing::Open | Standing::Answered(Answer::Received(_))) {
            note!("An earlier run has begun to collect this, and this one goes on with it.");
            return Ok((begun, true));
        }
    }
    let request = receive::open(wallet, purse, asked)?.request;
    let text = serde_json::to_string(&request).expect("a message has a JSON form");
    durable::replace(&purse.place.path(FILE), text.as_bytes())?;
    Ok((request, false))
}

fn read(place: &Place) -> anyhow::Result<Option<Signed<Request>>> {
    match durable::read(&place.path(FILE), FILE_BYTES_MAX) {
        // One that cannot be read was written by nothing of ours, and is no reason to collect no more.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

type Tapped = Result<Tap, TapError<ReaderError>>;

fn tap<M: causeway_wallet::offline::memory::Memory>(card: CardInReader, till: &mut Till<'_, M>) -> Tapped {
    let mut terminal = Terminal::select(card, &AID)?;
    till.tap(&mut terminal)
}

enum Ended {
    Paid,
    Not(anyhow::Error),
    Refused(causeway_wallet::offline::element::ElementError),
}

/// Says what a tap came to, if that is not what the last one did; `None` if there is to be another.
fn after(tap: Tapped, told: &mut Told) -> anyhow::Result<Option<Ended>> {
    match tap {
        Ok(Tap::Paid) => return Ok(Some(Ended::Paid)),
        Ok(Tap::Confirm) => told.once("The payer confirms on their own device, and holds it to the reader again."),
        Ok(Tap::PaidByAnother) => told.once("Another purse has paid this; that one takes the receipt."),
        Ok(Tap::Voided) => told.once("What this purse had signed is void; it has its money."),
        Ok(Tap::Refused(word)) => {
            let says = anyhow!("the payer's purse refuses: {}", Meaning(word));
            return Ok(Some(Ended::Not(Finding::PurseRefuses(says).into())));
        }
        Ok(Tap::NotTaken(error)) => return Ok(Some(Ended::Refused(error))),
        Err(TapError::Element(error)) => return Err(anyhow::Error::new(error).context("run the same command again")),
        Err(TapError::News(error)) => return Err(error.into()),
        Err(TapError::Terminal(TerminalError::NotSelected(_))) => told.once("There is no purse on this card."),
        Err(TapError::NotAcknowledged(_)) => told.once("The payer's purse does not take the receipt."),
        Err(TapError::Terminal(_) | TapError::Answer(_)) => {
            told.once("That was too short; hold it to the reader again.");
        }
    }
    Ok(None)
}

#[derive(Default)]
struct Told(&'static str);

impl Told {
    fn once(&mut self, text: &'static str) {
        if self.0 != text {
            note!("{text}");
            self.0 = text;
        }
    }
}

#[derive(Clone, Copy)]
struct Run {
    is_resumed: bool,
    /// Some purse may have signed a payment of it.
    may_be_paid: bool,
}

fn finish(wallet: &Wallet, purse: &mut Purse, request: &Signed<Request>, end: End, run: Run) -> anyhow::Result<()> {
    let id = request.id();
    let is_received = matches!(
        purse.element.state().standing(id),
        Standing::Answered(Answer::Received(_))
    );
    let forget = |purse: &Purse| {
        // What is left of it is found to be over by the next run.
        let _ = std::fs::remove_file(purse.place.path(FILE));
    };
    if is_received {
        forget(purse);
        if !matches!(end, End::Paid) {
            output::warning(
                wallet.json,
                format_args!(
                    "the payer's purse has no receipt yet; `causeway offline cancel {} {id}` gives it again",
                    purse.place.name
                ),
            );
        }
        told(wallet, purse, request, run.is_resumed);
        return Ok(());
    }
    if run.may_be_paid && matches!(end, End::TooLate) {
        return Err(Finding::MayBePaid.into());
    }
    let answer = purse.element.run(|state| state.cancel_request(id));
    answer.map_err(|error| desk::explain(purse, error))?;
    forget(purse);
    Err(match end {
        End::Not(error) => error,
        End::Paid | End::TooLate => Finding::NobodyPaid.into(),
    })
}

fn told(wallet: &Wallet, purse: &Purse, request: &Signed<Request>, is_resumed: bool) {
    let body = &request.body;
    if wallet.json {
        let object = json!({
            "request": request.id(),
            "payee": body.payee,
            "amount": body.amount,
            "currency": purse.info.currency,
            "memo": &*body.memo,
            "resumed": is_resumed,
            "received": true,
        });
        say!("{object}");
    } else {
        say!("Received {}.", desk::money(&purse.info, body.amount));
    }
}
