//! What is printed: text for people, JSON for programs. Results go to stdout, all else to stderr.
//!
//! Printing ends no command: a payment is final whether or not anyone reads of it, and a program that
//! failed for a full disk behind its output would be run again and pay again. What could not be
//! printed is remembered, and the command's end says so.

use std::{
    fmt,
    io::{self, Write},
    sync::OnceLock,
};

use causeway_contracts::{
    genesis::Genesis,
    ledger::{
        receipt::{Outcome, Trade},
        rejection::Rejection,
    },
    money::{Amount, Balance, Currency, text},
    transaction::Action,
};
use causeway_wallet::{clock, exit::Exit};
use serde_json::{Value, json};

/// Why stdout stopped taking lines, if it did.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// A line of the result, formatted as `println!` does.
macro_rules! say {
    ($($argument:tt)*) => { $crate::cli::output::line(format_args!($($argument)*)) };
}

/// A line for people, formatted as `eprintln!` does.
macro_rules! note {
    ($($argument:tt)*) => { $crate::cli::output::aside(format_args!($($argument)*)) };
}

pub(super) use {note, say};

pub fn line(text: fmt::Arguments) {
    put(|stdout| writeln!(stdout, "{text}"));
}

/// A result that is no text.
pub fn bytes(bytes: &[u8]) {
    put(|stdout| stdout.write_all(bytes));
}

fn put(write: impl FnOnce(&mut io::StdoutLock) -> io::Result<()>) {
    // A line after a gap would be taken for the whole result.
    if LOST.get().is_some() {
        return;
    }
    let mut stdout = io::stdout().lock();
    if let Err(error) = write(&mut stdout).and_then(|()| stdout.flush()) {
        // The first reason is the one to tell.
        let _ = LOST.set(error);
    }
}

/// Control characters are left out: nodes and files have their say in these lines.
pub fn aside(text: fmt::Arguments) {
    let text: String = text
        .to_string()
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    // There is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// Something went wrong that does not change what was done.
pub fn warning(json: bool, text: fmt::Arguments) {
    if json {
        note!("{}", json!({ "warning": text.to_string() }));
    } else {
        note!("warning: {text}");
    }
}

pub fn error(json: bool, exit: Exit, error: &anyhow::Error) {
    if json {
        let object = json!({ "error": { "status": exit as u8, "message": message(error) } });
        note!("{object}");
    } else {
        note!("error: {}", message(error));
    }
}

/// The causes in a row, without what a cause repeats of the one after it.
pub fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if message.contains(&text) {
            continue;
        }
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(&text);
    }
    message
}

/// The word that a rejection has in JSON.
pub fn reason_word(reason: Rejection) -> String {
    match serde_json::to_value(reason) {
        Ok(Value::String(word)) => word,
        _ => reason.to_string(),
    }
}

pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected { .. } => "rejected",
    }
}

pub fn money(amount: Amount, exponent: u8, currency: Currency) -> String {
    format!("{} {currency}", text::format_amount(amount, exponent))
}

/// By the currencies that a network began with, where nothing is to be asked.
pub fn genesis_money(genesis: &Genesis, amount: Amount, currency: Currency) -> String {
    match genesis.currency(currency) {
        Some(record) => money(amount, record.exponent, currency),
        None => format!("{amount} minor units of {currency}"),
    }
}

/// What actions exchanged, with its currencies, in minor units.
pub fn trades(trades: &[Trade], actions: &[Action]) -> Value {
    let told = trades.iter().map(|trade| {
        let currencies = match actions.get(usize::from(trade.action)) {
            Some(Action::Settle(action)) => action.trades(),
            _ => None,
        };
        json!({
            "action": trade.action,
            "sell": currencies.map(|(sell, _)| sell),
            "sold": trade.sold,
            "buy": currencies.map(|(_, buy)| buy),
            "bought": trade.bought,
        })
    });
    told.collect()
}

pub fn balance(balance: Balance, exponent: u8, currency: Currency) -> String {
    format!("{} {currency}", text::format_balance(balance, exponent))
}

/// A time as `2026-11-21 22:41:00 UTC`.
pub fn time(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = clock::date(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_read_as_calendars_do() {
        let check = |seconds, expected: &str| assert_eq!(time(seconds), expected);
        check(0, "1970-01-01 00:00:00 UTC");
        check(951_782_400, "2000-02-29 00:00:00 UTC");
        check(1_000_000_000, "2001-09-09 01:46:40 UTC");
        check(1_709_251_199, "2024-02-29 23:59:59 UTC");
        check(4_107_542_400, "2100-03-01 00:00:00 UTC");
    }
}
