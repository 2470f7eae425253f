//! What bodies mean: the same before and after a server has rewritten them.

use crate::{events, shared};
use items::meaning;
use items::{Body, BodyKind, html};
use proptest::prelude::*;
use std::path::Path;

fn of(kind: BodyKind, content: &str) -> Body {
    meaning::body(&Body { kind, content: content.to_owned() })
}

fn check(html: &str, meaning: &str) {
    let normal = of(BodyKind::Html, html);
    assert_eq!(normal.content, meaning, "{html}");
    assert_eq!(meaning::body(&normal), normal, "{html}");
}

/// The forms in which Exchange and Outlook show plain text as HTML.
pub fn as_html(text: &str) -> Vec<String> {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines: Vec<_> = escaped.split("\r\n").flat_map(|t| t.split(['\n', '\r'])).collect();
    let head = "<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; \
        charset=utf-8\">\r\n<style><!-- .PlainText {font-size:10pt} --></style></head>\r\n<body>";
    let spaced: Vec<_> = lines.iter().map(|line| line.replace("  ", "&nbsp; ")).collect();
    let blocks = |open: &str, close: &str| {
        let line = |line: &String| format!("{open}{line}{close}");
        spaced.iter().map(line).collect::<Vec<_>>().join("\r\n")
    };
    vec![
        format!(
            "{head}<font size=\"2\"><span style=\"font-size:11pt;\"><div class=\"PlainText\">{}\
            <br>\r\n&nbsp;</div></span></font></body></html>",
            spaced.join("<br>\r\n")
        ),
        format!("{head}<pre>{}</pre></body></html>\r\n", lines.join("\n")),
        format!(
            "{head}{}</body></html>",
            blocks("<div>", "</div>").replace("<div></div>", "<div><br></div>")
        ),
        format!("{head}{}</body></html>", blocks("<p class=\"PlainText\">", "<o:p></o:p></p>")),
        spaced.join("<br/>"),
    ]
}

#[test]
fn html_is_reduced_to_what_is_seen() {
    for (html, meaning) in [
        ("", ""),
        ("<html><head><title>t</title></head><body>\r\n&nbsp;<br></body></html>", ""),
        ("<p>a</p><p>&nbsp;</p><p>b\r\n c</p>", "a\nb c"),
        ("a<br>b", "a\nb"),
        ("1 < 2 &amp; <3", "1 < 2 & <3"),
        ("They were <b>awesome</b>!", "They were <b>awesome</b>!"),
        ("They were <STRONG>awesome</STRONG>!", "They were <b>awesome</b>!"),
        ("x<b> </b>y <b>z </b><b>w</b>", "x y <b>z w</b>"),
        ("<b></b>a<i><!-- i --></i>", "a"),
        ("a &lt;b&gt; <b>c</b>", "a &lt;b&gt; <b>c</b>"),
        (
            "<a href=\"http://x.test/\">http://x.test</a> <a href=\"mailto:A@b.test\">a@b.test</a>",
            "http://x.test a@b.test",
        ),
        (
            "<a href='http://x.test/?a&amp;b'>here</a>",
            "<a href=\"http://x.test/?a&amp;b\">here</a>",
        ),
        (
            "<ul><li><p>one</p></li><li>two<br>more</li></ul>after",
            "<li>one<li>two<br>more<br>after",
        ),
        (
            "<table><tbody><tr><td>a</td><td>b</td></tr><tr><td></td><td>c</td></tr></table>d",
            "<tr><td>a<td>b<tr><td>c<br>d",
        ),
        ("a<hr>b<img src=\"cid:1\" alt=x>", "a<hr><br>b<img src=\"cid:1\">"),
        ("<script>var a = '<b>';</script><style>b{}</STYLE>x<!-- y", "x"),
        ("a<!DOCTYPE x><?xml v?><![endif]>b<o:p>c</o:p>", "abc"),
        ("unclosed <b>bold <a href=\"x", "unclosed <b>bold</b>"),
        ("<", "<"),
        ("</", "</"),
        ("<pre>a\r\n\r\n  b</pre>", "a\nb"),
    ] {
        check(html, meaning);
    }
}

#[test]
fn html_reads_as_text() {
    let html = "<p>Hello <b>you</b>,</p><ul><li>see <a href=\"http://x.test/\">here</a></li></ul>";
    assert_eq!(html::to_text(html), "Hello you,\n* see here <http://x.test/>");
}

#[test]
fn formatting_and_links_count() {
    let different = ["a", "<b>a</b>", "<i>a</i>", "<li>a", "<a href=\"x\">a</a>", "a<img>", "b"];
    for (n, one) in different.iter().enumerate() {
        for other in &different[n + 1..] {
            assert_ne!(of(BodyKind::Html, one), of(BodyKind::Html, other));
        }
    }
}

#[test]
fn exchange_wraps_what_it_is_given() {
    // Graph: what was sent, and what was answered.
    for (sent, answered) in [
        (
            "Does noon work for you?",
            "<html><head></head><body>Does noon work for you?</body></html>",
        ),
        (
            "They were <b>awesome</b>!",
            "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\
          \r\n<meta content=\"text/html; charset=us-ascii\">\r\n</head>\r\n<body>\r\nThey were \
          <b>awesome</b>!\r\n</body>\r\n</html>\r\n",
        ),
        (
            "Let's kick-start this event planning!",
            "<html>\r\n<head>\r\n</head>\r\n<body>\r\nLet's kick-start this event planning!\r\n\
          </body>\r\n</html>\r\n",
        ),
    ] {
        assert_eq!(of(BodyKind::Html, sent), of(BodyKind::Html, answered));
    }
}

/// Every body in the captured data: as it is, wrapped, and unwrapped again.
#[test]
fn captured_bodies_mean_the_same_when_wrapped() {
    let Some(root) = shared::path("graph/examples") else { return };
    let Some(ews) = shared::path("ews/recordings") else { return };
    let mut bodies = Vec::new();
    for root in [root, ews] {
        visit(&root, &mut |text| collect(text, &mut bodies));
    }
    assert!(bodies.len() > 50, "only {} bodies", bodies.len());
    for body in &bodies {
        let meaning = of(BodyKind::Html, body);
        assert_eq!(meaning::body(&meaning), meaning, "{body}");
        let wrapped = format!(
            "<html><head>\r\n<meta charset=utf-8></head>\r\n<body>\r\n<div>{body}\
            </div>\r\n</body></html>\r\n"
        );
        if !body.contains("<head>") && !body.contains("<b><") {
            assert_eq!(of(BodyKind::Html, &wrapped), meaning, "{body}");
        }
    }
}

fn visit(path: &Path, each: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(path).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, each);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            each(&text);
        }
    }
}

/// The contents of JSON members "content" and of XML elements Body, roughly.
fn collect(text: &str, bodies: &mut Vec<String>) {
    for (at, key) in text.match_indices("\"content\":") {
        let mut values = serde_json::Deserializer::from_str(&text[at + key.len()..]).into_iter();
        if let Some(Ok(serde_json::Value::String(body))) = values.next() {
            bodies.push(body);
        }
    }
    for part in text.split("<t:Body ").skip(1) {
        if let Some((_, part)) = part.split_once('>')
            && let Some((body, _)) = part.split_once("</t:Body>")
        {
            let body = body.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            bodies.push(body.replace("&amp;", "&"));
        }
    }
}

proptest! {
    #[test]
    fn text_and_its_html_mean_the_same(text in events::text()) {
        let meaning = of(BodyKind::Text, &text);
        for html in as_html(&text) {
            prop_assert_eq!(of(BodyKind::Html, &html), meaning.clone(), "{}", html);
        }
    }

    #[test]
    fn reduced_html_is_reduced(html in events::html()) {
        let once = html::reduce(&html);
        prop_assert_eq!(meaning::body(&once), once.clone(), "{}", html);
    }

    #[test]
    fn no_html_panics(html in "(<[a-z!/?&;\"'= >-]{0,6}|.){0,40}") {
        let once = html::reduce(&html);
        prop_assert_eq!(meaning::body(&once), once.clone(), "{}", html);
        html::to_text(&html);
    }
}
