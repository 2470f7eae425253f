//! Reads `evensync.toml`, and says in one sentence what is wrong with it. Sentences never repeat a
//! value of the file: it may be a secret in the wrong place.

use super::nearest::suggestion;
use super::raw::File;
use std::path::Path;

/// Reads the text of the file at `path`, which is used in the error only.
pub fn parse(text: &str, path: &Path) -> Result<File, String> {
    let at = |span: Option<std::ops::Range<usize>>| match span {
        Some(span) => {
            let line = 1 + text.as_bytes()[..span.start.min(text.len())]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            format!("{}, line {line}", path.display())
        }
        None => path.display().to_string(),
    };
    let deserializer = toml::Deserializer::parse(text)
        .map_err(|e| format!("{}: {}", at(e.span()), unquoted(e.message())))?;
    serde_path_to_error::deserialize(deserializer).map_err(|e| {
        let place = e.path().to_string();
        let inner = e.into_inner();
        format!("{}: {}", at(inner.span()), sentence(&place, inner.message()))
    })
}

/// What serde says about the value at `place`, in the words of the file.
fn sentence(place: &str, message: &str) -> String {
    let place = if place == "." { "" } else { place };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (word, known) = named(rest);
        let table = place.strip_suffix(word.as_str()).unwrap_or(place).trim_end_matches('.');
        let table = table_name(table);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = suggestion(&word, known.iter().copied());
        let hint = if hint.is_empty() { format!("; known: {}", known.join(", ")) } else { hint };
        return format!("unknown key `{word}` {table}{hint}");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let (word, known) = named(rest);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = suggestion(&word, known.iter().copied());
        return format!("{place} can't be `{word}`{hint} (known: {})", known.join(", "));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("the key {} is missing {}", rest.trim(), table_name(place));
    }
    if place.is_empty() { unquoted(message) } else { format!("{place}: {}", unquoted(message)) }
}

fn table_name(place: &str) -> String {
    if place.is_empty() { "at the top".to_owned() } else { format!("in [{place}]") }
}

/// The words between backticks: the first, and the others.
fn named(text: &str) -> (String, Vec<String>) {
    let mut words = text.split('`').skip(1).step_by(2).map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}

/// The message without the value that it quotes.
fn unquoted(message: &str) -> String {
    let message = message.trim();
    match (message.find(" string \""), message.rfind("\", expected ")) {
        (Some(from), Some(to)) if from < to => {
            format!("{} a string{}", &message[..from], &message[to + 1..])
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("evensync.toml")).expect_err("it is wrong")
    }

    const PAIR: &str = "[pair.alice]\na = { endpoint = 'x', mailbox = 'm' }\nb = { endpoint = 'y', mailbox = 'm' }\n";

    #[test]
    fn an_unknown_key_is_named_with_its_neighbour() {
        assert_eq!(
            error(&format!("{PAIR}calender = ['Calendar']")),
            "evensync.toml, line 4: unknown key `calender` in [pair.alice]; did you mean \
             `calendars`?"
        );
        assert_eq!(
            error("pairs = 1"),
            "evensync.toml, line 1: unknown key `pairs` at the top; did you mean `pair`?"
        );
        let error = error("[pair.alice]\na = { endpoint = 'x', colour = 'm' }");
        assert!(error.contains("unknown key `colour` in [pair.alice.a]; known: "), "{error}");
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        let text = "[endpoint.x]\nkind = 'ews'\nauth = { kind = 'basic', password = 'hunter2' }";
        let error = error(text);
        assert!(error.contains("endpoint.x.auth.password: a secret is given only by reference"));
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn other_slips_read_well() {
        for (text, expected) in [
            (
                "[endpoint.x]\nkind = 'ewss'",
                "evensync.toml, line 2: endpoint.x.kind can't be `ewss`; did you mean `ews`? \
                 (known: ews, graph, local)",
            ),
            (
                "[endpoint.x]\nurl = 'u'",
                "evensync.toml, line 1: the key `kind` is missing in [endpoint.x]",
            ),
            (
                "[endpoint.x]\nkind = 'ews'\nauth = 'hunter2'",
                "evensync.toml, line 3: endpoint.x.auth: invalid type: a string, expected struct \
                 Auth",
            ),
        ] {
            assert_eq!(error(text), expected);
        }
        assert!(error("state = ").starts_with("evensync.toml, line 1: "));
        let literal =
            error("[endpoint.x]\nkind = 'ews'\nauth = { kind = 'basic', secret = { env = 3 } }");
        assert!(literal.contains("endpoint.x.auth.secret"), "{literal}");
    }
}
