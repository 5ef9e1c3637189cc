//! What every command of a purse begins with, and how it tells what the purse says.

use anyhow::{Context, bail};
use causeway_contracts::{
    money::{Amount, text::parse_amount},
    offline::{
        ids::{Epoch, MessageId},
        messages::Request,
        purse::{PurseRefusal, refusal::PurseLimit},
        refusal::{Limit, Refusal},
        signed::Signed,
    },
};
use causeway_wallet::{
    clock,
    offline::{
        element::ElementError,
        purses::{Purse, PurseInfo},
    },
};
use zeroize::Zeroizing;

use super::super::{
    Finding,
    args::purses::PinFile,
    output::{self, note},
    passphrase,
    wallet::Wallet,
};

/// How long a purse may have heard nothing of revocations by this device's clock, before it warns.
const LIST_HOURS_MAX: u32 = 7 * 24;

/// Opens a purse of this wallet.
pub fn open(wallet: &Wallet, name: &str) -> anyhow::Result<Purse> {
    let purses = wallet.home()?.purses();
    // That it is there first: nobody types a passphrase for a purse that is not.
    purses.info(name)?;
    let passphrase = wallet.passphrase.for_purse(name)?;
    Ok(purses.open(name, &passphrase)?)
}

/// The device's clock is advice, and no reason to refuse anything.
pub fn warn_of_age(wallet: &Wallet, purse: &Purse) {
    let age = purse.element.state().revoked().age(Epoch::at(clock::now_ms()));
    if age > LIST_HOURS_MAX {
        output::warning(
            wallet.json,
            format_args!(
                "by this device's clock the purse has heard of no revocations for {} days; sync it when there is a network",
                age / 24
            ),
        );
    }
}

pub fn money(info: &PurseInfo, amount: Amount) -> String {
    output::money(amount, info.exponent, info.currency)
}

pub fn amount(info: &PurseInfo, text: &str) -> anyhow::Result<Amount> {
    Ok(parse_amount(text, info.exponent)?)
}

/// A payee's text, without what could make it look like another one.
pub fn memo(request: &Request) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    request.memo.chars().filter(is_shown).collect()
}

/// Such as `12.50 EUR to purse 0202020202020202 for "tea"`.
pub fn payment(info: &PurseInfo, request: &Request) -> String {
    let to = format!("{} to purse {}", money(info, request.amount), request.payee);
    match memo(request) {
        memo if memo.is_empty() => to,
        memo => format!("{to} for \"{memo}\""),
    }
}

/// Asks the person on the terminal. `instead` says what to do where there is none.
pub fn agrees(info: &PurseInfo, request: &Signed<Request>, instead: &str) -> anyhow::Result<bool> {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask on; {instead}");
    }
    note!("Pay {}? [y/N]", payment(info, &request.body));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

pub fn pin(file: &PinFile) -> anyhow::Result<Zeroizing<String>> {
    match &file.pin_file {
        Some(path) => passphrase::first_line(path),
        None => passphrase::prompt("PIN: ", "there is no terminal to ask for the PIN; use --pin-file"),
    }
}

/// What the purse says, in its currency.
pub fn explain(purse: &Purse, error: ElementError) -> anyhow::Error {
    explained(&purse.info, purse.element.state().balance(), error)
}

pub fn explained(info: &PurseInfo, balance: Amount, error: ElementError) -> anyhow::Error {
    let refusal = match error {
        ElementError::Refused(refusal) => refusal,
        error @ ElementError::Commit(_) => return anyhow::Error::new(error).context("run the same command again"),
    };
    if let PurseRefusal::WrongPin(_) | PurseRefusal::PinBlocked = refusal {
        return Finding::WrongPin(refusal).into();
    }
    let money = |amount| money(info, amount);
    let over = |what: &str, given, max| anyhow::anyhow!("{} {what}, and at most {} may", money(given), money(max));
    let error = match refusal {
        PurseRefusal::OverLimit { limit, max, given } => {
            let what = match limit {
                PurseLimit::OwnPayment => "would be paid at once",
                PurseLimit::Balance => "would be in the purse",
                PurseLimit::Paid => "would have been paid since the last sync began to count",
                PurseLimit::Payer => "would come from this one payer",
            };
            over(what, given, max)
        }
        PurseRefusal::Refused(Refusal::OverLimit { limit, max, given }) => {
            let what = match limit {
                Limit::PayersPayment | Limit::Payment => "would be paid at once",
                Limit::PayeesBalance => "would be in the payee's purse",
            };
            over(what, given, max)
        }
        PurseRefusal::Refused(Refusal::AnotherAmount { asked, given }) => {
            anyhow::anyhow!("{} was asked for, and {} is given", money(asked), money(given))
        }
        PurseRefusal::Refused(Refusal::StaleList { hours, floor }) => anyhow::anyhow!(
            "the revocation list is {hours} hours old, too old for more than {}; sync the purse",
            money(floor)
        ),
        PurseRefusal::NoLots(asked) if asked > balance => {
            anyhow::anyhow!("the purse has {}, and {} is wanted", money(balance), money(asked))
        }
        PurseRefusal::NoLots(asked) => anyhow::anyhow!(
            "no four lots of {} travel in one bundle; a smaller amount may do",
            money(asked)
        ),
        refusal => refusal.into(),
    };
    Finding::PurseRefuses(error).into()
}

/// The request with this id, or beginning with these digits, of those that the purse has open or has answered.
pub fn find_request(purse: &Purse, text: &str) -> anyhow::Result<MessageId> {
    const DIGITS_MIN: usize = 8;
    let state = purse.element.state();
    let known = state.requests().iter().map(Signed::id);
    let known = known.chain(state.answers().iter().map(|it| it.request));
    let text = text.to_ascii_lowercase();
    let mut found = known.filter(|id| text.len() >= DIGITS_MIN && id.to_string().starts_with(&text));
    let id = found.next().with_context(|| {
        let text: String = text.chars().take(64).collect();
        format!(
            "purse {} has no request '{text}'; `causeway offline status {}` shows those that are open, of whose ids the \
             first {DIGITS_MIN} digits are enough",
            purse.place.name, purse.place.name
        )
    });
    let id = id.map_err(|error| anyhow::Error::from(Finding::BadInput(error)))?;
    if found.next().is_some() {
        return Err(Finding::BadInput(anyhow::anyhow!(
            "several requests begin with '{text}'; give more digits"
        ))
        .into());
    }
    Ok(id)
}
