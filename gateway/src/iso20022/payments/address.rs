//! Postal addresses.

use std::io::{self, Write};

use super::{
    read::{find, list},
    refusal::{ReasonCode, Refusal},
    text::Text,
    write::Xml,
};
use crate::{identifiers::country::Country, iso20022::xml::Node};

const LINES_MAX: usize = 7;

/// PostalAddress24. *Structured* in elements, *unstructured* in lines, or *hybrid* in both, by what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    pub department: Option<Text<70>>,
    pub sub_department: Option<Text<70>>,
    pub street: Option<Text<70>>,
    pub building_number: Option<Text<16>>,
    pub building: Option<Text<35>>,
    pub floor: Option<Text<70>>,
    pub post_box: Option<Text<16>>,
    pub room: Option<Text<70>>,
    pub post_code: Option<Text<16>>,
    pub town: Option<Text<35>>,
    pub town_location: Option<Text<35>>,
    pub district: Option<Text<35>>,
    pub subdivision: Option<Text<35>>,
    pub country: Option<Country>,
    /// At most seven; with other elements at most two in CBPR+.
    pub lines: Vec<Text<70>>,
}

impl Address {
    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            department: find(node, "Dept", ReasonCode::FORMAT)?,
            sub_department: find(node, "SubDept", ReasonCode::FORMAT)?,
            street: find(node, "StrtNm", ReasonCode::FORMAT)?,
            building_number: find(node, "BldgNb", ReasonCode::FORMAT)?,
            building: find(node, "BldgNm", ReasonCode::FORMAT)?,
            floor: find(node, "Flr", ReasonCode::FORMAT)?,
            post_box: find(node, "PstBx", ReasonCode::FORMAT)?,
            room: find(node, "Room", ReasonCode::FORMAT)?,
            post_code: find(node, "PstCd", ReasonCode::FORMAT)?,
            town: find(node, "TwnNm", ReasonCode::FORMAT)?,
            town_location: find(node, "TwnLctnNm", ReasonCode::FORMAT)?,
            district: find(node, "DstrctNm", ReasonCode::FORMAT)?,
            subdivision: find(node, "CtrySubDvsn", ReasonCode::FORMAT)?,
            country: find(node, "Ctry", ReasonCode::COUNTRY)?,
            lines: list(node, "AdrLine", LINES_MAX, ReasonCode::FORMAT)?,
        })
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        // An element without content is not valid.
        if *self == Self::default() {
            return Ok(());
        }
        xml.parent("PstlAdr", |xml| {
            xml.maybe("Dept", self.department.as_ref())?;
            xml.maybe("SubDept", self.sub_department.as_ref())?;
            xml.maybe("StrtNm", self.street.as_ref())?;
            xml.maybe("BldgNb", self.building_number.as_ref())?;
            xml.maybe("BldgNm", self.building.as_ref())?;
            xml.maybe("Flr", self.floor.as_ref())?;
            xml.maybe("PstBx", self.post_box.as_ref())?;
            xml.maybe("Room", self.room.as_ref())?;
            xml.maybe("PstCd", self.post_code.as_ref())?;
            xml.maybe("TwnNm", self.town.as_ref())?;
            xml.maybe("TwnLctnNm", self.town_location.as_ref())?;
            xml.maybe("DstrctNm", self.district.as_ref())?;
            xml.maybe("CtrySubDvsn", self.subdivision.as_ref())?;
            xml.maybe("Ctry", self.country)?;
            xml.each("AdrLine", &self.lines)
        })
    }
}
