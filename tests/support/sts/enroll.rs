//! MFA devices of a world's users.

use super::mfa::Device;
use super::principal::Principal;
use super::world::World;

impl World {
    /// Gives a user (or root) an RFC 6238 device; returns its serial, `arn:aws:iam::…:mfa/NAME`.
    pub fn mfa_totp(&mut self, owner_arn: &str, seed: &[u8]) -> String {
        let serial = self.serial(owner_arn);
        self.mfa_device(&serial, owner_arn, Some(seed))
    }

    /// Gives a user (or root) a device that takes any six digits, each once; returns its serial.
    pub fn mfa_any(&mut self, owner_arn: &str) -> String {
        let serial = self.serial(owner_arn);
        self.mfa_device(&serial, owner_arn, None)
    }

    /// A device with a chosen serial, for a second device or a hardware one (`GAHT12345678`).
    pub fn mfa_device(&mut self, serial: &str, owner_arn: &str, seed: Option<&[u8]>) -> String {
        let owner = self.owner(owner_arn).arn();
        let device = seed.map_or_else(|| Device::any(&owner), |seed| Device::totp(&owner, seed));
        self.devices.insert(serial.to_owned(), device);
        serial.to_owned()
    }

    fn serial(&mut self, owner_arn: &str) -> String {
        match self.owner(owner_arn) {
            Principal::User { partition, account, name, .. } => format!("arn:{partition}:iam::{account}:mfa/{name}"),
            other => format!("arn:{}:iam::{}:mfa/root-account-mfa-device", other.partition(), other.account()),
        }
    }

    /// A code of this device that is good now and was neither used nor given out before. Never waits.
    pub fn mfa_code(&mut self, serial: &str) -> String {
        let now = self.now();
        match self.devices.get_mut(serial) {
            Some(device) => device.next_code(now),
            None => panic!("no MFA device {serial}"),
        }
    }

    /// The base32 seed of a TOTP device, for an authenticator.
    pub fn mfa_seed(&self, serial: &str) -> Option<String> {
        self.devices.get(serial).and_then(Device::seed)
    }
}
