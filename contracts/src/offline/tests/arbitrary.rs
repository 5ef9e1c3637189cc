//! Messages with random content.

use proptest::{array, collection::vec, prelude::*};

use crate::{
    codec::{Bounded, Text},
    keys::{PublicKey, Signature},
    merkle::Root,
    money::Amount,
    offline::{
        field::Fixed,
        ids::{
            AccountHash, CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, Nonce16, PurseId,
            RequestSeq, RevocationEntry, Seq, Serial,
        },
        message::Message,
        messages::{
            Beacon, Certificate, Class, Grant, LoadRequest, LogEntry, LotPart, PaymentStatus, Receipt, ReceiptStatus,
            Redeem, Request, RevocationDelta, Settled, SettledStatus, Spend, SyncAnswer, SyncUpload, Transfer, Void,
        },
        signed::Signed,
    },
};

/// Of any number of bits, so that encodings of every length are met.
fn number() -> impl Strategy<Value = u32> {
    (any::<u32>(), 0..32_u32).prop_map(|(value, bits): (u32, u32)| value >> bits)
}

fn amount() -> impl Strategy<Value = Amount> {
    (any::<u64>(), 0..64_u32).prop_map(|(value, bits): (u64, u32)| Amount((value >> bits).max(1)))
}

fn purse() -> impl Strategy<Value = PurseId> {
    array::uniform8(any::<u8>())
        .prop_map(PurseId)
        .prop_filter("a purse's id", |id| id.check().is_ok())
}

fn digest() -> impl Strategy<Value = [u8; 32]> {
    array::uniform32(any::<u8>())
}

fn key_id() -> impl Strategy<Value = KeyId> {
    array::uniform4(any::<u8>()).prop_map(KeyId)
}

fn id16() -> impl Strategy<Value = Id16> {
    array::uniform16(any::<u8>()).prop_map(Id16)
}

fn epochs() -> impl Strategy<Value = (Epoch, Epoch)> {
    (number(), number())
        .prop_filter("one is later", |(one, other)| one != other)
        .prop_map(|(one, other)| (Epoch(one.min(other)), Epoch(one.max(other))))
}

fn bounded<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few enough")
}

fn signed<M: std::fmt::Debug + Clone>(body: impl Strategy<Value = M>) -> impl Strategy<Value = Message>
where
    Message: From<Signed<M>>,
{
    (body, digest(), digest()).prop_map(|(body, r, s)| {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        Message::from(Signed {
            body,
            signature: Signature(signature),
        })
    })
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let limits = (amount(), amount(), amount(), number(), any::<u8>(), number());
    let who = (key_id(), purse(), digest(), any::<u16>(), any::<[bool; 2]>());
    (who, epochs(), limits).prop_map(|(who, (not_before, not_after), limits)| Certificate {
        issuer: who.0,
        purse: who.1,
        key: PublicKey::Ed25519(who.2),
        currency: CurrencyIndex(who.3),
        class: Class {
            can_receive: who.4[0],
            can_respend: who.4[1],
        },
        not_before,
        not_after,
        payment_max: limits.0,
        balance_max: limits.1,
        paid_max: limits.2,
        payments_max: limits.3,
        hops_max: limits.4,
        serial: Serial(limits.5),
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    (key_id(), id16(), purse(), number(), amount(), any::<u16>(), epochs()).prop_map(|it| Grant {
        issuer: it.0,
        load: it.1,
        purse: it.2,
        load_counter: LoadCounter(it.3),
        amount: it.4,
        currency: CurrencyIndex(it.5),
        epoch: it.6.0,
        expiry: it.6.1,
    })
}

fn load_request() -> impl Strategy<Value = LoadRequest> {
    (purse(), number(), amount(), any::<u16>(), id16()).prop_map(|it| LoadRequest {
        purse: it.0,
        load_counter: LoadCounter(it.1),
        amount: it.2,
        currency: CurrencyIndex(it.3),
        nonce: Nonce16(it.4.0),
    })
}

fn request() -> impl Strategy<Value = Request> {
    let memo = vec(any::<char>(), 0..=10).prop_map(String::from_iter);
    (purse(), id16(), number(), amount(), number(), number(), memo).prop_map(|it| Request {
        payee: it.0,
        nonce: Nonce16(it.1.0),
        seq: RequestSeq(it.2),
        amount: it.3,
        epoch: Epoch(it.4),
        list_version: ListVersion(it.5),
        flags: Fixed,
        memo: Text::new(it.6).expect("ten characters have at most 40 bytes"),
    })
}

fn spend() -> impl Strategy<Value = Spend> {
    let part = (id16(), amount()).prop_map(|(lot, Amount(amount))| LotPart {
        lot,
        // The sum of four is an amount.
        amount: Amount((amount >> 2).max(1)),
    });
    let lots = vec(part, 1..=4).prop_map(|mut lots| {
        lots.sort_by_key(|part| part.lot);
        lots.dedup_by_key(|part| part.lot);
        lots
    });
    (lots, any::<u16>(), any::<u8>(), number(), number()).prop_map(|it| Spend {
        amount: Amount(it.0.iter().map(|part| part.amount.0).sum()),
        currency: CurrencyIndex(it.1),
        hop: it.2,
        expiry: Epoch(it.3),
        epoch: Epoch(it.4),
        lots: bounded(it.0),
    })
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (purse(), number(), digest(), purse(), digest(), spend())
        .prop_filter("another purse", |it| it.0 != it.3)
        .prop_map(|it| Transfer {
            payer: it.0,
            seq: Seq(it.1),
            previous: MessageId(it.2),
            payee: it.3,
            request: MessageId(it.4),
            spend: it.5,
        })
}

fn redeem() -> impl Strategy<Value = Redeem> {
    (purse(), number(), digest(), digest(), spend()).prop_map(|it| Redeem {
        payer: it.0,
        seq: Seq(it.1),
        previous: MessageId(it.2),
        payee: Fixed,
        account: AccountHash(it.3),
        spend: it.4,
    })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    (purse(), number(), digest()).prop_map(|it| Receipt {
        payee: it.0,
        seq: RequestSeq(it.1),
        transfer: MessageId(it.2),
        status: ReceiptStatus::Accepted,
    })
}

fn void() -> impl Strategy<Value = Void> {
    (purse(), number(), digest()).prop_map(|it| Void {
        payee: it.0,
        seq: RequestSeq(it.1),
        request: MessageId(it.2),
    })
}

fn beacon() -> impl Strategy<Value = Beacon> {
    (key_id(), number(), number(), digest()).prop_map(|it| Beacon {
        issuer: it.0,
        epoch: Epoch(it.1),
        list_version: ListVersion(it.2),
        list_root: Root(it.3),
    })
}

fn delta() -> impl Strategy<Value = RevocationDelta> {
    let entries = prop::collection::btree_set(array::uniform8(any::<u8>()).prop_map(RevocationEntry), 0..=54);
    (key_id(), epochs(), number(), entries).prop_map(|it| RevocationDelta {
        issuer: it.0,
        version: ListVersion(it.1.1.0),
        previous: ListVersion(it.1.0.0),
        epoch: Epoch(it.2),
        entries: bounded(it.3.into_iter().collect()),
    })
}

fn sync_upload() -> impl Strategy<Value = SyncUpload> {
    use PaymentStatus::{Paid, Pending, Refunded, Voided};
    let status = prop::sample::select(vec![Pending, Paid, Voided, Refunded]);
    let log = prop::collection::btree_map(number(), status, 0..=50);
    let counters = (number(), number(), number(), number(), number(), number(), number());
    (purse(), counters, digest(), amount(), amount(), log).prop_map(|it| SyncUpload {
        direction: Fixed,
        purse: it.0,
        serial: Serial(it.1.0),
        load_counter: LoadCounter(it.1.1),
        seq: Seq(it.1.2),
        request_seq: RequestSeq(it.1.3),
        epoch: Epoch(it.1.4),
        list_version: ListVersion(it.1.5),
        log_head: MessageId(it.2),
        paid: it.3,
        received: it.4,
        payments: it.1.6,
        log: bounded(
            it.5.into_iter()
                .map(|(seq, status)| LogEntry { seq: Seq(seq), status })
                .collect(),
        ),
    })
}

fn sync_answer() -> impl Strategy<Value = SyncAnswer> {
    use SettledStatus::{Paid, Refunded, Voided};
    let settled = prop::collection::btree_map(number(), prop::sample::select(vec![Paid, Voided, Refunded]), 0..=50);
    (key_id(), purse(), digest(), number(), number(), settled).prop_map(|it| SyncAnswer {
        direction: Fixed,
        issuer: it.0,
        purse: it.1,
        upload: MessageId(it.2),
        epoch: Epoch(it.3),
        list_version: ListVersion(it.4),
        settled: bounded(
            it.5.into_iter()
                .map(|(seq, status)| Settled { seq: Seq(seq), status })
                .collect(),
        ),
    })
}

/// Any message, soundly made.
pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        signed(certificate()),
        signed(grant()),
        signed(request()),
        signed(transfer()),
        signed(receipt()),
        signed(void()),
        signed(beacon()),
        signed(delta()),
        signed(redeem()),
        signed(load_request()),
        signed(sync_upload()),
        signed(sync_answer()),
    ]
}
