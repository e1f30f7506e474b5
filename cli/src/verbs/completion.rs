//! `xebec completion`: a script for the shell.

use anyhow::Result;
use clap::CommandFactory;

use crate::args::{Arguments, CompletionArguments};
use crate::print;

/// Runs it.
pub(crate) fn run(arguments: &CompletionArguments) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "xebec", &mut script);
    print::raw(&script)
}
