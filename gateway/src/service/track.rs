//! The page on which whoever has its address follows a remittance: no names in full, no scripts, nothing loaded from
//! elsewhere, and nobody told where one came from.

use crate::{
    aliases::masked,
    money::{DigitsUnknown, Exponents, Money},
    remittance::{
        Moment, Remittance,
        state::{Side, State},
    },
};

use super::time::rfc3339;

/// What a page that is open for a while asks again.
const REFRESH_SECONDS: u32 = 3;

/// Styles are in the page itself; nothing else is.
pub const SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#14213d;--soft:#5b6478;--line:#d9dee8;--card:#fff;--ground:#f3f5f9;--good:#0b6e4f;--bad:#a4343a;--wait:#8a5a00}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf4;--soft:#9aa5ba;--line:#2b3448;--card:#182033;--ground:#0e1421;--good:#4cc38a;--bad:#ff8f8f;--wait:#f0b95b}}\
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,-apple-system,sans-serif;color:var(--ink);background:var(--ground)}\
main{max-width:40rem;margin:0 auto;padding:1.5rem 1rem 3rem}.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.25rem 1.4rem;margin:0 0 1rem}\
h1{font-size:1.05rem;font-weight:600;margin:0 0 1rem;color:var(--soft)}h2{font-size:.95rem;margin:0 0 .6rem;color:var(--soft);font-weight:600}\
.sum{font-size:2rem;font-weight:650;letter-spacing:-.01em;line-height:1.2;margin:0}.to{color:var(--soft);margin:.2rem 0 0}\
.state{display:inline-block;margin:.9rem 0 0;padding:.2rem .7rem;border-radius:99px;border:1px solid currentColor;font-weight:600;font-size:.9rem}\
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1.2rem;margin:0}dt{color:var(--soft)}dd{margin:0;text-align:right;overflow-wrap:anywhere}\
ol{list-style:none;margin:0;padding:0}li{position:relative;padding:0 0 1rem 1.5rem}li:last-child{padding-bottom:0}\
li::before{content:'';position:absolute;left:.25rem;top:.5rem;width:.6rem;height:.6rem;border-radius:50%;background:var(--soft)}\
li::after{content:'';position:absolute;left:.52rem;top:1.2rem;bottom:-.4rem;width:1px;background:var(--line)}li:last-child::after{display:none}\
li:last-child::before{background:currentColor}li small{display:block;color:var(--soft)}code{font:13px ui-monospace,monospace}\
a{color:inherit}p.note{color:var(--soft);font-size:.9rem;margin:.8rem 0 0}";

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn page(title: &str, refresh: bool, content: &str) -> String {
    let refresh = match refresh {
        true => refresh_tag(),
        false => String::new(),
    };
    document(title, &refresh, content)
}

/// Without a script: the page asks for itself again.
pub(super) fn refresh_tag() -> String {
    format!("<meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">")
}

/// `head`: more for the head of the page, in HTML.
pub(super) fn document(title: &str, head: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta name=\"robots\" content=\"noindex\">{head}<title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{content}</main></body></html>"
    )
}

/// Nobody learns whether an address was ever good.
pub fn unknown() -> String {
    page(
        "Not found",
        false,
        "<div class=\"card\"><h1>Nothing is followed here</h1><p>The address is not complete, or not right. Ask whoever \
         sent it to you for it once more.</p></div>",
    )
}

/// What a person calls it, and whether it is good, bad or still to come.
fn told(state: State, held_by: Option<Side>) -> (&'static str, &'static str) {
    match state {
        State::AwaitingFunds => ("Waiting for the money", "wait"),
        State::ComplianceHold => match held_by {
            Some(Side::Beneficiary) => ("Being checked by the beneficiary's bank", "wait"),
            _ => ("Being checked by the sender's bank", "wait"),
        },
        State::Reserved => ("Reserved", "wait"),
        State::InfoRequired => ("The beneficiary's bank has a question", "wait"),
        State::PayingOut => ("Being paid out", "wait"),
        State::Completed => ("Completed", "good"),
        State::Returned => ("Sent back", "bad"),
        State::Cancelled => ("Cancelled", "bad"),
        State::Expired => ("Expired", "bad"),
        State::Failed => ("Not sent", "bad"),
        State::Refunded => ("Refused, and given back whole", "bad"),
    }
}

fn amount(money: &Money) -> String {
    escaped(&format!("{} {}", money.value, money.currency))
}

/// `token`: the last part of the page's own address.
///
/// # Errors
/// A fee is of a currency that is not known here yet.
pub fn remittance(remittance: &Remittance, exponents: &Exponents, token: &str) -> Result<String, DigitsUnknown> {
    let order = &remittance.order;
    let (state, class) = told(remittance.state(), remittance.standing.held_by);
    let maker_fee = remittance
        .quote
        .as_ref()
        .map(|quote| quote.signed.quote.fee)
        .unwrap_or_default();
    let mut rows = vec![
        (
            "From",
            format!("{} ({})", masked(&order.sender.name), order.sender_operator),
        ),
        (
            "To",
            format!("{} ({})", masked(&order.beneficiary.name), order.beneficiary_operator),
        ),
        ("Exchanged", amount(&order.source)),
    ];
    for (name, fee) in [("Provider's fee", maker_fee), ("Bank's fee", remittance.fee)] {
        if !fee.is_zero() {
            rows.push((name, amount(&exponents.write(fee, order.source.currency)?)));
        }
    }
    if let Some(quote) = &remittance.quote {
        let rate = format!(
            "1 {} = {} {}",
            order.source.currency, quote.signed.quote.rate, order.target.currency
        );
        rows.push(("Rate", rate));
    }
    rows.push(("Reference (UETR)", order.uetr.clone()));
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value)))
        .collect();
    let last = remittance.timeline.len().saturating_sub(1);
    let moments: String = remittance
        .timeline
        .iter()
        .enumerate()
        .map(|(at, moment)| step(moment, at == last))
        .collect();
    let proof = match remittance.state() {
        State::Completed if remittance.ledger.posting.is_some() => format!(
            "<div class=\"card\"><h2>Proof</h2><a href=\"/track/{}/proof\" download=\"proof.json\">Download the proof</a>\
             <p class=\"note\">It shows that the payment is final, and <code>causeway verify</code> checks it without \
             believing anybody.</p></div>",
            escaped(token)
        ),
        _ => String::new(),
    };
    let content = format!(
        "<h1>Remittance</h1><div class=\"card\"><p class=\"sum\">{}</p><p class=\"to\">for {}</p>\
         <span class=\"state {class}\" role=\"status\">{state}</span></div>\
         <div class=\"card\"><h2>What has happened</h2><ol>{moments}</ol></div>\
         <div class=\"card\"><h2>Details</h2><dl>{rows}</dl></div>{proof}",
        amount(&order.target),
        escaped(&masked(&order.beneficiary.name)),
    );
    let title = format!("{state} · remittance");
    Ok(page(&title, !remittance.state().is_end(), &content))
}

fn step(moment: &Moment, is_last: bool) -> String {
    let (state, class) = told(moment.state, moment.held_by);
    let class = if is_last {
        format!(" class=\"{class}\"")
    } else {
        String::new()
    };
    let block = moment
        .height
        .map_or_else(String::new, |height| format!(", final in block {height}"));
    let at = rfc3339(moment.at_ms);
    format!(
        "<li{class}>{state}<small><time datetime=\"{at}\">{} {} UTC</time>{block}</small></li>",
        &at[..10],
        &at[11..19],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_be_markup() {
        assert_eq!(escaped("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
    }

    #[test]
    fn every_state_has_words() {
        for state in State::ALL {
            let (words, class) = told(state, None);
            let expected = match state {
                State::Completed => "good",
                state if state.is_end() => "bad",
                _ => "wait",
            };
            assert!(!words.is_empty());
            assert_eq!(class, expected, "{state}");
        }
    }
}
