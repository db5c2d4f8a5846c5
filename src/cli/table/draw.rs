//! From a view to text.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::view::{Egress, Row, Tone, View};
use crate::domain::plan::Note;

/// How tables look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns; what is longer is wrapped.
    pub width: u16,
    pub colour: bool,
}

impl Look {
    /// The widest that is easy to read, and what a reader without a width gets.
    pub const WIDEST: u16 = 100;
}

pub fn draw(view: &View<'_>, look: Look) -> String {
    let mut text = line(&view.heading, look);
    if !view.rows.is_empty() {
        text += &steps(&view.rows, look);
    }
    for (title, notes) in view.lists.iter().filter(|(_, notes)| !notes.is_empty()) {
        text += &line(title, look);
        text += &list(notes.iter().map(note), look);
    }
    if !view.egress.is_empty() {
        text += &line("egress", look);
        text += &list(view.egress.iter().map(egress), look);
    }
    text + &line(&view.summary, look)
}

/// Text without control characters: Google's words may quote a stranger's, and a terminal obeys them.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn steps(rows: &[Row], look: Look) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["#", "do", "what", "why"].map(bold));
    for row in rows {
        let number = row.number.map_or_else(String::new, |number| number.to_string());
        let why: Vec<_> = row.why.iter().map(|line| plain(line)).collect();
        table.add_row([
            Cell::new(number).set_alignment(CellAlignment::Right),
            Cell::new(&row.verb).fg(colour(row.tone)),
            Cell::new(plain(&row.what)),
            Cell::new(why.join("\n")),
        ]);
    }
    // A name is never broken: half of one cannot be searched for.
    let longest = rows.iter().flat_map(|row| row.what.split(' ')).map(|word| word.chars().count()).max();
    if let (Some(column), Some(longest)) = (table.column_mut(2), longest) {
        let width = u16::try_from(longest + 2).unwrap_or(u16::MAX).min(look.width / 2);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
    finished(table, look)
}

fn note(note: &Note) -> [Cell; 2] {
    // Most sentences name who or what is behind it themselves.
    let by = note.by.as_ref().filter(|by| !note.text.contains(by.as_str()));
    let by = by.map_or_else(String::new, |by| format!(" (by {by})"));
    [Cell::new(format!("  {}", plain(&note.object))), Cell::new(plain(&format!("{}{by}", note.text)))]
}

fn egress(egress: &Egress) -> [Cell; 2] {
    [Cell::new(format!("  {}", plain(&egress.path))), Cell::new(plain(&egress.state)).fg(colour(egress.tone))]
}

pub(super) fn line(text: &str, look: Look) -> String {
    list([[bold(text)]], look)
}

fn bold(text: &str) -> Cell {
    Cell::new(plain(text)).add_attribute(Attribute::Bold)
}

/// Rows without borders.
pub(super) fn list<const COLUMNS: usize>(rows: impl IntoIterator<Item = [Cell; COLUMNS]>, look: Look) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    finished(table, look)
}

fn finished(mut table: Table, look: Look) -> String {
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(look.width);
    if look.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    format!("{}\n", table.trim_fmt())
}

pub(super) fn colour(tone: Tone) -> Color {
    match tone {
        Tone::Good => Color::Green,
        Tone::Careful => Color::Yellow,
        Tone::Bad => Color::Red,
        Tone::Quiet => Color::DarkGrey,
    }
}
