//! A credential in parts, as another program keeps it.

use zeroize::Zeroizing;

use super::draft::{Draft, Field, Names};
use super::found::{Found, SectionFault};

const NAMES: Names = Names { id: "the access key id", secret: "the secret access key", token: "its session token" };

/// The parts of a credential, unchecked; an empty one is none.
#[derive(Default)]
pub struct Parts {
    /// What it is called there.
    pub section: Option<String>,
    /// The access key id; it may be a secret in the wrong place.
    pub access_key_id: Option<Zeroizing<String>>,
    /// The secret half of the key.
    pub secret_access_key: Option<Zeroizing<String>>,
    /// Only temporary credentials have one.
    pub session_token: Option<Zeroizing<String>>,
    /// A time, in any of the forms that tools write.
    pub expiry: Option<String>,
    /// The region that stands beside it.
    pub region: Option<String>,
    /// The MFA device that stands beside it.
    pub mfa_serial: Option<String>,
}

impl Parts {
    /// The credential; `None` where there is no part of one.
    pub fn checked(self) -> Option<Result<Found, SectionFault>> {
        let secret = |name: &str, text: Option<Zeroizing<String>>| {
            text.map(|text| Field { name: name.to_owned(), line: None, text })
        };
        let plain = |name: &str, text: Option<String>| secret(name, text.map(Zeroizing::new));
        let draft = Draft {
            names: &NAMES,
            line: None,
            id: secret(NAMES.id, self.access_key_id),
            secret: secret(NAMES.secret, self.secret_access_key),
            token: secret(NAMES.token, self.session_token),
            expiry: plain("its expiry", self.expiry),
            region: plain("its region", self.region),
            mfa_serial: plain("its MFA device", self.mfa_serial),
            section: self.section,
        };
        draft.finish()
    }
}
