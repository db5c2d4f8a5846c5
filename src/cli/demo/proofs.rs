//! What the demo claims, and whether it held.

use super::stage::Stage;

#[derive(Default)]
pub struct Proofs(Vec<(&'static str, bool)>);

impl Proofs {
    pub fn check(&mut self, claim: &'static str, holds: bool) {
        self.0.push((claim, holds));
    }

    /// Every claim was reached, and held.
    pub fn all_hold(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(_, holds)| *holds)
    }

    pub fn summary(&self, stage: &Stage) -> String {
        let mut text = String::from("\nWhat this showed\n");
        for (claim, holds) in &self.0 {
            text += &format!("   {}  {claim}\n", if *holds { "passed" } else { "FAILED" });
        }
        let (reads, writes) = stage.calls(0);
        let polls =
            reads.iter().filter(|call| call.ends_with("Operations.wait") || call.ends_with("Operations.get")).count();
        text + &format!(
            "\n   {} runs, {} reports published, {} writes, {} reads ({polls} of operations) in {:.1} s\n",
            stage.reports,
            stage.published(),
            writes.len(),
            reads.len(),
            stage.begun.elapsed().as_secs_f64()
        )
    }
}
