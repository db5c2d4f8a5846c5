//! What is in `deploy/`: kept files are current, and its ways to install say the same.

use std::path::{Path, PathBuf};

mod kept;

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}
