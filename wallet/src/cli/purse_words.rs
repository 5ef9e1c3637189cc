//! What actions about purses do, in words. Messages name currencies by numbers that only the ledger knows, so their
//! amounts are in minor units.

use causeway_contracts::{
    identity::AccountId,
    money::{Amount, Currency},
    offline::{
        action::{OfflineAction, Revoker, Testimony},
        ids::{Epoch, KeyId, PurseId, RevocationEntry},
        issuer::KeyRole,
        messages::Certificate,
    },
};

use super::output;

/// What it does, and then what more there is to know of it, a line each. By how accounts are called and money written.
pub fn words(
    action: &OfflineAction,
    name: impl Fn(AccountId) -> String,
    money: impl Fn(Amount, Currency) -> String,
) -> Vec<String> {
    let mut more = Vec::new();
    let what = match action {
        OfflineAction::OpenCurrency { currency, fund } => {
            format!("purses may hold {currency}, guaranteed by {}", name(*fund))
        }
        OfflineAction::SetServiceKey { currency, key, role } => {
            let what = signed_with(*role);
            more.push(format!("key {}: {key}", KeyId::of(key)));
            format!("a key with which the issuer of {currency} signs {what}")
        }
        OfflineAction::WithdrawServiceKey { currency, key } => {
            format!("key {key} of the service for purses in {currency} is withdrawn")
        }
        OfflineAction::RegisterPurse {
            operator,
            owner,
            certificate,
        } => {
            more = certified(&certificate.body);
            let purse = certificate.body.purse;
            format!("{operator} registers purse {purse} of {}", name(*owner))
        }
        OfflineAction::RevokePurse { by, purse } => {
            let by = match by {
                Revoker::Owner(owner) => format!("its owner {}", name(*owner)),
                Revoker::Operator(operator) => format!("its operator {operator}"),
                Revoker::Issuer(currency) => format!("the issuer of {currency}"),
            };
            format!("purse {purse} is taken out of use for good, by {by}")
        }
        OfflineAction::Load { account, request } => {
            let body = &request.body;
            let (purse, counter) = (body.purse, body.load_counter);
            let money = units(body.amount);
            format!("load {counter} of purse {purse}: {money} of {}", name(*account))
        }
        OfflineAction::Grant { grant, .. } => {
            let body = &grant.body;
            more.push(format!("lot {}, to be spent before {}", body.load, hour(body.expiry)));
            let (purse, counter) = (body.purse, body.load_counter);
            format!("grant for load {counter} of purse {purse}: {}", units(body.amount))
        }
        OfflineAction::Beacon { beacon, .. } => {
            let body = &beacon.body;
            let time = hour(body.epoch);
            format!(
                "beacon: it is {time}, and the revocation list has version {}",
                body.list_version
            )
        }
        OfflineAction::AddRevocations { delta, .. } => {
            let body = &delta.body;
            more = body.entries.iter().map(revoked).collect();
            format!("version {} of a revocation list, which adds", body.version)
        }
        OfflineAction::Testify { by, messages } => {
            more = messages.iter().map(said).collect();
            format!("{} brings what purses said", name(*by))
        }
        OfflineAction::Redeem { account, redeem } => {
            let body = &redeem.body;
            let money = units(body.spend.amount);
            let (purse, seq) = (body.payer, body.seq);
            format!(
                "purse {purse} redeems {money} to {}, under number {seq}",
                name(*account)
            )
        }
        OfflineAction::FundGuarantee { fund, currency, amount } => {
            let money = money(*amount, *currency);
            format!("{} sets aside {money} for what purses owe", name(*fund))
        }
        OfflineAction::WithdrawGuarantee { currency, amount } => {
            let money = money(*amount, *currency);
            format!("{money} that was set aside for what purses owe goes back to its fund")
        }
        OfflineAction::ReleaseClaim { currency, number } => {
            format!("claim {number} for what purses owe in {currency} may be paid")
        }
    };
    [vec![what], more].concat()
}

fn units(amount: Amount) -> String {
    format!("{amount} minor units of its currency")
}

fn hour(epoch: Epoch) -> String {
    output::time(u64::from(epoch.0) * 3_600)
}

fn signed_with(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Certificate => "purses' certificates",
        KeyRole::Grant => "grants for loads, and answers to syncs",
        KeyRole::Beacon => "beacons and revocation lists",
    }
}

fn certified(body: &Certificate) -> Vec<String> {
    let kind = match (body.class.can_receive, body.class.can_respend) {
        (true, true) => "is paid, and spends that too",
        (true, false) => "is paid, and redeems that",
        (false, _) => "is not paid",
    };
    // To the end of its last hour.
    let end = Epoch(body.not_after.0.saturating_add(1));
    vec![
        format!("certificate {}: it {kind}", body.serial),
        format!("from {} until {}", hour(body.not_before), hour(end)),
        format!(
            "at most {} a payment and {} in it, in minor units",
            body.payment_max, body.balance_max
        ),
        format!("key {}", body.key),
    ]
}

fn revoked(entry: &RevocationEntry) -> String {
    let (first, last) = entry.0.split_at(4);
    match first.try_into() {
        Ok(key) if last == [0xff; 4] => format!("key {}", KeyId(key)),
        _ => format!("purse {}", PurseId(entry.0)),
    }
}

fn said(message: &Testimony) -> String {
    match message {
        Testimony::Grant(signed) => {
            let body = &signed.body;
            let (purse, counter, amount) = (body.purse, body.load_counter, units(body.amount));
            format!("grant {counter} of purse {purse}: {amount}")
        }
        Testimony::Transfer(signed) => {
            let body = &signed.body;
            let (payer, payee, seq) = (body.payer, body.payee, body.seq);
            let money = units(body.spend.amount);
            format!("purse {payer} paid purse {payee} {money}, under number {seq}")
        }
        Testimony::Request(signed) => {
            let body = &signed.body;
            let memo = match body.memo.is_empty() {
                true => String::new(),
                false => format!(", for: {}", body.memo.escape_debug()),
            };
            let (payee, seq) = (body.payee, body.seq);
            format!("request {seq} of purse {payee}: {}{memo}", units(body.amount))
        }
        Testimony::Receipt(signed) => {
            let body = &signed.body;
            let (payee, seq) = (body.payee, body.seq);
            format!(
                "receipt of purse {payee} for its request {seq}: transfer {}",
                body.transfer
            )
        }
        Testimony::Void(signed) => {
            let body = &signed.body;
            format!("purse {} takes back its request {}", body.payee, body.seq)
        }
    }
}

#[cfg(test)]
mod tests;
