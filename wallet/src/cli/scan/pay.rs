//! Pays the order of a code, by the way of `causeway pay`.

use anyhow::anyhow;
use causeway_contracts::{
    ledger::receipt::Outcome,
    money::{Currency, text::parse_amount},
    transaction::{Action, Transaction},
};
use causeway_wallet::{
    codes::{MerchantCode, Purpose},
    history::{End, History},
    home::Home,
    payment::{Payment, memo},
};

use super::{
    super::{
        Finding, output,
        teller::{Teller, report},
        wallet::{Wallet, exponent},
    },
    check_time, refused,
};

/// Once: an order that this wallet has paid is refused, and one whose payment is unfinished has that brought to its
/// end, even after its time. A new payment is made only before.
pub async fn order(wallet: &Wallet, home: &Home, code: &MerchantCode, from: &str) -> anyhow::Result<()> {
    let currency = code.currency().and_then(|letters| Currency::new(letters).ok());
    let (Purpose::Order { amount, .. }, Some(currency)) = (&code.purpose, currency) else {
        return Err(Finding::BadInput(anyhow!(
            "the code names no amount; pay what the merchant asks with `causeway pay {} AMOUNT CURRENCY --memo \"{}\"`",
            code.address,
            code.purpose.memo()
        ))
        .into());
    };
    let account = home.account(Some(from))?;
    let client = home.client()?.with_short_proofs();
    let exponent = exponent(home, &client, currency).await?;
    let payment = Payment {
        from: account.address.account,
        to: code.address.account,
        currency,
        amount: parse_amount(amount, exponent)?,
        memo: memo(code.purpose.memo())?,
    };
    let money = output::money(payment.amount, exponent, currency);
    let words = ["Paid", &format!("{money} to {}", code.address)];
    let key = wallet.open_key(home, &account.key)?;
    let mut teller = Teller::new(wallet, home, &client)?;
    // From whichever account of the wallet.
    let is_like = |tx: &Transaction| {
        let [Action::Transfer { from, .. }] = *tx.actions else {
            return false;
        };
        Payment {
            from,
            ..payment.clone()
        }
        .is_made_by(tx)
    };
    if let Some(done) = teller.earlier(is_like).await? {
        return report(wallet, &done, words);
    }
    let items = History::read(&home.history_path())?;
    let is_paid = |end: &End| {
        matches!(
            end,
            End::Final {
                outcome: Outcome::Applied,
                ..
            }
        )
    };
    if let Some(item) = items
        .iter()
        .find(|item| is_paid(&item.end) && is_like(&item.transaction.transaction))
    {
        let why = anyhow!("this wallet has paid the order already, in transaction {}", item.id);
        return Err(refused(wallet, "paid", why));
    }
    check_time(wallet, code)?;
    let asked = (payment.action(), payment.memo.clone());
    let done = teller.carry_out(std::slice::from_ref(&key), asked, is_like).await?;
    report(wallet, &done, words)
}
