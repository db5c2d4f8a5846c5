//! Globs over names: `*` stands for any run of characters.

use crate::domain::names::ConnectorRef;

/// `glob` matches the whole of `text`.
pub fn matches(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        None => glob == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| matches(rest, &tail[at..]))
        }),
    }
}

/// `glob` matches the connector's name, or, where it has a slash, its full name.
pub fn names(glob: &str, connector: &ConnectorRef) -> bool {
    if glob.contains('/') { matches(glob, &connector.to_string()) } else { matches(glob, connector.name.as_str()) }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs() {
        for (glob, text, expected) in [
            ("*", "", true),
            ("*", "conn", true),
            ("conn", "conn", true),
            ("conn", "conn-2", false),
            ("conn-*", "conn-2", true),
            ("vpc-access-allow-*-egress", "vpc-access-allow-a1b2-egress", true),
            ("vpc-access-allow-*-egress", "vpc-access-allow-a1b2-ingress", false),
            ("*-a-*", "x-a-a-y", true),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }
}
