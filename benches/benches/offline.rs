//! What a payee checks of a payment without a network, by how often the money has changed hands.

use std::hint::black_box;

use causeway_contracts::{
    codec::{Bounded, Text},
    keys::SecretKey,
    money::Amount,
    offline::{
        bundle::{Behind, Bundle},
        field::Fixed,
        ids::{
            CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, Nonce16, PurseId, RequestSeq, Seq,
            Serial,
        },
        issuer::{IssuerKey, IssuerKeys, KeyRole},
        messages::{Certificate, Class, Grant, LotPart, Request, Spend, Transfer},
        provenance::{Limits, Trust, accept},
        revocation::RevocationList,
        signed::{Body, Signed},
    },
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const HOUR: Epoch = Epoch(490_000);
const EXPIRY: Epoch = Epoch(490_720);
const CURRENCY: CurrencyIndex = CurrencyIndex(1);
const AMOUNT: Amount = Amount(1_250);

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn issuer(role: KeyRole) -> SecretKey {
    secret(200 + role as u8)
}

fn signed<M: Body>(body: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(body, key).expect("a sound message")
}

fn certificate(number: u8) -> Signed<Certificate> {
    let body = Certificate {
        issuer: KeyId::of(&issuer(KeyRole::Certificate).public_key()),
        purse: PurseId([number; 8]),
        key: secret(number).public_key(),
        currency: CURRENCY,
        class: Class::PERSON,
        not_before: HOUR,
        not_after: EXPIRY,
        payment_max: Amount(50_000),
        balance_max: Amount(200_000),
        paid_max: Amount(200_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(200),
    };
    signed(body, &issuer(KeyRole::Certificate))
}

fn grant() -> Signed<Grant> {
    let body = Grant {
        issuer: KeyId::of(&issuer(KeyRole::Grant).public_key()),
        load: Id16([7; 16]),
        purse: PurseId([1; 8]),
        load_counter: LoadCounter(1),
        amount: Amount(200_000),
        currency: CURRENCY,
        epoch: HOUR,
        expiry: EXPIRY,
    };
    signed(body, &issuer(KeyRole::Grant))
}

fn request(payee: u8) -> Request {
    Request {
        payee: PurseId([payee; 8]),
        nonce: Nonce16([payee; 16]),
        seq: RequestSeq(5),
        amount: AMOUNT,
        epoch: HOUR,
        list_version: ListVersion(0),
        flags: Fixed,
        memo: Text::default(),
    }
}

fn pay(payer: u8, lot: Id16, behind: &Behind) -> Bundle {
    let part = LotPart { lot, amount: AMOUNT };
    let body = Transfer {
        payer: PurseId([payer; 8]),
        seq: Seq(200),
        previous: MessageId::NONE,
        payee: PurseId([payer + 1; 8]),
        request: request(payer + 1).id(),
        spend: Spend {
            amount: AMOUNT,
            currency: CURRENCY,
            hop: payer,
            expiry: EXPIRY,
            epoch: HOUR,
            lots: Bounded::new(vec![part]).expect("one of four"),
        },
    };
    Bundle::for_transfer(signed(body, &secret(payer)), certificate(payer), [behind]).expect("a bundle")
}

/// Purse 1 spends its grant, and what it paid goes on from purse to purse.
fn chain(hops: u8) -> Bundle {
    let grant = grant();
    let first = pay(1, grant.body.load, &Behind::Grant(grant));
    (2..=hops).fold(first, |bundle, payer| {
        pay(payer, bundle.transfer().id().short(), &Behind::Bundle(bundle))
    })
}

fn benches(c: &mut Criterion) {
    let roles = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon];
    let keys = roles.map(|role| IssuerKey {
        key: issuer(role).public_key(),
        role,
        currency: CURRENCY,
    });
    let keys = IssuerKeys::new(keys.to_vec()).expect("three keys");
    let revoked = RevocationList::new(ListVersion(0), HOUR, vec![]).expect("an empty list");
    let trust = Trust {
        keys: &keys,
        revoked: &revoked,
        epoch: HOUR,
        limits: &Limits::DEVNET,
    };
    let mut group = c.benchmark_group("offline");
    for hops in 1..=4 {
        let (bundle, request, own) = (chain(hops).to_bytes(), request(hops + 1), certificate(hops + 1));
        group.bench_function(BenchmarkId::new("accept", hops), |b| {
            b.iter(|| accept(black_box(&bundle), &request, &own.body, &trust).expect("it is money"));
        });
    }
    group.finish();
}

criterion_group!(offline, benches);
criterion_main!(offline);
