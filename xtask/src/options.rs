//! The options of a command.

use std::collections::BTreeMap;

/// What was said, by name.
#[derive(Debug)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads options that are followed by a value, and flags that aren't.
    ///
    /// # Errors
    /// What is unknown, said twice, or lacks its value.
    pub fn read(arguments: &[String], valued: &[&str], flags: &[&str]) -> Result<Self, String> {
        let mut options = BTreeMap::new();
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let value = if valued.contains(&name.as_str()) {
                arguments.next().ok_or_else(|| format!("{name} needs a value"))?.clone()
            } else if flags.contains(&name.as_str()) {
                String::new()
            } else {
                return Err(format!("no option '{name}' here"));
            };
            if options.insert(name.clone(), value).is_some() {
                return Err(format!("{name} is said twice"));
            }
        }
        Ok(Self(options))
    }

    /// The value of an option.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a flag was set.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value of an option that takes a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let parse = |text: &str| text.parse().map_err(|_| format!("{name}: '{text}' is no number"));
        self.text(name).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read(&arguments, &["--seed", "--crash"], &["--journal"])
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let options = read("--seed 7 --journal").expect("options");
        assert_eq!((options.number("--seed"), options.number("--crash")), (Ok(Some(7)), Ok(None)));
        assert!(options.has("--journal"));
        let wrong = |line: &str| read(line).expect_err(line);
        assert_eq!(wrong("--sed 7"), "no option '--sed' here");
        assert_eq!(wrong("--crash"), "--crash needs a value");
        assert_eq!(wrong("--seed 7 --seed 8"), "--seed is said twice");
        let options = read("--seed x").expect("options");
        assert_eq!(options.number("--seed"), Err("--seed: 'x' is no number".to_owned()));
    }
}
