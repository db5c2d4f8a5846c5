//! What was measured, for machines and for people.

use serde_json::json;

/// One measured thing. Units are in the unit's text.
#[derive(Clone, Copy)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    pub value: f64,
    /// The same of the bare handler.
    pub bare: Option<f64>,
    pub target: Option<Target>,
}

#[derive(Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// At most so much more than the bare handler.
    AboveBare(f64),
}

impl Figure {
    fn is_met(&self) -> Option<bool> {
        Some(match self.target? {
            Target::AtMost(limit) => self.value <= limit,
            Target::AtLeast(limit) => self.value >= limit,
            Target::AboveBare(limit) => self.value - self.bare? <= limit,
        })
    }

    fn ratio(&self) -> Option<f64> {
        self.bare.map(|bare| self.value / bare)
    }

    fn asked(&self) -> Option<String> {
        Some(match self.target? {
            Target::AtMost(limit) => format!("at most {limit}"),
            Target::AtLeast(limit) => format!("at least {limit}"),
            Target::AboveBare(limit) => format!("at most {limit} above bare"),
        })
    }

    /// One line: numbers to two digits, null where there is nothing to tell.
    pub fn json(&self) -> String {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        json!({
            "figure": self.name,
            "unit": self.unit,
            "value": round(self.value),
            "bare": self.bare.map(round),
            "ratio": self.ratio().map(round),
            "target": self.asked(),
            "met": self.is_met(),
        })
        .to_string()
    }
}

/// Columns for a person.
pub fn table(figures: &[Figure]) -> String {
    const HEAD: [&str; 7] = ["figure", "ours", "bare axum", "ratio", "unit", "target", ""];
    let shown = |value: f64| if value < 1000.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(figures.iter().map(|figure| {
        [
            figure.name.to_owned(),
            shown(figure.value),
            figure.bare.map(shown).unwrap_or_default(),
            figure.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            figure.unit.to_owned(),
            figure.asked().unwrap_or_default(),
            figure.is_met().map_or("", |met| if met { "met" } else { "not met" }).to_owned(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
