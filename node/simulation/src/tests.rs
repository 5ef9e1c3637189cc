use super::*;

const HEIGHTS: u64 = 15;

fn outcomes(seeds: std::ops::Range<u64>) -> impl Iterator<Item = Outcome> {
    seeds.map(|seed| run(Plan::new(seed, HEIGHTS), false))
}

/// Every kind of Byzantine validator is among these.
#[test]
fn invariant_evidence_is_recorded_against_those_who_sign_twice_and_nobody_else() {
    let mut recorded = std::collections::BTreeMap::new();
    for outcome in outcomes(0..80) {
        assert!(
            outcome.violations.is_empty(),
            "seed {}: {:?}",
            outcome.seed,
            outcome.violations
        );
        // A flooder votes for anything in rounds to come, and so for two blocks in one.
        let signs_twice = |kind: &&str| ["double voter", "double proposer", "flooder"].contains(kind);
        if !outcome.byzantine.iter().any(signs_twice) {
            assert_eq!(
                outcome.evidence_recorded, 0,
                "seed {}: {:?}",
                outcome.seed, outcome.byzantine
            );
            continue;
        }
        for kind in outcome.byzantine.into_iter().filter(|kind| signs_twice(kind)) {
            *recorded.entry(kind).or_insert(0) += outcome.evidence_recorded;
        }
    }
    for kind in ["double voter", "double proposer"] {
        assert!(
            recorded.get(kind).is_some_and(|count| *count > 0),
            "{kind}: {recorded:?}"
        );
    }
}
