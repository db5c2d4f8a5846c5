//! A path from a workload to where it may go, a line a hop.

use comfy_table::Cell;

use super::{
    draw::{Look, colour, line, list, plain},
    view::Tone,
};
use crate::domain::{
    explain::{Decision, Hop, HopState, Path},
    target::Target,
};

pub fn draw(path: &Path, target: &Target, look: Look) -> String {
    let mut text = line(&format!("{} ({} {})", path.workload, target.project, target.region), look);
    for hop in &path.hops {
        text += &list([head(hop)], look);
        if !hop.notes.is_empty() {
            text += &list(hop.notes.iter().map(|note| [Cell::new("           "), Cell::new(plain(note))]), look);
        }
        if !hop.rules.is_empty() {
            text += &list(hop.rules.iter().map(decision), look);
        }
    }
    text
}

fn head(hop: &Hop) -> [Cell; 3] {
    let (word, tone) = mark(hop.state);
    let what = if hop.name.is_empty() { hop.text.clone() } else { format!("{}: {}", hop.name, hop.text) };
    [
        Cell::new(format!("  {word:<7}")).fg(colour(tone)),
        Cell::new(format!("{:<9}", hop.kind.word())),
        Cell::new(plain(&what)),
    ]
}

fn decision(decision: &Decision) -> [Cell; 4] {
    let tone = if decision.verdict == "allow" { Tone::Good } else { Tone::Careful };
    [
        Cell::new(format!("           {:>6}", decision.order)),
        Cell::new(decision.verdict).fg(colour(tone)),
        Cell::new(plain(&decision.what)),
        Cell::new(plain(&format!("{} ({})", decision.rule, decision.whose))),
    ]
}

fn mark(state: HopState) -> (&'static str, Tone) {
    match state {
        HopState::Ok => ("ok", Tone::Good),
        HopState::NotNeeded => ("-", Tone::Quiet),
        HopState::Waiting => ("waiting", Tone::Careful),
        HopState::Unknown => ("unknown", Tone::Careful),
        HopState::Missing => ("missing", Tone::Careful),
        HopState::Broken => ("broken", Tone::Bad),
    }
}
