use proptest::prelude::*;

use super::{
    amount::{AmountError, check_amount, check_percentage, minor_units},
    build::{BuildError, Builder, Merchant, Tip},
    *,
};

fn merchant() -> Merchant {
    Merchant {
        category: "5311".into(),
        currency: "156".into(),
        country: "CN".into(),
        name: "BEST TRANSPORT".into(),
        city: "BEIJING".into(),
        postal_code: None,
    }
}

fn codes(text: &str) -> Vec<String> {
    let code = Code::read(text).expect("structure");
    let violations = code.violations().into_iter();
    violations
        .map(|found| format!("{} {}", found.code, found.place))
        .collect()
}

#[test]
fn the_check_is_over_everything_and_its_own_head_and_keeps_leading_zeros() {
    assert_eq!(crc16(b"123456789"), 0x29b1);
    assert_eq!(Check::of("00020101021102"), Check::Missing);
    let text = seal("000201".to_owned());
    assert_eq!(Check::of(&text), Check::Right);
    assert_eq!(Check::of(&text.to_ascii_lowercase()), Check::Right);
    assert!(matches!(
        Check::of(&text.replace("000201", "000202")),
        Check::Wrong { .. }
    ));
    let short = (0..100_000)
        .map(|number| seal(format!("5906{number:06}")))
        .find(|text| text[text.len() - 4..].starts_with('0'))
        .expect("one in sixteen");
    assert_eq!(Check::of(&short), Check::Right);
    let lost = short[..short.len() - 4].to_owned() + &short[short.len() - 3..];
    assert_ne!(Check::of(&lost), Check::Right);
}

#[test]
fn lengths_count_characters() {
    let code = Code::read("5902北京6002ab").expect("structure");
    assert_eq!((code.get(59), code.get(60)), (Some("北京"), Some("ab")));
    assert_eq!(
        Code::read("5903北京"),
        Err(StructureError::Truncated {
            at: 0,
            id: 59,
            said: 3,
            left: 2
        })
    );
    assert_eq!(Code::read("5902北京x"), Err(StructureError::Head { at: 6 }));
    assert_eq!(Code::read("５９02ab"), Err(StructureError::Head { at: 0 }));
    assert_eq!(Code::read(""), Err(StructureError::Empty));
    assert_eq!(Code::read(&"0".repeat(2954)), Err(StructureError::TooLong(2954)));
}

#[test]
fn amounts_are_digits_with_one_full_stop_and_not_zero() {
    for good in ["98.73", "98", "98.", "0.01", "1234567890.12"] {
        assert_eq!(check_amount(good), Ok(()), "{good}");
    }
    for (bad, error) in [
        ("98,73", AmountError::Form),
        (".5", AmountError::Form),
        ("1.2.3", AmountError::Form),
        ("-1", AmountError::Form),
        ("0.00", AmountError::Zero),
        ("", AmountError::Length),
        ("12345678901.12", AmountError::Length),
    ] {
        assert_eq!(check_amount(bad), Err(error), "{bad}");
    }
    for good in ["00.01", "99.99", "5", "5.5"] {
        assert_eq!(check_percentage(good), Ok(()), "{good}");
    }
    for bad in ["00.00", "100", "0.001", "99.999", "", ".5", "5%"] {
        assert_eq!(check_percentage(bad), Err(AmountError::Percentage), "{bad}");
    }
    assert_eq!(minor_units("98.", 2), Some(9800));
    assert_eq!(minor_units("98.730", 2), Some(9873));
    assert_eq!(minor_units("98.735", 2), None);
    assert_eq!(minor_units("7", 0), Some(7));
}

#[test]
fn what_is_built_is_read_and_breaks_no_rule() {
    let built = Builder::dynamic(&merchant(), "23.72")
        .template(29, "D15600000000", &[(5, "A93FO3230Q")])
        .and_then(|builder| builder.language("ZH", "最佳运输", Some("北京")))
        .expect("short enough")
        .object(2, "4000123456789012")
        .additional(3, "1234")
        .additional(9, "ME")
        .tip(&Tip::Asked)
        .build()
        .expect("it breaks no rule");
    assert!(built.starts_with("000201010212021640001234567890122930"), "{built}");
    let code = Code::read(&built).expect("structure");
    assert_eq!(code.check, Check::Right);
    assert!(code.is_dynamic() && !is_ans(&built));
    assert_eq!(code.get(54), Some("23.72"));
    assert_eq!(code.template(62).expect("a template").len(), 2);
    assert_eq!(inspect(&built)["valid"], true);

    let static_code = Builder::fixed(&merchant())
        .object(13, "JCB1")
        .build()
        .expect("it breaks no rule");
    assert!(!Code::read(&static_code).expect("structure").is_dynamic());
}

#[test]
fn what_would_break_a_rule_is_not_built() {
    let refused = |builder: Builder| match builder.build() {
        Err(BuildError::Violations(found)) => found
            .iter()
            .map(|found| format!("{} {}", found.code, found.place))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let good = || Builder::fixed(&merchant()).object(2, "4");
    assert_eq!(refused(Builder::fixed(&merchant())), ["no_merchant_account "]);
    assert_eq!(refused(good().amount("98,73")), ["wrong_form 54"]);
    assert_eq!(
        refused(good().object(26, "0103abc")),
        ["guid_not_first 26", "missing 26.00"]
    );
    assert_eq!(refused(good().object(57, "5")), ["tip_not_announced 57"]);
    assert_eq!(refused(good().object(55, "02")), ["tip_missing 56"]);
    assert_eq!(refused(good().additional(9, "AX")), ["wrong_form 62.09"]);
    assert_eq!(refused(good().object(64, "0002zh")), ["missing 64.01"]);
    assert_eq!(refused(good().object(62, "01")), ["not_a_template 62"]);
    assert_eq!(refused(good().object(59, "北京")), ["wrong_form 59"]);
    let long = good().object(80, &"x".repeat(100)).build();
    assert!(matches!(
        long,
        Err(BuildError::ValueTooLong {
            id: 80,
            characters: 100
        })
    ));
    assert!(matches!(good().object(100, "x").build(), Err(BuildError::Id(100))));
}

#[test]
fn every_reason_is_given_together() {
    let text = "5802cn0102115402005903abc5903abc";
    assert_eq!(
        codes(text),
        [
            "format_not_first 00",
            "crc_not_last 63",
            "wrong_form 58",
            "wrong_form 54",
            "duplicate_id 59",
            "missing 00",
            "missing 52",
            "missing 53",
            "missing 60",
            "missing 63",
            "no_merchant_account "
        ]
    );
    let shown = inspect("5802cn");
    assert_eq!((&shown["valid"], &shown["crc"]), (&false.into(), &"missing".into()));
    assert!(
        inspect("58")["structure"]
            .as_str()
            .expect("a reason")
            .contains("two digits")
    );
}

proptest! {
    #[test]
    fn invariant_any_text_is_read_or_refused_and_what_is_read_is_written_again(text in "\\PC{0,80}|([0-9]{2}0[0-3]\\PC{0,3}){0,9}") {
        inspect(&text);
        if let Ok(code) = Code::read(&text) {
            let row: Vec<_> = code.objects.iter().map(|object| (object.id, object.value)).collect();
            prop_assert_eq!(build::write(&row).expect("as it was"), text);
        }
    }

    #[test]
    fn invariant_a_changed_character_is_noticed(at in 0_usize..60, to in b' '..=b'~') {
        let text = Builder::dynamic(&merchant(), "23.72").object(2, "4").build().expect("good");
        let mut bytes = text.clone().into_bytes();
        prop_assume!(at < bytes.len() - 4 && bytes[at] != to);
        bytes[at] = to;
        let changed = String::from_utf8(bytes).expect("ASCII");
        prop_assert_ne!(Check::of(&changed), Check::Right);
    }
}
