//! A path from a workload to where it may go, a line a hop.

use super::{
    draw::{Line, Look, style},
    view::Tone,
};
use crate::domain::{
    explain::{Decision, Hop, HopState, Path},
    target::Target,
};

/// Under a hop's text.
const UNDER: usize = 13;
const BEHIND_THE_KIND: usize = 22;
/// What rules match is aligned up to this; one rule may match a hundred ranges.
const WIDEST: usize = 40;

pub fn draw(path: &Path, target: &Target, look: Look<'_>) -> String {
    let heading = Line::title(&format!("{} ({} {})", path.workload, target.project, target.region));
    let hops = path.hops.iter().flat_map(hop);
    std::iter::once(heading).chain(hops).map(|line| line.draw(look)).collect()
}

fn hop(hop: &Hop) -> Vec<Line> {
    let (word, tone) = mark(hop.state);
    let what = if hop.name.is_empty() { hop.text.clone() } else { format!("{}: {}", hop.name, hop.text) };
    let mut lines = vec![Line {
        indent: 2,
        head: format!("{word:<9}"),
        style: style(tone),
        text: format!("{:<11}{what}", hop.kind.word()),
        hang: BEHIND_THE_KIND,
    }];
    lines.extend(hop.notes.iter().map(|note| Line { hang: UNDER + 2, ..Line::at(UNDER, note.as_str()) }));
    let widest = hop.rules.iter().map(|rule| rule.what.chars().count()).max().unwrap_or_default().min(WIDEST);
    lines.extend(hop.rules.iter().map(|rule| decision(rule, widest)));
    lines
}

fn decision(decision: &Decision, widest: usize) -> Line {
    let tone = if decision.verdict == "allow" { Tone::Good } else { Tone::Careful };
    Line {
        indent: UNDER,
        head: format!("{:>6}  {:<5}", decision.order, decision.verdict),
        style: style(tone),
        text: format!("  {:<widest$}  {} ({})", decision.what, decision.rule, decision.whose),
        hang: UNDER + 15,
    }
}

fn mark(state: HopState) -> (&'static str, Tone) {
    match state {
        HopState::Ok => ("ok", Tone::Good),
        HopState::NotNeeded => ("-", Tone::Quiet),
        HopState::Disarmed => ("disarmed", Tone::Bad),
        HopState::Waiting => ("waiting", Tone::Careful),
        HopState::Unknown => ("unknown", Tone::Careful),
        HopState::Missing => ("missing", Tone::Careful),
        HopState::Broken => ("broken", Tone::Bad),
    }
}
