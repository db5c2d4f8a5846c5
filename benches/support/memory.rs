//! Memory of another process.

use std::{fs, io};

/// MiB of what a field of a process's status counts in kB, such as `VmRSS`: <https://docs.kernel.org/filesystems/proc.html>.
pub fn mib(process: u32, field: &str) -> io::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::other(format!("the kernel tells no {field}")))
}
