//! Screening by lists that the United States Treasury published.

use std::time::{Duration, Instant};

use causeway_gateway::{
    names::Name,
    screening::{ListedName, OfacFiles, SanctionsList, Screening},
};

#[expect(dead_code, reason = "no vectors here are in JSON")]
mod vectors;

fn list(name: &str, parties: &str, aliases: &str) -> Option<SanctionsList> {
    let path = |file: &str| vectors::path(&format!("sanctions/{file}"));
    let (parties, aliases) = (path(parties)?, path(aliases)?);
    let files = OfacFiles {
        parties: &parties,
        aliases: &aliases,
    };
    Some(SanctionsList::read_ofac(name.parse().expect("a name"), &files).expect("the list has its form"))
}

fn all() -> Option<Vec<SanctionsList>> {
    Some(vec![
        list("SDN", "ofac/sdn.csv", "ofac/alt.csv")?,
        list("CONS", "ofac/cons_prim.csv", "ofac/cons_alt.csv")?,
    ])
}

#[test]
fn the_lists_are_read_whole() {
    let Some(lists) = all() else { return };
    let counts: Vec<_> = lists.iter().map(|list| list.names().len()).collect();
    assert_eq!(counts, [7379 + 9682, 442 + 1073]);
    let small = list("small", "ofac-small/sdn.csv", "ofac-small/alt.csv").expect("it is beside the others");
    assert_eq!(small.names().len(), 17 + 18);
}

#[test]
fn listed_people_are_found_however_their_names_are_written() {
    let Some(lists) = all() else { return };
    let screening = Screening::new(lists);
    let check = |name: &str, expected: Option<(u64, &str)>| {
        let hit = screening.hit(&Name::parse(name).expect("a name"));
        assert_eq!(hit.map(|hit| (hit.entry.0, hit.name)), expected, "{name}");
    };
    check("Nicolás Maduro Moros", Some((22790, "MADURO MOROS, Nicolas")));
    check("maduro moros nicolas", Some((22790, "MADURO MOROS, Nicolas")));
    check(
        "Alexander Aleksandrovich Malkevich",
        Some((26235, "MALKEVICH, Alexander Aleksandrovich")),
    );
    check(
        "Alexandr Aleksandrovich Malkevitch",
        Some((26235, "MALKEVICH, Alexander Aleksandrovich")),
    );
    check("Aerocaribbean Airlines", Some((36, "AEROCARIBBEAN AIRLINES")));
    check("AERO CARIBBEAN", Some((36, "AERO-CARIBBEAN")));
    check("Wilhelmina Featherstonehaugh", None);
    check("Northwind Bakery of Little Snoring", None);
}

/// One name in a thousand: as it is, with a letter changed, and backwards.
#[test]
fn invariant_of_real_lists_the_hit_is_that_of_brute_force() {
    let Some(lists) = all() else { return };
    let screening = Screening::new(lists.clone());
    let listed: Vec<&ListedName> = lists.iter().flat_map(SanctionsList::names).collect();
    let (mut asked, mut spent) = (0, Duration::ZERO);
    for name in listed.iter().step_by(1000).map(|listed| &listed.name) {
        for text in [
            name.clone(),
            name.replace(['A', 'a'], "o"),
            name.chars().rev().collect(),
        ] {
            let name = Name::parse(&text).expect("a name");
            let start = Instant::now();
            let hit = screening.hit(&name);
            spent += start.elapsed();
            asked += 1;
            let mut best: Option<(f64, &ListedName)> = None;
            for listed in &listed {
                let score = listed.normalised().similarity(&name);
                if score >= 0.92 && best.is_none_or(|(best, _)| score > best) {
                    best = Some((score, listed));
                }
            }
            let found = hit.map(|hit| (hit.score, hit.entry, hit.name));
            let expected = best.map(|(score, listed)| (score, listed.entry, &*listed.name));
            assert_eq!(found, expected, "{text}");
        }
    }
    println!("{} names, {asked} asked for, {:?} each", listed.len(), spent / asked);
}
