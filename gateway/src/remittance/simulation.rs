//! Two copies of one remittance, a ledger, and everything that can go wrong between them, drawn from a seed. Whatever
//! happens, the money moves at most once, both copies say what the ledger did, and both come to an end.

mod checks;
mod engine;
mod ledger;
mod users;

use std::{collections::BTreeSet, ops::Range};

use super::{
    Remittance,
    fact::Telling,
    state::{Side, Standing, State},
    step::Step,
    tests::fixture,
};
use ledger::Ledger;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// How this seed's world is: chances in thousandths.
struct Temper {
    /// At each point where a process can stop.
    crash: u64,
    /// Of each way over the network.
    loss: u64,
    /// In each round, that the two operators are cut off from each other.
    cut: u64,
    /// Of each user to do something in each round.
    act: u64,
    /// Where nobody has decided, the beneficiary's operator accepts.
    accepts: bool,
    is_direct: bool,
    /// The beneficiary's operator does not want the order.
    is_refused: bool,
    /// A name is on a list.
    hits: [bool; 2],
    funds_at_ms: u64,
    /// Points to transactions that there are not.
    liar: Option<Side>,
    /// Does nothing any more once the others have no faults.
    gone: Option<Side>,
    /// Another's gateway, which posts though it has asked or holds.
    is_hasty: bool,
}

impl Temper {
    fn new(dice: &mut Dice) -> Self {
        Self {
            crash: dice.one_of(&[0, 0, 20, 100, 250]),
            loss: dice.one_of(&[0, 20, 100, 400]),
            cut: dice.one_of(&[0, 0, 10, 40]),
            act: dice.one_of(&[0, 10, 40, 150, 400]),
            accepts: dice.chance(500),
            is_direct: dice.chance(400),
            is_refused: dice.chance(50),
            hits: [dice.chance(100), dice.chance(150)],
            funds_at_ms: dice.one_of(&[0, 0, 0, 30_000, 110_000, 150_000]),
            liar: match dice.below(16) {
                0 => Some(Side::Sender),
                1 => Some(Side::Beneficiary),
                _ => None,
            },
            gone: match dice.below(16) {
                0 => Some(Side::Sender),
                1 => Some(Side::Beneficiary),
                _ => None,
            },
            is_hasty: dice.chance(125),
        }
    }
}

struct World {
    seed: u64,
    dice: Dice,
    temper: Temper,
    now_ms: u64,
    ledger: Ledger,
    /// As they are stored: of the sender's side, and of the beneficiary's.
    copies: [Option<Remittance>; 2],
    /// What is still under way, though nobody waits for it any more.
    late: Vec<(Side, Telling)>,
    cut_until_ms: u64,
    transactions: u64,
    /// No faults any more, and users only do what they must.
    is_calm: bool,
    paid_out_beyond: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        Self {
            seed,
            temper: Temper::new(&mut dice),
            dice,
            now_ms: 1_000,
            ledger: Ledger::default(),
            copies: [Some(fixture::remittance(Side::Sender)), None],
            late: Vec::new(),
            cut_until_ms: 0,
            transactions: 0,
            is_calm: false,
            paid_out_beyond: 0,
        }
    }

    fn copy(&self, side: Side) -> Option<&Remittance> {
        self.copies[side as usize].as_ref()
    }

    fn round(&mut self) {
        self.now_ms += match self.dice.below(20) {
            0 if !self.is_calm => 20_000,
            _ => 200 + self.dice.below(3_000),
        };
        if !self.is_calm && self.dice.chance(self.temper.cut) {
            self.cut_until_ms = self.now_ms + self.dice.below(300_000);
        }
        let behind_ms = self.dice.below(4_000);
        let has_funds = self.is_calm || self.now_ms >= self.temper.funds_at_ms;
        let (dice, slow) = (&mut self.dice, if self.is_calm { 0 } else { 200 });
        let time_ms = self.now_ms.saturating_sub(behind_ms);
        self.ledger
            .block(time_ms, has_funds, || (!dice.chance(slow)).then(|| dice.roll()));
        self.users();
        self.deliver_late();
        let first = self.dice.one_of(&[Side::Sender, Side::Beneficiary]);
        for side in [first, first.other()] {
            self.work(side);
        }
    }

    fn is_gone(&self, side: Side) -> bool {
        self.is_calm && self.temper.gone == Some(side)
    }

    fn is_over(&self) -> bool {
        let is_over = |copy: &Remittance| match self.temper.gone {
            None => copy.next(self.now_ms, self.temper.accepts) == Step::Done,
            // What is paid out beyond the ledger, the beneficiary's operator alone can say.
            Some(Side::Beneficiary) if copy.state() == State::PayingOut => true,
            Some(gone) => copy.side == gone || copy.state().is_end(),
        };
        self.copies.iter().flatten().all(is_over)
    }

    /// Faults for a while, and then none.
    fn run(&mut self) {
        let rounds = self.dice.below(200);
        for _ in 0..rounds {
            self.round();
        }
        self.is_calm = true;
        self.cut_until_ms = 0;
        for _ in 0..600 {
            if self.is_over() {
                return self.check_end();
            }
            self.round();
        }
        panic!("seed {}: no end: {:#?}", self.seed, self.copies);
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Sender => Self::Beneficiary,
            Self::Beneficiary => Self::Sender,
        }
    }
}

type Edge = (Standing, Standing);

fn check(seeds: Range<u64>) {
    let mut taken = BTreeSet::new();
    for seed in seeds {
        let mut world = World::new(seed);
        world.run();
        for copy in world.copies.iter().flatten() {
            let at = |moment: &super::Moment| Standing {
                state: moment.state,
                held_by: moment.held_by,
            };
            taken.extend(copy.timeline.windows(2).map(|pair| (at(&pair[0]), at(&pair[1]))));
        }
    }
    let edges = checks::edges();
    // That each is taken shows that the simulation comes everywhere.
    let missed: Vec<_> = edges.difference(&taken).collect();
    assert!(missed.is_empty(), "never taken: {missed:?}");
    let unknown: Vec<_> = taken.difference(&edges).collect();
    assert!(unknown.is_empty(), "no edges: {unknown:?}");
}

#[test]
fn invariant_money_moves_at_most_once_and_both_sides_end_alike() {
    check(0..3_000);
}

/// For a night: `cargo test --release -- --ignored many_seeds`.
#[test]
#[ignore = "minutes"]
fn invariant_the_same_of_many_seeds() {
    check(0..200_000);
}
