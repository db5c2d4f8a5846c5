//! Several calls in one request, which gcloud makes where a command names several resources.
//! <https://cloud.google.com/compute/docs/api/how-tos/batch>

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};

const BOUNDARY: &str = "batch_simulated";

/// One call of a batch, and the id that its answer has to bear.
pub struct Part {
    id: String,
    pub request: Request<Bytes>,
}

/// Whether a request is a batch: `/batch/compute/v1`.
pub fn is_batch(request: &Request<Bytes>) -> bool {
    request.method() == Method::POST && request.uri().path().starts_with("/batch/")
}

/// The calls of a batch; None if the body is not one.
pub fn parts(batch: &Request<Bytes>) -> Option<Vec<Part>> {
    let kind = batch.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary =
        kind.strip_prefix("multipart/mixed")?.split_once("boundary=")?.1.split(';').next()?.trim_matches('"');
    // Of JSON no line is an end of line, so that those of other systems need not be kept.
    let body = std::str::from_utf8(batch.body()).ok()?.replace("\r\n", "\n");
    let body = format!("\n{body}");
    let (within, _) = body.rsplit_once(&format!("\n--{boundary}--"))?;
    let between = format!("\n--{boundary}\n");
    let parts = within.split(&between).skip(1);
    parts.map(|part| read(part, batch)).collect()
}

fn read(part: &str, batch: &Request<Bytes>) -> Option<Part> {
    let (about, call) = part.split_once("\n\n")?;
    let id = headers(about).find(|(name, _)| name.eq_ignore_ascii_case("content-id")).map(|(_, id)| id)?;
    let (head, body) = call.split_once("\n\n").unwrap_or((call, ""));
    let (line, further) = head.split_once('\n').unwrap_or((head, ""));
    let mut words = line.split_whitespace();
    let mut request = Request::new(Bytes::copy_from_slice(body.trim_end().as_bytes()));
    *request.method_mut() = words.next()?.parse().ok()?;
    *request.uri_mut() = words.next()?.parse().ok()?;
    // What a call does not say, such as who makes it, the batch says for all.
    *request.headers_mut() = batch.headers().clone();
    for (name, value) in headers(further) {
        request.headers_mut().insert(name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?);
    }
    Some(Part { id: id.trim_matches(['<', '>']).to_owned(), request })
}

fn headers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()))
}

/// The answers of a batch as one.
pub fn joined<'a>(answers: impl Iterator<Item = (&'a Part, Response<Bytes>)>) -> Response<Bytes> {
    let mut body = String::new();
    for (part, answer) in answers {
        let status = answer.status();
        let says = status.canonical_reason().unwrap_or_default();
        body += &format!(
            "--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{}>\r\n\r\nHTTP/1.1 {} {says}\r\n",
            part.id,
            status.as_u16()
        );
        for (name, value) in answer.headers() {
            body += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        body += &format!("\r\n{}\r\n", String::from_utf8_lossy(answer.body()));
    }
    body += &format!("--{BOUNDARY}--\r\n");
    let mut response = Response::new(Bytes::from(body));
    let kind = HeaderValue::from_static("multipart/mixed; boundary=batch_simulated");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
