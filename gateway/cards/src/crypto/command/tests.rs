use serde_json::{Value, json};

use super::{CommandError, command};

/// Parameters of a published call (pyemv, Visa 18), and its cryptogram.
fn visa_18() -> Value {
    json!({
        "version": "visa-18", "issuer_key": "0123456789ABCDEFFEDCBA9876543210", "pan": "1234567890123456", "psn": "00",
        "9F02": "000000004000", "9F03": "000000000000", "9F1A": "0124", "95": "8000048000", "5F2A": "0124",
        "9A": "191105", "9C": "01", "9F37": "52BF4585", "82": "1800", "9F36": "001C", "9F10": "06011203A0B800",
        "cryptogram": "7A788EA6B8A3E733",
    })
}

fn answer(name: &str, parameters: &Value) -> Value {
    command(name, parameters).expect("an answer")
}

fn with(mut parameters: Value, name: &str, value: impl Into<Value>) -> Value {
    parameters[name] = value.into();
    parameters
}

fn without(mut parameters: Value, name: &str) -> Value {
    parameters.as_object_mut().expect("an object").remove(name);
    parameters
}

#[test]
fn a_published_cryptogram_is_made_from_either_key() {
    let made = answer("arqc", &visa_18());
    assert_eq!(
        (&made["cryptogram"], &made["matches"]),
        (&json!("7A788EA6B8A3E733"), &json!(true))
    );
    let mut by_card = with(visa_18(), "card_key", made["card_key"].clone());
    for name in ["issuer_key", "pan", "psn"] {
        by_card = without(by_card, name);
    }
    assert_eq!(answer("arqc", &by_card), made);
    let altered = with(visa_18(), "9F02", "000000004001");
    assert_eq!(answer("arqc", &altered)["matches"], false);
}

#[test]
fn published_answers_are_made_by_the_method_of_the_version() {
    let mut two = json!({"cryptogram": "7A788EA6B8A3E733", "csu": "00000000", "arpc": "9AF514C1"});
    let mut one = json!({"version": "visa-10", "cryptogram": "29CCA15AE665FA2E", "arc": "3030"});
    for name in ["version", "issuer_key", "pan", "9F36"] {
        two[name] = visa_18()[name].clone();
        if name != "version" {
            one[name] = visa_18()[name].clone();
        }
    }
    let of_two = json!({"arpc": "9AF514C1", "91": "9AF514C100000000", "matches": true});
    assert_eq!(answer("arpc", &two), of_two);
    let of_one = json!({"arpc": "28993816AFAE4AEB", "91": "28993816AFAE4AEB3030"});
    assert_eq!(answer("arpc", &one), of_one);
    let error = command("arpc", &with(one, "csu", "00000000")).expect_err("a method 1 has no status update");
    assert_eq!(error.parameter(), Some("csu"));
}

#[test]
fn published_pin_blocks_are_made_and_read() {
    let clear = json!({"format": 0, "pin": "1234", "pan": "5555555551234567"});
    assert_eq!(answer("pinblock", &clear), json!({"block": "041261AAAAEDCBA9"}));
    let four = json!({
        "format": 4, "key": "C1D0F8FB4958670DBA40AB1F3752EF0D", "block": "CC17F65586BFD0953010226C4FC5B3CA",
        "pan": "432198765432109870",
    });
    assert_eq!(answer("pinblock", &four), json!({"pin": "1234"}));
    let error = command("pinblock", &with(four, "pan", "432198765432109871")).expect_err("of another card");
    assert_eq!(error.code(), "refused");
}

#[test]
fn what_is_made_under_a_key_is_read_under_it() {
    for format in 0..=4 {
        let mut made = json!({"format": format, "key": "00112233445566778899AABBCCDDEEFF", "pin": "12345"});
        if ![1, 2].contains(&format) {
            made["pan"] = "5555555551234567".into();
        }
        if ![0, 2].contains(&format) {
            made["random"] = "000102030405060708090A0B0C0D0E0F".into();
        }
        let block = answer("pinblock", &made)["block"].clone();
        let read = with(without(without(made, "pin"), "random"), "block", block);
        assert_eq!(answer("pinblock", &read), json!({"pin": "12345"}), "format {format}");
    }
}

#[test]
fn published_codes_and_card_values_are_made() {
    let retail = json!({
        "algorithm": "retail", "key": "41414141414141414242424242424242", "padding": 1,
        "data": "68656C6C6F20776F726C64", "mac": "3DDE5C55",
    });
    assert_eq!(
        answer("mac", &retail),
        json!({"mac": "3DDE5C5511661CBF", "matches": true})
    );
    assert_eq!(
        answer("mac", &with(retail.clone(), "mac", "3DDE5C56"))["matches"],
        false
    );
    let short = command("mac", &with(retail, "mac", "3DDE5C")).expect_err("too short");
    assert_eq!(short.parameter(), Some("mac"));
    // RFC 4493, example 1.
    let cmac = json!({"algorithm": "cmac-aes", "key": "2b7e151628aed2a6abf7158809cf4f3c", "data": ""});
    assert_eq!(answer("mac", &cmac)["mac"], "BB1D6929E95937287FA37D129B756746");
    let cvv = json!({
        "key": "99999999999999998888888888888888", "pan": "2222222222222222", "date": "3333", "service_code": "111",
        "cvv": "361",
    });
    assert_eq!(answer("cvv", &cvv), json!({"cvv": "361", "matches": true}));
    assert_eq!(answer("cvv", &with(cvv, "cvv", "362"))["matches"], false);
}

#[test]
fn published_keys_of_transactions_are_derived_from_either_key() {
    // ANSI X9.24-1, A.4, and X9.24-3.
    let tdes = json!({"algorithm": "tdes", "bdk": "0123456789ABCDEFFEDCBA9876543210", "ksn": "FFFF9876543210E00001"});
    let made = answer("dukpt", &tdes);
    assert_eq!(made["transaction_key"], "042666B49184CFA368DE9628D0397BC9");
    assert_eq!(made["pin_key"], "042666B49184CF5C68DE9628D0397B36");
    let by_initial = with(without(tdes.clone(), "bdk"), "initial_key", made["initial_key"].clone());
    assert_eq!(answer("dukpt", &by_initial), made);
    let aes = json!({"algorithm": "aes", "bdk": "FEDCBA9876543210F1F1F1F1F1F1F1F1", "ksn": "123456789012345600000001"});
    let made = answer("dukpt", &aes);
    assert_eq!(made["transaction_key"], "4F21B565BAD9835E112B6465635EAE44");
    for (parameters, wrong) in [
        (with(tdes.clone(), "ksn", "FFFF9876543210E00000"), "ksn"),
        (with(aes, "ksn", "FFFF9876543210E00001"), "ksn"),
        (with(tdes.clone(), "initial_key", "00"), "initial_key"),
        (without(tdes, "bdk"), "bdk"),
    ] {
        let error = command("dukpt", &parameters).expect_err("an error");
        assert_eq!(error.parameter(), Some(wrong));
    }
}

#[test]
fn a_published_key_block_is_opened_and_one_is_made() {
    // psec.
    let published = json!({
        "protection_key": "B8ED59E0A279A295E9F5ED7944FD06B9",
        "block": "C0096B0TX12S0100KS1800604B120F9292800000BFB9B689CB567E66FC3FEE5AD5F52161FC6545B9D60989015D02155C",
    });
    let opened = answer("tr31", &published);
    let header = json!({
        "version": "C", "usage": "B0", "algorithm": "T", "mode_of_use": "X", "key_version": "12", "exportability": "S",
        "optional_blocks": [{"id": "KS", "data": "00604B120F9292800000"}],
    });
    assert_eq!(
        opened,
        json!({"header": header, "key": "EDB380DD340BC2620247D445F5B8D678"})
    );
    let mut made = with(without(published.clone(), "block"), "key", opened["key"].clone());
    made["header"] = "C0000B0TX12S0100KS1800604B120F9292800000".into();
    made["random"] = "00".repeat(48).into();
    let block = answer("tr31", &with(made.clone(), "mask", 16))["block"].clone();
    assert_eq!(answer("tr31", &with(published.clone(), "block", block)), opened);
    for (parameters, wrong) in [
        (with(made.clone(), "mask", u64::MAX), Some("mask")),
        (with(made.clone(), "header", "C0000B0TX12S0000K"), Some("header")),
        (without(made, "random"), Some("random")),
        (with(published.clone(), "mask", 16), Some("mask")),
        (with(published.clone(), "protection_key", "00"), Some("protection_key")),
        (
            with(published, "protection_key", "B8ED59E0A279A295E9F5ED7944FD06BA"),
            None,
        ),
    ] {
        let error = command("tr31", &parameters).expect_err("an error");
        assert_eq!(error.parameter(), wrong);
    }
}

#[test]
fn errors_name_the_parameter_and_say_what_is_right() {
    let check = |name: &str, parameters: &Value, code: &str, text: &str| {
        let error = command(name, parameters).expect_err("an error");
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
    };
    assert_eq!(command("arcq", &json!({})), Err(CommandError::Command));
    assert_eq!(command("arqc", &json!([])), Err(CommandError::Object));
    check(
        "arqc",
        &without(visa_18(), "9F37"),
        "parameter_missing",
        "`9F37` is missing: it must be 4 bytes in hexadecimal, the unpredictable number",
    );
    check(
        "arqc",
        &with(visa_18(), "issuer_key", "0123"),
        "parameter_wrong",
        "`issuer_key` must be 16 bytes in hexadecimal, or card_key instead",
    );
    check(
        "arqc",
        &with(visa_18(), "9C", 1),
        "parameter_wrong",
        "`9C` must be 1 byte in hexadecimal, the transaction's type",
    );
    check(
        "cvv",
        &json!({"keys": "00"}),
        "parameter_unknown",
        "`keys` is no parameter of cvv, which has key, pan, date, service_code, cvv",
    );
    let both = with(visa_18(), "card_key", "0123456789ABCDEFFEDCBA9876543210");
    let error = command("arqc", &both).expect_err("two keys");
    assert_eq!(error.parameter(), Some("card_key"));
}
