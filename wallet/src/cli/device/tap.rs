//! `causeway device tap`.

use std::sync::atomic::AtomicBool;

use causeway_cards::{currency, emv::applet::Consent};
use causeway_contracts::money::Amount;
use causeway_wallet::{
    device::{
        Phone,
        phone::{Event, Terms},
    },
    offline::card::vpcd::VirtualReader,
};
use serde_json::{Value, json};

use super::{Wallet, amount_max, exponent, open};
use crate::cli::{
    args::device::Tap,
    output::{self, note, say},
};

pub fn tap(wallet: &Wallet, args: &Tap) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let mut device = open(wallet, &home)?;
    let amount_max = amount_max(&home, &device, args.max.as_deref())?;
    let currency = device.currency_number()?;
    let terms = Terms {
        consent: amount_max.map(|amount_max| Consent { amount_max, currency }),
        is_unlocked: args.unlock,
        payments: args.taps,
    };
    let (own, exponent) = (device.currency(), exponent(&home, &device));
    let tell = |event: Event| {
        if wallet.json {
            say!("{}", as_json(event));
            return;
        }
        match event {
            Event::Paid {
                counter,
                amount: Some(amount),
                currency: Some(number),
            } => {
                let asked = match exponent {
                    Some(exponent) if number == currency => output::money(Amount(amount), exponent, own),
                    _ => format!("{amount} minor units of {}", letters(number)),
                };
                say!("The terminal asks for {asked}; the issuer decides. Counter {counter} is used.");
            }
            Event::Paid { counter, .. } => say!("The terminal asks for what is no amount. Counter {counter} is used."),
            Event::NotAgreed => say!("Not paid: the terminal asks for more than --max, or another currency."),
            Event::Locked => {
                say!("Not paid: the amount needs its holder. Unlock the phone with --unlock, and tap again.")
            }
            Event::OutOfKeys => say!("Not paid: every key is used; `causeway device keys FILE` adds more."),
        }
    };
    let leave = AtomicBool::new(false);
    let mut reader = VirtualReader::new(args.reader);
    if !wallet.json {
        note!("The phone is at the reader.");
    }
    let mut phone = Phone::new(&mut device, terms, &leave, tell)?;
    let held = reader.hold(&mut phone, &leave);
    phone.end()?;
    Ok(held?)
}

fn letters(number: u16) -> String {
    let digits = format!("{number:03}");
    currency::alphabetic(&digits).map_or(digits, str::to_owned)
}

fn as_json(event: Event) -> Value {
    match event {
        Event::Paid {
            counter,
            amount,
            currency,
        } => json!({
            "event": "paid",
            "counter": counter,
            "amount": amount,
            "currency": currency.map(letters),
        }),
        Event::NotAgreed => json!({ "event": "not_agreed" }),
        Event::Locked => json!({ "event": "locked" }),
        Event::OutOfKeys => json!({ "event": "out_of_keys" }),
    }
}
