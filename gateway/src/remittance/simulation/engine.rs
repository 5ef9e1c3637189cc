//! What works off steps, as the core's documentation asks it to: stored before it is sent, and stopped at any point.

use causeway_contracts::transaction::TxId;

use super::{
    super::{
        Cause, Intent, Purpose, Remittance,
        fact::{Fact, Telling},
        state::{Change, Side, State},
        step::Step,
        tests::fixture,
    },
    World,
    ledger::Content,
};

/// One that is asked more often at one moment is not held back.
const STEPS_MAX: u32 = 24;

/// A ledger that is so far past what was said must have it.
const CONFIRM_MS: u64 = 5_000;

/// The process stops, and what was not stored is forgotten.
struct Crash;

/// A call over the network failed, or its answer did.
struct Lost;

impl World {
    /// As many steps as there are now.
    pub fn work(&mut self, side: Side) {
        if self.is_gone(side) {
            return;
        }
        for _ in 0..STEPS_MAX {
            let Some(copy) = self.copy(side) else { return };
            let step = copy.next(self.now_ms, self.temper.accepts);
            if let Step::Wait(until_ms) = step {
                assert!(until_ms > self.now_ms, "seed {}: waits for the past", self.seed);
            }
            if matches!(step, Step::Wait(_) | Step::Done) {
                return;
            }
            let copy = copy.clone();
            if self.perform(side, step, copy).is_err() || (!self.is_calm && self.dice.chance(300)) {
                return;
            }
        }
        panic!("seed {}: busy: {:#?}", self.seed, self.copy(side));
    }

    fn may_crash(&mut self) -> Result<(), Crash> {
        if !self.is_calm && self.dice.chance(self.temper.crash) {
            Err(Crash)
        } else {
            Ok(())
        }
    }

    fn may_lose(&mut self) -> Result<(), Lost> {
        if !self.is_calm && self.dice.chance(self.temper.loss) {
            Err(Lost)
        } else {
            Ok(())
        }
    }

    fn perform(&mut self, side: Side, step: Step, mut copy: Remittance) -> Result<(), Crash> {
        self.may_crash()?;
        let now_ms = self.now_ms;
        match step {
            Step::Introduce => match self.introduce() {
                Ok(true) => copy.introduced = true,
                Ok(false) => copy.take(Change::Failed, now_ms).expect("unreserved"),
                Err(Lost) => copy.failed(now_ms),
            },
            Step::Screen => {
                copy.is_screened = true;
                copy.touched();
                if self.temper.hits[side as usize] {
                    let change = Change::Held(side);
                    copy.apply(change, now_ms, Cause::by(copy.us())).expect("screened");
                    if side == Side::Beneficiary {
                        copy.untold.push(Fact::Held);
                    }
                }
            }
            Step::Sign(purpose) => self.sign(&mut copy, purpose),
            Step::Settle => self.settle(&mut copy)?,
            Step::Confirm(purpose, id) => self.confirm(&mut copy, purpose, id),
            Step::LookAtHold => match (self.may_lose(), self.ledger.end) {
                (Err(Lost), _) => copy.failed(now_ms),
                (Ok(()), Some(end)) => copy.hold_ended(end.how, Some(end.height), now_ms).expect("reserved"),
                (Ok(()), None) => copy.hold_is_open(now_ms),
            },
            Step::Tell => match self.tell(side.other(), copy.telling().expect("there is something to tell")) {
                Ok(()) => copy.told(),
                Err(Lost) => copy.not_told(now_ms),
            },
            Step::Take(change) => copy.take(change, now_ms).expect("it is due"),
            Step::Wait(_) | Step::Done => unreachable!("nothing to perform"),
        }
        self.may_crash()?;
        self.store(side, copy);
        Ok(())
    }

    /// Whether the other operator has taken the order.
    fn introduce(&mut self) -> Result<bool, Lost> {
        self.way()?;
        if self.copy(Side::Beneficiary).is_none() {
            if self.temper.is_refused {
                return Ok(false);
            }
            let mut copy = fixture::remittance(Side::Beneficiary);
            copy.is_direct = self.temper.is_direct;
            self.store(Side::Beneficiary, copy);
        }
        self.way()?;
        Ok(true)
    }

    fn way(&mut self) -> Result<(), Lost> {
        let is_gone = self.is_calm && self.temper.gone.is_some();
        if is_gone || self.now_ms < self.cut_until_ms {
            return Err(Lost);
        }
        self.may_lose()
    }

    pub fn sign(&mut self, copy: &mut Remittance, purpose: Purpose) {
        assert!(copy.intent.is_none(), "nothing else is signed");
        self.transactions += 1;
        let content = Content {
            purpose,
            by: copy.side,
            valid_until_ms: self.now_ms + 1_000 + self.dice.below(20_000),
            hold_until: copy.hold_until(self.now_ms),
        };
        let mut id = [0; 32];
        id[..8].copy_from_slice(&self.transactions.to_be_bytes());
        copy.intent = Some(Intent {
            purpose,
            id: TxId(id),
            bytes: serde_json::to_string(&content).unwrap(),
        });
    }

    fn settle(&mut self, copy: &mut Remittance) -> Result<(), Crash> {
        let intent = copy.intent.as_ref().expect("something is signed");
        let (id, purpose) = (intent.id, intent.purpose);
        let content: Content = serde_json::from_str(&intent.bytes).unwrap();
        if self.may_lose().is_ok() {
            self.ledger.submit(id, content);
        }
        self.may_crash()?;
        if self.may_lose().is_err() {
            copy.failed(self.now_ms);
            return Ok(());
        }
        match self.ledger.receipt(&id) {
            Some(receipt) if receipt.is_applied => {
                let height = receipt.height;
                self.note_hold(copy, purpose);
                copy.settled(purpose, height, self.now_ms).expect("it was due");
            }
            Some(_) => copy.unsettled(self.now_ms),
            None if self.ledger.time_ms > content.valid_until_ms => copy.unsettled(self.now_ms),
            None => copy.failed(self.now_ms),
        }
        Ok(())
    }

    fn note_hold(&self, copy: &mut Remittance, purpose: Purpose) {
        if purpose == Purpose::Reserve {
            let (hold, until) = self.ledger.hold().expect("it is reserved");
            copy.ledger.hold = Some(hold);
            copy.ledger.hold_expires_at = Some(until);
        }
    }

    fn confirm(&mut self, copy: &mut Remittance, purpose: Purpose, id: TxId) {
        if self.may_lose().is_err() {
            return copy.failed(self.now_ms);
        }
        match self.ledger.receipt(&id) {
            Some(receipt) => {
                assert!(
                    receipt.is_applied && receipt.content.purpose == purpose,
                    "only pointed to so"
                );
                let (by, height) = (receipt.content.by, receipt.height);
                self.note_hold(copy, purpose);
                copy.confirmed(purpose, by, height, id, self.now_ms)
                    .expect("it was due");
            }
            None if self.ledger.time_ms > copy.ledger.pointed_ms + CONFIRM_MS => {
                assert_eq!(self.temper.liar, Some(copy.side.other()), "seed {}", self.seed);
                copy.not_so(purpose);
            }
            None => copy.failed(self.now_ms),
        }
    }

    fn tell(&mut self, to: Side, telling: Telling) -> Result<(), Lost> {
        if !self.is_calm && self.dice.chance(self.temper.loss / 2) {
            self.late.push((to, telling.clone()));
        }
        self.way()?;
        self.hear(to, &telling)?;
        self.way()
    }

    /// What is refused for good has been told too.
    fn hear(&mut self, side: Side, telling: &Telling) -> Result<(), Lost> {
        let Some(copy) = self.copy(side) else {
            assert_eq!(
                telling.fact,
                Fact::Withdrawn,
                "seed {}: the order never arrived",
                self.seed
            );
            return Ok(());
        };
        let mut copy = copy.clone();
        let heard = copy.hear(telling, self.now_ms);
        if self.may_crash().is_err() {
            return Err(Lost);
        }
        match heard {
            Ok(()) => self.store(side, copy),
            // Only what does not matter any more.
            Err(_) => assert!(
                copy.timeline
                    .iter()
                    .any(|moment| moment.state.is_end() || moment.state == State::PayingOut)
                    || self.temper.liar.is_some()
                    || self.temper.is_hasty,
                "seed {}: refused {telling:?}: {copy:#?}",
                self.seed,
            ),
        }
        Ok(())
    }

    pub fn deliver_late(&mut self) {
        let is_up = !self.is_calm || self.temper.gone.is_none();
        if is_up && !self.late.is_empty() && self.dice.chance(200) {
            let place = usize::try_from(self.dice.below(self.late.len() as u64)).unwrap();
            let (to, telling) = self.late.swap_remove(place);
            // Nobody waits for the answer.
            let (Ok(()) | Err(Lost)) = self.hear(to, &telling);
        }
    }
}
