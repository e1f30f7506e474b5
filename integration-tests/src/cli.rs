//! The product's own CLI, kubectl and other clients, as people run them: a kubeconfig, arguments, an exit code.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A client program with a kubeconfig.
#[derive(Clone, Debug)]
pub struct Client {
    program: PathBuf,
    kubeconfig: PathBuf,
    environment: Vec<(String, String)>,
}

/// The longest that any command may take; it is ended then.
const PATIENCE: &str = "300";

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
        Client { program: program.to_owned(), kubeconfig: kubeconfig.to_owned(), environment: Vec::new() }
    }

    /// The same with a variable in its environment.
    pub fn with(mut self, variable: &str, value: &str) -> Client {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// The kubeconfig it uses.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs to the end, whatever comes of it.
    pub fn ask(&self, arguments: &[&str]) -> Result<Answer> {
        self.ask_with_input(arguments, "")
    }

    /// The same, with standard input.
    pub fn ask_with_input(&self, arguments: &[&str], input: &str) -> Result<Answer> {
        let mut child = self.start(arguments, Stdio::piped())?;
        let mut pipe = child.stdin.take().context("a pipe was asked for")?;
        let written = pipe.write_all(input.as_bytes());
        // Who ends without reading all of it says why.
        written.or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })?;
        drop(pipe);
        let output = child.wait_with_output().context("wait for its end")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            output: text(&output.stdout),
            errors: text(&output.stderr),
        })
    }

    /// Starts it, with pipes; what it complains of goes to `errors`.
    fn start(&self, arguments: &[&str], errors: Stdio) -> Result<Child> {
        Command::new("timeout")
            .args(["--kill-after=5", PATIENCE])
            .arg(&self.program)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env_remove("XEBEC_SERVER")
            .env_remove("RUST_BACKTRACE")
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))
    }

    /// Starts what goes on until it is dropped: a watch, a port forwarded.
    pub fn follow(&self, arguments: &[&str]) -> Result<Following> {
        // A pipe that nobody reads would hold it up once it is full.
        let mut child = self.start(arguments, Stdio::inherit())?;
        let output = child.stdout.take().context("a pipe was asked for")?;
        Ok(Following { lines: BufReader::new(output), child })
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

/// A command that goes on; it is ended when dropped.
pub struct Following {
    lines: BufReader<ChildStdout>,
    child: Child,
}

impl Following {
    /// The next line that holds `words`; an error when its output ends before.
    pub fn line_with(&mut self, words: &str) -> Result<String> {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).context("read its output")? == 0 {
                bail!("it ended without {words:?}: {seen}");
            }
            if line.contains(words) {
                return Ok(line);
            }
            seen.push_str(&line);
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // `timeout` hands the signal on, so the program ends with it.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("Linux pids fit in an i32"));
        let told = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        if told.is_ok() && self.child.wait().is_err() {
            eprintln!("a command could not be waited for");
        }
    }
}
