//! The canonical request: what a signature is made of.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html#create-canonical-request>

use std::fmt::Write as _;

use super::digest::sha256_hex;
use super::http::Request;
use super::query;

/// Method, path, query, the headers named, their names, and the hash of the body.
pub fn canonical_request(request: &Request, signed_headers: &[String]) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, request.path, canonical_query(&request.query));
    for name in signed_headers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}:{}", canonical_value(request, name));
    }
    let _ = write!(text, "\n{}\n{}", signed_headers.join(";"), sha256_hex(&request.body));
    text
}

/// Encoded again from the decoded pairs, and sorted: the sender's own encoding does not count.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<String> = query::pairs(query)
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| format!("{}={}", query::encode(name), query::encode(value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// All values of one header, each with its runs of spaces made one.
fn canonical_value(request: &Request, name: &str) -> String {
    let values = request.headers.iter().filter(|(key, _)| key == name);
    let trimmed = values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "));
    trimmed.collect::<Vec<_>>().join(",")
}
