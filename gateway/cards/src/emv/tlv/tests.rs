use super::*;
use proptest::prelude::*;

const AMOUNT: Tag = Tag::of(0x9f02);

fn check(bytes: &str, expected: Result<&[(&str, usize, &str)], TlvError>) {
    let bytes = hex::decode(bytes).expect("hex");
    let objects: Result<Vec<_>, _> = Reader::new(&bytes)
        .map(|object| object.map(|o| (o.tag.to_string(), o.offset, hex::encode_upper(o.value))))
        .collect();
    let expected = expected.map(|rows| {
        rows.iter()
            .map(|(tag, at, value)| (tag.to_string(), *at, value.to_string()))
            .collect::<Vec<_>>()
    });
    assert_eq!(objects, expected);
}

#[test]
fn objects_are_read_with_padding_between_them() {
    check("", Ok(&[]));
    check("0000", Ok(&[]));
    check(
        "9C0001",
        Err(TlvError::LengthTruncated {
            tag: Tag::of(0x01),
            offset: 3,
        }),
    );
    check(
        "009F0201FF00009C8101AA00FFFF00",
        Ok(&[("9F02", 1, "FF"), ("9C", 7, "AA")]),
    );
    check("9F820101FF", Ok(&[("9F8201", 0, "FF")]));
    check("FF81050155", Ok(&[("FF8105", 0, "55")]));
    check("9C8400000001FF", Ok(&[("9C", 0, "FF")]));
    check("DF8080010101", Ok(&[("DF808001", 0, "01")]));
}

#[test]
fn each_fault_has_its_answer() {
    let tag = Tag::of(0x9c);
    check("9F", Err(TlvError::TagTruncated { offset: 0 }));
    check("9F80808080", Err(TlvError::TagTooLong { offset: 0 }));
    check("9C", Err(TlvError::LengthTruncated { tag, offset: 1 }));
    check("9C8200", Err(TlvError::LengthTruncated { tag, offset: 2 }));
    check("9C80AA0000", Err(TlvError::LengthIndefinite { tag, offset: 1 }));
    check("9C850000000001AA", Err(TlvError::LengthTooLong { tag, offset: 1 }));
    check(
        "9C84FFFFFFFFAA",
        Err(TlvError::ValueTruncated {
            tag,
            offset: 6,
            length: 0xffff_ffff,
            available: 1,
        }),
    );
}

#[test]
fn a_tag_is_parsed_from_what_it_prints() {
    for text in ["4F", "9F02", "BF0C", "DF8101", "FF808001"] {
        assert_eq!(text.parse::<Tag>().expect("a tag").to_string(), text);
    }
    assert_eq!("9f02".parse(), Ok(AMOUNT));
    for (text, error) in [
        ("", TagError::Truncated),
        ("00", TagError::Zero),
        ("9F", TagError::Truncated),
        ("9F8080", TagError::Truncated),
        ("9F808080", TagError::TooLong),
        ("9F80808001", TagError::TooLong),
        ("9C01", TagError::Excess),
        ("00X", TagError::NotHex),
        ("é", TagError::NotHex),
    ] {
        assert_eq!(text.parse::<Tag>(), Err(error), "{text}");
    }
    assert!(Tag::of(0x6f).is_constructed() && Tag::of(0xbf0c).is_constructed() && !AMOUNT.is_constructed());
}

#[test]
fn trees_are_read_within_limits() {
    let limits = Limits {
        bytes_max: 16,
        levels_max: 2,
        objects_max: 3,
        duplicates: Duplicates::Refused,
    };
    let read = |text: &str| read_tree(&hex::decode(text).expect("hex"), limits).map(|nodes| nodes.len());
    assert_eq!(read("E0039F03009F0400"), Ok(2));
    assert_eq!(read(&"00".repeat(17)), Err(TlvError::TooLarge { length: 17, max: 16 }));
    assert_eq!(
        read("E002E000"),
        Err(TlvError::TooDeep {
            tag: Tag::of(0xe0),
            offset: 2,
            max: 2
        })
    );
    assert_eq!(
        read("C000C100C200C300"),
        Err(TlvError::TooMany {
            tag: Tag::of(0xc3),
            offset: 6,
            max: 3
        })
    );
    assert_eq!(
        read("E004C000C000"),
        Err(TlvError::Duplicate {
            tag: Tag::of(0xc0),
            offset: 4
        })
    );
    assert_eq!(read("C000E002C000"), Ok(2));
    assert_eq!(read("E000E000"), Ok(2));
    let inner = TlvError::ValueTruncated {
        tag: Tag::of(0xc0),
        offset: 4,
        length: 1,
        available: 0,
    };
    assert_eq!(read("E002C001C001FF"), Err(inner));
}

#[test]
fn a_bomb_of_nested_templates_costs_no_more_than_the_limits() {
    let limits = Limits {
        bytes_max: 1 << 20,
        ..Limits::STANDARD
    };
    let mut bomb = Vec::new();
    for _ in 0..2000 {
        let mut writer = Writer::new();
        writer.primitive(Tag::of(0xe0), &bomb);
        bomb = writer.into_bytes();
    }
    assert!(matches!(
        read_tree(&bomb, limits),
        Err(TlvError::TooDeep { max: 8, .. })
    ));
    assert!(matches!(
        read_tree(&[0xc1, 0].repeat(1 << 16), limits),
        Err(TlvError::TooMany { max: 256, .. })
    ));
}

#[test]
fn the_first_of_a_tag_is_found_at_any_level() {
    let bytes = hex::decode("E004C10211229F0201FFC10133").expect("hex");
    let tree = read_tree(&bytes, Limits::STANDARD).expect("a tree");
    assert_eq!(find(&tree, Tag::of(0xc1)).expect("found").object.value, [0x11, 0x22]);
    assert_eq!(find(&tree, AMOUNT).expect("found").object.offset, 6);
    assert_eq!(find(&tree, Tag::of(0xc2)), None);
}

/// What a writer is told, and a reader must give back.
#[derive(Debug, Clone)]
enum Object {
    Primitive(Tag, Vec<u8>),
    Constructed(Tag, Vec<Object>),
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    let primitive = (
        prop::sample::select(vec![0x5a, 0x9f02, 0xdf8101]),
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(tag, value)| Object::Primitive(Tag::of(tag), value));
    let object = primitive.prop_recursive(4, 24, 4, |inner| {
        (
            prop::sample::select(vec![0x70, 0xbf0c]),
            prop::collection::vec(inner, 0..4),
        )
            .prop_map(|(tag, objects)| Object::Constructed(Tag::of(tag), objects))
    });
    prop::collection::vec(object, 0..4)
}

fn write(writer: &mut Writer, objects: &[Object]) {
    for object in objects {
        match object {
            Object::Primitive(tag, value) => writer.primitive(*tag, value),
            Object::Constructed(tag, inner) => writer.constructed(*tag, |writer| write(writer, inner)),
        };
    }
}

fn assert_same(nodes: &[Node<'_>], objects: &[Object]) {
    assert_eq!(nodes.len(), objects.len());
    for (node, object) in nodes.iter().zip(objects) {
        match object {
            Object::Primitive(tag, value) => assert_eq!((node.object.tag, node.object.value), (*tag, &value[..])),
            Object::Constructed(tag, inner) => {
                assert_eq!(node.object.tag, *tag);
                assert_same(&node.children, inner);
            }
        }
    }
}

proptest! {
    #[test]
    fn invariant_what_is_written_is_read(objects in objects()) {
        let mut writer = Writer::new();
        write(&mut writer, &objects);
        let bytes = writer.into_bytes();
        let limits = Limits { bytes_max: usize::MAX, ..Limits::STANDARD };
        assert_same(&read_tree(&bytes, limits).expect("what a writer wrote"), &objects);
    }

    #[test]
    fn invariant_any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(nodes) = read_tree(&bytes, Limits::STANDARD) {
            for node in nodes {
                let (tag, _) = Tag::read(&bytes[node.object.offset..]).expect("a tag where it was found");
                prop_assert_eq!(tag, node.object.tag);
            }
        }
    }
}
