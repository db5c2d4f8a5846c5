//! The answer to a call as an HTTP response.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::sim::api::errors::{Refusal, Shape};

pub fn response(status: StatusCode, document: &Value) -> Response<Bytes> {
    let mut response = Response::new(document.to_string().into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub fn refused(refusal: &Refusal, shape: Shape) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.code.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, &refusal.document(shape))
}
