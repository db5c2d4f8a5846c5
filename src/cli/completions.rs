//! `completions` and `man`: what a shell and `man` are told of the commands.

use std::{io, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{
    Cli,
    exit::{Exit, Failure},
    print,
};

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "For bash: egress-reconciler completions bash > /etc/bash_completion.d/egress-reconciler")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Write the manual pages, one for each command, to a folder
#[derive(Debug, Args)]
pub struct Man {
    /// The folder, which must exist
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Completions {
    pub fn run(self) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "egress-reconciler", &mut text);
        print::out(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Done)
    }
}

impl Man {
    pub fn run(self) -> Result<Exit, Failure> {
        let told = |error: io::Error| format!("cannot write to {}: {error}", self.folder.display());
        clap_mangen::generate_to(Cli::command(), &self.folder).map_err(told)?;
        Ok(Exit::Done)
    }
}
