//! What was measured, for machines and for people.

use serde_json::json;

/// One measured thing. Units are in the unit's text.
#[derive(Clone, Copy)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    pub value: f64,
    /// The same of what it is measured beside.
    pub beside: Option<f64>,
    pub target: Option<Target>,
}

#[derive(Clone, Copy)]
#[allow(dead_code, reason = "each bench has targets of its own kind")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// At most so much more than what it is measured beside.
    Above(f64),
    /// So many times faster: of what it is measured beside, the value is this fraction at most.
    Times(f64),
}

impl Figure {
    fn is_met(&self) -> Option<bool> {
        Some(match self.target? {
            Target::AtMost(limit) => self.value <= limit,
            Target::AtLeast(limit) => self.value >= limit,
            Target::Above(limit) => self.value - self.beside? <= limit,
            Target::Times(limit) => self.beside? >= limit * self.value,
        })
    }

    /// To what it is measured beside; where it is to be faster than that, by how many times it is.
    fn ratio(&self) -> Option<f64> {
        let beside = self.beside?;
        Some(if matches!(self.target, Some(Target::Times(_))) { beside / self.value } else { self.value / beside })
    }

    fn asked(&self) -> Option<String> {
        Some(match self.target? {
            Target::AtMost(limit) => format!("at most {limit}"),
            Target::AtLeast(limit) => format!("at least {limit}"),
            Target::Above(limit) => format!("at most {limit} more"),
            Target::Times(limit) => format!("{limit} times faster"),
        })
    }

    /// One line: numbers to two digits, null where there is nothing to tell. `beside` = what it is measured beside.
    fn json(&self, beside: &str) -> String {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        json!({
            "figure": self.name,
            "unit": self.unit,
            "value": round(self.value),
            beside: self.beside.map(round),
            "ratio": self.ratio().map(round),
            "target": self.asked(),
            "met": self.is_met(),
        })
        .to_string()
    }
}

/// Prints a line of JSON for each, then a table.
pub fn print(figures: &[Figure], beside: &str) {
    for figure in figures {
        println!("{}", figure.json(beside));
    }
    println!("\n{}", table(figures, beside));
}

/// Columns for a person.
fn table(figures: &[Figure], beside: &str) -> String {
    let head = ["figure", "ours", beside, "ratio", "unit", "target", ""];
    let shown = |value: f64| if value < 1000.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(figures.iter().map(|figure| {
        [
            figure.name.to_owned(),
            shown(figure.value),
            figure.beside.map(shown).unwrap_or_default(),
            figure.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            figure.unit.to_owned(),
            figure.asked().unwrap_or_default(),
            figure.is_met().map_or("", |met| if met { "met" } else { "not met" }).to_owned(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
