//! Looks for secrets of cards in whatever a run has left: what was printed, files, databases and their write-ahead logs.
//!
//! A number can be there in many forms; each of them is looked for at once. What is compressed or enciphered hides them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Where in a triple of bytes a value begins, all of which have another base64.
const PHASES: usize = 3;

/// A secret that was seen, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trace {
    pub secret: String,
    pub form: &'static str,
}

pub struct Traces {
    searcher: AhoCorasick,
    /// By the number of its pattern.
    forms: Vec<Trace>,
}

#[derive(Default)]
pub struct Secrets(Vec<(Trace, Vec<u8>)>);

impl Secrets {
    /// Of 12 digits or more: a card number, or a track up to its separator.
    pub fn number(&mut self, name: &str, digits: &str) {
        let grouped = |separator: &str| {
            let groups: Vec<_> = digits
                .as_bytes()
                .chunks(4)
                .map(|group| String::from_utf8_lossy(group))
                .collect();
            groups.join(separator).into_bytes()
        };
        self.bytes_and_base64(name, ["text", "base64 of text"], digits.as_bytes());
        self.add(name, "text in groups", grouped(" "));
        self.add(name, "text with hyphens", grouped("-"));
        self.bytes_and_base64(name, ["BCD", "base64 of BCD"], &packed(digits));
        let inner = &digits[1..];
        self.bytes_and_base64(name, ["BCD at the other nibble", "base64 of that"], &packed(inner));
        self.add(name, "hexadecimal of text", hex::encode(digits).into_bytes());
    }

    /// A key, a PIN block, or another value of 8 bytes or more.
    pub fn value(&mut self, name: &str, bytes: &[u8]) {
        self.bytes_and_base64(name, ["bytes", "base64"], bytes);
        self.add(name, "hexadecimal", hex::encode(bytes).into_bytes());
        self.add(name, "hexadecimal", hex::encode_upper(bytes).into_bytes());
        for separator in [",", ", "] {
            let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
            self.add(name, "numbers", numbers.join(separator).into_bytes());
        }
    }

    /// Those of these names in all of their forms, a line each; and as what they must be found.
    pub fn all_forms(&self, names: &[&str]) -> (Vec<u8>, BTreeSet<Trace>) {
        let named = self
            .0
            .iter()
            .filter(|(trace, _)| names.contains(&trace.secret.as_str()));
        let (mut text, mut traces) = (Vec::new(), BTreeSet::new());
        for (trace, bytes) in named {
            text.extend([&bytes[..], b"\n"].concat());
            traces.insert(trace.clone());
        }
        (text, traces)
    }

    fn bytes_and_base64(&mut self, name: &str, [plain, encoded]: [&'static str; 2], bytes: &[u8]) {
        self.add(name, plain, bytes.to_vec());
        for phase in 0..PHASES {
            let standard = base64_within(bytes, phase);
            let for_urls: Vec<_> = standard.iter().map(for_url).collect();
            if for_urls != standard {
                self.add(name, encoded, for_urls);
            }
            self.add(name, encoded, standard);
        }
    }

    fn add(&mut self, name: &str, form: &'static str, bytes: Vec<u8>) {
        let secret = name.to_owned();
        self.0.push((Trace { secret, form }, bytes));
    }

    /// # Panics
    /// If there are more of them than can be looked for.
    pub fn traces(self) -> Traces {
        let (forms, patterns): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        let searcher = AhoCorasick::new(patterns).expect("some hundred patterns");
        Traces { searcher, forms }
    }
}

impl Traces {
    pub fn in_bytes(&self, bytes: &[u8]) -> BTreeSet<Trace> {
        let seen = self.searcher.find_overlapping_iter(bytes);
        seen.map(|seen| self.forms[seen.pattern().as_usize()].clone()).collect()
    }

    fn in_file(&self, path: &Path) -> io::Result<BTreeSet<Trace>> {
        let mut seen = BTreeSet::new();
        for found in self.searcher.stream_find_iter(File::open(path)?) {
            seen.insert(self.forms[found?.pattern().as_usize()].clone());
        }
        Ok(seen)
    }

    /// What is in the files below a folder, and how many there are. Files that go away meanwhile are passed over.
    pub fn in_folder(&self, folder: &Path) -> io::Result<(usize, Vec<(PathBuf, Trace)>)> {
        let (mut files, mut seen) = (0, Vec::new());
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    match self.in_file(&path) {
                        Ok(found) => seen.extend(found.into_iter().map(|trace| (path.clone(), trace))),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(error),
                    }
                    files += 1;
                }
            }
        }
        seen.sort();
        Ok((files, seen))
    }
}

/// Two digits a byte; of an odd number the last one is left out, since its neighbour is not known.
fn packed(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0')).collect()
}

/// The characters that bytes have in base64 wherever they begin `phase` bytes after a triple, whatever is around them.
fn base64_within(bytes: &[u8], phase: usize) -> Vec<u8> {
    let shifted = [vec![0; phase], bytes.to_vec()].concat();
    let whole = STANDARD_NO_PAD.encode(&shifted).into_bytes();
    let first = (phase * 8).div_ceil(6);
    let end = shifted.len() * 8 / 6;
    whole[first..end].to_vec()
}

/// The same character in the alphabet for URLs (RFC 4648, section 5).
fn for_url(character: &u8) -> u8 {
    match character {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const PAN: &str = "9900001234567894";

    fn traces() -> Traces {
        let mut secrets = Secrets::default();
        secrets.number("card", PAN);
        secrets.value("key", &[0xA1; 16]);
        secrets.traces()
    }

    fn forms(bytes: &[u8]) -> Vec<&'static str> {
        traces().in_bytes(bytes).into_iter().map(|trace| trace.form).collect()
    }

    #[test]
    fn a_number_is_found_in_each_form_and_at_each_place() {
        let bcd: Vec<u8> = hex::decode(PAN).unwrap();
        let other = hex::decode(format!("7{PAN}D")).unwrap();
        for before in 0..7 {
            let with = |inner: &[u8]| [&vec![b'x'; before][..], inner, b"yz"].concat();
            assert_eq!(forms(&with(PAN.as_bytes())), ["text"]);
            assert_eq!(forms(&with(b"9900 0012 3456 7894")), ["text in groups"]);
            assert_eq!(forms(&with(b"9900-0012-3456-7894")), ["text with hyphens"]);
            assert_eq!(forms(&with(&bcd)), ["BCD"]);
            assert_eq!(forms(&with(&other)), ["BCD at the other nibble"]);
            let encoded = |inner: &[u8]| STANDARD_NO_PAD.encode(with(inner)).into_bytes();
            assert_eq!(forms(&encoded(PAN.as_bytes())), ["base64 of text"]);
            // Four bits on, both may have the same characters.
            assert!(forms(&encoded(&bcd)).contains(&"base64 of BCD"));
            assert!(forms(&encoded(&other)).contains(&"base64 of that"));
        }
        assert_eq!(forms(hex::encode(PAN).as_bytes()), ["hexadecimal of text"]);
        // The digits are packed, and those printed again.
        assert_eq!(forms(hex::encode(&other).as_bytes()), ["text"]);
    }

    #[test]
    fn a_value_is_found_and_what_is_like_it_is_not() {
        assert_eq!(forms(&[0xA1; 20]), ["bytes"]);
        assert_eq!(forms("a1".repeat(16).as_bytes()), ["hexadecimal"]);
        assert_eq!(forms("A1".repeat(16).as_bytes()), ["hexadecimal"]);
        assert_eq!(forms(format!("{:?}", [0xA1_u8; 16]).as_bytes()), ["numbers"]);
        assert_eq!(
            forms(serde_json::to_string(&[0xA1_u8; 16]).unwrap().as_bytes()),
            ["numbers"]
        );
        let mut other = Secrets::default();
        other.value("key", &[0xFB; 16]);
        let other = other.traces();
        for encoded in [STANDARD_NO_PAD.encode([0xFB; 16]), URL_SAFE_NO_PAD.encode([0xFB; 16])] {
            let seen = other.in_bytes(encoded.as_bytes());
            assert!(seen.iter().any(|trace| trace.form == "base64"), "{encoded}");
        }
        assert!(forms(&[0xA1; 15]).is_empty());
        assert!(forms(b"990000******7894").is_empty());
        assert!(forms(b"9900001234567895").is_empty());
    }

    #[test]
    fn files_of_a_folder_are_looked_through() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(folder.path().join("log"), "a card 990000******7894 paid").unwrap();
        assert_eq!(traces().in_folder(folder.path()).unwrap(), (1, vec![]));
        let planted = below.join("gateway.db-wal");
        let mut bytes = vec![7; 200_000];
        bytes[65_530..65_546].copy_from_slice(PAN.as_bytes());
        fs::write(&planted, bytes).unwrap();
        let (files, seen) = traces().in_folder(folder.path()).unwrap();
        let trace = Trace {
            secret: "card".to_owned(),
            form: "text",
        };
        assert_eq!((files, seen), (2, vec![(planted, trace)]));
    }
}
