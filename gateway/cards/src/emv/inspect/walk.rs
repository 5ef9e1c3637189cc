//! Goes over all objects, on after a fault wherever the end of the template that has it is known.

use serde_json::{Map, Value, json};

use super::{Finding, value::show};
use crate::emv::{
    dol::Dol,
    tags::{Format, Meaning, meaning},
    tlv::{Limits, Reader, Tag, Tlv, TlvError},
};

/// A tag that an issuer's script has once for each command (EMV Book 3, 10.10).
const SCRIPT_COMMAND: Tag = Tag::of(0x86);

/// What there is in all levels, objects within their templates.
pub(super) struct Found {
    pub objects: Vec<Value>,
    pub violations: Vec<Finding>,
    pub remarks: Vec<Finding>,
}

struct Walk {
    violations: Vec<Finding>,
    remarks: Vec<Finding>,
    objects_left: usize,
}

const LIMITS: Limits = Limits::STANDARD;

pub(super) fn walk(bytes: &[u8]) -> Found {
    let mut walk = Walk {
        violations: Vec::new(),
        remarks: Vec::new(),
        objects_left: LIMITS.objects_max,
    };
    let mut objects = Vec::new();
    if bytes.len() > LIMITS.bytes_max {
        let (length, max) = (bytes.len(), LIMITS.bytes_max);
        walk.violation("", TlvError::TooLarge { length, max });
    } else {
        objects = walk.level(Reader::new(bytes), "", 1);
    }
    Found {
        objects,
        violations: walk.violations,
        remarks: walk.remarks,
    }
}

impl Walk {
    fn level(&mut self, mut reader: Reader<'_>, path: &str, level: usize) -> Vec<Value> {
        let mut objects = Vec::new();
        let mut seen = Vec::new();
        while let Some(object) = reader.next() {
            let object = match object {
                Ok(object) => object,
                Err(error) => {
                    self.violation(path, error);
                    break;
                }
            };
            let Tlv { tag, offset, .. } = object;
            if self.objects_left == 0 {
                let max = LIMITS.objects_max;
                self.violation(path, TlvError::TooMany { tag, offset, max });
                break;
            }
            self.objects_left -= 1;
            let inner = tag
                .is_constructed()
                .then(|| Reader::of(&object, reader.value_offset(&object)));
            if inner.is_none() && tag != SCRIPT_COMMAND && seen.contains(&tag) {
                let error = TlvError::Duplicate { tag, offset };
                self.remarks
                    .push(Finding::new(error.code(), place(path, Some(tag), offset), error));
            }
            seen.push(tag);
            objects.push(self.object(&object, inner, path, level));
        }
        objects
    }

    fn object(&mut self, object: &Tlv<'_>, inner: Option<Reader<'_>>, path: &str, level: usize) -> Value {
        let Tlv { tag, value, offset } = *object;
        let row = meaning(tag);
        let mut shown = Map::new();
        shown.insert("tag".into(), json!(tag));
        if let Some(row) = row {
            shown.insert("name".into(), json!(row.name));
            shown.insert("format".into(), json!(row.format));
            shown.insert("source".into(), json!(row.source));
            self.remark(row, object, path);
        }
        shown.insert("offset".into(), json!(offset));
        shown.insert("length".into(), json!(value.len()));
        match inner {
            None => show(&mut shown, object, row),
            Some(_) if level == LIMITS.levels_max => {
                let max = LIMITS.levels_max;
                self.violation(path, TlvError::TooDeep { tag, offset, max });
            }
            Some(reader) => {
                let objects = self.level(reader, &joined(path, tag), level + 1);
                shown.insert("objects".into(), json!(objects));
            }
        }
        Value::Object(shown)
    }

    fn remark(&mut self, row: &Meaning, object: &Tlv<'_>, path: &str) {
        let place = place(path, Some(object.tag), object.offset);
        for fault in row.faults(object.value) {
            self.remarks.push(Finding::new(fault.code(), &place, fault));
        }
        if row.format == Format::List
            && let Err(error) = Dol::parse(object.value)
        {
            self.remarks.push(Finding::new(error.code(), place, error));
        }
    }

    fn violation(&mut self, path: &str, error: TlvError) {
        let tag = match error {
            TlvError::LengthTruncated { tag, .. }
            | TlvError::LengthIndefinite { tag, .. }
            | TlvError::LengthTooLong { tag, .. }
            | TlvError::ValueTruncated { tag, .. }
            | TlvError::TooDeep { tag, .. }
            | TlvError::TooMany { tag, .. }
            | TlvError::Duplicate { tag, .. } => Some(tag),
            TlvError::TagTruncated { .. } | TlvError::TagTooLong { .. } | TlvError::TooLarge { .. } => None,
        };
        let place = place(path, tag, error.offset());
        self.violations.push(Finding::new(error.code(), place, error));
    }
}

fn joined(path: &str, tag: Tag) -> String {
    if path.is_empty() {
        tag.to_string()
    } else {
        format!("{path}/{tag}")
    }
}

fn place(path: &str, tag: Option<Tag>, offset: usize) -> String {
    let path = tag.map_or_else(|| path.to_owned(), |tag| joined(path, tag));
    format!("{path}@{offset}")
}
