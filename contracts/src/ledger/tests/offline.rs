//! Purses on the ledger.

mod attacks;
mod blame;
mod crowds;
mod culprits;
mod ends;
mod facts;
mod golden;
mod grants;
mod guarantees;
mod loads;
mod orders;
mod payouts;
mod registry;
mod service;

use super::network::*;
use crate::{
    block::TimeMs,
    identity::AccountId,
    keys::SecretKey,
    ledger::{receipt::Outcome, rejection::Rejection},
    merkle::Root,
    money::Amount,
    offline::{
        action::{OfflineAction, Revoker, Testimony},
        example,
        field::Fixed,
        ids::{
            AccountHash, CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, Nonce16, PurseId,
            RequestSeq, RevocationEntry, Seq, Serial,
        },
        issuer::KeyRole,
        messages::{
            Beacon, Certificate, Class, Grant, LoadRequest, Receipt, ReceiptStatus, Redeem, Request, RevocationDelta,
            Spend, Transfer, Void,
        },
        record::{OfflineKey, OfflineRow, Proof},
        signed::{Body, Signed},
    },
    transaction::Action,
};

const INDEX: CurrencyIndex = CurrencyIndex(1);
/// The hour in which a test begins.
const HOUR: Epoch = Epoch((START_MS / Epoch::HOUR_MS) as u32);
const MINTED: u64 = 100_000;

fn after(hours: u32) -> Epoch {
    Epoch(HOUR.0 + hours)
}

fn act(action: OfflineAction) -> Action {
    Action::Offline(Box::new(action))
}

fn signed<M: Body>(body: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(body, key).expect("a sound message")
}

fn service(role: KeyRole) -> SecretKey {
    secret(&format!("{role:?}"))
}

fn kid(role: KeyRole) -> KeyId {
    KeyId::of(&service(role).public_key())
}

/// A purse by the name of its owner.
fn purse(name: &str) -> PurseId {
    let hash = crate::codec::hash("test purse", &[name.as_bytes()]);
    PurseId(*hash.first_chunk().unwrap())
}

fn purse_secret(name: &str) -> SecretKey {
    secret(&format!("{name}'s purse"))
}

fn certificate(name: &str) -> Certificate {
    Certificate {
        issuer: kid(KeyRole::Certificate),
        purse: purse(name),
        key: purse_secret(name).public_key(),
        currency: INDEX,
        class: Class::PERSON,
        not_before: HOUR,
        not_after: after(14 * 24),
        payment_max: Amount(50_000),
        balance_max: Amount(50_000),
        paid_max: Amount(50_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(1),
    }
}

fn certified(body: Certificate) -> Signed<Certificate> {
    signed(body, &service(KeyRole::Certificate))
}

const OWNERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// A currency with an operator's customers, not opened for purses yet.
fn town() -> Network {
    let participants = vec![
        participant("ECB", false),
        participant("BANK", true),
        participant("OTHER", true),
    ];
    let currencies = vec![
        currency("EUR", "ECB", 1_000_000_000),
        currency("USD", "OTHER", 1_000_000_000),
    ];
    let mut accounts: Vec<_> = OWNERS
        .map(|name| opening("BANK", policy(name), 0, &[("EUR", MINTED), ("USD", MINTED)]))
        .to_vec();
    accounts.push(opening("BANK", policy("fund"), 0, &[("EUR", MINTED)]));
    accounts.push(opening("BANK", policy("poor"), 1, &[("EUR", 500)]));
    let caps = vec![limits(1, "EUR", [Some(10), Some(200), Some(300)])];
    Network::new(genesis(participants, currencies, caps, accounts))
}

/// The same, with the keys of the issuer's service.
fn open_town() -> Network {
    let mut net = town();
    net.must(vec![net.open_currency("EUR")], &["ECB", "fund"]);
    let roles = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon];
    net.must(roles.map(|role| set_key("EUR", role)).to_vec(), &["ECB"]);
    net
}

/// The same, with a purse of each owner.
fn purse_town() -> Network {
    let mut net = open_town();
    let register: Vec<_> = OWNERS.iter().map(|name| net.register(name)).collect();
    net.must(register, &["BANK"]);
    net
}

fn set_key(currency: &str, role: KeyRole) -> Action {
    act(OfflineAction::SetServiceKey {
        currency: code(currency),
        key: service(role).public_key(),
        role,
    })
}

fn load_request(name: &str, counter: u32, amount: u64) -> LoadRequest {
    LoadRequest {
        purse: purse(name),
        load_counter: LoadCounter(counter),
        amount: Amount(amount),
        currency: INDEX,
        nonce: Nonce16([7; 16]),
    }
}

/// The request of that number of an owner's purse.
fn request(payee: &str, seq: u32) -> Request {
    Request {
        payee: purse(payee),
        nonce: Nonce16([1; 16]),
        seq: RequestSeq(seq),
        amount: Amount(100),
        epoch: HOUR,
        list_version: ListVersion(0),
        flags: Fixed,
        memo: text(""),
    }
}

/// What is spent of lots, at the hour in which a test begins.
fn spend(hop: u8, parts: &[(Id16, u64)]) -> Spend {
    Spend {
        currency: INDEX,
        expiry: after(30 * 24),
        epoch: HOUR,
        ..example::spend(hop, parts)
    }
}

/// Pays a request by its number.
fn transfer_of(payer: &str, seq: u32, (payee, asked): (&str, u32), spend: Spend) -> Transfer {
    Transfer {
        payer: purse(payer),
        seq: Seq(seq),
        previous: MessageId::NONE,
        payee: purse(payee),
        request: request(payee, asked).id(),
        spend,
    }
}

fn receipt(payee: &str, seq: u32, transfer: &Transfer) -> Receipt {
    Receipt {
        payee: purse(payee),
        seq: RequestSeq(seq),
        transfer: transfer.id(),
        status: ReceiptStatus::Accepted,
    }
}

fn void(payee: &str, seq: u32) -> Void {
    Void {
        payee: purse(payee),
        seq: RequestSeq(seq),
        request: request(payee, seq).id(),
    }
}

/// Signed by the purse of whoever says it.
fn said(by: &str, message: impl Into<Said>) -> Testimony {
    let key = purse_secret(by);
    match message.into() {
        Said::Transfer(body) => Testimony::Transfer(signed(body, &key)),
        Said::Request(body) => Testimony::Request(signed(body, &key)),
        Said::Receipt(body) => Testimony::Receipt(signed(body, &key)),
        Said::Void(body) => Testimony::Void(signed(body, &key)),
    }
}

/// By the issuer's service.
fn said_granted(body: Grant) -> Testimony {
    Testimony::Grant(signed(body, &service(KeyRole::Grant)))
}

fn lot_of(transfer: &Transfer) -> Id16 {
    transfer.id().short()
}

#[derive(Debug, Clone)]
enum Said {
    Transfer(Transfer),
    Request(Request),
    Receipt(Receipt),
    Void(Void),
}

macro_rules! said {
    ($($name:ident),+) => {
        $(impl From<$name> for Said {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })+
    };
}

said!(Transfer, Request, Receipt, Void);

impl Network {
    fn of(&self, name: &str) -> AccountId {
        self.account("BANK", name)
    }

    fn set_aside(&self, name: &str) -> u64 {
        let record = self.ledger.balance(&self.of(name), code("EUR"));
        record.map_or(0, |record| record.held.0)
    }

    fn open_currency(&self, name: &str) -> Action {
        act(OfflineAction::OpenCurrency {
            currency: code(name),
            fund: self.of("fund"),
        })
    }

    fn register(&self, name: &str) -> Action {
        self.registration(name, certified(certificate(name)))
    }

    fn registration(&self, owner: &str, certificate: Signed<Certificate>) -> Action {
        act(OfflineAction::RegisterPurse {
            operator: pid("BANK"),
            owner: self.of(owner),
            certificate,
        })
    }

    fn load_action(&self, name: &str, body: LoadRequest) -> Action {
        act(OfflineAction::Load {
            account: self.of(name),
            request: signed(body, &purse_secret(name)),
        })
    }

    /// Loads a purse, and gives what the grant for it has to say.
    fn loaded(&mut self, name: &str, counter: u32, amount: u64) -> Grant {
        let action = self.load_action(name, load_request(name, counter, amount));
        let tx = self.tx(vec![action], &[name]);
        let load = Id16(*tx.id().0.first_chunk().unwrap());
        assert_eq!(self.run(vec![tx]), [Ok(Outcome::Applied)]);
        Grant {
            issuer: kid(KeyRole::Grant),
            load,
            purse: purse(name),
            load_counter: LoadCounter(counter),
            amount: Amount(amount),
            currency: INDEX,
            epoch: HOUR,
            expiry: after(30 * 24),
        }
    }

    fn grant_action(&self, body: Grant) -> Action {
        act(OfflineAction::Grant {
            by: self.of("fund"),
            grant: signed(body, &service(KeyRole::Grant)),
        })
    }

    fn beacon_action(&self, epoch: Epoch, list_version: u32, list_root: Root) -> Action {
        let body = Beacon {
            issuer: kid(KeyRole::Beacon),
            epoch,
            list_version: ListVersion(list_version),
            list_root,
        };
        act(OfflineAction::Beacon {
            by: self.of("fund"),
            beacon: signed(body, &service(KeyRole::Beacon)),
        })
    }

    fn delta_action(&self, versions: (u32, u32), epoch: Epoch, mut entries: Vec<RevocationEntry>) -> Action {
        entries.sort();
        let body = RevocationDelta {
            issuer: kid(KeyRole::Beacon),
            previous: ListVersion(versions.0),
            version: ListVersion(versions.1),
            epoch,
            entries: list(entries),
        };
        act(OfflineAction::AddRevocations {
            by: self.of("fund"),
            delta: signed(body, &service(KeyRole::Beacon)),
        })
    }

    /// After so many hours.
    fn at_hour(&mut self, hours: u32, action: Action, signer: &str) -> Fate {
        let now = TimeMs(START_MS + u64::from(hours) * Epoch::HOUR_MS);
        self.run_at(now, vec![]);
        self.act(vec![action], &[signer])
    }

    fn redeem_action(&self, name: &str, seq: u32, spend: Spend) -> Action {
        self.redemption(name, name, seq, spend)
    }

    /// From a purse to an account.
    fn redemption(&self, payer: &str, to: &str, seq: u32, spend: Spend) -> Action {
        let body = Redeem {
            payer: purse(payer),
            seq: Seq(seq),
            previous: MessageId::NONE,
            payee: Fixed,
            account: AccountHash::of(&self.of(to)),
            spend,
        };
        act(OfflineAction::Redeem {
            account: self.of(to),
            redeem: signed(body, &purse_secret(payer)),
        })
    }

    fn guarantee(&self, amount: u64) -> Action {
        act(OfflineAction::FundGuarantee {
            fund: self.of("fund"),
            currency: code("EUR"),
            amount: Amount(amount),
        })
    }

    /// All that an account has.
    fn has(&self, name: &str) -> u64 {
        let available = self.available(self.of(name), "EUR");
        u64::try_from(available).expect("not below zero") + self.set_aside(name)
    }

    fn testify(&self, messages: Vec<Testimony>) -> Action {
        act(OfflineAction::Testify {
            by: self.of("fund"),
            messages: list(messages),
        })
    }

    /// Loads a purse, with its grant.
    fn granted(&mut self, name: &str, counter: u32, amount: u64) -> Grant {
        let grant = self.loaded(name, counter, amount);
        self.must(vec![self.grant_action(grant.clone())], &["fund"]);
        grant
    }

    /// What is proved against the purses of owners.
    fn proofs(&self) -> Vec<(&'static str, Proof)> {
        let against = |name| self.ledger.proofs_against(purse(name)).map(move |proof| (name, proof));
        OWNERS.into_iter().flat_map(against).collect()
    }

    fn row(&self, key: OfflineKey) -> Option<&OfflineRow> {
        self.ledger.offline(&key)
    }

    /// What the purse of this owner owes.
    fn owed_by(&self, name: &str) -> u128 {
        match self.row(OfflineKey::Purse(purse(name))) {
            Some(OfflineRow::Purse(purse)) => purse.owed,
            other => panic!("no purse: {other:?}"),
        }
    }

    fn must_testify(&mut self, messages: Vec<Testimony>) {
        self.must(vec![self.testify(messages)], &["fund"]);
    }

    /// Redeems so much of one lot for the purse's owner.
    fn must_redeem(&mut self, name: &str, seq: u32, hop: u8, part: (Id16, u64)) {
        let redeem = self.redeem_action(name, seq, spend(hop, &[part]));
        self.must(vec![redeem], &[name]);
    }

    fn refuse(&mut self, action: Action, signers: &[&str], reason: Rejection) {
        let fate = self.act(vec![action.clone()], signers);
        assert_eq!(fate, Ok(Outcome::Rejected { action: 0, reason }), "{action:?}");
    }

    /// That what is stored makes the same ledger again, so that held money is explained and all adds up.
    fn check_restores(&self) {
        let again = crate::ledger::Ledger::restore(
            self.ledger.genesis(),
            self.ledger.tip().clone(),
            self.ledger.entries(),
            std::iter::empty(),
            std::iter::empty(),
            9,
        );
        let mut entries: Vec<_> = again.expect("a whole").entries().collect();
        let mut expected: Vec<_> = self.ledger.entries().collect();
        entries.sort_by_key(|(key, _)| *key);
        expected.sort_by_key(|(key, _)| *key);
        assert_eq!(entries, expected);
    }
}
