//! What a contract is, in words.

use causeway_contracts::{
    settlement::{Payees, Side, Status, Terms, condition::Condition},
    statement::ContractView,
    transaction::UnixSeconds,
};
use causeway_wallet::client::ClientError;
use futures::{StreamExt, TryStreamExt, stream};

use super::{Desk, Which};
use crate::cli::{
    output::{self, say},
    wallet::exponent,
};

pub(super) async fn show(desk: &Desk<'_>, which: &Which) -> anyhow::Result<()> {
    let (view, _) = desk.view(which).await?;
    if desk.wallet.json {
        say!("{}", serde_json::to_value(&view)?);
        return Ok(());
    }
    for line in describe(desk, &view).await? {
        say!("{line}");
    }
    Ok(())
}

/// Contracts that are asked for at a time.
const AT_ONCE: usize = 8;

pub(super) async fn list(desk: &Desk<'_>, account: Option<&str>, ended: bool) -> anyhow::Result<()> {
    let own = desk.own(account)?;
    let key = desk.wallet.open_key(&desk.home, &own.key)?;
    let mut views = Vec::new();
    let mut after = None;
    loop {
        let page = desk.client.contracts(&own.address.account, after, &key).await?;
        let ids = page.contracts.to_vec();
        let asked = stream::iter(&ids).map(|id| async {
            match desk.client.contract(id, &key).await {
                // Forgotten by now: the key is told no more than a stranger's is.
                Err(ClientError::NotAllowed(_)) => Ok(None),
                other => other,
            }
        });
        let found: Vec<_> = asked.buffered(AT_ONCE).try_collect().await?;
        views.extend(found.into_iter().flatten());
        after = ids.last().copied();
        if !page.has_more || after.is_none() {
            break;
        }
    }
    views.retain(|view| ended || view.status == Status::Open);
    views.sort_by_key(|view| (view.opened_ms, view.id));
    if desk.wallet.json {
        say!("{}", serde_json::to_value(&views)?);
        return Ok(());
    }
    if views.is_empty() {
        say!(
            "No {}contracts concern {}.",
            if ended { "" } else { "open " },
            own.label
        );
    }
    for view in &views {
        // What it is, and its first term.
        for line in describe(desk, view).await?.iter().take(2) {
            say!("{line}");
        }
    }
    Ok(())
}

fn at(time: UnixSeconds) -> String {
    output::time(time.0)
}

async fn describe(desk: &Desk<'_>, view: &ContractView) -> anyhow::Result<Vec<String>> {
    let name = |id: causeway_contracts::identity::AccountId| id.address(desk.client.prefix());
    let status = match view.status {
        Status::Open => format!("open until {}", at(view.terms.expires_at())),
        Status::Ended { how, at_ms } => format!("{how} at {}", output::time(at_ms.0 / 1000)),
    };
    let mut lines = Vec::new();
    let kind = match &view.terms {
        Terms::Hold(hold) => {
            for leg in &hold.legs {
                let money = desk.money(leg.amount, leg.currency).await?;
                lines.push(format!("  {money} from {} to {}", name(leg.debtor), name(leg.creditor)));
            }
            for (who, parties) in [("post", &hold.post_by), ("void", &hold.void_by)] {
                let parties: Vec<_> = parties.iter().map(|id| name(*id).to_string()).collect();
                lines.push(format!("  may {who} it: {}", parties.join(", ")));
            }
            "hold"
        }
        Terms::Escrow(escrow) => {
            let money = desk.money(escrow.amount, escrow.currency).await?;
            lines.push(format!(
                "  {money} from {} to {}",
                name(escrow.payer),
                name(escrow.payee)
            ));
            lines.push(format!("  released when {}", condition(&escrow.release_when)));
            lines.push(format!("  refunded when {}", condition(&escrow.refund_when)));
            let end = match escrow.on_expiry {
                Side::Refund => "refunded",
                Side::Release => "released",
            };
            lines.push(format!("  else {end} at its end"));
            "escrow"
        }
        Terms::Allowance(allowance) => {
            let left = desk.money(allowance.budget, allowance.currency).await?;
            lines.push(format!(
                "  {left} of {} left for {}",
                name(allowance.grantor),
                name(allowance.holder)
            ));
            let to = match &allowance.payees {
                Payees::Accounts(list) => list
                    .iter()
                    .map(|id| name(*id).to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
                Payees::Categories(list) => list
                    .iter()
                    .map(|code| format!("category {:04}", code.0))
                    .collect::<Vec<_>>()
                    .join(", "),
                Payees::Operators(list) => list
                    .iter()
                    .map(|id| format!("customers of {id}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            lines.push(format!("  to be spent at {to}"));
            if let Some(max) = allowance.max_payment {
                let max = desk.money(max, allowance.currency).await?;
                lines.push(format!("  at most {max} at a time"));
            }
            "allowance"
        }
        Terms::Mandate(state) => {
            let mandate = &state.mandate;
            let most = desk.money(mandate.max_payment, mandate.currency).await?;
            let period = desk.money(mandate.max_per_period, mandate.currency).await?;
            lines.push(format!("  {} draws from {}", name(mandate.payee), name(mandate.payer)));
            lines.push(format!(
                "  at most {most} at a time, {period} in each {} s from {} on",
                mandate.period_seconds,
                at(mandate.starts_at)
            ));
            let drawn = desk.money(state.collected, mandate.currency).await?;
            lines.push(format!("  {drawn} drawn in period {}", state.period));
            "mandate"
        }
        Terms::Request(request) => {
            let money = desk.money(request.amount, request.currency).await?;
            let who = request.payer.map_or("anyone".to_owned(), |id| name(id).to_string());
            lines.push(format!("  {money} to {}, from {who}", name(request.payee)));
            if !request.reference.is_empty() {
                lines.push(format!("  reference: {}", request.reference.escape_debug()));
            }
            "request"
        }
        Terms::Cycle(state) => {
            let recorded = state.recorded;
            let (is_open, queued) = (view.status == Status::Open, state.queued);
            let became = if is_open { "wait" } else { "lapsed" };
            lines.push(format!("  {recorded} obligations, of which {queued} {became}"));
            for (currency, total) in state.cycle.currencies.iter().zip(&state.totals) {
                let (gross, paid) = (
                    desk.money(total.gross, *currency).await?,
                    desk.money(total.paid, *currency).await?,
                );
                lines.push(match is_open {
                    true => format!("  {gross} settled so far"),
                    false => format!("  {gross} settled, for which {paid} moved"),
                });
            }
            for position in &view.positions {
                let prefunded = desk.money(position.prefunded, position.currency).await?;
                let exponent = exponent(&desk.home, &desk.client, position.currency).await?;
                let net = output::balance(position.net, exponent, position.currency);
                let has = if is_open { "has" } else { "had" };
                lines.push(format!(
                    "  {} {has} {prefunded} set aside, net {net}",
                    name(position.account)
                ));
            }
            "cycle"
        }
        Terms::Offer(state) => {
            let offer = &state.offer;
            let left = desk.money(offer.amount, offer.sell).await?;
            lines.push(format!("  {} sells {left} for {}", name(offer.maker), offer.buy));
            lines.push(format!("  one {} for {} {} or more", offer.sell, offer.rate, offer.buy));
            "offer"
        }
        Terms::Quote(mark) => {
            lines.push(format!("  quote {} of {}", mark.id, name(mark.maker)));
            if let Some(fill) = &mark.fill {
                let sold = desk.money(fill.sold, fill.sell).await?;
                let bought = desk.money(fill.bought, fill.buy).await?;
                lines.push(format!(
                    "  {} sold {sold} for {bought} at {}",
                    name(fill.taker),
                    fill.rate
                ));
                if let Some(mid) = &fill.mid {
                    lines.push(format!("  reference rate {} as of {}", mid.rate, at(mid.as_of)));
                }
            }
            "quote"
        }
    };
    lines.insert(0, format!("{kind} {}  {status}", view.id));
    Ok(lines)
}

/// A condition in words.
fn condition(condition: &Condition) -> String {
    let all = |parts: &[Condition], word: &str| {
        let parts: Vec<_> = parts.iter().map(self::condition).collect();
        format!("({})", parts.join(word))
    };
    match condition {
        Condition::After(time) => format!("it is {} or later", at(*time)),
        Condition::Before(time) => format!("it is before {}", at(*time)),
        Condition::SignedBy { keys, threshold } => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            format!("{threshold} of these sign: {}", keys.join(", "))
        }
        Condition::Preimage(hash) => format!("a secret with SHA-256 {hash} is shown"),
        Condition::Revealed(secret) => format!("the secret {secret} was shown"),
        Condition::All(parts) => all(parts, " and "),
        Condition::Any(parts) => all(parts, " or "),
        Condition::AtLeast { count, of } => format!("at least {count} of {}", all(of, ", ")),
    }
}
