//! Asks the user whether a stage may run (dvc: `prompt.py` `confirm`).

use std::io::{BufRead, IsTerminal, stdin, stdout};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::print;

/// How often it is looked whether the run was told to stop.
const TICK: Duration = Duration::from_millis(50);

/// Asks until the answer is yes or no. Without a terminal, at the end of the input, or once the
/// run was told to stop, the answer is no.
pub fn ask(question: &str, stopped: &dyn Fn() -> bool) -> bool {
    if !stdout().is_terminal() {
        return false;
    }
    loop {
        print(&format!("{question} [y/n] "), false);
        let Some(answer) = line(stopped) else { return false };
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return true,
            "n" | "no" => return false,
            _ => print("Your response must be one of: ['yes', 'no', 'y', 'n']. Please try again.\n", false),
        }
    }
}

/// A line of the input. It is read on a thread of its own, since a signal does not end the
/// reading; that thread is left behind when nobody waits for it any more.
fn line(stopped: &dyn Fn() -> bool) -> Option<String> {
    let (sender, receiver) = channel();
    let reader = std::thread::Builder::new().name("answer".to_owned()).spawn(move || {
        let mut answer = String::new();
        let read = stdin().lock().read_line(&mut answer);
        sender.send(Some(answer).filter(|_| read.is_ok_and(|size| size > 0))).ok();
    });
    reader.ok()?;
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(None) => {
                // What is printed next must not stand behind the question.
                print("\n", false);
                return None;
            }
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) if !stopped() => {}
            Err(_) => return None,
        }
    }
}
