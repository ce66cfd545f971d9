//! What other tools keep of credentials, in their own forms, and what it is to us.
//!
//! No error of this module quotes a value: it may be the secret.

pub mod aws_vault;
pub mod fernet;
pub mod jwe;
pub mod mentaws;
pub mod multicred_py;
pub mod wal;
