//! Resource names, which follow RFC 1035.

use std::ops::RangeInclusive;

/// Compute's regular expression for names and tags.
pub const WANTED: &str = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'";

/// Lower-case letters, digits and hyphens; starts with a letter, does not end with a hyphen.
pub fn is_label(text: &str, long: RangeInclusive<usize>) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    long.contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(inner)
}
