//! The page on which an order is paid: what it is for, how to pay it, and whether it is paid. It loads nothing from
//! elsewhere. With its own script it counts down and sees changes at once; without scripts it asks again by itself.

use super::{
    records::merchants::Merchant,
    time::rfc3339,
    track::{document, escaped, refresh_tag},
};
use crate::{
    acquiring::order::{Order, State},
    money::Money,
};

/// The page's own script alone may run, and ask this gateway alone.
pub fn security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Of what only this page has. On a phone, names are above what they name, so that memos and ids are in one piece.
const STYLE: &str = "\
.code{background:#fff;border-radius:8px;max-width:20rem;margin:0 auto 1rem}.code svg{display:block;width:100%;height:auto}\
time{white-space:nowrap}@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{text-align:left;margin:0 0 .6rem}}";

/// Sees by server-sent events that there is news, and asks for the page again, which says what.
const SCRIPT: &str = "\
(()=>{const page=document.getElementById('order'),left=document.getElementById('left');\
const ends=Number(page.dataset.ends),offset=Number(page.dataset.now)-Date.now();\
const tick=()=>{if(!left)return;const s=Math.max(0,Math.ceil((ends-Date.now()-offset)/1000));\
const pad=n=>String(n).padStart(2,'0');left.textContent=s>=3600?`${Math.floor(s/3600)}:${pad(Math.floor(s/60)%60)}:${pad(s%60)}`:`${Math.floor(s/60)}:${pad(s%60)}`};\
tick();setInterval(tick,1000);if(page.dataset.live!=='yes')return;\
const again=()=>setTimeout(()=>location.reload(),3000);\
const events=new EventSource(location.pathname.replace(/\\/$/,'')+'/events');let failed=0;\
events.addEventListener('order',event=>{failed=0;if(JSON.parse(event.data).version!==Number(page.dataset.version)){events.close();location.reload()}});\
events.onerror=()=>{if(events.readyState===EventSource.CLOSED||++failed>3){events.close();again()}}})();";

/// What the page shows.
pub struct Shown<'a> {
    pub order: &'a Order,
    pub merchant: &'a Merchant,
    pub amount: &'a Money,
    pub refunded: &'a Money,
    pub pay_to: &'a str,
    /// Its payment code in SVG, if there is one.
    pub code: Option<&'a str>,
    /// The last part of the page's own address.
    pub token: &'a str,
    pub nonce: &'a str,
    pub now_ms: u64,
}

/// Nobody learns whether an address was ever good.
pub fn unknown() -> String {
    document(
        "Not found",
        "",
        "<div class=\"card\"><h1>There is no order here</h1><p>The address is not complete, or not right. Ask whoever \
         sent it to you for it once more.</p></div>",
    )
}

/// What a person calls it, and whether it is good, bad or still to come.
fn told(state: State) -> (&'static str, &'static str) {
    match state {
        State::Created => ("Waiting for the payment", "wait"),
        State::Authorized => ("Reserved", "wait"),
        State::Paid => ("Paid", "good"),
        State::PartiallyRefunded => ("Paid, and refunded in part", "good"),
        State::Refunded => ("Refunded", "bad"),
        State::Reversed => ("Taken back by the card's issuer", "bad"),
        State::Cancelled => ("Cancelled", "bad"),
        State::Expired => ("Expired", "bad"),
        State::Voided => ("Not taken", "bad"),
    }
}

fn money(money: &Money) -> String {
    escaped(&format!("{} {}", money.value, money.currency))
}

fn time(ms: u64) -> String {
    let at = rfc3339(ms);
    format!("<time datetime=\"{at}\">{} {} UTC</time>", &at[..10], &at[11..19])
}

pub fn order(shown: &Shown<'_>) -> String {
    let Shown { order, merchant, .. } = shown;
    let (state, class) = told(order.state);
    let is_live = !order.state.is_settled();
    let description = order
        .description
        .as_deref()
        .map_or_else(String::new, |text| format!("<p class=\"note\">{}</p>", escaped(text)));
    let content = format!(
        "<h1>{merchant}</h1><div id=\"order\" class=\"card\" data-version=\"{version}\" data-live=\"{live}\" \
         data-ends=\"{ends}\" data-now=\"{now}\"><p class=\"sum\">{amount}</p><p class=\"to\">to {merchant}, {city}</p>\
         {description}<span class=\"state {class}\" role=\"status\">{state}</span></div>{how}{rows}{receipt}\
         <script nonce=\"{nonce}\">{SCRIPT}</script>",
        merchant = escaped(&merchant.body.name),
        version = order.version,
        live = if is_live { "yes" } else { "no" },
        ends = order.expires_ms,
        now = shown.now_ms,
        amount = money(shown.amount),
        city = escaped(&merchant.body.city),
        how = how_to_pay(shown),
        rows = details(shown),
        receipt = receipt(shown),
        nonce = escaped(shown.nonce),
    );
    let refresh = match is_live {
        true => format!("<noscript>{}</noscript>", refresh_tag()),
        false => String::new(),
    };
    let head = format!("<style>{STYLE}</style>{refresh}");
    document(&format!("{state} · {}", escaped(&merchant.body.name)), &head, &content)
}

fn how_to_pay(shown: &Shown<'_>) -> String {
    if shown.order.state != State::Created {
        return String::new();
    }
    if shown.merchant.suspended {
        return "<div class=\"card\"><p>The merchant cannot be paid at present. Do not pay this order.</p></div>"
            .to_owned();
    }
    format!(
        "<div class=\"card\"><h2>Pay with your wallet</h2>{code}<dl><dt>Pay to</dt><dd><code>{}</code></dd>\
         <dt>Memo</dt><dd><code>{}</code></dd><dt>Time left</dt><dd><span id=\"left\"></span> until {}</dd></dl>\
         <p class=\"note\">Send just this amount. What comes later, twice or in another amount is sent back.</p></div>",
        escaped(shown.pay_to),
        escaped(&super::orders::memo(&shown.order.id)),
        time(shown.order.expires_ms),
        code = code(shown),
    )
}

/// Black on white in dark mode too, since many wallets read no code that is the other way round.
fn code(shown: &Shown<'_>) -> String {
    shown.code.map_or_else(String::new, |svg| {
        format!("<div class=\"code\" role=\"img\" aria-label=\"The payment code of this order\">{svg}</div>")
    })
}

fn details(shown: &Shown<'_>) -> String {
    let order = shown.order;
    let mut rows = Vec::new();
    if let Some(reference) = &order.reference {
        rows.push(("Reference", escaped(reference)));
    }
    rows.push(("Order", escaped(&order.id)));
    if let Some(payment) = order.payment.filter(|_| order.state.is_settled()) {
        rows.push(("Paid", time(payment.time_ms)));
        if payment.amount != order.amount {
            rows.push(("Charged", money(&order.money(payment.amount))));
        }
        rows.push(("Final in block", payment.height.to_string()));
        rows.push(("Transaction", format!("<code>{}</code>", payment.transaction)));
    }
    if !order.refunded.is_zero() {
        rows.push(("Refunded", money(shown.refunded)));
    }
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>"))
        .collect();
    format!("<div class=\"card\"><h2>Details</h2><dl>{rows}</dl></div>")
}

fn receipt(shown: &Shown<'_>) -> String {
    if shown.order.payment.is_none() || !shown.order.state.is_settled() {
        return String::new();
    }
    format!(
        "<div class=\"card\"><h2>Receipt</h2><a href=\"/checkout/{}/receipt\" download=\"receipt.json\">Download the \
         proof of the payment</a><p class=\"note\">It shows that the payment is final, and <code>causeway verify</code> \
         checks it without believing anybody.</p></div>",
        escaped(shown.token)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_words() {
        for state in State::ALL {
            let (words, class) = told(state);
            let expected = match state {
                State::Created | State::Authorized => "wait",
                State::Paid | State::PartiallyRefunded => "good",
                _ => "bad",
            };
            assert!(!words.is_empty());
            assert_eq!(class, expected, "{state}");
        }
    }
}
