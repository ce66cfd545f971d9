//! Which certificates are trusted: the system's, or those of a bundle that the person names.

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::StsError;
use super::settings::CaBundle;

/// The trust for a connection. The HTTP client panics on a certificate that it cannot read, and real bundles hold
/// such ones: each is tried here first, and only the readable are handed on.
pub(super) fn context(ca_bundle: Option<&CaBundle>) -> Result<TlsContext, StsError> {
    let trust = match ca_bundle {
        None => TrustStore::default(),
        Some(bundle) => from_bundle(bundle)?,
    };
    let built = TlsContext::builder().with_trust_store(trust).build();
    built.map_err(|error| StsError::Setup(format!("TLS cannot be set up: {error}")))
}

fn from_bundle(bundle: &CaBundle) -> Result<TrustStore, StsError> {
    let (path, from) = (bundle.path.display().to_string(), bundle.from.clone());
    let failed = |reason: String| StsError::CaBundle { path: path.clone(), from: from.clone(), reason };
    let bytes = std::fs::read(&bundle.path).map_err(|error| failed(error.to_string()))?;
    let mut trust = TrustStore::empty();
    let mut usable = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| failed(format!("{error:?}")))?;
        let pem = as_pem(&certificate);
        if rustls::RootCertStore::empty().add(certificate).is_ok() {
            trust.add_pem_certificate(pem);
            usable += 1;
        }
    }
    if usable == 0 {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(trust)
}

fn as_pem(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let encoded = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    // RFC 7468: lines of at most 64 characters.
    for start in (0..encoded.len()).step_by(64) {
        pem.push_str(&encoded[start..encoded.len().min(start + 64)]);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem.into_bytes()
}
