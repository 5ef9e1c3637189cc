//! ISO 7064 MOD 97-10, by which IBANs and LEIs carry two check digits.

/// The remainder by 97 of the number that `text` spells, a letter being two digits: A is 10, Z is 35.
/// `None` where a character is neither a digit nor a capital letter.
pub fn remainder(text: impl Iterator<Item = char>) -> Option<u32> {
    let mut remainder = 0;
    for character in text {
        let value = match character {
            '0'..='9' | 'A'..='Z' => character.to_digit(36)?,
            _ => return None,
        };
        let shift = if value < 10 { 10 } else { 100 };
        remainder = (remainder * shift + value) % 97;
    }
    Some(remainder)
}

/// The two check digits with which `text`, followed by them, has the remainder 1.
pub fn check_digits(text: impl Iterator<Item = char>) -> Option<u32> {
    remainder(text.chain("00".chars())).map(|remainder| 98 - remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_as_two_digits() {
        assert_eq!(remainder("A".chars()), Some(10));
        assert_eq!(remainder("Z9".chars()), Some(359 % 97));
        assert_eq!(remainder("a".chars()), None);
    }

    /// ISO 7064 gives 79 4 with check digits 44: 79444 leaves 1.
    #[test]
    fn what_is_made_is_accepted() {
        let digits = check_digits("794".chars());
        assert_eq!(digits, Some(44));
        assert_eq!(remainder("79444".chars()), Some(1));
    }
}
