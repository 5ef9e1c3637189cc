//! Purses against a simpler model: numbers alone.
//!
//! The model knows who has how much and what is under way. Whatever is sent to whomever, again and in any order, each
//! purse has what the model says, and this holds: lots, transfers neither accepted nor given back, grants not yet
//! accepted and redemptions not yet applied are what was loaded less what was redeemed and refunded.

use std::collections::BTreeMap;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::*;
use crate::offline::{
    bundle::Bundle,
    messages::PaymentStatus,
    purse::{LOG_MAX, load::Loaded, request::SignedAnswer},
};

const PURSES: u8 = 5;
const SEEDS: u64 = 100;
const OPERATIONS: u64 = 1_000;

/// Where a transfer's money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    UnderWay,
    Accepted,
    GivenBack,
    Refunded,
}

#[derive(Debug)]
struct Sent {
    payer: usize,
    payee: usize,
    amount: u64,
    place: Place,
    bundle: Vec<u8>,
}

#[derive(Default)]
struct Model {
    balances: Vec<u64>,
    loaded: u64,
    redeemed: u64,
    granted: u64,
    redeeming: BTreeMap<MessageId, u64>,
    sent: BTreeMap<MessageId, Sent>,
}

impl Model {
    fn under_way(&self) -> u64 {
        let under_way = self.sent.values().filter(|sent| sent.place == Place::UnderWay);
        under_way.map(|sent| sent.amount).sum()
    }

    fn refunded(&self) -> u64 {
        let refunded = self.sent.values().filter(|sent| sent.place == Place::Refunded);
        refunded.map(|sent| sent.amount).sum()
    }

    fn give_back(&mut self, transfer: MessageId) {
        let sent = self.sent.get_mut(&transfer).expect("it was sent");
        if sent.place == Place::UnderWay {
            sent.place = Place::GivenBack;
            self.balances[sent.payer] += sent.amount;
        }
    }
}

struct World {
    rng: ChaCha8Rng,
    purses: Vec<Purse>,
    model: Model,
    requests: Vec<(usize, Signed<Request>)>,
    grants: Vec<(usize, Signed<Grant>)>,
    receipts: Vec<Signed<Receipt>>,
    voids: Vec<Signed<Void>>,
    hour: u32,
    rebased: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            purses: (1..=PURSES).map(Purse::new).collect(),
            model: Model {
                balances: vec![0; usize::from(PURSES)],
                ..Model::default()
            },
            requests: Vec::new(),
            grants: Vec::new(),
            receipts: Vec::new(),
            voids: Vec::new(),
            hour: 0,
            rebased: 0,
        }
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::try_from(self.rng.next_u64() % u64::try_from(below).unwrap()).unwrap()
    }

    fn purse(&mut self) -> usize {
        self.draw(usize::from(PURSES))
    }

    /// One of the last, so that most are still of interest.
    fn one_of<T: Clone>(&mut self, list: impl Fn(&Self) -> &Vec<T>) -> Option<T> {
        let count = list(self).len();
        let recent = count.min(12);
        (recent > 0).then(|| {
            let at = count - 1 - self.draw(recent);
            list(self)[at].clone()
        })
    }

    fn step(&mut self) {
        match self.draw(100) {
            0..10 => self.load(),
            10..14 => self.take_grant(),
            14..34 => self.ask(),
            34..56 => self.pay(),
            56..74 => self.deliver(),
            74..86 => self.hear_receipt(),
            86..90 => self.cancel(),
            90..94 => self.hear_void(),
            94..96 => {
                let at = self.purse();
                self.redeem(at);
            }
            96..98 => {
                let at = self.purse();
                self.sync(at);
            }
            98 => self.rebase(),
            _ => self.pass_time(),
        }
    }

    fn load(&mut self) {
        let (at, amount) = (self.purse(), 1 + self.draw(30_000));
        let amount = u64::try_from(amount).unwrap();
        let purse = &self.purses[at];
        if purse.state.load_request(Amount(amount), Nonce16([1; 16])).is_err() {
            return;
        }
        // The ledger grants each counter once.
        let grant = purse.grant(amount);
        let counter = grant.body.load_counter;
        if self
            .grants
            .iter()
            .any(|(of, it)| *of == at && it.body.load_counter == counter)
        {
            return;
        }
        self.model.loaded += amount;
        self.model.granted += amount;
        self.grants.push((at, grant));
    }

    fn take_grant(&mut self) {
        let Some((of, grant)) = self.one_of(|it| &it.grants) else {
            return;
        };
        let at = if self.draw(10) == 0 { self.purse() } else { of };
        match self.purses[at].run(|it| it.accept_grant(&grant)) {
            Ok(Loaded::Lot) => {
                assert_eq!(at, of);
                self.model.granted -= grant.body.amount.0;
                self.model.balances[at] += grant.body.amount.0;
            }
            // The ledger gives it back.
            Ok(Loaded::Expired) => {
                self.model.granted -= grant.body.amount.0;
                self.model.loaded -= grant.body.amount.0;
            }
            Err(_) => {}
        }
    }

    fn ask(&mut self) {
        let (at, amount) = (self.purse(), 1 + self.draw(4_000));
        let Ok(opened) = self.purses[at].open(u64::try_from(amount).unwrap()) else {
            return;
        };
        self.voids.extend(opened.voided);
        self.requests.push((at, opened.request));
    }

    fn pay(&mut self) {
        let Some((payee, request)) = self.one_of(|it| &it.requests) else {
            return;
        };
        let payer = self.purse();
        let certificate = self.purses[payee].cert();
        let Ok(bundle) = self.purses[payer].run(|it| it.pay(&request, &certificate, Consent::Pin)) else {
            return;
        };
        let id = Bundle::from_bytes(&bundle).expect("a purse's").transfer().id();
        if let Some(known) = self.model.sent.get(&id) {
            assert_eq!(known.bundle, bundle, "a request that was paid has the same bytes");
            return;
        }
        let amount = request.body.amount.0;
        self.model.balances[payer] -= amount;
        let place = Place::UnderWay;
        self.model.sent.insert(
            id,
            Sent {
                payer,
                payee,
                amount,
                place,
                bundle,
            },
        );
    }

    fn deliver(&mut self) {
        let count = self.model.sent.len();
        if count == 0 {
            return;
        }
        let at = self.draw(count);
        let under_way = self.model.sent.iter().filter(|(_, sent)| sent.place == Place::UnderWay);
        let under_way: Vec<_> = under_way.map(|(id, _)| *id).collect();
        let id = match under_way.len() {
            0 => *self.model.sent.keys().nth(at).expect("it is there"),
            some => under_way[at % some],
        };
        let sent = &self.model.sent[&id];
        let (bundle, payee) = (sent.bundle.clone(), sent.payee);
        let to = if self.draw(10) == 0 { self.purse() } else { payee };
        let before = self.purses[to].balance();
        let Ok(receipt) = self.purses[to].accept(&bundle) else {
            return;
        };
        assert_eq!(to, payee);
        if self.purses[to].balance() != before {
            assert_eq!(receipt.body.transfer, id);
            let sent = self.model.sent.get_mut(&id).expect("it was sent");
            assert_eq!(sent.place, Place::UnderWay);
            sent.place = Place::Accepted;
            self.model.balances[to] += sent.amount;
        }
        self.receipts.push(receipt);
    }

    fn hear_receipt(&mut self) {
        let Some(receipt) = self.one_of(|it| &it.receipts) else {
            return;
        };
        let at = match self.model.sent.get(&receipt.body.transfer) {
            Some(sent) if self.rng.next_u32().is_multiple_of(2) => sent.payer,
            _ => self.purse(),
        };
        let payment = pending_of(&self.purses[at], |payment| {
            payment.transfer.body.payee == receipt.body.payee && payment.request.body.seq == receipt.body.seq
        });
        let before = self.purses[at].balance();
        let heard = self.purses[at].run(|it| it.receipt(&receipt));
        if let (Ok(PaymentStatus::Voided), Some(id)) = (heard, payment) {
            self.give_back_if(at, before, id);
        }
    }

    fn cancel(&mut self) {
        let Some((at, request)) = self.one_of(|it| &it.requests) else {
            return;
        };
        match self.purses[at].run(|it| it.cancel_request(request.id())) {
            Ok(SignedAnswer::Void(void)) => self.voids.push(void),
            Ok(SignedAnswer::Receipt(receipt)) => self.receipts.push(receipt),
            Err(_) => {}
        }
    }

    fn hear_void(&mut self) {
        let Some(void) = self.one_of(|it| &it.voids) else {
            return;
        };
        for at in 0..usize::from(PURSES) {
            let payment = pending_of(&self.purses[at], |payment| {
                payment.transfer.body.request == void.body.request
            });
            let before = self.purses[at].balance();
            let heard = self.purses[at].run(|it| it.void(&void));
            if let (Ok(_), Some(id)) = (heard, payment) {
                self.give_back_if(at, before, id);
            }
        }
    }

    /// Past its expiry a transfer is not given back: the ledger refunds it later.
    fn give_back_if(&mut self, at: usize, before: u64, id: MessageId) {
        if self.purses[at].balance() == before {
            assert_eq!(self.model.sent[&id].place, Place::UnderWay);
            self.model.sent.get_mut(&id).expect("it was sent").place = Place::Refunded;
        } else {
            self.model.give_back(id);
        }
    }

    fn redeem(&mut self, at: usize) {
        let account = redeem().account;
        let Ok(redemption) = self.purses[at].run(|it| it.redeem(account, &[])) else {
            return;
        };
        let amount = redemption.redeem.body.spend.amount.0;
        self.model.balances[at] -= amount;
        self.model.redeeming.insert(redemption.redeem.id(), amount);
    }

    /// The ledger knows who has accepted what.
    fn sync(&mut self, at: usize) {
        let (model, voids) = (&self.model, &self.voids);
        let settle = |entry: &Entry| {
            let Some(payment) = entry.payment() else {
                return Some(SettledStatus::Paid);
            };
            let sent = &model.sent[&payment.transfer.id()];
            let is_void = voids
                .iter()
                .any(|void| void.body.request == payment.transfer.body.request);
            match sent.place {
                Place::Accepted => Some(SettledStatus::Paid),
                Place::UnderWay if is_void => Some(SettledStatus::Voided),
                _ => None,
            }
        };
        let pending: Vec<_> = self.purses[at]
            .state
            .log()
            .iter()
            .filter(|it| it.is_pending())
            .cloned()
            .collect();
        let settled: Vec<_> = pending.iter().map(settle).collect();
        self.purses[at].sync(settle).expect("it is the answer to this");
        for (entry, status) in pending.into_iter().zip(settled) {
            match (&entry.payment(), status) {
                (None, _) => self.apply_redemption(&entry),
                (Some(payment), Some(SettledStatus::Voided)) => self.model.give_back(payment.transfer.id()),
                _ => {}
            }
        }
    }

    /// As its host does it: takes back what is open, redeems and syncs. What is pending then keeps the purse as it is.
    fn rebase(&mut self) {
        let at = self.purse();
        for request in self.purses[at].state.requests.clone() {
            self.voids.push(self.purses[at].void_of(&request));
        }
        while self.purses[at].balance() > 0 && self.purses[at].state.log().len() < LOG_MAX {
            self.redeem(at);
        }
        self.sync(at);
        let before = self.purses[at].state.clone();
        let finished = self.purses[at].rebase();
        assert_eq!(finished.is_ok(), before.lots.is_empty() && before.log.is_empty());
        if finished.is_ok() {
            self.rebased += 1;
            // The ledger gives back what the old purse has not taken.
            let is_old = |(of, grant): &(usize, Signed<Grant>)| *of == at && grant.body.purse == before.id();
            let taken = before.counters().load_counter;
            let old = self
                .grants
                .iter()
                .filter(|it| is_old(it) && it.1.body.load_counter >= taken);
            let refunded: u64 = old.map(|(_, grant)| grant.body.amount.0).sum();
            self.model.granted -= refunded;
            self.model.loaded -= refunded;
            self.grants.retain(|it| !is_old(it));
        }
    }

    fn apply_redemption(&mut self, entry: &Entry) {
        let Entry::Redeemed(redeem) = entry else {
            panic!("it is no payment");
        };
        self.model.redeemed += self.model.redeeming.remove(&redeem.id()).expect("it was signed");
    }

    fn pass_time(&mut self) {
        self.hour += 1 + u32::try_from(self.draw(150)).unwrap();
        let at = self.purse();
        self.purses[at].hear_beacon(after(self.hour));
    }

    fn check(&self) {
        let held: Vec<_> = self.purses.iter().map(Purse::balance).collect();
        assert_eq!(held, self.model.balances);
        let model = &self.model;
        let there =
            held.iter().sum::<u64>() + model.under_way() + model.granted + model.redeeming.values().sum::<u64>();
        assert_eq!(there, model.loaded - model.redeemed - model.refunded());
    }
}

fn pending_of(purse: &Purse, is_it: impl Fn(&Payment) -> bool) -> Option<MessageId> {
    let pending = purse.state.log().iter().filter(|entry| entry.is_pending());
    let mut payments = pending.filter_map(|entry| entry.payment());
    payments
        .find(|payment| is_it(payment))
        .map(|payment| payment.transfer.id())
}

#[test]
fn invariant_no_order_of_messages_makes_or_loses_money() {
    let (mut accepted, mut rebased) = (0, 0);
    let mut places = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..OPERATIONS {
            world.step();
            world.check();
        }
        for purse in &world.purses {
            assert_eq!(
                PurseState::from_bytes(&purse.state.to_bytes()).as_ref(),
                Ok(&purse.state)
            );
        }
        let of = |place| world.model.sent.values().filter(|sent| sent.place == place).count();
        accepted += of(Place::Accepted);
        rebased += world.rebased;
        for place in [Place::UnderWay, Place::GivenBack, Place::Refunded] {
            *places.entry(format!("{place:?}")).or_insert(0) += of(place);
        }
    }
    // Otherwise nothing of interest has happened.
    assert!(accepted > 2_000, "{accepted} payments");
    assert!(rebased > 100, "{rebased} purses had successors");
    assert!(places["GivenBack"] > 100, "{places:?}");
}
