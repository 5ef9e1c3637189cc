//! Pages of an account's contracts.

use causeway_contracts::{
    codec::Bounded,
    ledger::{self, Ledger},
    statement::{CONTRACT_PAGE_MAX, ContractPage},
};

use super::message::ContractsOf;

/// As many as fit, and whether there are more.
pub fn page(ledger: &Ledger, asked: &ContractsOf) -> (ledger::Tip, ContractPage) {
    let ContractsOf { account, after } = *asked;
    let mut found = ledger.contracts_of(account, after);
    let contracts: Vec<_> = found.by_ref().take(CONTRACT_PAGE_MAX).collect();
    let page = ContractPage {
        account,
        after,
        has_more: found.next().is_some(),
        contracts: Bounded::new(contracts).expect("no more than were taken"),
    };
    (ledger.tip().clone(), page)
}
