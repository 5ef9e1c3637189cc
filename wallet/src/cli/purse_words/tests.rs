use causeway_contracts::{
    codec::{Bounded, Text},
    identity::ParticipantId,
    keys::{SecretKey, Signature},
    merkle::Root,
    money::Currency,
    offline::{
        field::Fixed,
        ids::{
            AccountHash, CurrencyIndex, Id16, ListVersion, LoadCounter, MessageId, Nonce16, RequestSeq, Seq, Serial,
        },
        messages::{
            Beacon, Class, Grant, LoadRequest, LotPart, Receipt, ReceiptStatus, Redeem, Request, RevocationDelta,
            Spend, Transfer, Void,
        },
        signed::Signed,
    },
};

use super::*;

const PURSE: PurseId = PurseId([0xaa; 8]);
const PAYEE: PurseId = PurseId([0xbb; 8]);
const ALICE: AccountId = AccountId([1; 20]);
const INDEX: CurrencyIndex = CurrencyIndex(1);
const KID: KeyId = KeyId([7; 4]);
/// 2025-11-24 16:00:00 UTC.
const HOUR: Epoch = Epoch(490_000);

fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

fn list<T: std::fmt::Debug, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few enough")
}

fn signed<M>(body: M) -> Signed<M> {
    let signature = Signature([0; 64]);
    Signed { body, signature }
}

fn spend() -> Spend {
    let (lot, amount) = (Id16([5; 16]), Amount(1_250));
    Spend {
        amount,
        currency: INDEX,
        hop: 1,
        expiry: HOUR,
        epoch: HOUR,
        lots: list(vec![LotPart { lot, amount }]),
    }
}

fn transfer() -> Transfer {
    Transfer {
        payer: PURSE,
        seq: Seq(9),
        previous: MessageId::NONE,
        payee: PAYEE,
        request: MessageId([4; 32]),
        spend: spend(),
    }
}

fn check(action: OfflineAction, expected: &[&str]) {
    let name = |id| {
        assert_eq!(id, ALICE);
        "alice".to_owned()
    };
    let money = |amount, currency| format!("{amount} cents of {currency}");
    assert_eq!(words(&action, name, money), expected);
}

#[test]
fn what_an_issuer_and_its_operators_set_up_is_told() {
    let bank = ParticipantId::new("BANK").unwrap();
    let (currency, fund) = (euro(), ALICE);
    check(
        OfflineAction::OpenCurrency { currency, fund },
        &["purses may hold EUR, guaranteed by alice"],
    );
    let key = SecretKey::from_seed(&[7; 32]).public_key();
    let role = KeyRole::Grant;
    check(
        OfflineAction::SetServiceKey { currency, key, role },
        &[
            "a key with which the issuer of EUR signs grants for loads, and answers to syncs",
            &format!("key {}: {key}", KeyId::of(&key)),
        ],
    );
    check(
        OfflineAction::WithdrawServiceKey { currency, key: KID },
        &["key 07070707 of the service for purses in EUR is withdrawn"],
    );
    let certificate = signed(Certificate {
        issuer: KID,
        purse: PURSE,
        key,
        currency: INDEX,
        class: Class::MERCHANT,
        not_before: HOUR,
        not_after: Epoch(HOUR.0 + 23),
        payment_max: Amount(50_000),
        balance_max: Amount(200_000),
        paid_max: Amount(200_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(3),
    });
    let (operator, owner) = (bank, ALICE);
    let register = OfflineAction::RegisterPurse {
        operator,
        owner,
        certificate,
    };
    let expected = [
        "BANK registers purse aaaaaaaaaaaaaaaa of alice",
        "certificate 3: it is paid, and redeems that",
        "from 2025-11-24 16:00:00 UTC until 2025-11-25 16:00:00 UTC",
        "at most 50000 a payment and 200000 in it, in minor units",
        &format!("key {key}"),
    ];
    check(register, &expected);
    for (by, who) in [
        (Revoker::Owner(ALICE), "its owner alice"),
        (Revoker::Operator(bank), "its operator BANK"),
        (Revoker::Issuer(currency), "the issuer of EUR"),
    ] {
        let line = format!("purse aaaaaaaaaaaaaaaa is taken out of use for good, by {who}");
        check(OfflineAction::RevokePurse { by, purse: PURSE }, &[&line]);
    }
}

#[test]
fn loads_and_redemptions_are_told() {
    let load_counter = LoadCounter(2);
    let request = signed(LoadRequest {
        purse: PURSE,
        load_counter,
        amount: Amount(1_250),
        currency: INDEX,
        nonce: Nonce16([0; 16]),
    });
    let account = ALICE;
    check(
        OfflineAction::Load { account, request },
        &["load 2 of purse aaaaaaaaaaaaaaaa: 1250 minor units of its currency of alice"],
    );
    let grant = signed(Grant {
        issuer: KID,
        load: Id16([5; 16]),
        purse: PURSE,
        load_counter,
        amount: Amount(1_250),
        currency: INDEX,
        epoch: HOUR,
        expiry: HOUR,
    });
    check(
        OfflineAction::Grant { by: ALICE, grant },
        &[
            "grant for load 2 of purse aaaaaaaaaaaaaaaa: 1250 minor units of its currency",
            "lot 05050505050505050505050505050505, to be spent before 2025-11-24 16:00:00 UTC",
        ],
    );
    let redeem = signed(Redeem {
        payer: PURSE,
        seq: Seq(9),
        previous: MessageId::NONE,
        payee: Fixed,
        account: AccountHash::of(&ALICE),
        spend: spend(),
    });
    check(
        OfflineAction::Redeem { account, redeem },
        &["purse aaaaaaaaaaaaaaaa redeems 1250 minor units of its currency to alice, under number 9"],
    );
}

#[test]
fn what_is_said_to_all_purses_and_by_them_is_told() {
    let beacon = signed(Beacon {
        issuer: KID,
        epoch: HOUR,
        list_version: ListVersion(4),
        list_root: Root([0; 32]),
    });
    let by = ALICE;
    check(
        OfflineAction::Beacon { by, beacon },
        &["beacon: it is 2025-11-24 16:00:00 UTC, and the revocation list has version 4"],
    );
    let delta = signed(RevocationDelta {
        issuer: KID,
        version: ListVersion(4),
        previous: ListVersion(3),
        epoch: HOUR,
        entries: list(vec![RevocationEntry::key(KID), RevocationEntry::purse(PURSE)]),
    });
    check(
        OfflineAction::AddRevocations { by, delta },
        &[
            "version 4 of a revocation list, which adds",
            "key 07070707",
            "purse aaaaaaaaaaaaaaaa",
        ],
    );
    let (payee, seq) = (PAYEE, RequestSeq(5));
    let request = Request {
        payee,
        nonce: Nonce16([0; 16]),
        seq,
        amount: Amount(1_250),
        epoch: HOUR,
        list_version: ListVersion(0),
        flags: Fixed,
        memo: Text::new("tea\u{1b}[2J").unwrap(),
    };
    let (transfer, status) = (transfer(), ReceiptStatus::Accepted);
    let messages = list(vec![
        Testimony::Transfer(signed(transfer)),
        Testimony::Request(signed(request)),
        Testimony::Receipt(signed(Receipt {
            payee,
            seq,
            transfer: MessageId([6; 32]),
            status,
        })),
        Testimony::Void(signed(Void {
            payee,
            seq,
            request: MessageId([4; 32]),
        })),
    ]);
    check(
        OfflineAction::Testify { by, messages },
        &[
            "alice brings what purses said",
            "purse aaaaaaaaaaaaaaaa paid purse bbbbbbbbbbbbbbbb 1250 minor units of its currency, under number 9",
            "request 5 of purse bbbbbbbbbbbbbbbb: 1250 minor units of its currency, for: tea\\u{1b}[2J",
            &format!(
                "receipt of purse bbbbbbbbbbbbbbbb for its request 5: transfer {}",
                "06".repeat(32)
            ),
            "purse bbbbbbbbbbbbbbbb takes back its request 5",
        ],
    );
}

#[test]
fn what_is_guaranteed_is_told() {
    let (fund, currency, amount) = (ALICE, euro(), Amount(300));
    check(
        OfflineAction::FundGuarantee { fund, currency, amount },
        &["alice sets aside 300 cents of EUR for what purses owe"],
    );
    check(
        OfflineAction::WithdrawGuarantee { currency, amount },
        &["300 cents of EUR that was set aside for what purses owe goes back to its fund"],
    );
    let number = 7;
    check(
        OfflineAction::ReleaseClaim { currency, number },
        &["claim 7 for what purses owe in EUR may be paid"],
    );
}
