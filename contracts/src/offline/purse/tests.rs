//! Purses that pay each other, and an issuer that they believe.

use super::{
    Counters, NewPurse, PurseRefusal, PurseState, Rules, Step,
    contents::{Entry, Origin, Payment},
    pin::Consent,
    request::{Ask, Opened},
};
use crate::{
    example::{list, text},
    money::Amount,
    offline::{
        example::*,
        ids::{Epoch, Id16, ListVersion, LoadCounter, MessageId, Nonce16, RequestSeq, RevocationEntry, Seq, Serial},
        issuer::KeyRole,
        messages::{Beacon, Certificate, Grant, Receipt, Request, RevocationDelta, SettledStatus, SyncAnswer, Void},
        refusal::StatusWord,
        revocation::RevocationList,
        signed::Signed,
    },
};

mod attacks;
mod commands;
mod model;
mod rebase;
mod stored;
mod sync;

pub(super) const PIN: &str = "4711";

/// A purse with what it has released.
#[derive(Clone)]
pub(super) struct Purse {
    pub state: PurseState,
    number: u8,
    nonces: u8,
}

impl Purse {
    pub fn new(number: u8) -> Self {
        Self::with(number, |_| {})
    }

    pub fn with(number: u8, change: impl FnOnce(&mut Certificate)) -> Self {
        let mut body = certificate(number);
        change(&mut body);
        let new = NewPurse {
            certificate: signed(body, &issuer_secret(KeyRole::Certificate)),
            keys: issuer_keys(),
            rules: Rules::DEVNET,
            revoked: RevocationList::new(ListVersion(199), HOUR, vec![]).expect("nothing is in order"),
            epoch: HOUR,
        };
        Self {
            state: PurseState::new([100 + number; 32], PIN, new).expect("a purse"),
            number,
            nonces: 0,
        }
    }

    /// One that holds this.
    pub fn loaded(number: u8, amount: u64) -> Self {
        let mut purse = Self::new(number);
        purse.load(amount);
        purse
    }

    /// Carries a command out, on a memory that does not fail.
    pub fn run<R>(
        &mut self,
        command: impl FnOnce(&PurseState) -> Result<Step<R>, PurseRefusal>,
    ) -> Result<R, PurseRefusal> {
        let Step { next, release } = command(&self.state)?;
        if let Some(next) = next {
            assert!(next.may_follow(&self.state));
            self.state = next;
        }
        Ok(release)
    }

    /// A command that is refused with this word, and changes nothing.
    #[track_caller]
    pub fn refuses<R: std::fmt::Debug>(
        &self,
        word: StatusWord,
        command: impl FnOnce(&PurseState) -> Result<Step<R>, PurseRefusal>,
    ) -> PurseRefusal {
        let refusal = command(&self.state).expect_err("it is refused");
        assert_eq!(refusal.status_word(), word, "{refusal}");
        refusal
    }

    pub fn grant(&self, amount: u64) -> Signed<Grant> {
        let counter = self.state.counters().load_counter;
        let mut load = [0x40 + self.number; 16];
        load[..4].copy_from_slice(&counter.0.to_be_bytes());
        load[4..12].copy_from_slice(&self.state.id().0);
        let body = Grant {
            purse: self.state.id(),
            load: Id16(load),
            load_counter: counter,
            amount: Amount(amount),
            epoch: self.state.counters().epoch,
            expiry: Epoch(self.state.counters().epoch.0 + 30 * 24),
            ..grant(self.number)
        };
        signed(body, &issuer_secret(KeyRole::Grant))
    }

    pub fn grant_of_first_lot(&self) -> Signed<Grant> {
        match &self.state.lots()[0].origin {
            Origin::Grant(grant) => grant.clone(),
            Origin::Bundle { .. } => panic!("it was paid"),
        }
    }

    pub fn load(&mut self, amount: u64) {
        let grant = self.grant(amount);
        self.run(|it| it.accept_grant(&grant)).expect("it is the next");
    }

    pub fn ask(&mut self, amount: u64) -> Signed<Request> {
        self.open(amount).expect("it may ask").request
    }

    pub fn open(&mut self, amount: u64) -> Result<Opened, PurseRefusal> {
        self.nonces += 1;
        let mut nonce = [self.number; 16];
        nonce[0] = self.nonces;
        nonce[1..5].copy_from_slice(&self.state.counters().request_seq.0.to_be_bytes());
        let ask = Ask {
            amount: Amount(amount),
            memo: text("tea"),
            nonce: Nonce16(nonce),
        };
        self.run(|it| it.open_request(ask))
    }

    pub fn cert(&self) -> Signed<Certificate> {
        self.state.certificate().clone()
    }

    pub fn pay(&mut self, request: &Signed<Request>, payee: &Purse) -> Result<Vec<u8>, PurseRefusal> {
        let certificate = payee.cert();
        self.run(|it| it.pay(request, &certificate, Consent::Pin))
    }

    pub fn accept(&mut self, bytes: &[u8]) -> Result<Signed<Receipt>, PurseRefusal> {
        self.run(|it| it.accept(bytes))
    }

    pub fn void_of(&mut self, request: &Signed<Request>) -> Signed<Void> {
        match self.run(|it| it.cancel_request(request.id())).expect("it is known") {
            super::request::SignedAnswer::Void(void) => void,
            super::request::SignedAnswer::Receipt(_) => panic!("it was paid"),
        }
    }

    pub fn hear_beacon(&mut self, epoch: Epoch) {
        let beacon = beacon_of(epoch);
        self.run(|it| it.beacon(&beacon)).expect("the issuer's");
    }

    pub fn revoke(&mut self, entry: RevocationEntry) {
        let version = self.state.revoked().version();
        let body = RevocationDelta {
            version: ListVersion(version.0 + 1),
            previous: version,
            epoch: self.state.counters().epoch,
            entries: list(vec![entry]),
            ..delta(0)
        };
        let delta = signed(body, &issuer_secret(KeyRole::Beacon));
        self.run(|it| it.revocation_delta(&delta)).expect("the next");
    }

    /// Syncs; the issuer says this of what is pending.
    pub fn sync(&mut self, settle: impl Fn(&Entry) -> Option<SettledStatus>) -> Result<(), PurseRefusal> {
        let upload = self.run(|it| it.sync_upload())?.upload;
        let settled = self.state.log().iter().filter(|entry| entry.is_pending());
        let settled = settled.filter_map(|entry| {
            settle(entry).map(|status| crate::offline::messages::Settled {
                seq: entry.seq(),
                status,
            })
        });
        let answer = SyncAnswer {
            upload: upload.id(),
            purse: self.state.id(),
            settled: list(settled.collect()),
            ..sync_answer()
        };
        let answer = signed(answer, &issuer_secret(KeyRole::Grant));
        let next = self.next_certificate();
        self.run(|it| it.sync_answer(&answer, &next))
    }

    /// Goes on under another name, if it has nothing left.
    pub fn rebase(&mut self) -> Result<(), PurseRefusal> {
        let next = self.successor();
        self.run(|it| it.finish_rebase(&next))
    }

    /// The certificate of what it will be.
    pub fn successor(&mut self) -> Signed<Certificate> {
        let key = self.run(|it| it.begin_rebase(&[7; 32])).expect("it may always");
        let mut id = self.state.id();
        id.0[1] = id.0[1].wrapping_add(1);
        let body = Certificate {
            purse: id,
            key,
            not_after: Epoch(self.state.counters().epoch.0 + 14 * 24),
            serial: Serial(1),
            ..certificate(self.number)
        };
        signed(body, &issuer_secret(KeyRole::Certificate))
    }

    /// With limits that count from what the issuer has heard.
    pub fn next_certificate(&self) -> Signed<Certificate> {
        let counters = self.state.counters();
        let own = self.cert().body;
        let next = Certificate {
            serial: own.serial.next().expect("few"),
            paid_max: Amount(counters.paid.0 + 200_000),
            payments_max: counters.payments + 50,
            not_after: Epoch(counters.epoch.0 + 14 * 24),
            ..own
        };
        signed(next, &issuer_secret(KeyRole::Certificate))
    }

    pub fn last_payment(&self) -> &Payment {
        let entry = self.state.log().last().expect("it has paid");
        entry.payment().expect("a payment")
    }

    pub fn balance(&self) -> u64 {
        self.state.balance().0
    }
}

pub(super) fn beacon_of(epoch: Epoch) -> Signed<Beacon> {
    let body = Beacon {
        epoch,
        list_version: ListVersion(0),
        ..beacon()
    };
    signed(body, &issuer_secret(KeyRole::Beacon))
}

/// A payment that was released and did not arrive yet.
pub(super) struct Tap {
    pub payer: Purse,
    pub payee: Purse,
    pub request: Signed<Request>,
    pub bundle: Vec<u8>,
}

impl Tap {
    /// Purse 1 has 2,000.00, and pays purse 2 this.
    pub fn of(amount: u64) -> Self {
        let (mut payer, mut payee) = (Purse::loaded(1, 200_000), Purse::new(2));
        let request = payee.ask(amount);
        let bundle = payer.pay(&request, &payee).expect("it may pay");
        Self {
            payer,
            payee,
            request,
            bundle,
        }
    }

    pub fn finish(&mut self) {
        let receipt = self.payee.accept(&self.bundle).expect("it is money");
        self.payer.run(|it| it.receipt(&receipt)).expect("it is about this");
    }

    pub fn transfer(&self) -> MessageId {
        self.payer.last_payment().transfer.id()
    }
}

/// From one purse to another, all of it.
pub(super) fn pay_whole(payer: &mut Purse, payee: &mut Purse, amount: u64) -> Result<(), PurseRefusal> {
    let request = payee.open(amount)?.request;
    let bundle = payer.pay(&request, payee)?;
    let receipt = payee.accept(&bundle)?;
    payer.run(|it| it.receipt(&receipt)).map(|_| ())
}
