//! Signature version 4, computed from the bytes that arrived and from AWS's text alone.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use super::canonical::canonical_request;
use super::digest::{hex, hmac_sha256, sha256_hex};
use super::failure::Failure;
use super::http::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The parts of an `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    /// `20260102`
    pub date: String,
    pub region: String,
    pub service: String,
    /// In the order they were named.
    pub signed_headers: Vec<String>,
    pub signature: String,
}

impl Authorization {
    /// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    pub fn parse(header: &str) -> Result<Self, Failure> {
        let rest = header.strip_prefix(ALGORITHM).ok_or_else(|| {
            Failure::incomplete_signature(format!("Unsupported AWS 'algorithm': '{}'.", first_word(header)))
        })?;
        let field = |name: &str| {
            rest.split(',')
                .filter_map(|part| part.trim().split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
                .ok_or_else(|| missing(name, header))
        };
        let (credential, headers, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
        let parts: Vec<&str> = credential.split('/').collect();
        let [key, date, region, service, "aws4_request"] = parts[..] else {
            return Err(Failure::incomplete_signature(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        Ok(Self {
            access_key_id: key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: headers.split(';').map(str::to_owned).collect(),
            signature,
        })
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }

    /// The signature that the owner of `secret` would have made for this request.
    pub fn expected_signature(&self, secret: &str, request: &Request, amz_date: &str) -> String {
        let canonical = canonical_request(request, &self.signed_headers);
        let digest = sha256_hex(canonical.as_bytes());
        let text = format!("{ALGORITHM}\n{amz_date}\n{}\n{digest}", self.scope());
        hex(&hmac_sha256(&signing_key(secret, &self.date, &self.region, &self.service), &text))
    }

    /// The names must be sorted and in lower case, and cover the host and every `x-amz-*` header that was sent:
    /// what is not signed could be changed on the way.
    pub fn check_signed_headers(&self, request: &Request) -> Result<(), Failure> {
        if !self.signed_headers.is_sorted() || self.signed_headers.iter().any(|name| *name != name.to_ascii_lowercase())
        {
            return Err(Failure::signature("SignedHeaders must be sorted and in lower case."));
        }
        if !self.signed_headers.iter().any(|name| name == "host") {
            return Err(Failure::signature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let absent = self.signed_headers.iter().find(|name| request.header(name).is_none());
        if let Some(name) = absent {
            return Err(Failure::signature(format!("Signed header '{name}' is not in the request.")));
        }
        let sent = request.headers.iter().map(|(name, _)| name);
        match sent.filter(|name| name.starts_with("x-amz-")).find(|name| !self.signed_headers.contains(name)) {
            Some(name) => Err(Failure::signature(format!(
                "There were headers present in the request which were not signed: {name}"
            ))),
            None => Ok(()),
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn missing(name: &str, header: &str) -> Failure {
    Failure::incomplete_signature(format!(
        "Authorization header requires '{name}' parameter. Authorization={}",
        first_word(header)
    ))
}

/// HMAC chain of secret, date, region and service.
pub fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    [date, region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac_sha256(&key, part).to_vec())
        .try_into()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// The `ListUsers` request of AWS's signing documentation.
    fn list_users() -> Request {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Request {
            method: "GET".into(),
            path: "/".into(),
            query: "Action=ListUsers&Version=2010-05-08".into(),
            headers: vec![
                header("host", "iam.amazonaws.com"),
                header("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                header("x-amz-date", "20150830T123600Z"),
            ],
            body: Vec::new(),
            keep_alive: true,
        }
    }

    fn authorization() -> Authorization {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
            SignedHeaders=content-type;host;x-amz-date, \
            Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        match Authorization::parse(header) {
            Ok(parsed) => parsed,
            Err(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn the_signing_key_matches_awss_published_example() {
        assert_eq!(
            hex(&signing_key(SECRET, "20150830", "us-east-1", "iam")),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn the_canonical_request_hashes_to_awss_published_example() {
        let canonical = canonical_request(&list_users(), &authorization().signed_headers);
        assert_eq!(
            sha256_hex(canonical.as_bytes()),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
    }

    #[test]
    fn the_signature_matches_awss_published_example_and_no_other_secret_makes_it() {
        let parsed = authorization();
        assert_eq!(parsed.expected_signature(SECRET, &list_users(), "20150830T123600Z"), parsed.signature);
        assert_ne!(parsed.expected_signature("other", &list_users(), "20150830T123600Z"), parsed.signature);
    }

    #[test]
    fn an_unsigned_amz_header_or_host_is_refused() {
        let mut request = list_users();
        request.headers.push(("x-amz-security-token".into(), "t".into()));
        assert!(authorization().check_signed_headers(&list_users()).is_ok());
        assert!(authorization().check_signed_headers(&request).is_err());
        let mut hostless = authorization();
        hostless.signed_headers = vec!["x-amz-date".into()];
        assert!(hostless.check_signed_headers(&list_users()).is_err());
    }

    #[test]
    fn a_broken_authorization_header_is_named_not_guessed() {
        for bad in
            ["", "Basic abc", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x"]
        {
            assert_eq!(
                Authorization::parse(bad).map_err(|failure| failure.code),
                Err("IncompleteSignature".to_owned())
            );
        }
    }
}
