//! Paths to properties: `FieldURI`, `IndexedFieldURI` and `ExtendedFieldURI`.

use super::failure::Failure;
use super::xml::Element;
use crate::store::PropertyId;
use crate::store::PropertyKey;
use crate::store::PropertyType;
use crate::store::PropertyValue;
use crate::store::property::APPOINTMENT_SET;
use crate::store::property::INTERNET_HEADERS_SET;
use crate::store::property::MEETING_SET;
use crate::store::property::PUBLIC_STRINGS_SET;

/// The property sets that requests may name instead of giving the GUID (MS docs: ExtendedFieldURI).
const DISTINGUISHED_SETS: [(&str, &str); 10] = [
    ("Meeting", MEETING_SET),
    ("Appointment", APPOINTMENT_SET),
    ("Common", "00062008-0000-0000-c000-000000000046"),
    ("PublicStrings", PUBLIC_STRINGS_SET),
    ("Address", "00062004-0000-0000-c000-000000000046"),
    ("InternetHeaders", INTERNET_HEADERS_SET),
    ("CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0"),
    ("UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"),
    ("Task", "00062003-0000-0000-c000-000000000046"),
    ("Sharing", "00062040-0000-0000-c000-000000000046"),
];

/// What a request names: a property of the schema or an extended one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    /// `FieldURI`, such as `calendar:Start`.
    Field(String),
    /// `IndexedFieldURI`: the URI and the index.
    Indexed(String, String),
    /// `ExtendedFieldURI` with the element as answers repeat it.
    Extended(PropertyId, Element),
}

impl Path {
    /// Reads one of the three elements.
    pub(crate) fn read(element: &Element) -> Result<Path, Failure> {
        let text = |name| element.attribute(name).unwrap_or_default().to_owned();
        match element.name.as_str() {
            "FieldURI" => Ok(Path::Field(text("FieldURI"))),
            "IndexedFieldURI" => Ok(Path::Indexed(text("FieldURI"), text("FieldIndex"))),
            _ => {
                let id = property_id(element).ok_or_else(invalid_extended)?;
                Ok(Path::Extended(id, echoed(element)))
            }
        }
    }

    /// The first path among an element's children.
    pub(crate) fn of(parent: &Element) -> Result<Path, Failure> {
        let names = ["FieldURI", "IndexedFieldURI", "ExtendedFieldURI"];
        match parent.children.iter().find(|child| names.contains(&child.name.as_str())) {
            Some(element) => Path::read(element),
            None => Err(Failure::invalid_request()),
        }
    }

    /// Whether values are base64, in which case matters.
    pub(crate) fn is_binary(&self) -> bool {
        matches!(self, Path::Extended(id, _) if id.kind == PropertyType::Binary)
    }

    /// The path as an element, for `MessageXml`.
    pub(crate) fn element(&self) -> Element {
        match self {
            Path::Field(uri) => Element::t("FieldURI").attr("FieldURI", uri),
            Path::Indexed(uri, index) => {
                Element::t("IndexedFieldURI").attr("FieldURI", uri).attr("FieldIndex", index)
            }
            Path::Extended(_, element) => element.clone(),
        }
    }
}

/// Reads an `ExtendedProperty`: its path and its value or values.
pub(crate) fn extended_property(element: &Element) -> Result<(PropertyId, PropertyValue), Failure> {
    let id =
        element.child("ExtendedFieldURI").and_then(property_id).ok_or_else(invalid_extended)?;
    let value = match (element.child("Values"), element.child("Value")) {
        (Some(values), _) if id.kind.is_array() => {
            PropertyValue::Many(values.children.iter().map(|value| value.text.clone()).collect())
        }
        (None, Some(value)) if !id.kind.is_array() => PropertyValue::One(value.text.clone()),
        (_, _) => {
            return Err(Failure::new(
                "ErrorInvalidExtendedPropertyValue",
                "The extended property value is invalid for the property's type.",
            ));
        }
    };
    Ok((id, value))
}

/// Renders an `ExtendedProperty` as asked for by `path`.
pub(crate) fn extended_element(path: Element, value: &PropertyValue) -> Element {
    let property = Element::t("ExtendedProperty").with(path);
    match value {
        PropertyValue::One(text) => property.with(Element::t_text("Value", text)),
        PropertyValue::Many(texts) => {
            let values = texts.iter().map(|text| Element::t_text("Value", text));
            property.with(Element::t("Values").with_all(values))
        }
    }
}

/// The GUID of a set by its distinguished name.
pub(crate) fn distinguished_set(name: &str) -> Option<&'static str> {
    DISTINGUISHED_SETS.iter().find(|(known, _)| *known == name).map(|(_, set)| *set)
}

/// Exactly one way to name the property is allowed (MS docs: ExtendedFieldURI, attribute table).
fn property_id(element: &Element) -> Option<PropertyId> {
    let kind = PropertyType::parse(element.attribute("PropertyType")?)?;
    let set =
        match (element.attribute("DistinguishedPropertySetId"), element.attribute("PropertySetId"))
        {
            (Some(name), None) => Some(distinguished_set(name)?.to_owned()),
            (None, Some(guid)) => Some(guid.to_ascii_lowercase()),
            (None, None) => None,
            (Some(_), Some(_)) => return None,
        };
    let name = element.attribute("PropertyName").map(str::to_owned);
    let id = element.attribute("PropertyId");
    let key = match (set, element.attribute("PropertyTag"), name, id) {
        (None, Some(tag), None, None) => PropertyKey::Tag(property_tag(tag)?),
        (Some(set), None, Some(name), None) => PropertyKey::Name { set, name },
        (Some(set), None, None, Some(id)) => {
            PropertyKey::Id { set, id: u32::try_from(id.trim().parse::<i64>().ok()?).ok()? }
        }
        (_, _, _, _) => return None,
    };
    Some(PropertyId { key, kind })
}

fn property_tag(text: &str) -> Option<u16> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.trim().parse().ok(),
    }
}

/// The path as Exchange repeats it: tags as `0xe07`, GUIDs in lower case.
fn echoed(element: &Element) -> Element {
    let mut echo = Element::t("ExtendedFieldURI");
    for (name, value) in &element.attributes {
        let value = match name.as_str() {
            "PropertyTag" => property_tag(value).map_or(value.clone(), |tag| format!("0x{tag:x}")),
            "PropertySetId" => value.to_ascii_lowercase(),
            _ => value.clone(),
        };
        echo = echo.attr(name, value);
    }
    echo
}

fn invalid_extended() -> Failure {
    Failure::new(
        "ErrorInvalidExtendedProperty",
        "The extended property attribute combination is invalid.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(attributes: &[(&str, &str)]) -> Element {
        let start = Element::t("ExtendedFieldURI");
        attributes.iter().fold(start, |element, (name, value)| element.attr(name, *value))
    }

    #[test]
    fn one_property_by_all_its_names() {
        let by_name = uri(&[
            ("DistinguishedPropertySetId", "Meeting"),
            ("PropertyId", "3"),
            ("PropertyType", "Binary"),
        ]);
        let by_guid = uri(&[
            ("PropertySetId", "6ED8DA90-450B-101B-98DA-00AA003F1305"),
            ("PropertyId", "3"),
            ("PropertyType", "Binary"),
        ]);
        assert_eq!(property_id(&by_name), property_id(&by_guid));
        let tag = uri(&[("PropertyTag", "0x0E07"), ("PropertyType", "Integer")]);
        let Ok(Path::Extended(id, echo)) = Path::read(&tag) else { panic!("a path") };
        assert_eq!(id, PropertyId::tag(PropertyType::Integer, 0x0e07));
        assert_eq!(echo.attribute("PropertyTag"), Some("0xe07"));
    }

    #[test]
    fn combinations_that_make_no_sense_are_refused() {
        for attributes in [
            vec![("PropertyType", "String")],
            vec![("PropertyTag", "0x37"), ("PropertyName", "x"), ("PropertyType", "String")],
            vec![("DistinguishedPropertySetId", "Common"), ("PropertyType", "String")],
            vec![("PropertyName", "x"), ("PropertyType", "String")],
        ] {
            assert_eq!(property_id(&uri(&attributes)), None, "{attributes:?}");
        }
    }
}
