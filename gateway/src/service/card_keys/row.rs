//! What is told of keys.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

use crate::acquiring::hsm::{Algorithm, KeyInfo, KeyName, Purpose};

/// Of the configuration, in which a security module is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    Issuing,
    Acquiring,
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Issuing => "issuing",
            Self::Acquiring => "acquiring",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Made,
    There,
    Absent,
    Deleted,
}

/// What may be known of a key.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    pub name: KeyName,
    pub state: State,
    pub purpose: Purpose,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_value: Option<String>,
    /// Where the configuration names it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named_by: Vec<String>,
    /// Files of a new wrapping key's components, with their own check values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<PathBuf, String>,
}

impl KeyRow {
    pub(super) fn of(name: &KeyName, state: State, info: KeyInfo) -> Self {
        Self {
            algorithm: Some(info.spec.algorithm),
            check_value: Some(hex::encode_upper(info.check_value)),
            ..Self::absent(name, info.spec.purpose)
        }
        .with(state)
    }

    pub(super) fn absent(name: &KeyName, purpose: Purpose) -> Self {
        Self {
            name: name.clone(),
            state: State::Absent,
            purpose,
            algorithm: None,
            check_value: None,
            named_by: Vec::new(),
            components: BTreeMap::new(),
        }
    }

    pub(super) fn with(self, state: State) -> Self {
        Self { state, ..self }
    }
}
