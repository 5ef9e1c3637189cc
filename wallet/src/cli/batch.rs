//! `causeway pay --batch`.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

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

use super::{Finding, args::Pay, output, wallet::Wallet};

pub async fn pay(wallet: &Wallet, pay: Pay) -> anyhow::Result<()> {
    let Some(file) = pay.batch else {
        bail!("a file of payments is needed");
    };
    let home = wallet.home()?;
    let account = home.account(pay.from.as_deref())?;
    let client = Arc::new(home.client()?);
    let bytes = durable::read(&file, FILE_BYTES_MAX).map_err(|error| Finding::BadInput(error.into()))?;
    let contacts = home.contacts()?;
    let context = lines::Context {
        from: account.address.account,
        contacts: &contacts,
        exponents: &genesis_exponents(&home),
    };
    let parsed = read_lines(&bytes, context, &client)
        .await
        .with_context(|| file.display().to_string())?;
    report_bad(wallet, &parsed, pay.skip_bad)?;
    if let Some(folder) = &pay.receipts {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let binding = Binding {
        network: *client.genesis(),
        from: account.address,
        csv: hex::encode(file_hash(&bytes)),
    };
    let journal = Journal::open(&path_for(&file), &binding, &parsed.lines)?;
    let key = wallet.open_key(&home, &account.key)?;
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
                println!("{}", event_json(&event));
            }
        })
        .await;
    bar.finish_and_clear();
    let summary = summary?;
    home.keep_trust(&client)?;
    print_summary(wallet, &summary);
    let (lines, rejected) = (summary.lines, summary.rejected.values().sum());
    if let Some(failure) = summary.failure {
        return Err(anyhow::Error::new(failure).context(format!(
            "{} of {lines} payments are not finished; run the same command again to go on",
            summary.unfinished
        )));
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
            println!("{object}");
        } else {
            eprintln!("{bad}");
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
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} paid  {per_sec}  {eta} left")
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
        println!("{object}");
        return;
    }
    println!("{} of {} payments applied.", summary.applied, summary.lines);
    for (reason, count) in &summary.rejected {
        println!("{count} refused: {reason}");
    }
    if let (Some(p50), Some(p99)) = (percentile(50), percentile(99)) {
        println!("Final after {p50:.0} ms (median), {p99:.0} ms (99 of 100).");
    }
}

/// Milliseconds with their fraction.
fn millis(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 1e6).round() / 1e3
}
