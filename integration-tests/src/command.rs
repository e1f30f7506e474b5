//! Running a program to its end, with its name, its arguments and its own words in the error.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `program` and returns its standard output; any exit code but 0 is an error that quotes what it said.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<String> {
    let output = output(program, arguments)?;
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", line(program, arguments), output.status, said(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `program` and returns whatever came of it.
pub fn output<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<Output> {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().with_context(|| {
        format!("`{program}` could not be started; is it installed? `cargo xtask setup` installs what is needed")
    })
}

/// A command line given as words in one string: for fixed commands without spaces in their arguments.
pub fn words(line: &str) -> Result<String> {
    let mut words = line.split_ascii_whitespace();
    let program = words.next().context("an empty command line")?;
    run(program, &words.collect::<Vec<_>>())
}

/// Whether a program of this name is on the PATH.
pub fn is_installed(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

fn line<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> String {
    let words = arguments.iter().map(|word| word.as_ref().to_string_lossy().into_owned());
    std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn said(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if error.is_empty() { String::from_utf8_lossy(&output.stdout).trim().to_owned() } else { error }
}
