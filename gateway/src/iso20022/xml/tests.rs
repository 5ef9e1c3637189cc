use proptest::prelude::*;

use super::{limits, *};
use crate::reason::Coded;

fn check(bytes: impl AsRef<[u8]>, expected: Result<(), (&str, usize, usize)>) {
    let bytes = bytes.as_ref();
    let found = read(bytes).map(|_| ()).map_err(|malformed| {
        (
            malformed.fault.code(),
            malformed.position.line,
            malformed.position.column,
        )
    });
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    assert_eq!(found, expected, "{shown}");
}

#[test]
fn what_is_well_formed_is_read() {
    check("<a/>", Ok(()));
    check(
        "\u{feff}<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\"?>\r\n<a>ä&#x20AC;</a>\n<!-- end -->",
        Ok(()),
    );
    check("<p:a xmlns:p='urn:a' p:b = \"1\" b='2'><p:c/></p:a >", Ok(()));
    check("<a><![CDATA[<b>]]></a>", Ok(()));
    check("<?order first?><a xml:lang='en'/>", Ok(()));
}

#[test]
fn each_fault_is_told_where_it_is() {
    check("", Err(("xml_root", 1, 1)));
    check("  \n ", Err(("xml_root", 2, 2)));
    check("text", Err(("xml_root", 1, 1)));
    check("<a/>\n<b/>", Err(("xml_root", 2, 1)));
    check("<a/>x", Err(("xml_root", 1, 5)));
    check("<a/>&amp;", Err(("xml_root", 1, 5)));
    check("<a>\n<b></a>", Err(("xml_syntax", 2, 4)));
    check("<a>\n <b>", Err(("xml_unclosed", 2, 5)));
    check("<a", Err(("xml_syntax", 1, 1)));
    check("<a>]]></a>", Err(("xml_syntax", 1, 4)));
    check("<a b=1/>", Err(("xml_attribute", 1, 1)));
    check("<a b='1'c='2'/>", Err(("xml_attribute", 1, 1)));
    check("<a b='1' b='2'/>", Err(("xml_attribute", 1, 1)));
    check("<a b='<'/>", Err(("xml_attribute", 1, 1)));
    check(
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        Err(("xml_attribute", 1, 1)),
    );
    check("<1/>", Err(("xml_name", 1, 1)));
    check("< a/>", Err(("xml_name", 1, 1)));
    check("<a:b:c xmlns:a='u'/>", Err(("xml_name", 1, 1)));
    check("<p:a/>", Err(("xml_namespace", 1, 1)));
    check("<a xmlns:p=''/>", Err(("xml_namespace", 1, 1)));
    check("<a xmlns:xml='u'/>", Err(("xml_namespace", 1, 1)));
    check("<a>\u{1}</a>", Err(("xml_character", 1, 1)));
    check("<a>&#1;</a>", Err(("xml_entity", 1, 4)));
    check(" <?xml version='1.0'?><a/>", Err(("xml_declaration", 1, 2)));
    check("<?xml encoding='UTF-8'?><a/>", Err(("xml_declaration", 1, 1)));
    check(
        "<?xml version='1.0' encoding='EBCDIC'?><a/>",
        Err(("xml_encoding", 1, 1)),
    );
    check("<a><!-- -- --></a>", Err(("xml_syntax", 1, 9)));
}

#[test]
fn nothing_can_be_expanded_or_fetched() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
    check(bomb, Err(("xml_document_type", 1, 1)));
    check(
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        Err(("xml_document_type", 1, 1)),
    );
    check("<a>&b;</a>", Err(("xml_entity", 1, 4)));
    check("<a b='&c;'/>", Err(("xml_entity", 1, 1)));
}

#[test]
fn every_limit_is_kept() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    check(nested(limits::DEPTH_MAX), Ok(()));
    check(
        nested(limits::DEPTH_MAX + 1),
        Err(("xml_too_deep", 1, 3 * limits::DEPTH_MAX + 1)),
    );

    let attributes = |count: usize| {
        let attributes: String = (0..count).map(|number| format!(" b{number}=''")).collect();
        format!("<a{attributes}/>")
    };
    check(attributes(limits::ATTRIBUTES_MAX), Ok(()));
    check(attributes(limits::ATTRIBUTES_MAX + 1), Err(("xml_too_much", 1, 1)));

    let attribute = |bytes: usize| format!("<a b='{}'/>", "x".repeat(bytes));
    check(attribute(limits::ATTRIBUTE_BYTES_MAX), Ok(()));
    check(attribute(limits::ATTRIBUTE_BYTES_MAX + 1), Err(("xml_too_much", 1, 1)));

    let name = |bytes: usize| format!("<{}/>", "x".repeat(bytes));
    check(name(limits::NAME_BYTES_MAX), Ok(()));
    check(name(limits::NAME_BYTES_MAX + 1), Err(("xml_too_much", 1, 1)));

    let elements = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    check(elements(limits::ELEMENTS_MAX), Ok(()));
    let column = 4 + 4 * (limits::ELEMENTS_MAX - 1);
    check(elements(limits::ELEMENTS_MAX + 1), Err(("xml_too_much", 1, column)));

    let namespaces: String = (0..=limits::NAMESPACES_MAX)
        .map(|number| format!("<b xmlns='u:{number}'/>"))
        .collect();
    let found = read(format!("<a>{namespaces}</a>").as_bytes()).map_err(|malformed| malformed.fault);
    assert!(matches!(found, Err(XmlFault::TooManyNamespaces)), "{found:?}");

    check(vec![b' '; limits::DOCUMENT_BYTES_MAX + 1], Err(("xml_too_large", 1, 1)));
}

#[test]
fn utf_16_is_read_and_other_encodings_are_not() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>€😀</a>";
    let encode = |unit: fn(u16) -> [u8; 2], mark: &[u8]| {
        let mut bytes = mark.to_vec();
        bytes.extend(text.encode_utf16().flat_map(unit));
        bytes
    };
    for bytes in [
        encode(u16::to_be_bytes, &[0xfe, 0xff]),
        encode(u16::to_le_bytes, &[0xff, 0xfe]),
        encode(u16::to_be_bytes, &[]),
        encode(u16::to_le_bytes, &[]),
    ] {
        let document = read(&bytes).expect("well-formed");
        assert_eq!(document.root().text(), "€😀");
    }
    check(text, Err(("xml_encoding", 1, 1)));
    check(b"<a>\xe4</a>", Err(("xml_encoding", 1, 1)));
    check([0xff, 0xfe, b'<'], Err(("xml_encoding", 1, 1)));
    check([0xfe, 0xff, 0xd8, 0x00, 0x00, 0x41], Err(("xml_encoding", 1, 1)));
}

#[test]
fn names_have_namespaces_and_text_is_joined() {
    let document =
        read(b"<a xmlns='urn:x' b='1\n2'>1&lt;<c xmlns=''/>2<![CDATA[3]]>\r\n<c/><c/></a>").expect("well-formed");
    let root = document.root();
    assert_eq!((root.namespace(), root.name()), (Some("urn:x"), "a"));
    assert_eq!(root.attribute("b"), Some("1 2"));
    assert_eq!(root.text(), "1<23\n");
    let children: Vec<_> = root.children().collect();
    assert_eq!(children[0].namespace(), None);
    assert_eq!(children[2].place().path.as_deref(), Some("/a/c[3]"));
    assert_eq!(children[2].position(), Position { line: 3, column: 5 });
    assert_eq!(root.descendants().count(), 4);
}

proptest! {
    #[test]
    fn invariant_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes).is_ok();
    }

    #[test]
    fn invariant_no_markup_panics(text in "[<>/a:b =\"'&;#x1!?\\[\\]CDAT\\-äxmlns]{0,60}") {
        let _ = read(text.as_bytes()).is_ok();
    }
}
