use proptest::prelude::*;

use super::*;

fn list(name: &str, names: &[&str]) -> SanctionsList {
    let names = names
        .iter()
        .zip(1..)
        .map(|(name, entry)| ListedName::new(EntryId(entry), name).unwrap());
    SanctionsList::new(name.parse().unwrap(), names.collect()).unwrap()
}

/// All are compared with all; the first of the most similar is the hit.
fn by_brute_force<'a>(lists: &'a [SanctionsList], name: &Name) -> Option<Hit<'a>> {
    let mut best: Option<Hit<'_>> = None;
    for list in lists {
        for listed in list.names() {
            let (one, other) = (listed.normalised(), name);
            let in_order = strsim::jaro_winkler(one.in_order(), other.in_order());
            let score = in_order.max(strsim::jaro_winkler(one.sorted(), other.sorted()));
            if score >= 0.92 && best.is_none_or(|best| score > best.score) {
                best = Some(Hit {
                    list: list.name(),
                    entry: listed.entry,
                    name: &listed.name,
                    score,
                });
            }
        }
    }
    best
}

#[test]
fn the_most_similar_name_is_the_hit() {
    let screening = Screening::new(vec![
        list(
            "A",
            &[
                "LOGAN MOREY, Elvis Angus",
                "MORENO, Daniel",
                "IRAN AIRCRAFT CO.",
                "王小明",
            ],
        ),
        list("B", &["Daniel Moreno", "Daniela Morena", "Müller, José", "X"]),
    ]);
    let check = |name: &str, expected: Option<(&str, u64, &str)>| {
        let hit = screening.hit(&Name::parse(name).unwrap());
        let found = hit.map(|hit| (hit.list.to_string(), hit.entry.0, hit.name));
        let expected = expected.map(|(list, entry, name)| (list.to_owned(), entry, name));
        assert_eq!(found, expected, "{name}");
    };
    check("Elvis Angus Logan Morey", Some(("A", 1, "LOGAN MOREY, Elvis Angus")));
    check("elvis angus logan-morey", Some(("A", 1, "LOGAN MOREY, Elvis Angus")));
    check("Elvis Logan", None);
    // Of two lists with the same name, the first.
    check("daniel moreno", Some(("A", 2, "MORENO, Daniel")));
    check("Daniela Morena", Some(("B", 2, "Daniela Morena")));
    check("Danielle Moreno", Some(("A", 2, "MORENO, Daniel")));
    check("Iran Aircraft Company", Some(("A", 3, "IRAN AIRCRAFT CO.")));
    check("jose mueller", Some(("B", 3, "Müller, José")));
    check("王小明", Some(("A", 4, "王小明")));
    check("王小红", None);
    check("x", Some(("B", 4, "X")));
    check("y", None);
}

#[test]
fn an_empty_screening_has_no_hits() {
    assert_eq!(
        Screening::new(Vec::new()).hit(&Name::parse("Daniel Moreno").unwrap()),
        None
    );
}

/// Names that are alike, so that many are about as similar as it takes.
fn names() -> impl Strategy<Value = String> {
    let part = prop_oneof!["[ab]{1,6}", "[a-e]{3,12}", "(mo|ha|med|an|ed){1,4}", "[a-zé王小]{1,3}"];
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join(" "))
}

proptest! {
    #[test]
    fn invariant_screening_finds_what_brute_force_finds(
        one in proptest::collection::vec(names(), 0..40),
        other in proptest::collection::vec(names(), 0..40),
        asked in names(),
    ) {
        let parse = |name, names: &[String]| list(name, &names.iter().map(|text| &**text).collect::<Vec<_>>());
        let lists = vec![parse("one", &one), parse("other", &other)];
        let screening = Screening::new(lists.clone());
        let name = Name::parse(&asked).unwrap();
        prop_assert_eq!(screening.hit(&name), by_brute_force(&lists, &name));
    }

    #[test]
    fn invariant_what_cannot_reach_a_similarity_has_less(one in names(), other in names(), wanted in 0.0..1.0_f64) {
        let (one, other) = (Name::parse(&one).unwrap(), Name::parse(&other).unwrap());
        let (first, second) = (Profile::of(&one), Profile::of(&other));
        let similarity = one.similarity(&other);
        prop_assert!(first.may_reach(&second, similarity));
        prop_assert!(first.may_reach(&second, wanted) || similarity < wanted);
    }
}
