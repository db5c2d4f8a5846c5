//! The built program's simulated Google, in a process of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub struct Google {
    process: Child,
    pub address: String,
    /// The variables that `simulate` tells people to set.
    pub exports: Vec<(String, String)>,
}

impl Google {
    pub fn start(more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"))
            .args(["simulate", "--listen", "127.0.0.1:0", "--connector-seconds", "1"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut exports = Vec::new();
        for line in lines {
            let Some((name, value)) = line.strip_prefix("export ").and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            exports.push((name.to_owned(), value.to_owned()));
            // The last of them: what follows would be waited for in vain.
            if name == "http_proxy" {
                break;
            }
        }
        let address = exports.iter().find(|(name, _)| name == "PUBSUB_EMULATOR_HOST").unwrap().1.clone();
        Self { process, address, exports }
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
