//! Derives the schema table from Microsoft's XSD files, to hold `schema.txt` against them.

use super::xml::Element;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// The operations whose requests are in the table.
const OPERATIONS: [&str; 38] = [
    "GetFolder",
    "FindFolder",
    "CreateFolder",
    "UpdateFolder",
    "DeleteFolder",
    "MoveFolder",
    "CopyFolder",
    "EmptyFolder",
    "SyncFolderHierarchy",
    "SyncFolderItems",
    "FindItem",
    "GetItem",
    "CreateItem",
    "UpdateItem",
    "DeleteItem",
    "MoveItem",
    "CopyItem",
    "SendItem",
    "ResolveNames",
    "GetServerTimeZones",
    "GetUserConfiguration",
    "GetAttachment",
    "CreateAttachment",
    "DeleteAttachment",
    "ConvertId",
    "GetUserAvailabilityRequest",
    "Subscribe",
    "Unsubscribe",
    "GetEvents",
    "GetStreamingEvents",
    "MarkAllItemsAsRead",
    "GetUserOofSettingsRequest",
    "SetUserOofSettingsRequest",
    "GetRoomLists",
    "GetRooms",
    "ExpandDL",
    "ExportItems",
    "UploadItems",
];
/// The SOAP headers in the table.
const HEADERS: [&str; 5] = [
    "RequestServerVersion",
    "ExchangeImpersonation",
    "MailboxCulture",
    "DateTimePrecision",
    "TimeZoneContext",
];
/// Distinguished folders that only the service knows; see the table's documentation.
const UNPUBLISHED_FOLDERS: &str = "allcontacts allitems allpersonmetadata companycontacts \
    dlppolicyevaluation fromfavoritesenders inference onenotepagepreviews \
    peoplecentricconversationbuddies qedcdefaultretention qedclongretention \
    qedcmediumretention qedcshortretention quarantinedemail quarantinedemaildefaultcategory \
    recoverableitemssubstrateholds relevantcontacts sharepointnotifications shortnotes \
    temporarysaves usercuratedcontacts";

/// Derives the table from `types.xsd` and `messages.xsd` in a directory.
pub(super) fn table(schema: &Path) -> String {
    let mut deriver = Deriver::default();
    for (prefix, file) in [("t", "types.xsd"), ("m", "messages.xsd")] {
        let text = std::fs::read_to_string(schema.join(file)).expect("a schema file");
        let root = Element::parse(&text).expect("well-formed");
        for declaration in root.children {
            if let Some(name) = declaration.attribute("name") {
                let key = (declaration.name.clone(), format!("{prefix}:{name}"));
                deriver.declared.insert(key.clone(), declaration);
                deriver.order.push(key);
            }
        }
    }
    let roots: BTreeSet<String> = OPERATIONS
        .iter()
        .map(|name| format!("m:{name}"))
        .chain(HEADERS.iter().map(|name| format!("t:{name}")))
        .collect();
    let mut table = String::new();
    for root in &roots {
        let kind = deriver.element_kind(root);
        writeln!(table, "element {root} = {kind}").expect("a string takes all");
    }
    for line in deriver.lines.values() {
        writeln!(table, "{line}").expect("a string takes all");
    }
    table
}

#[derive(Default)]
struct Deriver {
    /// Global declarations by kind and qualified name.
    declared: BTreeMap<(String, String), Element>,
    /// Their keys in the order of the files.
    order: Vec<(String, String)>,
    /// The table's lines by type.
    lines: BTreeMap<String, String>,
}

impl Deriver {
    fn global(&self, kind: &str, name: &str) -> Option<Element> {
        self.declared.get(&(kind.to_owned(), name.to_owned())).cloned()
    }

    fn element_kind(&mut self, name: &str) -> String {
        let declaration = self.global("element", name).expect("a declared element");
        self.kind_of(&declaration, prefix(name), name)
    }

    /// The type of an element or attribute, deriving it if it wasn't met before.
    fn kind_of(&mut self, declaration: &Element, space: &str, anonymous: &str) -> String {
        if let Some(name) = declaration.attribute("type") {
            let name = qualify(name, space);
            self.want(&name);
            return name;
        }
        let inner = declaration
            .children
            .iter()
            .find(|child| matches!(child.name.as_str(), "complexType" | "simpleType"));
        match inner {
            Some(inner) => {
                self.derive(anonymous, inner, space);
                anonymous.to_owned()
            }
            None => "xs:anyType".to_owned(),
        }
    }

    fn want(&mut self, name: &str) {
        if name.starts_with("xs:") || self.lines.contains_key(name) {
            return;
        }
        let declaration = self
            .global("complexType", name)
            .or_else(|| self.global("simpleType", name))
            .expect("a declared type");
        self.derive(name, &declaration, prefix(name));
    }

    fn derive(&mut self, name: &str, declaration: &Element, space: &str) {
        // Types may contain themselves.
        self.lines.insert(name.to_owned(), String::new());
        let line = match declaration.name.as_str() {
            "simpleType" => self.simple(name, declaration, space),
            _ => self.complex(name, declaration, space),
        };
        self.lines.insert(name.to_owned(), line);
    }

    fn simple(&mut self, name: &str, declaration: &Element, space: &str) -> String {
        let parts = without_annotation(declaration);
        let part = parts.first().expect("a simple type has a part");
        match part.name.as_str() {
            "list" => {
                let item = match part.attribute("itemType") {
                    Some(item) => qualify(item, space),
                    None => {
                        let item = format!("{name}[]");
                        self.derive(&item, without_annotation(part)[0], space);
                        item
                    }
                };
                self.want(&item);
                format!("list {name} < {item}")
            }
            "union" => {
                let named = part.attribute("memberTypes").unwrap_or_default();
                let mut members: Vec<String> =
                    named.split_whitespace().map(|member| qualify(member, space)).collect();
                members.iter().for_each(|member| self.want(member));
                for (index, member) in without_annotation(part).into_iter().enumerate() {
                    let anonymous = format!("{name}[{index}]");
                    self.derive(&anonymous, member, space);
                    members.push(anonymous);
                }
                format!("union {name} < {}", members.join(" "))
            }
            _ => {
                let base = qualify(part.attribute("base").expect("a base"), space);
                self.want(&base);
                format!("simple {name} < {base}{}", facets(name, part))
            }
        }
    }

    fn complex(&mut self, name: &str, declaration: &Element, space: &str) -> String {
        let mut line = format!("type {name}");
        let mut body = declaration;
        for (content, extends) in [("complexContent", "<"), ("simpleContent", "text")] {
            let Some(content) = declaration.child(content) else { continue };
            body = content
                .children
                .iter()
                .find(|child| matches!(child.name.as_str(), "extension" | "restriction"))
                .expect("content is derived");
            let base = qualify(body.attribute("base").expect("a base"), space);
            self.want(&base);
            let word =
                if body.name == "restriction" && extends == "<" { "restricts" } else { extends };
            write!(line, " {word} {base}").expect("a string takes all");
        }
        let is_model = |child: &&Element| {
            matches!(child.name.as_str(), "sequence" | "choice" | "all" | "group")
        };
        if let Some(model) = body.children.iter().find(is_model) {
            let model = self.particle(model, space, name);
            write!(line, " : {model}").expect("a string takes all");
        }
        for attribute in self.attributes(body, space, name) {
            write!(line, " {attribute}").expect("a string takes all");
        }
        line
    }

    fn particle(&mut self, part: &Element, space: &str, owner: &str) -> String {
        let occurs = occurs(part);
        match part.name.as_str() {
            "element" => match part.attribute("ref") {
                Some(reference) => {
                    let choice = self.substitutes(&qualify(reference, space));
                    match choice.as_slice() {
                        [one] => format!("{one}{occurs}"),
                        several => format!("({}){occurs}", several.join("|")),
                    }
                }
                None => {
                    let name = part.attribute("name").expect("a local element has a name");
                    let kind = self.kind_of(part, space, &format!("{owner}.{name}"));
                    format!("{space}:{name}={kind}{occurs}")
                }
            },
            "group" => {
                let name = qualify(part.attribute("ref").expect("a reference"), space);
                let group = self.global("group", &name).expect("a declared group");
                let inner = without_annotation(&group)[0];
                format!("{}{occurs}", self.particle(inner, prefix(&name), owner))
            }
            kind => {
                let separator = if kind == "choice" { "|" } else { " " };
                let parts: Vec<String> = without_annotation(part)
                    .into_iter()
                    .map(|part| self.particle(part, space, owner))
                    .collect();
                format!("({}){occurs}", parts.join(separator))
            }
        }
    }

    /// What may stand for an element: itself unless abstract, and its substitution group.
    fn substitutes(&mut self, head: &str) -> Vec<String> {
        let is_abstract = self
            .global("element", head)
            .is_some_and(|element| element.attribute("abstract") == Some("true"));
        let mut names = if is_abstract { Vec::new() } else { vec![head.to_owned()] };
        for (kind, name) in &self.order {
            let declaration = &self.declared[&(kind.clone(), name.clone())];
            let group = declaration.attribute("substitutionGroup");
            if kind == "element" && group.is_some_and(|group| qualify(group, prefix(name)) == head)
            {
                names.push(name.clone());
            }
        }
        names.into_iter().map(|name| format!("{name}={}", self.element_kind(&name))).collect()
    }

    fn attributes(&mut self, body: &Element, space: &str, owner: &str) -> Vec<String> {
        let mut attributes = Vec::new();
        for part in &body.children {
            match part.name.as_str() {
                "attribute" if part.attribute("use") == Some("prohibited") => {}
                // Those of other namespaces, `xml:lang`, are no part of a parsed element.
                "attribute" if part.attribute("ref").is_some() => {}
                "attribute" => {
                    let name = part.attribute("name").expect("an attribute has a name");
                    let kind = match self.kind_of(part, space, &format!("{owner}@{name}")).as_str()
                    {
                        "xs:anyType" => "xs:string".to_owned(),
                        kind => kind.to_owned(),
                    };
                    let required = if part.attribute("use") == Some("required") { "!" } else { "" };
                    attributes.push(format!("@{name}={kind}{required}"));
                }
                "attributeGroup" => {
                    let name = qualify(part.attribute("ref").expect("a reference"), space);
                    let group = self.global("attributeGroup", &name).expect("a declared group");
                    attributes.extend(self.attributes(&group, prefix(&name), owner));
                }
                "anyAttribute" => attributes.push("@any".to_owned()),
                _ => {}
            }
        }
        attributes
    }
}

fn facets(name: &str, restriction: &Element) -> String {
    let mut values = Vec::new();
    let mut line = String::new();
    if name == "t:DistinguishedFolderIdNameType" {
        values.extend(UNPUBLISHED_FOLDERS.split_whitespace());
    }
    for facet in without_annotation(restriction) {
        let value = facet.attribute("value").unwrap_or_default();
        match (facet.name.as_str(), value) {
            ("enumeration", value) => values.push(value),
            // The three patterns are checked by code.
            ("pattern", "(0x|0X)[0-9A-Fa-f]{1,4}") => line.push_str("\tpattern=property-tag"),
            ("pattern", value) if value.starts_with('(') => {
                line.push_str("\tpattern=hex-or-decimal");
            }
            ("pattern", _) => line.push_str("\tpattern=guid"),
            (facet, value) => write!(line, "\t{facet}={value}").expect("a string takes all"),
        }
    }
    if !values.is_empty() {
        write!(line, "\tenum={}", values.join("|")).expect("a string takes all");
    }
    line
}

fn without_annotation(element: &Element) -> Vec<&Element> {
    element.children.iter().filter(|child| child.name != "annotation").collect()
}

fn qualify(name: &str, space: &str) -> String {
    if name.contains(':') { name.to_owned() } else { format!("{space}:{name}") }
}

fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("t", |(prefix, _)| prefix)
}

fn occurs(part: &Element) -> &'static str {
    let bound = |name| part.attribute(name).unwrap_or("1");
    match (bound("minOccurs"), bound("maxOccurs")) {
        ("1", "1") => "",
        ("0", "1") => "?",
        ("0", "unbounded") => "*",
        ("1", "unbounded") => "+",
        (least, most) => panic!("the table can't say {least}..{most}"),
    }
}
