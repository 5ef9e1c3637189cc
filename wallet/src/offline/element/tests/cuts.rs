//! The power is cut at every write of every command of a payment. After it the purses are opened again, and tap again
//! as if nothing were known: no money is made or lost, and the payment is finished once.

use super::{
    host::{answer, successors},
    *,
};
use crate::offline::card::IsoStatus;
use crate::offline::memory::{
    UNIT_BYTES,
    ram::{Cut, Leaves, Unsynced},
    store::OpenError,
};

const LOADED: u64 = 10_000;
const PAID: u64 = 1_250;
const PAYER: usize = 0;
const PAYEE: usize = 1;

const CUTS: [(Leaves, Unsynced); 4] = [
    (Leaves::Old, Unsynced::Kept),
    (Leaves::New, Unsynced::Kept),
    (Leaves::Half, Unsynced::Lost),
    (Leaves::Garbage(7), Unsynced::Some(11)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Load,
    Ask,
    Pay,
    Accept,
    Acknowledge,
    Redeem,
}
use Command::{Accept, Acknowledge, Ask, Load, Pay, Redeem};

const WALK: [Command; 6] = [Load, Ask, Pay, Accept, Acknowledge, Redeem];

impl Command {
    fn whose(self) -> usize {
        match self {
            Load | Pay | Acknowledge => PAYER,
            Ask | Accept | Redeem => PAYEE,
        }
    }
}

/// Two purses, and what has left them.
struct World {
    rams: [Ram; 2],
    grant: Signed<Grant>,
    request: Vec<u8>,
    bundle: Vec<u8>,
    receipt: Vec<u8>,
}

impl World {
    /// After so many commands of the walk.
    fn after(commands: usize) -> Self {
        let mut world = Self {
            rams: [new_ram(1), new_ram(2)],
            grant: grant(&new_purse(1), LOADED),
            request: Vec::new(),
            bundle: Vec::new(),
            receipt: Vec::new(),
        };
        for command in &WALK[..commands] {
            world.step(*command, 1).expect("there is power");
        }
        world
    }

    /// One tap with one command, of a purse that was just switched on.
    fn step(&mut self, command: Command, nonce: u8) -> Answered {
        let mut element = open(&mut self.rams[command.whose()]);
        let answer = match command {
            Load => take(&mut element, &self.grant),
            Ask => own(&mut element, INS_REQUEST, &asked(nonce, PAID)),
            Pay => tap(&mut element, INS_PAY, &self.request),
            Accept => own(&mut element, INS_ACCEPT, &self.bundle),
            Acknowledge => tap(&mut element, INS_ACKNOWLEDGE, &self.receipt),
            Redeem => own(&mut element, INS_REDEEM, &[0x70; 32]),
        }?;
        match command {
            Ask => self.request = answer.clone(),
            Pay => self.bundle = answer.clone(),
            Accept => self.receipt = answer.clone(),
            Load | Acknowledge | Redeem => {}
        }
        Ok(answer)
    }

    fn states(&mut self) -> [PurseState; 2] {
        self.rams.each_mut().map(|ram| open(ram).state().clone())
    }

    /// Lots, what is under way, the grant if it was not accepted, and redemptions that were signed.
    fn check(&mut self) {
        let [payer, payee] = self.states();
        let granted = if payer.counters().load_counter.0 == 1 {
            LOADED
        } else {
            0
        };
        let spent = |state: &PurseState| -> u64 { state.log().iter().map(|it| it.spend().amount.0).sum() };
        let under_way = spent(&payer) - payee.counters().received.0;
        let there = payer.balance().0 + payee.balance().0 + under_way + granted + spent(&payee);
        assert_eq!(there, LOADED);
    }

    /// What may have been done already, again. A grant that was taken is then a replay; nothing is left to redeem, and
    /// the redemption is asked for.
    fn redo(&mut self, command: Command) {
        match (command, self.step(command, 2)) {
            (_, Ok(_)) | (Load, Err(StatusWord::REPLAY)) => {}
            (Redeem, Err(StatusWord::LIMIT)) => {
                let mut payee = open(&mut self.rams[PAYEE]);
                let again = session(&mut payee, Interface::OwnHost)(INS_REDEEM, REDEEM_AGAIN, &[]);
                assert!(again.is_ok(), "{again:?}");
            }
            (command, refused) => panic!("{command:?}: {refused:?}"),
        }
    }

    fn check_finished(&mut self) {
        let [payer, payee] = self.states();
        let counters = (
            payer.counters().payments,
            payer.counters().paid,
            payee.counters().received,
        );
        assert_eq!(counters, (1, Amount(PAID), Amount(PAID)));
        assert_eq!((payer.balance(), payee.balance()), (Amount(LOADED - PAID), Amount(0)));
        assert_eq!((payer.log().len(), payee.log().len()), (1, 1));
        assert!(!payer.log()[0].is_pending());
        assert_eq!(payee.log()[0].spend().amount, Amount(PAID));
    }
}

/// How many writes a command takes, if nothing happens.
fn writes_of(at: usize) -> u64 {
    let mut world = World::after(at);
    let whose = WALK[at].whose();
    let before = world.rams[whose].writes();
    world.step(WALK[at], 1).expect("there is power");
    world.rams[whose].writes() - before
}

fn walk_with_cut(before: &World, at: usize, cut: Cut) {
    let mut world = World {
        rams: before.rams.clone(),
        grant: before.grant.clone(),
        request: before.request.clone(),
        bundle: before.bundle.clone(),
        receipt: before.receipt.clone(),
    };
    let whose = WALK[at].whose();
    world.rams[whose].cut(cut);
    let torn = world.step(WALK[at], 1);
    assert_eq!(torn, Err(StatusWord::MEMORY_FAILURE), "{:?} {cut:?}", WALK[at]);
    world.rams[whose].restart();
    world.check();
    for command in &WALK[at..] {
        world.redo(*command);
        world.check();
    }
    world.check_finished();
}

#[test]
fn attack_15_a_power_cut_at_each_write_of_each_command_makes_and_loses_nothing() {
    let mut cuts = 0;
    for (at, command) in WALK.iter().enumerate() {
        let (before, writes) = (World::after(at), writes_of(at));
        assert!(writes > 3, "{command:?} is one commit");
        for write in 0..writes {
            for (leaves, unsynced) in CUTS {
                let cut = Cut {
                    write,
                    leaves,
                    unsynced,
                };
                walk_with_cut(&before, at, cut);
                cuts += 1;
            }
        }
    }
    assert!(cuts > 100, "{cuts} cuts");
}

/// A purse that has redeemed and synced, begun to be rebased or not.
fn settled(has_begun: bool) -> Ram {
    let mut world = World::after(WALK.len());
    let mut payee = open(&mut world.rams[PAYEE]);
    let answered = answer(&payee.sync_upload().expect("it has a log"), payee.state());
    payee.sync_answer(&answered).expect("it is the answer to this");
    if has_begun {
        assert!(payee.run(|it| it.begin_rebase(&[9; 32])).is_ok());
    }
    drop(payee);
    world.rams[PAYEE].clone()
}

fn state_in(ram: &mut Ram) -> PurseState {
    open(ram).state().clone()
}

#[test]
fn a_power_cut_at_each_write_of_a_rebase_leaves_the_purse_or_its_successor() {
    let key = state_in(&mut settled(true)).successor().expect("it has begun");
    let next = successors(&state_in(&mut settled(true)), key.as_bytes()).to_bytes();
    for (has_begun, p1, data) in [(false, REBASE_BEGIN, vec![9; 32]), (true, REBASE_FINISH, next)] {
        let before = settled(has_begun);
        let rebase = |ram: &mut Ram| session(&mut open(ram), Interface::OwnHost)(INS_REBASE, p1, &data);
        let mut whole = before.clone();
        assert!(rebase(&mut whole).is_ok());
        let writes = whole.writes() - before.writes();
        let states = [state_in(&mut before.clone()), state_in(&mut whole)];
        assert!(writes > 3 && states[0] != states[1]);
        for (write, kind) in (0..writes).flat_map(|write| CUTS.map(|kind| (write, kind))) {
            let mut ram = before.clone();
            let (leaves, unsynced) = kind;
            ram.cut(Cut {
                write,
                leaves,
                unsynced,
            });
            assert_eq!(rebase(&mut ram), Err(StatusWord::MEMORY_FAILURE));
            ram.restart();
            assert!(states.contains(&state_in(&mut ram)), "{p1} {write} {kind:?}");
            assert!(rebase(&mut ram).is_ok());
            assert_eq!(state_in(&mut ram), states[1]);
        }
    }
}

#[test]
fn attack_16_a_corrupt_slot_leaves_the_other_or_locks_the_purse() {
    let mut world = World::after(3);
    let [before, _] = world.states();
    let ram = &mut world.rams[PAYER];
    let slot_units = (ram.content().len() - 2) / 2;
    let damaged = |slots: &[usize]| {
        let mut ram = ram.clone();
        for slot in slots {
            ram.content()[2 + slot * slot_units..][..slot_units].fill([0x5a; UNIT_BYTES]);
        }
        ram
    };
    // The slot that is not in use may go. The one that is holds what was released: no older one takes its place.
    let opened = [0, 1].map(|slot| Element::open(&mut damaged(&[slot])).map(|it| it.state().clone()));
    let same = opened
        .iter()
        .filter(|it| it.as_ref().is_ok_and(|state| *state == before));
    assert_eq!(same.count(), 1);
    let locked = opened.iter().filter(|it| matches!(it, Err(OpenError::Locked(_))));
    assert_eq!(locked.count(), 1);
    let both = Element::open(&mut damaged(&[0, 1])).map(|_| ());
    assert!(matches!(both, Err(OpenError::Locked(_))));
}

#[test]
fn attack_17_a_memory_that_is_put_back_pays_twice_at_one_place_of_its_log() {
    let mut world = World::after(1);
    let old = world.rams[PAYER].clone();
    let transfers = [1, 2].map(|nonce| {
        world.rams[PAYER] = old.clone();
        for command in [Ask, Pay, Accept] {
            // The payee cannot see it.
            world.step(command, nonce).expect("it looks as it should");
        }
        let [payer, _] = world.states();
        payer.log()[0].payment().expect("it has paid").transfer.clone()
    });
    // The ledger can: two bodies at one place.
    let [payer, _] = world.states();
    let proof = FraudProof::new(payer.certificate().clone(), transfers).expect("it is fraud");
    assert_eq!(proof.verify(), Ok(()));
}

#[test]
fn after_a_write_that_failed_the_element_says_nothing_until_it_is_opened_again() {
    let mut world = World::after(2);
    let request = world.request.clone();
    let ram = &mut world.rams[PAYER];
    ram.cut(Cut {
        write: 0,
        leaves: Leaves::Old,
        unsynced: Unsynced::Kept,
    });
    let mut element = open(ram);
    for _ in 0..2 {
        assert_eq!(tap(&mut element, INS_PAY, &request), Err(StatusWord::MEMORY_FAILURE));
    }
    let asked = element.run(|it| it.load_request(Amount(5), Nonce16([1; 16])));
    assert!(matches!(asked, Err(ElementError::Commit(CommitError::Spent))));
}
