//! Purses and messages with the golden values of the format: hour 490,000, the devnet's limits.

use super::{
    field::Fixed,
    ids::{
        AccountHash, CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, Nonce16, PurseId,
        RequestSeq, RevocationEntry, Seq, Serial,
    },
    issuer::{IssuerKey, IssuerKeys, KeyRole},
    messages::{
        Beacon, Certificate, Class, Grant, LoadRequest, LogEntry, LotPart, PaymentStatus, Receipt, ReceiptStatus,
        Redeem, Request, RevocationDelta, Settled, SettledStatus, Spend, SyncAnswer, SyncUpload, Transfer, Void,
    },
    signed::{Body, Signed},
};
use crate::{
    example::{list, secret, text},
    identity::AccountId,
    keys::SecretKey,
    merkle::Root,
    money::Amount,
};

pub const HOUR: Epoch = Epoch(490_000);
pub const CURRENCY: CurrencyIndex = CurrencyIndex(1);
pub const AMOUNT: Amount = Amount(1_250);

const CERTIFICATE_KEY: u8 = 60;
const GRANT_KEY: u8 = 61;
const BEACON_KEY: u8 = 62;

pub fn after(hours: u32) -> Epoch {
    Epoch(HOUR.0 + hours)
}

pub fn signed<M: Body>(body: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(body, key).expect("a sound message")
}

/// The issuer's key of each role.
pub fn issuer_secret(role: KeyRole) -> SecretKey {
    secret(match role {
        KeyRole::Certificate => CERTIFICATE_KEY,
        KeyRole::Grant => GRANT_KEY,
        KeyRole::Beacon => BEACON_KEY,
    })
}

pub fn issuer_id(role: KeyRole) -> KeyId {
    KeyId::of(&issuer_secret(role).public_key())
}

pub fn issuer_keys() -> IssuerKeys {
    let keys = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon].map(|role| IssuerKey {
        key: issuer_secret(role).public_key(),
        role,
        currency: CURRENCY,
    });
    IssuerKeys::new(keys.to_vec()).expect("three different keys")
}

pub fn purse(number: u8) -> PurseId {
    PurseId([number; 8])
}

/// The key of the purse of that number.
pub fn purse_secret(number: u8) -> SecretKey {
    secret(100 + number)
}

pub fn certificate(number: u8) -> Certificate {
    Certificate {
        issuer: issuer_id(KeyRole::Certificate),
        purse: purse(number),
        key: purse_secret(number).public_key(),
        currency: CURRENCY,
        class: Class::PERSON,
        not_before: HOUR,
        not_after: after(14 * 24),
        payment_max: Amount(50_000),
        balance_max: Amount(200_000),
        paid_max: Amount(200_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(200),
    }
}

pub fn certified(number: u8) -> Signed<Certificate> {
    signed(certificate(number), &issuer_secret(KeyRole::Certificate))
}

/// The purse's first load.
pub fn grant(number: u8) -> Grant {
    Grant {
        issuer: issuer_id(KeyRole::Grant),
        load: Id16([0x40 + number; 16]),
        purse: purse(number),
        load_counter: LoadCounter(1),
        amount: Amount(200_000),
        currency: CURRENCY,
        epoch: HOUR,
        expiry: after(30 * 24),
    }
}

pub fn granted(number: u8) -> Signed<Grant> {
    signed(grant(number), &issuer_secret(KeyRole::Grant))
}

pub fn request(payee: u8) -> Request {
    Request {
        payee: purse(payee),
        nonce: Nonce16([payee; 16]),
        seq: RequestSeq(5),
        amount: AMOUNT,
        epoch: HOUR,
        list_version: ListVersion(200),
        flags: Fixed,
        memo: text(""),
    }
}

/// Parts of lots, which are put in order.
pub fn spend(hop: u8, parts: &[(Id16, u64)]) -> Spend {
    let mut lots: Vec<_> = parts
        .iter()
        .map(|&(lot, amount)| LotPart {
            lot,
            amount: Amount(amount),
        })
        .collect();
    lots.sort_by_key(|part| part.lot);
    Spend {
        amount: Amount(parts.iter().map(|(_, amount)| amount).sum()),
        currency: CURRENCY,
        hop,
        expiry: after(30 * 24),
        epoch: HOUR,
        lots: list(lots),
    }
}

/// Pays the payee's request.
pub fn transfer(payer: u8, payee: u8, spend: Spend) -> Transfer {
    Transfer {
        payer: purse(payer),
        seq: Seq(200),
        previous: MessageId([0x50; 32]),
        payee: purse(payee),
        request: request(payee).id(),
        spend,
    }
}

pub fn transferred(payer: u8, payee: u8, spend: Spend) -> Signed<Transfer> {
    signed(transfer(payer, payee, spend), &purse_secret(payer))
}

/// A transfer of as many lots as there are parts, none of which is known.
pub fn transfer_of(parts: &[u64]) -> Signed<Transfer> {
    let lots: Vec<_> = (1..)
        .map(|number| Id16([number; 16]))
        .zip(parts.iter().copied())
        .collect();
    transferred(1, 2, spend(1, &lots))
}

pub fn receipt() -> Receipt {
    Receipt {
        payee: purse(2),
        seq: RequestSeq(5),
        transfer: transfer_of(&[1_250]).id(),
        status: ReceiptStatus::Accepted,
    }
}

pub fn void() -> Void {
    Void {
        payee: purse(2),
        seq: RequestSeq(5),
        request: request(2).id(),
    }
}

pub fn beacon() -> Beacon {
    Beacon {
        issuer: issuer_id(KeyRole::Beacon),
        epoch: HOUR,
        list_version: ListVersion(200),
        list_root: Root([0x60; 32]),
    }
}

pub fn delta(entries: u8) -> RevocationDelta {
    let entries = (1..=entries).map(|number| RevocationEntry::purse(purse(number)));
    RevocationDelta {
        issuer: issuer_id(KeyRole::Beacon),
        version: ListVersion(200),
        previous: ListVersion(199),
        epoch: HOUR,
        entries: list(entries.collect()),
    }
}

pub fn redeem() -> Redeem {
    Redeem {
        payer: purse(1),
        seq: Seq(200),
        previous: MessageId([0x50; 32]),
        payee: Fixed,
        account: AccountHash::of(&AccountId([0x70; 20])),
        spend: spend(1, &[(Id16([1; 16]), 1_250)]),
    }
}

pub fn load_request() -> LoadRequest {
    LoadRequest {
        purse: purse(1),
        load_counter: LoadCounter(1),
        amount: Amount(200_000),
        currency: CURRENCY,
        nonce: Nonce16([0x80; 16]),
    }
}

pub fn sync_upload() -> SyncUpload {
    let entry = |seq, status| LogEntry { seq: Seq(seq), status };
    SyncUpload {
        direction: Fixed,
        purse: purse(1),
        serial: Serial(200),
        load_counter: LoadCounter(2),
        seq: Seq(201),
        request_seq: RequestSeq(6),
        epoch: HOUR,
        list_version: ListVersion(200),
        log_head: transfer_of(&[1_250]).id(),
        paid: Amount(2_500),
        received: Amount(0),
        payments: 2,
        log: list(vec![
            entry(199, PaymentStatus::Paid),
            entry(200, PaymentStatus::Pending),
        ]),
    }
}

pub fn sync_answer() -> SyncAnswer {
    SyncAnswer {
        direction: Fixed,
        issuer: issuer_id(KeyRole::Grant),
        purse: purse(1),
        upload: sync_upload().id(),
        epoch: HOUR,
        list_version: ListVersion(200),
        settled: list(vec![Settled {
            seq: Seq(200),
            status: SettledStatus::Voided,
        }]),
    }
}
