//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>

use super::super::auth::Caller;
use super::super::failure::Failure;
use super::super::session::{Facts, SessionKind};
use super::super::validate::Checked;
use super::super::world::World;
use super::super::xml::Element;
use super::Params;
use super::multi_factor::Sent;

/// A session that still is the user, with the MFA context if a code was sent.
pub fn perform(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let seconds = checked.duration(43_200, 900, 129_600);
    let sent = Sent::read(&mut checked);
    checked.finish()?;
    if caller.session.is_some() {
        return Err(Failure::access_denied("Cannot call GetSessionToken with session credentials"));
    }
    let mfa = sent.prove(world, caller)?;
    // "If the duration is longer than one hour, the session for AWS account owners defaults to one hour."
    let seconds = if caller.is_root() { seconds.min(3_600) } else { seconds };
    let facts = Facts { mfa, ..Facts::default() };
    let issued = world.issue(SessionKind::User, caller.principal.clone(), seconds, Some(&caller.access_key_id), facts);
    Ok(vec![issued.element()])
}
