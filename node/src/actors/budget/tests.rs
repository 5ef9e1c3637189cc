use causeway_contracts::{
    block::GenesisPrefix,
    codec::{Bounded, Text},
    identity::{IdentityCommitment, KeyPolicy, Salt, Tier, WeightedKey},
    keys::SecretKey,
    money::{Amount, Currency},
    transaction::{Nonce, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// 1,000 units a second, so that a unit is a millisecond.
fn slow() -> Rate {
    Rate::new(1_000, 512).unwrap()
}

fn account(n: u32) -> AccountId {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    AccountId(bytes)
}

fn bank(name: &str) -> ParticipantId {
    ParticipantId::new(name).unwrap()
}

fn spenders(accounts: &[u32], operators: &[&str]) -> Spenders {
    Spenders {
        accounts: accounts.iter().map(|n| account(*n)).collect(),
        operators: operators.iter().map(|name| bank(name)).collect(),
    }
}

fn signed(actions: Vec<Action>, signatures: u8) -> SignedTransaction {
    let keys: Vec<_> = (1..=signatures).map(|n| SecretKey::from_seed(&[n; 32])).collect();
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: GenesisPrefix([0; 8]),
        valid_until: UnixSeconds(0),
        nonce: Nonce(0),
        actions: Bounded::new(actions).unwrap(),
        memo: Text::default(),
    };
    transaction.sign(&keys).unwrap()
}

fn transfer() -> Action {
    Action::Transfer {
        from: account(1),
        to: account(2),
        currency: Currency::new("EUR").unwrap(),
        amount: Amount(1),
    }
}

fn opening(keys: u8) -> Action {
    let mut keys: Vec<_> = (1..=keys)
        .map(|n| WeightedKey {
            key: SecretKey::from_seed(&[n; 32]).public_key(),
            weight: 1,
        })
        .collect();
    keys.sort_by_key(|weighted| weighted.key);
    Action::OpenAccount {
        operator: bank("BANK"),
        keys: KeyPolicy {
            threshold: 1,
            keys: Bounded::new(keys).unwrap(),
        },
        salt: Salt([0; 16]),
        tier: Tier(1),
        identity: IdentityCommitment([0; 32]),
    }
}

fn closing() -> Action {
    Action::CloseAccount {
        operator: bank("BANK"),
        account: account(1),
    }
}

#[test]
fn work_counts_signatures_keys_and_what_is_executed() {
    let rows = [
        (vec![transfer()], 1, 1),
        (vec![transfer()], 16, 16),
        (vec![opening(1)], 1, 2),
        (vec![opening(16)], 1, 5),
        (vec![transfer(); 64], 1, 2),
        (vec![closing(); 64], 1, 69),
        (vec![closing(); 64], 16, 85),
    ];
    for (actions, signatures, expected) in rows {
        let first = format!("{:?}", actions[0]);
        assert_eq!(work(&signed(actions, signatures)), expected, "{first}, {signatures}");
    }
    assert_eq!(work(&signed(vec![opening(16); 64], 16)), 16 + 256 + 3);
    assert_eq!(WORK_MAX, 16 + 64 * 16 / 4 + (182_932 / 2_500));
}

#[test]
fn a_connection_spends_a_burst_and_then_at_its_rate() {
    let start = Instant::now();
    let mut budget = Budget::new(slow(), start);
    assert_eq!(budget.spend(512, start), Ok(()));
    let spent = |wait| {
        Err(OverBudget::Spent {
            payer: Payer::Connection,
            rate: slow(),
            wait,
        })
    };
    assert_eq!(budget.spend(1, start), spent(Duration::from_millis(1)));
    assert_eq!(budget.spend(100, start), spent(Duration::from_millis(100)));
    let later = start + Duration::from_millis(100);
    assert_eq!(budget.spend(100, later), Ok(()), "what was refused was not spent");
    assert_eq!(budget.spend(1, later), spent(Duration::from_millis(1)));
    assert_eq!(
        budget.spend(512, later + SECOND),
        Ok(()),
        "it holds a burst, and no more"
    );
    assert_eq!(budget.spend(1, later + SECOND), spent(Duration::from_millis(1)));
}

#[test]
fn says_whose_budget_it_is_and_how_large() {
    let start = Instant::now();
    let mut budget = Budget::new(slow(), start);
    budget.spend(512, start).unwrap();
    assert_eq!(
        budget.spend(100, start).unwrap_err().to_string(),
        "this connection has spent its budget at this validator, 512 units of work at once and 1000 a second, a \
         payment being one unit; send it again in 101 ms"
    );
}

#[test]
fn refuses_for_the_account_before_the_operator_and_takes_nothing_then() {
    let start = Instant::now();
    let rates = BudgetRates {
        account: slow(),
        operator: Rate::new(1_000, 1_024).unwrap(),
        ..BudgetRates::default()
    };
    let mut budgets = SpenderBudgets::new(&rates);
    let payer = |result: Result<(), OverBudget>| result.map_err(|over| over.payer());
    let mut spend = |account: u32, work| payer(budgets.spend(&spenders(&[account], &["BANK"]), work, start));
    assert_eq!(spend(1, 512), Ok(()));
    assert_eq!(spend(1, 512), Err(Payer::Account));
    assert_eq!(spend(2, 500), Ok(()));
    assert_eq!(spend(3, 13), Err(Payer::Operator));
    assert_eq!(spend(3, 12), Ok(()), "the account did not spend the 13");
    let elsewhere = spenders(&[1], &["OTHER"]);
    assert_eq!(payer(budgets.spend(&elsewhere, 1, start)), Err(Payer::Account));
    assert_eq!(payer(budgets.spend(&spenders(&[], &["OTHER"]), 600, start)), Ok(()));
}

#[test]
fn what_strangers_spent_is_given_back() {
    let start = Instant::now();
    let rates = BudgetRates {
        account: slow(),
        operator: slow(),
        ..BudgetRates::default()
    };
    let mut budgets = SpenderBudgets::new(&rates);
    let victim = spenders(&[1], &["BANK"]);
    budgets.spend(&victim, 512, start).unwrap();
    assert!(budgets.spend(&victim, 1, start).is_err());
    budgets.give_back(&victim, 512);
    assert_eq!(budgets.spend(&victim, 512, start), Ok(()));
}

#[test]
fn remembers_a_bounded_number_and_forgets_who_owes_nothing() {
    let start = Instant::now();
    let mut budgets = Budgets::new(Payer::Account, slow(), 4);
    for n in 0..4 {
        let name = [account(n)];
        budgets.check(&name, 1, start).unwrap();
        budgets.spend(&name, 100 + n, start);
    }
    let crowded = |wait| {
        Err(OverBudget::Crowded {
            payer: Payer::Account,
            rate: slow(),
            wait: Duration::from_millis(wait),
        })
    };
    assert_eq!(budgets.check(&[account(9)], 1, start), crowded(100));
    assert_eq!(budgets.check(&[account(3)], 1, start), Ok(()), "who is known is not");
    let later = start + Duration::from_millis(100);
    assert_eq!(budgets.check(&[account(8), account(9)], 1, later), crowded(1));
    assert_eq!(budgets.check(&[account(9)], 1, later), Ok(()));
    assert_eq!(budgets.owing.len(), 3);
}

#[test]
fn a_rate_that_could_refuse_for_good_cannot_be_configured() {
    let parse = |text: &str| toml::from_str::<BudgetRates>(text).map_err(|error| error.message().to_owned());
    let good = parse("account = { per_second = 5, burst = 512 }").unwrap();
    assert_eq!(good.account, Rate::new(5, 512).unwrap());
    assert_eq!(good.operator, BudgetRates::default().operator);
    assert_eq!(
        parse("account = { per_second = 5, burst = 511 }"),
        Err("burst is 511; with less than 512 some transactions would be refused for good".to_owned())
    );
    assert_eq!(
        parse("operator = { per_second = 0, burst = 600 }"),
        Err("per_second is 0; a budget refills by 1 to 1000000 units a second".to_owned())
    );
    assert!(parse("operators = {}").is_err());
}

proptest! {
    /// Whatever is asked for and whenever, an account never has more than a burst and what the time
    /// since has refilled, and the wait that it is told suffices.
    #[test]
    fn invariant_nobody_spends_more_than_a_budget(steps in proptest::collection::vec((0u32..3, 1u32..512, 0u64..300), 1..80)) {
        let (start, rate) = (Instant::now(), slow());
        let mut budgets = Budgets::new(Payer::Account, rate, 2);
        let mut now = start;
        let mut spent = [0u64; 3];
        for (who, work, pause) in steps {
            now += Duration::from_millis(pause);
            let name = [account(who)];
            match budgets.check(&name, work, now) {
                Ok(()) => {
                    budgets.spend(&name, work, now);
                    spent[who as usize] += u64::from(work);
                    let most = 512 + (now - start).as_millis() as u64;
                    prop_assert!(spent[who as usize] <= most, "{} of {most}", spent[who as usize]);
                }
                Err(over @ OverBudget::Spent { .. }) => {
                    prop_assert!(budgets.check(&name, work, now + over.wait()).is_ok());
                }
                Err(OverBudget::Crowded { .. }) => {}
            }
            prop_assert!(budgets.owing.len() <= 2);
        }
    }
}
