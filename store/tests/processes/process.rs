//! The parent's side of a member's process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::member::MARK;

/// A member answers within its own patience, and a little.
const LONGEST: Duration = Duration::from_secs(60);

/// Questions without an answer yet; `None`: there will be none.
type Waiting = Arc<Mutex<Option<HashMap<u64, mpsc::Sender<String>>>>>;

/// A member that runs.
pub(crate) struct Process {
    child: Mutex<Child>,
    input: Mutex<ChildStdin>,
    waiting: Waiting,
    asked: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// Starts this binary as a member, through `prefix` (say, in a namespace). An error is why the store did not open.
    pub(crate) fn start(prefix: &[String], variables: &[(String, String)]) -> Result<Process, String> {
        let ourselves = std::env::current_exe().expect("we run from a file");
        let mut words = prefix.iter().map(Into::into).chain([ourselves.into_os_string()]);
        let mut child = Command::new(words.next().expect("there is a program"))
            .args(words)
            .args(["--exact", "member", "--ignored", "--nocapture"])
            .envs(variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process can be started");
        let input = Mutex::new(child.stdin.take().expect("it is piped"));
        let output = child.stdout.take().expect("it is piped");
        let (opened, opening) = mpsc::channel();
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::from([(0, opened)]))));
        let hears = waiting.clone();
        std::thread::spawn(move || hear(output, &hears));
        let process = Process { child: Mutex::new(child), input, waiting, asked: AtomicU64::new(1) };
        match opening.recv_timeout(LONGEST) {
            Ok(answer) if answer == "ok" => Ok(process),
            Ok(refused) => Err(refused),
            Err(_) => Err("it died".to_owned()),
        }
    }

    /// The answer, `ok …` or `error …`; `None`: the process has died.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        let id = self.asked.fetch_add(1, Ordering::Relaxed);
        let (said, answer) = mpsc::channel();
        lock(&self.waiting).as_mut()?.insert(id, said);
        writeln!(lock(&self.input), "{id} {question}").ok()?;
        match answer.recv_timeout(LONGEST) {
            Ok(answer) => Some(answer),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no answer to {question}"),
        }
    }

    /// What follows `ok`, which must be the answer.
    pub(crate) fn expect(&self, question: &str) -> String {
        let answer = self.ask(question).unwrap_or_else(|| panic!("{question}: the member has died"));
        let text = answer.strip_prefix("ok").unwrap_or_else(|| panic!("{question}: {answer}"));
        text.trim_start().to_owned()
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        let mut child = lock(&self.child);
        child.kill().expect("SIGKILL is not refused");
        child.wait().expect("it is our child");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            let status = lock(&self.child).try_wait().expect("it is our child");
            if status.is_some() || Instant::now() > deadline {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Hands answers to those who wait, until the process ends.
fn hear(output: ChildStdout, waiting: &Waiting) {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    for answer in lines.filter_map(|line| line.split_once(MARK).map(|(_, answer)| answer.to_owned())) {
        let (id, text) = answer.split_once(' ').expect("answers are numbered");
        let waits = lock(waiting).as_mut().and_then(|waiting| waiting.remove(&id.parse().expect("by numbers")));
        // Whoever asked may have given up.
        waits.into_iter().for_each(|waits| drop(waits.send(text.to_owned())));
    }
    *lock(waiting) = None;
}
