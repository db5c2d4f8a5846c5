//! From a view to lines. A line is wrapped between words, on a terminal that is wide enough; elsewhere it is left whole, so
//! that it can be searched for and cut by other programs.

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::{
    super::hints,
    view::{Egress, Entry, Row, Tone, View},
};

/// How text for a person looks.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The column at which lines are wrapped; `None` = they are not.
    pub width: Option<u16>,
    pub colour: bool,
    /// What commands of ours in the text must repeat, so that they ask the same cloud.
    pub flags: &'a str,
}

impl<'a> Look<'a> {
    /// What is written to a file or to another program.
    pub const PLAIN: Self = Self { width: None, colour: false, flags: "" };
    /// Narrower than this, names would stand alone on their lines and reasons in columns of one word.
    const NARROWEST: u16 = 80;
    /// Longer lines are hard to read.
    const WIDEST: u16 = 120;

    /// On a terminal of so many columns; 0 where it does not know.
    pub fn terminal(columns: u16, colour: bool) -> Self {
        Self { width: (columns >= Self::NARROWEST).then(|| columns.min(Self::WIDEST)), colour, ..Self::PLAIN }
    }

    /// The same with the flags of a session.
    pub fn with(self, flags: &'a str) -> Self {
        Self { flags, ..self }
    }
}

/// One line: a head that stands out, and the text after it. What is wrapped continues at `hang`.
pub(super) struct Line {
    pub indent: usize,
    pub head: String,
    pub style: Style,
    pub text: String,
    pub hang: usize,
}

impl Line {
    pub fn title(text: &str) -> Self {
        Self { indent: 0, head: text.to_owned(), style: Style::new().bold(), text: String::new(), hang: 2 }
    }

    pub fn at(indent: usize, text: impl Into<String>) -> Self {
        Self { indent, head: String::new(), style: Style::new(), text: text.into(), hang: indent + 2 }
    }

    pub fn draw(&self, look: Look<'_>) -> String {
        let head = plain(&self.head);
        let whole = format!("{}{head}{}", " ".repeat(self.indent), plain(&hints::text(&self.text, look.flags)));
        let hang = " ".repeat(self.hang);
        let text = match look.width {
            Some(width) => {
                let glued = glued(whole.trim_end());
                let lines = textwrap::wrap(&glued, wrapping(width).subsequent_indent(&hang));
                lines.join("\n").replace(GLUE, " ") + "\n"
            }
            None => whole.trim_end().to_owned() + "\n",
        };
        match text.find(&head) {
            Some(at) if look.colour && !head.is_empty() && self.style != Style::new() => {
                let (before, after) = (&text[..at], &text[at + head.len()..]);
                format!("{before}{}{head}{}{after}", self.style.render(), self.style.render_reset())
            }
            _ => text,
        }
    }
}

/// Stands for a space that no line ends at. No text of ours or Google's names has this character of the private use area.
const GLUE: char = '\u{e000}';

/// Commands, between backticks, in one piece: half of one that is pasted may do what the whole would not.
fn glued(text: &str) -> String {
    hints::in_backticks(text, |part| part.replace(' ', &GLUE.to_string()).into())
}

/// Between words alone: half a name cannot be searched for, and half a range is another range.
fn wrapping(width: u16) -> Options<'static> {
    Options::new(width.into())
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
}

pub fn draw(view: &View, look: Look<'_>) -> String {
    let mut lines = vec![Line::title(&view.heading)];
    for row in &view.rows {
        lines.extend(step(row));
    }
    lines.extend(view.held.iter().map(|text| Line::at(2, text.as_str())));
    for (title, entries) in view.lists.iter().filter(|(_, entries)| !entries.is_empty()) {
        lines.push(Line::title(title));
        lines.extend(entries.iter().flat_map(entry));
    }
    if !view.egress.is_empty() {
        lines.push(Line::title("egress"));
        lines.extend(view.egress.iter().map(egress));
    }
    lines.push(Line::title(&view.summary));
    lines.iter().map(|line| line.draw(look)).collect()
}

/// Text without control characters: Google's words may quote a stranger's, and a terminal obeys them.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn step(row: &Row) -> Vec<Line> {
    /// Under the object's name.
    const UNDER: usize = 8;
    let number = row.number.map_or_else(String::new, |number| number.to_string());
    let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
    let mut lines = vec![Line {
        indent: 0,
        head: format!("{number:>4} {} {}", row.sign, row.verb),
        style: style(row.tone),
        text: format!(" {}{why}", row.what),
        hang: UNDER,
    }];
    let widest = row.attributes.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    lines.extend(row.attributes.iter().map(|(name, value)| Line {
        hang: UNDER + widest + 2,
        ..Line::at(UNDER, format!("{name:<widest$}  {value}"))
    }));
    lines.extend(row.more.iter().map(|text| Line::at(UNDER, text.as_str())));
    lines
}

fn entry(entry: &Entry) -> Vec<Line> {
    let mut lines = vec![Line { hang: 4, ..Line::at(2, format!("{}: {}", entry.object, entry.text)) }];
    if !entry.likewise.is_empty() {
        lines.push(Line { hang: 6, ..Line::at(4, format!("the same for {}", entry.likewise.join(", "))) });
    }
    lines
}

fn egress(egress: &Egress) -> Line {
    Line {
        indent: 2,
        head: format!("{}: {}", egress.path, egress.state),
        style: style(egress.tone),
        text: egress.more.clone(),
        hang: 4,
    }
}

pub(super) fn style(tone: Tone) -> Style {
    let colour = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Careful => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
        Tone::Quiet => AnsiColor::BrightBlack,
    };
    colour.on_default()
}
