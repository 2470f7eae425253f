//! Requests to EWS and Autodiscover.

use super::{Generator, TEXT_BYTES_MAX, USER, build};
use crate::fuzz::hostile;
use crate::fuzz::tree::{Element, Node};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange_sim::DEFAULT_PASSWORD;
use exchange_sim::store::rng::Rng;

impl Generator<'_> {
    pub(super) fn ews(&mut self) -> http::Request<Bytes> {
        let mut operation = self.corpus.operation(&mut self.rng).clone();
        self.fill(&mut operation);
        for _ in 0..self.changes() {
            self.change(&mut operation);
        }
        let mut xml = String::from(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope \
             xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Header>",
        );
        xml.push_str(&self.soap_header());
        xml.push_str("</s:Header><s:Body>");
        operation.render(&mut xml);
        xml.push_str("</s:Body></s:Envelope>");
        let body = self.broken(xml.into_bytes());
        let mut headers = vec![("Content-Type", "text/xml; charset=utf-8".to_owned())];
        if self.rng.below(40) == 0 {
            headers[0].1 = hostile::value(&mut self.rng);
        }
        headers.push(("Authorization", self.credentials()));
        build("POST", "/EWS/Exchange.asmx", headers, body)
    }

    fn soap_header(&mut self) -> String {
        let version = match self.rng.below(6) {
            0 => escaped(&hostile::value(&mut self.rng)),
            1 => "Exchange2007".to_owned(),
            _ => "Exchange2013_SP1".to_owned(),
        };
        let version = format!("<t:RequestServerVersion Version=\"{version}\"/>");
        let value = |rng: &mut Rng| escaped(&hostile::value(rng));
        match self.rng.below(20) {
            0 => format!(
                "{version}<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{}\
                 </t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>",
                value(&mut self.rng)
            ),
            1 => format!(
                "{version}<t:TimeZoneContext><t:TimeZoneDefinition Id=\"{}\"/></t:TimeZoneContext>",
                value(&mut self.rng)
            ),
            2 => "<x:a xmlns:x=\"urn:x\"/>".to_owned(),
            3 => String::new(),
            _ => version,
        }
    }

    fn credentials(&mut self) -> String {
        match self.rng.below(60) {
            0 => hostile::value(&mut self.rng),
            1 => format!("Bearer {}", hostile::value(&mut self.rng)),
            2 => {
                let mut token = b"NTLMSSP\0\x01\0\0\0".to_vec();
                token[8] = *self.rng.pick(&[1, 2, 3, 9]);
                for _ in 0..self.rng.below(120) {
                    token.push(*self.rng.pick(&[0, 0, 0, 1, 8, 16, 64, 255]));
                }
                let scheme = *self.rng.pick(&["NTLM", "Negotiate"]);
                format!("{scheme} {}", STANDARD.encode(token))
            }
            _ => format!("Basic {}", STANDARD.encode(format!("{USER}:{DEFAULT_PASSWORD}"))),
        }
    }

    /// Puts ids that the server knows where ids stand, most of the time.
    fn fill(&mut self, element: &mut Element) {
        let local = element.name.split(':').next_back().unwrap_or_default().to_owned();
        let kind = match local.as_str() {
            "FolderId" => Some("folder"),
            "AttachmentId" => Some("attachment"),
            name if name.ends_with("ItemId") => Some("item"),
            _ => None,
        };
        for (name, value) in &mut element.attributes {
            let kind = match name.as_str() {
                "Id" | "RecurringMasterId" | "OccurrenceId" => kind,
                "ChangeKey" => Some("key"),
                _ => None,
            };
            if let Some(known) = kind.and_then(|kind| self.pool.pick(kind, &mut self.rng))
                && self.rng.below(10) > 0
            {
                *value = known;
            }
        }
        let kind = match local.as_str() {
            "SyncState" => "state",
            "SubscriptionId" => "subscription",
            "Watermark" => "watermark",
            "Data" => "data",
            _ => "",
        };
        if let Some(known) = self.pool.pick(kind, &mut self.rng) {
            element.children = vec![Node::Text(known)];
        }
        for node in &mut element.children {
            if let Node::Element(child) = node {
                self.fill(child);
            }
        }
    }

    fn change(&mut self, root: &mut Element) {
        let donor = self.rng.pick(&self.corpus.operations);
        let number = self.rng.below(donor.size() as u64) as usize;
        let graft = donor.clone().nth(number).cloned().unwrap_or_default();
        let number = self.rng.below(root.size() as u64) as usize;
        let rng = &mut self.rng;
        let Some(element) = root.nth(number) else { return };
        let count = element.children.len() as u64;
        let at = rng.below(count) as usize;
        match rng.below(16) {
            0..=2 if count > 0 => drop(element.children.remove(at)),
            3 if count > 0 => element.children.push(element.children[at].clone()),
            4 if count > 1 => element.children.swap(at, rng.below(count) as usize),
            5 => element.children.insert(at, Node::Element(graft)),
            6 => element.name = graft.name,
            7 if !element.attributes.is_empty() => drop(element.attributes.pop()),
            8 => element.attributes.push((graft.name, escaped(&hostile::value(rng)))),
            9 | 10 => {
                if let Some((_, value)) = element.attributes.last_mut() {
                    *value = escaped(&hostile::value(rng));
                } else {
                    element.children = vec![Node::Text(escaped(&hostile::value(rng)))];
                }
            }
            11 => {
                let again = element.children.get(at).cloned();
                let room = TEXT_BYTES_MAX / element.weight().max(1);
                let many = rng.below(300).min(room as u64);
                element.children.extend((0..many).filter_map(|_| again.clone()));
            }
            12 => {
                for _ in 0..rng.below(200) {
                    let inner = std::mem::take(element);
                    element.name = inner.name.clone();
                    element.children = vec![Node::Element(inner)];
                }
            }
            13 if element.name.ends_with("MimeContent") => {
                element.children = vec![Node::Text(hostile::mime(rng))];
            }
            _ => element.children = vec![Node::Text(escaped(&hostile::value(rng)))],
        }
    }

    pub(super) fn autodiscover(&mut self) -> http::Request<Bytes> {
        let address = match self.rng.below(3) {
            0 => hostile::value(&mut self.rng),
            _ => USER.to_owned(),
        };
        let pox = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
        let (method, path, body) = match self.rng.below(3) {
            0 => {
                let query: String = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("Email", &address)
                    .append_pair("Protocol", self.rng.pick::<&str>(&["EWS", "REST", "x", ""]))
                    .finish();
                ("GET", format!("/autodiscover/autodiscover.json?{query}"), String::new())
            }
            1 => (
                "POST",
                "/autodiscover/autodiscover.xml".to_owned(),
                format!(
                    "<Autodiscover xmlns=\"{pox}\"><Request><EMailAddress>{}</EMailAddress>\
                     <AcceptableResponseSchema>x</AcceptableResponseSchema></Request>\
                     </Autodiscover>",
                    escaped(&address)
                ),
            ),
            _ => (
                "POST",
                "/autodiscover/autodiscover.svc".to_owned(),
                format!(
                    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                     xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><s:Body>\
                     <a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>{}\
                     </a:Mailbox></a:User></a:Users><a:RequestedSettings><a:Setting>\
                     ExternalEwsUrl</a:Setting></a:RequestedSettings></a:Request>\
                     </a:GetUserSettingsRequestMessage></s:Body></s:Envelope>",
                    escaped(&address)
                ),
            ),
        };
        let body = self.broken(body.into_bytes());
        let headers = vec![
            ("Content-Type", "text/xml; charset=utf-8".to_owned()),
            ("Authorization", self.credentials()),
        ];
        build(method, &path, headers, body)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
