//! Commands of ours that texts tell the reader to run: they ask the cloud that this command asked.

use std::borrow::Cow;

const PROGRAM: &str = "egress-reconciler ";
/// The commands that ask a cloud.
const ASKING: [&str; 9] = ["apply", "doctor", "explain", "export", "init", "plan", "rearm", "release", "sweep"];

/// A command with these flags behind it, if it asks a cloud.
pub fn command<'t>(command: &'t str, flags: &str) -> Cow<'t, str> {
    let name = command.strip_prefix(PROGRAM).and_then(|rest| rest.split(' ').next());
    match name.is_some_and(|name| ASKING.contains(&name)) && !flags.is_empty() {
        true => format!("{command}{flags}").into(),
        false => command.into(),
    }
}

/// A text in which commands stand between backticks, each with these flags.
pub fn text<'t>(text: &'t str, flags: &str) -> Cow<'t, str> {
    if flags.is_empty() || !text.contains(PROGRAM) {
        return text.into();
    }
    in_backticks(text, |part| command(part, flags)).into()
}

/// A text with what stands between backticks changed.
pub fn in_backticks<'t>(text: &'t str, change: impl Fn(&'t str) -> Cow<'t, str>) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(at, part)| if at % 2 == 1 { change(part) } else { part.into() });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_ours_ask_the_same_cloud() {
        const FLAGS: &str = " --cloud simulated --world 'my world.json'";
        let cases = [
            ("run `egress-reconciler rearm`, or wait", "run `egress-reconciler rearm{}`, or wait"),
            ("`a` or `egress-reconciler plan --project p`", "`a` or `egress-reconciler plan --project p{}`"),
            ("`egress-reconciler policy check p`", "`egress-reconciler policy check p`"),
            ("set `firewall.rearm: at-once`", "set `firewall.rearm: at-once`"),
            ("egress-reconciler plan shows it", "egress-reconciler plan shows it"),
        ];
        for (before, after) in cases {
            assert_eq!(text(before, FLAGS), after.replace("{}", FLAGS));
            assert_eq!(text(before, ""), before);
        }
    }
}
