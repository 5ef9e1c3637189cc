use causeway_cards::qr::mpm::{Check, Code, seal};
use causeway_contracts::{
    identity::{AccountId, AddressPrefix},
    keys::PublicKey,
};
use proptest::prelude::*;

use super::{read::Fault, *};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn operators() -> [PublicKey; 2] {
    [key(1).public_key(), key(2).public_key()]
}

fn order() -> MerchantCode {
    MerchantCode {
        merchant: Merchant {
            category: "5812".into(),
            currency: "978".into(),
            country: "DE".into(),
            name: "CAFE AM DOM".into(),
            city: "KOELN".into(),
            postal_code: Some("50667".into()),
        },
        address: AccountId([7; 20]).address(AddressPrefix::Devnet),
        purpose: Purpose::Order {
            id: CodeId([0xab; 16]),
            expires_at: UnixSeconds(NOW.0 + 60),
            amount: "12.50".into(),
        },
        store: Some("STORE 1".into()),
        terminal: None,
        local: None,
    }
}

fn merchant() -> MerchantCode {
    MerchantCode {
        purpose: Purpose::Merchant(CodeId([0xcd; 16])),
        local: Some(LocalName {
            language: "zh".into(),
            name: "大教堂咖啡馆".into(),
            city: None,
        }),
        ..order()
    }
}

fn signed(code: &MerchantCode) -> String {
    code.sign(&key(2)).expect("it can be made")
}

#[track_caller]
fn check(text: &str, expected: Refusal) {
    assert_eq!(read(text, &operators(), NOW), Err(expected), "{text}");
}

/// The text with its check made right again, as who alters a code does.
fn resealed(text: &str) -> String {
    seal(text[..text.len() - 8].to_owned())
}

/// Signed, whatever is in it.
fn signed_text(objects: &str) -> String {
    let signature = key(2).sign(Domain::PaymentCode, objects.as_bytes());
    let inner = format!("0005cw.sg0186{}", BASE64_URL_SAFE_NO_PAD.encode(signature.0));
    seal(format!("{objects}8099{inner}"))
}

#[test]
fn golden_codes() {
    assert_eq!(signed(&order()), include_str!("golden/order.txt").trim_end());
    assert_eq!(signed(&merchant()), include_str!("golden/merchant.txt").trim_end());
}

#[test]
fn a_code_is_read_as_it_was_signed() {
    for code in [order(), merchant()] {
        let text = signed(&code);
        assert_eq!(Code::read(&text).expect("structure").violations(), []);
        let verified = read(&text, &operators(), NOW).expect("it may be paid");
        assert_eq!((verified.code, verified.signer), (code, key(2).public_key()));
    }
    assert_eq!(order().purpose.memo(), "order q6urq6urq6urq6urq6urqw");
    assert_eq!(merchant().purpose.memo(), "merchant zc3Nzc3Nzc3Nzc3Nzc3NzQ");
    assert_eq!(order().currency(), Some("EUR"));
}

#[test]
fn accounts_and_signatures_have_the_lengths_that_templates_have() {
    let text = signed(&order());
    let code = Code::read(&text).expect("structure");
    let length = |id| code.get(id).expect("it is there").chars().count();
    assert_eq!((length(ACCOUNT), length(SEAL)), (98, 99));
}

#[test]
fn a_code_that_cannot_be_trusted_is_refused() {
    let text = signed(&order());
    check(&text.replace("12.50", "92.50"), Refusal::WrongCrc);
    check(&text[..text.len() - 1], Refusal::WrongCrc);
    check(&text[..text.len() - 8], Refusal::WrongCrc);
    check(&resealed(&text.replace("12.50", "92.50")), Refusal::Altered);
    let other = AccountId([8; 20]).address(AddressPrefix::Devnet).to_string();
    check(
        &resealed(&text.replace(&order().address.to_string(), &other)),
        Refusal::Altered,
    );
    check(&order().sign(&key(3)).expect("made"), Refusal::Altered);
    assert_eq!(read(&text, &[], NOW), Err(Refusal::Altered));
    let without = Code::read(&text).expect("structure");
    let unsigned = &text[..without.objects[without.objects.len() - 2].start];
    check(&seal(unsigned.to_owned()), Refusal::NotSigned);
    // What is put in beside the signature, or between it and the check, is not signed.
    let body = &text[..text.len() - 8];
    check(&seal(format!("{body}8108evil1234")), Refusal::Altered);
    check(
        &seal(format!("{unsigned}8000{}", &body[unsigned.len()..])),
        Refusal::NotSigned,
    );
    let shorter = body.replace("8099", "8098").replace("0186", "0185");
    check(&seal(shorter[..shorter.len() - 1].to_owned()), Refusal::Altered);
    check(&seal(body.replace("0186", "0187")), Refusal::NotSigned);
}

#[test]
fn a_code_is_paid_until_the_second_of_its_expiry() {
    let text = signed(&order());
    let expires_at = UnixSeconds(NOW.0 + 60);
    assert!(read(&text, &operators(), UnixSeconds(expires_at.0 - 1)).is_ok());
    let expired = Err(Refusal::Expired { expires_at });
    assert_eq!(read(&text, &operators(), expires_at), expired);
    assert!(read(&signed(&merchant()), &operators(), UnixSeconds(u64::MAX)).is_ok());
}

#[test]
fn foreign_codes_are_told_apart() {
    let foreign = mpm::Builder::fixed(&order().merchant)
        .template(26, "com.example", &[(1, "12345")])
        .and_then(|code| code.build())
        .expect("made");
    check(&foreign, Refusal::NotOurs);
    assert_eq!(Check::of("https://example.com"), Check::Missing);
    check(
        "https://example.com",
        Refusal::NotACode(mpm::StructureError::Head { at: 0 }),
    );
    check("", Refusal::NotACode(mpm::StructureError::Empty));
}

#[test]
fn what_an_operator_signed_wrongly_is_its_fault() {
    let text = order().builder().and_then(|made| Ok(made.unsealed()?)).expect("made");
    let mut faults = Vec::new();
    let mut fault = |objects: String| match read(&signed_text(&objects), &operators(), NOW) {
        Err(Refusal::Malformed(fault)) => faults.push(fault),
        other => panic!("{other:?} of {objects}"),
    };
    fault(text.replace("cwdev1", "cwdev2"));
    fault(text.replace("0310", "0510"));
    fault(text.replace("010212", "010211"));
    fault(text.replace("5303978", "5303000"));
    fault(
        text.replace("5802DE", "55020158")
            .replace("5502015859", "5502015802DE59"),
    );
    let filler = "x".repeat(99);
    fault(format!("{text}6599{filler}6699{filler}6799{filler}"));
    assert!(matches!(faults[..2], [Fault::Address, Fault::Purpose]), "{faults:?}");
    assert!(matches!(faults[2..4], [Fault::Purpose, Fault::Currency]), "{faults:?}");
    assert!(matches!(faults[4..], [Fault::Tip, Fault::TooLong]), "{faults:?}");
    let violation = read(&signed_text(&text.replace("5802DE", "5802de")), &operators(), NOW);
    let Err(Refusal::Malformed(Fault::Violation(violation))) = violation else {
        panic!("{violation:?}")
    };
    assert_eq!((violation.code, violation.place.as_str()), ("wrong_form", "58"));
}

#[test]
fn what_no_reader_takes_is_not_signed() {
    let mut code = order();
    code.merchant.currency = "000".into();
    assert!(matches!(code.sign(&key(1)), Err(SignError::Currency(_))));
    let mut code = order();
    let Purpose::Order { expires_at, amount, .. } = &mut code.purpose else {
        unreachable!("it is of an order")
    };
    *amount = "0.00".into();
    let time = std::mem::replace(expires_at, UnixSeconds(999_999_999));
    assert!(matches!(code.sign(&key(1)), Err(SignError::Expiry(999_999_999))));
    let Purpose::Order { expires_at, .. } = &mut code.purpose else {
        unreachable!("it is of an order")
    };
    *expires_at = time;
    assert!(matches!(
        code.sign(&key(1)),
        Err(SignError::Build(BuildError::Violations(_)))
    ));
}

#[test]
fn ids_have_one_text() {
    for wrong in [
        "",
        "q6urq6urq6urq6urq6urqx",
        "q6urq6urq6urq6urq6urqw==",
        "q6urq6urq6urq6urq6ur",
    ] {
        assert_eq!(wrong.parse::<CodeId>(), Err(NotAnId), "{wrong}");
    }
}

proptest! {
    #[test]
    fn invariant_any_change_of_a_code_is_refused(at in any::<prop::sample::Index>(), with in "[ -~]") {
        let text = signed(&order());
        let at = at.index(text.len() - 8);
        let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        prop_assert!(read(&changed, &operators(), NOW).is_err());
        prop_assert!(read(&resealed(&changed), &operators(), NOW).is_err());
    }

    #[test]
    fn invariant_what_is_signed_is_read_again(
        name in "[!-~]{1,25}",
        city in "[!-~]{1,15}",
        amount in "[1-9][0-9]{0,8}(\\.[0-9]{0,3})?",
        seconds in 1u64..1_000_000_000,
        id: [u8; 16],
        local in proptest::option::of("\\PC{1,25}"),
    ) {
        let mut code = order();
        (code.merchant.name, code.merchant.city) = (name, city);
        let expires_at = UnixSeconds(NOW.0 + seconds);
        code.purpose = Purpose::Order { id: CodeId(id), expires_at, amount };
        code.local = local.map(|name| LocalName { language: "zh".into(), name, city: None });
        let verified = read(&signed(&code), &operators(), NOW);
        prop_assert_eq!(verified.map(|verified| verified.code), Ok(code));
    }

    #[test]
    fn invariant_any_text_has_an_answer(text in "\\PC{0,200}") {
        prop_assert!(read(&text, &operators(), NOW).is_err());
        prop_assert!(read(&seal(text), &operators(), NOW).is_err());
    }
}
