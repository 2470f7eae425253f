//! Secrets, which a configuration names and never holds.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a literal is refused.
const LITERAL: &str = "a secret is given only by reference, because configuration files get copied, \
    backed up and shown; write { env = \"NAME\" }, { file = \"PATH\" }, { command = [\"PROGRAM\", …] } \
    or { systemd-credential = \"NAME\" } instead, and change the secret if the file was ever shared";

/// Why an address with credentials is refused.
const CREDENTIALS: &str = "an address holds no user and no password (no `@`), because addresses get \
    shown and logged; give them under `auth`, and change the password if the file was ever shared";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SecretRef(Reference);

/// Where a secret is: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Reference {
    /// In this environment variable.
    Env(String),
    /// In this file, which nobody but its owner may read.
    File(PathBuf),
    /// In what this program writes.
    Command(Vec<String>),
    /// In the system's keyring, under this name.
    Keyring(String),
    /// In this credential of the systemd unit.
    SystemdCredential(String),
}

impl SecretRef {
    /// Reads the secret; relative paths start at `directory`. The error is a sentence about the
    /// reference, and never holds any of the secret.
    pub fn read(&self, directory: &Path) -> Result<SecretString, String> {
        let text = match &self.0 {
            Reference::Env(name) => std::env::var(name).map_err(|e| match e {
                std::env::VarError::NotPresent => {
                    format!("the environment variable {name} is not set; set it, or name another")
                }
                std::env::VarError::NotUnicode(_) => {
                    format!("the environment variable {name} is not UTF-8 text")
                }
            })?,
            Reference::File(path) => private_file(&directory.join(path))?,
            Reference::Command(words) => output_of(words, directory)?,
            Reference::Keyring(name) => {
                return Err(format!(
                    "this version of evensync can't read the keyring (entry {name}); use env, \
                     file, command or systemd-credential"
                ));
            }
            Reference::SystemdCredential(name) => credential(name)?,
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(format!("{self} is empty"));
        }
        Ok(SecretString::from(text))
    }

    /// Whether this build can't read such a reference.
    pub fn is_keyring(&self) -> bool {
        matches!(self.0, Reference::Keyring(_))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reference::Env(name) => write!(f, "the environment variable {name}"),
            Reference::File(path) => write!(f, "the file {}", path.display()),
            Reference::Command(words) => {
                write!(f, "the output of {}", words.first().map_or("no command", |w| w.as_str()))
            }
            Reference::Keyring(name) => write!(f, "the keyring entry {name}"),
            Reference::SystemdCredential(name) => write!(f, "the systemd credential {name}"),
        }
    }
}

/// Reads an address that holds no credentials: whoever shows the configuration would show them.
pub(super) fn bare_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let address = Option::<String>::deserialize(deserializer)?;
    if address.as_ref().is_some_and(|address| address.contains('@')) {
        return Err(serde::de::Error::custom(CREDENTIALS));
    }
    Ok(address)
}

/// Reads the name of a state: a path, or an address that holds no credentials.
pub(super) fn bare_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let state = String::deserialize(deserializer)?;
    if state.contains("://") && state.contains('@') {
        return Err(serde::de::Error::custom(CREDENTIALS));
    }
    Ok(state)
}

fn private_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let unreadable = |e: std::io::Error| format!("{shown} can't be read ({e})");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(format!(
                "{shown} may be read by others (mode {:o}); run `chmod 600 {shown}`, and change the \
                 secret if someone may have seen it",
                mode & 0o777
            ));
        }
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn output_of(words: &[String], directory: &Path) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command that gives the secret is empty".to_owned());
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("{program}, which gives the secret, can't be run ({e})"))?;
    if !output.status.success() {
        return Err(format!("{program}, which gives the secret, failed ({})", output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("{program}, which gives the secret, wrote something else than text"))
}

/// systemd.exec(5): credentials are files below `$CREDENTIALS_DIRECTORY`.
fn credential(name: &str) -> Result<String, String> {
    if name.contains('/') || name.starts_with('.') {
        return Err(format!("{name:?} is no name of a systemd credential"));
    }
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        format!(
            "there are no systemd credentials here ($CREDENTIALS_DIRECTORY is not set); run as a \
             unit with LoadCredential={name}:PATH"
        )
    })?;
    std::fs::read_to_string(Path::new(&directory).join(name))
        .map_err(|e| format!("the systemd credential {name} can't be read ({e})"))
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneReference;

        impl<'de> Visitor<'de> for OneReference {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reference to a secret, as { env = \"NAME\" }")
            }

            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretRef, E> {
                Err(E::custom(LITERAL))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRef, A::Error> {
                Reference::deserialize(MapAccessDeserializer::new(map)).map(SecretRef)
            }
        }

        deserializer.deserialize_any(OneReference)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Reference::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(reference: Reference, directory: &Path) -> Result<String, String> {
        SecretRef(reference).read(directory).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_command_gives_its_output_without_the_line_end() {
        let here = Path::new(".");
        let command = |words: &[&str]| {
            Reference::Command(words.iter().map(|&word| word.to_owned()).collect())
        };
        assert_eq!(read(command(&["printf", "a b\r\n"]), here), Ok("a b".to_owned()));
        assert!(read(command(&["false"]), here).is_err());
        assert!(read(command(&["true"]), here).is_err_and(|e| e.contains("empty")));
        assert!(read(command(&[]), here).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a temporary folder");
        let path = directory.path().join("secret");
        std::fs::write(&path, "s3cret\n").expect("writable");
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        mode(0o640).expect("our own file");
        let refused = read(Reference::File("secret".into()), directory.path());
        assert!(refused.is_err_and(|e| e.contains("chmod 600") && !e.contains("s3cret")));
        mode(0o600).expect("our own file");
        assert_eq!(read(Reference::File("secret".into()), directory.path()), Ok("s3cret".into()));
    }
}
