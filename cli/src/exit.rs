//! How a command ends, as those who started it are told.

use std::process::ExitCode;

/// An exit code. Where several pairs end differently, the one that wants a person first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is done.
    Clean,
    /// Failed.
    Failed,
    /// Done; decisions wait for a person.
    Waiting,
    /// A brake stopped it; nothing was written.
    Braked,
    /// Partly done; a rerun goes on.
    Partial,
    /// The command line is wrong.
    Usage,
    /// Throttled or locked: try later.
    TryLater,
    /// Sign-in or permission.
    Unauthorized,
    /// The configuration is wrong.
    Configuration,
}

impl Exit {
    /// All, the most urgent first.
    const BY_PRECEDENCE: [Self; 9] = [
        Self::Usage,
        Self::Configuration,
        Self::Unauthorized,
        Self::Failed,
        Self::Braked,
        Self::TryLater,
        Self::Partial,
        Self::Waiting,
        Self::Clean,
    ];

    /// The number that the operating system gets.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::Waiting => 2,
            Self::Braked => 3,
            Self::Partial => 4,
            Self::Usage => 64,
            Self::TryLater => 75,
            Self::Unauthorized => 77,
            Self::Configuration => 78,
        }
    }

    /// The exit that the engine means by `code`.
    pub fn from_code(code: u8) -> Self {
        Self::BY_PRECEDENCE.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }

    /// The more urgent of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let either = |exit: &Self| *exit == self || *exit == other;
        Self::BY_PRECEDENCE.into_iter().find(either).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command could not be carried out: a sentence for people, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Problem {
    /// How the command ends.
    pub exit: Exit,
    /// What happened, whether anything was written, and what to do next.
    pub sentence: String,
}

impl Problem {
    /// Ends with `exit`, telling `sentence`.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }

    /// What was asked for can't be done.
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Failed, sentence)
    }

    /// The command line asks for something that makes no sense.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// The configuration can't be used.
    pub fn configuration(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Configuration, sentence)
    }
}

impl From<sync_core::port::Error> for Problem {
    /// The stores' sentences say what the file is, that nothing was changed, and what to do.
    fn from(error: sync_core::port::Error) -> Self {
        let exit = match &error {
            sync_core::port::Error::Locked(_) => Exit::TryLater,
            sync_core::port::Error::Corrupt(_)
            | sync_core::port::Error::Newer(_)
            | sync_core::port::Error::Unavailable(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_exit_counts() {
        let order = [78, 77, 1, 3, 75, 4, 2, 0].map(Exit::from_code);
        for (position, one) in order.into_iter().enumerate() {
            for other in &order[position..] {
                assert_eq!(one.and(*other), one);
                assert_eq!(other.and(one), one);
            }
        }
    }

    #[test]
    fn codes_lead_back() {
        for exit in Exit::BY_PRECEDENCE {
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
        assert_eq!(Exit::from_code(99), Exit::Failed);
    }
}
