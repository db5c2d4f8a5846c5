//! The built program's simulated Google, in a process of its own.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// How long things take there, in seconds, before `SIM_TIMES` multiplies them.
const TIMES: [(&str, u64); 4] =
    [("--connector-seconds", 1), ("--operation-seconds", 1), ("--settle-seconds", 2), ("--lag-seconds", 5)];

/// By how much everything takes longer: 0 where it takes no time at all, 1 if it is not set.
pub fn factor() -> u64 {
    env::var("SIM_TIMES").map_or(1, |text| text.parse().expect("SIM_TIMES is a whole number, such as 0, 1 or 3"))
}

/// After so many seconds everything that was begun has ended and can be read.
pub fn settled_after() -> u64 {
    TIMES.iter().map(|(_, seconds)| seconds * factor()).sum::<u64>() + 1
}

pub struct Google {
    process: Child,
    pub address: String,
    /// The variables that `simulate` tells people to set.
    pub exports: Vec<(String, String)>,
}

impl Google {
    pub fn start(more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"))
            .args(["simulate", "--listen", "127.0.0.1:0"])
            .args(TIMES.iter().flat_map(|(flag, seconds)| [(*flag).to_owned(), (seconds * factor()).to_string()]))
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

    /// Moves the simulated clock to where everything that has been begun has ended and can be read. How fast a client is
    /// then makes no difference.
    pub fn settle(&self) {
        let body = format!("{{\"seconds\":{}}}", settled_after());
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let head =
            "POST /sim/advance HTTP/1.1\r\nhost: simulated\r\nconnection: close\r\ncontent-type: application/json";
        write!(connection, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
