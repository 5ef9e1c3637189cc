//! Everything that can be said of a document: whether it is well-formed, fits its schema, and keeps
//! to the rules.

use serde::Serialize;

use super::{
    message::{Message, MessageId, Part},
    rules::{self, RuleYear},
    schema::{
        folder::{SchemaFileError, Schemas},
        validate,
    },
    xml,
};
use crate::reason::{Check, Reason, Reasons};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaVerdict {
    Valid,
    Invalid,
    /// No schema of it is at hand; a notice says which.
    Unsupported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RulesVerdict {
    Valid,
    Invalid,
    /// There are no rules for this message.
    None,
}

/// What to know beside the reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub code: &'static str,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub struct Inspection {
    /// No check found anything. A check that could not be made finds nothing.
    pub valid: bool,
    /// Such as `pacs.008.001.08`.
    pub message: Option<String>,
    /// The same of the header, such as `head.001.001.02`.
    pub header: Option<String>,
    pub well_formed: bool,
    pub schema: SchemaVerdict,
    /// `None` without a header.
    pub header_schema: Option<SchemaVerdict>,
    pub rules: RulesVerdict,
    pub restrictions: RulesVerdict,
    /// The year of the rules.
    pub rule_set: String,
    pub reasons: Vec<Reason>,
    /// How many reasons there are besides.
    pub reasons_left_out: usize,
    pub notices: Vec<Notice>,
}

impl Inspection {
    fn new(year: RuleYear) -> Self {
        Self {
            valid: false,
            message: None,
            header: None,
            well_formed: false,
            schema: SchemaVerdict::Unsupported,
            header_schema: None,
            rules: RulesVerdict::None,
            restrictions: RulesVerdict::None,
            rule_set: year.to_string(),
            reasons: Vec::new(),
            reasons_left_out: 0,
            notices: Vec::new(),
        }
    }

    fn take(&mut self, reasons: Reasons) {
        self.reasons_left_out += reasons.left_out();
        self.reasons.extend(reasons.into_told());
    }

    fn notice(&mut self, code: &'static str, text: String) {
        self.notices.push(Notice { code, text });
    }
}

/// # Errors
/// A schema cannot be read. Nothing in `bytes` is an error: it is a reason.
pub fn inspect(bytes: &[u8], year: RuleYear, schemas: Option<&mut Schemas>) -> Result<Inspection, SchemaFileError> {
    let mut found = Inspection::new(year);
    let document = match xml::read(bytes) {
        Ok(document) => document,
        Err(malformed) => {
            let mut reasons = Reasons::new(Check::WellFormed);
            reasons.add(&malformed.fault, || {
                Some(xml::Place {
                    position: malformed.position,
                    path: None,
                })
            });
            found.take(reasons);
            return Ok(found);
        }
    };
    found.well_formed = true;
    let (message, faults) = Message::find(&document);
    let mut envelope = Reasons::new(Check::Envelope);
    for (fault, node) in faults {
        envelope.add(&fault, || Some(node.place()));
    }
    found.take(envelope);
    match message {
        Some(message) => look(&message, year, found, schemas),
        None => Ok(found),
    }
}

/// What can be said of a message that was found in a document.
///
/// # Errors
/// A schema cannot be read.
pub fn inspect_found(
    message: &Message<'_>,
    year: RuleYear,
    schemas: Option<&mut Schemas>,
) -> Result<Inspection, SchemaFileError> {
    let mut found = Inspection::new(year);
    found.well_formed = true;
    look(message, year, found, schemas)
}

fn look(
    message: &Message<'_>,
    year: RuleYear,
    mut found: Inspection,
    mut schemas: Option<&mut Schemas>,
) -> Result<Inspection, SchemaFileError> {
    let name = |part: &Part<'_>| part.id.as_ref().map(MessageId::to_string);
    found.message = name(&message.document);
    found.schema = against_schema(&message.document, Check::Schema, schemas.as_deref_mut(), &mut found)?;
    match &message.header {
        Some(header) => {
            found.header = name(header);
            let verdict = against_schema(header, Check::HeaderSchema, schemas, &mut found)?;
            found.header_schema = Some(verdict);
        }
        None => found.notice(
            "header_absent",
            "there is no AppHdr, so that nothing was compared with it".to_owned(),
        ),
    }
    let mut rules = Reasons::new(Check::Rules);
    let mut restrictions = Reasons::new(Check::Restrictions);
    if rules::check(message, year, &mut rules, &mut restrictions).is_some() {
        let verdict = |reasons: &Reasons| {
            if reasons.is_empty() {
                RulesVerdict::Valid
            } else {
                RulesVerdict::Invalid
            }
        };
        found.rules = verdict(&rules);
        found.restrictions = verdict(&restrictions);
    }
    found.take(rules);
    found.take(restrictions);
    found.valid = found.reasons.is_empty();
    Ok(found)
}

fn against_schema(
    part: &Part<'_>,
    check: Check,
    schemas: Option<&mut Schemas>,
    found: &mut Inspection,
) -> Result<SchemaVerdict, SchemaFileError> {
    let Some(id) = &part.id else {
        return Ok(SchemaVerdict::Unsupported);
    };
    let Some(schemas) = schemas else {
        let text = format!("{id} was not held against its schema: no folder of schemas was given");
        found.notice("schemas_not_given", text);
        return Ok(SchemaVerdict::Unsupported);
    };
    let Some(schema) = schemas.find(id)? else {
        let text = format!("{id} was not held against its schema: there is no {id}.xsd in the folder of schemas");
        found.notice("schema_absent", text);
        return Ok(SchemaVerdict::Unsupported);
    };
    let mut reasons = Reasons::new(check);
    validate(schema, part.node, &mut reasons);
    let verdict = if reasons.is_empty() {
        SchemaVerdict::Valid
    } else {
        SchemaVerdict::Invalid
    };
    found.take(reasons);
    Ok(verdict)
}
