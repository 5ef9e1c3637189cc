use sfv::{InnerList, Item, KeyRef, ListEntry, ListSerializer};

use super::{
    base::{BaseFault, signature_base},
    component::Component,
    key::SecretKey,
    limits::{COMPONENTS_MAX, PARAMETER_BYTES_MAX},
    request::Request,
};

/// What a signature says besides the components it covers (RFC 9421, section 2.3). It names no algorithm: that is
/// in the key's record.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Begins with a small letter or `*`, and has only those, digits, `_`, `-` and `.` (RFC 8941, section 3.1.2).
    pub label: &'a str,
    pub key_id: &'a str,
    /// Seconds since 1970 in UTC.
    pub created: u64,
    pub expires: Option<u64>,
    /// What verifies requests of this project asks for one, never used before with this key.
    pub nonce: Option<&'a str>,
}

/// Why a request cannot be signed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftFault {
    #[error("{label:?} is no label of a signature")]
    Label { label: String },
    #[error("{name} has other characters than ASCII's printable ones, or more than {PARAMETER_BYTES_MAX} bytes")]
    Text { name: &'static str },
    #[error("{name} is a time beyond 999,999,999,999,999 seconds")]
    Time { name: &'static str },
    #[error("the signature covers {component} twice")]
    ComponentTwice { component: Component },
    #[error("the signature covers more than {COMPONENTS_MAX} components")]
    TooManyComponents,
    #[error(transparent)]
    Base(#[from] BaseFault),
}

/// A signature to be made, perhaps by a key that is elsewhere.
#[derive(Debug, Clone)]
pub struct Draft {
    label: String,
    signature_params: String,
    base: String,
}

/// Values of the two fields of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFields {
    /// `Signature-Input`
    pub signature_input: String,
    /// `Signature`
    pub signature: String,
}

impl Draft {
    /// RFC 9421, section 3.1, without its last steps. What covers [`required`](super::required) is verified here.
    pub fn new(request: &Request<'_>, components: &[Component], terms: &Terms<'_>) -> Result<Self, DraftFault> {
        if KeyRef::from_str(terms.label).is_err() {
            return Err(DraftFault::Label {
                label: terms.label.to_owned(),
            });
        }
        if components.len() > COMPONENTS_MAX {
            return Err(DraftFault::TooManyComponents);
        }
        for (at, component) in components.iter().enumerate() {
            if components[..at].contains(component) {
                return Err(DraftFault::ComponentTwice {
                    component: component.clone(),
                });
            }
        }
        let signature_params = signature_params(components, terms)?;
        Ok(Self {
            label: terms.label.to_owned(),
            base: signature_base(request, components, &signature_params)?,
            signature_params,
        })
    }

    /// The bytes to sign: with ed25519 as they are, with hmac-sha256 as the message.
    pub fn base(&self) -> &[u8] {
        self.base.as_bytes()
    }

    pub fn sign(&self, key: &SecretKey) -> SignatureFields {
        self.signed(&key.sign(self.base()))
    }

    /// With a signature of [`Draft::base`].
    pub fn signed(&self, signature: &[u8]) -> SignatureFields {
        let bytes = serialized(ListEntry::Item(Item::new(signature)));
        SignatureFields {
            signature_input: format!("{}={}", self.label, self.signature_params),
            signature: format!("{}={bytes}", self.label),
        }
    }
}

fn signature_params(components: &[Component], terms: &Terms<'_>) -> Result<String, DraftFault> {
    let text = |name, text: &str| match sfv::String::from_string(text.to_owned()) {
        Ok(value) if text.len() <= PARAMETER_BYTES_MAX => Ok(value),
        _ => Err(DraftFault::Text { name }),
    };
    let time = |name, seconds| sfv::Integer::try_from(seconds).map_err(|_| DraftFault::Time { name });
    let names = components.iter().map(|component| {
        let name = sfv::StringRef::from_str(component.as_str()).expect("names of components are ASCII");
        Item::new(name.to_owned())
    });
    let mut list = InnerList::new(names.collect());
    let mut add = |name: &str, value: sfv::BareItem| {
        let name = KeyRef::from_str(name).expect("names of parameters are keys");
        list.params.insert(name.to_owned(), value);
    };
    add("created", time("created", terms.created)?.into());
    if let Some(expires) = terms.expires {
        add("expires", time("expires", expires)?.into());
    }
    add("keyid", text("keyid", terms.key_id)?.into());
    if let Some(nonce) = terms.nonce {
        add("nonce", text("nonce", nonce)?.into());
    }
    Ok(serialized(ListEntry::InnerList(list)))
}

fn serialized(member: ListEntry) -> String {
    let mut serializer = ListSerializer::new();
    serializer.members([&member]);
    serializer.finish().expect("a list with a member has a text")
}
