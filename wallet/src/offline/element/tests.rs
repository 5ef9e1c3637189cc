//! An issuer and elements that tap each other, by their applets.

use std::convert::Infallible;

use causeway_contracts::{
    keys::SecretKey,
    money::Amount,
    offline::{
        encoding::Writer,
        field::Field,
        fraud::FraudProof,
        ids::{AccountHash, CurrencyIndex, Epoch, Id16, KeyId, ListVersion, Nonce16, PurseId, Serial},
        issuer::{IssuerKey, IssuerKeys, KeyRole},
        messages::{Certificate, Class, Grant, Request},
        purse::{NewPurse, Rules},
        revocation::RevocationList,
        signed::{Body, Signed},
    },
};

use super::{
    applet::{
        INS_ACCEPT, INS_ACKNOWLEDGE, INS_CERT, INS_CHANGE_PIN, INS_LOAD, INS_NEWS, INS_PAY, INS_REBASE, INS_REDEEM,
        INS_REQUEST, INS_ROUND_TRIP, INS_STATUS, INS_SYNC, INS_VERIFY, INS_VOID, Interface, LOAD_TAKE, PurseApplet,
        REBASE_BEGIN, REBASE_FINISH, REBASE_LOAD, REBASE_REGISTER, REDEEM_AGAIN, SYNC_ANSWER, SYNC_UPLOAD,
    },
    *,
};
use crate::offline::{
    card::{AID, Applet, Card, StatusWord, Terminal, terminal::Channel},
    memory::ram::Ram,
};

mod attacks;
mod cuts;
mod host;
mod taps;

const HOUR: Epoch = Epoch(490_000);
const CURRENCY: CurrencyIndex = CurrencyIndex(1);
const PIN: &str = "4711";
const ROLES: [KeyRole; 3] = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon];

fn issuer_secret(role: KeyRole) -> SecretKey {
    SecretKey::from_seed(&[60 + role as u8; 32])
}

fn by_issuer<M: Body>(body: M, role: KeyRole) -> Signed<M> {
    Signed::sign(body, &issuer_secret(role)).expect("a sound message")
}

fn issuer_id(role: KeyRole) -> KeyId {
    KeyId::of(&issuer_secret(role).public_key())
}

fn keys() -> IssuerKeys {
    let key = |role| IssuerKey {
        key: issuer_secret(role).public_key(),
        role,
        currency: CURRENCY,
    };
    IssuerKeys::new(ROLES.map(key).to_vec()).expect("three keys")
}

fn purse(number: u8) -> PurseId {
    PurseId([number; 8])
}

fn new_purse(number: u8) -> PurseState {
    let seed = [100 + number; 32];
    let certificate = Certificate {
        issuer: issuer_id(KeyRole::Certificate),
        purse: purse(number),
        key: SecretKey::from_seed(&seed).public_key(),
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
    };
    let new = NewPurse {
        certificate: by_issuer(certificate, KeyRole::Certificate),
        keys: keys(),
        rules: Rules::DEVNET,
        revoked: RevocationList::new(ListVersion(0), HOUR, vec![]).expect("nothing is in order"),
        epoch: HOUR,
    };
    PurseState::new(seed, PIN, new).expect("a purse")
}

fn new_ram(number: u8) -> Ram {
    // Room for what these tests do: a cut at each write is a test of each.
    Ram::new(format(&new_purse(number), 4_000).expect("it fits"))
}

fn open(ram: &mut Ram) -> Element<&mut Ram> {
    Element::open(ram).unwrap_or_else(|error| panic!("{error}"))
}

fn grant(state: &PurseState, amount: u64) -> Signed<Grant> {
    let counter = state.counters().load_counter;
    let mut load = [state.id().0[0]; 16];
    load[..4].copy_from_slice(&counter.0.to_be_bytes());
    let grant = Grant {
        issuer: issuer_id(KeyRole::Grant),
        load: Id16(load),
        purse: state.id(),
        load_counter: counter,
        amount: Amount(amount),
        currency: CURRENCY,
        epoch: HOUR,
        expiry: Epoch(HOUR.0 + 30 * 24),
    };
    by_issuer(grant, KeyRole::Grant)
}

struct InProcess<A>(Card<A>);

impl<A: Applet> Channel for InProcess<A> {
    type Error = Infallible;

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(self.0.answer(command))
    }
}

type Answered = Result<Vec<u8>, StatusWord>;

/// One session with a purse, which takes an INS, P1 and data at a time.
fn session(element: &mut Element<&mut Ram>, interface: Interface) -> impl FnMut(u8, u8, &[u8]) -> Answered {
    let card = Card::new(PurseApplet::new(element, interface));
    let mut terminal = Terminal::select(InProcess(card), &AID).expect("it is there");
    move |ins, p1, data| {
        let (data, status) = terminal.call(ins, p1, 0, data).expect("an answer");
        if status == StatusWord::OK {
            Ok(data)
        } else {
            Err(status)
        }
    }
}

fn own(element: &mut Element<&mut Ram>, ins: u8, data: &[u8]) -> Answered {
    session(element, Interface::OwnHost)(ins, 0, data)
}

fn tap(element: &mut Element<&mut Ram>, ins: u8, data: &[u8]) -> Answered {
    session(element, Interface::Reader)(ins, 0, data)
}

fn take(element: &mut Element<&mut Ram>, grant: &Signed<Grant>) -> Answered {
    session(element, Interface::OwnHost)(INS_LOAD, LOAD_TAKE, &grant.to_bytes())
}

/// What INS 20 takes.
fn asked(nonce: u8, amount: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    Nonce16([nonce; 16]).write(&mut writer);
    Amount(amount).write(&mut writer);
    writer.byte(0);
    writer.into_bytes()
}

fn id_of(request_and_certificate: &[u8]) -> MessageId {
    let mut reader = causeway_contracts::offline::encoding::Reader::new(request_and_certificate, 4_096).expect("short");
    Signed::<Request>::read(&mut reader)
        .expect("a request comes first")
        .id()
}

fn load(element: &mut Element<&mut Ram>, amount: u64) {
    let grant = grant(element.state(), amount);
    assert_eq!(take(element, &grant), Ok(vec![1]));
}
