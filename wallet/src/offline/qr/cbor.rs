//! The two shapes of CBOR (RFC 8949) that frames and messages have, in their shortest form.

/// Something else than what is expected, or not in its shortest form.
#[derive(Debug)]
pub struct NotExpected;

const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const ARRAY: u8 = 4;

/// What every frame says of itself: `[seqNum, seqLen, messageLen, checksum, data]`, BCR-2024-001.
pub struct Part<'a> {
    pub sequence: u64,
    pub parts: u64,
    pub message_bytes: u64,
    /// CRC-32 of the message.
    pub checksum: u64,
    pub data: &'a [u8],
}

impl<'a> Part<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotExpected> {
        let mut rest = bytes;
        if take(&mut rest, ARRAY)? != 5 {
            return Err(NotExpected);
        }
        let mut number = || take(&mut rest, UNSIGNED);
        let (sequence, parts, message_bytes, checksum) = (number()?, number()?, number()?, number()?);
        Ok(Self {
            sequence,
            parts,
            message_bytes,
            checksum,
            data: last_byte_string(rest)?,
        })
    }
}

/// The content of a byte string with nothing after it.
pub fn last_byte_string(mut bytes: &[u8]) -> Result<&[u8], NotExpected> {
    let length = take(&mut bytes, BYTES)?;
    if length == bytes.len() as u64 {
        Ok(bytes)
    } else {
        Err(NotExpected)
    }
}

/// A byte string of up to 65,535 bytes.
pub fn byte_string(content: &[u8]) -> Vec<u8> {
    let mut bytes = match u16::try_from(content.len()).expect("payloads are shorter") {
        length @ 0..=23 => vec![BYTES << 5 | length as u8],
        length @ 24..=255 => vec![BYTES << 5 | 24, length as u8],
        length => [[BYTES << 5 | 25].as_slice(), &length.to_be_bytes()].concat(),
    };
    bytes.extend(content);
    bytes
}

/// Takes an item's head off and gives its number.
fn take(bytes: &mut &[u8], major: u8) -> Result<u64, NotExpected> {
    let (&first, rest) = bytes.split_first().ok_or(NotExpected)?;
    if first >> 5 != major {
        return Err(NotExpected);
    }
    let width = match first & 31 {
        small @ 0..=23 => {
            *bytes = rest;
            return Ok(u64::from(small));
        }
        24 => 1,
        25 => 2,
        26 => 4,
        _ => return Err(NotExpected),
    };
    let (number, rest) = rest.split_at_checked(width).ok_or(NotExpected)?;
    *bytes = rest;
    let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let least = [24, 1 << 8, 1 << 16][width / 2];
    if number >= least { Ok(number) } else { Err(NotExpected) }
}
