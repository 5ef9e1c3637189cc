//! Keys as objects of a token: what they are called, and what may be done with them.

use cryptoki::{
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use zeroize::Zeroizing;

use super::{TokenError, refused};
use crate::acquiring::hsm::{Algorithm, HsmError, KeyName, KeySpec, Purpose};

const ID: &[u8] = b"causeway\x01";
const LEFT: u8 = 1;

fn with_label(name: &KeyName) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(name.as_str().into()),
    ]
}

pub(super) fn id(purpose: Purpose) -> Vec<u8> {
    [ID, &[purpose.byte()]].concat()
}

pub(super) fn id_of_left_half(purpose: Purpose) -> Vec<u8> {
    [ID, &[purpose.byte(), LEFT]].concat()
}

pub(super) fn by_id(session: &Session, name: &KeyName, id: Vec<u8>) -> Result<Vec<ObjectHandle>, HsmError> {
    let mut template = with_label(name);
    template.push(Attribute::Id(id));
    session.find_objects(&template).map_err(refused("find a key"))
}

/// The object of a key, and what it is.
pub(super) fn find(session: &Session, name: &KeyName) -> Result<Option<(ObjectHandle, KeySpec)>, HsmError> {
    let mut found = vec![];
    for object in session.find_objects(&with_label(name)).map_err(refused("find a key"))? {
        let asked = [AttributeType::Id, AttributeType::KeyType];
        let attributes = session
            .get_attributes(object, &asked)
            .map_err(refused("describe a key"))?;
        let [Attribute::Id(id), Attribute::KeyType(kind)] = &attributes[..] else {
            return Err(TokenError::Foreign(name.clone()).into());
        };
        match id.strip_prefix(ID) {
            Some([_, LEFT]) => {}
            Some([purpose]) => found.push((object, spec(session, name, object, (*purpose, *kind))?)),
            _ => return Err(TokenError::Foreign(name.clone()).into()),
        }
    }
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(TokenError::Twice(name.clone()).into()),
    }
}

/// Labels of all keys that have an id of ours, but for left halves.
pub(super) fn names(session: &Session) -> Result<Vec<KeyName>, HsmError> {
    let keys = [Attribute::Token(true), Attribute::Class(ObjectClass::SECRET_KEY)];
    let mut names = vec![];
    for object in session.find_objects(&keys).map_err(refused("find keys"))? {
        let asked = [AttributeType::Id, AttributeType::Label];
        let attributes = session
            .get_attributes(object, &asked)
            .map_err(refused("describe a key"))?;
        let [Attribute::Id(id), Attribute::Label(label)] = &attributes[..] else {
            continue;
        };
        let is_ours = id.strip_prefix(ID).is_some_and(|rest| rest.len() == 1);
        let label = std::str::from_utf8(label).ok().and_then(|label| label.parse().ok());
        names.extend(label.filter(|_| is_ours));
    }
    Ok(names)
}

fn spec(
    session: &Session,
    name: &KeyName,
    object: ObjectHandle,
    (purpose, kind): (u8, KeyType),
) -> Result<KeySpec, HsmError> {
    let algorithm = match kind {
        KeyType::DES2 => Some(Algorithm::Tdes),
        KeyType::AES => {
            let length = session
                .get_attributes(object, &[AttributeType::ValueLen])
                .map_err(refused("describe a key"))?;
            match length[..] {
                [Attribute::ValueLen(length)] => Algorithm::of_block("A", usize::try_from(*length).unwrap_or(0)),
                _ => None,
            }
        }
        _ => None,
    };
    let purpose = Purpose::of_byte(purpose);
    let (Some(purpose), Some(algorithm)) = (purpose, algorithm) else {
        return Err(TokenError::Foreign(name.clone()).into());
    };
    Ok(KeySpec {
        purpose,
        algorithm,
        exportable: false,
    })
}

pub(super) fn template(name: &KeyName, id: Vec<u8>) -> Vec<Attribute> {
    let mut template = with_label(name);
    template.extend([
        Attribute::Id(id),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ]);
    template
}

fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::Tdes => KeyType::DES2,
        Algorithm::Aes128 | Algorithm::Aes256 => KeyType::AES,
    }
}

fn create(session: &Session, mut template: Vec<Attribute>, kind: KeyType, bytes: &[u8]) -> Result<(), HsmError> {
    template.extend([Attribute::KeyType(kind), Attribute::Value(bytes.to_vec())]);
    let made = session.create_object(&template);
    if let Some(Attribute::Value(bytes)) = template.last_mut() {
        zeroize::Zeroize::zeroize(bytes);
    }
    made.map(drop).map_err(refused("take a key"))
}

pub(super) fn refuse_taken(session: &Session, name: &KeyName) -> Result<(), HsmError> {
    match find(session, name)? {
        Some(_) => Err(HsmError::Exists(name.clone())),
        None => Ok(()),
    }
}

pub(super) fn destroy_left_half(session: &Session, name: &KeyName, purpose: Purpose) -> Result<(), HsmError> {
    for object in by_id(session, name, id_of_left_half(purpose))? {
        session.destroy_object(object).map_err(refused("destroy a key"))?;
    }
    Ok(())
}

pub(super) fn put(session: &Session, key: &KeyName, spec: KeySpec, bytes: &[u8]) -> Result<(), HsmError> {
    let purpose = spec.purpose;
    // The whole key is made last and is what counts; a half without one was left by a crash.
    destroy_left_half(session, key, purpose)?;
    if purpose.has_left_half() {
        let twice = Zeroizing::new([&bytes[..8], &bytes[..8]].concat());
        create(session, template(key, id_of_left_half(purpose)), KeyType::DES2, &twice)?;
    }
    create(session, template(key, id(purpose)), key_type(spec.algorithm), bytes)
}
