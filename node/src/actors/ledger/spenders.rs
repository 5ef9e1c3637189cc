//! Whose budgets a transaction uses.

use causeway_contracts::{
    ledger::Ledger,
    transaction::{Action, Authority, SignedTransaction},
};

use super::message::Spenders;

/// Of a transaction that the ledger would admit: what it names is there. Whoever is not, pays nothing.
pub(super) fn spenders(ledger: &Ledger, signed: &SignedTransaction) -> Spenders {
    let mut spenders = Spenders::default();
    let mut previous = None;
    for authority in signed.transaction.actions.iter().flat_map(Action::authorities) {
        if previous == Some(authority) {
            continue;
        }
        previous = Some(authority);
        match authority {
            Authority::Account(id) => {
                spenders.accounts.push(id);
                spenders
                    .operators
                    .extend(ledger.account(&id).map(|account| account.operator));
            }
            Authority::Participant(id) => spenders.operators.push(id),
            Authority::Issuer(code) => spenders
                .operators
                .extend(ledger.currency(code).map(|currency| currency.issuer)),
            Authority::Council | Authority::Validator(_) | Authority::Witnesses(_) => {}
        }
    }
    spenders.accounts.sort_unstable();
    spenders.accounts.dedup();
    spenders.operators.sort_unstable();
    spenders.operators.dedup();
    spenders
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        codec::Bounded,
        identity::{AccountId, ParticipantId},
        money::{Amount, Currency},
        transaction::UnixSeconds,
    };

    use super::*;
    use crate::store::trial::Trial;

    fn of(actions: Vec<Action>) -> Spenders {
        let trial = Trial::new(3);
        let mut signed = trial.pay(0, 1, 1, UnixSeconds(0));
        signed.transaction.actions = Bounded::new(actions).unwrap();
        spenders(&Ledger::from_genesis(&trial.genesis, 1), &signed)
    }

    #[test]
    fn names_each_account_and_operator_once() {
        let trial = Trial::new(3);
        let pay = |from, to| trial.pay(from, to, 1, UnixSeconds(0)).transaction.actions[0].clone();
        let payer = |n| match pay(n, n) {
            Action::Transfer { from, .. } => from,
            other => panic!("{other:?} is no transfer"),
        };
        let ledger = Ledger::from_genesis(&trial.genesis, 1);
        let operator = ledger.account(&payer(0)).unwrap().operator;
        let mut accounts = vec![payer(0), payer(2)];
        accounts.sort();
        let paying = of(vec![pay(0, 1), pay(2, 1), pay(0, 2)]);
        assert_eq!(
            paying,
            Spenders {
                accounts,
                operators: vec![operator]
            }
        );
    }

    #[test]
    fn an_operator_pays_for_its_acts_and_an_issuer_for_its_own() {
        let trial = Trial::new(3);
        let ledger = Ledger::from_genesis(&trial.genesis, 1);
        let Action::Transfer { currency, to, .. } = trial.pay(0, 1, 1, UnixSeconds(0)).transaction.actions[0].clone()
        else {
            panic!("not a transfer")
        };
        let issue = |currency| Action::Issue {
            currency,
            to,
            amount: Amount(1),
        };
        let close = Action::CloseAccount {
            operator: ParticipantId::new("SOMEBANK").unwrap(),
            account: AccountId([9; 20]),
        };
        let issuer = ledger.currency(currency).unwrap().issuer;
        let mut operators = vec![issuer, ParticipantId::new("SOMEBANK").unwrap()];
        operators.sort();
        let unknown = Currency::new("XXX").unwrap();
        assert_eq!(
            of(vec![issue(currency), close, issue(unknown)]),
            Spenders {
                accounts: Vec::new(),
                operators
            }
        );
    }
}
