use super::*;

#[test]
fn a_payload_is_told_by_its_first_byte() {
    let check = |first: u8, wanted: Kind, expected: &str| {
        let said = super::check(&[first, 1], wanted).err().map(|error| error.to_string());
        assert_eq!(said.unwrap_or_default(), expected, "{first}");
    };
    for first in [1, 2, 4] {
        check(first, Kind::Payment, "");
    }
    check(3, Kind::Request, "");
    for first in [5, 6] {
        check(first, Kind::Answer, "");
    }
    check(
        5,
        Kind::Request,
        "this is a receipt or a void, which `causeway offline settle` takes; what is wanted here is a request for \
         payment, which `causeway offline pay` takes",
    );
    check(
        9,
        Kind::Payment,
        "this is a message between a purse and its issuer (Redeem); what is wanted is a payment, which `causeway offline \
         receive` takes",
    );
    check(
        0,
        Kind::Answer,
        "it is no message of a purse; what is wanted is a receipt or a void, which `causeway offline settle` takes: no \
         message has the type 0",
    );
}

#[test]
fn a_payload_is_refused_by_its_length_first() {
    let long = super::check(&[3; PAYLOAD_BYTES_MAX + 1], Kind::Payment);
    assert!(matches!(long, Err(PayloadError::TooLong(2_049))), "{long:?}");
    let empty = super::check(&[], Kind::Request);
    assert!(matches!(empty, Err(PayloadError::NoMessage { .. })), "{empty:?}");
}
