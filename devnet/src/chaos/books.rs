//! The checker's own books: every payment that was signed and what its client was told, and what must
//! therefore be on every validator's disk.
//!
//! A client that was told nothing may find its payment made or not. Whatever else it was told must be so,
//! on every validator, exactly once.

use std::collections::{BTreeMap, HashMap};

use causeway_contracts::{
    block::{BlockId, Height},
    money::{Amount, Balance},
    transaction::TxId,
};
use serde::Serialize;

/// What a client has proof of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Applied,
    Rejected,
    /// It had no effect and never will.
    Dead,
    Nothing,
}

/// Money from one account to another; accounts by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub payer: usize,
    pub payee: usize,
    pub amount: Amount,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    order: Order,
    told: Told,
}

pub struct Books {
    /// What every account began with.
    funds: Amount,
    accounts: usize,
    payments: HashMap<TxId, Entry>,
}

/// The receipts of one transaction in one validator's blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipts {
    pub applied: u32,
    pub rejected: u32,
}

/// What is on a validator's disk.
pub struct Disk {
    pub name: String,
    /// From height 1 on. A block's id covers its state hash.
    pub blocks: Vec<BlockId>,
    pub receipts: HashMap<TxId, Receipts>,
    /// Of the accounts, in their order.
    pub balances: Vec<Balance>,
    /// Why the node's own check does not find it sound.
    pub unsound: Option<String>,
}

/// What the disks say of the books.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Payments whose client has a verified receipt that says that they were made.
    pub acknowledged: u64,
    /// Of those, not made on some validator.
    pub lost: u64,
    /// Payments made more than once on some validator, or though refused or proved dead.
    pub doubled: u64,
    /// Validators that contradict another one, the books or themselves.
    pub diverged: u64,
    /// Why, the first few.
    pub reasons: Vec<String>,
}

/// So many reasons are kept.
const REASONS_MAX: usize = 20;

impl Verdict {
    fn because(&mut self, reason: String) {
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        }
    }

    pub fn is_good(&self) -> bool {
        (self.lost, self.doubled, self.diverged) == (0, 0, 0)
    }
}

impl Books {
    pub fn new(accounts: usize, funds: Amount) -> Self {
        Self {
            funds,
            accounts,
            payments: HashMap::new(),
        }
    }

    /// Before it is sent.
    pub fn sign(&mut self, id: TxId, order: Order) {
        let told = Told::Nothing;
        let before = self.payments.insert(id, Entry { order, told });
        assert!(before.is_none(), "each payment has its own nonce");
    }

    pub fn tell(&mut self, id: TxId, told: Told) {
        self.payments.get_mut(&id).expect("signed before it was sent").told = told;
    }

    /// How many payments ended in each way.
    pub fn count(&self, told: Told) -> u64 {
        self.payments.values().filter(|entry| entry.told == told).count() as u64
    }

    pub fn check(&self, disks: &[Disk]) -> Verdict {
        let mut verdict = Verdict {
            acknowledged: self.count(Told::Applied),
            ..Verdict::default()
        };
        for (id, entry) in &self.payments {
            self.check_payment(id, entry.told, disks, &mut verdict);
        }
        let highest = disks.iter().max_by_key(|disk| disk.blocks.len());
        for disk in disks {
            let contradictions = [
                disk.unsound.clone(),
                highest.and_then(|highest| fork(highest, disk)),
                self.wrong_balances(disk),
            ];
            let mut contradictions = contradictions.into_iter().flatten().peekable();
            if contradictions.peek().is_some() {
                verdict.diverged += 1;
            }
            for why in contradictions {
                verdict.because(format!("{}: {why}", disk.name));
            }
        }
        verdict
    }

    fn check_payment(&self, id: &TxId, told: Told, disks: &[Disk], verdict: &mut Verdict) {
        let found = |disk: &Disk| disk.receipts.get(id).copied().unwrap_or_default();
        let (mut lost, mut doubled) = (false, false);
        for disk in disks {
            let Receipts { applied, rejected } = found(disk);
            let is_lost = told == Told::Applied && applied == 0;
            let unwanted = matches!(told, Told::Rejected | Told::Dead) && applied > 0;
            let is_doubled = applied + rejected > 1 || unwanted;
            if is_lost || is_doubled {
                verdict.because(format!(
                    "{}: {id} was told {told:?}, and is made {applied} and refused {rejected} times",
                    disk.name
                ));
            }
            lost |= is_lost;
            doubled |= is_doubled;
        }
        verdict.lost += u64::from(lost);
        verdict.doubled += u64::from(doubled);
    }

    /// What the accounts must have, by the payments that were made on this disk.
    fn wrong_balances(&self, disk: &Disk) -> Option<String> {
        let mut expected = vec![i128::from(self.funds.0); self.accounts];
        for (id, receipts) in &disk.receipts {
            // Those of the bank, which opened the accounts, are not in the books.
            if let Some(Entry { order, .. }) = self.payments.get(id) {
                let moved = i128::from(order.amount.0) * i128::from(receipts.applied);
                expected[order.payer] -= moved;
                expected[order.payee] += moved;
            }
        }
        let wrong: BTreeMap<_, _> = (0..)
            .zip(expected.iter().zip(&disk.balances))
            .filter(|(_, (expected, found))| **expected != found.0)
            .collect();
        if disk.balances.len() != self.accounts {
            return Some(format!(
                "{} of {} accounts are there",
                disk.balances.len(),
                self.accounts
            ));
        }
        let (account, (expected, found)) = wrong.first_key_value()?;
        Some(format!(
            "{} balances differ from the payments made, the first that of account {account}: {found}, and must be {expected}",
            wrong.len()
        ))
    }
}

/// The first height at which two disks have different blocks.
fn fork(one: &Disk, other: &Disk) -> Option<String> {
    let mut pairs = one.blocks.iter().zip(&other.blocks);
    let height = Height(pairs.position(|(one, other)| one != other)? as u64 + 1);
    Some(format!("its block {height} is another than that of {}", one.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNDS: Amount = Amount(1000);

    fn id(number: u8) -> TxId {
        TxId([number; 32])
    }

    fn order(payer: usize, payee: usize, amount: u64) -> Order {
        Order {
            payer,
            payee,
            amount: Amount(amount),
        }
    }

    /// 1 is made, 2 refused, 3 dead, and of 4 nothing is known.
    fn books() -> Books {
        let mut books = Books::new(3, FUNDS);
        for (number, told) in [
            (1, Told::Applied),
            (2, Told::Rejected),
            (3, Told::Dead),
            (4, Told::Nothing),
        ] {
            books.sign(id(number), order(0, 1, u64::from(number)));
            books.tell(id(number), told);
        }
        books
    }

    fn disk(made: &[(u8, u32, u32)], balances: [i128; 3]) -> Disk {
        let receipts = made
            .iter()
            .map(|&(number, applied, rejected)| (id(number), Receipts { applied, rejected }));
        Disk {
            name: "validator-0".to_owned(),
            blocks: vec![BlockId([1; 32]), BlockId([2; 32])],
            receipts: receipts.collect(),
            balances: balances.map(Balance).to_vec(),
            unsound: None,
        }
    }

    fn check(disks: &[Disk], expected: (u64, u64, u64), reason: &str) {
        let verdict = books().check(disks);
        assert_eq!(verdict.acknowledged, 1);
        assert_eq!(
            (verdict.lost, verdict.doubled, verdict.diverged),
            expected,
            "{:?}",
            verdict.reasons
        );
        assert_eq!(verdict.is_good(), expected == (0, 0, 0));
        assert!(
            reason.is_empty() || verdict.reasons.iter().any(|found| found.contains(reason)),
            "{:?}",
            verdict.reasons
        );
    }

    #[test]
    fn what_was_told_must_be_so_and_what_was_not_may_be_either_way() {
        let without = || disk(&[(1, 1, 0), (2, 0, 1)], [999, 1001, 1000]);
        let with = || disk(&[(1, 1, 0), (2, 0, 1), (4, 1, 0)], [995, 1005, 1000]);
        check(&[without(), without()], (0, 0, 0), "");
        check(&[with(), with()], (0, 0, 0), "");
    }

    #[test]
    fn a_payment_that_one_validator_lacks_is_lost() {
        let good = disk(&[(1, 1, 0), (2, 0, 1)], [999, 1001, 1000]);
        check(&[good, disk(&[(2, 0, 1)], [1000; 3])], (1, 0, 0), "is made 0");
    }

    #[test]
    fn a_payment_made_twice_or_though_refused_or_dead_is_doubled() {
        check(&[disk(&[(1, 2, 0)], [998, 1002, 1000])], (0, 1, 0), "is made 2");
        check(
            &[disk(&[(1, 1, 0), (2, 1, 0)], [997, 1003, 1000])],
            (0, 1, 0),
            "Rejected",
        );
        check(&[disk(&[(1, 1, 0), (3, 1, 0)], [996, 1004, 1000])], (0, 1, 0), "Dead");
        check(
            &[disk(&[(1, 1, 0), (4, 1, 1)], [995, 1005, 1000])],
            (0, 1, 0),
            "Nothing",
        );
    }

    #[test]
    fn a_validator_that_contradicts_another_or_the_books_or_itself_has_diverged() {
        let good = || disk(&[(1, 1, 0)], [999, 1001, 1000]);
        let mut forked = good();
        forked.blocks[1] = BlockId([9; 32]);
        check(&[good(), forked], (0, 0, 1), "its block 2 is another");
        let mut behind = good();
        behind.blocks.pop();
        check(&[good(), behind], (0, 0, 0), "");
        check(
            &[good(), disk(&[(1, 1, 0)], [999, 1001, 1001])],
            (0, 0, 1),
            "account 2: 1001",
        );
        let mut unsound = good();
        unsound.unsound = Some("a hash differs".to_owned());
        check(&[unsound, good()], (0, 0, 1), "a hash differs");
    }
}
