//! An issuer of purses that tests make up, and wallets with its purses in them.

// Each program of tests uses a part of it.
#![allow(dead_code)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use causeway_contracts::{
    codec::Bounded,
    identity::{AccountId, Address},
    keys::SecretKey,
    money::Amount,
    offline::{
        ids::{CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, PurseId, RevocationEntry, Serial},
        issuer::{IssuerKey, IssuerKeys, KeyRole},
        messages::{Beacon, Certificate, Class, Grant, RevocationDelta},
        purse::{NewPurse, PurseState, Rules},
        revocation::RevocationList,
        signed::{Body, Signed},
    },
};
use causeway_wallet::{
    clock,
    home::Home,
    offline::purses::{Purse, PurseInfo},
};

pub const CURRENCY: CurrencyIndex = CurrencyIndex(1);
pub const PIN: &str = "4711";
pub const PASSPHRASE: &str = "open sesame";

pub fn secret(role: KeyRole) -> SecretKey {
    SecretKey::from_seed(&[60 + role as u8; 32])
}

pub fn id(role: KeyRole) -> KeyId {
    KeyId::of(&secret(role).public_key())
}

pub fn sign<M: Body>(body: M, role: KeyRole) -> Signed<M> {
    Signed::sign(body, &secret(role)).expect("a sound message")
}

/// This hour, for purses that a device's clock finds up to date.
pub fn now() -> Epoch {
    Epoch::at(clock::now_ms())
}

/// The purse of this number, empty, at its beginning.
pub fn purse(number: u8, hour: Epoch) -> PurseState {
    let seed = [number; 32];
    let certificate = Certificate {
        issuer: id(KeyRole::Certificate),
        purse: PurseId([number; 8]),
        key: SecretKey::from_seed(&seed).public_key(),
        currency: CURRENCY,
        class: Class::PERSON,
        not_before: hour,
        not_after: Epoch(hour.0 + 14 * 24),
        payment_max: Amount(50_000),
        balance_max: Amount(200_000),
        paid_max: Amount(200_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(1),
    };
    let keys = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon].map(|role| IssuerKey {
        key: secret(role).public_key(),
        role,
        currency: CURRENCY,
    });
    let new = NewPurse {
        certificate: sign(certificate, KeyRole::Certificate),
        keys: IssuerKeys::new(keys.to_vec()).expect("three keys"),
        rules: Rules::DEVNET,
        revoked: RevocationList::new(ListVersion(0), hour, vec![]).expect("nothing is in order"),
        epoch: hour,
    };
    PurseState::new(seed, PIN, new).expect("a purse")
}

/// A purse's load of this number.
pub fn grant(state: &PurseState, load_counter: u32, amount: u64) -> Signed<Grant> {
    let mut load = [0x40; 16];
    load[..8].copy_from_slice(&state.id().0);
    load[15] = load_counter as u8;
    let hour = state.counters().epoch;
    let grant = Grant {
        issuer: id(KeyRole::Grant),
        load: Id16(load),
        purse: state.id(),
        load_counter: LoadCounter(load_counter),
        amount: Amount(amount),
        currency: CURRENCY,
        epoch: hour,
        expiry: Epoch(hour.0 + 30 * 24),
    };
    sign(grant, KeyRole::Grant)
}

/// The list's next version, with one more purse on it.
pub fn delta(version: u32, hour: Epoch, revoked: u8) -> Signed<RevocationDelta> {
    let delta = RevocationDelta {
        issuer: id(KeyRole::Beacon),
        version: ListVersion(version),
        previous: ListVersion(version - 1),
        epoch: hour,
        entries: Bounded::new(vec![RevocationEntry::purse(PurseId([revoked; 8]))]).expect("one"),
    };
    sign(delta, KeyRole::Beacon)
}

pub fn beacon(hour: Epoch, list: &RevocationList) -> Signed<Beacon> {
    let beacon = Beacon {
        issuer: id(KeyRole::Beacon),
        epoch: hour,
        list_version: list.version(),
        list_root: list.root(),
    };
    sign(beacon, KeyRole::Beacon)
}

/// Someone with a wallet of their own, and in it a purse.
pub struct Person {
    pub name: &'static str,
    pub number: u8,
    pub folder: tempfile::TempDir,
}

impl Person {
    /// With so many cents in the purse.
    pub fn new(name: &'static str, number: u8, amount: u64) -> Self {
        Self::at(name, number, amount, now())
    }

    pub fn at(name: &'static str, number: u8, amount: u64, hour: Epoch) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let genesis = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/python/tests/vectors/genesis.toml");
        let home = Home::init(folder.path(), &genesis, vec!["http://127.0.0.1:9".into()]).expect("a wallet");
        let state = purse(number, hour);
        let info = PurseInfo {
            purse: state.id(),
            account: account(number, &home),
            currency: "EUR".parse().expect("a currency"),
            exponent: 2,
            issuer: "http://127.0.0.1:9".into(),
            successor: None,
        };
        let place = home.purses().begin(name).expect("it is free");
        let mut purse = place.create(info, &state, PASSPHRASE).expect("it is made");
        if amount > 0 {
            let grant = grant(&state, 1, amount);
            purse.element.run(|it| it.accept_grant(&grant)).expect("its first");
        }
        Self { name, number, folder }
    }

    pub fn home(&self) -> Home {
        Home::open(self.folder.path()).expect("a wallet")
    }

    /// Only while no command has it.
    pub fn purse(&self) -> Purse {
        self.home().purses().open(self.name, PASSPHRASE).expect("it opens")
    }

    pub fn balance(&self) -> u64 {
        self.purse().element.state().balance().0
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// `causeway offline COMMAND PURSE ARGS`.
    pub fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_causeway"));
        process
            .args(["offline", command, self.name])
            .args(args)
            .env("CAUSEWAY_HOME", self.folder.path())
            .env("CAUSEWAY_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
        process
    }

    pub fn run(&self, command: &str, args: &[&str]) -> Output {
        self.command(command, args).output().expect("it runs")
    }

    /// What it prints.
    pub fn does(&self, command: &str, args: &[&str]) -> String {
        let output = self.run(command, args);
        assert!(output.status.success(), "{} {command} {args:?}: {output:?}", self.name);
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub fn json(&self, command: &str, args: &[&str]) -> serde_json::Value {
        let text = self.does(command, &[args, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The error text of a command that must end with this status.
    pub fn fails(&self, status: i32, command: &str, args: &[&str]) -> String {
        let output = self.run(command, args);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{} {command} {args:?}: {output:?}",
            self.name
        );
        String::from_utf8(output.stderr).expect("UTF-8")
    }
}

fn account(number: u8, home: &Home) -> Address {
    AccountId([number; 20]).address(home.genesis().address_prefix)
}
