use sfv::{BareItem, Dictionary, InnerList, ListEntry, ListSerializer, Parser, Version};

use super::{
    component::{Component, NameFault},
    limits::{COMPONENTS_MAX, PARAMETER_BYTES_MAX, PARAMETERS_MAX, SIGNATURE_FIELD_BYTES_MAX, SIGNATURES_MAX},
    request::Request,
};

/// One signature that a request offers. Nothing of it is verified yet.
#[derive(Debug, Clone)]
pub struct Offered {
    label: String,
    pub(super) components: Vec<Component>,
    pub(super) parameters: Parameters,
    /// The list of components with all parameters, known or not, as the last line of the base has it.
    pub(super) signature_params: String,
    pub(super) signature: Vec<u8>,
}

/// Signature parameters (RFC 9421, section 2.3).
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters {
    pub created: Option<i64>,
    pub expires: Option<i64>,
    pub key_id: Option<String>,
    pub nonce: Option<String>,
    pub algorithm: Option<String>,
}

/// Why the fields `Signature-Input` and `Signature` cannot be used. One bad signature makes all of them unusable.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    #[error("the request has no Signature-Input")]
    NotSigned,
    #[error("{field} is longer than {SIGNATURE_FIELD_BYTES_MAX} bytes")]
    TooLong { field: &'static str },
    #[error("{field} is not a dictionary (RFC 8941): {fault}")]
    Syntax {
        field: &'static str,
        #[source]
        fault: sfv::Error,
    },
    #[error("the request has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    #[error("Signature has no {label}, which Signature-Input has")]
    SignatureAbsent { label: String },
    #[error("Signature-Input has no {label}, which Signature has")]
    InputAbsent { label: String },
    #[error("{label} in Signature-Input is not a list in parentheses")]
    NotAList { label: String },
    #[error("{label} in Signature is not a byte sequence")]
    NotBytes { label: String },
    #[error("{label} covers more than {COMPONENTS_MAX} components")]
    TooManyComponents { label: String },
    #[error("{label} covers a component whose name is not a string")]
    NameForm { label: String },
    #[error("{label} covers {name:?}, which names no header field in lower case")]
    FieldName { label: String, name: String },
    #[error("{label} covers {name}, which is not known here")]
    DerivedUnknown { label: String, name: String },
    #[error("{label} covers {name} with parameters, and none are known here")]
    ComponentParameters { label: String, name: String },
    #[error("{label} covers {name} twice")]
    ComponentTwice { label: String, name: String },
    #[error("{label} has more than {PARAMETERS_MAX} parameters")]
    TooManyParameters { label: String },
    #[error("{label} has a parameter {name} of another type than it should have")]
    ParameterType { label: String, name: &'static str },
    #[error("{label} has a parameter {name} longer than {PARAMETER_BYTES_MAX} bytes")]
    ParameterTooLong { label: String, name: &'static str },
}

impl Offered {
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Which key to look up.
    pub fn key_id(&self) -> Option<&str> {
        self.parameters.key_id.as_deref()
    }

    pub fn components(&self) -> &[Component] {
        &self.components
    }
}

/// The signatures of a request, in the order of `Signature-Input`; one at least.
pub fn read(request: &Request<'_>) -> Result<Vec<Offered>, InputFault> {
    let inputs = dictionary(request, "Signature-Input")?.ok_or(InputFault::NotSigned)?;
    let mut signatures = dictionary(request, "Signature")?.unwrap_or_default();
    if inputs.is_empty() {
        return Err(InputFault::NotSigned);
    }
    if inputs.len().max(signatures.len()) > SIGNATURES_MAX {
        return Err(InputFault::TooManySignatures);
    }
    let mut offered = Vec::with_capacity(inputs.len());
    for (label, input) in inputs {
        let signature = signatures.shift_remove(&label);
        offered.push(offer(label.as_str().to_owned(), input, signature)?);
    }
    match signatures.into_keys().next() {
        Some(label) => Err(InputFault::InputAbsent {
            label: label.as_str().to_owned(),
        }),
        None => Ok(offered),
    }
}

fn dictionary(request: &Request<'_>, field: &'static str) -> Result<Option<Dictionary>, InputFault> {
    let value = request.field(field, SIGNATURE_FIELD_BYTES_MAX);
    let Some(value) = value.map_err(|_| InputFault::TooLong { field })? else {
        return Ok(None);
    };
    let parser = Parser::new(&value).with_version(Version::Rfc8941);
    parser
        .parse()
        .map(Some)
        .map_err(|fault| InputFault::Syntax { field, fault })
}

fn offer(label: String, input: ListEntry, signature: Option<ListEntry>) -> Result<Offered, InputFault> {
    let ListEntry::InnerList(list) = input else {
        return Err(InputFault::NotAList { label });
    };
    let signature = match signature {
        None => return Err(InputFault::SignatureAbsent { label }),
        Some(ListEntry::Item(sfv::Item {
            bare_item: BareItem::ByteSequence(bytes),
            ..
        })) => bytes,
        Some(_) => return Err(InputFault::NotBytes { label }),
    };
    let components = components(&label, &list)?;
    let parameters = parameters(&label, &list)?;
    let mut serializer = ListSerializer::new();
    serializer.members([&ListEntry::InnerList(list)]);
    let signature_params = serializer.finish().expect("a list with a member has a text");
    Ok(Offered {
        label,
        components,
        parameters,
        signature_params,
        signature,
    })
}

fn components(label: &str, list: &InnerList) -> Result<Vec<Component>, InputFault> {
    let label = || label.to_owned();
    if list.items.len() > COMPONENTS_MAX {
        return Err(InputFault::TooManyComponents { label: label() });
    }
    let mut components = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let BareItem::String(name) = &item.bare_item else {
            return Err(InputFault::NameForm { label: label() });
        };
        let (label, name) = (label(), name.as_str().to_owned());
        let component = match Component::parse(&name) {
            Ok(component) => component,
            Err(NameFault::Derived) => return Err(InputFault::DerivedUnknown { label, name }),
            Err(NameFault::Field) => return Err(InputFault::FieldName { label, name }),
        };
        if !item.params.is_empty() {
            return Err(InputFault::ComponentParameters { label, name });
        }
        if components.contains(&component) {
            return Err(InputFault::ComponentTwice { label, name });
        }
        components.push(component);
    }
    Ok(components)
}

fn parameters(label: &str, list: &InnerList) -> Result<Parameters, InputFault> {
    if list.params.len() > PARAMETERS_MAX {
        return Err(InputFault::TooManyParameters {
            label: label.to_owned(),
        });
    }
    let wrong_type = |name| InputFault::ParameterType {
        label: label.to_owned(),
        name,
    };
    let time = |name| match list.params.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => Ok(Some(i64::from(*seconds))),
        Some(_) => Err(wrong_type(name)),
    };
    let text = |name| match list.params.get(name) {
        None => Ok(None),
        Some(BareItem::String(text)) if text.as_str().len() > PARAMETER_BYTES_MAX => {
            Err(InputFault::ParameterTooLong {
                label: label.to_owned(),
                name,
            })
        }
        Some(BareItem::String(text)) => Ok(Some(text.as_str().to_owned())),
        Some(_) => Err(wrong_type(name)),
    };
    text("tag")?;
    Ok(Parameters {
        created: time("created")?,
        expires: time("expires")?,
        key_id: text("keyid")?,
        nonce: text("nonce")?,
        algorithm: text("alg")?,
    })
}
