//! The occurrences that the built-in Exchange itself has, over each of its faces.

use super::super::stage::Stage;
use super::sample::Span;
use base64::Engine;
use bytes::Bytes;
use exchange_sim::store::Zone;
use exchange_sim::{DEFAULT_PASSWORD, Reply, Sim};
use http::Request;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Longest window of Graph's views, in days (GitHub: microsoft-graph-docs#6284).
const GRAPH_DAYS: i64 = 1825;
/// A view of EWS, which takes two years at most and shows a thousand occurrences (MS docs: EWS
/// throttling).
const EWS_DAYS: i64 = 120;
const DAY: i64 = 24 * 3600;

/// A mailbox as clients of its own see it.
pub struct Mailbox<'a> {
    sim: &'a Sim,
    address: &'static str,
    bearer: String,
}

impl<'a> Mailbox<'a> {
    /// The mailbox of a stage's second side.
    pub fn of(stage: &'a Stage) -> Self {
        let (sim, address) = (&stage.sim, super::super::stage::ADDRESSES[1]);
        let ready = sim.ready_json("http://sim.example");
        let text = |name: &str| ready[name].as_str().expect("a text").to_owned();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}\
             &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
            text("client"),
            text("secret")
        );
        let path = format!("http://sim.example/{}/oauth2/v2.0/token", text("tenant"));
        let request =
            Request::post(path).header("Content-Type", "application/x-www-form-urlencoded");
        let token: Value =
            serde_json::from_str(&answered(sim, request, form)).expect("a token in JSON");
        let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
        Self { sim, address, bearer }
    }

    /// The occurrences of each series between two instants, by subject, as Graph tells them:
    /// whoever asks in a zone gets the times of that zone.
    pub fn over_graph(&self, from: i64, until: i64) -> BTreeMap<String, BTreeSet<Span>> {
        let select = "$select=id,subject,isAllDay,originalStartTimeZone,type";
        let masters = self.graph(&format!("/calendar/events?$top=500&{select}"), "UTC");
        let mut found = BTreeMap::new();
        for master in masters {
            assert_eq!(master["type"], "seriesMaster", "{master}");
            let text = |name: &str| master[name].as_str().expect("a text");
            let is_all_day = master["isAllDay"].as_bool().expect("it says so");
            let zone = if is_all_day { text("originalStartTimeZone") } else { "UTC" };
            let mut spans = BTreeSet::new();
            let mut start = from;
            while start < until {
                let end = start + GRAPH_DAYS * DAY;
                let path = format!(
                    "/events/{}/instances?startDateTime={}&endDateTime={}&$select=start,end&$top=999",
                    text("id"),
                    instant(start),
                    instant(end)
                );
                let told = self.graph(&path, zone);
                spans.extend(told.iter().map(|event| graph_span(event, is_all_day)));
                start = end;
            }
            found.insert(text("subject").to_owned(), spans);
        }
        found
    }

    /// The same as EWS tells them, in one calendar view after the other.
    pub fn over_ews(&self, from: i64, until: i64) -> BTreeMap<String, BTreeSet<Span>> {
        let mut found: BTreeMap<String, BTreeSet<Span>> = BTreeMap::new();
        let mut start = from;
        while start < until {
            let end = start + EWS_DAYS * DAY;
            let answer = self.ews(&format!(
                "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>\
                 <t:AdditionalProperties><t:FieldURI FieldURI=\"item:Subject\"/>\
                 <t:FieldURI FieldURI=\"calendar:Start\"/><t:FieldURI FieldURI=\"calendar:End\"/>\
                 <t:FieldURI FieldURI=\"calendar:IsAllDayEvent\"/>\
                 <t:FieldURI FieldURI=\"calendar:StartTimeZone\"/></t:AdditionalProperties>\
                 </m:ItemShape><m:CalendarView StartDate=\"{}\" EndDate=\"{}\"/>\
                 <m:ParentFolderIds><t:DistinguishedFolderId Id=\"calendar\"/></m:ParentFolderIds>\
                 </m:FindItem>",
                instant(start),
                instant(end)
            ));
            let mut latest = start;
            for item in answer.split("<t:CalendarItem>").skip(1) {
                let (subject, span, begins) = ews_item(item);
                found.entry(subject).or_default().insert(span);
                latest = latest.max(begins);
            }
            let is_last = answer.contains("IncludesLastItemInRange=\"true\"");
            assert!(is_last || latest > start, "a thousand occurrences at one instant");
            start = if is_last { end } else { latest };
        }
        found
    }

    /// All pages of a list.
    fn graph(&self, path: &str, zone: &str) -> Vec<Value> {
        let mut found = vec![];
        let mut next = Some(format!("http://sim.example/v1.0/users/{}{path}", self.address));
        while let Some(url) = next {
            let request = Request::get(url)
                .header("Authorization", &self.bearer)
                .header("Prefer", format!("outlook.timezone=\"{zone}\""));
            let answer = answered(self.sim, request, String::new());
            let page: Value = serde_json::from_str(&answer).expect("JSON");
            found.extend(page["value"].as_array().unwrap_or_else(|| panic!("{page}")).clone());
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        found
    }

    fn ews(&self, operation: &str) -> String {
        let login = format!("{}:{DEFAULT_PASSWORD}", self.address);
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        let request = Request::post("http://sim.example/EWS/Exchange.asmx")
            .header("Content-Type", "text/xml; charset=utf-8")
            .header("Authorization", format!("Basic {login}"));
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
             <s:Header><t:RequestServerVersion Version=\"Exchange2013_SP1\"/></s:Header>\
             <s:Body>{operation}</s:Body></s:Envelope>"
        );
        let answer = answered(self.sim, request, body);
        assert!(answer.contains("NoError"), "{answer}");
        answer
    }
}

fn answered(sim: &Sim, request: http::request::Builder, body: String) -> String {
    let request = request.body(Bytes::from(body)).expect("a valid request");
    match sim.handle(request) {
        Reply::Respond { response, .. } => String::from_utf8_lossy(response.body()).into_owned(),
        Reply::Close => panic!("the connection is closed"),
    }
}

fn graph_span(event: &Value, is_all_day: bool) -> Span {
    let at = |name: &str| {
        let wall: DateTime = event[name]["dateTime"].as_str().expect("a time").parse().expect(name);
        if is_all_day { day_seconds(wall) } else { wall_seconds(wall) }
    };
    (at("start"), at("end"))
}

/// The subject, when it takes place, and the instant at which it starts.
fn ews_item(item: &str) -> (String, Span, i64) {
    let text = |name: &str| {
        let (_, rest) = item.split_once(&format!("<t:{name}>")).expect(name);
        rest.split('<').next().unwrap_or_default()
    };
    let at = |name: &str| text(name).parse::<Timestamp>().expect("an instant");
    let (start, end) = (at("Start"), at("End"));
    let instants = (start.as_second(), end.as_second());
    let span = if text("IsAllDayEvent") == "true" {
        let (_, zone) = item.split_once("<t:StartTimeZone ").expect("a zone");
        let zone = zone.split('"').skip_while(|part| !part.ends_with("Id=")).nth(1);
        let zone = zone.and_then(Zone::parse).expect("a known zone");
        (day_seconds(zone.wall(start)), day_seconds(zone.wall(end)))
    } else {
        instants
    };
    (text("Subject").to_owned(), span, instants.0)
}

fn wall_seconds(wall: DateTime) -> i64 {
    jiff::tz::TimeZone::UTC.to_timestamp(wall).expect("a year of four digits").as_second()
}

/// The midnight of a day; where clocks skip it, the day begins later.
fn day_seconds(wall: DateTime) -> i64 {
    wall_seconds(wall.date().at(0, 0, 0, 0))
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}
