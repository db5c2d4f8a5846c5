//! The forms in which log entries are pushed: Eventarc, Pub/Sub with and without its envelope, CloudEvents.
//!
//! An event that can never succeed is not refused but told as an item, because whatever is refused is sent again for days.
//! Media types that carry no JSON are refused: whoever set up such a delivery must hear of it.
//!
//! <https://cloud.google.com/pubsub/docs/push>, <https://cloud.google.com/pubsub/docs/payload-unwrapping>,
//! <https://cloud.google.com/eventarc/docs/cloudevents>,
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use std::{borrow::Cow, str, sync::LazyLock};

use base64::{
    DecodeError, Engine,
    engine::{Simd, general_purpose::NO_PAD},
};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::logs::printable;
use crate::domain::{
    audit::{
        entry::{self, Entry},
        reasons::RejectReason,
    },
    fields::{self, Fields},
};

/// What one POST brought.
#[derive(Debug)]
pub struct Delivery<'a> {
    pub form: Form,
    /// Pub/Sub's message id, or the CloudEvent's id.
    pub message_id: Option<Cow<'a, str>>,
    /// How often Pub/Sub tried, which it tells only of subscriptions with a dead-letter topic.
    pub attempt: Option<i64>,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    One(Result<Envelope<'a>, RejectReason>),
    /// As text, in the order of the body.
    Batch(Vec<&'a str>),
}

/// One event of a delivery.
#[derive(Debug)]
pub enum Item<'a> {
    /// A JSON object, which should be a log entry.
    Entry(Entry<'a>),
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
pub fn decode<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Result<Delivery<'a>, Refusal> {
    let media_type = media_type(headers);
    if ["protobuf", "avro", "multipart/"].iter().any(|other| media_type.contains(other)) {
        return Err(Refusal::Type(media_type.into_owned()));
    }
    if let Some(encoding) =
        headers.get(CONTENT_ENCODING).filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::Encoding(printable(&String::from_utf8_lossy(encoding.as_bytes())).into_owned()));
    }
    let mut delivery = match &*media_type {
        "application/cloudevents-batch+json" => batch(body),
        _ => single(headers.contains_key("ce-type"), body),
    };
    if delivery.message_id.is_none() {
        let id = ["x-goog-pubsub-message-id", "ce-id"].iter().find_map(|name| header(headers, name));
        delivery.message_id = id.map(Cow::Borrowed);
    }
    Ok(delivery)
}

impl Delivery<'_> {
    /// Takes every event out of its envelopes, in the order of the body; only a batch has other than one.
    pub fn each(self, mut hear: impl FnMut(Item<'_>)) {
        match self.content {
            Content::One(letter) => open(letter, MAX_ENVELOPES, &mut hear),
            Content::Batch(events) => {
                events.into_iter().for_each(|json| open(Envelope::read(json.as_bytes()), MAX_ENVELOPES, &mut hear));
            }
        }
    }
}

fn single(is_cloud_event: bool, body: &[u8]) -> Delivery<'_> {
    let letter = Envelope::read(body);
    let form = match (&letter, is_cloud_event) {
        (Ok(Envelope::Pubsub { .. }), true) => Form::EventarcPubsub,
        (Ok(Envelope::Pubsub { .. }), false) => Form::Pubsub,
        (_, true) => Form::Eventarc,
        (Ok(Envelope::CloudEvent(_)), false) => Form::Structured,
        (Ok(Envelope::Entry(_)) | Err(_), false) => Form::Unwrapped,
    };
    Delivery {
        form,
        message_id: letter.as_ref().ok().and_then(Envelope::id),
        attempt: letter.as_ref().ok().and_then(Envelope::attempt),
        content: Content::One(letter),
    }
}

/// In a batch: the smallest entries that say anything have half a KiB. Each event may cost a line in the log.
const MAX_EVENTS: usize = 1000;

fn batch(body: &[u8]) -> Delivery<'_> {
    const EXPECTED: &str = "a JSON array of at most 1000 CloudEvents";
    let malformed = |found: &str| Content::One(Err(RejectReason::malformed("body", found, EXPECTED)));
    let content = match str::from_utf8(body).ok().and_then(|json| fields::list(json).ok()) {
        Some(events) if events.len() > MAX_EVENTS => malformed(&format!("{} of them", events.len())),
        Some(events) => Content::Batch(events),
        None => malformed("other text"),
    };
    Delivery { form: Form::Batch, message_id: None, attempt: None, content }
}

/// A JSON object, told by its members, as senders do not agree on content types. What has a log entry's is one.
#[derive(Debug)]
enum Envelope<'a> {
    Entry(Entry<'a>),
    CloudEvent(Fields<'a>),
    Pubsub { message: Fields<'a>, attempt: Option<i64> },
}

/// An entry may travel as a CloudEvent in a Pub/Sub message, and one subscription's push may be published to another
/// topic. Nobody packs deeper.
const MAX_ENVELOPES: usize = 2;

impl<'a> Envelope<'a> {
    fn read(json: &'a [u8]) -> Result<Self, RejectReason> {
        let json = entry::utf8(json)?;
        let names = ["message", entry::PROTO_PAYLOAD];
        let (fields, [message, proto_payload]) = Fields::parse_with(json, names).map_err(entry::unreadable)?;
        let is_entry = proto_payload.is_some() || fields.has(entry::PROTO_PAYLOAD) || fields.has("logName");
        Ok(match message {
            _ if is_entry => Self::Entry(Entry::of(json, fields, proto_payload)),
            _ if fields.raw_any_case("specversion").is_some() => Self::CloudEvent(fields),
            Some(message) => Self::Pubsub { message, attempt: fields.integer("deliveryAttempt") },
            None => Self::Entry(Entry::of(json, fields, None)),
        })
    }

    fn id(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Entry(_) => None,
            Self::CloudEvent(event) => fields::text(event.raw_any_case("id")?),
            Self::Pubsub { message, .. } => message.text("messageId"),
        }
    }

    fn attempt(&self) -> Option<i64> {
        match self {
            Self::Entry(_) | Self::CloudEvent(_) => None,
            Self::Pubsub { attempt, .. } => *attempt,
        }
    }
}

/// What an envelope holds, if anything.
fn payload<'a>(field: &'static str, json: Option<&'a str>) -> Result<Option<Cow<'a, [u8]>>, RejectReason> {
    // Nobody escapes digits of base64, and what is escaped is none: it is decoded as it stands first.
    let bare = json.and_then(|json| json.strip_prefix('"')?.strip_suffix('"')).filter(|text| !text.is_empty());
    if let Some(bytes) = bare.and_then(|text| from_base64(text).ok()) {
        return Ok(Some(Cow::Owned(bytes)));
    }
    let Some(text) = json.and_then(fields::text) else { return Ok(None) };
    match from_base64(&text) {
        Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
        Err(error) => Err(RejectReason::malformed(field, &error.to_string(), "base64, of either alphabet")),
    }
}

fn open(letter: Result<Envelope<'_>, RejectReason>, envelopes: usize, hear: &mut dyn FnMut(Item<'_>)) {
    let payload = match letter {
        Ok(Envelope::Entry(entry)) => return hear(Item::Entry(entry)),
        Ok(_) if envelopes == 0 => return hear(Item::NoEntry),
        Ok(Envelope::CloudEvent(event)) => match event.raw_any_case("data") {
            Some(data) => Ok(Some(Cow::Borrowed(data.as_bytes()))),
            None => payload("data_base64", event.raw_any_case("data_base64")),
        },
        Ok(Envelope::Pubsub { message, .. }) => payload("message.data", message.raw("data")),
        Err(reason) => Err(reason),
    };
    match payload {
        Ok(Some(payload)) if !is_other_text(&payload) => open(Envelope::read(&payload), envelopes - 1, hear),
        Ok(_) => hear(Item::NoEntry),
        Err(reason) => hear(Item::Malformed(reason)),
    }
}

/// Whether a payload never meant to be a JSON object: a topic may carry other people's messages.
fn is_other_text(payload: &[u8]) -> bool {
    !payload.starts_with(b"{") && str::from_utf8(payload).is_ok_and(|text| !text.trim_start().starts_with('{'))
}

/// Standard or URL-safe, padded or not.
fn from_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    static STANDARD: LazyLock<Simd> = LazyLock::new(|| Simd::standard(NO_PAD));
    static URL_SAFE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));
    let digits = text.trim().trim_end_matches('=');
    STANDARD.decode(digits).or_else(|error| URL_SAFE.decode(digits).map_err(|_| error))
}

/// In lower case, without parameters.
fn media_type(headers: &HeaderMap) -> Cow<'_, str> {
    let whole = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let name = whole.split_once(';').map_or(whole, |(name, _)| name).trim();
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
#[path = "tests/delivery.rs"]
mod tests;
