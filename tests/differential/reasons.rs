//! Why multicred does something else than boto3: the whole list.

use super::files::Files;
use super::on_files::{self, base, default, include};
use super::on_ways;
use super::way::Way;

use OnFiles::{Refuse, Say};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    AlwaysADuration,
    SessionNamedAfterThePerson,
    DurationOfAWebIdentity,
    SessionForAKey,
    SessionForRoles,
    CodeAtTheFirstCall,
    HourInAChain,
    Default,
    Include,
    OwnKey,
    ProcessBesideTheRole,
    OnlyASource,
    Contradiction,
    DurationOfNoUse,
    CommentBehindAValue,
    ProcessInAShell,
    Tags,
    SourceIdentity,
}

impl Reason {
    /// Hold for every profile alike, and change nothing for whoever uses the credential.
    pub const HARMLESS: [Self; 2] = [Self::AlwaysADuration, Self::SessionNamedAfterThePerson];

    pub const ALL: [Self; 18] = [
        Self::AlwaysADuration,
        Self::SessionNamedAfterThePerson,
        Self::DurationOfAWebIdentity,
        Self::SessionForAKey,
        Self::SessionForRoles,
        Self::CodeAtTheFirstCall,
        Self::HourInAChain,
        Self::Default,
        Self::Include,
        Self::OwnKey,
        Self::ProcessBesideTheRole,
        Self::OnlyASource,
        Self::Contradiction,
        Self::DurationOfNoUse,
        Self::CommentBehindAValue,
        Self::ProcessInAShell,
        Self::Tags,
        Self::SourceIdentity,
    ];

    pub fn because(self) -> &'static str {
        match self {
            Self::AlwaysADuration => "boto3 leaves DurationSeconds out, which AWS takes for an hour",
            Self::SessionNamedAfterThePerson => "boto3 names a session after the time, multicred after the person",
            Self::DurationOfAWebIdentity => "boto3 leaves the duration_seconds of a web identity's role out",
            Self::SessionForAKey => "boto3 hands a user's key out, multicred a session",
            Self::SessionForRoles => {
                "boto3 asks for a code at each role, multicred once, in a session of the user whose device all name"
            }
            Self::CodeAtTheFirstCall => "boto3 sends a code with role credentials, of which AWS takes none",
            Self::HourInAChain => "boto3 asks AWS for more than the hour that it gives behind a session or a role",
            Self::Default => "boto3 inherits nothing from [default], multicred what says how",
            Self::Include => "boto3 does not know include_profile and parent_profile",
            Self::OwnKey => {
                "boto3 prefers a profile's source or role to its own key, multicred assumes the role by the key"
            }
            Self::ProcessBesideTheRole => "boto3 assumes no role from the credential_process of the role's own profile",
            Self::OnlyASource => {
                "boto3 finds nothing in a profile with source_profile and no role, multicred the source"
            }
            Self::Contradiction => "boto3 takes one of two sources and does not say so",
            Self::DurationOfNoUse => "boto3 passes over a duration_seconds that is none",
            Self::CommentBehindAValue => "boto3 takes a comment behind a value for a part of it",
            Self::ProcessInAShell => "boto3 runs a credential_process without a shell",
            Self::Tags => "boto3 does not know session_tags and transitive_session_tags",
            Self::SourceIdentity => "boto3 does not know source_identity",
        }
    }
}

/// A rule about what the files say.
pub enum OnFiles {
    /// Says it again in words that boto3 understands as multicred does the files' own.
    Say(fn(&mut Files, target: &str)),
    /// Why multicred refuses the target, where it does.
    Refuse(fn(&Files, target: &str) -> Option<String>),
}

/// In this order: what includes and `[default]` give counts as the profile's own from then on.
pub const ON_FILES: [(Reason, OnFiles); 14] = [
    (Reason::CommentBehindAValue, Say(on_files::leave_comments_out)),
    (Reason::Include, Refuse(include::refuse)),
    (Reason::Include, Say(include::write_out)),
    (Reason::Default, Say(default::write_out)),
    (Reason::Contradiction, Refuse(on_files::refuse_two_sources)),
    (Reason::OwnKey, Say(base::put_keys_apart)),
    (Reason::ProcessBesideTheRole, Say(base::put_processes_apart)),
    (Reason::ProcessInAShell, Say(on_files::do_as_a_shell)),
    (Reason::OnlyASource, Say(base::put_sources_in_place)),
    (Reason::DurationOfNoUse, Refuse(on_files::refuse_durations)),
    (Reason::Tags, Refuse(on_files::refuse_tags)),
    (Reason::SourceIdentity, Refuse(on_files::refuse_two_identities)),
    (Reason::CodeAtTheFirstCall, Say(on_files::leave_later_devices_out)),
    (Reason::HourInAChain, Say(on_files::cap_durations)),
];

/// Turns a way of boto3's into that of multicred, by what the files say at the end of [`ON_FILES`].
pub type OnWays = fn(&mut Way, &Files, target: &str);

/// In this order: the user's session comes last, since the hops move by it.
pub const ON_WAYS: [(Reason, OnWays); 7] = [
    (Reason::Tags, on_ways::add_tags),
    (Reason::SourceIdentity, on_ways::add_source_identity),
    (Reason::DurationOfAWebIdentity, on_ways::add_durations_of_web_identities),
    (Reason::AlwaysADuration, on_ways::add_durations),
    (Reason::SessionNamedAfterThePerson, on_ways::name_sessions),
    (Reason::SessionForAKey, on_ways::give_a_session),
    (Reason::SessionForRoles, on_ways::begin_with_a_session),
];
