use causeway_contracts::offline::{
    ids::{ListVersion, LoadCounter, MessageId},
    messages::RevocationDelta,
    revocation::RevocationList,
    signed::Signed,
};
use proptest::prelude::*;

use super::*;
use crate::offline::issuer::{
    events::Events,
    example::{HOUR, RULES, block, keys, load, purse},
    plan::{self, Known, Standing},
};

fn file() -> JournalFile {
    let genesis = GenesisHash([7; 32]);
    JournalFile::in_folder(Path::new("/nowhere"), genesis, Currency::new("EUR").expect("a code"))
}

/// With one message of each kind.
fn journal() -> Journal {
    let mut blocks = [block(9, 1)];
    blocks[0].loads = vec![load(1, 1)];
    let list = RevocationList::new(ListVersion(4), Epoch(HOUR), vec![]).expect("in order");
    let standings = BTreeMap::from([(purse(2), Standing::Guilty), (purse(3), Standing::Overspent)]);
    let known = Known {
        list: &list,
        beacon: Some(Epoch(HOUR)),
        standings: &standings,
    };
    let before = Journal {
        book: Book {
            height: Height(8),
            block: Some(block(8, 0).block),
            ..Book::default()
        },
        open: None,
    };
    let plan = plan::plan(&before.book, &blocks, &known, &RULES, &keys().ids());
    before.begin(&plan, &keys())
}

/// Stored: a test here that fails is a change of the format.
#[test]
fn a_journal_has_this_form() {
    let text = String::from_utf8(file().bytes(&journal())).expect("text");
    assert!(text == include_str!("cursor.golden.json").trim_end(), "{text}");
    assert_eq!(file().parse(text.as_bytes()).expect("read back"), journal());
}

#[test]
fn what_is_not_this_services_is_refused() {
    let text = String::from_utf8(file().bytes(&journal())).expect("text");
    let refuse = |text: &str| file().parse(text.as_bytes()).expect_err("refused").to_string();
    assert!(refuse(&text[1..]).contains("is not what this service wrote"));
    assert!(refuse(&text.replace("EUR", "THB")).contains("is of the issuer of THB"));
    assert!(refuse(&text.replacen("\"0201", "\"0g01", 1)).contains("not in hexadecimal digits"));
    assert!(refuse(&text.replacen("\"0201", "\"0202", 1)).contains("an open message"));
}

#[test]
fn what_another_key_signed_is_signed_again() {
    let open = journal();
    assert_eq!(open.clone().reopened(&keys().ids()), open);
    let mut others = keys();
    others.beacon = crate::offline::issuer::example::secret(63);
    let again = open.clone().reopened(&others.ids());
    assert_eq!((again.book, again.open), (open.book, None));
}

/// What the blocks of a world say of purses, each of 1 to 5.
#[derive(Debug, Clone)]
enum Said {
    Load(u16),
    Revoke(u16),
    Overspend(u16),
    Lift(u16),
    Nothing,
}

fn said() -> impl Strategy<Value = Said> {
    let number = || 1..6_u16;
    prop_oneof![
        3 => number().prop_map(Said::Load),
        1 => number().prop_map(Said::Revoke),
        1 => number().prop_map(Said::Overspend),
        1 => number().prop_map(Said::Lift),
        2 => Just(Said::Nothing),
    ]
}

/// A ledger as far as the service meets it: blocks in a row, and of each message the one that came first.
struct World {
    blocks: Vec<Events>,
    said: Vec<Vec<Said>>,
    grants: BTreeMap<(PurseId, LoadCounter), MessageId>,
    deltas: Vec<Signed<RevocationDelta>>,
    beacons: BTreeMap<Epoch, Message>,
    /// All that has left the service, by what there may be one of.
    left: BTreeMap<(u8, u64, u64), Vec<u8>>,
    /// How many messages have been taken for the first time.
    news: usize,
}

impl World {
    fn new(script: &[(u32, Vec<Said>)]) -> Self {
        let (mut blocks, mut said, mut hours) = (Vec::new(), Vec::new(), 0);
        let mut loads: BTreeMap<u16, u32> = BTreeMap::new();
        for (height, (later, words)) in (1..).zip(script) {
            hours += later;
            let mut next = block(height, hours);
            for word in words {
                match *word {
                    Said::Load(number) => {
                        let counter = loads.entry(number).or_default();
                        *counter += 1;
                        next.loads.push(load(number, *counter));
                    }
                    Said::Revoke(number) => {
                        next.revoked.insert(purse(number));
                    }
                    Said::Overspend(number) | Said::Lift(number) => {
                        next.suspects.insert(purse(number));
                    }
                    Said::Nothing => {}
                }
            }
            blocks.push(next);
            said.push(words.clone());
        }
        // After it nobody waits any more.
        blocks.push(block(blocks.len() as u64 + 1, hours + RULES.lot_proof_hours));
        said.push(Vec::new());
        Self {
            blocks,
            said,
            grants: BTreeMap::new(),
            deltas: Vec::new(),
            beacons: BTreeMap::new(),
            left: BTreeMap::new(),
            news: 0,
        }
    }

    /// How a purse stands after so many blocks.
    fn standing(&self, id: PurseId, blocks: usize) -> Standing {
        let mut standing = Standing::Sound;
        for word in self.said[..blocks].iter().flatten() {
            match *word {
                Said::Revoke(number) if purse(number) == id => return Standing::Guilty,
                Said::Overspend(number) if purse(number) == id => standing = Standing::Overspent,
                Said::Lift(number) if purse(number) == id => standing = Standing::Sound,
                _ => {}
            }
        }
        standing
    }

    fn list(&self) -> RevocationList {
        let mut list = RevocationList::default();
        self.deltas
            .iter()
            .for_each(|delta| list.apply(&delta.body).expect("in order"));
        list
    }

    /// Takes what comes first, and the same again.
    fn take(&mut self, message: &Message) {
        let place = match message {
            Message::Grant(it) => (0, u64::from_be_bytes(it.body.purse.0), it.body.load_counter.0.into()),
            Message::RevocationDelta(it) => (1, it.body.version.0.into(), 0),
            Message::Beacon(it) => (2, it.body.epoch.0.into(), 0),
            other => panic!("the service signs no such message for all: {other:?}"),
        };
        let before = self.left.entry(place).or_insert_with(|| message.to_bytes());
        assert_eq!(*before, message.to_bytes(), "two bodies for one place");
        match message {
            Message::Grant(it) => {
                let known = self.grants.insert((it.body.purse, it.body.load_counter), it.id());
                self.news += usize::from(known.is_none());
            }
            Message::RevocationDelta(it) => {
                if it.body.previous == self.list().version() {
                    self.deltas.push(it.clone());
                    self.news += 1;
                }
                let known = self.deltas.iter().find(|delta| delta.body.version == it.body.version);
                assert_eq!(known, Some(it), "the next version, or the same again");
            }
            Message::Beacon(it) => {
                assert!(it.body.list_version <= self.list().version());
                let newest = self.beacons.keys().next_back().copied();
                let known = self.beacons.insert(it.body.epoch, message.clone());
                assert!(known.is_some() || newest < Some(it.body.epoch), "hours ascend");
                self.news += usize::from(known.is_none());
            }
            _ => unreachable!("checked above"),
        }
    }
}

/// The service as it is run, until its power is used up: it has some for each write and each message.
struct Life<'a> {
    world: &'a mut World,
    disk: &'a mut Option<Vec<u8>>,
    power: usize,
    /// How many blocks are looked at together.
    together: usize,
    /// How many blocks the ledger is ahead, as it is for a service that was away.
    ahead: usize,
}

/// The power is used up.
#[derive(Debug)]
struct Crash;

impl Life<'_> {
    fn spend(&mut self) -> Result<(), Crash> {
        self.power = self.power.checked_sub(1).ok_or(Crash)?;
        Ok(())
    }

    fn save(&mut self, journal: &Journal) -> Result<(), Crash> {
        self.spend()?;
        *self.disk = Some(file().bytes(journal));
        self.spend()
    }

    fn finish(&mut self, journal: Journal) -> Result<Journal, Crash> {
        let Some(open) = &journal.open else {
            return Ok(journal);
        };
        for message in &open.messages {
            self.spend()?;
            self.world.take(message);
        }
        let journal = journal.done();
        self.save(&journal)?;
        Ok(journal)
    }

    fn run(&mut self) -> Result<(), Crash> {
        let journal = match self.disk.as_deref() {
            Some(bytes) => file().parse(bytes).expect("what was written"),
            None => Journal::default(),
        };
        let mut journal = self.finish(journal.reopened(&keys().ids()))?;
        let mut seen = 0;
        loop {
            let from = usize::try_from(journal.book.height.0).expect("few blocks");
            let to = (from + self.together).min(self.world.blocks.len());
            if from == to {
                return Ok(());
            }
            seen = seen.max(to.saturating_add(self.ahead).min(self.world.blocks.len()));
            let (events, list) = (self.world.blocks[from..to].to_vec(), self.world.list());
            let asked = plan::asked_of(&journal.book, &events, &list, &RULES);
            let standings = asked
                .into_iter()
                .map(|id| (id, self.world.standing(id, seen)))
                .collect();
            let known = Known {
                list: &list,
                beacon: self.world.beacons.keys().next_back().copied(),
                standings: &standings,
            };
            let plan = plan::plan(&journal.book, &events, &known, &RULES, &keys().ids());
            assert_eq!(plan, plan::plan(&journal.book, &events, &known, &RULES, &keys().ids()));
            journal = journal.begin(&plan, &keys());
            if journal.open.is_some() {
                self.save(&journal)?;
            }
            journal = self.finish(journal)?;
        }
    }
}

proptest! {
    #[test]
    fn invariant_no_crash_makes_the_service_sign_two_bodies_or_forget_anything(
        script in prop::collection::vec((0..3_u32, prop::collection::vec(said(), 0..4)), 1..20),
        lives in prop::collection::vec((0..20_usize, 1..5_usize), 0..8),
    ) {
        let (mut world, mut disk) = (World::new(&script), None);
        for (power, together) in lives {
            let _ = Life { world: &mut world, disk: &mut disk, power, together, ahead: together }.run();
        }
        let mut last = |disk: &mut Option<Vec<u8>>, ahead| {
            Life { world: &mut world, disk, power: usize::MAX, together: 2, ahead }.run().expect("power enough");
            let list = world.list();
            for number in 1..6 {
                if world.standing(purse(number), world.blocks.len()) != Standing::Sound {
                    assert!(list.has_purse(purse(number)), "{number} is not listed");
                }
            }
            for load in world.blocks.iter().flat_map(|block| &block.loads) {
                let is_granted = world.grants.contains_key(&(load.purse, load.counter));
                assert!(is_granted || list.has_purse(load.purse), "{load:?}");
            }
            let (hour, newest) = world.beacons.last_key_value().expect("there is one");
            assert_eq!(*hour, world.blocks.last().expect("there is one").hour);
            let Message::Beacon(newest) = newest else { unreachable!("only beacons are there") };
            assert_eq!(list.is_of(&newest.body), Some(true));
            world.news
        };
        let news = last(&mut disk, 1);
        // Without the file it looks at all blocks again, and says nothing that was not said.
        prop_assert_eq!(last(&mut None, usize::MAX), news);
    }
}
