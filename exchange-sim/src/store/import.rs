//! Sessions in which items are imported: who holds the URL of one may write to its mailbox.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Sessions kept; the oldest is forgotten for a new one.
const SESSIONS_MAX: usize = 1_000;
/// How long a session lives; published is only that it ends (docs: mailboxItemImportSession).
const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The mailbox's address in lower case.
    pub mailbox: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// All sessions, by the token in their URL.
#[derive(Debug, Default)]
pub struct Sessions {
    by_token: BTreeMap<String, Session>,
    /// Oldest first.
    tokens: VecDeque<String>,
}

impl Sessions {
    /// Begins one under a new token and tells when it ends.
    pub fn open(&mut self, token: String, mailbox: &str, now: Timestamp) -> Timestamp {
        if self.tokens.len() >= SESSIONS_MAX
            && let Some(oldest) = self.tokens.pop_front()
        {
            self.by_token.remove(&oldest);
        }
        let expires = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
        let session = Session { mailbox: mailbox.to_owned(), expires };
        self.by_token.insert(token.clone(), session);
        self.tokens.push_back(token);
        expires
    }

    /// The session of a token, unless it is over.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<&Session> {
        self.by_token.get(token).filter(|session| session.expires > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_bounded_and_end() {
        let mut sessions = Sessions::default();
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..=SESSIONS_MAX {
            sessions.open(number.to_string(), "anna@contoso.example", now);
        }
        assert_eq!(sessions.find("0", now), None);
        let session = sessions.find("1", now).expect("there");
        assert_eq!(
            (session.mailbox.as_str(), session.expires),
            ("anna@contoso.example", now + LIFE)
        );
        assert_eq!(sessions.find("1", now + LIFE), None);
        assert_eq!(sessions.by_token.len(), SESSIONS_MAX);
    }
}
