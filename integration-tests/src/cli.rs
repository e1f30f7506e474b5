//! The product's own CLI, and kubectl, as people run them: a kubeconfig, arguments, an exit code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A client program with a kubeconfig.
#[derive(Clone, Debug)]
pub struct Client {
    program: PathBuf,
    kubeconfig: PathBuf,
}

/// What came of one command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Client {
    /// `program` speaking as the user of `kubeconfig`.
    pub fn new(program: &Path, kubeconfig: &Path) -> Client {
        Client { program: program.to_owned(), kubeconfig: kubeconfig.to_owned() }
    }

    /// The kubeconfig it uses.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl with the same identity, if there is one on the PATH.
    pub fn kubectl(&self) -> Option<Client> {
        crate::command::is_installed("kubectl").then(|| Client::new(Path::new("kubectl"), &self.kubeconfig))
    }

    /// Runs to the end, whatever comes of it.
    pub fn ask(&self, arguments: &[&str]) -> Result<Answer> {
        self.ask_with_input(arguments, "")
    }

    /// The same, with standard input.
    pub fn ask_with_input(&self, arguments: &[&str], input: &str) -> Result<Answer> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env_remove("XEBEC_SERVER")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))?;
        let mut pipe = child.stdin.take().context("a pipe was asked for")?;
        pipe.write_all(input.as_bytes()).context("hand over the input")?;
        drop(pipe);
        let output = child.wait_with_output().context("wait for its end")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            output: text(&output.stdout),
            errors: text(&output.stderr),
        })
    }

    /// Runs to the end and returns its output; an exit code but 0 is an error.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        self.accept(arguments, self.ask(arguments)?)
    }

    /// The same, with standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        self.accept(arguments, self.ask_with_input(arguments, input)?)
    }

    /// The output of `get … -o json`.
    pub fn get(&self, arguments: &[&str]) -> Result<Value> {
        let words = [&["get"], arguments, &["-o", "json"]].concat();
        let output = self.run(&words)?;
        serde_json::from_str(&output).with_context(|| format!("`{}` printed no JSON", words.join(" ")))
    }

    /// The objects of a list.
    pub fn list(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let list = self.get(arguments)?;
        list["items"].as_array().cloned().context("a list has items")
    }

    fn accept(&self, arguments: &[&str], answer: Answer) -> Result<String> {
        if answer.code != 0 {
            let program = self.program.file_name().unwrap_or_default().to_string_lossy();
            bail!("`{program} {}` ended with {}: {}", arguments.join(" "), answer.code, answer.errors.trim());
        }
        Ok(answer.output)
    }
}
