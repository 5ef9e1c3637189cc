//! From a message to the wire.

use super::{
    FRAME_BYTES_MAX, Message, Spec,
    charset::Charset,
    class::Class,
    message::{bit, bits},
    parse::{hex_digit, nibble_of},
    spec::{Data, Field, Notation, Pad},
    violation::{Fault, Place, Violation},
};

/// Fields of an authentication code: the last of the first, and of the second bitmap.
const CODES: [u8; 2] = [64, 128];

impl Spec {
    /// Appends a message to `wire`.
    ///
    /// # Errors
    /// The first violation; `wire` is then as it was.
    pub fn build(&self, message: &Message, wire: &mut Vec<u8>) -> Result<(), Violation> {
        let start = wire.len();
        let built = self.write(message, wire).and_then(|()| {
            let fault = Fault::MessageTooLong { max: FRAME_BYTES_MAX };
            if wire.len() - start > FRAME_BYTES_MAX {
                Err(violation(Place::End, fault))
            } else {
                Ok(())
            }
        });
        built.inspect_err(|_| wire.truncate(start))
    }

    /// A message as bytes of its own.
    pub fn to_bytes(&self, message: &Message) -> Result<Vec<u8>, Violation> {
        let mut wire = Vec::with_capacity(512);
        self.build(message, &mut wire)?;
        Ok(wire)
    }

    /// Appends a message to `wire` with its authentication code, which `code` computes from all bytes before it. The code
    /// is field 64, or 128 if any field above 64 is present.
    pub fn build_sealed(
        &self,
        message: &mut Message,
        wire: &mut Vec<u8>,
        code: impl FnOnce(&[u8]) -> [u8; 8],
    ) -> Result<(), Violation> {
        message.remove(64);
        message.remove(128);
        let field = if message.present() >> 64 == 0 { 64 } else { 128 };
        message.set(field, &[0; 8])?;
        let start = wire.len();
        self.build(message, wire)?;
        let covered = wire.len() - self.code_bytes(field)?;
        let computed = code(&wire[start..covered]);
        message.set(field, &computed)?;
        wire.truncate(covered);
        let listed = self.field(field).ok_or(Violation::of_field(field, Fault::Unlisted))?;
        write_field(field, listed, &computed, wire)
    }

    /// The bytes of a message that its authentication code covers: all before it.
    ///
    /// # Errors
    /// The message has no code, or one that is not its last field.
    pub fn sealed_bytes<'a>(&self, message: &Message, wire: &'a [u8]) -> Result<&'a [u8], Violation> {
        let last = message.fields().last().unwrap_or(64);
        let Some(field) = CODES.into_iter().find(|code| message.has(*code)) else {
            return Err(Violation::of_field(last.max(64), Fault::Missing));
        };
        if field != last {
            return Err(Violation::of_field(field, Fault::CodeNotLast));
        }
        let code = self.code_bytes(field)?;
        let fault = Fault::Truncated {
            needed: code,
            present: wire.len(),
        };
        let covered = wire.len().checked_sub(code).ok_or(Violation::of_field(field, fault))?;
        Ok(&wire[..covered])
    }

    fn code_bytes(&self, number: u8) -> Result<usize, Violation> {
        let field = self.field(number).ok_or(Violation::of_field(number, Fault::Unlisted))?;
        Ok(field.wire_bytes(field.max))
    }

    fn write(&self, message: &Message, wire: &mut Vec<u8>) -> Result<(), Violation> {
        let message_type = message.message_type();
        if !self.knows(message_type) {
            let fault = Fault::UnknownMessageType(message_type.number());
            return Err(violation(Place::MessageType, fault));
        }
        let digits = message_type.digits();
        match self.mti {
            Notation::Ascii => wire.extend_from_slice(&digits),
            Notation::Cp500 => wire.extend(digits.map(|digit| Charset::Cp500.encode(digit))),
            Notation::Packed | Notation::Binary => pack(&digits, None, wire),
        }
        let mut present = message.present();
        if let Some(unlisted) = bits(present & !self.listed).next() {
            return Err(Violation::of_field(unlisted, Fault::Unlisted));
        }
        if present >> 64 != 0 {
            present |= bit(1);
        }
        write_bitmap(self.bitmap, present as u64, wire);
        if present & bit(1) != 0 {
            write_bitmap(self.secondary_bitmap, (present >> 64) as u64, wire);
        }
        for number in bits(message.present()) {
            let field = self.fields[usize::from(number - 1)].as_ref().expect("listed");
            write_field(number, field, message.get(number).expect("present"), wire)?;
        }
        Ok(())
    }
}

fn violation(place: Place, fault: Fault) -> Violation {
    Violation {
        place,
        offset: 0,
        fault,
    }
}

fn write_bitmap(notation: Notation, fields: u64, wire: &mut Vec<u8>) {
    let bytes = fields.reverse_bits().to_be_bytes();
    match notation {
        Notation::Packed | Notation::Binary => wire.extend_from_slice(&bytes),
        Notation::Ascii => write_hex(Charset::Ascii, &bytes, wire),
        Notation::Cp500 => write_hex(Charset::Cp500, &bytes, wire),
    }
}

fn write_hex(charset: Charset, bytes: &[u8], wire: &mut Vec<u8>) {
    for byte in bytes {
        let digits = [hex_digit(byte >> 4), hex_digit(byte & 15)];
        wire.extend_from_slice(&digits.map(|digit| charset.encode(digit)));
    }
}

fn write_field(number: u8, field: &Field, value: &[u8], wire: &mut Vec<u8>) -> Result<(), Violation> {
    let refused = |fault| Err(Violation::of_field(number, fault));
    let hex = matches!(field.data, Data::HexAscii | Data::HexCp500);
    let units = if hex { value.len() * 2 } else { value.len() };
    if units > field.max {
        return refused(Fault::TooLong {
            length: units,
            max: field.max,
        });
    }
    if field.length_digits == 0 && units != field.max {
        return refused(Fault::WrongLength {
            length: units,
            expected: field.max,
        });
    }
    if let Some(at) = field.class.first_wrong(value) {
        return refused(Fault::character(at, field.class));
    }
    if field.length_digits > 0 {
        write_length(field, units, wire);
    }
    match field.data {
        Data::Ascii | Data::Raw => wire.extend_from_slice(value),
        Data::Cp500 => wire.extend(value.iter().map(|character| Charset::Cp500.encode(*character))),
        Data::HexAscii => write_hex(Charset::Ascii, value, wire),
        Data::HexCp500 => write_hex(Charset::Cp500, value, wire),
        Data::Packed => {
            let digits = match value.split_first() {
                Some((sign, digits)) if field.class == Class::Xn => {
                    wire.push(*sign);
                    digits
                }
                _ => value,
            };
            if digits.len() % 2 == 1 && field.pad == Pad::Never {
                return refused(Fault::Padding);
            }
            pack(digits, Some(field.pad), wire);
        }
    }
    Ok(())
}

fn write_length(field: &Field, units: usize, wire: &mut Vec<u8>) {
    let mut rest = units;
    let mut digits = [b'0'; 4];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let wanted = usize::from(field.length_digits);
    match field.lengths {
        Notation::Ascii => wire.extend_from_slice(&digits[4 - wanted..]),
        Notation::Cp500 => wire.extend(digits[4 - wanted..].iter().map(|digit| Charset::Cp500.encode(*digit))),
        Notation::Packed => pack(&digits[4 - wanted.next_multiple_of(2)..], None, wire),
        Notation::Binary => wire.extend_from_slice(&(units as u16).to_be_bytes()[usize::from(wanted < 3)..]),
    }
}

/// Two digits a byte. Digits are of the field's class; `=` is half byte D.
fn pack(digits: &[u8], pad: Option<Pad>, wire: &mut Vec<u8>) {
    let nibble = |digit| nibble_of(digit).unwrap_or(13);
    let mut digits = digits;
    let mut right = None;
    if digits.len() % 2 == 1 {
        match (pad, digits) {
            (Some(Pad::Right(pad)), [rest @ .., last]) => {
                right = Some(nibble(*last) << 4 | pad);
                digits = rest;
            }
            (pad, [first, rest @ ..]) => {
                let pad = if let Some(Pad::Left(pad)) = pad { pad } else { 0 };
                wire.push(pad << 4 | nibble(*first));
                digits = rest;
            }
            (_, []) => {}
        }
    }
    for pair in digits.as_chunks::<2>().0 {
        wire.push(nibble(pair[0]) << 4 | nibble(pair[1]));
    }
    wire.extend(right);
}
