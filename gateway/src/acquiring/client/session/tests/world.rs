//! A client and a host with a network between them that loses, repeats and reorders: each purchase has one effect.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::acquiring::host::{HostSession, LineId, Operation, Outcome, RequestId as HostId};

/// Whom a message in the network is for.
enum Packet {
    ToHost(Message),
    ToClient(Message),
}

#[derive(Debug, Clone)]
enum Step {
    Request,
    Deliver(usize),
    Lose(usize),
    Duplicate(usize),
    Decide(usize, bool),
    Reconnect,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Request),
        6 => any::<usize>().prop_map(Step::Deliver),
        2 => any::<usize>().prop_map(Step::Lose),
        2 => any::<usize>().prop_map(Step::Duplicate),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, approves)| Step::Decide(which, approves)),
        1 => Just(Step::Reconnect),
        3 => (0_u64..150).prop_map(Step::Wait),
    ];
    vec(step, 0..80)
}

/// A client and a host with a network between them, and the issuer's books.
struct World {
    client: ClientSession,
    host: HostSession,
    network: Vec<Packet>,
    undecided: Vec<(HostId, host::Request)>,
    paid: BTreeMap<usize, i32>,
    ids: BTreeMap<RequestId, usize>,
    /// What the client was told: the answer's code, or that time was over.
    told: BTreeMap<usize, Option<String>>,
    line: u64,
    now_ms: u64,
}

impl World {
    fn new() -> Self {
        let limits = host::Limits {
            undecided_max: 1_000,
            remembered_max: 1_000,
        };
        let mut world = Self {
            client: ClientSession::new(LIMITS, Vec::new(), 0),
            host: HostSession::new(limits),
            network: Vec::new(),
            undecided: Vec::new(),
            paid: BTreeMap::new(),
            ids: BTreeMap::new(),
            told: BTreeMap::new(),
            line: 0,
            now_ms: 0,
        };
        world.reconnect();
        world
    }

    /// What was in the network arrives all the same, or is lost by a later step: the host may have read it before.
    fn reconnect(&mut self) {
        self.client.disconnected();
        self.host.closed(LineId(self.line));
        self.line += 1;
        let effects = self.client.connected(self.now_ms);
        self.apply(effects);
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.network.push(Packet::ToHost(message)),
                Effect::Close => self.reconnect(),
                Effect::Ended(id, answer) => {
                    let code = answer.ok().and_then(|answer| answer.text(39).map(str::to_owned));
                    let told = self.told.insert(self.ids[&id], code);
                    assert_eq!(told, None, "told twice");
                }
                Effect::KeepAlive | Effect::SignedOn | Effect::KeyRefused | Effect::Reversed { .. } => {}
            }
        }
    }

    fn host_did(&mut self, effects: Vec<host::Effect>) {
        for effect in effects {
            match effect {
                host::Effect::Answer { message, .. } => self.network.push(Packet::ToClient(message)),
                host::Effect::Decide { id, request } => self.undecided.push((id, request)),
            }
        }
    }

    fn deliver(&mut self, packet: Packet) {
        match packet {
            Packet::ToHost(message) => {
                let effects = self.host.handle(LineId(self.line), message, self.now_ms);
                self.host_did(effects);
            }
            Packet::ToClient(message) => {
                let effects = self.client.heard(message, self.now_ms);
                self.apply(effects);
            }
        }
    }

    fn request(&mut self) {
        let trace = self.ids.len();
        if let Ok((id, _)) = self.client.take(purchase(trace), self.now_ms) {
            self.ids.insert(id, trace);
            let effects = self.client.send(id, self.now_ms);
            self.apply(effects);
        }
    }

    fn decide(&mut self, which: usize, approves: bool) {
        let (id, request) = self.undecided.swap_remove(which % self.undecided.len());
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).expect("digits");
        let outcome = match request.operation {
            Operation::Purchase if approves => {
                *self.paid.entry(number(request.message.text(11))).or_default() += 1;
                Outcome::Approved
            }
            Operation::Purchase => Outcome::DoNotHonour,
            _ if request.original.is_none() => Outcome::NoSuchOriginal,
            _ if !approves => Outcome::IssuerUnavailable,
            _ => {
                let original = number(request.message.text(90).map(|text| &text[4..10]));
                *self.paid.entry(original).or_default() -= 1;
                Outcome::Approved
            }
        };
        let effects = self.host.decided(id, outcome.into());
        self.host_did(effects);
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now_ms += milliseconds;
        let effects = self.client.tick(self.now_ms);
        self.apply(effects);
    }

    fn step(&mut self, step: Step) {
        let at = |which: usize| which % self.network.len().max(1);
        match step {
            Step::Request => self.request(),
            Step::Reconnect => self.reconnect(),
            Step::Wait(milliseconds) => self.wait(milliseconds),
            Step::Decide(which, approves) if !self.undecided.is_empty() => self.decide(which, approves),
            Step::Deliver(which) if !self.network.is_empty() => {
                let packet = self.network.remove(at(which));
                self.deliver(packet);
            }
            Step::Lose(which) if !self.network.is_empty() => drop(self.network.remove(at(which))),
            Step::Duplicate(which) if !self.network.is_empty() => {
                let copy = match &self.network[at(which)] {
                    Packet::ToHost(message) => Packet::ToHost(message.clone()),
                    Packet::ToClient(message) => Packet::ToClient(message.clone()),
                };
                self.network.push(copy);
            }
            _ => {}
        }
    }

    /// Faults are over: everything arrives and is decided.
    fn settle(&mut self) {
        for _ in 0..50 {
            while !self.network.is_empty() || !self.undecided.is_empty() {
                while !self.network.is_empty() {
                    let packet = self.network.remove(0);
                    self.deliver(packet);
                }
                while !self.undecided.is_empty() {
                    self.decide(0, true);
                }
            }
            self.wait(60);
        }
    }
}

proptest! {
    #[test]
    fn invariant_each_purchase_has_one_effect_and_each_reversed_one_none(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            prop_assert!(world.paid.values().all(|paid| (0..=1).contains(paid)), "{:?}", world.paid);
        }
        world.settle();
        prop_assert!(world.client.is_signed_on());
        prop_assert_eq!((world.client.reversals(), world.told.len()), (0, world.ids.len()));
        for (trace, code) in &world.told {
            let paid = world.paid.get(trace).copied().unwrap_or_default();
            prop_assert_eq!(paid, i32::from(code.as_deref() == Some("00")), "{} was told {:?}", trace, code);
        }
    }
}
