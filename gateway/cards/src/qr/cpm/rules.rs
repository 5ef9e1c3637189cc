//! Which rules a code breaks.

use super::{
    AID, APPLICATION, APPLICATION_CHIP_DATA, COMMON, COMMON_CHIP_DATA, Code, FORMAT, NUMBER, Object, TRACK_2, VERSION,
    Violation, number_of_track_2, value,
};
use crate::{
    emv::{
        tags::meaning,
        tlv::{Tag, Tlv},
    },
    pan::Pan,
};

const APPLICATIONS_MAX: usize = 2;
const TRACK_2_BYTES_MAX: usize = 19;

/// Objects of templates that are as [the table of tags](meaning) has them: application identifier, label, cardholder's
/// name, languages, issuer's address, version, token requestor, account reference, last four digits.
const OF_TABLE: [Tag; 9] = [
    AID,
    Tag::of(0x50),
    Tag::of(0x5f20),
    Tag::of(0x5f2d),
    Tag::of(0x5f50),
    Tag::of(0x9f08),
    Tag::of(0x9f19),
    Tag::of(0x9f24),
    Tag::of(0x9f25),
];

const TEMPLATES: [Tag; 4] = [APPLICATION, COMMON, APPLICATION_CHIP_DATA, COMMON_CHIP_DATA];

pub fn violations(code: &Code<'_>) -> Vec<Violation> {
    let mut found = Found::default();
    if code.objects[0].tlv.tag != FORMAT {
        found.add("format_not_first", FORMAT.to_string(), "object 85 comes first");
    }
    found.root(&code.objects);
    for (object, place) in code.objects.iter().zip(places(code)) {
        if object.tlv.tag == APPLICATION {
            found.template(&object.inside, &place, APPLICATION_CHIP_DATA);
            found.application(&object.inside, code.common(), &place);
        } else if object.tlv.tag == COMMON {
            found.template(&object.inside, &place, COMMON_CHIP_DATA);
        }
    }
    found.violations
}

/// How the objects of the outermost level are called: by their tag, and from the second of a tag on with a number, as
/// `61#2`.
pub fn places(code: &Code<'_>) -> Vec<String> {
    let place = |(at, object): (usize, &Object<'_>)| {
        let tag = object.tlv.tag;
        let before = code.objects[..at].iter().filter(|other| other.tlv.tag == tag).count();
        match before {
            0 => tag.to_string(),
            _ => format!("{tag}#{}", before + 1),
        }
    };
    code.objects.iter().enumerate().map(place).collect()
}

#[derive(Default)]
struct Found {
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, code: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.violations.push(Violation {
            code,
            place: place.into(),
            message: message.into(),
        });
    }

    fn root(&mut self, objects: &[Object<'_>]) {
        let row: Vec<_> = objects.iter().map(|object| object.tlv).collect();
        self.duplicates(&row, "");
        self.misplaced(&row, "", &[APPLICATION, COMMON]);
        match value(&row, FORMAT) {
            None => self.add("missing", "85", "there is no object 85, CPV01"),
            Some(VERSION) => {}
            Some(_) => self.add("wrong_form", "85", "it is to be CPV01"),
        }
        let count = row.iter().filter(|object| object.tag == APPLICATION).count();
        if count == 0 {
            self.add("no_application", "61", "there is no application, object 61");
        } else if count > APPLICATIONS_MAX {
            let message = format!("{count} applications, at most {APPLICATIONS_MAX} are right");
            self.add("too_many_applications", "61", message);
        }
    }

    /// What is of one template by itself, of which `chip_data` is the template inside.
    fn template(&mut self, objects: &[Tlv<'_>], above: &str, chip_data: Tag) {
        self.duplicates(objects, above);
        self.misplaced(objects, above, &[chip_data]);
        for object in objects {
            for (code, message) in faults(object) {
                self.add(code, place(above, object.tag), message);
            }
        }
        let numbers: Vec<_> = objects.iter().filter_map(number).flatten().collect();
        if numbers.windows(2).any(|pair| pair[0] != pair[1]) {
            self.add(
                "numbers_differ",
                above,
                "57 and 5A of one template have one card number",
            );
        }
    }

    fn application(&mut self, own: &[Tlv<'_>], common: &[Tlv<'_>], above: &str) {
        if value(own, AID).is_none() {
            self.add("missing", place(above, AID), "there is no application identifier");
        }
        if [own, common]
            .iter()
            .all(|row| value(row, TRACK_2).or(value(row, NUMBER)).is_none())
        {
            self.add("missing", above, "there is neither 57 nor 5A, nor in 62");
        }
    }

    /// Applications are the only objects that come twice.
    fn duplicates(&mut self, objects: &[Tlv<'_>], above: &str) {
        for (at, object) in objects.iter().enumerate() {
            let is_again = objects[..at].iter().any(|other| other.tag == object.tag);
            if is_again && object.tag != APPLICATION {
                self.add(
                    "duplicate",
                    place(above, object.tag),
                    "an object comes once in its template",
                );
            }
        }
    }

    fn misplaced(&mut self, objects: &[Tlv<'_>], above: &str, here: &[Tag]) {
        for object in objects {
            if TEMPLATES.contains(&object.tag) && !here.contains(&object.tag) {
                let message = "61 and 62 come outermost, 63 in 61, and 64 in 62";
                self.add("misplaced", place(above, object.tag), message);
            }
        }
    }
}

fn number(object: &Tlv<'_>) -> Option<Result<Pan, crate::pan::PanError>> {
    match object.tag {
        TRACK_2 => Some(number_of_track_2(object.value)),
        NUMBER => Some(Pan::from_compressed(object.value)),
        _ => None,
    }
}

/// What is wrong with a value: a code and a sentence for each.
fn faults(object: &Tlv<'_>) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let Tlv { tag, value, .. } = *object;
    if tag == TRACK_2 && value.len() > TRACK_2_BYTES_MAX {
        let message = format!("{} bytes, track 2 has at most {TRACK_2_BYTES_MAX}", value.len());
        faults.push(("wrong_length", message));
    }
    if let Some(Err(error)) = number(object) {
        faults.push(("wrong_number", format!("the card number: {error}")));
    }
    if let Some(row) = meaning(tag).filter(|_| OF_TABLE.contains(&tag)) {
        let of_row = row.faults(value);
        faults.extend(
            of_row
                .iter()
                .map(|fault| (fault.code(), format!("{}: {fault}", row.name))),
        );
    }
    faults
}

pub fn place(above: &str, tag: Tag) -> String {
    if above.is_empty() {
        tag.to_string()
    } else {
        format!("{above}.{tag}")
    }
}
