//! The transactions that the merchant's file names, with their proofs from the validators.

use std::collections::BTreeMap;

use anyhow::Context;
use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    ledger::receipt::Outcome,
    money::Currency,
    settlement::{ContractId, SettlementAction},
    transaction::{Action, Transaction, TxId},
};
use serde_json::Value;

use super::{CURRENCY, Report, file::Row, shop::Order, town::Town};
use crate::services::{GATEWAYS, cards};

/// What transactions have done to the acquirer's account.
pub struct Ledger<'a> {
    town: &'a Town<'a>,
    account: AccountId,
    currency: Currency,
    /// By which its account gives back what was paid by cards.
    mandate: ContractId,
    /// Which transaction an order says that a line is of; and what its memo is.
    named: BTreeMap<(&'static str, &'a str), &'a str>,
    memos: BTreeMap<&'a str, &'a str>,
}

impl<'a> Ledger<'a> {
    pub fn new(town: &'a Town<'a>, orders: &'a [Order], shown: &'a [Value]) -> anyhow::Result<Self> {
        let acquirer = ParticipantId::new(GATEWAYS[1].id)?;
        let currency = Currency::new(CURRENCY)?;
        let mandates = cards::known_mandates(town.network)?;
        let mandate = mandates.get(&currency).context("the acquirer has given a mandate")?;
        let mut named = BTreeMap::new();
        for (order, shown) in orders.iter().zip(shown) {
            let payment = shown.pointer("/payment/transaction").and_then(Value::as_str);
            named.extend(payment.map(|id| (("capture", order.id.as_str()), id)));
            let refund = shown.pointer("/refunds/0/transaction").and_then(Value::as_str);
            named.extend(refund.map(|id| (("refund", order.id.as_str()), id)));
        }
        Ok(Self {
            town,
            account: AccountId::of_participant(&town.network.genesis.origin(), acquirer),
            currency,
            mandate: *mandate,
            named,
            memos: orders
                .iter()
                .map(|order| (order.id.as_str(), order.memo.as_str()))
                .collect(),
        })
    }

    /// Each line's transaction, with its proof from a validator; how many there are.
    pub async fn find(&self, rows: &[Row], report: &mut Report) -> anyhow::Result<u64> {
        let mut found = 0;
        for row in rows {
            let id: TxId = row.transaction.parse().with_context(|| format!("{row:?}"))?;
            let proof = self.town.client.proof(&id).await?;
            let (proof, verified) = proof.with_context(|| format!("the ledger has no {id}, of {row:?}"))?;
            let transaction = &proof.transaction.transaction;
            report.check(verified.outcome == Outcome::Applied, || {
                format!("the ledger refused {id}, of {row:?}")
            });
            let (moved, brought) = (self.moved(transaction), row.brought()?);
            report.check(moved == brought, || {
                format!("{id} has moved {moved} cents, and the file says {brought}: {row:?}")
            });
            self.check_name(row, transaction, report);
            found += 1;
        }
        Ok(found)
    }

    /// In cents, what it has brought into the account.
    fn moved(&self, transaction: &Transaction) -> i128 {
        let is_own = |account: &AccountId| i128::from(*account == self.account);
        let moved = transaction.actions.iter().map(|action| match action {
            Action::Transfer {
                from,
                to,
                currency,
                amount,
            } if *currency == self.currency => i128::from(amount.0) * (is_own(to) - is_own(from)),
            Action::Settle(SettlementAction::Collect(collect)) if collect.mandate == self.mandate => {
                -i128::from(collect.amount.0)
            }
            _ => 0,
        });
        moved.sum()
    }

    /// It is the one that the order names, and names the order.
    fn check_name(&self, row: &Row, transaction: &Transaction, report: &mut Report) {
        let named = self.named.get(&(row.kind.as_str(), row.order.as_str()));
        let must_be_named = matches!(row.kind.as_str(), "capture" | "refund");
        report.check(named.map_or(!must_be_named, |id| row.transaction == **id), || {
            format!("the order names another transaction than the file: {row:?}")
        });
        let memo = self.memos.get(row.order.as_str()).copied().unwrap_or_default();
        let code = memo.split_once(' ').map_or("", |(_, code)| code);
        let wanted = match row.kind.as_str() {
            "capture" => memo.to_owned(),
            "refund" => format!("return {code}"),
            "reversal" => format!("reversal {code}"),
            _ => return,
        };
        report.check(*transaction.memo == *wanted, || {
            format!("the memo is to be '{wanted}', and is '{}': {row:?}", &*transaction.memo)
        });
    }
}
