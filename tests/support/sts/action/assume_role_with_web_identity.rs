//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use super::super::failure::Failure;
use super::super::session::{Facts, SessionKind};
use super::super::validate::{self, Checked};
use super::super::world::World;
use super::super::xml::Element;
use super::{Params, assumed_role_user};

/// The one unsigned verb: the token is the proof.
pub fn perform(world: &mut World, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let text = |name: &str| params.get(name).map_or("", String::as_str);
    let (role_arn, token) = (text("RoleArn"), text("WebIdentityToken"));
    checked.required("RoleArn", (20, 2048), role_arn);
    checked.required("WebIdentityToken", (4, 20_000), token);
    let session_name = checked.required("RoleSessionName", (2, 64), "+=,.@-");
    let seconds = checked.duration(3_600, 900, 43_200);
    checked.finish()?;
    validate::role_arn(role_arn)?;
    let identity = world.web_identities.get(token).cloned().ok_or_else(|| {
        Failure::new(
            400,
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    })?;
    let denied = || Failure::access_denied("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let role = world.roles.get(role_arn).filter(|role| role.trusts_web_identity).ok_or_else(denied)?;
    if seconds > role.max_session_duration {
        return Err(Failure::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let session = world.role_session(role_arn, session_name).ok_or_else(denied)?;
    let user = assumed_role_user(&session);
    let issued = world.issue(SessionKind::Role, session, seconds, None, Facts::default());
    Ok(vec![
        Element::text("SubjectFromWebIdentityToken", identity.subject),
        Element::text("Audience", "sts.amazonaws.com"),
        user,
        issued.element(),
        Element::text("Provider", identity.provider),
    ])
}
