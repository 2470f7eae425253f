//! Autodiscover: where a mailbox's EWS is, asked in any of the three ways Exchange offers.

use crate::config::Profile;
use crate::ews::auth;
use crate::ews::field::legacy_name;
use crate::ews::version::Server;
use crate::ews::xml::{Element, Space};
use crate::store::rng::guid_text;
use crate::store::{Mailbox, World};
use crate::{Request, Response, respond, respond_json};
use http::Method;
use serde_json::json;

const XML: &str = "text/xml; charset=utf-8";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
/// Envelope of POX answers, and of POX errors throughout.
const POX: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
/// Settings in POX answers; the only response schema that clients of Exchange may ask for.
const POX_OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const SOAP: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const SERVERS: &str = "/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Configuration/cn=Servers";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The value of the setting `EwsSupportedSchemas`.
const SCHEMAS: &str = "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, \
    Exchange2010_SP2, Exchange2013, Exchange2013_SP1";

/// Answers a request below `/autodiscover/`; `rest` is the path after that.
pub(crate) fn handle(world: &mut World, request: &Request, rest: &str) -> Response {
    let rest = rest.to_ascii_lowercase();
    if let Some(below) = rest.strip_prefix("autodiscover.json") {
        return json_answer(world, request, below);
    }
    let answer: fn(&World, &str, &Element) -> Response = match rest.as_str() {
        "autodiscover.xml" => pox_answer,
        "autodiscover.svc" => soap_answer,
        _ => return respond(404, "text/plain", "Not Found"),
    };
    if let Err(denied) = auth::caller(world, request) {
        return auth::unauthorized(&denied);
    }
    if request.method() != Method::POST {
        return respond(405, "text/plain", "Method Not Allowed");
    }
    match Element::parse(&String::from_utf8_lossy(request.body())) {
        Ok(document) => answer(world, &base(request), &document),
        Err(malformed) if rest.ends_with("svc") => soap_fault(&malformed.message),
        Err(_) => pox_error(world, "600", "Invalid Request"),
    }
}

/// Plain XML (MS docs: POX Autodiscover response for Exchange).
fn pox_answer(world: &World, base: &str, document: &Element) -> Response {
    let request = document.child("Request");
    let address = request.and_then(|request| request.child_text("EMailAddress")).map(str::trim);
    let schema = request.and_then(|request| request.child_text("AcceptableResponseSchema"));
    let Some(address) = address.filter(|address| !address.is_empty()) else {
        return pox_error(world, "600", "Invalid Request");
    };
    if schema.map(str::trim) != Some(POX_OUTLOOK) {
        return pox_error(world, "601", "Provider is not available");
    }
    let Some(mailbox) = world.mailbox(address) else {
        return pox_error(world, "500", "The email address can't be found.");
    };
    let online = match world.config.profile {
        Profile::ExchangeOnline => "True",
        Profile::Exchange2019 => "False",
    };
    let user = o("User")
        .with(o_text("DisplayName", &mailbox.name))
        .with(o_text("LegacyDN", &legacy_name(&mailbox.address)))
        .with(o_text("AutoDiscoverSMTPAddress", &mailbox.address))
        .with(o_text("DeploymentId", &world.config.tenant));
    let account = o("Account")
        .with(o_text("AccountType", "email"))
        .with(o_text("Action", "settings"))
        .with(o_text("MicrosoftOnline", online))
        .with(inside(world, mailbox, base))
        .with(outside(base));
    pox_document(o("Response").with(user).with(account))
}

/// What a client inside the network uses.
fn inside(world: &World, mailbox: &Mailbox, base: &str) -> Element {
    let server = server_id(mailbox);
    let name = format!("{SERVERS}/cn={server}");
    o("Protocol")
        .with(o_text("Type", "EXCH"))
        .with(o_text("Server", &server))
        .with(o_text("ServerDN", &name))
        .with(o_text("ServerVersion", &packed(Version::of(world, mailbox))))
        .with(o_text("MdbDN", &format!("{name}/cn=Microsoft Private MDB")))
        .with_all(urls(base))
        .with(o_text("ServerExclusiveConnect", "off"))
}

/// What a client outside uses.
fn outside(base: &str) -> Element {
    let ssl = if base.starts_with("https") { "On" } else { "Off" };
    o("Protocol")
        .with(o_text("Type", "EXPR"))
        .with(o_text("Server", host(base)))
        .with(o_text("SSL", ssl))
        .with(o_text("AuthPackage", "Ntlm"))
        .with_all(urls(base))
        .with(o_text("ServerExclusiveConnect", "on"))
        .with(o_text("CertPrincipalName", "None"))
}

fn urls(base: &str) -> [Element; 4] {
    ["ASUrl", "EwsUrl", "EmwsUrl", "OOFUrl"].map(|name| o_text(name, &ews_url(base)))
}

fn o(name: &str) -> Element {
    Element::new(Space::Other(POX_OUTLOOK.to_owned()), name)
}

fn o_text(name: &str, text: &str) -> Element {
    Element { text: text.to_owned(), ..o(name) }
}

/// The mailbox as a server of its own, as Exchange 2013 and later name it.
fn server_id(mailbox: &Mailbox) -> String {
    let domain = mailbox.address.split('@').nth(1).unwrap_or_default();
    format!("{}@{domain}", guid_text(&mailbox.guid))
}

/// The build of the server of a mailbox.
struct Version {
    numbers: [u32; 4],
    name: String,
}

impl Version {
    fn of(world: &World, mailbox: &Mailbox) -> Version {
        let info = Server::of(world, &mailbox.address).info();
        let number = |name: &str| info.attribute(name).and_then(|n| n.parse().ok()).unwrap_or(0);
        Version {
            numbers: VERSION_NUMBERS.map(number),
            name: info.attribute("Version").unwrap_or_default().to_owned(),
        }
    }
}

const VERSION_NUMBERS: [&str; 4] =
    ["MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber"];

/// A version in eight digits; the documented answers of 15.0.516 and 8.0.647 tell the layout.
fn packed(Version { numbers: [major, minor, build, _], .. }: Version) -> String {
    format!("{:08X}", 0x7000_8000 | major << 22 | minor << 16 | build)
}

fn pox_error(world: &World, code: &str, message: &str) -> Response {
    let node = |name: &str| Element::new(Space::Other(POX.to_owned()), name);
    let time = world.now().strftime("%H:%M:%S%.7f").to_string();
    let error = node("Error")
        .attr("Time", time)
        .attr("Id", "1054084152")
        .with(Element { text: code.to_owned(), ..node("ErrorCode") })
        .with(Element { text: message.to_owned(), ..node("Message") })
        .with(node("DebugData"));
    pox_document(node("Response").with(error))
}

fn pox_document(response: Element) -> Response {
    let root = Element::new(Space::Other(POX.to_owned()), "Autodiscover").with(response);
    respond(200, XML, format!("{DECLARATION}{}", root.render()))
}

/// `GetUserSettings` (MS docs: GetUserSettings operation, SOAP).
fn soap_answer(world: &World, base: &str, document: &Element) -> Response {
    let message = document.child("Body").and_then(|b| b.child("GetUserSettingsRequestMessage"));
    let Some(request) = message.and_then(|message| message.child("Request")) else {
        return soap_fault("The message cannot be processed at the receiver.");
    };
    let list = |name: &str| request.child(name).map_or(&[][..], |list| &list.children);
    let settings: Vec<&str> =
        list("RequestedSettings").iter().map(|setting| setting.text.trim()).collect();
    let users = list("Users");
    let known = users.iter().find_map(|user| world.mailbox(user.child_text("Mailbox")?.trim()));
    let header = known.map(|mailbox| soap_header(&Version::of(world, mailbox)));
    let users = users.iter().map(|user| {
        let address = user.child_text("Mailbox").unwrap_or_default().trim();
        match world.mailbox(address) {
            Some(mailbox) => user_response(world, mailbox, base, &settings),
            None => outcome("UserResponse", "InvalidUser", &format!("Invalid user: '{address}'"))
                .with(no_redirect())
                .with(s("UserSettingErrors"))
                .with(s("UserSettings")),
        }
    });
    let response = outcome("Response", "NoError", "").with(s("UserResponses").with_all(users));
    soap_document(200, header, s("GetUserSettingsResponseMessage").with(response))
}

fn soap_header(version: &Version) -> Element {
    let action = Element {
        text: format!("{SOAP}/Autodiscover/GetUserSettingsResponse"),
        ..Element::new(Space::Other(ADDRESSING.to_owned()), "Action")
    };
    let numbers = VERSION_NUMBERS.iter().zip(version.numbers);
    let numbers = numbers.map(|(name, number)| s_text(name, &number.to_string()));
    let info = s("ServerVersionInfo").with_all(numbers).with(s_text("Version", &version.name));
    Element::new(Space::Soap, "Header").with(action.attr("s:mustUnderstand", "1")).with(info)
}

fn no_redirect() -> Element {
    s("RedirectTarget").attr("xmlns:i", INSTANCE).attr("i:nil", "true")
}

fn user_response(world: &World, mailbox: &Mailbox, base: &str, settings: &[&str]) -> Element {
    let (mut found, mut errors) = (s("UserSettings"), s("UserSettingErrors"));
    for name in settings {
        let value = match *name {
            "ExternalEwsUrl" | "InternalEwsUrl" => ews_url(base),
            "EwsSupportedSchemas" => SCHEMAS.to_owned(),
            "UserDN" => legacy_name(&mailbox.address),
            "UserDeploymentId" => world.config.tenant.clone(),
            "InternalMailboxServer" => server_id(mailbox),
            "ExternalMailboxServer" | "ActiveDirectoryServer" => host(base).to_owned(),
            "MailboxDN" => {
                format!("{SERVERS}/cn={}/cn=Microsoft Private MDB", server_id(mailbox))
            }
            "CasVersion" => {
                let [major, minor, build, revision] = Version::of(world, mailbox).numbers;
                format!("{major:02}.{minor:02}.{build:04}.{revision:03}")
            }
            "UserDisplayName" => mailbox.name.clone(),
            "AutoDiscoverSMTPAddress" => mailbox.address.clone(),
            _ => {
                let text = format!("The setting '{name}' is not available.");
                let error = outcome("UserSettingError", "SettingIsNotAvailable", &text);
                errors = errors.with(error.with(s_text("SettingName", name)));
                continue;
            }
        };
        let setting = s("UserSetting")
            .attr("xmlns:i", INSTANCE)
            .attr("i:type", "x:StringSetting")
            .with(s_text("Name", name))
            .with(s_text("Value", &value));
        found = found.with(setting);
    }
    outcome("UserResponse", "NoError", "No error.").with(no_redirect()).with(errors).with(found)
}

/// An element that begins with an error code and message, as every response here does.
fn outcome(name: &str, code: &str, message: &str) -> Element {
    s(name).with(s_text("ErrorCode", code)).with(s_text("ErrorMessage", message))
}

fn s(name: &str) -> Element {
    Element::new(Space::Other(SOAP.to_owned()), name)
}

fn s_text(name: &str, text: &str) -> Element {
    Element { text: text.to_owned(), ..s(name) }
}

fn soap_fault(text: &str) -> Response {
    let plain = |name: &str, text: &str| Element {
        text: text.to_owned(),
        ..Element::new(Space::None, name)
    };
    let fault = Element::new(Space::Soap, "Fault")
        .with(plain("faultcode", "s:Client"))
        .with(plain("faultstring", text));
    soap_document(500, None, fault)
}

fn soap_document(status: u16, header: Option<Element>, content: Element) -> Response {
    let body = Element::new(Space::Soap, "Body").with(content);
    let envelope = Element::new(Space::Soap, "Envelope").with_all(header).with(body);
    respond(status, XML, format!("{DECLARATION}{}", envelope.render()))
}

/// Autodiscover V2: one URL, without signing in; `below` is empty or `/v1.0/{email}`.
fn json_answer(world: &World, request: &Request, below: &str) -> Response {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let option = |name: &str| {
        let found = query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let error = |status, code: &str, message: String| {
        respond_json(status, &json!({"ErrorCode": code, "ErrorMessage": message}))
    };
    let missing = |name: &str| {
        let text = format!("A valid value must be provided for the query parameter '{name}'");
        error(400, "MandatoryParameterMissing", text)
    };
    if request.method() != Method::GET {
        return respond(405, "text/plain", "Method Not Allowed");
    }
    // Unlike a form's, a plus sign in a path is itself.
    let in_path = below.strip_prefix("/v1.0/").and_then(|segment| {
        let pair = format!("email={}", segment.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, email)| email.into_owned())
    });
    let Some(address) = in_path.as_deref().or_else(|| option("Email")).filter(|a| !a.is_empty())
    else {
        return missing("Email");
    };
    let Some(protocol) = option("Protocol") else {
        return missing("Protocol");
    };
    let base = base(request);
    let (name, url) = match protocol.to_ascii_lowercase().as_str() {
        "ews" => ("EWS", ews_url(&base)),
        "autodiscoverv1" => ("AutodiscoverV1", format!("{base}/autodiscover/autodiscover.xml")),
        "rest" => ("REST", format!("{base}/api")),
        _ => {
            let text = format!("The given protocol value '{protocol}' is invalid.");
            return error(400, "InvalidProtocol", text);
        }
    };
    if world.mailbox(address).is_none() {
        return error(404, "UserNotFound", "The given user is not found.".to_owned());
    }
    respond_json(200, &json!({"Protocol": name, "Url": url}))
}

/// The name in a base address.
fn host(base: &str) -> &str {
    let host = base.split("//").nth(1).unwrap_or(base);
    host.split(':').next().unwrap_or(host)
}

fn ews_url(base: &str) -> String {
    format!("{base}/EWS/Exchange.asmx")
}

/// Scheme and host by which the client reached this server.
fn base(request: &Request) -> String {
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| {
        request.headers().get(http::header::HOST).and_then(|value| value.to_str().ok())
    });
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}
