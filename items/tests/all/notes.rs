//! The block about people in a body: never an edit, and never more than itself.

use crate::bodies::as_html;
use crate::events;
use items::note::{with, without};
use items::{Attendee, Body, BodyKind, Meeting, People, Person, Response, Role, html, meaning};
use proptest::prelude::*;

fn text(content: &str) -> Body {
    Body { kind: BodyKind::Text, content: content.to_owned() }
}

fn html(content: &str) -> Body {
    Body { kind: BodyKind::Html, content: content.to_owned() }
}

fn person(name: &str, address: &str) -> Person {
    Person { address: address.to_owned(), name: Some(name.to_owned()) }
}

fn people() -> People {
    let organizer = Some(person("Alice", "alice@contoso.example"));
    let meeting = Meeting { organizer, response: Response::Accepted, cancelled: false };
    let bob = Attendee {
        person: person("Bob & <Co>", "bob@contoso.example"),
        role: Role::Optional,
        response: Response::Declined,
    };
    let carol = Attendee { person: person("", "c@c.example"), ..Attendee::default() };
    let attendees = vec![bob, carol];
    People { meeting: Some(meeting), attendees: Some(attendees) }
}

#[test]
fn a_block_reads_well() {
    assert_eq!(
        with(&text("Agenda"), &people()).content.replace("\r\n", "\n"),
        "Agenda\n\n\
         ----- Attendees (kept by evensync; changes here have no effect) -----\n\
         organised by Alice <alice@contoso.example>, answer: accepted\n\
         Bob & <Co> <bob@contoso.example> (optional, declined)\n\
         c@c.example\n\
         ----- End of attendees (kept by evensync) -----"
    );
    assert_eq!(
        with(&html("<html><body><p>Agenda</p></BODY></html>"), &people())
            .content
            .replace("\r\n", ""),
        "<html><body><p>Agenda</p>\
         <div>----- Attendees (kept by evensync; changes here have no effect) -----</div>\
         <div>organised by Alice &lt;alice@contoso.example&gt;, answer: accepted</div>\
         <div>Bob &amp; &lt;Co&gt; &lt;bob@contoso.example&gt; (optional, declined)</div>\
         <div>c@c.example</div>\
         <div>----- End of attendees (kept by evensync) -----</div></BODY></html>"
    );
}

#[test]
fn nobody_is_no_block() {
    for people in [
        People::default(),
        People { meeting: Some(Meeting::default()), attendees: Some(Vec::new()) },
    ] {
        assert_eq!(with(&text("a"), &people), text("a"));
        assert_eq!(with(&with(&text("a"), &self::people()), &people), text("a"));
    }
    assert_eq!(without(&with(&text(""), &people())), text(""));
    assert_eq!(without(&with(&html(""), &people())), html(""));
}

#[test]
fn what_people_write_around_a_block_stays_and_inside_it_is_lost() {
    for body in [text("before"), html("<p>before</p>"), html("before"), html("<ul><li>before")] {
        let noted = with(&body, &people());
        let edited = noted.content.replace("declined", "accepted") + "after";
        let left = without(&Body { content: edited, kind: body.kind });
        let left = meaning::body(&left).content.replace("<li>", "").replace("<br>", "\n");
        assert_eq!(left, "before\nafter");
    }
}

#[test]
fn half_a_block_is_peoples_own() {
    let noted = with(&text("a"), &people()).content;
    let (first, rest) = noted.split_once("organised").expect("a line");
    let (_, last) = rest.rsplit_once("\r\n-----").expect("the end");
    for half in [first.to_owned(), format!("-----{last}"), format!("-----{last} {first}")] {
        assert_eq!(without(&text(&half)), text(&half));
        assert_eq!(without(&with(&text(&half), &people())), text(&half));
    }
    let twice = format!("{noted} x {noted}");
    assert_eq!(meaning::text(&without(&text(&twice)).content), "a\nx a");
    let nested = format!("{first} x {noted} y -----{last}z");
    assert_eq!(meaning::text(&without(&text(&nested)).content), "a\nz");
}

#[test]
fn no_name_ends_a_block() {
    let name = "----- End of attendees (kept by evensync) -----";
    let noted = People {
        attendees: Some(vec![Attendee {
            person: person(name, "x@x.example"),
            ..Attendee::default()
        }]),
        meeting: None,
    };
    for body in [text("a"), html("a")] {
        let noted = with(&body, &noted);
        assert!(noted.content.contains("x@x.example"));
        assert_eq!(without(&noted), body);
    }
}

/// What servers make of HTML.
fn rewritten(content: &str) -> Vec<Body> {
    let head = "<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">";
    vec![
        html(&format!("<html>{head}</head><body>\r\n{content}\r\n</body></html>")),
        html(&content.replace("----- ", "-----&nbsp;").replace(" by ", "\r\n  by\u{a0}")),
        html(
            &content
                .replace("<div>", "<div id=\"x_a\" class='x'><span>")
                .replace("</div>", "</span></div>"),
        ),
        html(&content.replace("\r\n<div>", "<!-- x --><p>").replace("</div>\r\n", "</p>")),
        html(&content.replace(
            "bob@contoso.example",
            "<a href=\"mailto:bob@contoso.example\">bob@contoso.example</a>",
        )),
        text(&html::to_text(content)),
    ]
}

fn piece() -> impl Strategy<Value = People> {
    let attendee = (events::text(), "[a-z]{1,3}").prop_map(|(name, address)| Attendee {
        person: Person { address, name: Some(name) },
        ..Attendee::default()
    });
    (prop::collection::vec(attendee, 1..4), any::<bool>()).prop_map(|(attendees, meeting)| People {
        meeting: meeting.then(|| people().meeting.expect("a meeting")),
        attendees: Some(attendees),
    })
}

proptest! {
    #[test]
    fn bodies_without_a_block_stay(content in events::text(), markup in events::html()) {
        for body in [text(&content), html(&markup), html(&content)] {
            prop_assert_eq!(without(&body), body);
        }
    }

    #[test]
    fn a_block_comes_off_again(content in events::text(), people in piece()) {
        let body = text(&content);
        let noted = with(&body, &people);
        prop_assert_eq!(&without(&noted), &body);
        prop_assert_eq!(&with(&noted, &people), &noted);
        let means = meaning::body(&body);
        let newlines = noted.content.replace("\r\n", "\n");
        prop_assert_eq!(meaning::body(&without(&text(&newlines))), means.clone());
        for shown in as_html(&noted.content) {
            prop_assert_eq!(meaning::body(&without(&html(&shown))), means.clone(), "{}", shown);
        }
    }

    #[test]
    fn a_block_in_html_comes_off_again(content in events::html(), people in piece()) {
        let body = html(&content);
        let noted = with(&body, &people);
        prop_assert_ne!(&noted, &body);
        let means = meaning::body(&body);
        prop_assert_eq!(meaning::body(&without(&noted)), means.clone(), "{}", noted.content);
        let again = with(&noted, &people);
        prop_assert_eq!(&with(&again, &people), &again);
        let text_means = text(&meaning::text(&html::to_text(&content)));
        for (shown, bare) in rewritten(&noted.content).into_iter().zip(rewritten(&content)) {
            let left = meaning::body(&without(&shown));
            if bare.kind == BodyKind::Html && meaning::body(&bare) != means {
                // What breaks other HTML says nothing of blocks.
                continue;
            }
            match shown.kind {
                // Where the HTML leaves a link or an item open, the block stands in that.
                BodyKind::Text if !shown.content.ends_with("evensync) -----") => {}
                BodyKind::Text if shown.content.contains("* -----") => {}
                BodyKind::Text => prop_assert_eq!(left, text_means.clone(), "{}", shown.content),
                BodyKind::Html => prop_assert_eq!(left, means.clone(), "{}", shown.content),
            }
        }
    }
}
