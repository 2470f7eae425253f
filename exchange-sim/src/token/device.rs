//! Device codes: the client polls while a person signs in elsewhere (RFC 8628; MS docs: OAuth 2.0
//! device authorization grant). Here the person is the control API.

use super::call::Call;
use super::issue;
use super::later;
use super::refusal::Refusal;
use super::scope::Scope;
use crate::store::World;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How long a code is good.
const LIFETIME_SECONDS: i64 = 900;
/// How long a client waits between two polls, and how much longer after `slow_down`.
const INTERVAL_SECONDS: i64 = 5;
/// Milliseconds by which a poll may come early: what a network makes of an interval.
const EARLY_MS: i64 = 500;
/// Letters and digits of user codes, without those that look alike.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const PAGE: &str = "https://microsoft.com/devicelogin";

/// A code that was given out.
#[derive(Debug)]
pub(super) struct DeviceCode {
    user_code: String,
    scope: Scope,
    expires: Timestamp,
    interval_seconds: i64,
    next_poll: Timestamp,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Pending,
    /// By the user whose address this is.
    Approved(String),
    Declined,
    Redeemed,
}

/// Why a sign-in can't be completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("no user code '{0}' waits for a user")]
    UserCode(String),
    #[error("no mailbox '{0}'")]
    User(String),
}

/// Gives out a device code, under any tenant or alias (MS docs: OAuth 2.0 device authorization grant).
pub(super) fn begin(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    call.check_client(world)?;
    let scope = Scope::read(call.required("scope")?, &call.tenant)?;
    let user_code: String = (0..9).map(|_| char::from(*world.rng.pick(LETTERS))).collect();
    let (first, second) = (world.rng.bytes16(), world.rng.bytes16());
    let device_code = URL_SAFE_NO_PAD.encode([first, second].concat());
    let now = world.now();
    world.tokens.devices.insert(
        device_code.clone(),
        DeviceCode {
            user_code: user_code.clone(),
            scope,
            expires: later(now, LIFETIME_SECONDS),
            interval_seconds: INTERVAL_SECONDS,
            next_poll: now,
            state: State::Pending,
        },
    );
    Ok(json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": PAGE,
        "expires_in": LIFETIME_SECONDS,
        "interval": INTERVAL_SECONDS,
        "message": format!("To sign in, use a web browser to open the page {PAGE} and enter the \
                            code {user_code} to authenticate."),
    }))
}

/// Answers a poll.
pub(super) fn redeem(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    call.check_public_client(world)?;
    let now = world.now();
    let Some(code) = world.tokens.devices.get_mut(call.required("device_code")?) else {
        let text = "The device_code sent to the token endpoint wasn't recognized.";
        return Err(Refusal::new("bad_verification_code", 70_018, text));
    };
    if code.expires <= now && code.state != State::Redeemed {
        let text = "The provided value for the input parameter 'device_code' is not valid. This \
                    device code has expired.";
        return Err(Refusal::new("expired_token", 70_020, text));
    }
    match code.state.clone() {
        State::Pending => Err(wait(code, now)),
        State::Declined => {
            let text = "User declined to consent to access the app.";
            Err(Refusal::new("authorization_declined", 65_004, text))
        }
        State::Redeemed => {
            let text = "OAuth2 Authorization code was already redeemed, please retry with a new \
                        valid code or use an existing refresh token.";
            Err(Refusal::new("invalid_grant", 54_005, text))
        }
        State::Approved(user) => {
            let scope = code.scope.clone();
            code.state = State::Redeemed;
            let scope = scope.consented(&world.config)?;
            Ok(issue::delegated(world, &user, &scope, None))
        }
    }
}

fn wait(code: &mut DeviceCode, now: Timestamp) -> Refusal {
    let early = now < code.next_poll;
    if early {
        code.interval_seconds += INTERVAL_SECONDS;
    }
    let wait = SignedDuration::from_millis(code.interval_seconds * 1000 - EARLY_MS);
    code.next_poll = now.checked_add(wait).unwrap_or(now);
    if early {
        let text = "OAuth 2.0 device flow error. The client polls too quickly. Wait five seconds \
                    longer between requests.";
        return Refusal::new("slow_down", 70_016, text);
    }
    let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
    Refusal::new("authorization_pending", 70_016, text)
}

/// Signs a user in, or declines, in place of a person at the page.
pub(crate) fn complete(
    world: &mut World,
    user_code: &str,
    approved_by: Option<&str>,
) -> Result<(), Error> {
    let state = match approved_by {
        None => State::Declined,
        Some(user) => match world.find_user("", user) {
            Some(mailbox) => State::Approved(mailbox.address.clone()),
            None => return Err(Error::User(user.to_owned())),
        },
    };
    let now = world.now();
    let code = world.tokens.devices.values_mut().find(|code| {
        code.user_code.eq_ignore_ascii_case(user_code)
            && code.state == State::Pending
            && code.expires > now
    });
    let code = code.ok_or_else(|| Error::UserCode(user_code.to_owned()))?;
    code.state = state;
    Ok(())
}
