//! Quotes, exchange by them, and reference rates.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use causeway_contracts::{
    codec::Bounded,
    money::text::parse_amount,
    settlement::{
        Exchange, ExchangeAmount, HeldExchange, Quote, QuoteId, RATE_SCALE_MAX, Rate, SettlementAction, SignedQuote,
    },
    transaction::UnixSeconds,
};
use causeway_wallet::{
    client::maker::{Money, QuoteRequest},
    clock, durable,
};
use serde_json::json;

use super::{Desk, from_now, is_applied};
use crate::cli::{
    args::settlement::{self as args, AskQuote, MakeQuote, QuoteCommand, RateCommand},
    output::{self, note, say},
    wallet::{Wallet, exponent},
};

/// A quote in JSON has less than 3 KiB.
const QUOTE_FILE_MAX: u64 = 16 * 1024;

fn read_quote(path: &Path) -> anyhow::Result<SignedQuote> {
    let bytes = durable::read(path, QUOTE_FILE_MAX)?;
    let quote: SignedQuote =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is not a quote", path.display()))?;
    quote.check()?;
    Ok(quote)
}

pub async fn quote(wallet: &Wallet, command: QuoteCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        QuoteCommand::Make(make) => self::make(&desk, make).await,
        QuoteCommand::Ask(ask) => self::ask(&desk, ask).await,
        QuoteCommand::Show { file } => show(&desk, &read_quote(&file)?).await,
        QuoteCommand::Withdraw { file } => {
            let Quote { id, maker, .. } = read_quote(&file)?.quote;
            let accounts = desk.home.accounts()?;
            let Some(by) = accounts.into_iter().find(|entry| entry.address.account == maker) else {
                bail!("the quote's maker is no account of this wallet");
            };
            let action = SettlementAction::WithdrawQuote { maker, id };
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Withdrawn", &format!("quote {id}")])
        }
    }
}

async fn ask(desk: &Desk<'_>, ask: AskQuote) -> anyhow::Result<()> {
    let from = desk.own(ask.from.as_deref())?;
    let (sell, buy) = (ask.sell, ask.buy);
    let (sold_exponent, bought_exponent) = (desk.exponent(sell).await?, desk.exponent(buy).await?);
    let (code, exponent) = if ask.deliver {
        (buy, bought_exponent)
    } else {
        (sell, sold_exponent)
    };
    let amount = parse_amount(&ask.amount, exponent)?;
    let request = QuoteRequest {
        taker: from.address,
        sell,
        buy,
        amount: Money {
            value: ask.amount,
            currency: code,
        },
    };
    let answer = desk.client.quote(&ask.maker, &request).await?;
    let signed = answer.quote;
    signed.check()?;
    let quote = &signed.quote;
    let sides = match ask.deliver {
        true => quote
            .rate
            .sold(amount, sold_exponent, bought_exponent)
            .zip(Some(amount)),
        false => Some(amount).zip(quote.rate.bought(amount, sold_exponent, bought_exponent)),
    };
    let sides = sides.filter(|(sold, _)| (quote.min..=quote.max).contains(sold));
    let is_asked_for = (quote.sell, quote.buy, quote.taker) == (sell, buy, Some(from.address.account));
    let (sold, bought) = sides
        .filter(|_| is_asked_for)
        .context("the maker has quoted something else than was asked for")?;
    keep(desk, &signed, &ask.out).await?;
    if !desk.wallet.json {
        let paid = sold.checked_add(quote.fee).context("the fee is more than anyone has")?;
        say!(
            "{} with the fee, for {}: {} below the reference rate that the maker names, {}.",
            output::money(paid, sold_exponent, sell),
            output::money(bought, bought_exponent, buy),
            below(&quote.rate, &answer.mid),
            answer.mid
        );
    }
    Ok(())
}

/// By how much a rate is below another.
fn below(rate: &Rate, mid: &Rate) -> String {
    let exact = |rate: &Rate| i128::from(rate.mantissa) * 10_i128.pow(u32::from(RATE_SCALE_MAX - rate.scale));
    let (rate, mid) = (exact(rate), exact(mid));
    let hundredths = (mid - rate) * 1_000_000 / mid;
    format!("{}.{:02} basis points", hundredths / 100, (hundredths % 100).abs())
}

/// Writes a quote to a file, and shows it.
async fn keep(desk: &Desk<'_>, signed: &SignedQuote, out: &Path) -> anyhow::Result<()> {
    // Not one that is worth nothing.
    show(desk, signed).await?;
    let mut text = serde_json::to_vec_pretty(signed)?;
    text.push(b'\n');
    durable::replace(out, &text)?;
    if !desk.wallet.json {
        say!("It is in {}.", out.display());
    }
    Ok(())
}

async fn make(desk: &Desk<'_>, make: MakeQuote) -> anyhow::Result<()> {
    let maker = desk.own(make.maker.as_deref())?;
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    let hold_seconds_max = match make.hold_for {
        Some(span) => u32::try_from(span.0).context("that is too long a hold")?,
        None => 0,
    };
    let quote = Quote {
        genesis: desk.client.genesis().prefix(),
        id: QuoteId(id),
        maker: maker.address.account,
        taker: make.taker.map(|taker| desk.party(&taker)).transpose()?,
        sell: make.sell,
        buy: make.buy,
        rate: make.rate,
        min: desk.amount(&make.min, make.sell).await?,
        max: desk.amount(&make.max, make.sell).await?,
        fee: desk.amount(&make.fee, make.sell).await?,
        expires_at: from_now(make.expires_in),
        hold_seconds_max,
    };
    let key = desk.wallet.open_key(&desk.home, &maker.key)?;
    let signed = quote.sign([&key])?;
    keep(desk, &signed, &make.out).await
}

/// Also whether it is one: its signatures fit it, and it is for this network. Whether the keys are the maker's shows when
/// it is used.
async fn show(desk: &Desk<'_>, signed: &SignedQuote) -> anyhow::Result<()> {
    let quote = &signed.quote;
    if desk.wallet.json {
        say!("{}", serde_json::to_value(signed)?);
    } else {
        let name = |id: causeway_contracts::identity::AccountId| id.address(desk.client.prefix());
        say!("quote {}  by {}", quote.id, name(quote.maker));
        say!("  one {} for {} {}", quote.sell, quote.rate, quote.buy);
        say!(
            "  from {} to {}, fee {}",
            desk.money(quote.min, quote.sell).await?,
            desk.money(quote.max, quote.sell).await?,
            desk.money(quote.fee, quote.sell).await?
        );
        let whom = quote
            .taker
            .map_or("whoever has it".to_owned(), |id| name(id).to_string());
        say!("  for {whom}, until {}", output::time(quote.expires_at.0));
        if quote.hold_seconds_max > 0 {
            say!("  may be held for {} s", quote.hold_seconds_max);
        }
    }
    ensure!(
        quote.genesis == desk.client.genesis().prefix(),
        "it is a quote of another network"
    );
    let hash = quote.hash();
    ensure!(
        signed.signed(&hash).all(|signature| signature.verify().is_ok()),
        "its signatures do not fit it: it is worth nothing"
    );
    if quote.expires_at.0 <= clock::now_ms().0 / 1000 {
        note!("Its time is over.");
    }
    Ok(())
}

pub async fn exchange(wallet: &Wallet, args: args::Exchange) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    let from = desk.own(args.from.as_deref())?;
    let signed = read_quote(&args.quote)?;
    let quote = signed.quote.clone();
    let (sold_exponent, bought_exponent) = (
        exponent(&desk.home, &desk.client, quote.sell).await?,
        exponent(&desk.home, &desk.client, quote.buy).await?,
    );
    let (amount, sides) = if args.deliver {
        let bought = desk.amount(&args.amount, quote.buy).await?;
        let sold = quote.rate.sold(bought, sold_exponent, bought_exponent);
        (ExchangeAmount::Deliver(bought), sold.zip(Some(bought)))
    } else {
        let sold = desk.amount(&args.amount, quote.sell).await?;
        let bought = quote.rate.bought(sold, sold_exponent, bought_exponent);
        (ExchangeAmount::Send(sold), Some(sold).zip(bought))
    };
    let (sold, bought) = sides.context("the amount is too large to be exchanged at this rate")?;
    let what = format!(
        "{} for {}, fee {}",
        desk.money(sold, quote.sell).await?,
        desk.money(bought, quote.buy).await?,
        desk.money(quote.fee, quote.sell).await?
    );
    let held = match args.hold_for.zip(args.deliver_to) {
        None => None,
        Some((span, to)) => {
            let deliver_to = desk.party(&to)?;
            let only = |id| Bounded::new(vec![id]).expect("one");
            Some(HeldExchange {
                deliver_to,
                post_by: only(deliver_to),
                void_by: only(from.address.account),
                expires_at: from_now(span),
                fees: Bounded::default(),
            })
        }
    };
    let is_held = held.is_some();
    let exchange = Exchange {
        quote: signed,
        taker: from.address.account,
        amount,
        held,
    };
    let done = desk.act(&from, SettlementAction::Exchange(Box::new(exchange))).await?;
    if is_held && is_applied(&done) {
        return desk.opened(&done, ["Held", &what]);
    }
    desk.done(&done, ["Exchanged", &what])
}

pub async fn rate(wallet: &Wallet, command: RateCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        RateCommand::Show { from, to } => {
            let known = desk.client.reference_rate(from, to).await?;
            let known = known.with_context(|| format!("the issuer of {from} has made known no rate to {to}"))?;
            if wallet.json {
                say!("{}", json!({ "from": from, "to": to, "rate": known }));
                return Ok(());
            }
            say!(
                "one {from} for {} {to}, as of {}",
                known.rate,
                output::time(known.as_of.0)
            );
            Ok(())
        }
        RateCommand::Set { from, to, rate, key } => {
            ensure!(from != to, "a rate is between two currencies");
            let key = wallet.open_key(&desk.home, &key)?;
            let action = SettlementAction::SetReferenceRate {
                from,
                to,
                rate,
                // Clocks differ, and it must not be after the block's time.
                as_of: UnixSeconds((clock::now_ms().0 / 1000).saturating_sub(5)),
            };
            let done = desk
                .carry_out(std::slice::from_ref(&key), action, String::new())
                .await?;
            desk.done(&done, ["Made known", &format!("one {from} for {rate} {to}")])
        }
    }
}
