//! The settings that there are.

use std::time::Duration;

use super::{Driver, SessionName};
use crate::credential_text::command_words;
use crate::identity::request::{limits, parse_duration};

/// One setting that there is.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    /// What a value must be, in words.
    pub(super) wanted: &'static str,
    pub(super) is_good: fn(&str) -> bool,
}

pub(super) const SESSION_NAME: usize = 0;
pub(super) const DRIVER: usize = 1;
pub(super) const PINENTRY: usize = 2;
pub(super) const YKMAN_ACCOUNT: usize = 3;
pub(super) const YKMAN_DEVICE: usize = 4;
pub(super) const AGENT_IDLE: usize = 5;
pub(super) const AGENT_START: usize = 6;
pub(super) const PASSPHRASE_DRIVER: usize = 7;
pub(super) const PASSPHRASE_PINENTRY: usize = 8;
pub(super) const CONSOLE_BROWSER: usize = 9;
pub(super) const CONSOLE_CONTAINER: usize = 10;
pub(super) const PROTECTED_LEASE: usize = 11;

/// An agent that keeps a key for longer is none that forgets.
const LONGEST_IDLE: u32 = 30 * 24 * 3600;

pub(super) const KNOWN: [Known; 12] = [
    Known {
        name: "role_session_name",
        default: "{user}",
        wanted: "a text with no other braces than {user}, {login} and {host}",
        is_good: |text| SessionName::read(text).is_some(),
    },
    Known {
        name: "mfa.driver",
        default: "terminal",
        wanted: "terminal, pinentry, ykman, zenity, kdialog or osascript",
        is_good: |text| Driver::from_word(text).is_some(),
    },
    Known {
        name: "mfa.pinentry",
        default: "pinentry",
        wanted: "the name of a program",
        is_good: |text| !text.is_empty(),
    },
    Known { name: "mfa.ykman_account", default: "", wanted: "a text", is_good: |_| true },
    Known { name: "mfa.ykman_device", default: "", wanted: "a text", is_good: |_| true },
    Known {
        name: "agent.idle",
        default: "8h",
        wanted: "a time from 1s to 720h, such as 8h or 90m",
        is_good: |text| idle(text).is_some(),
    },
    Known {
        name: "agent.start",
        default: "on-demand",
        wanted: "on-demand or off",
        is_good: |text| ["on-demand", "off"].contains(&text),
    },
    Known {
        name: "passphrase.driver",
        default: "terminal",
        wanted: "terminal or pinentry",
        is_good: |text| ["terminal", "pinentry"].contains(&text),
    },
    Known {
        name: "passphrase.pinentry",
        default: "pinentry",
        wanted: "the name of a program",
        is_good: |text| !text.is_empty(),
    },
    Known {
        name: "console.browser",
        default: "",
        wanted: "a plain command line",
        is_good: |text| text.is_empty() || command_words(text).is_some_and(|words| !words.is_empty()),
    },
    Known {
        name: "console.container",
        default: "",
        wanted: "a text without control characters",
        is_good: |text| !text.chars().any(char::is_control),
    },
    Known {
        name: "protected.lease",
        default: "15m",
        wanted: "a time from 15m to 12h, such as 15m or 1h",
        is_good: |text| lease(text).is_some(),
    },
];

/// How long a credential of a protected account lasts at most, in seconds: what AWS can give.
pub(super) fn lease(text: &str) -> Option<u32> {
    parse_duration(text).ok().filter(|seconds| (limits::SHORTEST..=limits::ROLE).contains(seconds))
}

/// A time after which the agent forgets.
pub(super) fn idle(text: &str) -> Option<Duration> {
    let seconds = parse_duration(text).ok().filter(|seconds| (1..=LONGEST_IDLE).contains(seconds))?;
    Some(Duration::from_secs(seconds.into()))
}
