//! Why something is not valid, in a form for people and programs.

use std::fmt;

use serde::Serialize;

use crate::iso20022::xml::Place;

/// A fault with a name that programs may rely on: snake case, never changed once released.
pub trait Coded: fmt::Display {
    fn code(&self) -> &'static str;
}

/// Which question the reason answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    WellFormed,
    Envelope,
    Schema,
    HeaderSchema,
    Rules,
    Restrictions,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    pub check: Check,
    pub code: &'static str,
    /// A sentence: what is wrong, and what would be right.
    pub text: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A document of ten megabytes can be wrong in a million places; so many are told of each check.
pub const REASONS_MAX: usize = 100;

/// The reasons of one check, the first [`REASONS_MAX`] in full and the others counted.
#[derive(Debug)]
pub struct Reasons {
    check: Check,
    told: Vec<Reason>,
    left_out: usize,
}

impl Reasons {
    pub fn new(check: Check) -> Self {
        Self {
            check,
            told: Vec::new(),
            left_out: 0,
        }
    }

    /// `place` is asked only for what is told.
    pub fn add(&mut self, fault: &dyn Coded, place: impl FnOnce() -> Option<Place>) {
        if self.told.len() == REASONS_MAX {
            self.left_out += 1;
            return;
        }
        self.told.push(Reason {
            check: self.check,
            code: fault.code(),
            text: fault.to_string(),
            place: place(),
        });
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Puts them in the order of the document.
    pub fn sort(&mut self) {
        self.told
            .sort_by_key(|reason| reason.place.as_ref().map(|place| place.position));
    }

    /// In the order in which they were added.
    pub fn into_told(self) -> Vec<Reason> {
        self.told
    }
}
