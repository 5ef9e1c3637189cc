//! Bytes of rows about purses. A change here is a new format.

use sha2::{Digest, Sha256};

use super::*;
use crate::{
    codec,
    ledger::{StateKey, StateValue},
    offline::{
        example,
        record::{
            Asked, Claim, Consumed, Load, OfflineKey, OfflineRow, Origin, Purse, PurseCurrency, ServiceKey, Spending,
            Spent, Unbacked, Word,
        },
    },
    settlement::ContractId,
};

fn rows() -> Vec<(OfflineKey, OfflineRow)> {
    let (eur, owner) = (code("EUR"), AccountId([0xaa; 20]));
    let purse = example::purse(1);
    let load = Load {
        lot: Id16([0x41; 16]),
        account: owner,
        currency: eur,
        amount: Amount(200_000),
        left: Amount(300),
        asked: 300,
        contract: ContractId([0xab; 20]),
        grant: Some(example::granted(1)),
        due: Epoch(491_440),
        is_ended: false,
    };
    let record = PurseCurrency {
        index: CurrencyIndex(300),
        fund: owner,
        keys: 3,
        epoch: Epoch(490_000),
        list_version: ListVersion(200),
        guarantee: Amount(300),
        claims: 2,
        waiting: 300,
    };
    let entry = ServiceKey {
        key: crate::example::key(7),
        role: KeyRole::Beacon,
        currency: eur,
        is_withdrawn: true,
    };
    let registered = Purse {
        owner,
        operator: pid("BANK"),
        currency: eur,
        certificate: example::certified(1),
        loads: LoadCounter(300),
        owed: 300,
        is_revoked: false,
    };
    let beacon_key = example::issuer_secret(KeyRole::Beacon);
    let transfer = example::transfer_of(&[1_250]);
    let id = transfer.id();
    let place = 300u32.to_be_bytes();
    vec![
        (OfflineKey::Currency(eur), OfflineRow::Currency(record)),
        (OfflineKey::Index([1, 44]), OfflineRow::Index(eur)),
        (OfflineKey::Key(KeyId([1, 2, 3, 4])), OfflineRow::Key(entry)),
        (OfflineKey::Purse(purse), OfflineRow::Purse(registered)),
        (OfflineKey::Load(purse, place), OfflineRow::Load(load)),
        (
            OfflineKey::Lot(Id16([0x41; 16]), purse),
            OfflineRow::Lot(Origin::Load(LoadCounter(300))),
        ),
        (
            OfflineKey::Beacon([1, 44], place),
            OfflineRow::Beacon(signed(example::beacon(), &beacon_key)),
        ),
        (
            OfflineKey::Delta([1, 44], place),
            OfflineRow::Delta(signed(example::delta(2), &beacon_key)),
        ),
        (
            OfflineKey::Spending(id),
            OfflineRow::Spending(Spending {
                spent: Spent::Transfer(transfer),
                asked: 300,
                drawn: [Amount(300), Amount::ZERO, Amount::ZERO, Amount::ZERO],
                is_settled: false,
            }),
        ),
        (OfflineKey::Place(purse, place), OfflineRow::Place(list(vec![id]))),
        (
            OfflineKey::Word(purse, place),
            OfflineRow::Word(Word {
                received: list(vec![id]),
                is_voided: true,
                requests: list(vec![MessageId([8; 32])]),
            }),
        ),
        (
            OfflineKey::Request(purse, MessageId([8; 32])),
            OfflineRow::Request(Asked {
                seq: Some(RequestSeq(300)),
                is_voided: false,
                transfers: list(vec![id]),
                claimed: list(vec![MessageId([9; 32])]),
            }),
        ),
        (
            OfflineKey::Consumed(Id16([0x41; 16]), purse),
            OfflineRow::Consumed(Consumed { sum: 300, hop: 4 }),
        ),
        (OfflineKey::Proof(purse, Proof::Place(place)), OfflineRow::Proof(())),
        (
            OfflineKey::Proof(purse, Proof::Lot(Id16([0x41; 16]))),
            OfflineRow::Proof(()),
        ),
        (OfflineKey::Proof(purse, Proof::Word(place)), OfflineRow::Proof(())),
        (
            OfflineKey::Proof(purse, Proof::Request(MessageId([8; 32]))),
            OfflineRow::Proof(()),
        ),
        (
            OfflineKey::Claim([1, 44], [0, 0, 0, 0, 0, 0, 1, 44]),
            OfflineRow::Claim(Claim {
                account: owner,
                amount: Amount(300),
                redemption: id,
            }),
        ),
        (
            OfflineKey::HeldBack([1, 44], [0, 0, 0, 0, 0, 0, 1, 44]),
            OfflineRow::HeldBack(Claim {
                account: owner,
                amount: Amount(300),
                redemption: id,
            }),
        ),
        (
            OfflineKey::Unbacked(purse, Id16([0x41; 16])),
            OfflineRow::Unbacked(Unbacked {
                grant: example::granted(1),
                asked: 300,
                is_doubtful: true,
            }),
        ),
        (OfflineKey::Due(place, 254, id), OfflineRow::Due(())),
        (OfflineKey::Room(purse), OfflineRow::Room(300)),
        (
            OfflineKey::Listed([1, 44], RevocationEntry::purse(purse)),
            OfflineRow::Listed(()),
        ),
        (
            OfflineKey::ListRoot([1, 44], place),
            OfflineRow::ListRoot(Root([3; 32])),
        ),
    ]
}

/// Each key, and the first bytes of SHA-256 over its row.
const EXPECTED: [(&str, &str); 24] = [
    ("15004555520000000000", "2113fec2998f518a"),
    ("1501012c", "1a038c48062a7497"),
    ("150201020304", "36438a6a8d611764"),
    ("15030101010101010101", "f6c3d3a75c533200"),
    ("150401010101010101010000012c", "40ce9145086c2b0a"),
    (
        "1505414141414141414141414141414141410101010101010101",
        "d5e4ace08683e32d",
    ),
    ("1506012c0000012c", "be8f43551f723ce0"),
    ("1507012c0000012c", "95c9b04f8d3c8801"),
    (
        "150893e4d5df1f9f8d35f735e752cdee48f8047f9fc9a2ee028db496bc4257c2b352",
        "fa9422e3c3f4f2aa",
    ),
    ("150901010101010101010000012c", "5549f4b49b821a9e"),
    ("150a01010101010101010000012c", "cfc950d7f141ecfd"),
    (
        "150b01010101010101010808080808080808080808080808080808080808080808080808080808080808",
        "a19216b1459b8031",
    ),
    (
        "150c414141414141414141414141414141410101010101010101",
        "24bbb96a2cc520c7",
    ),
    ("150d0101010101010101000000012c", "90bd5f29726c4ec9"),
    (
        "150d01010101010101010141414141414141414141414141414141",
        "90bd5f29726c4ec9",
    ),
    ("150d0101010101010101020000012c", "90bd5f29726c4ec9"),
    (
        "150d0101010101010101030808080808080808080808080808080808080808080808080808080808080808",
        "90bd5f29726c4ec9",
    ),
    ("150e012c000000000000012c", "acf10c380eeb2ba0"),
    ("150f012c000000000000012c", "08e78163db3ae0b5"),
    (
        "1510010101010101010141414141414141414141414141414141",
        "b981bacf3d7d148a",
    ),
    (
        "15110000012cfe93e4d5df1f9f8d35f735e752cdee48f8047f9fc9a2ee028db496bc4257c2b352",
        "4bcf3576ff5b7b31",
    ),
    ("15120101010101010101", "15cabfb37f38fafe"),
    ("1513012c0101010101010101", "8fbd8129c92fdd46"),
    ("1514012c0000012c", "b994997605b1979d"),
];

#[test]
fn rows_have_these_bytes() {
    let keyed = rows().into_iter().map(|(key, row)| {
        let (key, value) = (StateKey::Offline(key), StateValue::Offline(Box::new(row)));
        let bytes = codec::encode(&value);
        assert_eq!(codec::decode::<StateValue>(&bytes, 1_000).as_ref(), Ok(&value));
        (
            hex::encode(codec::encode(&key)),
            hex::encode(&Sha256::digest(&bytes)[..8]),
        )
    });
    let keyed: Vec<_> = keyed.collect();
    assert!(keyed.is_sorted());
    let actual: Vec<_> = keyed.iter().map(|(key, hash)| (&**key, &**hash)).collect();
    assert_eq!(actual, EXPECTED);
}

#[test]
fn keys_sort_as_their_bytes_do() {
    let keys = rows().into_iter().flat_map(|(key, _)| {
        let near = match key {
            OfflineKey::Load(purse, _) => OfflineKey::Load(purse, 70_000u32.to_be_bytes()),
            OfflineKey::Beacon(of, _) => OfflineKey::Beacon(of, 70_000u32.to_be_bytes()),
            other => other,
        };
        [StateKey::Offline(key), StateKey::Offline(near)]
    });
    let keys: Vec<_> = keys.collect();
    assert!(keys.is_sorted());
    assert!(keys.is_sorted_by_key(codec::encode));
}
