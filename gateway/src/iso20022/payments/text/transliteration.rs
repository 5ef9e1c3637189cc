//! Characters for those that FIN does not carry. Letters of Latin lose their marks, Greek and Cyrillic letters
//! become such of Latin, and what is left is a point, so that it can be seen that something was there.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// At most this much becomes of one character: compatibility decomposition can give 18 characters.
const CHARACTERS_MAX: usize = 8;

/// What stands for one character.
pub struct Replacement {
    characters: [char; CHARACTERS_MAX],
    length: usize,
}

impl Replacement {
    fn new() -> Self {
        Self {
            characters: ['.'; CHARACTERS_MAX],
            length: 0,
        }
    }

    fn push(&mut self, character: char) {
        if let Some(place) = self.characters.get_mut(self.length) {
            *place = character;
            self.length += 1;
        }
    }

    pub fn chars(self) -> impl Iterator<Item = char> {
        self.characters.into_iter().take(self.length)
    }
}

/// The character itself where the set has it.
pub fn within(character: char, has: fn(char) -> bool) -> Replacement {
    let mut replacement = Replacement::new();
    if has(character) {
        replacement.push(character);
        return replacement;
    }
    for part in std::iter::once(character).nfkd() {
        if has(part) {
            replacement.push(part);
        } else if let Some(letters) = letters(part) {
            letters.chars().for_each(|letter| replacement.push(letter));
        } else if part.is_whitespace() || part.is_control() {
            replacement.push(' ');
        } else if !is_combining_mark(part) {
            replacement.push('.');
        }
    }
    replacement
}

/// Letters without decomposition, and signs.
fn letters(character: char) -> Option<&'static str> {
    let (_, letters) = LETTERS.iter().find(|(from, _)| *from == character)?;
    Some(letters)
}

#[rustfmt::skip]
const LETTERS: &[(char, &str)] = &[
    ('ß', "ss"), ('ẞ', "SS"), ('æ', "ae"), ('Æ', "AE"), ('œ', "oe"), ('Œ', "OE"), ('ø', "o"), ('Ø', "O"),
    ('đ', "d"), ('Đ', "D"), ('ð', "d"), ('Ð', "D"), ('þ', "th"), ('Þ', "TH"), ('ł', "l"), ('Ł', "L"),
    ('ħ', "h"), ('Ħ', "H"), ('ı', "i"), ('ŋ', "ng"), ('Ŋ', "NG"), ('ŧ', "t"), ('Ŧ', "T"), ('ĸ', "k"),
    ('ə', "e"), ('Ə', "E"), ('ƒ', "f"),
    ('€', "EUR"), ('£', "GBP"), ('¥', "JPY"), ('¢', "c"), ('§', "S"), ('©', "(c)"), ('®', "(r)"), ('°', "o"),
    ('¿', "?"), ('¡', "!"), ('×', "x"), ('÷', ":"), ('¬', "-"), ('¦', "|"), ('±', "+"),
    ('‘', "'"), ('’', "'"), ('‚', "'"), ('‛', "'"), ('“', "\""), ('”', "\""), ('„', "\""), ('«', "\""), ('»', "\""),
    ('‹', "'"), ('›', "'"), ('‐', "-"), ('‑', "-"), ('‒', "-"), ('–', "-"), ('—', "-"), ('―', "-"), ('−', "-"),
    ('•', "-"), ('·', "."), ('\u{2044}', "/"),
    ('Α', "A"), ('Β', "V"), ('Γ', "G"), ('Δ', "D"), ('Ε', "E"), ('Ζ', "Z"), ('Η', "I"), ('Θ', "TH"), ('Ι', "I"),
    ('Κ', "K"), ('Λ', "L"), ('Μ', "M"), ('Ν', "N"), ('Ξ', "X"), ('Ο', "O"), ('Π', "P"), ('Ρ', "R"), ('Σ', "S"),
    ('Τ', "T"), ('Υ', "Y"), ('Φ', "F"), ('Χ', "CH"), ('Ψ', "PS"), ('Ω', "O"),
    ('α', "a"), ('β', "v"), ('γ', "g"), ('δ', "d"), ('ε', "e"), ('ζ', "z"), ('η', "i"), ('θ', "th"), ('ι', "i"),
    ('κ', "k"), ('λ', "l"), ('μ', "m"), ('ν', "n"), ('ξ', "x"), ('ο', "o"), ('π', "p"), ('ρ', "r"), ('σ', "s"),
    ('ς', "s"), ('τ', "t"), ('υ', "y"), ('φ', "f"), ('χ', "ch"), ('ψ', "ps"), ('ω', "o"),
    ('А', "A"), ('Б', "B"), ('В', "V"), ('Г', "G"), ('Д', "D"), ('Е', "E"), ('Ж', "Zh"), ('З', "Z"), ('И', "I"),
    ('К', "K"), ('Л', "L"), ('М', "M"), ('Н', "N"), ('О', "O"), ('П', "P"), ('Р', "R"), ('С', "S"), ('Т', "T"),
    ('У', "U"), ('Ф', "F"), ('Х', "Kh"), ('Ц', "Ts"), ('Ч', "Ch"), ('Ш', "Sh"), ('Щ', "Shch"), ('Ъ', ""),
    ('Ы', "Y"), ('Ь', ""), ('Э', "E"), ('Ю', "Yu"), ('Я', "Ya"), ('Є', "Ye"), ('І', "I"), ('Ґ', "G"), ('Ђ', "Dj"),
    ('Ј', "J"), ('Љ', "Lj"), ('Њ', "Nj"), ('Ћ', "C"), ('Џ', "Dz"),
    ('а', "a"), ('б', "b"), ('в', "v"), ('г', "g"), ('д', "d"), ('е', "e"), ('ж', "zh"), ('з', "z"), ('и', "i"),
    ('к', "k"), ('л', "l"), ('м', "m"), ('н', "n"), ('о', "o"), ('п', "p"), ('р', "r"), ('с', "s"), ('т', "t"),
    ('у', "u"), ('ф', "f"), ('х', "kh"), ('ц', "ts"), ('ч', "ch"), ('ш', "sh"), ('щ', "shch"), ('ъ', ""),
    ('ы', "y"), ('ь', ""), ('э', "e"), ('ю', "yu"), ('я', "ya"), ('є', "ye"), ('і', "i"), ('ґ', "g"), ('ђ', "dj"),
    ('ј', "j"), ('љ', "lj"), ('њ', "nj"), ('ћ', "c"), ('џ', "dz"),
];
