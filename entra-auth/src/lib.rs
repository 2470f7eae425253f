//! OAuth tokens from Entra, for every adapter that signs in there.
//!
//! A [`TokenSource`] turns a [`ClientSecret`] into access tokens, keeps the current one in memory
//! and renews it before it ends. What Entra refuses becomes one sentence that names the fix.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod credential;
mod error;
mod roles;
mod source;

pub use credential::{ClientSecret, DEFAULT_AUTHORITY};
pub use error::Error;
pub use roles::roles;
pub use source::TokenSource;
