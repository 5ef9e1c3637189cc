//! From the wire to a message.

use super::{
    FRAME_BYTES_MAX, Message, MessageType, Spec,
    charset::Charset,
    class::Class,
    message::{bit, bits},
    spec::{Data, Field, Notation, Pad},
    violation::{Fault, Place, Refusal, Violation},
};

impl Spec {
    /// Reads one message, all of `wire`.
    ///
    /// # Errors
    /// Every violation up to the first that hides where the next field begins.
    pub fn parse(&self, wire: &[u8]) -> Result<Message, Box<Refusal>> {
        let capacity = if wire.len() > FRAME_BYTES_MAX {
            0
        } else {
            wire.len() * 2
        };
        let unknown = MessageType::from_digits(*b"0000").expect("digits");
        let mut parse = Parse {
            wire,
            at: 0,
            message: Message::with_capacity(unknown, capacity),
            violations: Vec::new(),
        };
        // A violation that ends the reading is among the violations already.
        let _ended = parse.read(self);
        if parse.violations.is_empty() {
            return Ok(parse.message);
        }
        Err(Box::new(Refusal {
            violations: parse.violations,
            message: parse.message,
        }))
    }
}

/// Reading cannot go on: where the next part begins is unknown.
struct Ended;

struct Parse<'a> {
    wire: &'a [u8],
    at: usize,
    message: Message,
    violations: Vec<Violation>,
}

impl<'a> Parse<'a> {
    fn read(&mut self, spec: &Spec) -> Result<(), Ended> {
        if self.wire.len() > FRAME_BYTES_MAX {
            return self.end(Place::End, Fault::MessageTooLong { max: FRAME_BYTES_MAX });
        }
        self.read_message_type(spec)?;
        let primary = self.read_bitmap(Place::PrimaryBitmap, spec.bitmap)?;
        let mut present = u128::from(primary.reverse_bits());
        if present & bit(1) != 0 {
            let secondary = self.read_bitmap(Place::SecondaryBitmap, spec.secondary_bitmap)?;
            present |= u128::from(secondary.reverse_bits()) << 64;
            present &= !bit(1);
        }
        for number in bits(present & !spec.listed) {
            self.note(Place::Field(number), Fault::Unlisted);
        }
        for number in bits(present) {
            let field = spec.fields[usize::from(number - 1)].as_ref().ok_or(Ended)?;
            self.read_field(number, field)?;
        }
        match self.wire.len() - self.at {
            0 => Ok(()),
            left => self.end(Place::End, Fault::Trailing(left)),
        }
    }

    fn read_message_type(&mut self, spec: &Spec) -> Result<(), Ended> {
        let place = Place::MessageType;
        let offset = self.at;
        let digits = match spec.mti {
            Notation::Packed | Notation::Binary => {
                let [high, low] = self.take_array(place)?;
                [high >> 4, high & 15, low >> 4, low & 15].map(hex_digit)
            }
            Notation::Ascii => self.take_array(place)?,
            Notation::Cp500 => self.take_array::<4>(place)?.map(|byte| Charset::Cp500.decode(byte)),
        };
        match MessageType::from_digits(digits) {
            Err(fault) => self.end_at(offset, place, fault),
            Ok(message_type) => {
                self.message.set_message_type(message_type);
                if !spec.knows(message_type) {
                    self.note_at(offset, place, Fault::UnknownMessageType(message_type.number()));
                }
                Ok(())
            }
        }
    }

    fn read_bitmap(&mut self, place: Place, notation: Notation) -> Result<u64, Ended> {
        let offset = self.at;
        let charset = match notation {
            Notation::Packed | Notation::Binary => return Ok(u64::from_be_bytes(self.take_array(place)?)),
            Notation::Ascii => Charset::Ascii,
            Notation::Cp500 => Charset::Cp500,
        };
        let digits: [u8; 16] = self.take_array(place)?;
        let mut bitmap = 0;
        for digit in digits {
            let Some(nibble) = nibble_of(charset.decode(digit)) else {
                return self.end_at(offset, place, Fault::BitmapNotHex);
            };
            bitmap = bitmap << 4 | u64::from(nibble);
        }
        Ok(bitmap)
    }

    fn read_field(&mut self, number: u8, field: &Field) -> Result<(), Ended> {
        let place = Place::Field(number);
        let offset = self.at;
        let units = if field.length_digits == 0 {
            field.max
        } else {
            self.read_length(place, field)?
        };
        if units > field.max {
            return self.end_at(
                offset,
                place,
                Fault::TooLong {
                    length: units,
                    max: field.max,
                },
            );
        }
        let encoded = self.take(place, field.wire_bytes(units))?;
        let start = self.message.values_mut().len();
        let fault = decode(field, units, encoded, self.message.values_mut());
        if let Some(fault) = fault {
            self.note_at(offset, place, fault);
        }
        self.message.record(number, start);
        Ok(())
    }

    fn read_length(&mut self, place: Place, field: &Field) -> Result<usize, Ended> {
        let offset = self.at;
        let digits = usize::from(field.length_digits);
        let charset = match field.lengths {
            Notation::Binary => {
                let bytes = self.take(place, if digits > 2 { 2 } else { 1 })?;
                return Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)));
            }
            Notation::Packed => {
                let bytes = self.take(place, digits.div_ceil(2))?;
                let length = bytes.iter().try_fold(0, |length, byte| {
                    let (tens, ones) = (byte >> 4, byte & 15);
                    (tens < 10 && ones < 10).then(|| length * 100 + usize::from(tens * 10 + ones))
                });
                return length.map_or_else(|| self.end_at(offset, place, Fault::LengthNotDigits), Ok);
            }
            Notation::Ascii => Charset::Ascii,
            Notation::Cp500 => Charset::Cp500,
        };
        let characters = self.take(place, digits)?;
        let length = characters.iter().try_fold(0, |length, byte| {
            let digit = charset.decode(*byte);
            digit.is_ascii_digit().then(|| length * 10 + usize::from(digit - b'0'))
        });
        length.map_or_else(|| self.end_at(offset, place, Fault::LengthNotDigits), Ok)
    }

    fn take(&mut self, place: Place, bytes: usize) -> Result<&'a [u8], Ended> {
        let left = &self.wire[self.at..];
        let Some(taken) = left.get(..bytes) else {
            let present = left.len();
            return self.end(place, Fault::Truncated { needed: bytes, present });
        };
        self.at += bytes;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self, place: Place) -> Result<[u8; N], Ended> {
        let taken = self.take(place, N)?;
        Ok(taken.try_into().expect("as long as asked for"))
    }

    fn note(&mut self, place: Place, fault: Fault) {
        self.note_at(self.at, place, fault);
    }

    fn note_at(&mut self, offset: usize, place: Place, fault: Fault) {
        self.violations.push(Violation { place, offset, fault });
    }

    fn end<T>(&mut self, place: Place, fault: Fault) -> Result<T, Ended> {
        self.end_at(self.at, place, fault)
    }

    fn end_at<T>(&mut self, offset: usize, place: Place, fault: Fault) -> Result<T, Ended> {
        self.note_at(offset, place, fault);
        Err(Ended)
    }
}

impl Field {
    /// Bytes that a value of so many units takes on the wire.
    pub(super) fn wire_bytes(&self, units: usize) -> usize {
        match (self.data, self.class) {
            (Data::Packed, Class::Xn) if units > 0 => 1 + (units - 1).div_ceil(2),
            (Data::Packed, _) => units.div_ceil(2),
            _ => units,
        }
    }
}

/// Appends the value that `encoded` writes, and says what is wrong with it.
fn decode(field: &Field, units: usize, encoded: &[u8], values: &mut Vec<u8>) -> Option<Fault> {
    let start = values.len();
    match field.data {
        Data::Raw | Data::Ascii => values.extend_from_slice(encoded),
        Data::Cp500 => values.extend(encoded.iter().map(|byte| Charset::Cp500.decode(*byte))),
        Data::HexAscii => return unhex(Charset::Ascii, encoded, values),
        Data::HexCp500 => return unhex(Charset::Cp500, encoded, values),
        Data::Packed => {
            let digits = if field.class == Class::Xn {
                let (sign, rest) = encoded.split_at_checked(1)?;
                values.extend_from_slice(sign);
                (units - 1, rest)
            } else {
                (units, encoded)
            };
            if !unpack(field, digits.0, digits.1, values) {
                return Some(Fault::Padding);
            }
        }
    }
    let at = field.class.first_wrong(&values[start..])?;
    Some(Fault::character(at, field.class))
}

fn unhex(charset: Charset, encoded: &[u8], values: &mut Vec<u8>) -> Option<Fault> {
    let (pairs, odd) = encoded.as_chunks::<2>();
    if !odd.is_empty() {
        return Some(Fault::OddHex(encoded.len()));
    }
    for (number, pair) in pairs.iter().enumerate() {
        let [high, low] = pair.map(|byte| nibble_of(charset.decode(byte)));
        let (Some(high), Some(low)) = (high, low) else {
            let at = number * 2 + usize::from(high.is_some());
            return Some(Fault::character(at, Class::Hex));
        };
        values.push(high << 4 | low);
    }
    None
}

/// Appends digits of half bytes; false if an odd number of them is not filled up as the field says.
fn unpack(field: &Field, digits: usize, encoded: &[u8], values: &mut Vec<u8>) -> bool {
    let letter = |nibble| match (field.class, nibble) {
        (Class::Z, 13) => b'=',
        _ => hex_digit(nibble),
    };
    let start = values.len();
    for byte in encoded {
        values.extend_from_slice(&[letter(byte >> 4), letter(byte & 15)]);
    }
    if digits.is_multiple_of(2) {
        return true;
    }
    match (field.pad, encoded) {
        (Pad::Left(pad), [first, ..]) => {
            values.remove(start);
            first >> 4 == pad
        }
        (Pad::Right(pad), [.., last]) => {
            values.pop();
            last & 15 == pad
        }
        _ => false,
    }
}

pub(super) fn nibble_of(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

pub(super) fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}
