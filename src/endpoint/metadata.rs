//! EC2's instance metadata service, as far as SDKs ask it for credentials and for the region (EC2 User Guide, "Use the
//! Instance Metadata Service to access instance metadata"). Other paths are not there, the newer
//! `security-credentials-extended` among them: SDKs then ask the older ones.

mod token;

use std::rc::Rc;

use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::{
    Asked, HandOut, Refusal, Reply, Service, is_get, json_reply_as, not_found, only, refuse, refuse_method, text_reply,
};
use crate::percent;

use token::Tokens;

pub use token::TokenKey;

/// How long a token shall last, in the request and in the answer.
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
/// What a proxy adds that was left open to the world: AWS refuses it, too.
const FORWARDED_HEADER: &str = "x-forwarded-for";
/// Of a name that is not known.
const SOMEBODY: &str = "multicred";

/// What the machine is that a metadata service tells of.
pub trait Machine {
    /// The credential of its role.
    fn hand_out(&self) -> impl Future<Output = Result<Rc<HandOut>, Refusal>>;
    /// The clock by which tokens end: it goes on while the machine sleeps, and is never set.
    fn seconds(&self) -> u64;
}

/// The metadata service of a machine. Whoever can connect may ask.
pub struct Metadata<M> {
    machine: M,
    tokens: Tokens,
    region: Option<String>,
    v1: bool,
}

impl<M: Machine> Metadata<M> {
    /// With a key for its tokens, and perhaps a region to tell; `v1` answers those who show no token, too.
    pub fn new(machine: M, key: TokenKey, region: Option<String>, v1: bool) -> Self {
        Self { machine, tokens: Tokens(key), region, v1 }
    }

    /// A token. It is remembered nowhere: its end is in it, under a seal.
    fn token(&self, asked: &Asked) -> Reply {
        if asked.method() != Method::PUT {
            return refuse_method("PUT");
        }
        let Some(seconds) = only_text(asked, TTL_HEADER).and_then(token::lifetime) else {
            let message = "a token lasts from 1 to 21600 seconds: say how long in X-aws-ec2-metadata-token-ttl-seconds";
            return refuse(StatusCode::BAD_REQUEST, "BadRequest", message);
        };
        let token = self.tokens.issue(self.machine.seconds() + u64::from(seconds));
        let mut reply = text_reply(StatusCode::OK, token);
        reply.headers_mut().insert(TTL_HEADER, HeaderValue::from(seconds));
        reply
    }

    /// Whether somebody shows a token that is good, or none where that is enough.
    fn lets_in(&self, asked: &Asked) -> bool {
        if !asked.headers().contains_key(TOKEN_HEADER) {
            return self.v1;
        }
        only_text(asked, TOKEN_HEADER).is_some_and(|token| self.tokens.is_good(token, self.machine.seconds()))
    }

    async fn tell(&self, path: &[String]) -> Reply {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path[..] {
            ["meta-data", "iam", "security-credentials"] => self.of_role(|held| Some(text(role_name(held)))).await,
            ["meta-data", "iam", "security-credentials", name] => {
                self.of_role(|held| (role_name(held) == name).then(|| credentials(held))).await
            }
            ["meta-data", "iam", "info"] => self.of_role(info).await,
            ["meta-data", "placement", "region"] => self.of_region(text),
            ["meta-data", "placement", "availability-zone"] => self.of_region(|region| text(&zone(region))),
            ["dynamic", "instance-identity", "document"] => self.document().await,
            _ => not_found(),
        }
    }

    async fn of_role(&self, tell: impl FnOnce(&HandOut) -> Option<Reply>) -> Reply {
        match self.machine.hand_out().await {
            Ok(held) => tell(&held).unwrap_or_else(not_found),
            Err(Refusal::Unavailable(reason)) => {
                refuse(StatusCode::SERVICE_UNAVAILABLE, "CredentialsUnavailable", &reason)
            }
            // The session has ended, and its port is about to.
            Err(Refusal::NoToken | Refusal::NotGiven) => not_found(),
        }
    }

    fn of_region(&self, tell: impl FnOnce(&str) -> Reply) -> Reply {
        self.region.as_deref().map_or_else(not_found, tell)
    }

    /// Of the document what is true here.
    async fn document(&self) -> Reply {
        let Some(region) = &self.region else { return not_found() };
        self.of_role(|held| {
            let mut document = json!({ "version": "2017-09-30", "region": region, "availabilityZone": zone(region) });
            if let Some(account) = &held.account {
                document["accountId"] = account.as_str().into();
            }
            Some(json_text(&document))
        })
        .await
    }
}

impl<M: Machine> Service for Metadata<M> {
    async fn answer(&self, asked: &Asked) -> Reply {
        if asked.headers().contains_key(FORWARDED_HEADER) {
            return refuse(StatusCode::FORBIDDEN, "Forbidden", "a request that was forwarded is not answered");
        }
        let Some(path) = segments(asked.uri().path()) else { return not_found() };
        let Some(("latest", path)) = path.split_first().map(|(first, rest)| (first.as_str(), rest)) else {
            return not_found();
        };
        if path == ["api", "token"] {
            return self.token(asked);
        }
        if !is_get(asked) {
            return refuse_method("GET");
        }
        if !self.lets_in(asked) {
            return refuse(StatusCode::UNAUTHORIZED, "Unauthorized", "show a token: PUT /latest/api/token gives one");
        }
        self.tell(path).await
    }
}

/// A path's parts. With a slash at its end, or two at the beginning where an SDK joins them badly, it is the same path.
fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|part| !part.is_empty()).map(percent::decode).collect()
}

fn only_text<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    only(asked, name)?.to_str().ok()
}

/// What the SDKs read.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'h> {
    code: &'static str,
    last_updated: &'h str,
    r#type: &'static str,
    access_key_id: &'h str,
    secret_access_key: &'h str,
    token: &'h str,
    expiration: &'h str,
}

fn credentials(held: &HandOut) -> Reply {
    let HandOut { credential, since, until, .. } = held;
    json_text(&Credentials {
        code: "Success",
        last_updated: since,
        r#type: "AWS-HMAC",
        access_key_id: &credential.access_key_id,
        secret_access_key: credential.material.secret_access_key.expose(),
        token: super::token_of(credential),
        expiration: until,
    })
}

/// The profile through which an instance would have its role: programs read the account out of it.
fn info(held: &HandOut) -> Option<Reply> {
    let (account, partition) = (held.account.as_ref()?, held.arn.as_deref()?.split(':').nth(1)?);
    let arn = format!("arn:{partition}:iam::{account}:instance-profile/{}", role_name(held));
    Some(json_text(&json!({ "Code": "Success", "LastUpdated": held.since, "InstanceProfileArn": arn })))
}

/// The last part of the ARN: `Admin`, `alice`, `root`.
fn role_name(held: &HandOut) -> &str {
    held.arn
        .as_deref()
        .and_then(|arn| arn.rsplit([':', '/']).next())
        .filter(|name| !name.is_empty())
        .unwrap_or(SOMEBODY)
}

/// Every region has a zone of that name, and SDKs read the region out of it.
fn zone(region: &str) -> String {
    format!("{region}a")
}

/// JSON that calls itself text, as the metadata service's does.
fn json_text(value: &impl Serialize) -> Reply {
    json_reply_as("text/plain", StatusCode::OK, value)
}

fn text(text: &str) -> Reply {
    text_reply(StatusCode::OK, text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use http_body_util::BodyExt;

    use super::*;
    use crate::secret::{Credential, KeyMaterial, Secret};

    struct Still {
        arn: Option<&'static str>,
        now: Cell<u64>,
    }

    impl Machine for Still {
        async fn hand_out(&self) -> Result<Rc<HandOut>, Refusal> {
            let material =
                KeyMaterial { secret_access_key: Secret::new("hush"), session_token: Some(Secret::new("t")) };
            Ok(Rc::new(HandOut {
                shown: "prod/Admin".into(),
                arn: self.arn.map(str::to_owned),
                account: self.arn.map(|_| "111122223333".to_owned()),
                credential: Credential { access_key_id: "ASIA".into(), material, expires_at: None },
                since: "2030-01-01T00:00:00Z".into(),
                until: "2030-01-01T01:00:00Z".into(),
            }))
        }

        fn seconds(&self) -> u64 {
            self.now.get()
        }
    }

    fn service(region: Option<&str>, v1: bool) -> Metadata<Still> {
        let machine = Still { arn: Some("arn:aws-cn:iam::111122223333:role/team/Admin"), now: Cell::new(1_000) };
        Metadata::new(machine, TokenKey::new([7; 32]), region.map(str::to_owned), v1)
    }

    /// Status and body.
    fn ask(service: &Metadata<Still>, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let asked = http::Request::builder().method(method).uri(path);
        let asked = headers.iter().fold(asked, |asked, (name, value)| asked.header(*name, *value)).body(()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let reply = service.answer(&asked).await;
            let status = reply.status().as_u16();
            let body = reply.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(body.to_vec()).unwrap())
        })
    }

    fn token(service: &Metadata<Still>, ttl: &str) -> String {
        let (status, token) = ask(service, "PUT", "/latest/api/token", &[(TTL_HEADER, ttl)]);
        assert_eq!(status, 200, "{token}");
        token
    }

    #[test]
    fn the_paths_that_sdks_ask_are_there_with_and_without_a_slash() {
        let service = service(Some("cn-north-1"), false);
        let token = token(&service, "21600");
        let told = |path: &str| ask(&service, "GET", path, &[(TOKEN_HEADER, &token)]);
        let roles = "/latest/meta-data/iam/security-credentials";
        for path in [roles.to_owned(), format!("{roles}/"), format!("/{roles}/")] {
            assert_eq!(told(&path), (200, "Admin".to_owned()), "{path}");
        }
        let credentials: serde_json::Value = serde_json::from_str(&told(&format!("{roles}/Admin")).1).unwrap();
        let expected = json!({
            "Code": "Success", "LastUpdated": "2030-01-01T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": "ASIA",
            "SecretAccessKey": "hush", "Token": "t", "Expiration": "2030-01-01T01:00:00Z",
        });
        assert_eq!(credentials, expected);
        assert_eq!(told("/latest/meta-data/placement/region").1, "cn-north-1");
        assert_eq!(told("/latest/meta-data/placement/availability-zone/").1, "cn-north-1a");
        assert!(told("/latest/meta-data/iam/info").1.contains("arn:aws-cn:iam::111122223333:instance-profile/Admin"));
        let document: serde_json::Value =
            serde_json::from_str(&told("/latest/dynamic/instance-identity/document").1).unwrap();
        assert_eq!((&document["region"], &document["accountId"]), (&"cn-north-1".into(), &"111122223333".into()));
    }

    #[test]
    fn whatever_else_is_asked_is_not_there() {
        let service = service(None, false);
        let token = token(&service, "60");
        for path in [
            "/",
            "/latest",
            "/latest/meta-data/",
            "/latest/user-data",
            "/latest/meta-data/iam/security-credentials/Other",
            "/latest/meta-data/iam/security-credentials-extended/",
            "/latest/meta-data/iam/security-credentials/Admin/more",
            "/latest/meta-data/%zz",
            "/latest/meta-data/placement/region",
            "/latest/dynamic/instance-identity/document",
            "/2021-01-03/meta-data/iam/info",
        ] {
            assert_eq!(ask(&service, "GET", path, &[(TOKEN_HEADER, &token)]).0, 404, "{path}");
        }
        for method in ["PUT", "POST", "HEAD", "DELETE", "OPTIONS"] {
            assert_eq!(
                ask(&service, method, "/latest/meta-data/iam/info", &[(TOKEN_HEADER, &token)]).0,
                405,
                "{method}"
            );
        }
        assert_eq!(ask(&service, "GET", "/latest/api/token", &[(TTL_HEADER, "60")]).0, 405);
        for headers in [&[(TOKEN_HEADER, &*token), (FORWARDED_HEADER, "10.0.0.1")][..], &[(FORWARDED_HEADER, "")]] {
            assert_eq!(ask(&service, "GET", "/latest/meta-data/iam/info", headers).0, 403);
        }
        assert_eq!(ask(&service, "PUT", "/latest/api/token", &[(TTL_HEADER, "60"), (FORWARDED_HEADER, "x")]).0, 403);
    }

    #[test]
    fn a_token_is_demanded_and_ends_when_it_was_to_end() {
        let roles = "/latest/meta-data/iam/security-credentials/";
        for (v1, without) in [(false, 401), (true, 200)] {
            let service = service(None, v1);
            let good = token(&service, "2");
            assert_eq!(ask(&service, "GET", roles, &[]).0, without);
            assert_eq!(ask(&service, "GET", roles, &[(TOKEN_HEADER, "AQAE")]).0, 401, "a wrong one is worse than none");
            assert_eq!(ask(&service, "GET", roles, &[(TOKEN_HEADER, &good), (TOKEN_HEADER, &good)]).0, 401);
            assert_eq!(ask(&service, "GET", roles, &[(TOKEN_HEADER, &good)]).0, 200);
            service.machine.now.set(1_001);
            assert_eq!(ask(&service, "GET", roles, &[(TOKEN_HEADER, &good)]).0, 200);
            service.machine.now.set(1_002);
            assert_eq!(ask(&service, "GET", roles, &[(TOKEN_HEADER, &good)]).0, 401);
        }
    }

    #[test]
    fn a_token_lasts_from_a_second_to_six_hours() {
        let service = service(None, false);
        for bad in ["0", "21601", "-1", "+5", "", "1.5", "99999999999", " 5"] {
            assert_eq!(ask(&service, "PUT", "/latest/api/token", &[(TTL_HEADER, bad)]).0, 400, "{bad}");
        }
        assert_eq!(ask(&service, "PUT", "/latest/api/token", &[]).0, 400);
        assert_eq!(ask(&service, "PUT", "/latest/api/token", &[(TTL_HEADER, "5"), (TTL_HEADER, "5")]).0, 400);
    }

    #[test]
    fn whoever_has_no_arn_has_a_name_still() {
        let mut service = service(None, true);
        service.machine.arn = None;
        assert_eq!(ask(&service, "GET", "/latest/meta-data/iam/security-credentials", &[]), (200, SOMEBODY.to_owned()));
        assert_eq!(ask(&service, "GET", "/latest/meta-data/iam/info", &[]).0, 404);
    }
}
