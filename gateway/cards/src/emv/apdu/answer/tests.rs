use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

#[test]
fn a_directory_lists_its_applications() {
    let data = bytes(
        "6F3B840E325041592E5359532E4444463031A529BF0C2661104F07A0000000421010500243428701016112\
         4F07A00000000310105004564953418701029000",
    );
    let data = &data[..data.len() - 2];
    let information = file_information(data).expect("an answer");
    assert_eq!(information.name, crate::emv::apdu::PPSE);
    assert_eq!((information.label, information.options_list), (None, None));
    let [first, second] = information.applications[..] else {
        panic!("two applications")
    };
    assert_eq!((first.label, first.priority), (Some(&b"CB"[..]), Some(1)));
    assert_eq!(second.aid, [0xa0, 0, 0, 0, 3, 0x10, 0x10]);
}

#[test]
fn processing_options_are_read_in_both_formats() {
    let data = bytes("800A7C000801010010010500");
    let options = processing_options(&data).expect("format 1");
    assert_eq!((options.profile, options.locator.len()), ([0x7c, 0], 8));
    let data = bytes("7714820220009F360206449F2608FFFFFFFFFFFFFFFF");
    let options = processing_options(&data).expect("format 2");
    assert_eq!((options.profile, options.locator), ([0x20, 0], &[][..]));
    let cryptogram = cryptogram_of(&options.objects).expect("Visa's");
    assert_eq!((cryptogram.counter, cryptogram.information), (0x644, None));
    for (text, code) in [
        ("80017C", "answer_length"),
        ("80037C0008", "answer_length"),
        ("7700", "answer_missing"),
        ("770382017C", "answer_length"),
        ("7000", "answer_template"),
        ("77008000", "answer_template"),
        ("", "answer_template"),
        ("7704", "value_truncated"),
    ] {
        assert_eq!(processing_options(&bytes(text)).expect_err(text).code(), code, "{text}");
    }
}

#[test]
fn cryptograms_are_read_in_both_formats() {
    let data = bytes("8012800029010203040506070806010A03A4B800");
    let read = cryptogram(&data).expect("format 1");
    assert_eq!((read.information, read.counter), (Some(0x80), 0x29));
    assert_eq!(read.cryptogram, Some([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(read.issuer_data, Some(&[6, 1, 0x0a, 3, 0xa4, 0xb8, 0][..]));
    // A combined signature has the cryptogram inside.
    let read = cryptogram(&bytes("770D9F2701809F360200069F4B0101")).map(|read| read.cryptogram);
    assert_eq!(read, Ok(None));
    let short = bytes("8003800029");
    assert_eq!(cryptogram(&short).expect_err("no cryptogram").code(), "answer_length");
}
