//! The container credential provider's endpoint (AWS SDKs and Tools Reference Guide, "Container credential provider").

use std::rc::Rc;

use http::{StatusCode, header};
use serde::Serialize;

use super::{
    Asked, Desk, HandOut, Refusal, Reply, Service, is_get, json_reply, not_found, only, refuse, refuse_method, token_of,
};
use crate::percent;

/// Where one of several identities is asked for, by the ARN of its role.
const BY_ROLE: &str = "/role-arn/";

/// The endpoint of every session that is asked with a token.
pub struct Container<D>(pub Rc<D>);

impl<D: Desk> Service for Container<D> {
    async fn answer(&self, asked: &Asked) -> Reply {
        let path = asked.uri().path();
        let arn = match path.strip_prefix(BY_ROLE) {
            Some(arn) => match percent::decode(arn).filter(|arn| !arn.is_empty()) {
                Some(arn) => Some(arn),
                None => return not_found(),
            },
            None if path == "/" => None,
            None => return not_found(),
        };
        if !is_get(asked) {
            return refuse_method("GET");
        }
        let Some(token) = only(asked, header::AUTHORIZATION.as_str()) else { return refusal(&Refusal::NoToken) };
        match self.0.of_token(token.as_bytes(), arn.as_deref()).await {
            Ok(hand_out) => credentials(&hand_out),
            Err(refused) => refusal(&refused),
        }
    }
}

/// What the SDKs read.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'h> {
    access_key_id: &'h str,
    secret_access_key: &'h str,
    token: &'h str,
    expiration: &'h str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'h str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'h str>,
}

fn credentials(hand_out: &HandOut) -> Reply {
    let HandOut { arn, account, credential, until, .. } = hand_out;
    let answer = Credentials {
        access_key_id: &credential.access_key_id,
        secret_access_key: credential.material.secret_access_key.expose(),
        token: token_of(credential),
        expiration: until,
        role_arn: arn.as_deref(),
        account_id: account.as_deref(),
    };
    json_reply(StatusCode::OK, &answer)
}

fn refusal(refused: &Refusal) -> Reply {
    match refused {
        Refusal::NoToken => {
            let message = "the token is not that of a live session: it was never one, or the session has ended";
            let mut reply = refuse(StatusCode::UNAUTHORIZED, "InvalidToken", message);
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("multicred"));
            reply
        }
        Refusal::NotGiven => {
            let message = "this session was not given that identity: see --also";
            refuse(StatusCode::FORBIDDEN, "AccessDenied", message)
        }
        Refusal::Unavailable(reason) => refuse(StatusCode::SERVICE_UNAVAILABLE, "CredentialsUnavailable", reason),
    }
}
