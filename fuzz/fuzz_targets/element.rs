//! Two purses and what their hosts, readers and issuer may bring them: commands in any order, whose data is made up or
//! what a purse or the issuer has said before, perhaps changed. Together they never hold more than was loaded.

#![no_main]

use std::sync::{Mutex, OnceLock};

use causeway_contracts::{
    codec::Bounded,
    keys::{PublicKey, SecretKey},
    money::Amount,
    offline::{
        field::Fixed,
        ids::{CurrencyIndex, Epoch, Id16, KeyId, ListVersion, PurseId, RevocationEntry, Serial},
        issuer::{IssuerKey, IssuerKeys, KeyRole},
        message::Message,
        messages::{
            Beacon, Certificate, Class, Grant, LogEntry, PaymentStatus, RevocationDelta, Settled, SettledStatus,
            SyncAnswer,
        },
        purse::{NewPurse, PurseState, Rules, Step},
        revocation::RevocationList,
        signed::{Body, Signed},
    },
};
use causeway_wallet::offline::{
    card::{Applet, DATA_BYTES_MAX, IsoStatus, StatusWord},
    element::{
        Element,
        applet::{Interface, PurseApplet},
    },
    memory::{Unit, ram::Ram, store::format},
};
use libfuzzer_sys::fuzz_target;

const HOUR: Epoch = Epoch(490_000);
const CURRENCY: CurrencyIndex = CurrencyIndex(1);
const LOAD: Amount = Amount(10_000);

/// Commands of an input, and answers that are remembered for later ones.
const COMMANDS_MAX: usize = 64;
const SAID_MAX: usize = 16;

/// As much as so few commands can fill.
const STATE_BYTES_MAX: usize = 200_000;

/// What is neither a command nor from a purse.
const END_SESSION: u8 = 0xf0;
const ISSUER_GRANTS: u8 = 0xf1;
const ISSUER_ANSWERS: u8 = 0xf2;
const ISSUER_TELLS: u8 = 0xf3;
const ISSUER_CERTIFIES: u8 = 0xf4;

fn secret(role: KeyRole) -> SecretKey {
    SecretKey::from_seed(&[60 + role as u8; 32])
}

fn by_issuer<M: Body>(body: M, role: KeyRole) -> Signed<M> {
    Signed::sign(body, &secret(role)).expect("a sound message")
}

fn issuer(role: KeyRole) -> KeyId {
    KeyId::of(&secret(role).public_key())
}

fn certificate(purse: PurseId, key: PublicKey) -> Certificate {
    Certificate {
        issuer: issuer(KeyRole::Certificate),
        purse,
        key,
        currency: CURRENCY,
        class: Class::PERSON,
        not_before: HOUR,
        not_after: Epoch(HOUR.0 + 14 * 24),
        payment_max: Amount(50_000),
        balance_max: Amount(200_000),
        paid_max: Amount(200_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(1),
    }
}

/// The memory of a new purse of that number, with the PIN 4711.
fn new_memory(number: u8) -> Vec<Unit> {
    let key = |role| IssuerKey {
        key: secret(role).public_key(),
        role,
        currency: CURRENCY,
    };
    let keys = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon].map(key);
    let seed = [100 + number; 32];
    let own = certificate(PurseId([number; 8]), SecretKey::from_seed(&seed).public_key());
    let new = NewPurse {
        certificate: by_issuer(own, KeyRole::Certificate),
        keys: IssuerKeys::new(keys.to_vec()).expect("three keys"),
        rules: Rules::DEVNET,
        revoked: RevocationList::new(ListVersion(0), HOUR, vec![]).expect("nothing is in order"),
        epoch: HOUR,
    };
    let state = PurseState::new(seed, "4711", new).expect("a purse");
    format(&state, STATE_BYTES_MAX).expect("it fits").to_vec()
}

/// The issuer, who is honest: each load is granted once, and what is pending is paid or stays so.
#[derive(Default)]
struct Issuer {
    granted: Vec<Id16>,
    list: RevocationList,
}

impl Issuer {
    fn loaded(&self) -> u64 {
        self.granted.len() as u64 * LOAD.0
    }

    /// For the next load of the purse, or once more for one before.
    fn grant(&mut self, state: &PurseState) -> Vec<u8> {
        let counter = state.counters().load_counter;
        let mut load = [state.id().0[0]; 16];
        load[..4].copy_from_slice(&counter.0.to_be_bytes());
        let load = Id16(load);
        if !self.granted.contains(&load) {
            self.granted.push(load);
        }
        let grant = Grant {
            issuer: issuer(KeyRole::Grant),
            load,
            purse: state.id(),
            load_counter: counter,
            amount: LOAD,
            currency: CURRENCY,
            epoch: HOUR,
            expiry: Epoch(HOUR.0 + 30 * 24),
        };
        by_issuer(grant, KeyRole::Grant).to_bytes()
    }

    fn answer(&self, state: &PurseState) -> Option<Vec<u8>> {
        let Step { release, .. } = state.sync_upload().ok()?;
        let sync = &release.upload;
        let paid = |entry: &LogEntry| Settled {
            seq: entry.seq,
            status: SettledStatus::Paid,
        };
        let pending = sync
            .body
            .log
            .iter()
            .filter(|entry| entry.status == PaymentStatus::Pending);
        let answer = SyncAnswer {
            direction: Fixed,
            issuer: issuer(KeyRole::Grant),
            purse: state.id(),
            upload: sync.id(),
            epoch: sync.body.epoch,
            list_version: sync.body.list_version,
            settled: Bounded::new(pending.map(paid).collect()).expect("as many"),
        };
        let own = &state.certificate().body;
        let next = Certificate {
            serial: Serial(own.serial.0 + 1),
            ..own.clone()
        };
        let messages = [
            Message::from(by_issuer(answer, KeyRole::Grant)),
            by_issuer(next, KeyRole::Certificate).into(),
        ];
        Some(Message::concatenate(&messages))
    }

    /// The next hour and the next version of the list, with the second of these purses or with one that is neither.
    fn news(&mut self, lists_second: bool) -> Vec<u8> {
        let version = ListVersion(self.list.version().0 + 1);
        let epoch = Epoch(HOUR.0 + version.0);
        let listed = if lists_second { 2 } else { 100 + version.0 as u8 };
        let delta = RevocationDelta {
            issuer: issuer(KeyRole::Beacon),
            version,
            previous: self.list.version(),
            epoch,
            entries: Bounded::new(vec![RevocationEntry::purse(PurseId([listed; 8]))]).expect("one"),
        };
        if self.list.apply(&delta).is_err() {
            return Vec::new();
        }
        let beacon = Beacon {
            issuer: issuer(KeyRole::Beacon),
            epoch,
            list_version: version,
            list_root: self.list.root(),
        };
        Message::concatenate(&[
            by_issuer(delta, KeyRole::Beacon).into(),
            by_issuer(beacon, KeyRole::Beacon).into(),
        ])
    }
}

/// What is said to whom, with what is left of the input.
struct Input<'a> {
    bytes: &'a [u8],
    said: Vec<Vec<u8>>,
}

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn remember(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        if self.said.len() == SAID_MAX {
            self.said.remove(0);
        }
        self.said.push(bytes);
    }

    /// One that was said before: 0 the latest. From 64 on some of its bytes are cut off in front, which the next two
    /// count, and from 128 on one is changed; from 192 on it is made of so many bytes that follow.
    fn data(&mut self, source: u8) -> Option<Vec<u8>> {
        if source >= 192 {
            let count = usize::from(source - 192);
            let (data, rest) = self.bytes.split_at_checked(count)?;
            self.bytes = rest;
            return Some(data.to_vec());
        }
        let said = self.said.iter().rev().nth(usize::from(source % 64) % SAID_MAX);
        let mut data = said.cloned().unwrap_or_default();
        match source {
            0..64 => {}
            64..128 => {
                let from = usize::from(u16::from_be_bytes(self.take()?));
                data.drain(..from.min(data.len()));
            }
            _ => {
                let [high, low, value] = self.take()?;
                if let Some(byte) = data.get_mut(usize::from(u16::from_be_bytes([high, low]))) {
                    *byte ^= value;
                }
            }
        }
        Some(data)
    }
}

fuzz_target!(|bytes: &[u8]| {
    static MEMORIES: OnceLock<[Vec<Unit>; 2]> = OnceLock::new();
    let mut rams = MEMORIES.get_or_init(|| [1, 2].map(new_memory)).each_ref().map(Ram::new);
    let mut issuer = Issuer::default();
    let states = {
        let [first, second] = &mut rams;
        let elements = [first, second].map(|ram| Mutex::new(Element::open(ram).expect("it is new")));
        run(bytes, &elements, &mut issuer);
        elements.map(|element| element.into_inner().expect("nothing panics").state().to_bytes())
    };
    for (mut ram, state) in rams.into_iter().zip(states) {
        let again = Element::<&mut Ram>::open(&mut ram).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.state().to_bytes(), state, "what was said is what is kept");
    }
});

fn run(bytes: &[u8], elements: &[Mutex<Element<&mut Ram>>; 2], issuer: &mut Issuer) {
    let at = |interface| elements.each_ref().map(|element| PurseApplet::new(element, interface));
    let mut applets = [at(Interface::OwnHost), at(Interface::Reader)];
    let state = |number: usize| elements[number].lock().expect("nothing panics").state().clone();
    let mut input = Input {
        bytes,
        said: Vec::new(),
    };
    for _ in 0..COMMANDS_MAX {
        // Whose and by which interface, in its lowest two bits; then the command.
        let Some([whose, ins, p1, p2, source]) = input.take() else {
            return;
        };
        let number = usize::from(whose & 1);
        let applet = &mut applets[usize::from(whose >> 1 & 1)][number];
        let Some(data) = input.data(source) else {
            return;
        };
        let said = match ins {
            END_SESSION => {
                applet.end_session();
                Vec::new()
            }
            ISSUER_GRANTS => issuer.grant(&state(number)),
            ISSUER_ANSWERS => issuer.answer(&state(number)).unwrap_or_default(),
            ISSUER_TELLS => issuer.news(p1 == 1),
            ISSUER_CERTIFIES => successor(&state(number)).unwrap_or_default(),
            _ => {
                let data = &data[..data.len().min(DATA_BYTES_MAX)];
                let (said, status) = applet.apdu(ins, p1, p2, data);
                assert!(said.len() <= DATA_BYTES_MAX);
                assert!(status == StatusWord::OK || said.is_empty(), "a refusal says no more");
                assert_ne!(status, StatusWord::MEMORY_FAILURE, "there is room");
                said
            }
        };
        input.remember(said);
        let held = state(0).balance().0 + state(1).balance().0;
        assert!(held <= issuer.loaded(), "{held} of {}", issuer.loaded());
    }
}

/// Of the key that the purse has drawn.
fn successor(state: &PurseState) -> Option<Vec<u8>> {
    let purse = PurseId([state.id().0[0] + 10; 8]);
    Some(by_issuer(certificate(purse, state.successor()?), KeyRole::Certificate).to_bytes())
}
