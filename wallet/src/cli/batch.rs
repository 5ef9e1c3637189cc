//! `causeway pay --batch`.

use std::{collections::BTreeMap, fs, os::unix::fs::DirBuilderExt, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use causeway_contracts::{ledger::receipt::Outcome, money::Currency};
use causeway_wallet::{
    batch::{
        journal::{Binding, Journal, path_for},
        lines::{self, FILE_BYTES_MAX, Parsed, file_hash},
        run::{Event, Options, Run, Summary},
    },
    client::Client,
    durable,
    home::Home,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{
    Finding,
    args::Pay,
    output::{self, note, say},
    teller,
    wallet::Wallet,
};

pub async fn pay(wallet: &Wallet, pay: Pay) -> anyhow::Result<()> {
    let Some(file) = pay.batch else {
        bail!("a file of payments is needed");
    };
    let home = wallet.home()?;
    let account = home.account(pay.from.as_deref())?;
    let client = match pay.receipts {
        Some(_) => home.client()?,
        None => home.client()?.with_short_proofs(),
    };
    let client = Arc::new(client);
    let bytes = durable::read(&file, FILE_BYTES_MAX).map_err(|error| Finding::BadInput(error.into()))?;
    let contacts = home.contacts()?;
    let context = lines::Context {
        from: account.address.account,
        contacts: &contacts,
        exponents: &genesis_exponents(&home),
    };
    let journal_path = path_for(&file);
    let parsed = match read_lines(&bytes, context, &client).await {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = error.context(file.display().to_string());
            let begun = fs::metadata(&journal_path).is_ok_and(|journal| journal.len() > 0);
            return Err(match begun {
                true => Finding::Begun(error).into(),
                false => error,
            });
        }
    };
    report_bad(wallet, &parsed, pay.skip_bad)?;
    if let Some(folder) = &pay.receipts {
        // What is in it tells whom the account pays.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let binding = Binding {
        network: *client.genesis(),
        from: account.address,
        csv: hex::encode(file_hash(&bytes)),
    };
    let journal = Journal::open(&journal_path, &binding, &parsed.lines)?;
    let key = wallet.open_key(&home, &account.key)?;
    client.check_trust()?;
    let options = Options {
        rate: pay.rate,
        receipts: pay.receipts,
    };
    let bar = progress_bar(parsed.lines.len() as u64);
    let run = Run::new(client.clone(), &key, &parsed.lines, journal, options);
    let summary = run
        .run(|event| {
            if matches!(event, Event::Finished { .. }) {
                bar.inc(1);
            }
            if wallet.json {
                say!("{}", event_json(&event));
            } else if let Some(text) = event_text(&event) {
                bar.suspend(|| note!("{text}"));
            }
        })
        .await;
    bar.finish_and_clear();
    let summary = summary?;
    teller::keep_trust(wallet, &home, &client);
    print_summary(wallet, &summary);
    let (lines, rejected) = (summary.lines, summary.rejected.values().sum());
    if let Some(source) = summary.failure {
        return Err(Finding::Unfinished {
            unfinished: summary.unfinished,
            lines,
            sent: summary.sent,
            source,
        }
        .into());
    }
    if rejected > 0 {
        return Err(Finding::SomeRejected { rejected, lines }.into());
    }
    Ok(())
}

fn genesis_exponents(home: &Home) -> BTreeMap<Currency, u8> {
    let currencies = home.genesis().currencies.iter();
    currencies.map(|record| (record.code, record.exponent)).collect()
}

/// Reads the lines; if they name currencies that the genesis file does not, asks the validators.
async fn read_lines(bytes: &[u8], context: lines::Context<'_>, client: &Client) -> anyhow::Result<Parsed> {
    let parsed = lines::parse(bytes, &context)?;
    let unknown = parsed.unknown_currencies();
    if unknown.is_empty() {
        return Ok(parsed);
    }
    let mut exponents = context.exponents.clone();
    for code in unknown {
        if let Some(record) = client.currency(code).await? {
            exponents.insert(code, record.exponent);
        }
    }
    let context = lines::Context {
        exponents: &exponents,
        ..context
    };
    Ok(lines::parse(bytes, &context)?)
}

/// Every bad line, then whether to go on.
fn report_bad(wallet: &Wallet, parsed: &Parsed, skip_bad: bool) -> anyhow::Result<()> {
    for bad in &parsed.bad {
        if wallet.json {
            let object = json!({ "line": bad.number, "outcome": "bad", "reason": bad.reason.to_string() });
            say!("{object}");
        } else {
            note!("{bad}");
        }
    }
    let (bad, lines) = (parsed.bad.len(), parsed.bad.len() + parsed.lines.len());
    if bad > 0 && (!skip_bad || parsed.lines.is_empty()) {
        return Err(Finding::BadLines { bad, lines }.into());
    }
    Ok(())
}

/// On the terminal only.
fn progress_bar(lines: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} final  {per_sec}  {eta} left")
        .expect("the template is a constant that has been tried");
    ProgressBar::new(lines).with_style(style)
}

fn event_json(event: &Event) -> Value {
    match event {
        Event::Finished {
            line,
            id,
            height,
            outcome,
            latency,
        } => {
            let mut object = json!({
                "line": line,
                "id": id,
                "outcome": output::outcome_word(*outcome),
                "height": height,
                "latency_ms": latency.map(millis),
            });
            if let Outcome::Rejected { reason, .. } = outcome {
                object["reason"] = Value::String(output::reason_word(*reason));
            }
            object
        }
        Event::Unfinished { line, id, error } => {
            json!({ "line": line, "id": id, "outcome": "unknown", "reason": error.to_string() })
        }
    }
}

/// What is to be told of a line: nothing of one that is paid.
fn event_text(event: &Event) -> Option<String> {
    match event {
        Event::Finished {
            line,
            outcome: Outcome::Rejected { reason, .. },
            ..
        } => Some(format!("line {line}: refused: {reason}")),
        Event::Finished { .. } => None,
        Event::Unfinished { line, error, .. } => Some(format!("line {line}: not finished: {error}")),
    }
}

fn print_summary(wallet: &Wallet, summary: &Summary) {
    let percentile = |percent| summary.percentile(percent).map(millis);
    if wallet.json {
        let rejected: BTreeMap<_, _> = summary
            .rejected
            .iter()
            .map(|(reason, count)| (output::reason_word(*reason), count))
            .collect();
        let object = json!({ "summary": {
            "lines": summary.lines,
            "applied": summary.applied,
            "rejected": rejected,
            "unfinished": summary.unfinished,
            "latency_ms": { "p50": percentile(50), "p99": percentile(99) },
        }});
        say!("{object}");
        return;
    }
    say!("{} of {} payments applied.", summary.applied, summary.lines);
    for (reason, count) in &summary.rejected {
        say!("{count} refused: {reason}");
    }
    if let (Some(p50), Some(p99)) = (percentile(50), percentile(99)) {
        say!("Final after {p50:.0} ms (median), {p99:.0} ms (99 of 100).");
    }
}

/// Milliseconds with their fraction.
fn millis(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 1e6).round() / 1e3
}
