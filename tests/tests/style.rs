//! The house rules that no tool holds: how long files and functions may be, and what is never
//! written.

use crate::{files_below, is_rust, read, workspace};
use std::path::Path;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// What no source says: a test that doesn't run, a stub, a leftover. Put together from halves, so
/// that this file doesn't say it either.
const NEVER: &[&str] = &[
    concat!("#[", "ignore"),
    concat!("#[", "should_panic"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];

/// Directories of one machine.
const MACHINE: &[&str] = &[concat!("/wo", "rk"), concat!("/ro", "ot"), concat!("/ho", "me")];

#[test]
fn files_are_short() {
    let long: Vec<String> = files_below(workspace(), &is_rust)
        .iter()
        .map(|path| (path, read(path).lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| format!("{}: {lines} lines", shown(path)))
        .collect();
    assert!(long.is_empty(), "over {FILE_LINES_MAX} lines: {long:#?}");
}

#[test]
fn functions_are_short() {
    let long: Vec<String> = files_below(workspace(), &|path| is_rust(path) && !is_test(path))
        .iter()
        .flat_map(|path| {
            let functions = functions(&read(path));
            functions.into_iter().map(|function| (shown(path), function)).collect::<Vec<_>>()
        })
        .filter(|(_, function)| function.lines > FUNCTION_LINES_MAX)
        .map(|(path, f)| format!("{path}:{}: {} has {} lines", f.begins, f.name, f.lines))
        .collect();
    assert!(long.is_empty(), "over {FUNCTION_LINES_MAX} lines: {long:#?}");
}

#[test]
fn nothing_is_stubbed_ignored_or_left_over() {
    assert_nowhere(&is_rust, &|line| NEVER.iter().any(|never| line.contains(never)));
}

#[test]
fn nothing_names_a_path_of_one_machine() {
    let kinds = ["rs", "toml", "sql", "md", "json", "snap", "yml", "txt"];
    let is_text = |path: &Path| {
        path.extension().is_some_and(|extension| kinds.iter().any(|kind| extension == *kind))
    };
    assert_nowhere(&is_text, &|line| MACHINE.iter().any(|machine| names_directory(line, machine)));
}

/// Whether `line` has `directory` at the beginning of a path: `/a/b`, not `x/a` and not `/ab`.
fn names_directory(line: &str, directory: &str) -> bool {
    line.match_indices(directory).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + directory.len()..].chars().next();
        let joins = |c: char| c.is_alphanumeric() || "-_.}~".contains(c);
        !before.is_some_and(joins) && after == Some('/')
    })
}

fn assert_nowhere(wanted: &dyn Fn(&Path) -> bool, bad: &dyn Fn(&str) -> bool) {
    let mut found = vec![];
    for path in files_below(workspace(), wanted) {
        let text = read(&path);
        let lines = (1..).zip(text.lines()).filter(|(_, line)| bad(line));
        found.extend(lines.map(|(n, line)| format!("{}:{n}: {}", shown(&path), line.trim())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

/// Whether the file belongs to a package's tests. The package `tests` has code of its own in `src`.
fn is_test(path: &Path) -> bool {
    let within = path.strip_prefix(workspace()).unwrap_or(path);
    within.components().skip(1).any(|part| part.as_os_str() == "tests")
}

struct Function {
    name: String,
    /// The line of its signature.
    begins: usize,
    lines: usize,
}

/// The functions of a formatted file, without those of its test module: each ends at the first
/// closing brace, or end of a signature without a body, that stands as far to the right as it does.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let code = lines.iter().position(|line| line.starts_with("#[cfg(test)]"));
    let code = &lines[..code.unwrap_or(lines.len())];
    let mut found = vec![];
    for (at, line) in code.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let margin = " ".repeat(indent);
        let ends = |line: &&str| match line.strip_prefix(&margin) {
            Some("}") => true,
            Some(end) => end.ends_with(';') && end.starts_with(')'),
            None => false,
        };
        let one_line = line.ends_with(';') || line.ends_with('}');
        let end = if one_line { 0 } else { code[at..].iter().position(ends).unwrap_or_default() };
        found.push(Function { name, begins: at + 1, lines: end + 1 });
    }
    found
}

/// The name of the function whose signature begins on `line`.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().peekable();
    while words.next_if(|word| is_qualifier(word)).is_some() {}
    (words.next() == Some("fn")).then_some(())?;
    let name = words.next()?;
    Some(name.split(['(', '<']).next().unwrap_or(name).to_owned())
}

fn is_qualifier(word: &str) -> bool {
    matches!(word, "pub" | "async" | "const" | "extern")
        || (word.starts_with("pub(") && word.ends_with(')'))
}

#[test]
fn functions_are_found_and_measured() {
    let text = "impl A {\n    pub(crate) async fn one(&self) {\n        x();\n    }\n\n    \
                fn two() {}\n}\n\nfn three<T>(\n    t: T,\n) {\n    y();\n}\n";
    let found: Vec<_> = functions(text).into_iter().map(|f| (f.name, f.begins, f.lines)).collect();
    let expected = [("one", 2, 3), ("two", 6, 1), ("three", 9, 5)];
    assert_eq!(found, expected.map(|(name, begins, lines)| (name.to_owned(), begins, lines)));
}
