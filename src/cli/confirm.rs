//! Asks the user whether a stage may run (dvc: `prompt.py` `confirm`).

use std::io::{BufRead, IsTerminal, stdin, stdout};

use super::print;

/// Asks until the answer is yes or no. Without a terminal, or at the end of the input, the
/// answer is no.
pub fn ask(question: &str) -> bool {
    if !stdout().is_terminal() {
        return false;
    }
    loop {
        print(&format!("{question} [y/n]: "), false);
        let mut answer = String::new();
        match stdin().lock().read_line(&mut answer) {
            Ok(0) | Err(_) => return false,
            Ok(_) => match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => return true,
                "n" | "no" => return false,
                _ => print("Your response must be one of: y, n, yes, no. Please try again.\n", false),
            },
        }
    }
}
