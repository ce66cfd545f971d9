//! `SerialNumber` and `TokenCode`, as `AssumeRole` and `GetSessionToken` take them.

use super::super::auth::Caller;
use super::super::failure::Failure;
use super::super::session::SessionKind;
use super::super::validate::Checked;
use super::super::world::World;

/// The two parameters as sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    serial: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> Sent<'a> {
    pub fn read(checked: &mut Checked<'a>) -> Self {
        Self {
            serial: checked.optional("SerialNumber", (9, 256), "+=/:,.@-"),
            code: checked.optional("TokenCode", (6, 6), ""),
        }
    }

    /// Whether this call proved the caller's device. The code is used up by it, whatever becomes of the call.
    pub fn prove(self, world: &mut World, caller: &Caller) -> Result<bool, Failure> {
        let (serial, code) = match (self.serial, self.code) {
            (None, None) => return Ok(false),
            (Some(serial), Some(code)) => (serial, code),
            _ => {
                return Err(Failure::access_denied(
                    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
                ));
            }
        };
        let now = world.now();
        let of_a_user = matches!(caller.session, None | Some(SessionKind::User));
        let device =
            world.devices.get_mut(serial).filter(|device| of_a_user && device.owner_arn == caller.principal.arn());
        let device = device.ok_or_else(|| {
            Failure::access_denied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
                 valid and associated with this user.",
            )
        })?;
        if device.accept(code, now) {
            Ok(true)
        } else {
            Err(Failure::access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "))
        }
    }
}
