//! Names of objects: what they are, then a UUID of version 7 (RFC 9562) in 32 hexadecimal digits, so that they sort by
//! the time at which they were made.

use uuid::Builder;

/// A new one at a time in milliseconds since 1970, such as `rem_019af...`.
pub fn new(kind: &str, now_ms: u64) -> Result<String, getrandom::Error> {
    Ok(named(kind, &unique(now_ms)?))
}

/// The part after the kind.
pub fn unique(now_ms: u64) -> Result<String, getrandom::Error> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)?;
    let uuid = Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid();
    Ok(uuid.simple().to_string())
}

/// One whose other part is given, so that what it names is never there twice.
pub fn derived(kind: &str, at_ms: u64, rest: &[u8; 10]) -> String {
    named(
        kind,
        &Builder::from_unix_timestamp_millis(at_ms, rest)
            .into_uuid()
            .simple()
            .to_string(),
    )
}

pub fn named(kind: &str, unique: &str) -> String {
    format!("{kind}_{unique}")
}

/// A random UETR: a UUID of version 4.
pub fn uetr() -> Result<String, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(Builder::from_random_bytes(random).into_uuid().hyphenated().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifiers::uetr::Uetr;

    #[test]
    fn ids_sort_by_time_and_are_never_the_same() {
        let at = |ms| new("rem", ms).expect("random bytes");
        assert!(at(1_000) < at(1_001));
        assert_ne!(at(1_000), at(1_000));
        assert_eq!(at(0).len(), 4 + 32);
        assert!(uetr().expect("random bytes").parse::<Uetr>().is_ok());
    }
}
