use causeway_cards::iso8583::{Message, MessageType};
use causeway_contracts::money::{Amount, Currency};
use proptest::prelude::*;

use super::*;
use crate::acquiring::host::{Operation, Outcome};

/// 2026-11-30 00:00:00 UTC.
const NOW: u64 = 1_795_996_800_000;
const NUMBER: &str = "9900010000000018";

/// Field 55 of a payment of 12.34 EUR: tag and value.
const OBJECTS: [(&str, &str); 13] = [
    ("9F02", "000000001234"),
    ("9F03", "000000000000"),
    ("9F1A", "0276"),
    ("95", "0000000000"),
    ("5F2A", "0978"),
    ("9A", "261130"),
    ("9C", "00"),
    ("9F37", "01020304"),
    ("82", "0000"),
    ("9F36", "0005"),
    ("9F10", "06011203A00000"),
    ("9F26", "1122334455667788"),
    ("9F27", "80"),
];

fn de55(with: impl Fn(&mut Vec<(&str, String)>)) -> Vec<u8> {
    let mut objects = OBJECTS.map(|(tag, value)| (tag, value.to_owned())).to_vec();
    with(&mut objects);
    let one = |(tag, value): &(&str, String)| format!("{tag}{:02X}{value}", value.len() / 2);
    hex::decode(objects.iter().map(one).collect::<String>()).expect("hexadecimal")
}

fn put(tag: &'static str, value: &'static str) -> impl Fn(&mut Vec<(&str, String)>) {
    move |objects| {
        objects.retain(|(found, _)| *found != tag);
        objects.push((tag, value.to_owned()));
    }
}

fn message(entry: &str, chip: Option<Vec<u8>>) -> Message {
    let mut message = Message::new(MessageType::FINANCIAL);
    let track = format!("{NUMBER}D3012201");
    let fields = [
        (3, "000000"),
        (4, "000000001234"),
        (18, "5812"),
        (22, entry),
        (35, &track),
        (49, "978"),
    ];
    for (field, value) in fields {
        message.set(field, value.as_bytes()).expect("short");
    }
    if let Some(chip) = chip {
        message.set(55, &chip).expect("short");
    }
    message
}

fn read(message: &Message) -> Result<Presented, Outcome> {
    Presented::read(Operation::Purchase, message)
}

fn eur() -> Currency {
    Currency::new("EUR").expect("a code")
}

fn expiry(text: &str) -> Expiry {
    Expiry::parse(text).expect("an expiry")
}

fn card() -> Card {
    Card {
        id: "crd_1".to_owned(),
        client: "a".to_owned(),
        account: "acc_1".to_owned(),
        status: CardStatus::Active,
        expiry: expiry("3012"),
        sequence: 0,
        currency: eur(),
        limits: Limits {
            payment: Amount(10_000),
            day: Amount(20_000),
            refused_categories: vec!["7995".to_owned()],
            manual_entry: false,
        },
        pin: None,
        pin_tries_left: PIN_TRIES,
        wrong_values: 0,
        counter: 0,
        created_ms: 0,
    }
}

fn device() -> Device {
    let batch = |first, last| KeyBatch {
        first,
        last,
        good_until: NOW / 1_000 + 10,
    };
    Device {
        id: "dev_1".to_owned(),
        card: "crd_1".to_owned(),
        status: DeviceStatus::Active,
        expiry: expiry("3012"),
        sequence: 0,
        batches: vec![batch(1, 10), batch(11, 20)],
        counter: 0,
        created_ms: 0,
    }
}

fn holder() -> Holder {
    Holder {
        card: card(),
        device: Some(device()),
    }
}

#[test]
fn what_is_no_payment_of_a_card_is_refused_with_its_outcome() {
    let check = |message: &Message, expected: Option<Outcome>| {
        assert_eq!(read(message).err(), expected, "{message:?}");
    };
    let tap = |chip: Vec<u8>| message("071", Some(chip));
    check(&tap(de55(|_| {})), None);
    check(&message("071", None), Some(Outcome::FormatError));
    check(&message("011", None), None);
    check(&message("101", None), Some(Outcome::NotPermittedToTerminal));
    for (tag, value) in OBJECTS {
        let lacking = de55(|objects| objects.retain(|(found, _)| *found != tag));
        check(&tap(lacking), Some(Outcome::FormatError));
        let longer = de55(|objects| {
            objects
                .iter_mut()
                .filter(|it| it.0 == tag)
                .for_each(|it| it.1.push_str("00"))
        });
        // Its length is the card's own.
        if tag != "9F10" {
            check(&tap(longer), Some(Outcome::FormatError));
        }
        let twice = de55(|objects| objects.push((tag, value.to_owned())));
        check(&tap(twice), Some(Outcome::FormatError));
    }
    check(&tap(vec![0x9f]), Some(Outcome::FormatError));
    check(&tap(de55(put("9F27", "00"))), Some(Outcome::InvalidTransaction));
    check(&tap(de55(put("9F27", "40"))), Some(Outcome::InvalidTransaction));
    check(&tap(de55(put("9F02", "000000001235"))), Some(Outcome::InvalidAmount));
    check(&tap(de55(put("9F02", "00000000123A"))), Some(Outcome::FormatError));
    check(&tap(de55(put("5F2A", "0764"))), Some(Outcome::InvalidCurrency));
    // A code says the most that it pays.
    let code = |most: &'static str| {
        let chip = de55(|objects| {
            put("9F02", most)(objects);
            put("9F1A", "0000")(objects);
        });
        message("031", Some(chip))
    };
    check(&code("000000005000"), None);
    check(&code("000000000000"), None);
    check(&code("000000001233"), Some(Outcome::InvalidAmount));
    // Neither is taken for the other.
    check(&message("031", Some(de55(|_| {}))), Some(Outcome::FormatError));
    check(&tap(de55(put("9F1A", "0000"))), Some(Outcome::FormatError));
    let with = |field: u8, value: &str| {
        let mut message = tap(de55(|_| {}));
        message.set(field, value.as_bytes()).expect("short");
        message
    };
    check(&with(2, NUMBER), None);
    check(&with(2, "9900010000000026"), Some(Outcome::FormatError));
    check(&with(14, "3011"), Some(Outcome::FormatError));
    check(&with(35, "990001"), Some(Outcome::FormatError));
    check(&with(49, "999"), Some(Outcome::InvalidCurrency));
    check(&with(52, "1234567"), Some(Outcome::FormatError));
    let mut nothing = message("011", None);
    nothing.set(4, b"000000000000").expect("short");
    check(&nothing, Some(Outcome::InvalidAmount));
}

#[test]
fn the_first_fault_of_a_holder_is_the_outcome() {
    type Fault = fn(&mut Holder);
    let tap = read(&message("071", Some(de55(|_| {})))).expect("a tap");
    // Each has all the faults below it too.
    let faults: [(Fault, Outcome); 8] = [
        (|it| it.card.status = CardStatus::Blocked, Outcome::RestrictedCard),
        (
            |it| it.device.as_mut().expect("one").status = DeviceStatus::Blocked,
            Outcome::RestrictedCard,
        ),
        (|it| it.card.expiry = expiry("2610"), Outcome::ExpiredCard),
        (
            |it| it.device.as_mut().expect("one").expiry = expiry("2610"),
            Outcome::ExpiredCard,
        ),
        (
            |it| it.device.as_mut().expect("one").counter = 5,
            Outcome::CryptogramWrong,
        ),
        (
            |it| it.device.as_mut().expect("one").batches.truncate(0),
            Outcome::CryptogramWrong,
        ),
        (
            |it| it.device.as_mut().expect("one").batches[0].first = 6,
            Outcome::CryptogramWrong,
        ),
        (
            |it| it.device.as_mut().expect("one").batches[0].good_until = NOW / 1_000,
            Outcome::ExpiredCard,
        ),
    ];
    for from in 0..faults.len() {
        let mut holder = holder();
        faults[from..].iter().rev().for_each(|(fault, _)| fault(&mut holder));
        assert_eq!(holder.check(&tap, NOW), Err(faults[from].1), "{from}");
    }
    assert_eq!(holder().check(&tap, NOW), Ok(()));
    for (status, outcome) in [
        (CardStatus::Lost, Outcome::LostCard),
        (CardStatus::Stolen, Outcome::StolenCard),
        (CardStatus::Closed, Outcome::InvalidCard),
    ] {
        let mut holder = holder();
        holder.card.status = status;
        assert_eq!(holder.check(&tap, NOW), Err(outcome));
    }
}

#[test]
fn a_number_is_read_as_its_kind_may_be() {
    let check = |entry: &str, is_device: bool, expected: Result<(), Outcome>| {
        let chip = ["031", "051", "071"].contains(&entry).then(|| {
            let until = u32::try_from(NOW / 1_000 + 20).expect("until 2106");
            de55(move |objects| {
                objects.retain(|(tag, _)| *tag != "9F37" && (entry != "031" || *tag != "9F1A"));
                objects.push(("9F37", format!("{until:08X}")));
                if entry == "031" {
                    objects.push(("9F1A", "0000".to_owned()));
                }
            })
        });
        let presented = read(&message(entry, chip)).expect("a payment");
        let holder = Holder {
            device: is_device.then(device),
            card: card(),
        };
        assert_eq!(holder.check(&presented, NOW), expected, "{entry} {is_device}");
    };
    let refused = Err(Outcome::NotPermittedToCardholder);
    for entry in ["031", "071"] {
        check(entry, true, Ok(()));
    }
    for entry in ["011", "021", "051", "911"] {
        check(entry, true, refused);
    }
    for entry in ["021", "051", "071", "911"] {
        check(entry, false, Ok(()));
    }
    for entry in ["011", "031"] {
        check(entry, false, refused);
    }
}

#[test]
fn a_code_is_taken_for_a_minute() {
    let check = |until: u64, expected: Result<(), Outcome>| {
        let until = u32::try_from(until).expect("until 2106");
        let chip = de55(|objects| {
            put("9F1A", "0000")(objects);
            objects.retain(|(tag, _)| *tag != "9F37");
            objects.push(("9F37", format!("{until:08X}")));
        });
        let presented = read(&message("031", Some(chip))).expect("a code");
        assert_eq!(holder().check(&presented, NOW), expected, "{until}");
    };
    let now = NOW / 1_000;
    check(now + CODE_SECONDS, Ok(()));
    check(now - 29, Ok(()));
    check(now - 30, Err(Outcome::TooLate));
    check(now + CODE_SECONDS + 30, Ok(()));
    check(now + CODE_SECONDS + 31, Err(Outcome::TooLate));
    check(u64::from(u32::MAX), Err(Outcome::TooLate));
}

#[test]
fn an_expiry_is_good_to_the_end_of_its_month() {
    assert!(!expiry("2611").is_over(NOW));
    assert!(expiry("2611").is_over(NOW + 86_400_000));
    assert!(expiry("2610").is_over(NOW));
    assert_eq!(Expiry::after(NOW, 4).to_string(), "3011");
    assert_eq!(expiry("3012").month_first(), "1230");
    for wrong in ["3000", "3013", "301", "30 1", "+301"] {
        assert_eq!(Expiry::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn limits_are_looked_at_in_order() {
    let check = |currency: &str, amount: u64, used: u64, category: &str, expected: Result<(), Outcome>| {
        let mut presented = read(&message("011", None)).expect("a payment");
        presented.currency = Currency::new(currency).expect("a code");
        presented.amount = Amount(amount);
        presented.category = Some(category.to_owned());
        assert_eq!(card().check_limits(&presented, Amount(used)), expected);
    };
    check("EUR", 10_000, 10_000, "5812", Ok(()));
    check("THB", 10_001, 20_000, "7995", Err(Outcome::InvalidCurrency));
    check("EUR", 10_001, 20_000, "7995", Err(Outcome::OverAmountLimit));
    check("EUR", 10_000, 10_001, "7995", Err(Outcome::OverFrequencyLimit));
    check("EUR", 1, u64::MAX, "5812", Err(Outcome::OverFrequencyLimit));
    check("EUR", 1, 0, "7995", Err(Outcome::NotPermittedToCardholder));
}

#[test]
fn a_tap_of_much_is_by_its_holder() {
    let check = |entry: &str, results: &'static str, pin: bool, is_device: bool, expected: Result<(), Outcome>| {
        let chip = ["031", "071"].contains(&entry).then(|| {
            de55(|objects| {
                put("9F10", results)(objects);
                if entry == "031" {
                    put("9F1A", "0000")(objects);
                }
            })
        });
        let mut presented = read(&message(entry, chip)).expect("a payment");
        presented.pin_block = pin.then_some([0; 8]);
        let holder = Holder {
            device: is_device.then(device),
            card: card(),
        };
        let found = holder.check_verification(&presented, presented.amount);
        assert_eq!(found, expected, "{entry} {results} {pin} {is_device}");
        let more = Amount(presented.amount.0 + 1);
        assert_eq!(holder.check_verification(&presented, more), Ok(()), "below it");
    };
    let refused = Err(Outcome::HolderNotVerified);
    let (not_verified, verified) = ("06011203A00000", "06011203A40000");
    for entry in ["031", "071"] {
        check(entry, not_verified, false, true, refused);
        check(entry, verified, false, true, Ok(()));
    }
    // A card verifies nobody, whatever it says.
    check("071", verified, false, false, refused);
    check("071", not_verified, true, false, Ok(()));
    for entry in ["011", "021"] {
        check(entry, not_verified, false, false, Ok(()));
    }
    // Of another layout, whose bytes mean something else.
    check("071", "0A011203A40000", false, true, refused);
    check("071", "06011203A400", false, true, refused);
}

proptest! {
    /// Whatever order counters come in, each is taken once at most, and none after a higher one.
    #[test]
    fn invariant_a_counter_is_taken_once(counters in prop::collection::vec(0u16..25, 0..200), is_device: bool) {
        let mut holder = holder();
        if !is_device {
            holder.device = None;
        }
        let mut tap = read(&message("071", Some(de55(|_| {})))).expect("a tap");
        let mut taken = Vec::new();
        for counter in counters {
            tap.chip.as_mut().expect("a tap has one").counter = counter;
            let is_good = holder.check(&tap, NOW).is_ok();
            let in_range = !is_device || (1..=20).contains(&counter);
            prop_assert_eq!(is_good, in_range && taken.last().is_none_or(|last| counter > *last) && counter > 0);
            if is_good {
                prop_assert_eq!(holder.take_counter(counter), Ok(()));
                taken.push(counter);
                prop_assert_eq!(holder.take_counter(counter), Err(Outcome::CryptogramWrong));
            }
        }
        prop_assert!(taken.is_sorted_by(|a, b| a < b));
    }

    /// No sequence of tries has more wrong ones in a row than there are tries.
    #[test]
    fn invariant_wrong_pins_in_a_row_are_counted(tries in prop::collection::vec(any::<bool>(), 0..40)) {
        let mut holder = holder();
        let mut wrong = 0;
        for is_right in tries {
            match holder.take_pin_try() {
                Ok(()) => {
                    wrong = if is_right { 0 } else { wrong + 1 };
                    if is_right {
                        holder.pin_was_right();
                    }
                }
                Err(outcome) => prop_assert_eq!((outcome, wrong), (Outcome::PinTriesExceeded, PIN_TRIES)),
            }
            prop_assert!(wrong <= PIN_TRIES);
            prop_assert_eq!(holder.card.pin_tries_left, PIN_TRIES - wrong);
        }
    }

    /// A card pays on as long as no five wrong values come in a row, and nobody but its client ends a blocked one's state.
    #[test]
    fn invariant_wrong_values_in_a_row_block_the_card(values in prop::collection::vec(any::<bool>(), 0..40)) {
        let tap = read(&message("071", Some(de55(|_| {})))).expect("a tap");
        let mut holder = holder();
        let (mut in_a_row, mut is_blocked) = (0, false);
        for is_right in values {
            if is_blocked {
                prop_assert_eq!(holder.check(&tap, NOW), Err(Outcome::RestrictedCard));
            } else if is_right {
                holder.values_were_right(&tap);
                in_a_row = 0;
            } else {
                in_a_row += 1;
                is_blocked = in_a_row == WRONG_VALUES_MAX;
                prop_assert_eq!(holder.card.value_was_wrong(), is_blocked);
            }
        }
        if is_blocked {
            holder.card.becomes(CardStatus::Active);
        }
        prop_assert_eq!(holder.check(&tap, NOW), Ok(()));
    }

    /// What is permitted of a day is within its limit, and each payment within its own.
    #[test]
    fn invariant_a_day_is_within_its_limit(amounts in prop::collection::vec(1u64..15_000, 0..40)) {
        let card = card();
        let mut presented = read(&message("011", None)).expect("a payment");
        let mut used = 0;
        for amount in amounts {
            presented.amount = Amount(amount);
            match card.check_limits(&presented, Amount(used)) {
                Ok(()) => used += amount,
                Err(Outcome::OverAmountLimit) => prop_assert!(amount > card.limits.payment.0),
                Err(outcome) => {
                    prop_assert_eq!(outcome, Outcome::OverFrequencyLimit);
                    prop_assert!(used + amount > card.limits.day.0);
                }
            }
            prop_assert!(used <= card.limits.day.0);
        }
    }
}
