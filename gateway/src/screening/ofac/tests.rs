use proptest::prelude::*;

use super::*;

fn name() -> ListName {
    "OFAC SDN".parse().unwrap()
}

const PARTIES: &str = "\
36,\"AEROCARIBBEAN AIRLINES\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n\
306,\"NACIONAL, Banco \"\"de\"\" Cuba\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"a.k.a. 'BNC'.\"\r\n";
const ALIASES: &str = "36,12,\"aka\",\"AERO-CARIBBEAN\",-0- \r\n99,13,\"fka\",\"ELSEWHERE\",-0- \r\n";

fn told(parties: &str, aliases: &str) -> String {
    let fault = SanctionsList::parse_ofac(name(), parties.as_bytes(), aliases.as_bytes());
    fault.expect_err("a fault").to_string()
}

#[test]
fn a_list_has_the_names_and_then_the_aliases() {
    let check = |aliases: &str| {
        let list = SanctionsList::parse_ofac(name(), PARTIES.as_bytes(), aliases.as_bytes()).unwrap();
        let names: Vec<_> = list
            .names()
            .iter()
            .map(|listed| (listed.entry.0, &*listed.name))
            .collect();
        let expected = [
            (36, "AEROCARIBBEAN AIRLINES"),
            (306, "NACIONAL, Banco \"de\" Cuba"),
            (36, "AERO-CARIBBEAN"),
            (99, "ELSEWHERE"),
        ];
        assert_eq!(names, expected);
        assert_eq!(list.name().to_string(), "OFAC SDN");
    };
    check(ALIASES);
    check(&format!("{ALIASES}\x1a"));
    check(ALIASES.trim_end());
}

#[test]
fn a_list_that_would_lack_a_party_is_none() {
    let check = |parties: &str, aliases: &str, expected: &str| assert_eq!(told(parties, aliases), expected);
    let empty = "the file of parties (SDN.CSV) is empty: it has to have a party in it, or nobody would ever be found";
    check("", ALIASES, empty);
    check("\x1a", "", empty);
    check(
        ALIASES,
        PARTIES,
        "record 1 of the file of parties (SDN.CSV) has 5 columns, not 12",
    );
    check(
        PARTIES,
        PARTIES,
        "record 1 of the file of aliases (ALT.CSV) has 12 columns, not 5",
    );
    let cut = &ALIASES[..ALIASES.len() - 10];
    check(
        PARTIES,
        cut,
        "record 2 of the file of aliases (ALT.CSV) has 4 columns, not 5",
    );
    let unnumbered = ALIASES.replace("99,", "x,");
    let expected = "record 2 of the file of aliases (ALT.CSV) does not begin with the number of a party";
    check(PARTIES, &unnumbered, expected);
    for nothing in ["-0- ", "\"\"", "\" \""] {
        let nameless = ALIASES.replace("\"AERO-CARIBBEAN\"", nothing);
        check(
            PARTIES,
            &nameless,
            "record 1 of the file of aliases (ALT.CSV) has no name",
        );
    }
    let strange = ALIASES.replace("ELSEWHERE", "...");
    let expected = "record 2 of the file of aliases (ALT.CSV) has a name that cannot be compared: the name has neither a \
                    letter nor a digit";
    check(PARTIES, &strange, expected);
    let fault = SanctionsList::parse_ofac(name(), b"36,\xff", b"");
    assert!(matches!(
        fault,
        Err(OfacFault::Csv {
            file: File::Parties,
            ..
        })
    ));
}

#[test]
fn files_are_bounded_and_named_when_they_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (parties, aliases) = (folder.path().join("sdn.csv"), folder.path().join("alt.csv"));
    let files = OfacFiles {
        parties: &parties,
        aliases: &aliases,
    };
    std::fs::write(&parties, PARTIES).unwrap();
    let told = SanctionsList::read_ofac(name(), &files).unwrap_err().to_string();
    let expected = format!(
        "{} cannot be read: No such file or directory (os error 2)",
        aliases.display()
    );
    assert_eq!(told, expected);
    std::fs::write(&aliases, ALIASES).unwrap();
    assert_eq!(SanctionsList::read_ofac(name(), &files).unwrap().names().len(), 4);
    // Sparse: takes no room on the disk.
    std::fs::File::create(&aliases)
        .unwrap()
        .set_len(FILE_BYTES_MAX + 1)
        .unwrap();
    let told = SanctionsList::read_ofac(name(), &files).unwrap_err().to_string();
    assert_eq!(told, format!("{} is longer than 67108864 bytes", aliases.display()));
}

proptest! {
    #[test]
    fn invariant_no_bytes_panic_and_no_line_is_passed_over(
        noise in proptest::collection::vec(any::<u8>(), 0..100),
        aliases in "([1-9],2,aka,[a-c]{0,3},-0-\n|[1-9\",a\n -]{0,8}){0,6}",
    ) {
        // Of noise, only what CSV has no records in is a good file.
        let parties = [PARTIES.as_bytes(), &noise].concat();
        if let Ok(list) = SanctionsList::parse_ofac(name(), &parties, b"") {
            prop_assert_eq!(list.names().len(), 2, "{:?}", noise);
        }
        let without_quotes = !aliases.contains('"');
        if let Ok(list) = SanctionsList::parse_ofac(name(), PARTIES.as_bytes(), aliases.as_bytes()) {
            let lines = aliases.lines().filter(|line| !line.is_empty()).count();
            prop_assert!(!without_quotes || list.names().len() == 2 + lines, "{:?}", aliases);
        }
    }
}
