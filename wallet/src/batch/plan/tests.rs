use std::collections::BTreeSet;

use causeway_contracts::ledger::rejection::Rejection;
use proptest::prelude::*;

use super::*;

fn id(number: u32) -> TxId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TxId(bytes)
}

fn applied(number: u32) -> Fact {
    Fact::Final {
        id: id(number),
        height: Height(1),
        outcome: Outcome::Applied,
    }
}

fn dead(number: u32) -> Fact {
    Fact::Dead {
        id: id(number),
        height: Height(1),
    }
}

#[test]
fn only_facts_that_can_follow_are_learned() {
    let signed = |number| Fact::Signed(id(number));
    let check = |facts: &[Fact], next: Fact, expected: Result<State, Contradiction>| {
        let mut plan = Plan::new([7]);
        for fact in facts {
            plan.learn(7, *fact).expect("the facts before");
        }
        let before = plan.state(7);
        let learned = plan.learn(7, next);
        match expected {
            Ok(state) => {
                assert_eq!(learned, Ok(()));
                assert_eq!(plan.state(7), Some(state));
            }
            Err(contradiction) => {
                assert_eq!(learned, Err(contradiction));
                assert_eq!(plan.state(7), before, "nothing changes by a contradiction");
            }
        }
    };
    let live_already = Contradiction::SignedWhileLive { line: 7, id: id(2) };
    let other = |number| Contradiction::OtherTransaction {
        line: 7,
        id: id(number),
    };
    let done = State::Final {
        id: id(1),
        height: Height(1),
        outcome: Outcome::Applied,
    };
    check(&[], signed(1), Ok(State::Live(id(1))));
    check(&[signed(1)], signed(2), Err(live_already));
    check(&[signed(1)], applied(1), Ok(done));
    check(&[signed(1)], applied(2), Err(other(2)));
    check(&[signed(1)], dead(1), Ok(State::Open));
    check(&[signed(1)], dead(2), Err(other(2)));
    check(&[signed(1), dead(1)], signed(2), Ok(State::Live(id(2))));
    check(&[signed(1), dead(1)], applied(1), Err(other(1)));
    check(&[signed(1), applied(1)], signed(2), Err(live_already));
    check(&[signed(1), applied(1)], dead(1), Err(other(1)));
    check(&[], applied(1), Err(other(1)));
    let unsent = |number| Fact::Unsent { id: id(number) };
    check(&[signed(1)], unsent(1), Ok(State::Open));
    check(&[signed(1)], unsent(2), Err(other(2)));
    check(&[signed(1), unsent(1)], signed(2), Ok(State::Live(id(2))));
    check(&[signed(1), applied(1)], unsent(1), Err(other(1)));
    let mut plan = Plan::new([7]);
    assert_eq!(plan.learn(8, signed(1)), Err(Contradiction::UnknownLine { line: 8 }));
    let refused = Fact::Final {
        id: id(1),
        height: Height(2),
        outcome: Outcome::Rejected {
            action: 0,
            reason: Rejection::InsufficientFunds,
        },
    };
    plan.learn(7, signed(1)).expect("signed");
    plan.learn(7, refused).expect("a rejection ends a line too");
    assert!(plan.learn(7, signed(2)).is_err());
}

/// What can happen to a batch of three lines, in any order.
#[derive(Debug, Clone)]
enum Act {
    /// The run signs a line, if the plan says so, and has it on disk.
    Sign(u64),
    /// The run sends a line's transaction, now or again.
    Send(u64),
    /// The network orders a transaction that it was sent.
    Order(usize),
    /// A node loses all that it was sent and has not ordered.
    Lose,
    /// Time goes by.
    Tick,
    /// The run hears what became of a line's transaction.
    Hear(u64),
    /// The run dies. Of what was not synced, this many facts are on disk.
    Kill(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3u64).prop_map(Act::Sign),
        3 => (0..3u64).prop_map(Act::Send),
        3 => (0..12usize).prop_map(Act::Order),
        1 => Just(Act::Lose),
        2 => Just(Act::Tick),
        3 => (0..3u64).prop_map(Act::Hear),
        2 => (0..4usize).prop_map(Act::Kill),
    ]
}

/// The run with its disk, and the network, both as simple as can be.
struct World {
    plan: Plan,
    disk: Vec<(u64, Fact)>,
    synced: usize,
    /// Of each transaction: its line and the time at which it expires.
    signed: Vec<(u64, u32)>,
    sent: Vec<u32>,
    ordered: BTreeSet<u32>,
    now: u32,
}

impl World {
    fn new() -> Self {
        Self {
            plan: Plan::new(0..3),
            disk: Vec::new(),
            synced: 0,
            signed: Vec::new(),
            sent: Vec::new(),
            ordered: BTreeSet::new(),
            now: 0,
        }
    }

    fn live(&self, line: u64) -> Option<u32> {
        match self.plan.state(line) {
            Some(State::Live(TxId(bytes))) => Some(u32::from_be_bytes(bytes[..4].try_into().expect("four"))),
            _ => None,
        }
    }

    fn learn(&mut self, line: u64, fact: Fact) {
        self.plan.learn(line, fact).expect("the run does what the plan allows");
        self.disk.push((line, fact));
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Sign(line) => {
                if self.plan.state(line) == Some(State::Open) {
                    let number = self.signed.len() as u32;
                    self.signed.push((line, self.now + 2));
                    self.learn(line, Fact::Signed(id(number)));
                    self.synced = self.disk.len();
                }
            }
            Act::Send(line) => self.sent.extend(self.live(line)),
            Act::Order(which) => {
                if let Some(number) = self.sent.get(which)
                    && self.now < self.signed[*number as usize].1
                {
                    self.ordered.insert(*number);
                }
            }
            Act::Lose => self.sent.clear(),
            Act::Tick => self.now += 1,
            Act::Hear(line) => {
                if let Some(number) = self.live(line) {
                    if self.ordered.contains(&number) {
                        self.learn(line, applied(number));
                    } else if self.now >= self.signed[number as usize].1 {
                        self.learn(line, dead(number));
                    }
                }
            }
            Act::Kill(kept) => {
                self.disk.truncate(self.synced + kept);
                self.synced = self.disk.len();
                self.plan = Plan::new(0..3);
                for (line, fact) in &self.disk {
                    self.plan.learn(*line, *fact).expect("what was on disk agrees");
                }
            }
        }
    }

    fn times_paid(&self, line: u64) -> usize {
        self.ordered
            .iter()
            .filter(|number| self.signed[**number as usize].0 == line)
            .count()
    }
}

proptest! {
    /// A line is never paid twice, and once nothing fails any more, each is paid.
    #[test]
    fn invariant_a_line_is_paid_exactly_once(acts in prop::collection::vec(act(), 0..120)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
            for line in 0..3 {
                prop_assert!(world.times_paid(line) <= 1, "line {line} after {act:?}");
            }
        }
        for _ in 0..4 {
            for line in 0..3 {
                world.act(&Act::Hear(line));
                world.act(&Act::Sign(line));
                world.act(&Act::Lose);
                world.act(&Act::Send(line));
                world.act(&Act::Order(0));
                world.act(&Act::Hear(line));
            }
            world.act(&Act::Tick);
        }
        for line in 0..3 {
            prop_assert_eq!(world.times_paid(line), 1);
            let is_final = matches!(world.plan.state(line), Some(State::Final { .. }));
            prop_assert!(is_final);
        }
    }
}
