//! `causeway offline sync`.

use anyhow::{Context, bail};
use causeway_contracts::{
    money::Amount,
    offline::{
        message::Message,
        messages::{Certificate, SyncAnswer},
        signed::Signed,
    },
};
use causeway_wallet::offline::{
    issuer::client::{ANSWER_BYTES_MAX, IssuerClient},
    purses::Purse,
};
use serde_json::json;

use super::{
    super::{
        output::{self, say},
        wallet::Wallet,
    },
    desk,
};

/// What the service answers.
struct Answer {
    answer: Signed<SyncAnswer>,
    certificate: Signed<Certificate>,
    news: Vec<Message>,
}

pub async fn sync(wallet: &Wallet, name: &str) -> anyhow::Result<()> {
    let mut purse = desk::open(wallet, name)?;
    let before = purse.element.state().balance();
    let issuer = IssuerClient::new(&purse.info.issuer)?;
    let upload = purse.element.run(|state| state.sync_upload());
    let upload = upload.map_err(|error| desk::explain(&purse, error))?;
    let mut bytes = upload.upload.to_bytes();
    bytes.extend(Message::concatenate(&upload.messages));
    let answer = issuer.sync(purse.info.purse, &bytes).await?;
    let Answer {
        answer,
        certificate,
        news,
    } = read(&answer).context("what the issuer's service answers")?;
    let settled = answer.body.settled.len();
    let taken = purse.element.run(|state| state.sync_answer(&answer, &certificate));
    taken.map_err(|error| desk::explain(&purse, error))?;
    // The outcomes and the certificate are the purse's by now; what is wrong with the news is no failure of it.
    if let Err(error) = purse.news.hear(&mut purse.element, news) {
        output::warning(
            wallet.json,
            format_args!("the purse does not take the issuer's news: {error}"),
        );
    }
    tell(wallet, &purse, before, settled);
    Ok(())
}

/// SYNC, BEACON, RL deltas, CERT.
fn read(bytes: &[u8]) -> anyhow::Result<Answer> {
    let (mut answer, mut certificate, mut news) = (None, None, Vec::new());
    for message in Message::read_all(bytes, ANSWER_BYTES_MAX)? {
        match message {
            Message::SyncAnswer(signed) => answer = Some(signed),
            Message::Certificate(signed) => certificate = Some(signed),
            message @ (Message::Beacon(_) | Message::RevocationDelta(_)) => news.push(message),
            other => bail!("it has {}, which is no part of an answer", other.id()),
        }
    }
    Ok(Answer {
        answer: answer.context("it has no SYNC")?,
        certificate: certificate.context("it has no CERT")?,
        news,
    })
}

fn tell(wallet: &Wallet, purse: &Purse, before: Amount, settled: usize) {
    let state = purse.element.state();
    let (balance, own) = (state.balance(), &state.certificate().body);
    let returned = Amount(balance.0.saturating_sub(before.0));
    if wallet.json {
        let object = json!({
            "purse": purse.info.purse,
            "settled": settled,
            "returned": returned,
            "balance": balance,
            "serial": own.serial,
            "epoch": state.counters().epoch,
            "list_version": state.revoked().version(),
        });
        say!("{object}");
        return;
    }
    let money = |amount| desk::money(&purse.info, amount);
    say!(
        "{settled} payments and redemptions have their outcome; the purse has {}.",
        money(balance)
    );
    if !returned.is_zero() {
        say!("{} of it came back.", money(returned));
    }
    say!(
        "Certificate {} is the purse's now; it may pay {} until the next sync.",
        own.serial,
        money(Amount(own.paid_max.0.saturating_sub(state.counters().paid.0)))
    );
}
