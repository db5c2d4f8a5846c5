//! Words of a command that a person is to paste.

use std::borrow::Cow;

/// A word as a POSIX shell reads it back: quoted where it holds more than letters, digits and what no shell obeys.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02>
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', r"'\''")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        let cases = [
            ("policy.yaml", "policy.yaml"),
            ("/tmp/a-b_c.1/p@2:3,4+5=6%", "/tmp/a-b_c.1/p@2:3,4+5=6%"),
            ("", "''"),
            ("my policy.yaml", "'my policy.yaml'"),
            ("it's", r"'it'\''s'"),
            ("~/p", "'~/p'"),
            ("$HOME/p", "'$HOME/p'"),
            ("a;b", "'a;b'"),
            ("größe.yaml", "'größe.yaml'"),
        ];
        for (text, expected) in cases {
            assert_eq!(word(text), expected);
        }
    }
}
