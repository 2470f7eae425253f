//! The block at the end of a body that tells people who is invited, where no server knows it.
//!
//! Servers rewrite bodies, so a block is known by the words of its first and last line alone,
//! whatever the blanks and tags between their letters. Everything between them is ours.

use crate::event::{Body, BodyKind};
use crate::html::{self, Stretch};
use crate::meaning::is_blank;
use crate::people::People;
use crate::show;
use std::ops::Range;

/// The first line.
const OPEN: &str = "----- Attendees (kept by evensync; changes here have no effect) -----";
/// The last line.
const CLOSE: &str = "----- End of attendees (kept by evensync) -----";
/// What an HTML block begins and ends with, where no server has rewritten it.
const TAGS: (&str, &str) = ("<div>", "</div>");
/// How HTML ends a line.
const BREAK: &str = "<br>";
/// How HTML writes blanks.
const BLANKS: [&str; 3] = ["&nbsp;", "&#160;", "&#xA0;"];

/// `body` with the block about `people`, in the place of one that stood there. Where nobody is
/// invited, that is none.
#[must_use]
pub fn with(body: &Body, people: &People) -> Body {
    let body = without(body);
    let lines = lines(people);
    if lines.is_empty() {
        return body;
    }
    let lines = [&[OPEN.to_owned()], &lines[..], &[CLOSE.to_owned()]].concat();
    let content = match body.kind {
        BodyKind::Text => {
            let apart = if body.content.is_empty() { "" } else { "\r\n\r\n" };
            format!("{}{apart}{}", body.content, lines.join("\r\n"))
        }
        BodyKind::Html => in_html(&body.content, &lines),
    };
    Body { kind: body.kind, content }
}

/// `body` without the block; byte for byte itself where there is none.
#[must_use]
pub fn without(body: &Body) -> Body {
    let content = match body.kind {
        BodyKind::Text => without_in_text(&body.content),
        BodyKind::Html => without_in_html(&body.content),
    };
    Body { kind: body.kind, content }
}

/// One line for the meeting and one for each who is invited.
fn lines(people: &People) -> Vec<String> {
    let meeting = people.meeting.as_ref().filter(|meeting| meeting.organizer.is_some());
    let meeting = meeting.map(show::meeting);
    let attendees = people.attendees.iter().flatten().map(show::attendee);
    let lines = meeting.into_iter().chain(attendees);
    lines.map(|line| tame(&line)).filter(|line| !line.is_empty()).collect()
}

/// A line that can't be taken for the first or last one of a block, whoever is called what.
fn tame(line: &str) -> String {
    let mut tame = String::new();
    for letter in crate::meaning::squeeze(line).chars() {
        if letter != '-' || !tame.trim_end().ends_with('-') {
            tame.push(letter);
        }
    }
    tame
}

/// Where the last line of people's own text ends; before everything where the HTML ends inside of
/// something that nobody sees.
fn in_html(content: &str, lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| html::escape(line)).collect();
    let block = format!("{}{}{}", TAGS.0, lines.join("</div>\r\n<div>"), TAGS.1);
    let ends = ["</body", "</html"];
    let is_end = |range: &Range<usize>| {
        let tag = &content[range.clone()];
        ends.iter().any(|end| tag.get(..end.len()).is_some_and(|t| t.eq_ignore_ascii_case(end)))
    };
    let ends = html::stretches(content).into_iter().filter(|(range, _)| is_end(range));
    let end = ends.map(|(range, _)| range.start).next();
    let (before, after) = content.split_at(end.unwrap_or(content.len()));
    let noted = format!("{before}{block}{after}");
    if blocks(&html_letters(&noted)).is_empty() { format!("{block}{content}") } else { noted }
}

fn without_in_text(content: &str) -> String {
    let seen = content.char_indices().filter(|(_, letter)| !is_blank(*letter));
    let letters: Vec<_> = seen.collect();
    let mut rest = String::new();
    let mut from = 0;
    for block in blocks(&letters) {
        let before = &content[from..block.start];
        let after = &content[block.end..];
        let is_apart = after.is_empty() || after.starts_with(['\r', '\n']);
        // The two ends of line that set it apart are its own.
        let ends_of_line = if is_apart { 2 } else { 0 };
        let before = (0..ends_of_line).fold(before, |before, _| {
            let shorter = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\r', '\n']));
            shorter.unwrap_or(before)
        });
        rest.push_str(before);
        from = block.end;
    }
    rest + &content[from..]
}

/// The tags inside of a block stay, since they may belong to what is around it.
fn without_in_html(content: &str) -> String {
    let letters = html_letters(content);
    let stretches = html::stretches(content);
    let mut rest = String::new();
    let mut from = 0;
    for block in blocks(&letters) {
        let inside = |range: &Range<usize>| block.start <= range.start && range.end <= block.end;
        let tags = stretches.iter().filter(|(range, kind)| *kind == Stretch::Tag && inside(range));
        let tags: String = tags.map(|(range, _)| &content[range.clone()]).collect();
        let before = &content[from..block.start];
        let bare =
            before.strip_suffix(TAGS.0).filter(|_| tags.replace("</div><div>", "").is_empty());
        match bare.zip(content[block.end..].strip_prefix(TAGS.1)) {
            Some((before, after)) => {
                rest.push_str(before);
                from = content.len() - after.len();
            }
            None => {
                rest.extend([before, &tags]);
                from = block.end;
            }
        }
        let is_last = letters.last().is_none_or(|(at, _)| *at < block.end);
        if !is_last && !rest.is_empty() && !rest.ends_with(BREAK) {
            // What stands before it and behind it were lines of their own.
            rest.push_str(BREAK);
        }
    }
    rest + &content[from..]
}

/// What people see of HTML, but for blanks, and where it stands.
fn html_letters(content: &str) -> Vec<(usize, char)> {
    let mut letters = Vec::new();
    for (range, kind) in html::stretches(content) {
        match kind {
            Stretch::Tag => {}
            // Not a letter of any line of ours.
            Stretch::Seen => letters.push((range.start, '\u{fffc}')),
            Stretch::Text => {
                let mut text = &content[range.clone()];
                while let Some(letter) = text.chars().next() {
                    let is_written = |blank: &&&str| {
                        text.get(..blank.len()).is_some_and(|t| t.eq_ignore_ascii_case(blank))
                    };
                    let blank = BLANKS.iter().find(is_written);
                    if blank.is_none() && !is_blank(letter) {
                        letters.push((range.end - text.len(), letter));
                    }
                    text = &text[blank.map_or(letter.len_utf8(), |blank| blank.len())..];
                }
            }
        }
    }
    letters
}

/// The blocks in a text, given by its letters and where they stand: in order, none in another. A
/// first line without a last one, or the other way round, is people's own.
fn blocks(letters: &[(usize, char)]) -> Vec<Range<usize>> {
    let solid = |line: &str| line.chars().filter(|letter| !is_blank(*letter)).collect::<Vec<_>>();
    let (open, close) = (solid(OPEN), solid(CLOSE));
    let stands = |at: usize, line: &[char]| {
        letters[at..].get(..line.len()).is_some_and(|run| run.iter().map(|(_, l)| l).eq(line))
    };
    let (mut opened, mut blocks) = (Vec::new(), Vec::<Range<usize>>::new());
    for (at, (start, _)) in letters.iter().enumerate() {
        if stands(at, &open) {
            opened.push(*start);
        } else if stands(at, &close)
            && let Some(start) = opened.pop()
            && let Some((last, letter)) = letters.get(at + close.len() - 1)
        {
            blocks.retain(|block| block.start < start);
            blocks.push(start..last + letter.len_utf8());
        }
    }
    blocks
}
