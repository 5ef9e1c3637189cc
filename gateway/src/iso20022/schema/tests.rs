use super::{load, validate};
use crate::{
    iso20022::xml,
    reason::{Check, Reasons},
};

const HEAD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
    <xs:element name="Document" type="Document"/>"#;

const BODY: &str = r#"
    <xs:complexType name="Document"><xs:sequence>
        <xs:element name="Id" type="Max5Text"/>
        <xs:element name="When" type="xs:date" minOccurs="0"/>
        <xs:element name="Line" type="Max5Text" minOccurs="0" maxOccurs="2"/>
        <xs:choice>
            <xs:element name="Cd" type="Code"/>
            <xs:element name="Party" type="Party"/>
        </xs:choice>
        <xs:element name="Amt" type="Amount" minOccurs="0"/>
        <xs:element name="Ext" type="Anything" minOccurs="0"/>
    </xs:sequence></xs:complexType>
    <xs:complexType name="Party"><xs:sequence>
        <xs:element name="Nm" type="Max5Text"/>
        <xs:element name="Ok" type="xs:boolean"/>
    </xs:sequence></xs:complexType>
    <xs:complexType name="Amount"><xs:simpleContent><xs:extension base="Number">
        <xs:attribute name="Ccy" type="Code" use="required"/>
    </xs:extension></xs:simpleContent></xs:complexType>
    <xs:complexType name="Anything"><xs:sequence>
        <xs:any namespace='##any' processContents="lax"/>
    </xs:sequence></xs:complexType>
    <xs:simpleType name="Max5Text"><xs:restriction base="xs:string">
        <xs:minLength value="1"/><xs:maxLength value="5"/>
    </xs:restriction></xs:simpleType>
    <xs:simpleType name="Code"><xs:restriction base="xs:string">
        <xs:enumeration value="ONE"/><xs:enumeration value="TWO"/>
    </xs:restriction></xs:simpleType>
    <xs:simpleType name="Number"><xs:restriction base="xs:decimal">
        <xs:totalDigits value="4"/><xs:fractionDigits value="2"/><xs:minInclusive value="0"/>
    </xs:restriction></xs:simpleType>
</xs:schema>"#;

/// Codes and paths of all reasons, in the order of the document.
fn check(inside: &str, expected: &[(&str, &str)]) {
    let document = xml::read(format!("{HEAD}{BODY}").as_bytes()).expect("well-formed");
    let schema = load(&document).expect("supported");
    let message = format!("<Document xmlns='urn:t'>{inside}</Document>");
    let message = xml::read(message.as_bytes()).expect("well-formed");
    let mut reasons = Reasons::new(Check::Schema);
    validate(&schema, message.root(), &mut reasons);
    let told = reasons.into_told();
    let found: Vec<_> = told
        .iter()
        .map(|reason| {
            let path = reason.place.as_ref().and_then(|place| place.path.as_deref());
            (reason.code, path.unwrap_or_default())
        })
        .collect();
    assert_eq!(found, expected, "{inside}");
}

#[test]
fn what_fits_is_valid() {
    check("<Id>1</Id><Cd>ONE</Cd>", &[]);
    check(
        "<Id>1</Id><When> 2026-01-01 </When><Line>a</Line><Line>b</Line><Cd>TWO</Cd>",
        &[],
    );
    check(
        "<Id>1</Id>\n<Party><Nm>x</Nm><Ok>1</Ok></Party><Amt Ccy='ONE'>12.50</Amt>",
        &[],
    );
    check("<Id>1</Id><Cd>ONE</Cd><Ext><x xmlns='urn:other' y='1'>z</x></Ext>", &[]);
}

#[test]
fn elements_have_an_order_and_a_count() {
    check(
        "",
        &[
            ("schema_missing_element", "/Document"),
            ("schema_missing_element", "/Document"),
        ],
    );
    check("<Cd>ONE</Cd>", &[("schema_missing_element", "/Document")]);
    check(
        "<Id>1</Id><Id>2</Id><Cd>ONE</Cd>",
        &[("schema_unexpected_element", "/Document/Id[2]")],
    );
    check(
        "<Id>1</Id><Line>a</Line><When>2026-01-01</When><Cd>ONE</Cd>",
        &[("schema_unexpected_element", "/Document/When")],
    );
    check(
        "<Id>1</Id><Line>a</Line><Line>b</Line><Line>c</Line><Cd>ONE</Cd>",
        &[("schema_unexpected_element", "/Document/Line[3]")],
    );
    check(
        "<Id>1</Id><Cd>ONE</Cd><Party><Nm>x</Nm><Ok>2</Ok></Party>",
        &[
            ("schema_unexpected_element", "/Document/Party"),
            ("schema_value_type", "/Document/Party/Ok"),
        ],
    );
    check(
        "<Id>1</Id><Wrong/><Cd>ONE</Cd>",
        &[("schema_unexpected_element", "/Document/Wrong")],
    );
    check(
        "<Id xmlns='urn:u'>1</Id><Id>1</Id><Cd>ONE</Cd>",
        &[("schema_namespace", "/Document/Id[1]")],
    );
    check(
        "<Id>1</Id><Cd>ONE</Cd><Ext/>",
        &[("schema_missing_element", "/Document/Ext")],
    );
    check("<Id>1</Id><Cd>ONE</Cd>text", &[("schema_text", "/Document")]);
    check(
        "<Id>1<b/></Id><Cd>ONE</Cd>",
        &[("schema_element_in_value", "/Document/Id/b")],
    );
}

#[test]
fn values_have_facets() {
    let value = |id: &str, code: &'static str| check(&format!("<Id>{id}</Id><Cd>ONE</Cd>"), &[(code, "/Document/Id")]);
    value("", "schema_value_length");
    value("123456", "schema_value_length");
    check("<Id>ääääé</Id><Cd> ONE</Cd>", &[("schema_value_code", "/Document/Cd")]);
    let amount = |amount: &str, code: &'static str| {
        check(
            &format!("<Id>1</Id><Cd>ONE</Cd><Amt Ccy='ONE'>{amount}</Amt>"),
            &[(code, "/Document/Amt")],
        );
    };
    amount("1e3", "schema_value_type");
    amount("", "schema_value_type");
    amount("-1", "schema_value_range");
    amount("12345", "schema_value_digits");
    amount("1.234", "schema_value_digits");
}

#[test]
fn attributes_are_declared() {
    let amount = |attributes: &str, expected: &[(&str, &str)]| {
        check(&format!("<Id>1</Id><Cd>ONE</Cd><Amt{attributes}>1</Amt>"), expected);
    };
    amount("", &[("schema_missing_attribute", "/Document/Amt")]);
    amount(" Ccy='EUR'", &[("schema_value_code", "/Document/Amt")]);
    amount(" Ccy='ONE' x='1'", &[("schema_unexpected_attribute", "/Document/Amt")]);
    check(
        "<Id a='1'>1</Id><Cd>ONE</Cd>",
        &[("schema_unexpected_attribute", "/Document/Id")],
    );
    let hint = "xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:schemaLocation='a b'";
    check(&format!("<Id>1</Id><Party {hint}><Nm>x</Nm><Ok>1</Ok></Party>"), &[]);
}

#[test]
fn what_is_not_understood_is_refused() {
    let check = |types: &str| {
        let text = format!("{HEAD}{types}</xs:schema>");
        let document = xml::read(text.as_bytes()).expect("well-formed");
        assert!(load(&document).is_err(), "{types}");
    };
    check("");
    let simple = |inside: &str| check(&format!("<xs:simpleType name='Document'>{inside}</xs:simpleType>"));
    simple("<xs:list itemType='xs:string'/>");
    simple("<xs:restriction base='xs:float'/>");
    simple("<xs:restriction base='xs:string'><xs:whiteSpace value='collapse'/></xs:restriction>");
    simple("<xs:restriction base='xs:string'><xs:pattern value='\\p{Lu}'/></xs:restriction>");
    simple("<xs:restriction base='xs:string'><xs:minLength value='-1'/></xs:restriction>");
    let complex = |inside: &str| check(&format!("<xs:complexType name='Document'>{inside}</xs:complexType>"));
    complex("<xs:all/>");
    complex("<xs:sequence><xs:element name='a' type='xs:string' minOccurs='2'/></xs:sequence>");
    complex("<xs:sequence><xs:element ref='Document'/></xs:sequence>");
    complex("<xs:sequence><xs:any processContents='strict'/></xs:sequence>");
    complex("<xs:simpleContent><xs:extension base='Document'/></xs:simpleContent>");
    check("<xs:include schemaLocation='other.xsd'/>");
}
