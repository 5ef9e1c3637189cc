//! Schemas in a folder, each in a file with the name of its message: `pacs.008.001.08.xsd`.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Schema, Unsupported, load};
use crate::iso20022::{
    message::MessageId,
    xml::{self, Malformed, limits::DOCUMENT_BYTES_MAX},
};

/// Reads each schema when it is first asked for.
#[derive(Debug)]
pub struct Schemas {
    folder: PathBuf,
    found: HashMap<MessageId, Option<Schema>>,
}

#[derive(Debug, thiserror::Error)]
pub enum SchemaFileError {
    #[error("cannot read the schema {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the schema {} is not well-formed", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: Malformed,
    },
    #[error("the schema {} cannot be used", path.display())]
    Unsupported {
        path: PathBuf,
        #[source]
        source: Unsupported,
    },
    #[error("the schema {} is of the namespace {found:?}, not of the message that it is named after", path.display())]
    Namespace { path: PathBuf, found: String },
    #[error("{} is no folder of schemas", path.display())]
    Folder { path: PathBuf },
}

impl Schemas {
    /// # Errors
    /// There is no such folder.
    pub fn open(folder: &Path) -> Result<Self, SchemaFileError> {
        if !folder.is_dir() {
            return Err(SchemaFileError::Folder {
                path: folder.to_owned(),
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            found: HashMap::new(),
        })
    }

    /// `None` where the folder has no schema of the message.
    ///
    /// # Errors
    /// There is one, but it cannot be read or used.
    pub fn find(&mut self, id: &MessageId) -> Result<Option<&Schema>, SchemaFileError> {
        if !self.found.contains_key(id) {
            let schema = self.read(id)?;
            self.found.insert(id.clone(), schema);
        }
        Ok(self.found[id].as_ref())
    }

    fn read(&self, id: &MessageId) -> Result<Option<Schema>, SchemaFileError> {
        let path = self.folder.join(format!("{id}.xsd"));
        let mut bytes = Vec::new();
        let limit = DOCUMENT_BYTES_MAX as u64 + 1;
        let read = File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SchemaFileError::Read { path, source }),
        }
        let document = match xml::read(&bytes) {
            Ok(document) => document,
            Err(source) => return Err(SchemaFileError::Malformed { path, source }),
        };
        let schema = match load(&document) {
            Ok(schema) => schema,
            Err(source) => return Err(SchemaFileError::Unsupported { path, source }),
        };
        if schema.namespace() != id.namespace() {
            let found = schema.namespace().to_owned();
            return Err(SchemaFileError::Namespace { path, found });
        }
        Ok(Some(schema))
    }
}
