//! The forms in which log entries are pushed: Eventarc, Pub/Sub with and without its envelope, CloudEvents.
//!
//! An event that can never succeed is not refused but told as an item, because whatever is refused is sent again for days.
//! Media types that carry no JSON are refused: whoever set up such a delivery must hear of it.
//!
//! <https://cloud.google.com/pubsub/docs/push>, <https://cloud.google.com/pubsub/docs/payload-unwrapping>,
//! <https://cloud.google.com/eventarc/docs/cloudevents>,
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use std::{borrow::Cow, str};

use base64::{
    DecodeError, Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::logs::printable;
use crate::domain::{
    fields::{self, Fields},
    reasons::RejectReason,
};

/// What one POST brought.
#[derive(Debug)]
pub struct Delivery<'a> {
    pub form: Form,
    /// In the order of the body; only a batch has other than one.
    pub items: Vec<Item<'a>>,
    /// Pub/Sub's message id, or the CloudEvent's id.
    pub message_id: Option<String>,
    /// How often Pub/Sub tried, which it tells only of subscriptions with a dead-letter topic.
    pub attempt: Option<i64>,
}

/// One event of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The JSON of what should be a log entry.
    Entry(Cow<'a, [u8]>),
    /// A well-formed message without a payload, or with one that is no JSON object: somebody else's.
    NoEntry,
    Malformed(RejectReason),
}

/// How a delivery was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    Eventarc,
    EventarcPubsub,
    Structured,
    Batch,
    Pubsub,
    Unwrapped,
}

impl Form {
    /// The form as metrics name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Eventarc => "eventarc",
            Self::EventarcPubsub => "eventarc-pubsub",
            Self::Structured => "cloudevent",
            Self::Batch => "cloudevent-batch",
            Self::Pubsub => "pubsub",
            Self::Unwrapped => "unwrapped",
        }
    }
}

/// A delivery whose bytes are no JSON by their own account: the trigger or the subscription is set up wrongly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("content type {0:?}: expected JSON")]
    Type(String),
    /// Nothing is unpacked: a small body may hide a huge one.
    #[error("content encoding {0:?}: expected none")]
    Encoding(String),
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    }
}

/// Unpacks a POST's body. Any content type is taken for JSON unless it names another encoding.
///
/// # Errors
/// Protobuf, Avro and multipart bodies, and compressed ones.
pub fn decode<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Delivery<'a>, Refusal> {
    let media_type = media_type(headers);
    if ["protobuf", "avro", "multipart/"].iter().any(|other| media_type.contains(other)) {
        return Err(Refusal::Type(media_type));
    }
    if let Some(encoding) =
        headers.get(CONTENT_ENCODING).filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::Encoding(printable(&String::from_utf8_lossy(encoding.as_bytes())).into_owned()));
    }
    let mut delivery = match media_type.as_str() {
        "application/cloudevents-batch+json" => batch(body),
        _ => single(headers.contains_key("ce-type"), body),
    };
    let id_in_header = || ["x-goog-pubsub-message-id", "ce-id"].iter().find_map(|name| header(headers, name));
    delivery.message_id = delivery.message_id.or_else(|| id_in_header().map(str::to_owned));
    Ok(delivery)
}

fn single(is_cloud_event: bool, body: &[u8]) -> Delivery<'_> {
    let envelope = Envelope::of(body);
    let form = match (&envelope, is_cloud_event) {
        (Some(Envelope::Pubsub { .. }), true) => Form::EventarcPubsub,
        (Some(Envelope::Pubsub { .. }), false) => Form::Pubsub,
        (_, true) => Form::Eventarc,
        (Some(Envelope::CloudEvent(_)), false) => Form::Structured,
        (None, false) => Form::Unwrapped,
    };
    Delivery {
        form,
        message_id: envelope.as_ref().and_then(Envelope::id),
        attempt: envelope.as_ref().and_then(Envelope::attempt),
        items: vec![open(body, envelope, MOST_ENVELOPES)],
    }
}

/// In a batch: the smallest entries that say anything have half a KiB. Each event may cost a line in the log.
const MOST_EVENTS: usize = 1000;

fn batch(body: &[u8]) -> Delivery<'_> {
    const EXPECTED: &str = "a JSON array of at most 1000 CloudEvents";
    let malformed = |found: &str| vec![Item::Malformed(RejectReason::malformed("body", found, EXPECTED))];
    let items = match str::from_utf8(body).ok().and_then(|json| fields::list(json).ok()) {
        Some(events) if events.len() > MOST_EVENTS => malformed(&format!("{} of them", events.len())),
        Some(events) => events.into_iter().map(|json| open_any(json.as_bytes(), MOST_ENVELOPES)).collect(),
        None => malformed("other text"),
    };
    Delivery { form: Form::Batch, items, message_id: None, attempt: None }
}

/// What lies around a payload.
enum Envelope<'a> {
    CloudEvent(Fields<'a>),
    Pubsub { message: Fields<'a>, attempt: Option<i64> },
}

/// An entry may travel as a CloudEvent in a Pub/Sub message, and one subscription's push may be published to another
/// topic. Nobody packs deeper.
const MOST_ENVELOPES: usize = 2;

impl<'a> Envelope<'a> {
    /// Told by its members, as senders do not agree on content types. What has a log entry's is one.
    fn of(json: &'a [u8]) -> Option<Self> {
        let fields = Fields::parse_without(str::from_utf8(json).ok()?, &["logName", "protoPayload"])?;
        if fields.raw_any_case("specversion").is_some() {
            return Some(Self::CloudEvent(fields));
        }
        let message = fields.object("message")?;
        Some(Self::Pubsub { message, attempt: fields.integer("deliveryAttempt") })
    }

    fn id(&self) -> Option<String> {
        let id = match self {
            Self::CloudEvent(event) => fields::text(event.raw_any_case("id")?),
            Self::Pubsub { message, .. } => message.text("messageId"),
        };
        id.map(Cow::into_owned)
    }

    fn attempt(&self) -> Option<i64> {
        match self {
            Self::CloudEvent(_) => None,
            Self::Pubsub { attempt, .. } => *attempt,
        }
    }

    fn payload(&self) -> Result<Option<Cow<'a, [u8]>>, RejectReason> {
        let (field, base64) = match self {
            Self::CloudEvent(event) => match event.raw_any_case("data") {
                Some(data) => return Ok(Some(Cow::Borrowed(data.as_bytes()))),
                None => ("data_base64", event.raw_any_case("data_base64")),
            },
            Self::Pubsub { message, .. } => ("message.data", message.raw("data")),
        };
        let Some(text) = base64.and_then(fields::text) else { return Ok(None) };
        let bytes = from_base64(&text)
            .map_err(|error| RejectReason::malformed(field, &error.to_string(), "base64, of either alphabet"))?;
        Ok(Some(Cow::Owned(bytes)))
    }
}

fn open_any(json: &[u8], envelopes: usize) -> Item<'_> {
    open(json, Envelope::of(json), envelopes)
}

/// Takes the payload out of its envelopes.
fn open<'a>(json: &'a [u8], envelope: Option<Envelope<'a>>, envelopes: usize) -> Item<'a> {
    let Some(envelope) = envelope.filter(|_| envelopes > 0) else { return Item::Entry(Cow::Borrowed(json)) };
    match envelope.payload() {
        Ok(Some(payload)) if is_other_text(&payload) => Item::NoEntry,
        Ok(Some(Cow::Borrowed(payload))) => open_any(payload, envelopes - 1),
        Ok(Some(Cow::Owned(payload))) => match Envelope::of(&payload) {
            None => Item::Entry(Cow::Owned(payload)),
            inner => open(&payload, inner, envelopes - 1).into_owned(),
        },
        Ok(None) => Item::NoEntry,
        Err(reason) => Item::Malformed(reason),
    }
}

impl Item<'_> {
    fn into_owned(self) -> Item<'static> {
        match self {
            Item::Entry(json) => Item::Entry(Cow::Owned(json.into_owned())),
            Item::NoEntry => Item::NoEntry,
            Item::Malformed(reason) => Item::Malformed(reason),
        }
    }
}

/// Whether a payload never meant to be a JSON object: a topic may carry other people's messages.
fn is_other_text(payload: &[u8]) -> bool {
    str::from_utf8(payload).is_ok_and(|text| !text.trim_start().starts_with('{'))
}

/// Standard or URL-safe, padded or not.
fn from_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    let digits = text.trim().trim_end_matches('=');
    STANDARD_NO_PAD.decode(digits).or_else(|error| URL_SAFE_NO_PAD.decode(digits).map_err(|_| error))
}

fn media_type(headers: &HeaderMap) -> String {
    let whole = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
#[path = "tests/delivery.rs"]
mod tests;
